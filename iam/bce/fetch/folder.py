"""A folder of this machine as a source: somebody else puts the files there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

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
from iam.settings import FolderSource as FolderSettings


class FolderSource:
    """Lists and gives the zips of a folder; `NAME.zip.sha256` beside one tells its digest."""

    def __init__(self, settings: FolderSettings) -> None:
        """Remember where."""
        self._folder = settings.folder

    @property
    def name(self) -> str:
        """Where that is."""
        return f"folder:{self._folder}"

    async def offered(self) -> Listing:
        """The files it has now. Raises `SourceDistrusted` when there is none."""
        files, passed_over = await asyncio.to_thread(self._files)
        if not files:
            raise SourceDistrusted("emptyListing")
        return Listing(files=files, passed_over=passed_over)

    async def sha256(self, offered: Offered) -> bytes | None:
        """The digest in the file beside it, if there is one."""
        beside = self._folder / f"{offered.name}.sha256"
        return told_sha256(beside.read_bytes()) if beside.is_file() else None

    @asynccontextmanager
    async def read(self, offered: Offered, have: Have | None) -> AsyncIterator[Stream]:
        """The file, from after what is here of it if it has not changed since."""
        path = self._folder / offered.name
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise FileChanged("gone", offered.name) from error
        except OSError as error:
            raise SourceDistrusted("unreadable", offered.name) from error
        with file:
            size, stamp = _looks(path)
            offset = have.size if have is not None and have.stamp == stamp and have.size <= size else 0
            file.seek(offset)
            yield Stream(offset=offset, size=size, stamp=stamp, blocks=_blocks(file))
        if _looks(path) != (size, stamp):
            raise FileChanged("changed", offered.name)

    def _files(self) -> tuple[tuple[Offered, ...], tuple[str, ...]]:
        try:
            zips = [
                path for path in self._folder.iterdir() if path.suffix.lower() == ".zip" and path.is_file()
            ]
        except OSError as error:
            raise SourceDistrusted("folder") from error
        files = []
        for path in sorted(zips):
            if is_plain(path.name):
                size, stamp = _looks(path)
                files.append(Offered(name=path.name, size=size, stamp=stamp))
        return tuple(files), tuple(sorted(path.name for path in zips if not is_plain(path.name)))


def _looks(path: Path) -> tuple[int, str]:
    try:
        seen = path.stat()
    except OSError as error:
        raise FileChanged("gone", path.name) from error
    return seen.st_size, str(seen.st_mtime_ns)


async def _blocks(file: IO[bytes]) -> AsyncIterator[bytes]:
    while True:
        try:
            block = await asyncio.to_thread(file.read, BLOCK)
        except OSError as error:
            raise SourceUnavailable("cutOff") from error
        if not block:
            return
        yield block
