"""A real SFTP server (asyncssh's) on loopback that gives the files of a folder, and its bad days."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

USER, PASSWORD = "habilis", "let-me-in-please"


@dataclass
class Sftp:
    """Where it is, how it behaves today, and what it was asked."""

    folder: Path
    port: int = 0
    key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    # After so many bytes of files the connection is cut; one entry for each time.
    cuts: list[int] = field(default_factory=list)
    client_key: asyncssh.SSHKey | None = None
    # (name, offset) of every read of a file.
    reads: list[tuple[str, int]] = field(default_factory=list)
    logins: int = 0
    # Called with the name before a file is opened.
    before_open: Any = None
    extra_names: tuple[str, ...] = ()
    # From this byte on a file is given only once `goes_on` is set.
    stalls_at: int | None = None
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def host_key(self) -> str:
        """The line that is pinned."""
        return self.key.export_public_key().decode().strip()


class _Door(asyncssh.SSHServer):
    def __init__(self, site: Sftp) -> None:
        self._site = site

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return self._site.client_key is None

    def validate_password(self, username: str, password: str) -> bool:
        self._site.logins += 1
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return self._site.client_key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._site.logins += 1
        wanted = self._site.client_key
        return username == USER and wanted is not None and key == wanted.convert_to_public()


class _Files(asyncssh.SFTPServer):
    def __init__(self, chan: Any, site: Sftp) -> None:
        super().__init__(chan, chroot=str(site.folder).encode())
        self._site = site
        self._left: int | None = None
        self._chan = chan

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        if self._site.before_open is not None:
            self._site.before_open(Path(path.decode()).name)
        return super().open(path, pflags, attrs)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        async for each in super().scandir(path):
            yield each
        for name in self._site.extra_names:
            yield asyncssh.SFTPName(
                name.encode(), "", asyncssh.SFTPAttrs(permissions=0o100644, size=1, mtime=1)
            )

    async def read(self, file_obj: Any, offset: int, size: int) -> Any:
        name = Path(file_obj.name.decode()).name
        self._site.reads.append((name, offset))
        if self._site.stalls_at is not None and offset >= self._site.stalls_at:
            await self._site.goes_on.wait()
        if self._site.cuts and name.endswith(".zip"):
            most = self._site.cuts[0]
            if offset >= most:
                self._site.cuts.pop(0)
                self._chan.get_connection().abort()
                raise asyncssh.SFTPConnectionLost("cut")
            size = min(size, most - offset)
        return super().read(file_obj, offset, size)


@contextlib.asynccontextmanager
async def sftp_site(folder: Path, **manners: Any) -> AsyncIterator[Sftp]:
    """The server, up until the end."""
    site = Sftp(folder, **manners)
    server = await asyncssh.create_server(
        lambda: _Door(site),
        "127.0.0.1",
        site.port,
        server_host_keys=[site.key],
        sftp_factory=lambda chan: _Files(chan, site),
        allow_scp=False,
    )
    site.port = server.get_port()
    try:
        yield site
    finally:
        server.close()
        await server.wait_closed()
