"""What happened to a watched enterprise in the register. Numbers and codes only, no names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from iam.journal.codec import EventTypes


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterpriseVanished:
    """It is absent from a full extract: open data holds active enterprises only (nr 13)."""

    KIND: ClassVar[str] = "bce.enterprise.vanished"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    entity: UUID
    extract: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterpriseReactivated:
    """It is in an extract again, under the same number (nr 13, quirk l)."""

    KIND: ClassVar[str] = "bce.enterprise.reactivated"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    entity: UUID
    extract: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SituationChanged:
    """Its juridical situation is another; the consequences are those of DOMAIN 3.4."""

    KIND: ClassVar[str] = "bce.enterprise.situationChanged"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    entity: UUID
    before: str
    after: str
    consequence_before: str
    consequence_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormChanged:
    """The form to apply rules on is another."""

    KIND: ClassVar[str] = "bce.enterprise.formChanged"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    entity: UUID
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NameChanged:
    """It is called otherwise. The names stand in the register: a natural person's are personal data."""

    KIND: ClassVar[str] = "bce.enterprise.nameChanged"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    entity: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatStruckOff:
    """The address of its seat was struck off ex officio (quirk f)."""

    KIND: ClassVar[str] = "bce.enterprise.seatStruckOff"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    entity: UUID
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberReplaced:
    """It goes by another number; offices and grants stay (nr 5)."""

    KIND: ClassVar[str] = "bce.enterprise.numberReplaced"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    entity: UUID
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentationBegan:
    """A function represents it from now on, whoever holds it. The function's id and code, no person."""

    KIND: ClassVar[str] = "bce.representation.began"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    entity: UUID
    function: UUID
    code: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentationEnded:
    """A function no longer represents it. What was done by it stays: an appointment survives (DOMAIN 1.5).

    `last` says that nobody represents it now.
    """

    KIND: ClassVar[str] = "bce.representation.ended"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    entity: UUID
    function: UUID
    code: str
    how: str
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesReplaced:
    """The rules of representation are others. `files` holds the SHA-256 of each file they were read from."""

    KIND: ClassVar[str] = "bce.rules.replaced"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    version: int
    files: Mapping[str, str]
    functions: int
    rules: int
    situations: int


RegisterEvent = (
    EnterpriseVanished
    | EnterpriseReactivated
    | SituationChanged
    | FormChanged
    | NameChanged
    | SeatStruckOff
    | NumberReplaced
    | RepresentationBegan
    | RepresentationEnded
)
EVENTS = EventTypes(
    (
        EnterpriseVanished,
        EnterpriseReactivated,
        SituationChanged,
        FormChanged,
        NameChanged,
        SeatStruckOff,
        NumberReplaced,
        RepresentationBegan,
        RepresentationEnded,
        RulesReplaced,
    )
)
