"""Advisory locks: who does a job that only one process at a time may do."""

from enum import IntEnum

from sqlalchemy import text

from iam.storage.engine import WriteConnection


class Lease(IntEnum):
    """The jobs that only one process does at a time; values are permanent."""

    SEAL = 7_301
    CLOCK = 7_302
    MAIL = 7_303
    IMPORT = 7_304
    KEYS = 7_305
    PROVISION = 7_306


async def try_lease(conn: WriteConnection, lease: Lease) -> bool:
    """Whether this transaction holds the lease now; it ends with the transaction."""
    answer = await conn.execute(text("SELECT pg_try_advisory_xact_lock(:k)"), {"k": int(lease)})
    return bool(answer.scalar_one())


async def take_lease(conn: WriteConnection, lease: Lease) -> None:
    """Wait until this transaction holds the lease; it ends with the transaction."""
    await conn.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": int(lease)})
