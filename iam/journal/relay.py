"""Handing sealed entries to consumers, each at its own pace, at least once and in order.

A consumer's work on our tables and its cursor move in one transaction: for those it is once.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from iam.journal.model import Entry
from iam.journal.queries import sealed_after
from iam.journal.tables import JournalCursor, JournalParked
from iam.kernel.clock import Clock
from iam.storage import Database, ReadConnection, WriteConnection
from iam.storage.tables import core

log = structlog.get_logger(__name__)

Handle = Callable[[WriteConnection, Entry], Awaitable[None]]

_cursor = core(JournalCursor)
_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Who wants the entries. `park_after` failures the entry is set aside, with an alarm."""

    name: str
    handle: Handle
    park_after: int = 10


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failures: doubling, bounded."""
    doublings: int = min(max(attempts - 1, 0), 16)
    return min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)


async def deliver(db: Database, consumer: Consumer, clock: Clock, most: int = 100) -> int:
    """The consumer has handled up to `most` further entries, or set them aside; says how many.

    Stops early at an entry that fails: it is tried again after a pause, and set aside after
    `park_after` failures. 0 also when another process serves this consumer now.
    """
    await _begin(db, consumer)
    done = 0
    while done < most:
        outcome = await _deliver_one(db, consumer, clock)
        if not outcome:
            return done
        done += 1
    return done


async def _deliver_one(db: Database, consumer: Consumer, clock: Clock) -> bool:
    now = clock()
    entry: Entry | None = None
    attempts = 0
    try:
        async with db.write() as conn:
            mine = select(_cursor).where(_cursor.c.consumer == consumer.name)
            row = (await conn.execute(mine.with_for_update(skip_locked=True))).one_or_none()
            if row is None:
                return False
            if row.retry_at is not None and row.retry_at > now:
                return False
            attempts = row.attempts
            entries = await sealed_after(conn, row.seq, 1)
            if not entries:
                return False
            entry = entries[0]
            await consumer.handle(conn, entry)
            await _advance(conn, consumer.name, entry)
    except Exception as error:
        if entry is None:
            raise
        return await _failed(db, consumer, entry, attempts + 1, error, clock)
    return True


async def _begin(db: Database, consumer: Consumer) -> None:
    """The consumer has a cursor; a new one stands at the very beginning.

    In a transaction of its own: the cursor must outlive a first entry that fails.
    """
    async with db.write() as conn:
        await conn.execute(
            insert(_cursor).values(consumer=consumer.name, seq=0, attempts=0).on_conflict_do_nothing()
        )


async def _advance(conn: WriteConnection, name: str, entry: Entry) -> None:
    await conn.execute(
        update(_cursor)
        .where(_cursor.c.consumer == name)
        .values(seq=entry.seq, attempts=0, retry_at=None, error=None)
    )


async def _failed(
    db: Database, consumer: Consumer, entry: Entry, attempts: int, error: Exception, clock: Clock
) -> bool:
    """The entry waits for its next try, or is set aside; whether it was set aside."""
    # The class only: a message may hold an address or a text of somebody.
    what = type(error).__name__
    parked = attempts >= consumer.park_after
    async with db.write() as conn:
        if parked:
            await conn.execute(
                insert(core(JournalParked))
                .values(consumer=consumer.name, seq=entry.seq, error=what, parked_at=clock())
                .on_conflict_do_nothing()
            )
            await _advance(conn, consumer.name, entry)
        else:
            await conn.execute(
                update(_cursor)
                .where(_cursor.c.consumer == consumer.name)
                .values(attempts=attempts, retry_at=clock() + pause(attempts), error=what)
            )
    log.error(
        "journal.entry.parked" if parked else "journal.entry.failed",
        consumer=consumer.name, seq=entry.seq, kind=entry.kind, attempts=attempts, error=what,
    )  # fmt: skip
    return parked


async def next_retry(conn: ReadConnection, consumers: Sequence[Consumer]) -> datetime | None:
    """When the first of the consumers' failed entries is tried again; None when none failed."""
    names = [consumer.name for consumer in consumers]
    answer = await conn.execute(select(func.min(_cursor.c.retry_at)).where(_cursor.c.consumer.in_(names)))
    found: datetime | None = answer.scalar_one()
    return found


async def lag(conn: WriteConnection, consumers: Sequence[str]) -> dict[str, int]:
    """How many sealed entries each consumer has still to handle."""
    rows = await conn.execute(
        text(
            "SELECT c.consumer, (SELECT coalesce(max(seq), 0) FROM journal_seal) - c.seq AS behind"
            " FROM journal_cursor c WHERE c.consumer = ANY(:names)"
        ),
        {"names": list(consumers)},
    )
    return {row.consumer: row.behind for row in rows}
