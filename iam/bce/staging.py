"""A transaction that is a long piece of work, and the driver's connection below it."""

from typing import Any

import psycopg
from sqlalchemy import text

from iam.storage import WriteConnection


async def prepare(conn: WriteConnection) -> None:
    """The transaction may take its time, and reads days as the official files write them."""
    for statement in (
        "SET LOCAL statement_timeout = 0",
        "SET LOCAL idle_in_transaction_session_timeout = 0",
        "SET LOCAL DateStyle = 'ISO, DMY'",
    ):
        await conn.execute(text(statement))


async def driver(conn: WriteConnection) -> psycopg.AsyncConnection[Any]:
    """The connection below, in the same transaction: only there is `COPY`."""
    raw = await conn.get_raw_connection()
    connection: psycopg.AsyncConnection[Any] = raw.driver_connection  # type: ignore[assignment]
    return connection
