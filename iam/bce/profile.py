"""All that the open data says of one enterprise, and which extract says it (nr 17)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import RowMapping, text

from iam.bce.model import AsOf, Enterprise, Name
from iam.bce.queries import find_by_number
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import ReadConnection

SOURCE = "BCE/KBO open data"
PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """The extract that answers stand on: its number, and the day of which it speaks."""

    number: int
    snapshot_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address as the register wrote it.

    Outside of Brussels French and Dutch are often the same text, whatever language that is (quirk d). A
    country is named only abroad, where postcode and house number may be missing (quirk e). From
    `struck_off_on` on it is struck off ex officio and kept for memory (quirk f).
    """

    country_fr: str | None
    country_nl: str | None
    postcode: str | None
    municipality_fr: str | None
    municipality_nl: str | None
    street_fr: str | None
    street_nl: str | None
    house_number: str | None
    box: str | None
    extra: str | None
    struck_off_on: date | None

    def lines(self, language: Language) -> tuple[str, ...]:
        """Street and number, what is added to them, postcode and municipality, country: those there are.

        Dutch readers get the Dutch text, others the French one; each the other where there is but one.
        """
        street = _one(self.street_fr, self.street_nl, language)
        box = f"/ {self.box}" if self.box else None
        first = " ".join(part for part in (street, self.house_number, box) if part)
        town = " ".join(
            part
            for part in (self.postcode, _one(self.municipality_fr, self.municipality_nl, language))
            if part
        )
        country = _one(self.country_fr, self.country_nl, language)
        return tuple(line for line in (first, self.extra, town, country) if line)


def _one(french: str | None, dutch: str | None, language: Language) -> str | None:
    return (dutch or french) if language is Language.NL else (french or dutch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Establishment:
    """An establishment unit: ten digits, since when, how it is called, where it is."""

    number: str
    start_on: date
    names: tuple[Name, ...]
    address: Address | None

    @property
    def dotted(self) -> str:
        """The number as people write it."""
        d = self.number
        return f"{d[0]}.{d[1:4]}.{d[4:7]}.{d[7:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """An enterprise in full; of the establishment units one page, in order of number.

    `enterprise.form` is the form as to be read; `registered_form` the one that is registered (quirk g).
    `after` is the number after which the next page begins; None on the last. There is no extract before the
    first, and no seat where the register has none: of natural persons never (quirk b). With `as_of` it is
    what the enterprise was then (`iam.bce.history`), its addresses those of `addresses_on`.
    """

    enterprise: Enterprise
    registered_form: str | None
    seat: Address | None
    establishments: tuple[Establishment, ...]
    establishment_count: int
    after: str | None
    extract: Extract | None
    as_of: AsOf | None = None
    addresses_on: date | None = None


_EXTRACT = text(
    "SELECT number, snapshot_on FROM bce_extract WHERE status = 'applied' ORDER BY number DESC LIMIT 1"
)
ADDRESS = (
    "country_fr, country_nl, postcode, municipality_fr, municipality_nl, street_fr, street_nl, house_number,"
    " box, extra, struck_off_on"
)
# What it last was, if it has vanished; of its address nothing is kept then.
_FORM = text(
    """
    SELECT s.form FROM bce_snapshot s JOIN bce_entity e ON e.entity_id = s.entity_id
     WHERE s.entity_id = :entity AND s.recorded_until IS NULL AND s.ends_at IS NOT DISTINCT FROM e.vanished_at
    """
)
SEAT = text(
    f"SELECT {ADDRESS} FROM bce_address WHERE entity_id = :entity AND unit IS NULL AND kind = 'REGO'"  # noqa: S608
    " ORDER BY digest LIMIT 1"
)
_COUNT = text(
    "SELECT count(*) FROM bce_establishment"
    " WHERE entity_id = :entity AND recorded_until IS NULL AND ends_at IS NULL"
)
_ESTABLISHMENTS = text(
    f"""
    SELECT u.number, u.start_on,
           (SELECT coalesce(json_agg(json_build_object('text', n.text, 'language', n.language, 'kind', n.kind)
                                     ORDER BY n.kind, n.language, n.text), '[]')::text
              FROM bce_name n WHERE n.entity_id = u.entity_id AND n.unit = u.number
               AND n.recorded_until IS NULL AND n.ends_at IS NULL) AS names,
           (a.entity_id IS NOT NULL) AS placed, {", ".join(f"a.{name}" for name in ADDRESS.split(", "))}
      FROM bce_establishment u
      LEFT JOIN LATERAL (
           SELECT * FROM bce_address WHERE entity_id = u.entity_id AND unit = u.number
            ORDER BY digest LIMIT 1) a ON true
     WHERE u.entity_id = :entity AND u.recorded_until IS NULL AND u.ends_at IS NULL AND u.number > :after
     ORDER BY u.number LIMIT :limit
    """  # noqa: S608 - names of columns are constants
)


async def extract_of(conn: ReadConnection) -> Extract | None:
    """The extract that all answers stand on; None before the first."""
    row = (await conn.execute(_EXTRACT)).one_or_none()
    return None if row is None else Extract(number=row.number, snapshot_on=row.snapshot_on)


async def profile(
    conn: ReadConnection, number: EnterpriseNumber, *, after: str = "", page: int = PAGE
) -> Profile | None:
    """The enterprise that goes by this number, vanished ones included; None when there is none.

    Of its establishment units those whose number comes after `after`, at most `page` of them.
    """
    enterprise = await find_by_number(conn, number)
    if enterprise is None:
        return None
    of_it: Mapping[str, Any] = {"entity": enterprise.entity}
    seat = (await conn.execute(SEAT, of_it)).mappings().one_or_none()
    units = await conn.execute(_ESTABLISHMENTS, {**of_it, "after": after, "limit": page + 1})
    found = units.mappings().all()
    shown = found[:page]
    return Profile(
        enterprise=enterprise,
        registered_form=(await conn.execute(_FORM, of_it)).scalar_one_or_none(),
        seat=None if seat is None else Address(**seat),
        establishments=establishments_of(shown),
        establishment_count=(await conn.execute(_COUNT, of_it)).scalar_one(),
        after=shown[-1]["number"] if len(found) > page else None,
        extract=await extract_of(conn),
    )


def establishments_of(rows: Sequence[RowMapping]) -> tuple[Establishment, ...]:
    """The units of rows that have `number`, `start_on`, `names`, whether it is `placed`, and its address."""
    return tuple(
        Establishment(
            number=row["number"],
            start_on=row["start_on"],
            names=msgspec.json.decode(row["names"], type=tuple[Name, ...]),
            address=Address(**{name: row[name] for name in ADDRESS.split(", ")}) if row["placed"] else None,
        )
        for row in rows
    )
