"""Where files come from: a port with three adapters (folder, SFTP, the portal), and what may fail."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from iam.bce.fetch.model import Listing, Offered

# As much is read at once, and as much may be lost by a download that is cut off.
BLOCK = 1 << 20
_LONGEST_SUM = 4096


class SourceUnavailable(Exception):
    """The source cannot be used now; that passes by itself. `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        """Keep the code; the words of a server or a library may repeat anything."""
        super().__init__(reason)
        self.reason = reason


class SourceDistrusted(Exception):
    """The source, or what it gives, is not what it should be: a person must look. `reason` is a code."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        """Keep the code and the file it is about."""
        super().__init__(reason if detail is None else f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class FileChanged(Exception):
    """A file is not the one that was listed: the list is read anew, once. `reason` is a stable code."""

    def __init__(self, reason: str, name: str) -> None:
        """Keep the code and the name."""
        super().__init__(f"{reason}: {name}")
        self.reason = reason
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Have:
    """What is here of a file already, and the stamp it had at the source when that was read."""

    size: int
    stamp: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A file as its source gives it, from `offset` on: from the start where it cannot be gone on with."""

    offset: int
    size: int | None
    stamp: str | None
    blocks: AsyncIterator[bytes]


class Source(Protocol):
    """Lists and gives files. Raises `SourceUnavailable`, `SourceDistrusted`, `FileChanged`."""

    @property
    def name(self) -> str:
        """Where that is, without credentials: what the register remembers of it."""
        ...

    async def offered(self) -> Listing:
        """The files it has now. Never empty: a source without any file is not believed."""
        ...

    async def sha256(self, offered: Offered) -> bytes | None:
        """The digest that the source tells of a file, beside it or in its listing, if it tells one."""
        ...

    def read(self, offered: Offered, have: Have | None) -> AbstractAsyncContextManager[Stream]:
        """The file, gone on with after what is here of it if it is still the same."""
        ...


def told_sha256(text: bytes) -> bytes | None:
    """The digest in a file as `sha256sum` writes it, or None when there is none in it."""
    first = text[:_LONGEST_SUM].split(maxsplit=1)[:1]
    try:
        digest = bytes.fromhex(first[0].decode("ascii")) if first else b""
    except ValueError:
        return None
    return digest if len(digest) == 32 else None  # noqa: PLR2004 - of SHA-256
