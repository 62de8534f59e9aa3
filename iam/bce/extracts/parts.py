"""The tables of the register that an extract fills: their columns, and the rows that it wants there."""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; values are parameters

from collections.abc import Mapping
from dataclasses import dataclass, field

from iam.bce.extracts.plan import Plan
from iam.bce.extracts.resolving import believed, not_held, ten


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A table of the register: its rows are `entity_id`, these columns, and both times where it is `dated`.

    Two rows with the same `key` are the same row; it has changed where they differ in what is `compared`.
    `wanted` are the rows that the extract wants. Where a `file` of it says of a place all that is there,
    `placed` are the same rows by no more than their key, their unit and the place in the file's table, of
    which the rest is the `content`.
    """

    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    compared: tuple[str, ...] = ()
    wanted: str
    placed: str = ""
    content: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    dated: bool = True

    def current(self, plan: Plan) -> str:
        """What is in question of the rows that hold now."""
        columns = ", ".join(f"t.{name}" for name in dict.fromkeys(("entity_id", *self.key, *self.compared)))
        now = f" WHERE {believed('t')}" if self.dated else ""
        if plan.update:
            return (
                f"SELECT {columns} FROM {self.table} t {_IN_QUESTION[self.table].format(file=self.file)}{now}"
            )
        both = " AND " if now else " WHERE "
        return f"SELECT {columns} FROM {self.table} t{now}{both}{not_held('t.entity_id')}"

    def wanted_rows(self, plan: Plan) -> str:
        """The rows that the extract wants where it puts something in question."""
        if not plan.update or self.file is None:
            return self.wanted
        columns = ", ".join(f"t.{name}" for name in self.columns)
        # A unit that moves takes along what the update does not tell anew.
        return (
            f"{self.wanted} UNION ALL SELECT m.after, {columns} FROM {self.table} t"
            " JOIN @moved m ON m.before = t.entity_id AND m.number = t.unit"
            f" WHERE NOT EXISTS (SELECT FROM @named_{self.file} k WHERE {ten('k.key')} = m.number)"
            + (f" AND {believed('t')}" if self.dated else "")
        )


_PLACES = "JOIN @asked_{file} a ON a.entity_id = t.entity_id AND coalesce(a.unit, '') = coalesce(t.unit, '')"
_UNITS = "JOIN @unit_before b ON b.number = t.number AND b.branch = {}"
_IN_QUESTION: Mapping[str, str] = {
    "bce_snapshot": (
        "JOIN (SELECT entity_id FROM @entity UNION ALL SELECT entity_id FROM @gone) a"
        " ON a.entity_id = t.entity_id"
    ),
    "bce_establishment": _UNITS.format("false"),
    "bce_branch": _UNITS.format("true"),
    "bce_name": _PLACES,
    "bce_address": _PLACES,
    "bce_contact": _PLACES,
    "bce_activity": _PLACES,
}


def _about_any(table: str, file: str, *, dated: bool = False, **content: str) -> Part:
    """The table of a file whose rows may be about anything: so much is said of each, and of whom it is.

    A digest stands for the content. A row without an owner has neither entity nor unit.
    """
    all_of_it = ", ".join(("o.unit", *content.values()))
    found = f"o.entity_id, hash_record_extended(ROW({all_of_it}), 0) AS digest, o.unit"
    told = ", ".join(f"{what} AS {name}" for name, what in content.items())
    rows = f'FROM @{file} s LEFT JOIN @owner o ON o.key = s."EntityNumber"'
    return Part(
        table=table,
        columns=("digest", "unit", *content),
        key=("entity_id", "digest"),
        wanted=f"SELECT {found}, {told} {rows}",
        placed=f"SELECT {found}, s.ctid AS place {rows}",
        content=content,
        file=file,
        dated=dated,
    )


SNAPSHOT = Part(
    table="bce_snapshot",
    columns=("status", "kind", "situation", "form", "form_cac", "start_on"),
    key=("entity_id",),
    compared=("status", "kind", "situation", "form", "form_cac", "start_on"),
    wanted="SELECT entity_id, status, kind, situation, form, form_cac, start_on FROM @entity",
)
ESTABLISHMENT = Part(
    table="bce_establishment",
    columns=("number", "start_on"),
    key=("number",),
    compared=("entity_id", "start_on"),
    wanted="SELECT entity_id, number, start_on FROM @unit WHERE NOT branch",
)
BRANCH = Part(
    table="bce_branch",
    columns=("number", "start_on"),
    key=("number",),
    compared=("entity_id", "start_on"),
    wanted="SELECT entity_id, number, start_on FROM @unit WHERE branch",
)
NAME = _about_any(
    "bce_name",
    "denomination",
    dated=True,
    language='s."Language"',
    kind='s."TypeOfDenomination"',
    text='btrim(s."Denomination")',
)
ADDRESS = _about_any(
    "bce_address",
    "address",
    kind='s."TypeOfAddress"',
    country_nl='s."CountryNL"',
    country_fr='s."CountryFR"',
    postcode='s."Zipcode"',
    municipality_nl='s."MunicipalityNL"',
    municipality_fr='s."MunicipalityFR"',
    street_nl='s."StreetNL"',
    street_fr='s."StreetFR"',
    house_number='s."HouseNumber"',
    box='s."Box"',
    extra='s."ExtraAddressInfo"',
    struck_off_on='s."DateStrikingOff"::date',
)
CONTACT = _about_any("bce_contact", "contact", kind='s."ContactType"', value='s."Value"')
ACTIVITY = _about_any(
    "bce_activity",
    "activity",
    activity_group='s."ActivityGroup"',
    nace_version='s."NaceVersion"::smallint',
    nace_code='s."NaceCode"',
    classification='s."Classification"',
)


def parts_of(plan: Plan) -> tuple[Part, ...]:
    """The tables that an extract of this kind fills, those that take longest first."""
    # A full extract without branches ends those there were.
    branches = (BRANCH,) if plan.branches or not plan.update else ()
    activities = (ACTIVITY,) if plan.activities else ()
    return (*activities, ADDRESS, NAME, ESTABLISHMENT, SNAPSHOT, CONTACT, *branches)
