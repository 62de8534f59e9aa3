"""The folder where files are kept meanwhile: whole ones, and parts that a later run goes on with.

A part is never taken for a file: it has another name until it is whole, checked and on disk.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from iam.bce.fetch.source import Have

_PART, _NOTE = ".part", ".part.json"


class FolderBusy(Exception):
    """Another process works in the folder."""


class FolderUnusable(Exception):
    """The folder cannot be made or written; says how the system calls that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is here of a file that is not whole: how much, and what the source said of the whole."""

    path: Path
    size: int
    whole: int | None
    stamp: str | None

    @property
    def have(self) -> Have:
        """What the source is asked to go on after."""
        return Have(size=self.size, stamp=self.stamp)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing: only the check and the last step were."""
        return self.whole is not None and self.size == self.whole


class WorkFolder:
    """Use within `locked`: one process at a time."""

    def __init__(self, root: Path) -> None:
        """Remember where."""
        self._root = root

    @contextmanager
    def locked(self) -> Iterator[Self]:
        """The folder is there and ours until the end, or the end of the process.

        Raises `FolderBusy`, `FolderUnusable`.
        """
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FolderUnusable(type(error).__name__) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise FolderBusy from error
            yield self
        finally:
            os.close(descriptor)

    def file(self, name: str) -> Path:
        """Where the whole file of this name is, or will be."""
        return self._root / name

    def part(self, name: str) -> Part | None:
        """What is here of a file that is not whole; None when there is nothing to go on with."""
        path, note = self._part(name), self._note(name)
        try:
            told = json.loads(note.read_bytes())
            return Part(path=path, size=path.stat().st_size, whole=told["size"], stamp=told["stamp"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, name: str, *, size: int | None, stamp: str | None) -> Path:
        """A part of nothing yet; what was here of the file is gone. The note comes before the first byte."""
        self.forget_part(name)
        note = self._note(name)
        written = note.with_suffix(".new")
        written.write_text(json.dumps({"size": size, "stamp": stamp}), encoding="utf-8")
        written.replace(note)
        path = self._part(name)
        path.touch(mode=0o600)
        return path

    def forget_part(self, name: str) -> None:
        """Nothing is here of the file that is not whole."""
        self._part(name).unlink(missing_ok=True)
        self._note(name).unlink(missing_ok=True)

    def finish(self, name: str) -> Path:
        """The part is the whole file, on disk under its own name."""
        part, whole = self._part(name), self.file(name)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(whole)
        _sync(self._root)
        self._note(name).unlink(missing_ok=True)
        return whole

    def tidy(self, keep: int, *, sparing: frozenset[str] = frozenset()) -> None:
        """At most `keep` whole files are left, the newest, and those that are spared."""
        files = sorted(
            (path for path in self._root.iterdir() if path.is_file() and path.suffix.lower() == ".zip"),
            key=lambda path: (path.stat().st_mtime_ns, path.name),
            reverse=True,
        )
        for path in files[keep:]:
            if path.name not in sparing:
                path.unlink()

    def forget_parts(self, *, besides: frozenset[str]) -> None:
        """Parts of files that are offered no more are gone."""
        for note in self._root.glob(f"*{_NOTE}"):
            name = note.name.removesuffix(_NOTE)
            if name not in besides:
                self.forget_part(name)

    def _part(self, name: str) -> Path:
        return self._root / f"{name}{_PART}"

    def _note(self, name: str) -> Path:
        return self._root / f"{name}{_NOTE}"


def digest_of(path: Path) -> bytes:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def append_to(path: Path) -> IO[bytes]:
    """The part, open to be gone on with."""
    return path.open("ab")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
