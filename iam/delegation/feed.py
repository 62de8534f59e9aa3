"""A feed of what is already known elsewhere: chief access managers (CSAM) and roles. JSON Lines.

Each line is checked alone and goes through the one door; a dry run comes first (DOMAIN 7.3 nr 72).
National numbers become fingerprints while the line is read: they reach no row, log or report.

A line: {"kind": "gap" | "role", "enterpriseNumber": …, "ssin": …, "email": …?, "language": …?,
"role": …?, "until": "YYYY-MM-DD"?}. `role` and `until` belong to kind "role".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec

from iam.bce import queries as register
from iam.delegation import commands as c
from iam.delegation.execute import Door
from iam.journal.model import Context
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.clock import Clock, belgian_day, end_of_day
from iam.kernel.decision import Refusal
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.kernel.ssin import Fingerprint, FingerprintKeys, InvalidSsin, Ssin
from iam.people.recognise import expect
from iam.storage import Database, WriteConnection


class _Line(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    kind: Literal["gap", "role"]
    enterprise_number: str
    ssin: str
    email: str | None = None
    language: Language | None = None
    role: str | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A line that can be understood, its number already a fingerprint."""

    line: int
    number: EnterpriseNumber
    fingerprints: tuple[Fingerprint, ...]
    email: str | None
    language: Language | None
    role: str | None
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReport:
    """What became, or would become, of a line: `code` is `applied`, `unchanged`, or why not."""

    line: int
    code: str
    number: str | None = None

    @property
    def is_bad(self) -> bool:
        """Whether the line was not understood or was refused."""
        return self.code not in {"applied", "unchanged"}


class _DryRun(Exception):
    """Undoes the transaction of a dry run."""


def read(path: Path, keys: FingerprintKeys, today: date) -> Iterator[Appointment | LineReport]:
    """The lines of a feed, one at a time; what cannot be understood is reported by field, never by value."""
    with path.open("rb") as lines:
        for place, raw in enumerate(lines, start=1):
            if raw.strip():
                yield _understand(place, raw, keys, today)


def _understand(place: int, raw: bytes, keys: FingerprintKeys, today: date) -> Appointment | LineReport:
    try:
        line = msgspec.json.decode(raw, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # the message of the decoder may repeat a value: the line's number must do
        return LineReport(line=place, code="notUnderstood")
    try:
        number = EnterpriseNumber.parse(line.enterprise_number)
    except InvalidNumber:
        return LineReport(line=place, code="enterpriseNumber")
    try:
        fingerprints = keys.of(Ssin(line.ssin, today))
    except InvalidSsin:
        return LineReport(line=place, code="ssin", number=number.digits)
    if (line.kind == "role") is not (line.role is not None):
        return LineReport(line=place, code="role", number=number.digits)
    return Appointment(
        line=place,
        number=number,
        fingerprints=fingerprints,
        email=line.email,
        language=line.language,
        role=line.role,
        until=line.until,
    )


async def apply(
    db: Database, door: Door, path: Path, keys: FingerprintKeys, clock: Clock, *, dry_run: bool
) -> list[LineReport]:
    """Every line that can be is applied, each in a transaction of its own; the report says the rest.

    A dry run does all of it and undoes all of it.
    """
    reports = []
    for found in read(path, keys, belgian_day(clock())):
        if isinstance(found, LineReport):
            reports.append(found)
            continue
        report = LineReport(line=found.line, code="notRun")
        try:
            async with db.write() as conn:
                report = await _one(conn, door, found, clock, trigger=f"feed {path.name}")
                if dry_run or report.is_bad:
                    raise _DryRun  # noqa: TRY301 - a transaction is undone by leaving it so
        except _DryRun:
            pass
        reports.append(report)
    return reports


async def _one(
    conn: WriteConnection, door: Door, found: Appointment, clock: Clock, *, trigger: str
) -> LineReport:
    actor = SystemActor(trigger=trigger)
    enterprise = await register.find_by_number(conn, found.number)
    if enterprise is None:
        return LineReport(line=found.line, code="enterpriseUnknown", number=found.number.digits)
    context = Context(actor=actor, capacity=Capacity.SYSTEM, at=clock())
    person = await expect(conn, found.fingerprints, found.language, context)
    command: c.Command
    if found.role is None:
        command = c.MigrateGap(entity=enterprise.entity, person=person, email=found.email)
    else:
        ends_at = None if found.until is None else end_of_day(found.until)
        command = c.MigrateRole(entity=enterprise.entity, person=person, role=found.role, ends_at=ends_at)
    done = await door.execute(conn, command, actor)
    if isinstance(done, Refusal):
        return LineReport(line=found.line, code=done.reason.value, number=found.number.digits)
    code = "applied" if done.events else "unchanged"
    return LineReport(line=found.line, code=code, number=found.number.digits)
