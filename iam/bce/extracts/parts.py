"""The tables of the register that an extract fills: their columns, and the rows that it wants there."""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; values are parameters

from collections.abc import Mapping
from dataclasses import dataclass

from iam.bce.extracts.plan import Plan
from iam.bce.extracts.resolving import believed, ten


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A table of the register: its rows are `entity_id`, these columns, and both times where it is `dated`.

    Two rows with the same `key` are the same row; it has changed where they differ in what is `compared`.
    `file` is the one of the extract, where that says of a place all that is there; `wanted` are the rows
    that the extract wants.
    """

    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    compared: tuple[str, ...] = ()
    wanted: str
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
        held = "NOT EXISTS (SELECT FROM @held h WHERE h.entity_id = t.entity_id)"
        return f"SELECT {columns} FROM {self.table} t{now}{' AND ' if now else ' WHERE '}{held}"

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


def _of_owner(file: str, **columns: str) -> str:
    """Rows of a file with the key of their owner, if he has one; their digest stands for their content."""
    content = ", ".join(("o.unit", *columns.values()))
    named = ", ".join(f"{what} AS {name}" for name, what in columns.items())
    return (
        f"SELECT o.entity_id, hash_record_extended(ROW({content}), 0) AS digest, o.unit, {named}"
        f' FROM @{file} s LEFT JOIN @owner o ON o.key = s."EntityNumber"'
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
NAME = Part(
    table="bce_name",
    columns=("digest", "unit", "language", "kind", "text"),
    key=("entity_id", "digest"),
    wanted=_of_owner(
        "denomination",
        language='s."Language"',
        kind='s."TypeOfDenomination"',
        text='btrim(s."Denomination")',
    ),
    file="denomination",
)
ADDRESS = Part(
    table="bce_address",
    columns=(
        "digest", "unit", "kind", "country_nl", "country_fr", "postcode", "municipality_nl",
        "municipality_fr", "street_nl", "street_fr", "house_number", "box", "extra", "struck_off_on",
    ),
    key=("entity_id", "digest"),
    wanted=_of_owner(
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
    ),
    file="address",
    dated=False,
)  # fmt: skip
CONTACT = Part(
    table="bce_contact",
    columns=("digest", "unit", "kind", "value"),
    key=("entity_id", "digest"),
    wanted=_of_owner("contact", kind='s."ContactType"', value='s."Value"'),
    file="contact",
    dated=False,
)
ACTIVITY = Part(
    table="bce_activity",
    columns=("digest", "unit", "activity_group", "nace_version", "nace_code", "classification"),
    key=("entity_id", "digest"),
    wanted=_of_owner(
        "activity",
        activity_group='s."ActivityGroup"',
        nace_version='s."NaceVersion"::smallint',
        nace_code='s."NaceCode"',
        classification='s."Classification"',
    ),
    file="activity",
    dated=False,
)


def parts_of(plan: Plan) -> tuple[Part, ...]:
    """The tables that an extract of this kind fills, those that take longest first."""
    # A full extract without branches ends those there were.
    branches = (BRANCH,) if plan.branches or not plan.update else ()
    activities = (ACTIVITY,) if plan.activities else ()
    return (*activities, ADDRESS, NAME, ESTABLISHMENT, SNAPSHOT, CONTACT, *branches)
