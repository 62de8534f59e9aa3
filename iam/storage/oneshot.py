"""One statement, one snapshot, one round trip: how the hot routes use PostgreSQL (ADR 0012).

A single statement sees one snapshot and is a transaction by itself, so neither BEGIN nor COMMIT nor a
ping goes over the wire for it. Each statement is prepared on its connection and planned once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row
from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

Row = Any
_Cursor = psycopg.AsyncCursor[Row]

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]
_CONNECT_SECONDS = 5
_PATIENCE_SECONDS = 5.0
# What is asked here is found by its key whatever the values are: one plan serves them all.
_OPTIONS = "-c plan_cache_mode=force_generic_plan -c jit=off"
# psycopg translates the parameters of a longer text again for each call.
LONGEST_TEXT = 4096


class Statement:
    """A statement whose values are named as `:name`; ready for the engine's connections and for one shot."""

    def __init__(self, sql: str) -> None:
        """Prepare both forms. Raises ValueError for a text that the driver would not keep."""
        self.clause: TextClause = text(" ".join(sql.split()))
        self.driver = str(self.clause.compile(dialect=_DIALECT)).encode()
        if len(self.driver) > LONGEST_TEXT:
            raise ValueError("the statement is too long")


class Read(Statement):
    """A statement that changes nothing."""


class Write(Statement):
    """A statement that changes something, and leaves the same when it is done twice with the same values.

    A connection may be lost before the answer came: nobody knows then whether it was done. It says what it
    did, by `RETURNING` or by a `SELECT` around it.
    """


class OneShot:
    """A few connections for single statements. None is opened before it is needed; `close` when done."""

    def __init__(self, url: str, *, size: int, options: str) -> None:
        """Remember where; `options` are those of every connection to this database."""
        self._url = url
        self._options = f"{options} {_OPTIONS}"
        self._idle: list[_Cursor] = []
        self._room = asyncio.Semaphore(size)

    async def run(self, statement: Statement, values: Mapping[str, Any]) -> Sequence[Row]:
        """The rows of the statement, committed if it changed something.

        Raises psycopg's errors, and TimeoutError when all connections were busy for too long.
        """
        if self._room.locked():
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._room.acquire()
        else:
            await self._room.acquire()
        try:
            return await self._run(statement, values)
        finally:
            self._room.release()

    async def close(self) -> None:
        """Close every connection that waits."""
        while self._idle:
            await self._idle.pop().connection.close()

    async def _run(self, statement: Statement, values: Mapping[str, Any]) -> Sequence[Row]:
        if self._idle:
            waiting = self._idle.pop()
            try:
                return await self._on(waiting, statement, values)
            except psycopg.OperationalError:
                if not waiting.connection.broken:
                    raise
            # It died while it waited, and so, most likely, did those beside it: begin anew, once.
            await self.close()
        return await self._on(await self._connect(), statement, values)

    async def _on(self, cursor: _Cursor, statement: Statement, values: Mapping[str, Any]) -> Sequence[Row]:
        try:
            await cursor.execute(statement.driver, values, prepare=True)
            return await cursor.fetchall()
        finally:
            # In the middle of something (the caller was cancelled, say) it is of no use to the next.
            if cursor.connection.pgconn.transaction_status == TransactionStatus.IDLE:
                self._idle.append(cursor)
            else:
                await cursor.connection.close()

    async def _connect(self) -> _Cursor:
        connection = await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            prepare_threshold=0,
            options=self._options,
            connect_timeout=_CONNECT_SECONDS,
        )
        # one for all statements: making a cursor costs a tenth of a round trip
        return connection.cursor(row_factory=namedtuple_row)
