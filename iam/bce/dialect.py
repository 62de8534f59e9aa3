"""The official CSV dialect: files, columns found by name, and what makes a row believable. Pure.

Source: DOMAIN 3.3, 3.4 and the quirks a to m; the checks are SQL, because rows are looked at by the
million inside the database.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice

from iam.kernel.clock import BRUSSELS


class HeaderMismatch(Exception):
    """A column of a file is missing or there twice; the whole extract is rejected (nr 8)."""

    def __init__(self, file: str, column: str) -> None:
        """Name the file and the column."""
        super().__init__(f"{file}: {column}")
        self.file = file
        self.column = column


class BadMeta(Exception):
    """meta.csv does not say what it must; names the variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A row is bad for `reason` unless the condition holds.

    With `by_value`, the condition is about that column alone and dear: it is asked once a value, not once
    a row.
    """

    reason: str
    holds: str
    by_value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of the extract: its columns, which of them names the entity a row is about, its checks.

    `unique` is the column that no two rows share; without one, `about` is what `_delete` names.
    """

    name: str
    columns: tuple[str, ...]
    about: str
    checks: tuple[Check, ...]
    unique: str | None = None
    required: bool = True

    @property
    def csv(self) -> str:
        """Its name in the archive of a full extract."""
        return f"{self.name}.csv"

    @property
    def key(self) -> str:
        """The column by which an update names rows: all of them are taken away, or put in place (3.5)."""
        return self.unique or self.about

    @property
    def key_check(self) -> Check:
        """That a key is a number. That of a row about something else need only be one we know."""
        return self.checks[0] if self.unique else _number(self.key, any_number(f'"{self.key}"'))

    def about_holds(self, column: str) -> str:
        """The condition that a column holds the number of what a row of this file may be about."""
        return enterprise_number(column) if self.unique else any_number(column)


ENTERPRISE = r"[01][0-9]{3}[.][0-9]{3}[.][0-9]{3}"
ESTABLISHMENT = r"[2-8][.][0-9]{3}[.][0-9]{3}[.][0-9]{3}"
BRANCH = r"9[.][0-9]{3}[.][0-9]{3}[.][0-9]{3}"


def digits(column: str) -> str:
    """The ten digits of a dotted number."""
    return f"""replace({column}, '.', '')"""


def _dotted(column: str, form: str, first: str, last: str) -> str:
    """A number of ten digits, dotted in this form, whose first is between these.

    Not a regular expression: this is asked of some four million rows, and costs a third. For the same reason
    what is trimmed are octets; of characters PostgreSQL measures each, and those of the set each time.
    """
    ten = digits(column)
    return (
        f"CASE WHEN {column} LIKE '{form}' AND {column} BETWEEN '{first}' AND '{last}~'"
        f" AND ltrim(convert_to({column}, 'UTF8'), '.0123456789') = '' AND octet_length({ten}) = 10"
        f" THEN 97 - {ten}::bigint / 100 % 97 = right({column}, 2)::int ELSE false END"
    )


def enterprise_number(column: str) -> str:
    """The condition that a column holds the number of an enterprise."""
    return _dotted(column, "____.___.___", "0", "1")


def _establishment(column: str) -> str:
    return _dotted(column, "_.___.___.___", "2", "8")


def _branch(column: str) -> str:
    return _dotted(column, "_.___.___.___", "9", "9")


def any_number(column: str) -> str:
    """The condition that a column holds the number of an enterprise, establishment unit or branch."""
    return f"({enterprise_number(column)} OR {_establishment(column)} OR {_branch(column)})"


def _bare(column: str) -> str:
    return column.strip('"')


def _number(column: str, holds: str) -> Check:
    return Check(reason=f"number {_bare(column)}", holds=holds)


def _date(column: str, *, optional: bool = False) -> Check:
    """Dates parse as dd-mm-yyyy and as nothing else; a day may lie after the snapshot (quirk k)."""
    pattern = "(0[1-9]|[12][0-9]|3[01])-(0[1-9]|1[0-2])-(?!0000)[0-9]{4}"
    otherwise = f"{column} IS NULL" if optional else "false"
    held = (
        f"CASE WHEN {column} ~ '^{pattern}$' THEN left({column}, 2)::int <= extract(day FROM"
        f" make_date(right({column}, 4)::int, substr({column}, 4, 2)::int, 1) + interval '1 month -1 day')"
        f" ELSE {otherwise} END"
    )
    return Check(reason=f"date {_bare(column)}", holds=held, by_value=column)


def _shaped(column: str, pattern: str, usual: Sequence[str] = (), *, optional: bool = False) -> Check:
    """A code of this shape: one we have not heard of is none the worse. The usual ones are seen at once."""
    known = ", ".join(f"'{each}'" for each in usual)
    held = f"coalesce({column} ~ '^({pattern})$', {'true' if optional else 'false'})"
    return Check(
        reason=f"value {_bare(column)}", holds=f"({column} IN ({known}) OR {held})" if usual else held
    )


def _short(column: str, longest: int, *, optional: bool = False) -> Check:
    """A text of at most so many characters, which one of as few bytes is for certain."""
    held = f"octet_length({column}) <= {longest} OR length({column}) <= {longest}"
    return Check(
        reason=f"value {_bare(column)}",
        holds=f"coalesce({held}, {'true' if optional else 'false'})",
    )


def _named(column: str, longest: int) -> Check:
    held = f"octet_length({column}) <= {longest} OR length({column}) <= {longest}"
    return Check(
        reason=f"value {_bare(column)}", holds=f"coalesce(({held}) AND ltrim({column}) <> '', false)"
    )


# Those that most rows have (DOMAIN 3.4); any other is looked at more closely, and accepted.
_FORMS = ("610", "017", "015", "014", "070", "702", "612", "706", "030")
_PLACES = ("REGO", "BAET", "ABBR")

FILES: tuple[File, ...] = (
    File(
        name="enterprise",
        columns=(
            "EnterpriseNumber", "Status", "JuridicalSituation", "TypeOfEnterprise", "JuridicalForm",
            "JuridicalFormCAC", "StartDate",
        ),
        about="EnterpriseNumber",
        unique="EnterpriseNumber",
        checks=(
            _number('"EnterpriseNumber"', enterprise_number('"EnterpriseNumber"')),
            _shaped('"Status"', "[A-Z]{2}", ("AC",)),
            _shaped('"JuridicalSituation"', "[0-9]{3}", ("000",)),
            Check(reason="value TypeOfEnterprise", holds="\"TypeOfEnterprise\" IN ('0', '1', '2')"),
            _shaped('"JuridicalForm"', "[0-9]{3}", _FORMS, optional=True),
            _shaped('"JuridicalFormCAC"', "[0-9]{3}", optional=True),
            _date('"StartDate"'),
        ),
    ),
    File(
        name="establishment",
        columns=("EstablishmentNumber", "StartDate", "EnterpriseNumber"),
        about="EnterpriseNumber",
        unique="EstablishmentNumber",
        checks=(
            _number('"EstablishmentNumber"', _establishment('"EstablishmentNumber"')),
            _date('"StartDate"'),
        ),
    ),
    File(
        name="branch",
        columns=("Id", "StartDate", "EnterpriseNumber"),
        about="EnterpriseNumber",
        unique="Id",
        required=False,
        checks=(
            _number('"Id"', _branch('"Id"')),
            _date('"StartDate"'),
        ),
    ),
    File(
        name="denomination",
        columns=("EntityNumber", "Language", "TypeOfDenomination", "Denomination"),
        about="EntityNumber",
        checks=(
            _shaped('"Language"', "[0-9]", "01234"),
            _shaped('"TypeOfDenomination"', "[0-9]{3}", ("001", "002", "003", "004")),
            _named('"Denomination"', 320),
        ),
    ),
    File(
        name="address",
        columns=(
            "EntityNumber", "TypeOfAddress", "CountryNL", "CountryFR", "Zipcode", "MunicipalityNL",
            "MunicipalityFR", "StreetNL", "StreetFR", "HouseNumber", "Box", "ExtraAddressInfo",
            "DateStrikingOff",
        ),
        about="EntityNumber",
        checks=(
            _shaped('"TypeOfAddress"', "[A-Z]{4}", _PLACES),
            _short('"CountryNL"', 100, optional=True),
            _short('"CountryFR"', 100, optional=True),
            _short('"Zipcode"', 20, optional=True),
            _short('"MunicipalityNL"', 200, optional=True),
            _short('"MunicipalityFR"', 200, optional=True),
            _short('"StreetNL"', 200, optional=True),
            _short('"StreetFR"', 200, optional=True),
            _short('"HouseNumber"', 22, optional=True),
            _short('"Box"', 20, optional=True),
            _short('"ExtraAddressInfo"', 80, optional=True),
            _date('"DateStrikingOff"', optional=True),
        ),
    ),
    File(
        name="contact",
        columns=("EntityNumber", "EntityContact", "ContactType", "Value"),
        about="EntityNumber",
        checks=(
            _short('"EntityContact"', 3),
            _short('"ContactType"', 5),
            _short('"Value"', 254),
        ),
    ),
)  # fmt: skip
# Three quarters of all rows, and of no use to the register itself: read where an operator wants them.
ACTIVITY = File(
    name="activity",
    columns=("EntityNumber", "ActivityGroup", "NaceVersion", "NaceCode", "Classification"),
    about="EntityNumber",
    checks=(
        _shaped('"ActivityGroup"', "[0-9]{3}", ("001", "003", "006")),
        _shaped('"NaceVersion"', "[0-9]{4}", ("2003", "2008", "2025")),
        Check(
            reason="value NaceCode",
            holds="coalesce(\"NaceCode\" ~ '^[0-9]{2,7}$', false)",
            by_value='"NaceCode"',
        ),
        _shaped('"Classification"', "[A-Z]{4}", ("MAIN", "SECO", "ANCI")),
    ),
)
CODE_COLUMNS = ("Category", "Code", "Language", "Description")
META_COLUMNS = ("Variable", "Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The columns of a file in their order: the official name, or None for one we do not know.

    `others` are the names of those; they are accepted and left aside.
    """

    columns: tuple[str | None, ...]
    others: tuple[str, ...] = ()

    @property
    def unknown(self) -> int:
        """How many columns we do not know."""
        return len(self.others)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each column, ours for those we do not know: theirs may be anything."""
        return tuple(name or f"unknown_{place}" for place, name in enumerate(self.columns))


def read_header(line: bytes, file: str, wanted: Sequence[str]) -> Header:
    """The columns of a header line, found by name: `Version` in meta.csv is not to be trusted (0.10).

    Raises `HeaderMismatch` naming a column that is missing or there twice.
    """
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HeaderMismatch(file, wanted[0]) from error
    found = [name.strip() for name in next(csv.reader([text]), [])]
    for column in wanted:
        if found.count(column) != 1:
            raise HeaderMismatch(file, column)
    return Header(
        columns=tuple(name if name in wanted else None for name in found),
        others=tuple(name for name in found if name not in wanted),
    )


_MOST_LINES = 20
"""A row has no more of them: a quote that is never closed does not make us read on and on."""
_LINE_BREAK = re.compile(r"[\r\n]+")


def whole_rows(lines: Iterable[tuple[int, str]], columns: int) -> Iterator[tuple[int, str, list[str] | None]]:
    """The rows behind numbered lines: where each begins, its first line, its values; None for a damaged one.

    A value in quotes may have several lines (RFC 4180 nr 6); here they become one, for nothing that the
    register holds has more. Only what is a row of so many columns down to its last quote is one: where a
    quote was forgotten, the line that it stands in is damaged, and none after it. A blank line is no row.
    """
    ahead: deque[tuple[int, str]] = deque()
    rest = iter(lines)
    while ahead or (ahead := deque(islice(rest, 1))):
        line, first = ahead.popleft()
        if not first.strip():
            continue
        row = _row([first], columns)
        if row is None and first.count('"') % 2:
            ahead.extend(islice(rest, max(0, _MOST_LINES - 1 - len(ahead))))
            row, more = _longer([first, *(text for _, text in ahead)], columns)
            ahead = deque(islice(ahead, more, None))
        yield line, first, row


def _longer(lines: Sequence[str], columns: int) -> tuple[list[str] | None, int]:
    """The row that begins in the first of these lines and ends in another, and how many more it took."""
    quotes = lines[0].count('"')
    for more, line in enumerate(lines[1:], start=1):
        quotes += line.count('"')
        if quotes % 2 == 0 and (row := _row(lines[: more + 1], columns)) is not None:
            return row, more
    return None, 0


def _row(lines: Sequence[str], columns: int) -> list[str] | None:
    """The values of a row written in these lines, all of them; None where they are no row."""
    try:
        found = list(csv.reader([f"{line}\n" for line in lines], strict=True))
    except csv.Error:
        return None
    if len(found) != 1 or len(found[0]) != columns:
        return None
    return [_LINE_BREAK.sub(" ", value) for value in found[0]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What an extract says of itself."""

    number: int
    kind: str
    snapshot_on: date
    extracted_at: datetime


def read_meta(text: str) -> Meta:
    """The meta data of an extract. Raises `BadMeta` naming the variable, `HeaderMismatch`."""
    lines = text.splitlines()
    header = read_header((lines[0] if lines else "").encode(), "meta.csv", META_COLUMNS).names
    rows = (dict(zip(header, row, strict=False)) for row in csv.reader(lines[1:]))
    values = {row.get("Variable", "").strip(): row.get("Value", "").strip() for row in rows}
    number = values.get("ExtractNumber", "")
    if not re.fullmatch(r"[0-9]{1,9}", number):
        raise BadMeta("ExtractNumber")
    kind = values.get("ExtractType", "").lower()
    if kind not in {"full", "update"}:
        raise BadMeta("ExtractType")
    return Meta(
        number=int(number),
        kind=kind,
        snapshot_on=_belgian(values, "SnapshotDate", "%d-%m-%Y").date(),
        extracted_at=_belgian(values, "ExtractTimestamp", "%d-%m-%Y %H:%M:%S").astimezone(UTC),
    )


def _belgian(values: dict[str, str], variable: str, form: str) -> datetime:
    try:
        return datetime.strptime(values.get(variable, ""), form).replace(tzinfo=BRUSSELS)
    except ValueError as error:
        raise BadMeta(variable) from error
