"""Where an import lays out what it reads, and the connections that work on it.

A small extract is laid out in temporary tables of the one transaction that changes the register. A large one
is laid out beside it, in unlogged tables named by the attempt, so that two connections can work on them at
once; only the register itself is changed in that one transaction. What a killed import has left, the next
one clears away.
"""

import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from iam.bce.staging import driver
from iam.storage import Database, WriteConnection

Row = Any
_NAME = re.compile(r"@([a-z0-9_]+)")
_LEFT = r"^staging_[0-9a-f]{8}_"
_OPTIONS = "-c TimeZone=UTC -c statement_timeout=0 -c lock_timeout=5s -c client_min_messages=warning"
# Sorts and hashes of millions of rows, on as many connections as an import has; the importer itself needs
# no memory for them. Hashes have twice of it: enough for a file of a full extract, so that nothing but
# activities is written to temporary files. Nothing here gains by compiled code.
_FOR_WORK = {
    "work_mem": "192MB",
    "maintenance_work_mem": "256MB",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "jit": "off",
    "synchronize_seqscans": "off",
    "DateStyle": "ISO, DMY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How the tables of an import are called: in a statement, `@name` is one of them."""

    tag: str | None

    def sql(self, statement: str) -> str:
        """The statement, its tables by their full names."""
        prefix = "staging_" if self.tag is None else f"staging_{self.tag}_"
        return _NAME.sub(rf"{prefix}\1", statement)


class Lane:
    """A connection that does one thing of an import after the other."""

    def __init__(self, raw: psycopg.AsyncConnection[Any], names: Names, *, local: bool) -> None:
        """Work over this connection; what is set on it is `local` to the transaction, or lasts as it does."""
        self.raw = raw
        self.names = names
        self._set = "SET LOCAL" if local else "SET"

    async def prepare(self) -> None:
        """The connection is set up for sets of millions of rows."""
        for name, value in _FOR_WORK.items():
            await self.run(f"{self._set} {name} = '{value}'")

    @asynccontextmanager
    async def joining(self) -> AsyncIterator[None]:
        """Meanwhile rows are joined by hashing, by the million: files need not be in the order of numbers."""
        await self.run(f"{self._set} enable_mergejoin = off")
        yield
        await self.run(f"{self._set} enable_mergejoin = on")

    async def run(self, statement: str) -> int:
        """The statement is executed; returns how many rows it was about."""
        return (await self.raw.execute(self.names.sql(statement).encode())).rowcount

    async def rows(self, statement: str) -> Sequence[Row]:
        """What the statement returns."""
        async with self.raw.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(self.names.sql(statement).encode())
            return await cursor.fetchall()

    async def value(self, statement: str) -> Any:
        """The one value that the statement returns."""
        ((value,),) = await self.rows(statement)
        return value

    async def make(self, name: str, what: str) -> int:
        """A table of this name holds what the query returns; says how many rows that are."""
        return await self.run(f"{self._create(name)} AS {what}")

    async def make_empty(self, name: str, columns: str) -> None:
        """A table of this name is there, without rows."""
        await self.run(f"{self._create(name, f' ({columns})')}")

    async def view(self, name: str, what: str) -> None:
        """The name stands for what the query returns, whenever it is asked."""
        kind = "TEMP VIEW" if self.names.tag is None else "VIEW"
        await self.run(f"CREATE {kind} @{name} AS {what}")

    async def look_at(self, *names: str) -> None:
        """The planner knows roughly what is in these tables, of which every row is read once or twice."""
        await self.run(f"{self._set} default_statistics_target = 10")
        await self.run(f"ANALYZE {', '.join(f'@{name}' for name in names)}")
        await self.run(f"{self._set} default_statistics_target = DEFAULT")

    def _create(self, name: str, columns: str = "") -> str:
        if self.names.tag is None:
            return f"CREATE TEMP TABLE @{name}{columns} ON COMMIT DROP"
        return f"CREATE UNLOGGED TABLE @{name}{columns}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The place and the connections of one import: `main` is the one that changes the register.

    `side` work beside it; none where all is done in the one transaction.
    """

    names: Names
    main: Lane
    side: tuple[Lane, ...] = ()

    async def flush(self) -> None:
        """What was written so far is on the disk: a commit for which all have to wait has little to do."""
        lane = self.side[0]
        await lane.run("SET synchronous_commit = on")
        await lane.run("CREATE UNLOGGED TABLE @flushed ()")

    @property
    def apart(self) -> bool:
        """Whether the place is outside of the transaction, so that several can work on it at once."""
        return bool(self.side)


@asynccontextmanager
async def space_in(conn: WriteConnection) -> AsyncIterator[Space]:
    """A place within the transaction."""
    names = Names(tag=None)
    main = Lane(await driver(conn), names, local=True)
    await main.prepare()
    # What is in question is little, and is looked up: what it costs must not grow with the register.
    await main.run("SET LOCAL random_page_cost = 1.1")
    yield Space(names=names, main=main)


@asynccontextmanager
async def space_beside(db: Database, conn: WriteConnection, lanes: int) -> AsyncIterator[Space]:
    """A place beside the transaction, with so many connections of its own; nothing of it is left.

    The caller holds the lease of imports: whatever another one has left can be cleared away.
    """
    names = Names(tag=secrets.token_hex(4))
    main = Lane(await driver(conn), names, local=True)
    await main.prepare()
    async with contextlib.AsyncExitStack() as stack:
        side = tuple([await stack.enter_async_context(_connection(db.url, names)) for _ in range(lanes)])
        await _clear(side[0], _LEFT)
        stack.push_async_callback(_clear, side[0], f"^staging_{names.tag}_")
        yield Space(names=names, main=main, side=side)


@asynccontextmanager
async def _connection(url: str, names: Names) -> AsyncIterator[Lane]:
    raw = await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5, options=_OPTIONS)
    try:
        lane = Lane(raw, names, local=False)
        await lane.prepare()
        await raw.execute("SET synchronous_commit = off")
        yield lane
    finally:
        await raw.close()


async def _clear(lane: Lane, names: str) -> None:
    """Tables of these names are gone, but those that a dying connection still works on."""
    # The import itself may have failed on this connection, or lost it.
    if lane.raw.closed:
        return
    found = await lane.raw.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
        " AND relkind = 'r' AND relname ~ %s ORDER BY relname",
        (names,),
    )
    for (name,) in await found.fetchall():
        # What was made upon it goes with it.
        statement = sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(name))
        with contextlib.suppress(psycopg.errors.LockNotAvailable):
            await lane.raw.execute(statement)
