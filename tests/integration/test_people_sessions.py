"""Sessions on a real PostgreSQL: what the cookie opens, until when, and what the table never holds."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from iam.journal.model import Context
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.identity import Identity
from iam.kernel.ssin import Fingerprint
from iam.people import commands, sessions
from iam.people.recognise import recognise

pytestmark = pytest.mark.anyio

LIMITS = sessions.Limits(idle=timedelta(minutes=30), longest=timedelta(hours=8))
HINT = "header.claims.signature"


def identity(clock, level=Level.ITSME, session_id="sid-1"):
    return Identity(
        issuer="https://kc.test",
        subject="sub",
        session_id=session_id,
        fingerprints=(Fingerprint("1", b"f" * 32),),
        given_name="Anne",
        family_name="Servais",
        language=None,
        assurance=Assurance(level, clock()),
    )


async def started(db, clock, replaces=None, **changes):
    async with db.write() as conn:
        who = identity(clock, **changes)
        person = await recognise(conn, who, clock)
        return await sessions.start(
            conn, person, who, id_token=HINT, limits=LIMITS, now=clock(), replaces=replaces
        )


async def loaded(db, clock, cookie):
    async with db.read() as conn:
        return await sessions.load(conn, cookie, LIMITS, clock())


async def test_a_cookie_opens_its_session(db, clock):
    session = await loaded(db, clock, await started(db, clock))
    assert (session.assurance.level, session.keycloak_session) == (Level.ITSME, "sid-1")
    assert session.expires_at == clock() + timedelta(hours=8)


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "a" * 5000])
async def test_no_other_cookie_opens_anything(db, clock, cookie):
    await started(db, clock)
    assert await loaded(db, clock, cookie) is None


async def test_the_table_holds_neither_cookie_nor_id_token(db, clock):
    cookie = await started(db, clock)
    async with db.read() as conn:
        row = (await conn.execute(text("SELECT t::text FROM people_session t"))).scalar_one()
    assert cookie not in row
    assert cookie.encode().hex() not in row
    assert HINT not in row
    assert HINT.encode().hex() not in row


async def test_an_idle_session_ends_and_a_used_one_goes_on(db, clock):
    idle, used = await started(db, clock), await started(db, clock)
    clock.advance(minutes=20)
    session = await loaded(db, clock, used)
    async with db.write() as conn:
        assert sessions.is_due(session, clock())
        await sessions.touch(conn, session, clock())
    assert not sessions.is_due(await loaded(db, clock, used), clock())
    clock.advance(minutes=20)
    assert await loaded(db, clock, idle) is None
    assert await loaded(db, clock, used) is not None


async def test_a_session_in_use_ends_at_its_absolute_limit(db, clock):
    cookie = await started(db, clock)
    for _ in range(31):
        clock.advance(minutes=15)
        session = await loaded(db, clock, cookie)
        async with db.write() as conn:
            await sessions.touch(conn, session, clock())
    clock.advance(minutes=14)
    assert await loaded(db, clock, cookie) is not None
    clock.advance(minutes=1)
    assert await loaded(db, clock, cookie) is None


async def test_a_step_up_changes_the_cookie_and_ends_the_former(db, clock):
    before = await started(db, clock)
    after = await started(db, clock, replaces=before, level=Level.EID)
    assert before != after
    assert await loaded(db, clock, before) is None
    assert (await loaded(db, clock, after)).assurance.level is Level.EID


async def test_ending_gives_the_id_token_once(db, clock):
    cookie = await started(db, clock)
    async with db.write() as conn:
        assert await sessions.end(conn, cookie, clock()) == HINT
        assert await sessions.end(conn, cookie, clock()) is None
        assert await sessions.end(conn, "unknown", clock()) is None
    assert await loaded(db, clock, cookie) is None


async def test_the_end_of_a_keycloak_session_ends_those_that_came_from_it(db, clock):
    one, two = await started(db, clock), await started(db, clock)
    other = await started(db, clock, session_id="sid-2")
    async with db.write() as conn:
        assert await sessions.end_by_keycloak_session(conn, "https://kc.test", "sid-1", clock()) == 2
        assert await sessions.end_by_keycloak_session(conn, "https://other.test", "sid-2", clock()) == 0
    assert [await loaded(db, clock, cookie) is None for cookie in (one, two, other)] == [True, True, False]


async def test_blocking_a_person_ends_his_sessions_and_lets_no_new_one_work(db, clock):
    cookie = await started(db, clock)
    session = await loaded(db, clock, cookie)
    context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=clock())
    async with db.write() as conn:
        await commands.block(conn, session.person, context)
    assert await loaded(db, clock, cookie) is None
    later = await started(db, clock)
    assert await loaded(db, clock, later) is None
    async with db.write() as conn:
        await commands.unblock(conn, session.person, context)
    assert await loaded(db, clock, later) is not None
    assert await loaded(db, clock, cookie) is None


async def test_old_sessions_are_forgotten(db, clock):
    await started(db, clock)
    clock.advance(hours=9)
    kept = await started(db, clock)
    async with db.write() as conn:
        assert await sessions.forget_before(conn, clock()) == 1
    assert await loaded(db, clock, kept) is not None
