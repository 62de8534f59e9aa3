"""Advisory locks: who does a job that only one process at a time may do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum

import psycopg
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
    FETCH = 7_307


async def try_lease(conn: WriteConnection, lease: Lease) -> bool:
    """Whether this transaction holds the lease now; it ends with the transaction."""
    answer = await conn.execute(text("SELECT pg_try_advisory_xact_lock(:k)"), {"k": int(lease)})
    return bool(answer.scalar_one())


async def take_lease(conn: WriteConnection, lease: Lease) -> None:
    """Wait until this transaction holds the lease; it ends with the transaction."""
    await conn.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": int(lease)})


@asynccontextmanager
async def keep_lease(url: str, lease: Lease) -> AsyncIterator[bool]:
    """Whether this process holds the lease until the end, or its own end: for what takes many transactions.

    On a connection of its own, outside of any transaction, because it may take hours. `url` is a libpq URL.
    """
    conn = await psycopg.AsyncConnection.connect(
        url, autocommit=True, connect_timeout=5, keepalives_idle=15, keepalives_interval=5, keepalives_count=3
    )
    try:
        answer = await (await conn.execute("SELECT pg_try_advisory_lock(%s)", (int(lease),))).fetchone()
        yield bool(answer and answer[0])
    finally:
        await conn.close()
