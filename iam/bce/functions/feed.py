"""The feed of functions: who represents whom, from a source that knows holders by national number.

JSON Lines. The first line says what the feed is; in a full one each further line is a function, in an
update all functions of an enterprise (docs/register.md). Numbers have the discipline of extracts: an
update n is applied onto n-1 only (DOMAIN 7.3 nr 10, 18-21).
"""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import IO
from uuid import UUID

from sqlalchemy import func, insert, select

from iam.bce import record, reference
from iam.bce.events import RegisterEvent
from iam.bce.functions import calendar
from iam.bce.functions.changes import Change, by_functions
from iam.bce.functions.lines import LONGEST_LINE, BadLine, FeedKind, Header, read_header, read_line
from iam.bce.functions.merge import Merged, Moment, believe
from iam.bce.functions.port import Told
from iam.bce.importer import Report, Status, latest_record
from iam.bce.model import FunctionSource
from iam.bce.staging import prepare
from iam.bce.tables import BceFeed, BceQuarantine, BceWatch
from iam.kernel.clock import Clock, belgian_day
from iam.kernel.ids import MakeId, uuid7
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.ssin import FingerprintKeys
from iam.storage import Database, ReadConnection, WriteConnection
from iam.storage.locks import Lease, try_lease
from iam.storage.tables import core

_feed = core(BceFeed)
_quarantine = core(BceQuarantine)
_watch = core(BceWatch)
_SHOWN = 1000
_FILE = "functions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a feed is not believed, and when a person must look first.

    More than `bad_share` of its lines bad reject it. More than `loss_share` of the watched enterprises
    losing their last representative by it halt it; `loss_floor` of them never do.
    """

    bad_share: float = 0.001
    loss_share: float = 0.005
    loss_floor: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReport(Report):
    """What became of a feed. `losing` are numbers of enterprises that nobody would represent any more."""

    losing_count: int = 0
    losing: tuple[str, ...] = ()


class _Undo(Exception):
    """Undoes the transaction; carries the report, and the mark of a feed that was read whole."""

    def __init__(self, report: FeedReport, mark: bytes | None = None) -> None:
        super().__init__(report.status)
        self.report = report
        self.mark = mark


class _Unusable(Exception):
    """The feed as a whole cannot be believed; says why."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Feed:
    """The adapter of the port: a file, read once. What was bad in it is known once all is told."""

    def __init__(
        self, file: IO[bytes], header: Header, keys: FingerprintKeys, today: date, bad_share: float
    ) -> None:
        """The header has been read; nothing else."""
        self._file = file
        self._header = header
        self._keys = keys
        self._today = today
        self._bad_share = bad_share
        self._digest = hashlib.sha256()
        self._unsure: set[EnterpriseNumber] = set()
        self.read = 0
        self.bad_count = 0
        self.bad: list[tuple[str, int, str]] = []
        self.codes: set[str] = set()

    @property
    def name(self) -> str:
        """The source of its rows."""
        return FunctionSource.FEED.value

    @property
    def whole(self) -> bool:
        """A full one speaks of every enterprise."""
        return self._header.kind is FeedKind.FULL

    @property
    def unsure(self) -> frozenset[EnterpriseNumber]:
        """The enterprises of bad lines, as far as their number could be read."""
        return frozenset(self._unsure)

    @property
    def mark(self) -> bytes:
        """A keyed digest of what was read: whether a feed is the very same can be told, and nothing of it."""
        key = hmac.digest(self._keys.current, b"feed of functions", hashlib.sha256)
        return hmac.digest(key, self._digest.digest(), hashlib.sha256)

    def tell(self) -> Iterator[Told]:
        """Each good line; a bad one is noted and holds its enterprise back. Raises `_Unusable` at the end."""
        for line, raw in self._lines():
            self.read += 1
            self._digest.update(raw)
            try:
                told = read_line(raw, self._header.kind, self._keys, self._today, line)
            except BadLine as error:
                self._note(line, error)
                continue
            self.codes.update(held.code for held in told.functions)
            yield told
        self._judge()

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        line = 1
        while raw := self._file.readline(LONGEST_LINE):
            line += 1
            # A line without end is read in pieces; each is bad, and the count no longer holds.
            yield line, raw

    def _note(self, line: int, error: BadLine) -> None:
        self.bad_count += 1
        if error.number is not None:
            self._unsure.add(error.number)
        if len(self.bad) < _SHOWN:
            self.bad.append((_FILE, line, str(error)))

    def _judge(self) -> None:
        if not self.read and self.whole:
            raise _Unusable("empty")
        if self.read != self._header.lines:
            raise _Unusable("cut", f"{self.read} of {self._header.lines}")
        if self.bad_count > self._bad_share * self.read:
            raise _Unusable("tooManyBadRows", str(self.bad_count))


async def apply_feed(
    db: Database,
    path: Path,
    keys: FingerprintKeys,
    clock: Clock,
    *,
    limits: Limits | None = None,
    dry_run: bool = False,
    confirmed: bool = False,
    rules: Path | None = None,
    make_id: MakeId = uuid7,
) -> FeedReport:
    """Who represents whom is what the feed at `path` says, or nothing has changed and it is said why.

    What it speaks of and no longer tells has ended when it was made; nothing is overwritten. A feed again
    is a no-op, an older one or an update after a gap is refused, a cut or bad one rejected; one by which
    too many watched enterprises would lose their last representative halts until it is `confirmed`. Lines
    about enterprises that the register does not know are set aside, and counted as `unknownEnterprise`.
    """
    book = reference.read(rules)
    mark: bytes | None = None
    try:
        with path.open("rb") as file:
            header = read_header(file.readline(LONGEST_LINE))
            attempt = _Attempt(
                file=file, header=header, keys=keys, limits=limits or Limits(), dry_run=dry_run,
                confirmed=confirmed, make_id=make_id,
            )  # fmt: skip
            try:
                async with db.write() as conn:
                    report = await _attempt(conn, attempt, book, clock)
            except _Undo as undone:
                report, mark = undone.report, undone.mark
    except BadLine as error:
        return FeedReport(status=Status.REFUSED, reason="header", detail=str(error))
    except OSError:
        return FeedReport(status=Status.REFUSED, reason="notFound")
    if report.status in {Status.REJECTED, Status.HALTED} and not dry_run:
        async with db.write() as conn:
            await _remember(conn, attempt, report, mark, await latest_record(conn, clock()))
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    file: IO[bytes]
    header: Header
    keys: FingerprintKeys
    limits: Limits
    dry_run: bool
    confirmed: bool
    make_id: MakeId


async def _attempt(
    conn: WriteConnection, attempt: _Attempt, book: reference.Reference, clock: Clock
) -> FeedReport:
    header = attempt.header
    report = FeedReport(status=Status.APPLIED, number=header.number)
    if not await try_lease(conn, Lease.IMPORT):
        return replace(report, status=Status.REFUSED, reason="busy")
    now = await latest_record(conn, clock())
    early = await _in_its_turn(conn, header, report, now)
    if early is not None:
        if early.status is Status.REJECTED:
            raise _Undo(early)
        return early
    await reference.store(conn, book)
    # What ended by its day before this feed ended by its day.
    await calendar.tell(conn, now)
    await prepare(conn)
    feed = Feed(attempt.file, header, attempt.keys, belgian_day(now), attempt.limits.bad_share)
    moment = Moment(now=now, since=header.produced_at, feed=header.number)
    try:
        merged = await believe(conn, feed, moment)
    except _Unusable as unusable:
        seen = _seen(report, feed, book)
        raise _Undo(
            replace(seen, status=Status.REJECTED, reason=unusable.reason, detail=unusable.detail)
        ) from None
    report = _merged(_seen(report, feed, book), merged)
    changes = await by_functions(conn, now)
    report = await _losing(conn, attempt, report, changes, feed.mark)
    report = replace(report, events=await _tell(conn, changes, header, now))
    if attempt.dry_run:
        raise _Undo(replace(report, status=Status.WOULD_APPLY))
    await _remember(conn, attempt, report, feed.mark, now)
    return report


async def _in_its_turn(
    conn: ReadConnection, header: Header, report: FeedReport, now: datetime
) -> FeedReport | None:
    """None when the feed may be applied; else why not (nr 10)."""
    applied = select(_feed.c.number, _feed.c.produced_at).where(_feed.c.status == Status.APPLIED.value)
    if (await conn.execute(applied.where(_feed.c.number == header.number))).one_or_none() is not None:
        return replace(report, status=Status.ALREADY_APPLIED)
    newest = (await conn.execute(applied.order_by(_feed.c.number.desc()).limit(1))).one_or_none()
    if newest is not None and header.number < newest.number:
        return replace(report, status=Status.REFUSED, reason="olderThanApplied", detail=str(newest.number))
    if header.kind is FeedKind.UPDATE and (newest is None or header.number != newest.number + 1):
        wanted = FeedKind.FULL.value if newest is None else str(newest.number + 1)
        return replace(report, status=Status.REFUSED, reason="gap", detail=wanted)
    if header.produced_at > now:
        return replace(report, status=Status.REJECTED, reason="producedInFuture")
    if newest is not None and header.produced_at < newest.produced_at:
        return replace(report, status=Status.REJECTED, reason="dateOrder")
    return None


def _seen(report: FeedReport, feed: Feed, book: reference.Reference) -> FeedReport:
    unknown = sorted(feed.codes - {each.code for each in book.functions})
    return replace(
        report,
        read={_FILE: feed.read},
        bad_rows=feed.bad_count,
        bad=tuple(feed.bad),
        warnings=tuple(f"unknown code function {code}" for code in unknown[:_SHOWN]),
    )


def _merged(report: FeedReport, merged: Merged) -> FeedReport:
    aside = [(_FILE, line, "twice") for line in merged.twice]
    aside += [(_FILE, line, "unknownEnterprise") for line in merged.unknown]
    counts = {
        "ended": merged.ended,
        "corrected": merged.corrected,
        "began": merged.began,
        "unknownEnterprise": len(merged.unknown),
    }
    return replace(report, written={"bce_function": counts}, bad=(*report.bad, *aside)[:_SHOWN])


async def _losing(
    conn: ReadConnection, attempt: _Attempt, report: FeedReport, changes: list[Change], mark: bytes
) -> FeedReport:
    """The report with who would have nobody left. Halts when they are too many and nobody has confirmed."""
    losing = sorted(change.enterprise.number.digits for change in changes if change.nobody_left)
    report = replace(report, losing_count=len(losing), losing=tuple(losing[:_SHOWN]))
    watched = (await conn.execute(select(func.count()).select_from(_watch))).scalar_one()
    limits = attempt.limits
    too_many = len(losing) > limits.loss_floor and len(losing) > limits.loss_share * watched
    if too_many and not await _confirmed(conn, attempt, mark):
        detail = f"{len(losing)} of {watched}"
        raise _Undo(replace(report, status=Status.HALTED, reason="tooManyLose", detail=detail), mark)
    return report


async def _confirmed(conn: ReadConnection, attempt: _Attempt, mark: bytes) -> bool:
    """Only what was shown can be confirmed: the very same feed must have halted before."""
    if not attempt.confirmed:
        return False
    halted = select(_feed.c.attempt_id).where(
        _feed.c.number == attempt.header.number,
        _feed.c.mark == mark,
        _feed.c.status == Status.HALTED.value,
    )
    return (await conn.execute(halted.limit(1))).one_or_none() is not None


async def _tell(
    conn: WriteConnection, changes: list[Change], header: Header, now: datetime
) -> dict[str, int]:
    """The changes stand in the journal; says how many events of each kind."""
    happened: dict[UUID, list[RegisterEvent]] = {
        change.enterprise.entity: change.events for change in changes
    }
    await record.tell(conn, happened, trigger=f"functions {header.number}", now=now)
    kinds: dict[str, int] = {}
    for events in happened.values():
        for event in events:
            kinds[event.KIND] = kinds.get(event.KIND, 0) + 1
    return kinds


async def _remember(
    conn: WriteConnection, attempt: _Attempt, report: FeedReport, mark: bytes | None, now: datetime
) -> None:
    key, header = attempt.make_id(), attempt.header
    await conn.execute(
        insert(_feed).values(
            attempt_id=key,
            number=header.number,
            kind=header.kind.value,
            produced_at=header.produced_at,
            mark=mark,
            status=report.status.value,
            reason=report.reason,
            counts={
                "read": dict(report.read),
                "written": {table: dict(each) for table, each in report.written.items()},
                "badRows": report.bad_rows,
                "losing": report.losing_count,
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
