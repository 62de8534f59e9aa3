"""Persons on a real PostgreSQL: one number, one person, whatever his account."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from iam.journal.model import Context, Head, HeadKind
from iam.journal.queries import of_head
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.clock import belgian_day
from iam.kernel.identity import Identity
from iam.kernel.language import Language
from iam.kernel.ssin import FingerprintKeys, Ssin
from iam.people import events as e
from iam.people import keys, queries, sessions
from iam.people.events import TYPES
from iam.people.model import RebindCause
from iam.people.recognise import NumberTaken, expect, recognise, replace_number
from iam.people.tables import PeoplePerson
from iam.people.views import fingerprint_view, person_view
from iam.storage.tables import core

pytestmark = pytest.mark.anyio

KEYS = FingerprintKeys("1", b"k" * 32)
ROTATED = FingerprintKeys("2", b"l" * 32, "1", b"k" * 32)
KARIM, LUC, KARIM_BIS = "71000000333", "58000000549", "84000000612"
LIMITS = sessions.Limits(idle=timedelta(minutes=30), longest=timedelta(hours=8))


def fingerprints(clock, ssin, keys=KEYS):
    return keys.of(Ssin(ssin, belgian_day(clock())))


def identity(clock, ssin=KARIM, subject="sub-karim", **changes):
    base = Identity(
        issuer="https://kc.test/realms/monespace",
        subject=subject,
        session_id="sid-1",
        fingerprints=() if ssin is None else fingerprints(clock, ssin),
        given_name="Karim",
        family_name="Benali",
        language=Language.FR,
        assurance=Assurance(Level.ITSME, clock()),
    )
    return replace(base, **changes)


def context(clock):
    return Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=clock())


async def logged_in(db, clock, **changes):
    async with db.write() as conn:
        return await recognise(conn, identity(clock, **changes), clock)


async def events_of(db, person):
    async with db.read() as conn:
        return [TYPES.decode(entry) for entry in await of_head(conn, Head(HeadKind.PERSON, person))]


async def kinds(db, person):
    return [type(event) for event in await events_of(db, person)]


async def count(db):
    async with db.read() as conn:
        return (await conn.execute(text("SELECT count(*) FROM people_person"))).scalar_one()


async def test_a_first_login_makes_a_person_who_is_found_again(db, clock):
    first = await logged_in(db, clock)
    clock.advance(hours=1)
    second = await logged_in(db, clock)

    assert first == second
    assert await kinds(db, first) == [e.PersonRecognised, e.IdentityLinked, e.PersonRenamed]
    async with db.read() as conn:
        person = await queries.person(conn, first)
    assert (person.given_name, person.family_name, person.language) == ("Karim", "Benali", Language.FR)
    assert person.revision == 1
    assert person.id.version == 4


async def test_inv_66_the_entry_says_who_and_how_surely(db, clock):
    person = await logged_in(db, clock)
    async with db.read() as conn:
        [entry, *_] = await of_head(conn, Head(HeadKind.PERSON, person))
    assert (entry.actor_person, entry.level, entry.authenticated_at) == (person, 450, clock())


async def test_somebody_named_by_number_is_found_by_his_first_login(db, clock):
    async with db.write() as conn:
        expected = await expect(conn, fingerprints(clock, KARIM), Language.DE, context(clock))
        again = await expect(conn, fingerprints(clock, KARIM), Language.FR, context(clock))
    person = await logged_in(db, clock)

    assert expected == again == person
    assert await kinds(db, person) == [
        e.PersonExpected,
        e.IdentityLinked,
        e.PersonRecognised,
        e.PersonRenamed,
    ]
    assert [
        event.expected for event in await events_of(db, person) if isinstance(event, e.PersonRecognised)
    ] == [True]
    async with db.read() as conn:
        assert (await queries.person(conn, person)).language is Language.DE


async def test_a_new_itsme_account_with_the_same_number_keeps_the_person(db, clock):
    person = await logged_in(db, clock)
    clock.advance(days=1)
    again = await logged_in(db, clock, subject="sub-karim-new")

    assert again == person
    rebound = (await events_of(db, person))[-1]
    assert (rebound.cause, rebound.former_person) == (RebindCause.ACCOUNT_CHANGED, None)
    async with db.read() as conn:
        seen = (await conn.execute(select(person_view).where(person_view.c.person_id == person))).one()
    assert seen.keycloak_user == "sub-karim-new"


async def test_a_new_number_on_the_same_account_keeps_the_person_and_the_old_number(db, clock):
    person = await logged_in(db, clock)
    clock.advance(days=1)
    again = await logged_in(db, clock, ssin=KARIM_BIS)

    assert again == person
    assert (await events_of(db, person))[-1].cause is RebindCause.NUMBER_CHANGED
    async with db.read() as conn:
        assert set(await queries.fingerprints(conn, person)) == {
            *fingerprints(clock, KARIM), *fingerprints(clock, KARIM_BIS),
        }  # fmt: skip
    # a register that still says the former number means the same person
    async with db.write() as conn:
        assert await expect(conn, fingerprints(clock, KARIM), None, context(clock)) == person


async def test_the_number_of_another_wins_and_nothing_reaches_the_other(db, clock):
    karim = await logged_in(db, clock)
    luc = await logged_in(db, clock, ssin=LUC, subject="sub-luc")
    async with db.write() as conn:
        cookie = await sessions.start(conn, karim, identity(clock), id_token="t", limits=LIMITS, now=clock())
    clock.advance(minutes=1)

    # Karim's account comes with Luc's number
    found = await logged_in(db, clock, ssin=LUC, subject="sub-karim")

    assert found == luc != karim
    assert (await events_of(db, karim))[-1].KIND == "people.identity.unlinked"
    rebound = (await events_of(db, luc))[-1]
    assert (rebound.cause, rebound.former_person) == (RebindCause.NUMBER_WINS, karim)
    async with db.read() as conn:
        assert await sessions.load(conn, cookie, LIMITS, clock()) is None
        assert list(await queries.fingerprints(conn, karim)) == list(fingerprints(clock, KARIM))
    # and Karim is still Karim, by his number
    assert await logged_in(db, clock, subject="sub-karim-2") == karim


async def test_sec_21_an_account_that_was_replaced_does_not_bring_its_former_person_back(db, clock):
    karim = await logged_in(db, clock)
    await logged_in(db, clock, subject="sub-karim-2")
    assert await logged_in(db, clock, ssin=None) != karim
    assert await logged_in(db, clock, ssin=LUC, subject="sub-karim-3") != karim
    assert await logged_in(db, clock, subject="sub-karim-2") == karim


async def test_without_a_number_only_the_account_is_believed(db, clock):
    person = await logged_in(db, clock)
    assert await logged_in(db, clock, ssin=None) == person
    assert await logged_in(db, clock, ssin=None, subject="sub-unknown") != person


async def test_sec_32_a_login_says_nothing_of_an_address_and_none_links(db, clock):
    """Two persons who would have the same mail and name are two persons."""
    first = await logged_in(db, clock)
    second = await logged_in(db, clock, ssin=LUC, subject="sub-luc")
    assert first != second
    assert "email" not in Identity.__dataclass_fields__


async def test_concurrent_first_logins_make_one_person(db, clock):
    found = await asyncio.gather(*(logged_in(db, clock) for _ in range(8)))
    assert len(set(found)) == 1
    assert await count(db) == 1
    assert len(await kinds(db, found[0])) == 3


async def test_concurrent_logins_with_two_new_accounts_stay_one_person(db, clock):
    person = await logged_in(db, clock)
    found = await asyncio.gather(*(logged_in(db, clock, subject=f"sub-{n % 3}") for n in range(9)))
    assert set(found) == {person}
    async with db.read() as conn:
        current = await conn.execute(text("SELECT count(*) FROM people_identity WHERE until IS NULL"))
        assert current.scalar_one() == 1


async def test_a_login_and_an_expectation_at_once_make_one_person(db, clock):
    async def expected():
        async with db.write() as conn:
            return await expect(conn, fingerprints(clock, KARIM), None, context(clock))

    found = await asyncio.gather(*(f() for f in [expected, lambda: logged_in(db, clock)] * 4))
    assert len(set(found)) == 1
    assert await count(db) == 1


async def test_a_rotated_key_is_remade_at_the_next_login(db, clock):
    person = await logged_in(db, clock)
    async with db.read() as conn:
        assert await keys.hanging(conn, "1", ["2"]) == 1
    both = fingerprints(clock, KARIM, ROTATED)

    assert await logged_in(db, clock, fingerprints=both) == person

    async with db.read() as conn:
        assert await keys.hanging(conn, "1", ["2"]) == 0
        rows = await conn.execute(
            select(fingerprint_view.c.key_id).where(fingerprint_view.c.person_id == person)
        )
        assert {row.key_id for row in rows} == {"1", "2"}
    assert e.IdentityRebound not in await kinds(db, person)
    assert await logged_in(db, clock, fingerprints=both[:1]) == person


async def test_an_authorised_replacement_of_the_number(db, clock):
    person = await logged_in(db, clock)
    other = await logged_in(db, clock, ssin=LUC, subject="sub-luc")
    new = fingerprints(clock, KARIM_BIS)

    async with db.write() as conn:
        await replace_number(conn, person, new, context(clock))
        await replace_number(conn, person, new, context(clock))
    with pytest.raises(NumberTaken):
        async with db.write() as conn:
            await replace_number(conn, other, new, context(clock))

    assert (await kinds(db, person)).count(e.IdentityRebound) == 1
    assert await logged_in(db, clock, ssin=KARIM_BIS) == person


async def test_inv_65_an_undone_login_leaves_nothing(db, clock):
    async def undone():
        async with db.write() as conn:
            await recognise(conn, identity(clock), clock)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await undone()
    assert await count(db) == 0
    async with db.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM journal_entry"))).scalar_one() == 0


async def test_inv_6_no_row_of_people_or_journal_holds_the_number(db, clock):
    await logged_in(db, clock)
    async with db.read() as conn:
        tables = (
            await conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        ).scalars()
        rows = [str((await conn.execute(text(f"SELECT t::text FROM {name} t"))).all()) for name in tables]
    written = "".join(rows)
    assert "sub-karim" in written
    assert KARIM not in written
    assert KARIM.encode().hex() not in written


async def test_the_names_follow_the_last_login(db, clock):
    person = await logged_in(db, clock)
    await logged_in(db, clock, family_name="Benali-Dupont", language=Language.NL)
    async with db.read() as conn:
        row = (await conn.execute(select(core(PeoplePerson)).where(core(PeoplePerson).c.id == person))).one()
    assert (row.family_name, row.language) == ("Benali-Dupont", "fr")
    assert (await events_of(db, person))[-1] == e.PersonRenamed(
        person=person, given_name="Karim", family_name="Benali-Dupont"
    )
