"""Transactions on PostgreSQL.

SQLModel classes describe tables; statements are SQLAlchemy Core on an `AsyncConnection`, so that
no row comes to life behind the back of a rule (ADR 0003).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NewType

import psycopg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from iam.storage.oneshot import OneShot, Read, Row, Write

ReadConnection = AsyncConnection
WriteConnection = NewType("WriteConnection", AsyncConnection)
# What a database that cannot be used raises, in whichever way it was asked.
DATABASE_ERRORS = (SQLAlchemyError, psycopg.Error, OSError)

_OPTIONS = "-c TimeZone=UTC -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s"


def engine_url(url: str) -> str:
    """The SQLAlchemy address of a libpq URL, with the async psycopg driver."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


class Database:
    """A pool of connections to one database. Opened lazily; `close` when done.

    `write` and `read` are transactions; `ask` and `tell` are single statements on connections of their own.
    """

    def __init__(self, url: str, *, pool_size: int = 10, statement_timeout: str = "10s") -> None:
        """Remember where; nothing is opened yet. `url` is a libpq URL."""
        self.url = url
        options = f"{_OPTIONS} -c statement_timeout={statement_timeout}"
        self._one_shot = OneShot(url, size=pool_size, options=options)
        self._engine: AsyncEngine = create_async_engine(
            engine_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            pool_pre_ping=True,
            hide_parameters=True,  # an error of the database repeats no address and no text
            connect_args={"options": options, "connect_timeout": 5},
        )

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteConnection]:
        """One transaction under READ COMMITTED: committed at the end, rolled back on any exception."""
        async with self._engine.begin() as connection:
            yield WriteConnection(connection)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadConnection]:
        """One read-only transaction on one snapshot (REPEATABLE READ): what it shows belongs together."""
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with connection.begin():
                yield connection

    async def ask(self, statement: Read, values: Mapping[str, Any]) -> Sequence[Row]:
        """What one statement reads, on one snapshot, in one round trip.

        A connection that was lost while it waited is replaced, once. Raises `DATABASE_ERRORS`.
        """
        return await self._one_shot.run(statement, values)

    async def tell(self, statement: Write, values: Mapping[str, Any]) -> Sequence[Row]:
        """What one statement returns, once what it changed is committed: as `ask`, and on disk."""
        return await self._one_shot.run(statement, values)

    async def close(self) -> None:
        """Close every connection of both pools."""
        await self._one_shot.close()
        await self._engine.dispose()
