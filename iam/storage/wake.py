"""Telling other processes that there is work, and being woken by it instead of asking all the time."""

import asyncio
from collections.abc import Collection
from enum import StrEnum
from types import TracebackType
from typing import Self

import psycopg
from sqlalchemy import text

from iam.storage.engine import WriteConnection

# How long to wait before a connection is tried again; whoever cannot listen looks that often instead.
_RETRY_SECONDS = 1.0


class Channel(StrEnum):
    """What there may be to do."""

    APPENDED = "habilis_appended"
    SEALED = "habilis_sealed"
    MAIL = "habilis_mail"
    MARKED = "habilis_marked"


async def tell(conn: WriteConnection, channel: Channel) -> None:
    """Whoever listens is woken once the caller commits, in this process or another."""
    await conn.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channel.value})


class Wake:
    """Listens to channels. A word may be missed while it cannot: so nothing may depend on it but speed."""

    def __init__(self, url: str, channels: Collection[Channel]) -> None:
        """Remember the database's libpq address; nothing is opened yet."""
        self._url = url
        self._channels = frozenset(channels)
        self._conn: psycopg.AsyncConnection[tuple[object, ...]] | None = None

    async def __aenter__(self) -> Self:
        """Ready to wait."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The connection is closed."""
        await self._drop()

    async def wait(self, seconds: float) -> frozenset[Channel]:
        """Returns when something was said on a channel, and on which; or after `seconds`, with none.

        All of them as soon as it listens (anew), and every second while it cannot: something may have been
        said unheard.
        """
        try:
            if self._conn is None:
                await self._open()
                return self._channels
            heard = self._conn.notifies(timeout=seconds, stop_after=1)
            return frozenset([Channel(each.channel) async for each in heard])
        except (psycopg.Error, OSError):
            await self._drop()
            await asyncio.sleep(_RETRY_SECONDS)
            return self._channels

    async def _open(self) -> None:
        # A server that went away without a word is noticed in half a minute, not in the system's two hours.
        conn = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=5,
            keepalives_idle=15, keepalives_interval=5, keepalives_count=3,
        )  # fmt: skip
        self._conn = conn
        for channel in sorted(self._channels):
            await conn.execute(f"LISTEN {channel}")

    async def _drop(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()
