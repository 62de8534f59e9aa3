"""Applying an extract of the open data, full or update: all of it in one transaction, or nothing.

A crash leaves the extract before or this one, never a mix (DESIGN 6). Readers are not held up: they see the
one before until the commit. How it is done stands in `iam.bce.extracts` (ADR 0013).
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text

from iam.bce import record, reference, search_index
from iam.bce.archive import ExtractFiles, UnreadableExtract
from iam.bce.dialect import BadMeta, HeaderMismatch, Meta, read_meta
from iam.bce.extracts.building import Occupied
from iam.bce.extracts.copying import MissingFile, WrongEncoding, sources
from iam.bce.extracts.judging import ORPHAN
from iam.bce.extracts.order import UPDATE, Applied, Decision, Turn, in_turn
from iam.bce.extracts.pipeline import Found, Instants, Pipeline
from iam.bce.extracts.plan import Plan
from iam.bce.extracts.progress import Moment, Phase, Watcher, nobody
from iam.bce.extracts.space import Space, space_beside, space_in
from iam.bce.extracts.verdicts import Limits, Stop
from iam.bce.staging import prepare
from iam.bce.tables import BceExtract, BceFeed, BceQuarantine
from iam.kernel.clock import Clock, start_of_day
from iam.kernel.ids import MakeId, uuid7
from iam.storage import Database, ReadConnection, WriteConnection
from iam.storage.locks import Lease, try_lease
from iam.storage.tables import core

__all__ = ["Limits", "Report", "Scale", "Status", "apply_extract", "latest_record"]

_extract = core(BceExtract)
_feed = core(BceFeed)
_quarantine = core(BceQuarantine)
_META_BYTES = 1 << 16
_ORPHANS_KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From how many bytes on an extract is laid out beside the transaction, and how many work on it then."""

    beside_from_bytes: int = 16 << 20
    lanes: int = 2


class Status(StrEnum):
    """What became of an extract or feed."""

    APPLIED = "applied"
    ALREADY_APPLIED = "alreadyApplied"
    WOULD_APPLY = "wouldApply"
    HALTED = "halted"
    REJECTED = "rejected"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of it and why; `reason` is a stable code, `detail` names a file, column or number.

    `bad` lists rows set aside as (file, line, reason), `orphans` of which concern nobody; `vanishing` the
    numbers of enterprises that are absent, the `vanishing_watched` first. Both lists are cut at a thousand.
    """

    status: Status
    number: int | None = None
    kind: str | None = None
    reason: str | None = None
    detail: str | None = None
    read: Mapping[str, int] = field(default_factory=dict)
    written: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)
    bad_rows: int = 0
    orphans: int = 0
    bad: tuple[tuple[str, int, str], ...] = ()
    vanishing_count: int = 0
    vanishing_watched: int = 0
    vanishing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class _Undo(Exception):
    """Undoes the transaction; carries the report."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.status)
        self.report = report


async def apply_extract(
    db: Database,
    path: Path,
    clock: Clock,
    *,
    limits: Limits | None = None,
    dry_run: bool = False,
    confirmed: bool = False,
    activities: bool = False,
    branches: bool = True,
    rules: Path | None = None,
    make_id: MakeId = uuid7,
    scale: Scale | None = None,
    watcher: Watcher = nobody,
) -> Report:
    """The register says what the extract at `path` says, or nothing has changed and it is said why.

    What an extract is, its meta.csv says, whatever its name. A full one is applied onto anything older, an
    update onto the extract with the number before. Replaying one is a no-op, one older than the newest is
    refused, so is an update after a gap; a bad one is rejected with its bad rows named, and one by which too
    many enterprises would vanish halts until the very same is `confirmed` (DOMAIN 7.3 nr 8-14). A dry run
    tells the same and leaves everything as it was. `activities` and `branches` say whether a full extract
    brings these into the register; an update follows what the register has.
    """
    limits = limits or Limits()
    try:
        with ExtractFiles(path, limits.bounds) as files:
            attempt = _Attempt(
                files=files,
                meta=_read_meta(files),
                sha256=files.sha256(),
                limits=limits,
                dry_run=dry_run,
                confirmed=confirmed,
                activities=activities,
                branches=branches,
                scale=scale or Scale(),
                watcher=watcher,
            )
            report = await _attempt(db, attempt, clock, reference.read(rules))
    except UnreadableExtract as error:
        status = Status.REFUSED if error.reason == "notFound" else Status.REJECTED
        return Report(status=status, reason=error.reason, detail=error.file)
    except (BadMeta, HeaderMismatch) as error:
        return Report(status=Status.REJECTED, reason="meta", detail=str(error))
    if report.status in {Status.APPLIED, Status.ALREADY_APPLIED}:
        await _make_searchable(db)
    if report.status in {Status.REJECTED, Status.HALTED} and not dry_run:
        async with db.write() as conn:
            await _remember(conn, attempt, report, make_id(), await latest_record(conn, clock()))
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    files: ExtractFiles
    meta: Meta
    sha256: bytes
    limits: Limits
    dry_run: bool
    confirmed: bool
    activities: bool
    branches: bool
    scale: Scale
    watcher: Watcher

    def report(self, status: Status, reason: str | None = None, detail: str | None = None) -> Report:
        return Report(
            status=status, number=self.meta.number, kind=self.meta.kind, reason=reason, detail=detail
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """On which extract the register stands: since when its facts hold, what it has, how many it knows."""

    effective_at: datetime
    activities: bool
    branches: bool
    present: int


def _read_meta(files: ExtractFiles) -> Meta:
    with files.open("meta.csv") as file:
        raw = file.read(_META_BYTES)
    try:
        return read_meta(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadMeta("encoding") from error


async def _attempt(db: Database, attempt: _Attempt, clock: Clock, book: reference.Reference) -> Report:
    try:
        # What is laid out beside the transaction is cleared away after it: until then it is looked at.
        async with AsyncExitStack() as afterwards, db.write() as conn:
            if not await try_lease(conn, Lease.IMPORT):
                return attempt.report(Status.REFUSED, "busy")
            decision = await _in_turn(conn, attempt)
            if decision.turn is not Turn.APPLY:
                return _not_its_turn(attempt, decision)
            await prepare(conn)
            report = await _apply(db, conn, attempt, book, await latest_record(conn, clock()), afterwards)
            attempt.watcher(Moment(phase=Phase.COMMIT, what="commit", done=0, total=1))
        attempt.watcher(Moment(phase=Phase.COMMIT, what="commit", done=1, total=1))
    except _Undo as undone:
        return undone.report
    except (MissingFile, UnreadableExtract, HeaderMismatch, WrongEncoding) as error:
        reasons = {MissingFile: "missing", HeaderMismatch: "header", WrongEncoding: "encoding"}
        reason = reasons.get(type(error)) or getattr(error, "reason", "unreadable")
        return attempt.report(Status.REJECTED, reason, str(error))
    except Occupied:
        return attempt.report(Status.REFUSED, "occupied")
    return report


async def _make_searchable(db: Database) -> None:
    """What can be searched is made, where a register was made as a whole: nobody waits for that meanwhile.

    It stands on the register alone: whoever imports next makes it, should this be cut short.
    """
    async with db.write() as conn:
        if await try_lease(conn, Lease.IMPORT) and await search_index.is_missing(conn):
            await prepare(conn)
            await search_index.refresh(conn)


async def _in_turn(conn: ReadConnection, attempt: _Attempt) -> Decision:
    applied = (
        select(_extract.c.number, _extract.c.kind, _extract.c.snapshot_on, _extract.c.sha256)
        .where(_extract.c.status == Status.APPLIED.value)
        .order_by(_extract.c.number.desc(), _extract.c.attempted_at.desc())
        .limit(1)
    )
    newest = (await conn.execute(applied)).one_or_none()
    of_number = applied.where(_extract.c.number == attempt.meta.number).order_by(None)
    same = (
        await conn.execute(
            of_number.order_by((_extract.c.kind == attempt.meta.kind).desc(), _extract.c.attempted_at.desc())
        )
    ).one_or_none()
    aside = text(
        "SELECT EXISTS (SELECT FROM bce_extract u WHERE u.status = 'applied' AND u.kind = 'update'"
        " AND (u.counts->>'badRows')::bigint > 0 AND u.number > coalesce((SELECT max(f.number)"
        " FROM bce_extract f WHERE f.status = 'applied' AND f.kind = 'full'), 0))"
    )
    held_back = bool((await conn.execute(aside)).scalar_one())
    return in_turn(attempt.meta, attempt.sha256, _applied(newest), _applied(same), held_back=held_back)


def _applied(row: Any) -> Applied | None:
    if row is None:
        return None
    return Applied(number=row.number, kind=row.kind, snapshot_on=row.snapshot_on, sha256=bytes(row.sha256))


def _not_its_turn(attempt: _Attempt, decision: Decision) -> Report:
    status = {
        Turn.KNOWN: Status.ALREADY_APPLIED,
        Turn.REFUSE: Status.REFUSED,
        Turn.REJECT: Status.REJECTED,
    }[decision.turn]
    return replace(attempt.report(status, decision.reason, decision.detail), warnings=decision.warnings)


async def latest_record(conn: ReadConnection, now: datetime) -> datetime:
    """The instant at which what comes now is believed: `now`, but always after all that came before."""
    last = (
        await conn.execute(
            select(func.greatest(
                select(func.max(_extract.c.attempted_at)).scalar_subquery(),
                select(func.max(_feed.c.attempted_at)).scalar_subquery(),
            ))
        )
    ).scalar_one()  # fmt: skip
    return now if last is None else max(now, last + timedelta(microseconds=1))


async def _before(conn: ReadConnection) -> _Before | None:
    """What the newest extract left; None before the first."""
    row = (
        await conn.execute(
            select(_extract.c.effective_at, _extract.c.activities, _extract.c.branches, _extract.c.counts)
            .where(_extract.c.status == Status.APPLIED.value)
            .order_by(_extract.c.effective_at.desc())
            .limit(1)
        )
    ).one_or_none()
    if row is None:
        return None
    present = row.counts.get("present")
    if present is None:
        counted = await conn.execute(text("SELECT count(*) FROM bce_entity WHERE vanished_at IS NULL"))
        present = counted.scalar_one()
    return _Before(
        effective_at=row.effective_at, activities=row.activities, branches=row.branches, present=present
    )


async def _apply(
    db: Database,
    conn: WriteConnection,
    attempt: _Attempt,
    book: reference.Reference,
    now: datetime,
    afterwards: AsyncExitStack,
) -> Report:
    meta, before = attempt.meta, await _before(conn)
    await reference.store(conn, book)
    plan = Plan(update=False, activities=attempt.activities, branches=attempt.branches)
    if meta.kind == UPDATE and before is not None:
        plan = Plan(update=True, activities=before.activities, branches=before.branches)
    day = start_of_day(meta.snapshot_on)
    if before is not None:
        # Two extracts may speak of the same day; a fact that lasted from the one to the other did last.
        day = max(day, before.effective_at + timedelta(microseconds=1))
    pipeline = Pipeline(
        await afterwards.enter_async_context(_space(db, conn, attempt, plan)),
        attempt.files,
        plan,
        attempt.limits,
        attempt.watcher,
        present=0 if before is None else before.present,
        confirmed=await _confirmed(conn, attempt),
    )
    try:
        await pipeline.stage(Instants(now=now, day=day, extract=meta.number))
    except Stop as stop:
        status = Status.HALTED if stop.halts else Status.REJECTED
        raise _Undo(_seen(attempt.report(status, stop.reason, stop.detail), pipeline.found)) from None
    attempt.watcher(Moment(phase=Phase.MERGE, what="merge", done=0, total=1))
    report = await _write(conn, pipeline, attempt, now)
    report = replace(report, warnings=(*report.warnings, *_ignored_wishes(attempt, plan)))
    if attempt.dry_run:
        raise _Undo(replace(report, status=Status.WOULD_APPLY))
    applied = _Applied(plan=plan, day=day, found=pipeline.found)
    key = uuid7()
    await _remember(conn, attempt, report, key, now, applied=applied)
    await _quarantine_all(pipeline.space, key)
    attempt.watcher(Moment(phase=Phase.MERGE, what="merge", done=1, total=1))
    await pipeline.change_places()
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Applied:
    plan: Plan
    day: datetime
    found: Found


def _space(
    db: Database, conn: WriteConnection, attempt: _Attempt, plan: Plan
) -> AbstractAsyncContextManager[Space]:
    """Where the extract is laid out: a large one beside the transaction."""
    files = [source.csv for source in sources(plan.files, update=plan.update)]
    size = sum(attempt.files.size(name) for name in files if name in attempt.files)
    if size < attempt.scale.beside_from_bytes:
        return space_in(conn)
    return space_beside(db, conn, attempt.scale.lanes)


def _ignored_wishes(attempt: _Attempt, plan: Plan) -> list[str]:
    """An update follows what the register has."""
    return [
        f"whether there are {name} changes with the next full extract"
        for name in ("activities", "branches")
        if getattr(attempt, name) is not getattr(plan, name)
    ]


def _seen(report: Report, found: Found) -> Report:
    return replace(
        report,
        read=found.read,
        written=found.written,
        bad_rows=found.bad_rows,
        orphans=found.orphans,
        bad=found.bad,
        vanishing_count=found.vanishing_count,
        vanishing_watched=found.vanishing_watched,
        vanishing=found.vanishing,
        warnings=tuple(found.warnings),
    )


async def _write(conn: WriteConnection, pipeline: Pipeline, attempt: _Attempt, now: datetime) -> Report:
    """The register is changed and what happened to watched enterprises is told, once each."""
    number = attempt.meta.number
    happened = {} if pipeline.is_first else await record.changes(pipeline.space.main, extract=number)
    await pipeline.merge()
    if not pipeline.is_first and await pipeline.touch():
        await search_index.refresh(conn, pipeline.touched)
    await record.tell(conn, happened, trigger=f"extract {number:04d}", now=now)
    kinds: dict[str, int] = {}
    for events in happened.values():
        for event in events:
            kinds[event.KIND] = kinds.get(event.KIND, 0) + 1
    return replace(_seen(attempt.report(Status.APPLIED), pipeline.found), events=kinds)


async def _confirmed(conn: ReadConnection, attempt: _Attempt) -> bool:
    """Only what was shown can be confirmed: the very same files must have halted before."""
    if not attempt.confirmed:
        return False
    halted = await conn.execute(
        select(_extract.c.attempt_id)
        .where(
            _extract.c.number == attempt.meta.number,
            _extract.c.sha256 == attempt.sha256,
            _extract.c.status == Status.HALTED.value,
        )
        .limit(1)
    )
    return halted.one_or_none() is not None


async def _remember(
    conn: WriteConnection,
    attempt: _Attempt,
    report: Report,
    key: UUID,
    now: datetime,
    *,
    applied: _Applied | None = None,
) -> None:
    counts: dict[str, Any] = {
        "read": dict(report.read),
        "written": {table: dict(each) for table, each in report.written.items()},
        "badRows": report.bad_rows - report.orphans,
        "orphans": report.orphans,
        "vanishing": report.vanishing_count,
    }
    if applied is not None:
        counts["present"] = applied.found.present
    await conn.execute(
        insert(_extract).values(
            attempt_id=key,
            number=attempt.meta.number,
            kind=attempt.meta.kind,
            snapshot_on=attempt.meta.snapshot_on,
            extracted_at=attempt.meta.extracted_at,
            sha256=attempt.sha256,
            status=report.status.value,
            reason=report.reason,
            counts=counts,
            attempted_at=now,
            effective_at=None if applied is None else applied.day,
            activities=applied is not None and applied.plan.activities,
            branches=applied is not None and applied.plan.branches,
        )
    )
    if applied is None and report.bad:
        await conn.execute(
            insert(_quarantine),
            [
                {"attempt_id": key, "file": file, "line": line, "key": None, "reason": reason}
                for file, line, reason in report.bad
            ],
        )


async def _quarantine_all(space: Space, key: UUID) -> None:
    """Every row that was set aside is named; of orphans, which concern nobody, the first thousand."""
    await space.main.run(
        "INSERT INTO bce_quarantine (attempt_id, file, line, key, reason)"  # noqa: S608 - a key of our own
        f" SELECT '{key}', file, line, NULL, reason FROM (SELECT *, row_number() OVER"
        f" (PARTITION BY reason = '{ORPHAN}' ORDER BY file, line) AS place FROM @bad) b"
        f" WHERE reason <> '{ORPHAN}' OR place <= {_ORPHANS_KEPT}"
    )
