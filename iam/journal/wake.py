"""Being woken when something was appended, instead of asking all the time."""

import asyncio
from types import TracebackType
from typing import Self

import psycopg

from iam.journal.append import CHANNEL


class Wake:
    """Listens for new entries. Without a connection it only waits: nothing is lost, it is just later."""

    def __init__(self, url: str) -> None:
        """Remember the database's libpq address; nothing is opened yet."""
        self._url = url
        self._conn: psycopg.AsyncConnection[tuple[object, ...]] | None = None

    async def __aenter__(self) -> Self:
        """Ready to wait."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The connection is closed."""
        await self._drop()

    async def wait(self, seconds: float) -> bool:
        """Returns at the next entry, or after `seconds`; says whether an entry woke it."""
        try:
            conn = self._conn or await self._open()
            async for _ in conn.notifies(timeout=seconds, stop_after=1):
                return True
        except (psycopg.Error, OSError):
            await self._drop()
            await asyncio.sleep(seconds)
        return False

    async def _open(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        conn = await psycopg.AsyncConnection.connect(self._url, autocommit=True, connect_timeout=5)
        await conn.execute(f"LISTEN {CHANNEL}")
        self._conn = conn
        return conn

    async def _drop(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()
