"""From a source to a whole, checked file in the work folder, in as many tries as it takes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from iam.bce.fetch.model import Offered
from iam.bce.fetch.source import FileChanged, Source, SourceDistrusted, SourceUnavailable
from iam.bce.fetch.work import Part, WorkFolder, append_to, digest_of

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


class Watcher(Protocol):
    """Is told how a run goes on, for whoever looks at it."""

    def downloading(self, name: str, have: int, size: int | None) -> None:
        """A download begins, or goes on after `have` bytes."""
        ...

    def received(self, count: int) -> None:
        """So many bytes more are here."""
        ...

    def applying(self, name: str, number: int) -> None:
        """The file is here and becomes the register."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a download is tried, after which rest, and how large a file may be."""

    tries: int
    pause: float
    largest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A whole file, as its source said it was."""

    path: Path
    size: int
    stamp: str | None
    sha256: bytes


async def download(
    source: Source,
    offered: Offered,
    work: WorkFolder,
    patience: Patience,
    watcher: Watcher,
    *,
    sleep: Sleep = asyncio.sleep,
) -> Downloaded:
    """The file is whole in the work folder: of the size that was told, and of the digest where one was.

    What was here of it is gone on with. Raises `SourceUnavailable` when the last try was cut off too,
    `FileChanged`, `SourceDistrusted`.
    """
    wanted = await tried(lambda: source.sha256(offered), patience, sleep)
    part = await tried(lambda: _received(source, offered, work, patience, watcher), patience, sleep)
    found = await asyncio.to_thread(digest_of, part.path)
    if wanted not in {None, found}:
        work.forget_part(offered.name)
        raise FileChanged("sha256", offered.name)
    return Downloaded(path=work.finish(offered.name), size=part.size, stamp=part.stamp, sha256=found)


async def tried(work: Callable[[], Awaitable[T]], patience: Patience, sleep: Sleep) -> T:
    """What the work answers, tried again after a rest while the source is away. Raises as its last try."""
    for attempt in range(1, patience.tries):
        with suppress(SourceUnavailable):
            return await work()
        await sleep(patience.pause * attempt)
    return await work()


async def _received(
    source: Source, offered: Offered, work: WorkFolder, patience: Patience, watcher: Watcher
) -> Part:
    """The part with every byte in it. Raises as `Source.read`, and when they are not as many as was told."""
    name = offered.name
    _bounded(name, offered.size, patience)
    part = _to_go_on_with(work, offered)
    if part is not None and part.complete:
        return part
    async with source.read(offered, None if part is None else part.have) as stream:
        whole = stream.size if stream.size is not None else offered.size
        _bounded(name, whole, patience)
        if offered.size not in {None, whole}:
            raise FileChanged("size", name)
        if part is None or stream.offset == 0:
            path, have = work.begin(name, size=whole, stamp=stream.stamp), 0
        else:
            path, have = part.path, part.size
        watcher.downloading(name, have, whole)
        with append_to(path) as file:
            async for block in stream.blocks:
                have += len(block)
                _bounded(name, have, patience)
                if whole is not None and have > whole:
                    raise FileChanged("size", name)
                file.write(block)
                file.flush()
                watcher.received(len(block))
    if whole is not None and have < whole:
        raise SourceUnavailable("cutOff")
    return Part(path=path, size=have, whole=have, stamp=stream.stamp)


def _to_go_on_with(work: WorkFolder, offered: Offered) -> Part | None:
    """What is here of this very file; another of its name is forgotten, and one that cannot be told."""
    part = work.part(offered.name)
    if part is None:
        return None
    same = (
        part.stamp is not None and offered.stamp in {None, part.stamp} and offered.size in {None, part.whole}
    )
    if not same or part.size == 0 or (part.whole is not None and part.size > part.whole):
        work.forget_part(offered.name)
        return None
    return part


def _bounded(name: str, size: int | None, patience: Patience) -> None:
    if size is not None and size > patience.largest:
        raise SourceDistrusted("tooLarge", name)
