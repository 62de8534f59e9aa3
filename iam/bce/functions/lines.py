"""The lines of a feed of functions: JSON, read strictly, as `reference/functions-feed.schema.json` says.

A national number becomes a keyed fingerprint while its line is read; it reaches no row, log or error,
and an error names the field, never a value (DOMAIN 7.3 nr 6).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from iam.bce.functions.port import Held, Mark, Told
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.kernel.period import Period
from iam.kernel.ssin import FingerprintKeys, InvalidSsin, Ssin

# An enterprise with some thousands of functions fits into one.
LONGEST_LINE = 1 << 20
_LONGEST_CODE = 5  # DOMAIN 3.6; whatever longer stands there is not to be kept
_HEADER = frozenset({"feed", "version", "number", "kind", "producedAt", "functions"})
_FUNCTION = frozenset({"function", "holder", "from", "to"})
_LINE = _FUNCTION | {"enterpriseNumber"}
_ENTERPRISE = frozenset({"enterpriseNumber", "functions"})
_NUMBER = re.compile(r"[01][0-9]{9}|[01][0-9]{3}\.[0-9]{3}\.[0-9]{3}")
_SSIN = re.compile(r"[0-9]{11}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# RFC 3339 §5.6
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class FeedKind(StrEnum):
    """What a feed speaks of: everything, or what has changed since the one before."""

    FULL = "full"
    UPDATE = "update"


class BadLine(ValueError):
    """A line is not what the schema says; names the field, never its value.

    `number` is the enterprise that the line is about, where that could be read.
    """

    def __init__(self, field: str, number: EnterpriseNumber | None = None) -> None:
        super().__init__(field)
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a feed says of itself. `lines` is how many follow: a cut file is noticed."""

    kind: FeedKind
    number: int
    produced_at: datetime
    lines: int


def read_header(raw: bytes) -> Header:
    """The first line of a feed. Raises `BadLine`."""
    document = _members(_object(raw), _HEADER)
    if document.get("feed") != "functions":
        raise BadLine("feed")
    if _count(document, "version") != 1:
        raise BadLine("version")
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in set(FeedKind):
        raise BadLine("kind")
    return Header(
        kind=FeedKind(kind),
        number=_count(document, "number"),
        produced_at=_instant(document, "producedAt"),
        lines=_count(document, "functions"),
    )


def read_line(raw: bytes, kind: FeedKind, keys: FingerprintKeys, today: date, line: int = 0) -> Told:
    """What a further line tells: a function, or in an update all functions of an enterprise.

    Raises `BadLine`.
    """
    document = _object(raw)
    number = _enterprise_number(document, "enterpriseNumber")
    try:
        if kind is FeedKind.FULL:
            found: tuple[Held, ...] = (_held(_members(document, _LINE), keys, today),)
        else:
            found = _functions(_members(document, _ENTERPRISE), keys, today)
    except BadLine as error:
        raise BadLine(str(error), number) from None
    return Told(number=number, functions=found, line=line)


def _functions(document: Mapping[str, Any], keys: FingerprintKeys, today: date) -> tuple[Held, ...]:
    functions = document.get("functions")
    if not isinstance(functions, list):
        raise BadLine("functions")
    found = []
    for place, each in enumerate(functions):
        field = f"functions[{place}]"
        if not isinstance(each, dict):
            raise BadLine(field)
        try:
            found.append(_held(_members(each, _FUNCTION), keys, today))
        except BadLine as error:
            raise BadLine(f"{field}.{error}") from None
    return tuple(found)


def _held(document: Mapping[str, Any], keys: FingerprintKeys, today: date) -> Held:
    code = _text(document, "function")
    if not code.isascii() or not code.isalnum() or len(code) > _LONGEST_CODE:
        raise BadLine("function")
    period = _period(document)
    holder = document.get("holder")
    if not isinstance(holder, dict):
        raise BadLine("holder")
    if holder.keys() == {"ssin"}:
        return Held(code=code, period=period, by_number=_mark(holder, "holder.ssin", keys, today))
    if holder.keys() == {"enterpriseNumber"}:
        return Held(code=code, period=period, by_enterprise=_holder_number(holder))
    natural = holder.get("permanentRepresentative")
    whole = holder.keys() == {"enterpriseNumber", "permanentRepresentative"}
    if not whole or not isinstance(natural, dict) or natural.keys() != {"ssin"}:
        raise BadLine("holder")
    return Held(
        code=code,
        period=period,
        by_enterprise=_holder_number(holder),
        permanent=_mark(natural, "holder.permanentRepresentative.ssin", keys, today),
    )


def _holder_number(document: Mapping[str, Any]) -> EnterpriseNumber:
    try:
        return _enterprise_number(document, "enterpriseNumber")
    except BadLine as error:
        raise BadLine(f"holder.{error}") from None


def _mark(document: Mapping[str, Any], field: str, keys: FingerprintKeys, today: date) -> Mark:
    value = document.get("ssin")
    if not isinstance(value, str) or not _SSIN.fullmatch(value):
        raise BadLine(field)
    try:
        found = keys.of(Ssin(value, today))
    except InvalidSsin:
        raise BadLine(field) from None
    return Mark(current=found[0], before=found[1] if len(found) > 1 else None)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        # The decoder's error carries the whole line with it.
        raise BadLine("json") from None
    if not isinstance(document, dict):
        raise BadLine("members")
    return document


def _members(document: dict[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    if not document.keys() <= fields:
        raise BadLine("members")
    return document


def _text(document: Mapping[str, Any], field: str) -> str:
    value = document.get(field)
    if not isinstance(value, str) or not value:
        raise BadLine(field)
    return value


def _count(document: Mapping[str, Any], field: str) -> int:
    value = document.get(field)
    # 3.0 is an integer in JSON; true is none.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 31:
        raise BadLine(field)
    return value


def _enterprise_number(document: Mapping[str, Any], field: str) -> EnterpriseNumber:
    value = _text(document, field)
    if not _NUMBER.fullmatch(value):
        raise BadLine(field)
    try:
        return EnterpriseNumber.parse(value)
    except InvalidNumber:
        raise BadLine(field) from None


def _instant(document: Mapping[str, Any], field: str) -> datetime:
    value = _text(document, field)
    if not _INSTANT.fullmatch(value):
        raise BadLine(field)
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise BadLine(field) from None


def _day(document: Mapping[str, Any], field: str) -> date:
    value = _text(document, field)
    if not _DAY.fullmatch(value):
        raise BadLine(field)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise BadLine(field) from None


def _period(document: Mapping[str, Any]) -> Period:
    first = _day(document, "from")
    last = None if document.get("to") is None else _day(document, "to")
    if last is not None and last < first:
        raise BadLine("to")
    try:
        return Period.of_days(first, last)
    except OverflowError:  # a day beyond all calendars
        raise BadLine("from" if last is None else "to") from None
