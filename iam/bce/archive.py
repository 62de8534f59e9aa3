"""The files of an extract, in a zip or a folder. Names in it are never used as paths, sizes are bounded."""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

_CHUNK = 1 << 18
_RATIO_MATTERS_FROM = 1 << 20
# Nothing is ever unpacked to disk; a name with a path in it still says that the zip is not ours. One folder
# in which all files stand is what a zip gets that was unpacked and packed again.
_PLAIN = re.compile(r"(?:([^/\\:\0]+)/)?[^/\\:\0]+")


class UnreadableExtract(Exception):
    """The files cannot be read. `reason` is a stable code, `file` the one concerned."""

    def __init__(self, reason: str, file: str | None = None) -> None:
        """Keep the reason and the file."""
        super().__init__(reason if file is None else f"{reason}: {file}")
        self.reason = reason
        self.file = file


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much we are ready to read. A full extract is some 2.1 GB, its largest file 1.5 GB."""

    file_bytes: int = 16 << 30
    total_bytes: int = 32 << 30
    ratio: int = 200


@contextmanager
def _damage_is_told(name: str) -> Iterator[None]:
    """What cannot be read is said as such. A way of packing that is not known here cannot be read either."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise UnreadableExtract("damaged", name) from error


class _Bounded(io.RawIOBase):
    """Reads no more than it may, whatever the archive said of its size."""

    def __init__(self, inner: IO[bytes], limit: int, name: str) -> None:
        self._inner = inner
        self._left = limit
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        with _damage_is_told(self._name):
            data = self._inner.read(len(view))
        self._left -= len(data)
        if self._left < 0:
            raise UnreadableExtract("tooLarge", self._name)
        view[: len(data)] = data
        return len(data)


class ExtractFiles:
    """The files of an extract, by their lower-case name. Use as a context manager."""

    def __init__(self, path: Path, bounds: Bounds | None = None) -> None:
        """Open a zip or a folder. Raises `UnreadableExtract`."""
        self._bounds = bounds or Bounds()
        self._path = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            self._names = {each.name.lower(): each.name for each in path.iterdir() if each.is_file()}
        elif path.is_file():
            self._names = self._open_zip()
        else:
            raise UnreadableExtract("notFound")

    def __enter__(self) -> Self:
        """The files."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the zip."""
        if self._zip is not None:
            self._zip.close()

    def __contains__(self, name: str) -> bool:
        """Whether there is such a file."""
        return name in self._names

    def size(self, name: str) -> int:
        """How many bytes a file is, unpacked."""
        real = self._names[name]
        return (self._path / real).stat().st_size if self._zip is None else self._zip.getinfo(real).file_size

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """The bytes of a file, unpacked as they are read. Raises `UnreadableExtract`."""
        if name not in self._names:
            raise UnreadableExtract("missing", name)
        real = self._names[name]
        with _damage_is_told(name):
            found = (self._path / real).open("rb") if self._zip is None else self._zip.open(real)
        with found as inner:
            yield io.BufferedReader(_Bounded(inner, self._bounds.file_bytes, name), _CHUNK)

    def sha256(self) -> bytes:
        """The digest of the zip; for a folder, that of its files' names and digests."""
        if self._zip is not None:
            with self._path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        whole = hashlib.sha256()
        for name, real in sorted(self._names.items()):
            with (self._path / real).open("rb") as file:
                whole.update(name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
        return whole.digest()

    def _open_zip(self) -> dict[str, str]:
        with _damage_is_told(self._path.name):
            self._zip = zipfile.ZipFile(self._path)
        entries = [entry for entry in self._zip.infolist() if not _is_folder(entry.filename)]
        folder = _common_folder([entry.filename for entry in entries])
        names: dict[str, str] = {}
        total = 0
        for entry in entries:
            total += entry.file_size
            self._check(entry, total)
            name = entry.filename.removeprefix(folder).lower()
            if name in names:
                raise UnreadableExtract("twice", name)
            names[name] = entry.filename
        return names

    def _check(self, entry: zipfile.ZipInfo, total: int) -> None:
        name = entry.filename
        if entry.flag_bits & 0x1:
            raise UnreadableExtract("encrypted", name)
        packed_too_well = (
            entry.file_size > _RATIO_MATTERS_FROM
            and entry.file_size > entry.compress_size * self._bounds.ratio
        )
        if entry.file_size > self._bounds.file_bytes or total > self._bounds.total_bytes or packed_too_well:
            raise UnreadableExtract("tooLarge", name)


def _is_folder(name: str) -> bool:
    """Whether it is the name of a folder, which holds nothing. Raises `UnreadableExtract`."""
    found = _PLAIN.fullmatch(name.removesuffix("/"))
    if found is None or ".." in name:
        raise UnreadableExtract("pathInName")
    if name.endswith("/") and found[1] is not None:
        raise UnreadableExtract("pathInName")
    return name.endswith("/")


def _common_folder(names: Sequence[str]) -> str:
    """The one folder in which all of them stand, with its slash; "" where they stand in none."""
    folders = {name[: name.rfind("/") + 1] for name in names}
    if len(folders) > 1:
        raise UnreadableExtract("pathInName")
    return folders.pop() if folders else ""
