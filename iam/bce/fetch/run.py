"""A run: what is new is fetched and applied, one file after the other, until none is left or one stops it.

Never two at once: a lease of the database and a lock of the work folder. A run that was killed leaves parts,
files and rows with which the next one goes on; the register itself is changed by the importer alone, whole.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from iam.bce.archive import ExtractFiles, UnreadableExtract
from iam.bce.dialect import BadMeta, HeaderMismatch, read_meta
from iam.bce.fetch import record
from iam.bce.fetch.advice import advice
from iam.bce.fetch.download import Patience, Sleep, Watcher, download, tried
from iam.bce.fetch.model import Fetched, FileReport, FileState, Offered, Outcome, RunReport
from iam.bce.fetch.names import Claim, claim_of
from iam.bce.fetch.plan import Item, Missing, Step, Take, in_order, in_question, next_step
from iam.bce.fetch.source import FileChanged, Source, SourceDistrusted, SourceUnavailable
from iam.bce.fetch.work import FolderBusy, FolderUnusable, WorkFolder, digest_of
from iam.bce.importer import Report, Status
from iam.kernel.clock import Clock
from iam.storage import Database, ReadConnection
from iam.storage.locks import Lease, keep_lease

Apply = Callable[[Path], Awaitable[Report]]
_META_BYTES = 1 << 16
_PASSING = {"busy", "occupied"}
_STOPS = {
    Status.REFUSED: (Outcome.REFUSED, FileState.REFUSED),
    Status.REJECTED: (Outcome.REJECTED, FileState.REJECTED),
    Status.HALTED: (Outcome.HALTED, FileState.HALTED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a run works with. `apply` is what `habilis bce import` does with a file."""

    db: Database
    source: Source
    work: WorkFolder
    apply: Apply
    clock: Clock
    patience: Patience
    keep: int
    watcher: Watcher
    sleep: Sleep = asyncio.sleep


async def fetch(means: Means) -> RunReport:
    """What is new at the source is in the register, in order; or it is said where it stopped, and why."""
    source = means.source.name
    busy = RunReport(outcome=Outcome.UNAVAILABLE, reason="busy", source=source)
    async with keep_lease(means.db.url, Lease.FETCH) as ours:
        if not ours:
            return _advised(busy)
        try:
            with means.work.locked():
                async with means.db.write() as conn:
                    key = await record.begin_run(conn, source, means.clock())
                report = await _Chain(means).run()
                async with means.db.write() as conn:
                    await record.end_run(conn, key, report, means.clock())
                return report
        except FolderBusy:
            return _advised(busy)
        except FolderUnusable as error:
            refused = replace(busy, outcome=Outcome.REFUSED, reason="workFolder", detail=str(error))
            return _advised(refused)


async def look(means: Means) -> RunReport:
    """What a run would fetch, as far as names tell; nothing is fetched and nothing written."""
    return await _Chain(means).look()


class _Stop(Exception):
    """Ends the run; carries why."""

    def __init__(self, outcome: Outcome, reason: str | None, detail: str | None = None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.reason = reason
        self.detail = detail


class NoExtract(Exception):
    """A file is not an extract. `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        """Keep the code."""
        super().__init__(reason)
        self.reason = reason


def look_into(path: Path) -> Claim:
    """Which extract the file is, by its own meta.csv. Raises `NoExtract`."""
    try:
        with ExtractFiles(path) as files, files.open("meta.csv") as file:
            meta = read_meta(file.read(_META_BYTES).decode("utf-8-sig"))
    except UnreadableExtract as error:
        raise NoExtract(error.reason) from error
    except (BadMeta, HeaderMismatch, UnicodeDecodeError) as error:
        raise NoExtract("meta") from error
    return Claim(number=meta.number, full=meta.kind == "full")


@dataclass(slots=True)
class _Chain:
    means: Means
    applied: int | None = None
    left_aside: bool = False
    items: list[Item] = field(default_factory=list)
    known: dict[str, Fetched] = field(default_factory=dict)
    reports: list[FileReport] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    # Whole files of which this run has seen that they are what they were when they were fetched.
    seen: set[str] = field(default_factory=set)
    listed_again: bool = False

    async def run(self) -> RunReport:
        try:
            await self._list()
            self.means.work.forget_parts(besides=frozenset(item.offered.name for item in self.items))
            while True:
                step = next_step(self.applied, self.items, left_aside=self.left_aside)
                item = step.item if isinstance(step, Take) else in_question(step, self.items)
                if item is None:
                    return self._end(step)
                if isinstance(step, Take) and item.looked_into and await self._is_here(item.offered):
                    await self._apply(item)
                else:
                    await self._get(item)
        except _Stop as stop:
            return self._report(stop.outcome, stop.reason, stop.detail)
        except SourceUnavailable as error:
            return self._report(Outcome.UNAVAILABLE, error.reason)
        except SourceDistrusted as error:
            return self._report(Outcome.DISTRUSTED, error.reason, error.detail)

    async def look(self) -> RunReport:
        try:
            await self._list()
        except SourceUnavailable as error:
            return self._report(Outcome.UNAVAILABLE, error.reason)
        except SourceDistrusted as error:
            return self._report(Outcome.DISTRUSTED, error.reason, error.detail)
        wanted, step = in_order(self.applied, self.items, left_aside=self.left_aside)
        if isinstance(step, Missing):
            self.warnings.append(f"missing {_number(step.number)}")
        for item in wanted:
            self._tell(item, state="wouldFetch")
        return self._report(Outcome.WOULD_FETCH if wanted else Outcome.UP_TO_DATE)

    async def _list(self) -> None:
        means = self.means
        listing = await tried(means.source.offered, means.patience, means.sleep)
        async with means.db.read() as conn:
            await self._stand(conn)
            fetched = await record.fetched_from(conn, means.source.name)
        self.warnings += [f"pathInName {name!r}" for name in listing.passed_over]
        self.known, self.items = {}, []
        for offered in listing.files:
            before = next((each for each in fetched if each.is_of(offered)), None)
            claim = claim_of(offered.name)
            if before is None or _may_be_mended(before, offered, claim):
                self.items.append(Item(offered=offered, claim=claim))
            elif before.number is not None:
                self.known[offered.name] = before
                told = Claim(number=before.number, full=bool(before.full))
                self.items.append(Item(offered=offered, claim=told, looked_into=True))

    async def _stand(self, conn: ReadConnection) -> None:
        """It is known on which extract the register stands, and whether a full one would mend something."""
        newest = await record.newest_extract(conn)
        self.applied = None if newest is None else newest.number
        self.left_aside = await record.left_aside(conn)

    async def _is_here(self, offered: Offered) -> bool:
        """Whether the whole file is in the work folder, and the one that was fetched."""
        if offered.name not in self.seen:
            path = self.means.work.file(offered.name)
            known = self.known[offered.name]
            if path.is_file() and await asyncio.to_thread(digest_of, path) == known.sha256:
                self.seen.add(offered.name)
        return offered.name in self.seen

    async def _get(self, item: Item) -> None:
        """The file is here and says itself what it is; or it is no extract, and out of the question."""
        means, offered = self.means, item.offered
        try:
            file = await download(
                means.source, offered, means.work, means.patience, means.watcher, sleep=means.sleep
            )
            claim, reason = await asyncio.to_thread(_looked_into, file.path)
        except FileChanged as error:
            if self.listed_again:
                raise SourceDistrusted(error.reason, error.name) from error
            self.listed_again = True
            await self._list()
            return
        except OSError as error:
            raise _Stop(Outcome.REFUSED, "workFolder", type(error).__name__) from error
        async with means.db.write() as conn:
            await record.note_fetched(conn, means.source.name, file, claim, reason=reason, now=means.clock())
        self.items.remove(item)
        if claim is None:
            file.path.unlink()
            self._tell(item, state=FileState.UNREADABLE.value, sha256=file.sha256, reason=reason)
            if item.claim is not None:
                raise _Stop(Outcome.REJECTED, reason, offered.name)
            self.warnings.append(f"no extract: {offered.name}")
            return
        if item.claim not in {None, claim}:
            self.warnings.append(f"{offered.name} is extract {_number(claim.number)}, {_kind(claim)}")
        self.seen.add(offered.name)
        self.known[offered.name] = Fetched(
            name=offered.name, size=file.size, stamp=file.stamp, sha256=file.sha256,
            state=FileState.FETCHED, number=claim.number, full=claim.full,
        )  # fmt: skip
        self.items.append(replace(item, claim=claim, looked_into=True))
        means.work.tidy(means.keep, sparing=frozenset({offered.name}))

    async def _apply(self, item: Item) -> None:
        """The register is what the file says. Raises `_Stop` when the importer says otherwise."""
        means, name = self.means, item.offered.name
        known = self.known[name]
        path = means.work.file(name)
        if known.state is FileState.HALTED:
            # Only a person's word changes that; to try again would take its time and end the same.
            self._tell(item, state=known.state.value, sha256=known.sha256, reason=known.reason)
            raise _Stop(Outcome.HALTED, known.reason, str(path))
        means.watcher.applying(name, known.number or 0)
        report = await means.apply(path)
        if report.status is Status.REFUSED and report.reason in _PASSING:
            # Somebody imports by hand, or holds a table: nobody's fault, and over by itself.
            raise _Stop(Outcome.UNAVAILABLE, report.reason)
        done = FileState.APPLIED if report.status is Status.APPLIED else FileState.ALREADY_APPLIED
        outcome, state = _STOPS.get(report.status, (None, done))
        async with means.db.write() as conn:
            await record.settle(
                conn, means.source.name, name, known.sha256, state, reason=report.reason, now=means.clock()
            )
            await self._stand(conn)
        self.warnings += report.warnings
        self._tell(item, state=state.value, sha256=known.sha256, reason=report.reason)
        if outcome is not None:
            detail = str(path) if outcome is Outcome.HALTED else report.detail
            raise _Stop(outcome, report.reason, detail)
        self.items.remove(item)
        means.work.tidy(means.keep)

    def _end(self, step: Step) -> RunReport:
        if isinstance(step, Missing):
            if step.number is None:
                return self._report(Outcome.REFUSED, "noFull")
            return self._report(Outcome.REFUSED, "gap", _number(step.number))
        done = any(each.state == FileState.APPLIED.value for each in self.reports)
        return self._report(Outcome.APPLIED if done else Outcome.UP_TO_DATE)

    def _tell(
        self, item: Item, *, state: str, sha256: bytes | None = None, reason: str | None = None
    ) -> None:
        claim, known = item.claim, self.known.get(item.offered.name)
        self.reports.append(
            FileReport(
                name=item.offered.name,
                number=None if claim is None else claim.number,
                kind=None if claim is None else _kind(claim),
                size=item.offered.size if known is None else known.size,
                sha256=None if sha256 is None else sha256.hex(),
                state=state,
                reason=reason,
            )
        )

    def _report(self, outcome: Outcome, reason: str | None = None, detail: str | None = None) -> RunReport:
        return _advised(
            RunReport(
                outcome=outcome,
                source=self.means.source.name,
                reason=reason,
                detail=detail,
                extract=self.applied,
                files=tuple(self.reports),
                warnings=tuple(dict.fromkeys(self.warnings)),
            )
        )


def _may_be_mended(before: Fetched, offered: Offered, claim: Claim | None) -> bool:
    """Whether there may be another file under the name of one that was bad: fetched anew, it shows."""
    if before.state is FileState.REJECTED:
        return offered.stamp is None and offered.sha256 is None
    return before.number is None and claim is not None


def _looked_into(path: Path) -> tuple[Claim | None, str | None]:
    try:
        return look_into(path), None
    except NoExtract as error:
        return None, error.reason


def _advised(report: RunReport) -> RunReport:
    return replace(report, advice=advice(report.outcome, report.reason))


def _number(number: int | None) -> str:
    return "a full extract" if number is None else f"{number:04d}"


def _kind(claim: Claim) -> str:
    return "full" if claim.full else "update"
