"""The days of `tokens_issue`: made two weeks ahead, so that no token waits for a table."""

from datetime import date, timedelta

import structlog
from sqlalchemy import text

from iam.storage import ReadConnection, WriteConnection

log = structlog.get_logger(__name__)

DAYS_AHEAD = 14
_ALARM_BELOW = 7
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('tokens_issue.partitions'))")
_NAMES = text(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'tokens_issue'::regclass"
)


async def ensure_partitions(conn: WriteConnection, today: date) -> int:
    """Today and the 14 days after it have their partitions; says how many were made.

    Logs an error when fewer than 7 days were left: whatever calls this has not been running.
    `today` is the day in UTC.
    """
    await conn.execute(_LOCK)
    there = set((await conn.execute(_NAMES)).scalars())
    # Yesterday too: an instance whose clock is a little behind must not fail just after midnight.
    wanted = [today + timedelta(days=ahead) for ahead in range(-1, DAYS_AHEAD + 1)]
    missing = [day for day in wanted if _name(day) not in there]
    if there and len(wanted) - len(missing) <= _ALARM_BELOW:
        log.error("tokens.partitions.low", left=len(wanted) - len(missing))
    for day in missing:
        await conn.execute(
            text(
                f"CREATE TABLE {_name(day)} PARTITION OF tokens_issue"
                f" FOR VALUES FROM ('{day.isoformat()}') TO ('{(day + timedelta(days=1)).isoformat()}')"
            )
        )
    return len(missing)


async def days_left(conn: ReadConnection, today: date) -> int:
    """For how many days after today, without a gap, partitions are there; -1 without today's."""
    there = set((await conn.execute(_NAMES)).scalars())
    left = -1
    while left < DAYS_AHEAD and _name(today + timedelta(days=left + 1)) in there:
        left += 1
    return left


def _name(day: date) -> str:
    return f"tokens_issue_p{day:%Y%m%d}"
