"""Applying a full extract of the open data: all of it in one transaction, or nothing (DESIGN 6).

A crash leaves the extract before or this one, never a mix. Readers are not held up: they see the one
before until the commit.
"""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; values are parameters

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, insert, select, text

from iam.bce import labels, merge, record, reference, search_index, staging
from iam.bce.archive import Bounds, ExtractFiles, UnreadableExtract
from iam.bce.dialect import BadMeta, HeaderMismatch, Meta, read_meta
from iam.bce.tables import BceExtract, BceFeed, BceQuarantine
from iam.kernel.clock import Clock, start_of_day
from iam.kernel.ids import MakeId, uuid7
from iam.storage import Database, ReadConnection, WriteConnection
from iam.storage.locks import Lease, try_lease
from iam.storage.tables import core

_extract = core(BceExtract)
_feed = core(BceFeed)
_quarantine = core(BceQuarantine)
_META_BYTES = 1 << 16
_SHOWN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When an extract is not believed, and when a person must look first.

    `vanish_floor` enterprises may vanish whatever share they are: in a small register one of them is
    more than any share worth naming. Both are counted among the enterprises present before.
    """

    bad_share: float = 0.001
    vanish_share: float = 0.005
    vanish_floor: int = 1
    bounds: Bounds = field(default_factory=Bounds)


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

    `bad` lists rows set aside as (file, line, reason), `vanishing` the numbers of enterprises that
    are absent, watched ones first; both are cut at a thousand.
    """

    status: Status
    number: int | None = None
    reason: str | None = None
    detail: str | None = None
    read: Mapping[str, int] = field(default_factory=dict)
    written: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)
    bad_rows: int = 0
    bad: tuple[tuple[str, int, str], ...] = ()
    vanishing_count: int = 0
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
    rules: Path | None = None,
    make_id: MakeId = uuid7,
) -> Report:
    """The register says what the full extract at `path` says, or nothing has changed and it is said why.

    Replaying an extract is a no-op, one older than the newest is refused, a bad one is rejected with its bad
    rows named, and one by which too many enterprises would vanish halts until it is `confirmed`
    (DOMAIN 7.3 nr 8, 10, 13, 14). A dry run tells the same and leaves everything as it was.
    """
    limits = limits or Limits()
    try:
        with ExtractFiles(path, limits.bounds) as files:
            meta = _read_meta(files)
            if meta.kind != "full":
                return _refused(meta, "notFull")
            sha256 = files.sha256()
            attempt = _Attempt(
                files=files, meta=meta, sha256=sha256, limits=limits, dry_run=dry_run, confirmed=confirmed
            )
            report = await _attempt(db, attempt, clock, reference.read(rules))
    except UnreadableExtract as error:
        return Report(status=Status.REFUSED, reason=error.reason, detail=error.file)
    except (BadMeta, HeaderMismatch) as error:
        return Report(status=Status.REFUSED, reason="meta", detail=str(error))
    if report.status in {Status.REJECTED, Status.HALTED} and not dry_run:
        async with db.write() as conn:
            await _remember(conn, attempt, report, await latest_record(conn, clock()), make_id)
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    files: ExtractFiles
    meta: Meta
    sha256: bytes
    limits: Limits
    dry_run: bool
    confirmed: bool

    def report(self, status: Status, reason: str | None = None, detail: str | None = None) -> Report:
        return Report(status=status, number=self.meta.number, reason=reason, detail=detail)


def _read_meta(files: ExtractFiles) -> Meta:
    with files.open("meta.csv") as file:
        raw = file.read(_META_BYTES)
    try:
        return read_meta(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadMeta("encoding") from error


def _refused(meta: Meta, reason: str) -> Report:
    return Report(status=Status.REFUSED, number=meta.number, reason=reason)


async def _attempt(db: Database, attempt: _Attempt, clock: Clock, book: reference.Reference) -> Report:
    try:
        async with db.write() as conn:
            if not await try_lease(conn, Lease.IMPORT):
                return _refused(attempt.meta, "busy")
            early = await _in_its_turn(conn, attempt)
            if early is not None:
                return early
            now = await latest_record(conn, clock())
            return await _apply(conn, attempt, book, now)
    except _Undo as undone:
        return undone.report
    except (UnreadableExtract, HeaderMismatch, staging.WrongEncoding) as error:
        reason = {HeaderMismatch: "header", staging.WrongEncoding: "encoding"}.get(type(error))
        return attempt.report(Status.REJECTED, reason or getattr(error, "reason", "unreadable"), str(error))


async def _in_its_turn(conn: ReadConnection, attempt: _Attempt) -> Report | None:
    """None when the extract may be applied; else why not (nr 10)."""
    meta = attempt.meta
    applied = select(_extract).where(_extract.c.status == Status.APPLIED.value)
    known = (await conn.execute(applied.where(_extract.c.number == meta.number))).one_or_none()
    if known is not None:
        same = bytes(known.sha256) == attempt.sha256
        warnings = () if same else (f"the files of extract {meta.number} are not those that were applied",)
        return replace(attempt.report(Status.ALREADY_APPLIED), warnings=warnings)
    newest = (await conn.execute(applied.order_by(_extract.c.number.desc()).limit(1))).one_or_none()
    if newest is None:
        return None
    if meta.number < newest.number:
        return attempt.report(Status.REFUSED, "olderThanApplied", str(newest.number))
    if meta.snapshot_on < newest.snapshot_on:
        return attempt.report(Status.REJECTED, "dateOrder", newest.snapshot_on.isoformat())
    return None


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


async def _apply(
    conn: WriteConnection, attempt: _Attempt, book: reference.Reference, now: datetime
) -> Report:
    meta = attempt.meta
    await reference.store(conn, book)
    await staging.prepare(conn)
    read = await staging.copy_all(conn, attempt.files)
    await staging.check_rows(conn)
    bad_rows = await _count(conn, "staging_bad")
    bad = await _bad(conn)
    seen = Report(
        status=Status.APPLIED, number=meta.number, read=read, bad_rows=bad_rows, bad=bad,
        warnings=await _warnings(conn),
    )  # fmt: skip
    if bad_rows > attempt.limits.bad_share * sum(read.values()):
        raise _Undo(replace(seen, status=Status.REJECTED, reason="tooManyBadRows", detail=str(bad_rows)))
    if not read["enterprise"]:
        raise _Undo(replace(seen, status=Status.REJECTED, reason="empty", detail="enterprise.csv"))
    await merge.resolve(conn)
    seen = await _vanishing(conn, attempt, seen)
    instants = {"now": now, "day": start_of_day(meta.snapshot_on), "extract": meta.number}
    written = await merge.merge(conn, instants)
    happened = await record.changes(conn, extract=meta.number, now=now)
    await record.tell(conn, happened, trigger=f"extract {meta.number:04d}", now=now)
    kinds: dict[str, int] = {}
    for events in happened.values():
        for event in events:
            kinds[event.KIND] = kinds.get(event.KIND, 0) + 1
    report = replace(seen, written=written, events=kinds)
    if attempt.dry_run:
        raise _Undo(replace(report, status=Status.WOULD_APPLY))
    if any(sum(each.values()) for each in written.values()):
        tables = ", ".join(written)
        await conn.execute(text(f"ANALYZE {tables}, bce_number"))
        await search_index.refresh(conn)
    await _remember(conn, attempt, report, now, uuid7)
    return report


async def _count(conn: ReadConnection, table: str) -> int:
    return int((await conn.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def _bad(conn: ReadConnection) -> tuple[tuple[str, int, str], ...]:
    rows = await conn.execute(
        text("SELECT file, line, reason FROM staging_bad ORDER BY file, line LIMIT :n"), {"n": _SHOWN}
    )
    return tuple((row.file, row.line, row.reason) for row in rows)


async def _warnings(conn: ReadConnection) -> tuple[str, ...]:
    """Codes that the shipped code table does not know: shown as such, and treated with caution."""
    found = []
    for column, category in (
        ("JuridicalSituation", "JuridicalSituation"),
        ("JuridicalForm", "JuridicalForm"),
        ("JuridicalFormCAC", "JuridicalForm"),
    ):
        rows = await conn.execute(
            text(f'SELECT DISTINCT "{column}" AS code FROM staging_enterprise WHERE "{column}" IS NOT NULL')
        )
        found += [f"unknown code {column} {row.code}" for row in rows if not labels.knows(category, row.code)]
    return tuple(sorted(found))


async def _vanishing(conn: WriteConnection, attempt: _Attempt, seen: Report) -> Report:
    """The report with who is absent. Halts when they are too many and nobody has confirmed (nr 14)."""
    gone = await _count(conn, "staging_gone")
    rows = await conn.execute(
        text(
            "SELECT n.number FROM staging_gone g JOIN bce_number n ON n.entity_id = g.entity_id"
            " AND n.recorded_until IS NULL AND n.ends_at IS NULL LEFT JOIN bce_watch w"
            " ON w.entity_id = g.entity_id ORDER BY w.entity_id IS NULL, n.number LIMIT :n"
        ),
        {"n": _SHOWN},
    )
    seen = replace(seen, vanishing_count=gone, vanishing=tuple(row.number for row in rows))
    present = await conn.execute(text("SELECT count(*) FROM bce_entity WHERE vanished_at IS NULL"))
    too_many = (
        gone > attempt.limits.vanish_floor and gone > attempt.limits.vanish_share * present.scalar_one()
    )
    # A row whose number cannot be read may be any of those that seem absent.
    unreadable = await conn.execute(
        text(
            "SELECT count(*) FROM staging_bad b WHERE b.file = 'enterprise.csv'"
            " AND b.reason IN ('row', 'number EnterpriseNumber') AND NOT EXISTS"
            " (SELECT FROM bce_number n WHERE n.number = replace(b.key, '.', '')"
            "     AND n.recorded_until IS NULL AND n.ends_at IS NULL)"
        )
    )
    if (too_many or (gone and unreadable.scalar_one())) and not await _confirmed(conn, attempt):
        raise _Undo(replace(seen, status=Status.HALTED, reason="tooManyVanish", detail=str(gone)))
    return seen


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
    conn: WriteConnection, attempt: _Attempt, report: Report, now: datetime, make_id: MakeId
) -> None:
    key = make_id()
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
            counts={
                "read": dict(report.read),
                "written": {table: dict(each) for table, each in report.written.items()},
                "badRows": report.bad_rows,
                "vanishing": report.vanishing_count,
            },
            attempted_at=now,
        )
    )
    if report.bad:
        await conn.execute(
            insert(_quarantine),
            [
                {"attempt_id": key, "file": file, "line": line, "key": None, "reason": reason}
                for file, line, reason in report.bad
            ],
        )
