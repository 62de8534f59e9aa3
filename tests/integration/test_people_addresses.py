"""Addresses and single-use links on a real PostgreSQL."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from iam.journal.model import Context, Head, HeadKind
from iam.journal.queries import of_head
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.decision import Refusal
from iam.kernel.ids import EntityId, uuid4
from iam.kernel.language import Language
from iam.kernel.reasons import Reason
from iam.kernel.ssin import Fingerprint
from iam.people import commands, links, queries
from iam.people import events as e
from iam.people.events import TYPES
from iam.people.links import Minter, intent
from iam.people.model import Address, Purpose, confirmed_for
from iam.people.recognise import expect

pytestmark = pytest.mark.anyio

ENTITY = EntityId(uuid4())
INVALID = Refusal(reason=Reason.LINK_INVALID)


def context(clock):
    return Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=clock())


async def somebody(db, clock, digest=b"f"):
    async with db.write() as conn:
        return await expect(conn, [Fingerprint("1", digest * 32)], None, context(clock))


async def claimed(db, clock, person, email="anne@exemple.be", entity=ENTITY):
    async with db.write() as conn:
        return await commands.claim_address(conn, person, email, entity, context(clock))


async def minted(db, clock, person, subject, purpose=Purpose.ADDRESS):
    async with db.write() as conn:
        return await Minter(clock=clock, lifetime=timedelta(hours=72))(conn, intent(purpose, person, subject))


async def verified(db, clock, secret, person):
    async with db.write() as conn:
        return await commands.verify_address(conn, secret, person, context(clock))


async def standing(db, person):
    async with db.read() as conn:
        [found] = await queries.standings(conn, [person])
    return confirmed_for(found.confirmed, ENTITY)


async def test_an_address_is_confirmed_by_the_link_alone(db, clock):
    person = await somebody(db, clock)
    address = await claimed(db, clock, person, " Anne@Exemple.be")
    assert await standing(db, person) == frozenset()

    secret = await minted(db, clock, person, address.id)
    clock.advance(hours=1)
    done = await verified(db, clock, secret, person)

    assert done == Address(id=address.id, email="anne@exemple.be", entity=ENTITY, verified_at=clock())
    assert await standing(db, person) == {"anne@exemple.be"}
    async with db.read() as conn:
        assert await queries.addresses(conn, person) == [done]
        entries = await of_head(conn, Head(HeadKind.PERSON, person))
    assert [type(TYPES.decode(entry)) for entry in entries] == [
        e.PersonExpected,
        e.AddressClaimed,
        e.AddressVerified,
    ]
    assert all("anne@" not in str(entry.data) for entry in entries)


async def test_inv_48_the_secret_is_long_and_only_its_hash_is_kept(db, clock):
    person = await somebody(db, clock)
    secret = await minted(db, clock, person, uuid4())
    assert len(secret) * 6 >= 128
    async with db.read() as conn:
        row = (await conn.execute(text("SELECT t::text FROM people_link t"))).scalar_one()
    assert secret not in row
    assert secret.encode().hex() not in row


async def test_inv_48_a_link_works_once(db, clock):
    person = await somebody(db, clock)
    address = await claimed(db, clock, person)
    secret = await minted(db, clock, person, address.id)
    assert isinstance(await verified(db, clock, secret, person), Address)
    assert await verified(db, clock, secret, person) == INVALID


async def test_sec_22_of_fifty_uses_at_once_one_succeeds(db, clock):
    person = await somebody(db, clock)
    subject = uuid4()
    secret = await minted(db, clock, person, subject)

    async def use():
        async with db.write() as conn:
            return await links.redeem(conn, secret, Purpose.ADDRESS, person, clock())

    results = await asyncio.gather(*(use() for _ in range(50)))
    assert results.count(subject) == 1
    assert results.count(INVALID) == 49


async def test_inv_48_a_link_expires(db, clock):
    person = await somebody(db, clock)
    address = await claimed(db, clock, person)
    secret = await minted(db, clock, person, address.id)
    clock.advance(hours=72)
    assert await verified(db, clock, secret, person) == INVALID
    assert await standing(db, person) == frozenset()


async def test_sec_42_a_forwarded_link_is_worth_nothing_to_another(db, clock):
    person, other = await somebody(db, clock), await somebody(db, clock, b"g")
    address = await claimed(db, clock, person)
    secret = await minted(db, clock, person, address.id)
    assert await verified(db, clock, secret, other) == INVALID
    assert isinstance(await verified(db, clock, secret, person), Address)


async def test_a_link_for_something_else_does_not_confirm(db, clock):
    person = await somebody(db, clock)
    address = await claimed(db, clock, person)
    secret = await minted(db, clock, person, address.id, Purpose.APPOINTMENT)
    assert await verified(db, clock, secret, person) == INVALID
    for wrong in ("", "x", secret[:-1], secret + "x" * 100):
        assert await verified(db, clock, wrong, person) == INVALID


async def test_two_mails_of_the_same_link_both_work_until_one_is_used(db, clock):
    person = await somebody(db, clock)
    address = await claimed(db, clock, person)
    first, second = [await minted(db, clock, person, address.id) for _ in range(2)]
    assert isinstance(await verified(db, clock, first, person), Address)
    assert await verified(db, clock, second, person) == INVALID
    late = await minted(db, clock, person, address.id)
    assert await verified(db, clock, late, person) == INVALID


async def test_looking_at_a_link_does_not_use_it(db, clock):
    person = await somebody(db, clock)
    subject = uuid4()
    secret = await minted(db, clock, person, subject)
    async with db.read() as conn:
        assert await links.peek(conn, secret, Purpose.ADDRESS, person, clock()) == subject
        assert await links.peek(conn, "x", Purpose.ADDRESS, person, clock()) == INVALID
    async with db.write() as conn:
        assert await links.redeem(conn, secret, Purpose.ADDRESS, person, clock()) == subject


@pytest.mark.parametrize("meant", [{}, {"purpose": "login", "person": str(uuid4()), "subject": str(uuid4())}])
async def test_an_intent_that_is_none_of_ours_mints_nothing(db, clock, meant):
    with pytest.raises((KeyError, ValueError)):
        async with db.write() as conn:
            await Minter(clock=clock, lifetime=timedelta(hours=1))(conn, meant)


async def test_sec_20_claiming_again_neither_confirms_nor_forgets(db, clock):
    person = await somebody(db, clock)
    address = await claimed(db, clock, person)
    assert await claimed(db, clock, person) == address
    assert (await claimed(db, clock, person, entity=None)).id != address.id
    assert await standing(db, person) == frozenset()
    await verified(db, clock, await minted(db, clock, person, address.id), person)
    assert (await claimed(db, clock, person)).verified_at == clock()


async def test_a_wrong_address_is_refused_and_leaves_nothing(db, clock):
    person = await somebody(db, clock)
    assert await claimed(db, clock, person, "anne") == Refusal(reason=Reason.EMAIL_INVALID, about="email")
    async with db.read() as conn:
        assert await queries.addresses(conn, person) == []
        assert (await queries.person(conn, person)).revision == 1


async def test_inv_69_a_chosen_language_stays(db, clock):
    person = await somebody(db, clock)
    async with db.write() as conn:
        await commands.choose_language(conn, person, Language.NL, context(clock))
        await commands.choose_language(conn, person, Language.NL, context(clock))
    async with db.read() as conn:
        found = await queries.person(conn, person)
    assert (found.language, found.revision) == (Language.NL, 2)
