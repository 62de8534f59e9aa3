"""Copying the files of an extract into tables, as they are.

`COPY` takes a file whole. Only one that it refuses, or in which a value goes over the end of a line, is read
again line by line: to find the damaged lines, or the values that really have several.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

import psycopg

from iam.bce.archive import ExtractFiles, UnreadableExtract
from iam.bce.dialect import (
    BRANCH,
    CODE_COLUMNS,
    ENTERPRISE,
    ESTABLISHMENT,
    File,
    Header,
    read_header,
    whole_rows,
)
from iam.bce.extracts.progress import Moment, Phase, Watcher
from iam.bce.extracts.space import Lane

_CHUNK = 1 << 18
_LONGEST_LINE = 1 << 16
_LONGEST_NAME = 60
_ENTERPRISE = re.compile(rf"(?<![0-9.]){ENTERPRISE}(?![0-9])")
_UNIT = re.compile(rf"(?<![0-9.])({ESTABLISHMENT}|{BRANCH})(?![0-9])")
_BAD_COPY = ("22P04", "22P02", "54000")


class WrongEncoding(Exception):
    """A file is not UTF-8; names it. The whole extract is rejected."""


class MissingFile(Exception):
    """A file that must be there is not; names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of the archive, the columns that are wanted of it, and the table it becomes.

    `deletes` says that it names what is taken away; then there is a column only. One that is not `required`
    may be absent: its table is empty then.
    """

    name: str
    file: File
    deletes: bool = False
    required: bool = True

    @property
    def csv(self) -> str:
        """Its name in the archive."""
        return f"{self.name}.csv"

    @property
    def table(self) -> str:
        """Its table."""
        return f"{self.file.name}_delete" if self.deletes else self.file.name

    @property
    def columns(self) -> tuple[str, ...]:
        """What is wanted of it."""
        return (self.file.key,) if self.deletes else self.file.columns


def sources(files: Sequence[File], *, update: bool) -> tuple[Source, ...]:
    """The files of an archive that become tables. Of an update any may be absent (quirk h)."""
    if not update:
        return tuple(Source(name=file.name, file=file, required=file.required) for file in files)
    return tuple(
        Source(name=f"{file.name}_{part}", file=file, deletes=part == "delete", required=False)
        for file in files
        for part in ("delete", "insert")
    )


@dataclass(slots=True)
class Copied:
    """What was read: rows by file, and what is to be said about the files."""

    rows: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Copier:
    """Copies files of one archive; tells the watcher how many bytes are done."""

    def __init__(self, files: ExtractFiles, wanted: Sequence[Source], watcher: Watcher) -> None:
        """Begin with nothing copied. Raises `MissingFile`, `HeaderMismatch`, `UnreadableExtract`."""
        self.copied = Copied()
        self._files = files
        self._watcher = watcher
        self._total = sum(files.size(source.csv) for source in wanted if source.csv in files)
        self._done = 0
        for name in ("code.csv", *(source.csv for source in wanted if source.required)):
            if name not in files:
                raise MissingFile(name)
        with files.open("code.csv") as file:
            read_header(file.readline(_LONGEST_LINE), "code.csv", CODE_COLUMNS)
        if wanted and not any(source.csv in files for source in wanted):
            raise MissingFile(wanted[0].csv)

    async def copy(self, lane: Lane, source: Source) -> None:
        """The file is in its table. Raises `HeaderMismatch`, `UnreadableExtract`, `WrongEncoding`."""
        if source.csv not in self._files:
            await _create(lane, source, Header(columns=source.columns))
            return
        with self._files.open(source.csv) as data:
            header = read_header(data.readline(_LONGEST_LINE), source.csv, source.columns)
            await _create(lane, source, header)
            whole = await self._copy_whole(lane, source, header, data)
        if whole is None:
            with self._files.open(source.csv) as data:
                data.readline(_LONGEST_LINE)
                whole = await _copy_by_line(lane, source, header, data)
        self.copied.rows[source.name] = whole
        self.copied.warnings += [
            f"{source.csv}: column {name[:_LONGEST_NAME]} is not known, and left aside"
            for name in header.others
        ]

    async def _copy_whole(self, lane: Lane, source: Source, header: Header, data: IO[bytes]) -> int | None:
        """The rows copied, or None (and nothing copied) when the file needs a closer look."""
        names = ", ".join(f'"{name}"' for name in header.names)
        lines, returns, ending = 0, 0, b"\n"
        # "" and nothing between two commas are the same (nr 8).
        statement = (
            f"COPY @{source.table} ({names}) FROM STDIN (FORMAT csv, FORCE_NULL ({names}), ENCODING 'UTF8')"
        )
        with suppress(_CloserLook):
            async with lane.raw.transaction(), lane.raw.cursor() as cursor:
                try:
                    async with cursor.copy(lane.names.sql(statement).encode()) as copy:
                        while chunk := data.read(_CHUNK):
                            lines += chunk.count(b"\n")
                            returns += chunk.count(b"\r")
                            ending = chunk[-1:]
                            await copy.write(chunk)
                            self._tell(source, len(chunk))
                except psycopg.errors.CharacterNotInRepertoire as error:
                    raise WrongEncoding(source.csv) from error
                except psycopg.DataError as error:
                    if error.sqlstate not in _BAD_COPY:
                        raise
                    raise _CloserLook from error
                # A quote that was never closed takes whole lines with it; so does a value of several lines.
                if cursor.rowcount != lines + (ending != b"\n") or returns not in {0, lines}:
                    raise _CloserLook
                return cursor.rowcount
        return None

    def _tell(self, source: Source, more: int) -> None:
        self._done = min(self._done + more, self._total)
        self._watcher(Moment(phase=Phase.COPY, what=source.csv, done=self._done, total=self._total))


class _CloserLook(Exception):
    """The file must be read line by line; what was copied of it is undone."""


async def _create(lane: Lane, source: Source, header: Header) -> None:
    # Numbers and codes are compared by their bytes, whatever the language of the database.
    columns = ", ".join(f'"{name}" text COLLATE "C"' for name in header.names)
    await lane.make_empty(source.table, f"{columns}, line bigint")


async def _copy_by_line(lane: Lane, source: Source, header: Header, data: IO[bytes]) -> int:
    """The rows of a file that needs a closer look, but the damaged ones."""
    names = ", ".join(f'"{name}"' for name in (*header.names, "line"))
    damaged: list[tuple[str, int, str | None, str | None]] = []
    read = 0
    statement = f"COPY @{source.table} ({names}) FROM STDIN"
    async with lane.raw.cursor() as cursor:
        async with cursor.copy(lane.names.sql(statement).encode()) as copy:
            for line, written, row in whole_rows(_lines(data, source), len(header.columns)):
                read += 1
                if row is None:
                    damaged.append((source.csv, line, *_probably_about(source, written)))
                else:
                    await copy.write_row([*(value or None for value in row), str(line)])
        if damaged:
            async with cursor.copy(
                lane.names.sql("COPY @bad (file, line, key, own) FROM STDIN").encode()
            ) as copy:
                for aside in damaged:
                    await copy.write_row(aside)
    return read


def _probably_about(source: Source, line: str) -> tuple[str | None, str | None]:
    """What a damaged line is about, if that can be seen in it, and of what it would be the own row."""
    enterprise, unit = _ENTERPRISE.search(line), _UNIT.search(line)
    about = enterprise or unit
    own = {"enterprise": enterprise, "establishment": unit, "branch": unit}.get(source.table)
    return (None if about is None else about.group(), None if own is None else own.group())


def _lines(data: IO[bytes], source: Source) -> Iterator[tuple[int, str]]:
    line = 1
    while raw := data.readline(_LONGEST_LINE):
        line += 1
        if len(raw) == _LONGEST_LINE and not raw.endswith(b"\n"):
            raise UnreadableExtract("lineTooLong", source.csv)
        try:
            yield line, raw.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise WrongEncoding(source.csv) from error


BAD = """
    file text, line bigint, key text COLLATE "C", own text COLLATE "C", reason text NOT NULL DEFAULT 'row'
"""
"""The rows that cannot be believed: about whom they are, of what they would be the own row, and why.

One that is damaged is no `row` at all.
"""
