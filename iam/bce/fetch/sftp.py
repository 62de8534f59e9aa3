"""An SFTP server as a source, by asyncssh (why that library: ADR 0013).

Nothing of this machine decides how the server is reached: no configuration, known hosts, keys or agent of the
account that runs us. The server's host key is one of those that the settings pin, or nothing is sent to it.
"""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_REGULAR, FILEXFER_TYPE_UNKNOWN

from iam.bce.fetch.model import Listing, Offered
from iam.bce.fetch.names import is_plain
from iam.bce.fetch.source import (
    BLOCK,
    FileChanged,
    Have,
    SourceDistrusted,
    SourceUnavailable,
    Stream,
    told_sha256,
)
from iam.settings import SftpSource as SftpSettings

_ALIVE_SECONDS = 15
_SUM, _SUM_BYTES = ".sha256", 4096
# What the library raises for a connection that is not to be had, or no more.
_AWAY = (asyncssh.Error, OSError, TimeoutError)
_ABSENT = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
_CLOSED = (asyncssh.SFTPPermissionDenied, asyncssh.SFTPNotADirectory, *_ABSENT)


class SftpSource:
    """Lists and gives the zips of a folder there; `NAME.zip.sha256` beside one tells its digest."""

    def __init__(self, settings: SftpSettings) -> None:
        """Remember where; nothing is asked yet."""
        self._settings = settings
        # Which digests the listing shows: no connection is made for one that is not there.
        self._sums: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Where that is, without the account."""
        return f"sftp://{self._settings.host}:{self._settings.port}/{self._settings.folder}"

    async def offered(self) -> Listing:
        """The files it has now. Raises `SourceDistrusted` when there is none."""
        async with self._session() as client:
            entries = await self._scan(client)
        self._sums = frozenset(name for name in entries if name.endswith(_SUM))
        files, passed_over = [], []
        for name, seen in sorted(entries.items()):
            if not name.lower().endswith(".zip") or not _is_file(seen):
                continue
            if is_plain(name):
                files.append(Offered(name=name, size=seen.size, stamp=_stamp(seen)))
            else:
                passed_over.append(name)
        if not files:
            raise SourceDistrusted("emptyListing")
        return Listing(files=tuple(files), passed_over=tuple(passed_over))

    async def sha256(self, offered: Offered) -> bytes | None:
        """The digest in the file beside it, if there is one."""
        name = f"{offered.name}{_SUM}"
        if name not in self._sums:
            return None
        async with self._session() as client:
            try:
                async with (
                    asyncio.timeout(self._settings.timeout_seconds),
                    client.open(self._path(name), "rb") as file,
                ):
                    return told_sha256(await file.read(_SUM_BYTES))
            except _ABSENT:
                return None
            except _AWAY as error:
                raise SourceUnavailable("cutOff") from error

    @asynccontextmanager
    async def read(self, offered: Offered, have: Have | None) -> AsyncIterator[Stream]:
        """The file, from after what is here of it if it has not changed since."""
        seconds = self._settings.timeout_seconds
        async with self._session() as client, AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(seconds):
                    file = await stack.enter_async_context(client.open(self._path(offered.name), "rb"))
                    seen = await file.stat()
            except _ABSENT as error:
                raise FileChanged("gone", offered.name) from error
            except asyncssh.SFTPPermissionDenied as error:
                raise SourceDistrusted("unreadable", offered.name) from error
            except _AWAY as error:
                raise SourceUnavailable("cutOff") from error
            stamp = _stamp(seen)
            if offered.stamp not in {None, stamp}:
                raise FileChanged("changed", offered.name)
            offset = have.size if have is not None and have.stamp == stamp else 0
            yield Stream(offset=offset, size=seen.size, stamp=stamp, blocks=_blocks(file, offset, seconds))
            try:
                async with asyncio.timeout(seconds):
                    after = await file.stat()
            except _AWAY as error:
                raise SourceUnavailable("cutOff") from error
            if (after.size, _stamp(after)) != (seen.size, stamp):
                raise FileChanged("changed", offered.name)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """A connection for one thing: between two of them an import may take its time."""
        settings = self._settings
        password = None if settings.password is None else settings.password.get_secret_value()
        host_keys = [_host_key(line) for line in settings.host_keys]
        client_keys = None if settings.key is None else [_client_key(settings)]
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(settings.timeout_seconds):
                    conn = await stack.enter_async_context(
                        asyncssh.connect(
                            settings.host,
                            settings.port,
                            username=settings.username,
                            password=password,
                            client_keys=client_keys,
                            known_hosts=(host_keys, [], []),
                            preferred_auth="publickey" if client_keys else "password,keyboard-interactive",
                            config=None,
                            agent_path=None,
                            keepalive_interval=_ALIVE_SECONDS,
                        )
                    )
                    client = await stack.enter_async_context(conn.start_sftp_client())
            except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
                # Another key, or none of the kind that is pinned: to us that is the same.
                raise SourceDistrusted("hostKey") from error
            except asyncssh.PermissionDenied as error:
                raise SourceDistrusted("login") from error
            except _AWAY as error:
                raise SourceUnavailable("unreachable") from error
            yield client

    async def _scan(self, client: asyncssh.SFTPClient) -> dict[str, asyncssh.SFTPAttrs]:
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                return {
                    str(each.filename): each.attrs async for each in client.scandir(self._settings.folder)
                }
        except _CLOSED as error:
            raise SourceDistrusted("folder") from error
        except _AWAY as error:
            raise SourceUnavailable("cutOff") from error

    def _path(self, name: str) -> str:
        return f"{self._settings.folder.rstrip('/')}/{name}"


def _host_key(line: str) -> asyncssh.SSHKey:
    # A line of ssh-keyscan begins with the host; the key itself does not.
    words = line.split()
    kind = next(place for place, word in enumerate(words) if word.startswith(("ssh-", "ecdsa-", "sk-")))
    try:
        return asyncssh.import_public_key(" ".join(words[kind : kind + 2]))
    except asyncssh.KeyImportError as error:
        raise SourceDistrusted("hostKeySetting") from error


def _client_key(settings: SftpSettings) -> asyncssh.SSHKey:
    key, passphrase = settings.key, settings.key_passphrase
    try:
        return asyncssh.import_private_key(
            "" if key is None else key.get_secret_value(),
            None if passphrase is None else passphrase.get_secret_value(),
        )
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        # Without the library's words: they may be of the key.
        raise SourceDistrusted("keySetting") from None


def _is_file(seen: asyncssh.SFTPAttrs) -> bool:
    if seen.permissions is not None and stat.S_IFMT(seen.permissions):
        return stat.S_ISREG(seen.permissions)
    return seen.type in {FILEXFER_TYPE_REGULAR, FILEXFER_TYPE_UNKNOWN}


def _stamp(seen: asyncssh.SFTPAttrs) -> str | None:
    return None if seen.mtime is None else str(seen.mtime)


async def _blocks(file: Any, offset: int, seconds: float) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(seconds):
                block = await file.read(BLOCK, offset)
        except _AWAY as error:
            raise SourceUnavailable("cutOff") from error
        if not block:
            return
        offset += len(block)
        yield block
