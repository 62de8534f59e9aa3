"""The official CSV dialect: files, columns found by name, and what makes a row believable. Pure.

Source: DOMAIN 3.3, 3.4 and the quirks a to m; the checks are SQL, because rows are looked at by the
million inside the database.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

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
    """A row is bad for `reason` unless the condition holds."""

    reason: str
    holds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of the extract: its columns, which of them names the entity a row is about, its checks."""

    name: str
    columns: tuple[str, ...]
    about: str
    checks: tuple[Check, ...]
    unique: str | None = None
    required: bool = True

    @property
    def csv(self) -> str:
        """Its name in the archive."""
        return f"{self.name}.csv"

    @property
    def staging(self) -> str:
        """The table it is copied into."""
        return f"staging_{self.name}"


ENTERPRISE = r"[01][0-9]{3}[.][0-9]{3}[.][0-9]{3}"
ESTABLISHMENT = r"[2-8][.][0-9]{3}[.][0-9]{3}[.][0-9]{3}"
BRANCH = r"9[.][0-9]{3}[.][0-9]{3}[.][0-9]{3}"


def digits(column: str) -> str:
    """The ten digits of a dotted number."""
    return f"""replace({column}, '.', '')"""


def _number(column: str, *patterns: str) -> Check:
    pattern = "|".join(patterns)
    held = (
        f"CASE WHEN {column} ~ '^({pattern})$'"
        f" THEN right({digits(column)}, 2)::int = 97 - left({digits(column)}, 8)::int % 97"
        " ELSE false END"
    )
    return Check(reason=f"number {column.strip(chr(34))}", holds=held)


def _date(column: str, *, optional: bool = False) -> Check:
    """Dates parse as dd-mm-yyyy and as nothing else; a day may lie after the snapshot (quirk k)."""
    pattern = "(0[1-9]|[12][0-9]|3[01])-(0[1-9]|1[0-2])-(?!0000)[0-9]{4}"
    otherwise = f"{column} IS NULL" if optional else "false"
    held = (
        f"CASE WHEN {column} ~ '^{pattern}$' THEN left({column}, 2)::int <= extract(day FROM"
        f" make_date(right({column}, 4)::int, substr({column}, 4, 2)::int, 1) + interval '1 month -1 day')"
        f" ELSE {otherwise} END"
    )
    return Check(reason=f"date {column.strip(chr(34))}", holds=held)


def _shaped(column: str, pattern: str, *, optional: bool = False) -> Check:
    held = f"coalesce({column} ~ '^({pattern})$', {'true' if optional else 'false'})"
    return Check(reason=f"value {column.strip(chr(34))}", holds=held)


def _short(column: str, longest: int, *, optional: bool = False) -> Check:
    held = f"coalesce(length({column}) <= {longest}, {'true' if optional else 'false'})"
    return Check(reason=f"value {column.strip(chr(34))}", holds=held)


_ANY = (ENTERPRISE, ESTABLISHMENT, BRANCH)

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
            _number('"EnterpriseNumber"', ENTERPRISE),
            _shaped('"Status"', "[A-Z]{2}"),
            _shaped('"JuridicalSituation"', "[0-9]{3}"),
            _shaped('"TypeOfEnterprise"', "[012]"),
            _shaped('"JuridicalForm"', "[0-9]{3}", optional=True),
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
            _number('"EstablishmentNumber"', ESTABLISHMENT),
            _number('"EnterpriseNumber"', ENTERPRISE),
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
            _number('"Id"', BRANCH),
            _number('"EnterpriseNumber"', ENTERPRISE),
            _date('"StartDate"'),
        ),
    ),
    File(
        name="denomination",
        columns=("EntityNumber", "Language", "TypeOfDenomination", "Denomination"),
        about="EntityNumber",
        checks=(
            _number('"EntityNumber"', *_ANY),
            _shaped('"Language"', "[0-9]"),
            _shaped('"TypeOfDenomination"', "[0-9]{3}"),
            _short('"Denomination"', 320),
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
            _number('"EntityNumber"', *_ANY),
            _shaped('"TypeOfAddress"', "[A-Z]{4}"),
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
            _number('"EntityNumber"', *_ANY),
            _short('"EntityContact"', 3),
            _short('"ContactType"', 5),
            _short('"Value"', 254),
        ),
    ),
)  # fmt: skip
CODE_COLUMNS = ("Category", "Code", "Language", "Description")
META_COLUMNS = ("Variable", "Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The columns of a file in their order: the official name, or None for one we do not know."""

    columns: tuple[str | None, ...]

    @property
    def unknown(self) -> int:
        """How many columns we do not know; they are accepted and left aside."""
        return self.columns.count(None)


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
    return Header(columns=tuple(name if name in wanted else None for name in found))


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
    read_header((lines[0] if lines else "").encode(), "meta.csv", META_COLUMNS)
    values = {row[0]: row[1].strip() for row in csv.reader(lines[1:]) if len(row) == len(META_COLUMNS)}
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
