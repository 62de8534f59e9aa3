"""Writing a country and its days: archives of extracts and feeds of functions, the same bytes each time."""

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice
from pathlib import Path

from iam.bce.synthetic import feed, numbers
from iam.bce.synthetic.calendar import Edition, edition
from iam.bce.synthetic.country import Country
from iam.bce.synthetic.days import live, newcomers
from iam.bce.synthetic.draw import SIZE
from iam.bce.synthetic.files import ACTIVITY, FILES
from iam.bce.synthetic.update import Update
from iam.bce.synthetic.vocabulary.activities import code_table

# Packed better it takes three times as long, and the files are read once or twice.
_LEVEL = 1
_TEXTS = 2048
_PRIVATE = 0o600
# In so large a country a file may grow beyond 2 GiB, and the archive must know that before it begins.
_LARGE = 1_500_000
_MIGRATION = 2
_ABSENT = SIZE // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be made. There are numbers for some 2.6 million enterprises, newcomers included.

    `full_after`: of each day a full extract and feed as well; `full_last`: of the last day alone.
    """

    enterprises: int
    seed: int
    days: int
    month: date
    first_extract: int = 1
    activities: bool = True
    full_after: bool = False
    full_last: bool = False

    def __post_init__(self) -> None:
        """Refuse a country for which there are not enough numbers."""
        if self.enterprises + self.days * newcomers(self.enterprises) > numbers.MOST:
            raise ValueError(f"there are numbers for {numbers.MOST} enterprises, newcomers included")


@dataclass(slots=True)
class Made:
    """What was made: archives and feeds in their order, with how many rows there are in each file of them."""

    extracts: list[Path] = field(default_factory=list)
    feeds: list[Path] = field(default_factory=list)
    rows: dict[str, dict[str, int]] = field(default_factory=dict)


def generate(plan: Plan, folder: Path) -> Made:
    """The files are in the folder: a full extract and its feed, then those of one day after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    first = edition(plan.first_extract, plan.month, 0)
    country = Country(
        seed=plan.seed, enterprises=plan.enterprises, snapshot_on=first.snapshot_on, migrates_on=_MIGRATION
    )
    writer = _Writer(country, folder, activities=plan.activities)
    writer.full(first)
    for day in range(1, plan.days + 1):
        changes = live(country, day)
        of_day = edition(plan.first_extract, plan.month, day)
        writer.update(of_day, Update(country, changes))
        writer.feed(of_day, "update", feed.changed_lines(country, changes.values()))
        if plan.full_after or (plan.full_last and day == plan.days):
            writer.full(of_day)
    return writer.made


class _Writer:
    def __init__(self, country: Country, folder: Path, *, activities: bool) -> None:
        self._country = country
        self._folder = folder
        self._files = FILES if activities else tuple(file for file in FILES if file is not ACTIVITY)
        self.made = Made()

    def full(self, of: Edition) -> None:
        """A full extract and a full feed of the country as it is."""
        with self._archive(of, "Full") as archive:
            for file in self._files:
                texts = (
                    text
                    for being, row in self._country.drawn(file.what)
                    for _, text in file.texts(self._country, being, row)
                )
                archive.put(file.name, file.header, texts)
        self.feed(of, "full", feed.lines(self._country))

    def update(self, of: Edition, update: Update) -> None:
        """The update of a day. A file of which there is nothing to tell has its header only, or is absent."""
        with self._archive(of, "Update") as archive:
            for file in self._files:
                told = update.told(file)
                for part, header, texts in (
                    ("delete", file.key_header, told.deleted),
                    ("insert", file.header, told.inserted),
                ):
                    first = next(texts, None)
                    if first is not None:
                        archive.put(f"{file.name}_{part}", header, chain((first,), texts))
                    elif self._country.draws.one(f"absent {file.name} {part}", of.number)[0] >= _ABSENT:
                        archive.put(f"{file.name}_{part}", header, ())

    def feed(self, of: Edition, kind: str, texts: Iterable[str]) -> None:
        """A feed of functions. It holds national numbers, made-up ones too: nobody else may read it."""
        path = self._folder / f"functions_{of.number:04d}_{kind}.jsonl"
        with _beside(path) as part:
            part.touch(mode=_PRIVATE)
            with part.open("r+b") as file:
                file.write(feed.head(of, kind, 0).encode())
                count = sum(file.write(chunk) and chunk.count(b"\n") for chunk in _chunks(texts))
                file.seek(0)
                file.write(feed.head(of, kind, count).encode())
        self.made.feeds.append(path)
        self.made.rows[path.name] = {"functions": count}

    @contextmanager
    def _archive(self, of: Edition, kind: str) -> Iterator["_Archive"]:
        path = self._folder / f"{of.name(kind)}.zip"
        with (
            _beside(path) as part,
            zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as zipped,
        ):
            archive = _Archive(zipped, large=self._country.first > _LARGE)
            archive.put("meta", "", (of.meta(kind.lower()),))
            archive.put("code", "", (code_table().decode(),))
            yield archive
        self.made.extracts.append(path)
        self.made.rows[path.name] = archive.rows


class _Archive:
    """A zip in the making, member after member. Members have no time of their own."""

    def __init__(self, zipped: zipfile.ZipFile, *, large: bool) -> None:
        self._zipped = zipped
        self._large = large
        self.rows: dict[str, int] = {}

    def put(self, name: str, header: str, texts: Iterable[str]) -> None:
        """A member is there, with its header and rows."""
        rows = 0
        # A name alone gets the zip format's first day; anything else would get today.
        with self._zipped.open(f"{name}.csv", "w", force_zip64=self._large) as member:
            member.write(header.encode())
            for chunk in _chunks(texts):
                member.write(chunk)
                rows += chunk.count(b"\n")
        self.rows[name] = rows


def _chunks(texts: Iterable[str]) -> Iterator[bytes]:
    source = iter(texts)
    while chunk := "".join(islice(source, _TEXTS)):
        yield chunk.encode()


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Where to write what is to be at a path: it is there when it is whole."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
