"""The register as JSON, for portals: lowerCamelCase, absent rather than null (STYLE 10)."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from iam.bce import labels
from iam.bce.model import Consequence, Enterprise, Name, RegisterState
from iam.bce.profile import SOURCE, Address, Establishment, Extract, Profile
from iam.bce.search import LONGEST_NAME, LONGEST_PLACE, Found, Hit, Match
from iam.kernel.language import Language

FORM = "JuridicalForm"
SITUATION = "JuridicalSituation"
TYPE = "TypeOfEnterprise"
LANGUAGE = "Language"
NAME_KIND = "TypeOfDenomination"
EnterpriseDigits = Annotated[str, Field(pattern=r"^[01][0-9]{9}$", description="Ten digits.")]
EstablishmentDigits = Annotated[str, Field(pattern=r"^[2-8][0-9]{9}$", description="Ten digits.")]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Labels(_Body):
    """The official words for a code. Where the official table lacks a language: the next best one it has.

    It has French and Dutch for all, German for forms and situations, English for none (DOMAIN 3.4).
    """

    fr: str
    nl: str
    de: str
    en: str


class Code(_Body):
    """A code of the register, with its words; one that the official table lacks stands for itself."""

    code: str
    labels: Labels

    @classmethod
    def of(cls, category: str, code: str) -> "Code":
        """The code of this category of the official table."""
        words = {each.value: labels.label(category, code, each) for each in Language}
        return cls(code=code, labels=Labels(**words))


class NameBody(_Body):
    """A name. Its language is the register's own code: 0 unknown, 1 French, 2 Dutch, 3 German, 4 English."""

    text: str
    language: Code
    kind: Code

    @classmethod
    def of(cls, name: Name) -> "NameBody":
        """The name, its codes in words."""
        return cls(
            text=name.text,
            language=Code.of(LANGUAGE, name.language),
            kind=Code.of(NAME_KIND, name.kind),
        )


class Text(_Body):
    """A text in French, in Dutch, or both; outside of Brussels they are mostly the same (quirk d)."""

    fr: str | None = None
    nl: str | None = None

    @classmethod
    def of(cls, french: str | None, dutch: str | None) -> "Text | None":
        """The text; None where there is none."""
        return cls(fr=french, nl=dutch) if french or dutch else None


class AddressBody(_Body):
    """An address as the register wrote it; a country is named only abroad."""

    street: Text | None = None
    house_number: str | None = None
    box: str | None = None
    extra: str | None = None
    postcode: str | None = None
    municipality: Text | None = None
    country: Text | None = None
    struck_off: bool = Field(description="Struck off ex officio: the enterprise may not be found there.")
    struck_off_date: date | None = None

    @classmethod
    def of(cls, address: Address | None) -> "AddressBody | None":
        """The address; None where there is none."""
        if address is None:
            return None
        return cls(
            street=Text.of(address.street_fr, address.street_nl),
            house_number=address.house_number,
            box=address.box,
            extra=address.extra,
            postcode=address.postcode,
            municipality=Text.of(address.municipality_fr, address.municipality_nl),
            country=Text.of(address.country_fr, address.country_nl),
            struck_off=address.struck_off_on is not None,
            struck_off_date=address.struck_off_on,
        )


class EstablishmentBody(_Body):
    """An establishment unit."""

    establishment_number: EstablishmentDigits
    start_date: date
    names: list[NameBody]
    address: AddressBody | None = None

    @classmethod
    def of(cls, unit: Establishment) -> "EstablishmentBody":
        """The unit."""
        return cls(
            establishment_number=unit.number,
            start_date=unit.start_on,
            names=_names(unit.names),
            address=AddressBody.of(unit.address),
        )


class Establishments(_Body):
    """A page of establishment units, in order of number."""

    items: list[EstablishmentBody]
    total: int
    next: str | None = Field(default=None, description="Where the next page is; absent on the last.")


class Stated(_Body):
    """Where an answer comes from: the extract that it stands on, and the day of which that speaks."""

    source: str = SOURCE
    extract_number: int
    snapshot_date: date

    @classmethod
    def by(cls, extract: Extract) -> dict[str, Any]:
        """The fields of this class, for an extract."""
        return {"extract_number": extract.number, "snapshot_date": extract.snapshot_on}


class EnterpriseBody(Stated):
    """All that the register's open data says of an enterprise.

    `form` is the form as to be read, the one that rules go by; `registeredForm` is there where another one is
    registered. An enterprise that has `vanished` is absent from the newest extract: what it last was.

    With `at` and `asKnownOn` it is what the enterprise was at the end of that day, as far as was known at
    that instant; `extractNumber` is the extract known then. Addresses are always those of now.
    """

    at: date | None = Field(default=None, description="The Belgian day of which this is told.")
    as_known_on: datetime | None = Field(default=None, description="What was learned later is not in it.")
    addresses_on: date | None = Field(
        default=None, description="The day of the addresses: they have no past."
    )
    enterprise_number: EnterpriseDigits
    state: RegisterState
    operating: bool = Field(description="Whether rights for it can be in force at all.")
    type: Code
    form: Code | None = None
    registered_form: Code | None = None
    situation: Code
    consequence: Consequence
    start_date: date
    names: list[NameBody]
    seat: AddressBody | None = None
    establishments: Establishments

    @classmethod
    def of(cls, told: Profile, extract: Extract, more: str | None) -> "EnterpriseBody":
        """The enterprise; `more` is where its next establishment units are."""
        found, registered = told.enterprise, told.registered_form
        return cls(
            **Stated.by(extract),
            at=None if told.as_of is None else told.as_of.day,
            as_known_on=None if told.as_of is None else told.as_of.known_on,
            addresses_on=told.addresses_on,
            enterprise_number=found.number.digits,
            state=found.state,
            operating=found.operating,
            type=Code.of(TYPE, str(found.kind.value)),
            form=_form(found.form),
            registered_form=None if registered == found.form else _form(registered),
            situation=Code.of(SITUATION, found.situation),
            consequence=found.consequence,
            start_date=found.start_on,
            names=_names(found.names),
            seat=AddressBody.of(told.seat),
            establishments=Establishments(
                items=[EstablishmentBody.of(unit) for unit in told.establishments],
                total=told.establishment_count,
                next=more,
            ),
        )


class HitBody(_Body):
    """An enterprise that answers a search; `match` says how: begins so, has the words, is similar."""

    enterprise_number: EnterpriseDigits
    match: Match
    names: list[NameBody]
    form: Code | None = None
    situation: Code
    consequence: Consequence
    municipality: Text | None = None
    seat_struck_off: bool
    href: str

    @classmethod
    def of(cls, hit: Hit, href: str) -> "HitBody":
        """The enterprise; `href` is where it is told in full."""
        found: Enterprise = hit.enterprise
        return cls(
            enterprise_number=found.number.digits,
            match=hit.match,
            names=_names(found.names),
            form=_form(found.form),
            situation=Code.of(SITUATION, found.situation),
            consequence=found.consequence,
            municipality=Text.of(found.municipality_fr, found.municipality_nl),
            seat_struck_off=found.doubtful_seat,
            href=href,
        )


class FoundBody(Stated):
    """A page of enterprises that operate, the best first. Natural persons are found by number alone.

    `tooCommon` says that the words stand in more names than can be put in order: only those that begin so are
    here, and a place or another word finds the others.
    """

    items: list[HitBody]
    too_common: bool
    next: str | None = Field(default=None, description="Where the next page is; absent on the last.")

    @classmethod
    def of(cls, found: Found, extract: Extract, base: str, more: str | None) -> "FoundBody":
        """The page; `base` is where an enterprise is told in full, `more` where the next page is."""
        return cls(
            **Stated.by(extract),
            items=[HitBody.of(hit, f"{base}/{hit.enterprise.number.digits}") for hit in found.hits],
            too_common=found.common,
            next=more,
        )


class Asked(_Body):
    """What is searched for: a name, a place, or both."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    name: str = Field(default="", max_length=LONGEST_NAME, description="Words of a name, in any order.")
    postcode: str = Field(default="", max_length=LONGEST_PLACE, description="The postcode of the seat.")
    municipality: str = Field(
        default="", max_length=LONGEST_PLACE, description="The municipality of the seat, in French or Dutch."
    )
    after: str = Field(default="", max_length=4000, description="From `next` of the page before.")


class AskedOfOne(_Body):
    """As of when it is wanted, and which establishment units."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    at: str = Field(default="", max_length=40, description="A Belgian day, `2026-03-31`: what held then.")
    as_known_on: str = Field(
        default="",
        max_length=40,
        description="A day, or an instant of RFC 3339: what was learned later is left out.",
    )

    establishments_after: str = Field(
        default="",
        pattern=r"^([2-8][0-9]{9})?$",
        description="From `establishments.next` of the page before.",
    )


class ProblemBody(_Body):
    """RFC 9457, in the form of the Belgif REST guide."""

    type: str
    title: str
    status: int
    instance: str
    reason: str | None = None
    fixer: str | None = None
    issues: list[dict[str, str]] | None = Field(
        default=None, description="What is wrong: `type`, `in` (path or query), `name`, `detail`."
    )


def _names(names: Iterable[Name]) -> list[NameBody]:
    return [NameBody.of(name) for name in names]


def _form(code: str | None) -> Code | None:
    return None if code is None else Code.of(FORM, code)
