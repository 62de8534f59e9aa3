"""The feed of functions: who represents whom, from a source that knows holders by national number.

JSON Lines. The first line says what the feed is, each further one is a function (docs/register.md).
A national number becomes a keyed fingerprint while its line is read; it reaches no row, log or error,
and an error names the line and the field, never a value (DOMAIN 7.3 nr 6, 18, 21).
"""

# ruff: noqa: S608 - the statements are made of constants; values are parameters

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import insert, select, text

from iam.bce import reference
from iam.bce.importer import Report, Status, latest_record
from iam.bce.staging import driver, prepare
from iam.bce.tables import BceFeed, BceQuarantine
from iam.kernel.clock import Clock, belgian_day
from iam.kernel.ids import MakeId, uuid7
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.kernel.period import Period
from iam.kernel.ssin import FingerprintKeys, InvalidSsin, Ssin
from iam.storage import Database, WriteConnection
from iam.storage.locks import Lease, try_lease
from iam.storage.tables import core

_feed = core(BceFeed)
_quarantine = core(BceQuarantine)
_SOURCE = "functions"
_LONGEST_LINE = 1 << 13
_LONGEST_CODE = 5  # DOMAIN 3.6; whatever longer stands there is not to be kept
_SHOWN = 1000
_FILE = "functions"
_HEADER = frozenset({"feed", "version", "number", "kind", "producedAt", "functions"})
_LINE = frozenset({"enterpriseNumber", "function", "holder", "from", "to"})


class BadLine(ValueError):
    """A line is not what the schema says; names the field, never its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a feed says of itself. `functions` is how many lines follow: a cut file is noticed."""

    number: int
    produced_at: datetime
    functions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A function as the feed tells it, its holder already a fingerprint or an enterprise's number.

    The second of each pair is the fingerprint under the key before, while a rotation lasts.
    """

    number: EnterpriseNumber
    code: str
    holder: tuple[Any, ...]
    holder_number: EnterpriseNumber | None
    permanent: tuple[Any, ...]
    period: Period


def read_header(raw: bytes) -> Header:
    """The first line of a feed. Raises `BadLine`."""
    document = _object(raw, _HEADER)
    if document.get("feed") != "functions" or document.get("version") != 1:
        raise BadLine("feed")
    if document.get("kind") != "full":
        raise BadLine("kind")
    number, functions = document.get("number"), document.get("functions")
    for name, value in (("number", number), ("functions", functions)):
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 31:
            raise BadLine(name)
    try:
        produced_at = datetime.fromisoformat(_text(document, "producedAt"))
    except ValueError:
        raise BadLine("producedAt") from None
    if produced_at.tzinfo is None:
        raise BadLine("producedAt")
    return Header(number=number, produced_at=produced_at, functions=functions)  # type: ignore[arg-type]


def read_line(raw: bytes, keys: FingerprintKeys, today: date) -> Held:
    """A function of a feed. Raises `BadLine`."""
    document = _object(raw, _LINE)
    code = _text(document, "function")
    if not code.isascii() or not code.isalnum() or len(code) > _LONGEST_CODE:
        raise BadLine("function")
    holder, holder_number, permanent = _holder(document, keys, today)
    return Held(
        number=_number(document, "enterpriseNumber"),
        code=code,
        holder=holder,
        holder_number=holder_number,
        permanent=permanent,
        period=_period(document),
    )


def _holder(
    document: Mapping[str, Any], keys: FingerprintKeys, today: date
) -> tuple[tuple[Any, ...], EnterpriseNumber | None, tuple[Any, ...]]:
    match document.get("holder"):
        case {"ssin": _, **others} if not others:
            return _fingerprints(document["holder"], "holder.ssin", keys, today), None, _NOBODY
        case {"enterpriseNumber": _, **others} if not others:
            return _NOBODY, _number(document["holder"], "enterpriseNumber"), _NOBODY
        case {"enterpriseNumber": _, "permanentRepresentative": {"ssin": _, **more} as natural, **others} if (
            not others and not more
        ):
            field = "holder.permanentRepresentative.ssin"
            number = _number(document["holder"], "enterpriseNumber")
            return _NOBODY, number, _fingerprints(natural, field, keys, today)
    raise BadLine("holder")


_NOBODY: tuple[Any, ...] = (None, None, None, None)


def _fingerprints(
    document: Mapping[str, Any], field: str, keys: FingerprintKeys, today: date
) -> tuple[Any, ...]:
    value = document.get("ssin")
    if not isinstance(value, str):
        raise BadLine(field)
    try:
        found = keys.of(Ssin(value, today))
    except InvalidSsin:
        raise BadLine(field) from None
    before = found[1] if len(found) > 1 else None
    return (
        found[0].key_id,
        found[0].digest,
        None if before is None else before.key_id,
        None if before is None else before.digest,
    )


def _object(raw: bytes, fields: frozenset[str]) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        # The decoder's error carries the whole line with it.
        raise BadLine("json") from None
    if not isinstance(document, dict) or not document.keys() <= fields:
        raise BadLine("members")
    return document


def _text(document: Mapping[str, Any], field: str) -> str:
    value = document.get(field)
    if not isinstance(value, str) or not value:
        raise BadLine(field)
    return value


def _number(document: Mapping[str, Any], field: str) -> EnterpriseNumber:
    try:
        return EnterpriseNumber.parse(_text(document, field))
    except InvalidNumber:
        raise BadLine(field) from None


def _period(document: Mapping[str, Any]) -> Period:
    try:
        first = date.fromisoformat(_text(document, "from"))
    except ValueError:
        raise BadLine("from") from None
    last = document.get("to")
    try:
        return Period.of_days(first, None if last is None else date.fromisoformat(_text(document, "to")))
    except (ValueError, OverflowError):
        raise BadLine("to") from None


class _Undo(Exception):
    """Undoes the transaction; carries the report."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.status)
        self.report = report


async def apply_feed(
    db: Database,
    path: Path,
    keys: FingerprintKeys,
    clock: Clock,
    *,
    bad_share: float = 0.001,
    dry_run: bool = False,
    rules: Path | None = None,
    make_id: MakeId = uuid7,
) -> Report:
    """Who represents whom is what the full feed at `path` says, or nothing has changed and it is said why.

    What the feed no longer tells has ended when it was made; nothing is overwritten. A feed again is a
    no-op, one older than the newest is refused; a cut or bad one is rejected. Lines about enterprises
    that the register does not know are set aside, and counted as `unknownEnterprise`.
    """
    book = reference.read(rules)
    try:
        with path.open("rb") as file:
            header = read_header(file.readline(_LONGEST_LINE))
            try:
                async with db.write() as conn:
                    attempt = _Attempt(
                        file=file, header=header, keys=keys, bad_share=bad_share, dry_run=dry_run
                    )
                    report = await _attempt(conn, attempt, book, clock, make_id)
            except _Undo as undone:
                report = undone.report
    except BadLine as error:
        return Report(status=Status.REFUSED, reason="header", detail=str(error))
    except OSError:
        return Report(status=Status.REFUSED, reason="notFound")
    if report.status is Status.REJECTED and not dry_run:
        async with db.write() as conn:
            await _remember(conn, header, report, await latest_record(conn, clock()), make_id)
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    file: IO[bytes]
    header: Header
    keys: FingerprintKeys
    bad_share: float
    dry_run: bool


async def _attempt(
    conn: WriteConnection, attempt: _Attempt, book: reference.Reference, clock: Clock, make_id: MakeId
) -> Report:
    header = attempt.header
    report = Report(status=Status.APPLIED, number=header.number)
    if not await try_lease(conn, Lease.IMPORT):
        return replace(report, status=Status.REFUSED, reason="busy")
    applied = select(_feed.c.number, _feed.c.produced_at).where(_feed.c.status == Status.APPLIED.value)
    if (await conn.execute(applied.where(_feed.c.number == header.number))).one_or_none() is not None:
        return replace(report, status=Status.ALREADY_APPLIED)
    newest = (await conn.execute(applied.order_by(_feed.c.number.desc()).limit(1))).one_or_none()
    if newest is not None and header.number < newest.number:
        return replace(report, status=Status.REFUSED, reason="olderThanApplied", detail=str(newest.number))
    now = await latest_record(conn, clock())
    if header.produced_at > now:
        raise _Undo(replace(report, status=Status.REJECTED, reason="producedInFuture"))
    if newest is not None and header.produced_at < newest.produced_at:
        raise _Undo(replace(report, status=Status.REJECTED, reason="dateOrder"))
    await reference.store(conn, book)
    await prepare(conn)
    report = await _stage(conn, attempt, report, belgian_day(now), book)
    instants = {"now": now, "produced": header.produced_at, "feed": header.number, "source": _SOURCE}
    report = await _merge(conn, report, instants)
    if attempt.dry_run:
        raise _Undo(replace(report, status=Status.WOULD_APPLY))
    await _remember(conn, header, report, now, make_id)
    return report


_STAGING = """
    CREATE TEMP TABLE staging_function (
        line bigint, number text, code text,
        holder_key_id text, holder_digest bytea, holder_key_before text, holder_digest_before bytea,
        holder_number text,
        permanent_key_id text, permanent_digest bytea,
        permanent_key_before text, permanent_digest_before bytea,
        starts_at timestamptz, ends_at timestamptz) ON COMMIT DROP
"""
_TYPES = (
    "int8", "text", "text", "text", "bytea", "text", "bytea", "text", "text", "bytea", "text", "bytea",
    "timestamptz", "timestamptz",
)  # fmt: skip


async def _stage(
    conn: WriteConnection, attempt: _Attempt, report: Report, today: date, book: reference.Reference
) -> Report:
    await conn.execute(text(_STAGING))
    bad: list[tuple[str, int, str]] = []
    codes: set[str] = set()
    read = 0
    async with (
        (await driver(conn)).cursor() as cursor,
        cursor.copy("COPY staging_function FROM STDIN (FORMAT binary)") as copy,
    ):
        copy.set_types(_TYPES)
        for line, raw in _lines(attempt.file):
            read += 1
            try:
                held = read_line(raw, attempt.keys, today)
            except BadLine as error:
                bad.append((_FILE, line, str(error)))
                continue
            codes.add(held.code)
            await copy.write_row(_row(line, held))
    known = {each.code for each in book.functions}
    report = replace(
        report,
        read={_FILE: read},
        bad_rows=len(bad),
        bad=tuple(bad[:_SHOWN]),
        warnings=tuple(f"unknown code function {code}" for code in sorted(codes - known)),
    )
    if not read:
        raise _Undo(replace(report, status=Status.REJECTED, reason="empty"))
    if read != attempt.header.functions:
        detail = f"{read} of {attempt.header.functions}"
        raise _Undo(replace(report, status=Status.REJECTED, reason="cut", detail=detail))
    if len(bad) > attempt.bad_share * read:
        raise _Undo(replace(report, status=Status.REJECTED, reason="tooManyBadRows", detail=str(len(bad))))
    return report


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    line = 1
    while raw := file.readline(_LONGEST_LINE):
        line += 1
        # A line without end is read in pieces; each is bad, and the count no longer holds.
        yield line, raw


def _row(line: int, held: Held) -> tuple[Any, ...]:
    holder_number = None if held.holder_number is None else held.holder_number.digits
    period = held.period
    return (
        line, held.number.digits, held.code, *held.holder, holder_number, *held.permanent,
        period.start, period.end,
    )  # fmt: skip


# Known under the key before: the same person, written anew under the key in use (DESIGN 6).
_REKEY = """
    UPDATE bce_function f SET {who}_key_id = s.{who}_key_id, {who}_digest = s.{who}_digest
      FROM (SELECT DISTINCT {who}_key_id, {who}_digest, {who}_key_before, {who}_digest_before
              FROM staging_function WHERE {who}_digest_before IS NOT NULL) s
     WHERE f.{who}_digest = s.{who}_digest_before AND f.{who}_key_id = s.{who}_key_before
"""
_SAME = """
    f.entity_id = w.entity_id AND f.code = w.code AND f.starts_at = w.starts_at
    AND (f.holder_key_id, f.holder_digest, f.holder_number, f.permanent_key_id, f.permanent_digest)
        IS NOT DISTINCT FROM
        (w.holder_key_id, w.holder_digest, w.holder_number, w.permanent_key_id, w.permanent_digest)
"""
# Twice the same function with two ends: the one that ends last, an open one after all.
_WANTED = """
    CREATE TEMP TABLE staging_wanted ON COMMIT DROP AS
    SELECT DISTINCT ON (n.entity_id, s.code, s.starts_at, s.holder_key_id, s.holder_digest, s.holder_number,
                        s.permanent_key_id, s.permanent_digest)
           n.entity_id, s.code, s.holder_key_id, s.holder_digest, s.holder_number, s.permanent_key_id,
           s.permanent_digest, s.starts_at, s.ends_at
      FROM staging_function s
      JOIN bce_number n ON n.number = s.number AND n.recorded_until IS NULL AND n.ends_at IS NULL
     ORDER BY n.entity_id, s.code, s.starts_at, s.holder_key_id, s.holder_digest, s.holder_number,
              s.permanent_key_id, s.permanent_digest, s.ends_at DESC NULLS FIRST
"""
_UNKNOWN = """
    SELECT line FROM staging_function s WHERE NOT EXISTS
    (SELECT FROM bce_number n WHERE n.number = s.number AND n.recorded_until IS NULL AND n.ends_at IS NULL)
    ORDER BY line
"""
_COLUMNS = (
    "function_id, entity_id, code, holder_key_id, holder_digest, holder_number, permanent_key_id,"
    " permanent_digest, starts_at, ends_at, source, feed, produced_at, recorded_from, recorded_until"
)
_SAME_HOLDING = ", ".join(
    (
        *("entity_id", "code", "holder_key_id", "holder_digest", "holder_number"),
        *("permanent_key_id", "permanent_digest", "starts_at"),
    )
)
# No longer told: it has ended when the feed was made, as far as we know.
_END = f"""
    WITH closed AS (
        UPDATE bce_function f SET recorded_until = :now
         WHERE f.recorded_until IS NULL AND (f.ends_at IS NULL OR f.ends_at > :produced)
           AND NOT EXISTS (SELECT FROM staging_wanted w WHERE {_SAME})
        RETURNING f.*)
    INSERT INTO bce_function ({_COLUMNS})
    SELECT function_id, {_SAME_HOLDING}, :produced, :source, :feed, :produced, :now, NULL
      FROM closed WHERE starts_at < :produced
"""
# Told with another end: a correction, under the same id.
_CORRECT = f"""
    WITH closed AS (
        UPDATE bce_function f SET recorded_until = :now FROM staging_wanted w
         WHERE f.recorded_until IS NULL AND {_SAME} AND f.ends_at IS DISTINCT FROM w.ends_at
        RETURNING f.*, w.ends_at AS told)
    INSERT INTO bce_function ({_COLUMNS})
    SELECT function_id, {_SAME_HOLDING}, told, :source, :feed, :produced, :now, NULL FROM closed
"""
_BEGIN = f"""
    INSERT INTO bce_function ({_COLUMNS})
    SELECT gen_random_uuid(), {_SAME_HOLDING}, ends_at, :source, :feed, :produced, :now, NULL
      FROM staging_wanted w
     WHERE NOT EXISTS (SELECT FROM bce_function f WHERE f.recorded_until IS NULL AND {_SAME})
"""


async def _merge(conn: WriteConnection, report: Report, instants: Mapping[str, Any]) -> Report:
    for who in ("holder", "permanent"):
        await conn.execute(text(_REKEY.format(who=who)))
    await conn.execute(text(_WANTED))
    await conn.execute(text("ANALYZE staging_wanted"))
    unknown = [row.line for row in await conn.execute(text(_UNKNOWN))]
    counts = {}
    for name, statement in (("ended", _END), ("corrected", _CORRECT), ("began", _BEGIN)):
        counts[name] = (await conn.execute(text(statement), instants)).rowcount
    aside = tuple((_FILE, line, "unknownEnterprise") for line in unknown)
    return replace(
        report,
        written={"bce_function": counts | {"unknownEnterprise": len(unknown)}},
        bad=(report.bad + aside)[:_SHOWN],
    )


async def _remember(
    conn: WriteConnection, header: Header, report: Report, now: datetime, make_id: MakeId
) -> None:
    key = make_id()
    await conn.execute(
        insert(_feed).values(
            attempt_id=key,
            number=header.number,
            kind="full",
            produced_at=header.produced_at,
            status=report.status.value,
            reason=report.reason,
            counts={
                "read": dict(report.read),
                "written": {table: dict(each) for table, each in report.written.items()},
                "badRows": report.bad_rows,
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
