"""The journal on a real PostgreSQL: appended in the caller's transaction, sealed densely, relayed in order."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from iam.journal.append import append
from iam.journal.codec import EventTypes
from iam.journal.model import Context, Head, HeadKind
from iam.journal.queries import of_head, sealed_after, unsealed
from iam.journal.relay import Consumer, deliver, next_retry, pause
from iam.journal.seal import seal
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.ids import uuid4

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True, kw_only=True)
class Something:
    KIND: ClassVar[str] = "test.thing.happened"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"words"})

    thing: UUID
    count: int
    words: str | None = None


TYPES = EventTypes([Something])


def context(clock):
    return Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=clock())


def head():
    return Head(HeadKind.ENTERPRISE, uuid4())


async def write(db, clock, where, revision, count=1, words=None):
    async with db.write() as conn:
        events = [Something(thing=where.id, count=n, words=words) for n in range(count)]
        return await append(conn, where, revision, events, context(clock))


async def sealed(db, clock):
    async with db.write() as conn:
        await seal(conn, clock)
    async with db.read() as conn:
        return await sealed_after(conn, 0, 1000)


async def test_what_is_appended_is_read_back_with_its_details(db, clock):
    where = head()

    await write(db, clock, where, 1, words="pourquoi")

    async with db.read() as conn:
        [entry] = await of_head(conn, where)
    assert Something(thing=where.id, count=0, words="pourquoi") == TYPES.decode(entry)
    assert "pourquoi" not in str(entry.data)


async def test_inv_65_a_rolled_back_command_leaves_nothing(db, clock):
    where = head()

    with pytest.raises(RuntimeError):  # noqa: PT012 - the whole transaction is what fails
        async with db.write() as conn:
            await append(conn, where, 1, [Something(thing=where.id, count=1)], context(clock))
            raise RuntimeError

    async with db.read() as conn:
        assert [] == await of_head(conn, where)
        assert 0 == await unsealed(conn)


async def test_inv_65_entries_and_seals_cannot_be_changed(db, clock):
    where = head()
    await write(db, clock, where, 1)
    await sealed(db, clock)

    for statement in (
        "UPDATE journal_entry SET kind = 'x'",
        "DELETE FROM journal_entry",
        "UPDATE journal_seal SET seq = 9",
        "TRUNCATE journal_seal",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with db.write() as conn:
                await conn.execute(text(statement))


async def test_erased_details_leave_the_entry_readable(db, clock):
    where = head()
    await write(db, clock, where, 1, words="adresse")

    async with db.write() as conn:
        await conn.execute(text("DELETE FROM journal_detail"))

    async with db.read() as conn:
        [entry] = await of_head(conn, where)
    assert Something(thing=where.id, count=0, words=None) == TYPES.decode(entry)


async def test_the_order_is_dense_and_keeps_each_heads_revisions(db, clock):
    one, other = head(), head()
    await write(db, clock, one, 1, count=2)
    clock.advance(seconds=-60)  # the clock jumped back: the revision still decides
    await write(db, clock, one, 2)
    await write(db, clock, other, 1)

    entries = await sealed(db, clock)

    assert [1, 2, 3, 4] == [entry.seq for entry in entries]
    mine = [(entry.revision, entry.ordinal) for entry in entries if entry.head == one]
    assert [(1, 0), (1, 1), (2, 0)] == mine


async def test_a_late_commit_is_not_missed_by_a_cursor(db, clock):
    """The gap of a growing number: a transaction that began first and commits last."""
    early, late = head(), head()
    async with db.write() as slow:
        await append(slow, late, 1, [Something(thing=late.id, count=1)], context(clock))
        await write(db, clock, early, 1)
        assert [early] == [entry.head for entry in await sealed(db, clock)]

    entries = await sealed(db, clock)

    assert [(1, early), (2, late)] == [(entry.seq, entry.head) for entry in entries]


async def test_a_limited_seal_never_cuts_a_head_in_the_wrong_place(db, clock):
    where = head()
    clock.advance(seconds=60)
    await write(db, clock, where, 1)
    clock.advance(seconds=-60)
    await write(db, clock, where, 2)

    rounds = 0
    while rounds < 5:
        async with db.write() as conn:
            await seal(conn, clock, most=1)
        rounds += 1
    async with db.write() as conn:
        await seal(conn, clock)

    async with db.read() as conn:
        assert [1, 2] == [entry.revision for entry in await sealed_after(conn, 0, 10)]


async def test_only_one_sealer_at_a_time(db, clock):
    await write(db, clock, head(), 1)

    async with db.write() as first:
        assert 1 == await seal(first, clock)
        async with db.write() as second:
            assert 0 == await seal(second, clock)


async def test_a_consumer_sees_every_entry_once_and_in_order(db, clock):
    where = head()
    await write(db, clock, where, 1, count=3)
    await sealed(db, clock)
    seen = []

    async def handle(_conn, entry):
        seen.append(entry.ordinal)

    consumer = Consumer(name="eager", handle=handle)
    handled = [await deliver(db, consumer, clock) for _ in range(3)]

    assert [0, 1, 2] == seen
    assert 0 == handled[-1]


async def test_a_failing_consumer_waits_then_goes_on_and_its_work_is_undone(db, clock):
    where = head()
    await write(db, clock, where, 1)
    await sealed(db, clock)
    fails = [True]

    async def handle(conn, entry):
        await append(
            conn, Head(HeadKind.PERSON, entry.id), 1, [Something(thing=entry.id, count=7)], context(clock)
        )
        if fails:
            fails.pop()
            raise OSError

    consumer = Consumer(name="fragile", handle=handle)
    assert 0 == await deliver(db, consumer, clock)
    assert 0 == await deliver(db, consumer, clock)  # not before its pause is over
    async with db.read() as conn:
        assert 0 == await unsealed(conn)  # what it did was undone
    clock.advance(seconds=2)
    assert 1 == await deliver(db, consumer, clock, most=1)


async def test_a_poison_entry_is_parked_and_the_rest_goes_on(db, clock):
    where = head()
    await write(db, clock, where, 1, count=2)
    await sealed(db, clock)
    seen = []

    async def handle(_conn, entry):
        if entry.ordinal == 0:
            raise ValueError
        seen.append(entry.ordinal)

    consumer = Consumer(name="poisoned", handle=handle, park_after=3)
    for _ in range(8):
        await deliver(db, consumer, clock)
        clock.advance(minutes=10)

    assert [1] == seen
    async with db.read() as conn:
        parked = (await conn.execute(text("SELECT seq, error FROM journal_parked"))).all()
    assert [(1, "ValueError")] == [tuple(row) for row in parked]


async def test_what_comes_after_a_parked_entry_waits_for_nothing(db, clock):
    where = head()
    await write(db, clock, where, 1, count=2)
    await sealed(db, clock)
    seen = []

    async def handle(_conn, entry):
        if entry.ordinal == 0:
            raise ValueError
        seen.append(entry.ordinal)

    consumer = Consumer(name="poisoned", handle=handle, park_after=1)

    assert 2 == await deliver(db, consumer, clock)
    assert [1] == seen


async def test_the_relay_knows_when_a_failed_entry_is_tried_again(db, clock):
    where = head()
    await write(db, clock, where, 1)
    await sealed(db, clock)
    fails = [True]

    async def handle(_conn, _entry):
        if fails:
            fails.pop()
            raise OSError

    fragile = Consumer(name="fragile", handle=handle)

    async def retry():
        async with db.read() as conn:
            return await next_retry(conn, [fragile])

    assert await retry() is None
    await deliver(db, fragile, clock)
    assert clock() + pause(1) == await retry()
    clock.advance(seconds=1)
    await deliver(db, fragile, clock)
    assert await retry() is None
