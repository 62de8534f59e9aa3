"""What the register says about an enterprise, and what a function in it is. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import NewType
from uuid import UUID

from iam.kernel.clock import end_of_day
from iam.kernel.ids import EntityId, PersonId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.kernel.ssin import Fingerprint

FunctionId = NewType("FunctionId", UUID)


class RegisterLanguage(StrEnum):
    """The register's own codes of languages. Not 0=FR, 1=DE, as some say (DOMAIN 0.9, 7.3 nr 7)."""

    UNKNOWN = "0"
    FR = "1"
    NL = "2"
    DE = "3"
    EN = "4"


REGISTER_LANGUAGE: Mapping[Language, RegisterLanguage] = {
    Language.FR: RegisterLanguage.FR,
    Language.NL: RegisterLanguage.NL,
    Language.DE: RegisterLanguage.DE,
    Language.EN: RegisterLanguage.EN,
}


class NameKind(StrEnum):
    """What a name is (code table TypeOfDenomination)."""

    NAME = "001"
    ABBREVIATION = "002"
    COMMERCIAL = "003"
    BRANCH = "004"


class EnterpriseKind(IntEnum):
    """Code table TypeOfEnterprise; LEGAL holds bodies without legal personality too (DOMAIN 3.4)."""

    UNKNOWN = 0
    NATURAL = 1
    LEGAL = 2


class Consequence(StrEnum):
    """What a juridical situation means for those who act (DOMAIN 3.4)."""

    NORMAL = "normal"
    WATCH = "watch"
    CONTROLLED = "controlled"
    TERMINAL = "terminal"


class RegisterState(StrEnum):
    """Whether the newest extract holds the enterprise: open data shows a cessation as absence only."""

    ACTIVE = "active"
    VANISHED = "vanished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name. `language` and `kind` are the register's codes: a code it adds later must not break us."""

    text: str
    language: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enterprise:
    """An enterprise as the register has it now, or last had it.

    `form` is the form to apply rules on: the one "as to be read" where there is one (quirk g).
    `doubtful_seat` says that the address was struck off ex officio.
    """

    entity: EntityId
    number: EnterpriseNumber
    kind: EnterpriseKind
    form: str | None
    situation: str
    consequence: Consequence
    state: RegisterState
    start_on: date
    names: tuple[Name, ...]
    municipality_fr: str | None = None
    municipality_nl: str | None = None
    doubtful_seat: bool = False

    @property
    def operating(self) -> bool:
        """Whether rights for it can be in force at all."""
        return self.state is RegisterState.ACTIVE and self.consequence is not Consequence.TERMINAL


class Represents(StrEnum):
    """What a function is worth, for a form."""

    ALONE = "alone"
    JOINTLY = "jointly"
    NO = "no"


class Controlled(StrEnum):
    """Whether a function represents while the enterprise is in a controlled situation (nr 24)."""

    NO = "no"
    YES = "yes"
    ONLY = "only"


ANY_FORM = "*"
NATURAL_FORM = "natural"
LEGAL_FUNCTION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentationRule:
    """What a function is worth for a form: alone, jointly, not.

    `form` is a code of the register, ANY_FORM for every form of a legal person, or NATURAL_FORM for
    the enterprise of a natural person. The days are both included.
    """

    function: str
    form: str
    represents: Represents
    controlled: Controlled
    valid_from: date
    valid_to: date | None
    source: str


class FunctionSource(StrEnum):
    """Who stands behind a function. Values are permanent: they are stored."""

    FEED = "functions"
    DOSSIER = "manualDossier"


Holder = Fingerprint | PersonId
"""A natural person: by the fingerprint of his number, or as a person known here where he has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function in an enterprise, held by a person or by another enterprise.

    A person is known by the fingerprint of his national number, or as the person whose dossier was
    accepted, never by a name (nr 21). `holder_operating` is False when the holding enterprise is known to
    have ceased.
    """

    id: FunctionId
    entity: EntityId
    code: str
    holder: Holder | None
    holder_number: EnterpriseNumber | None
    permanent_representative: Fingerprint | None
    period: Period
    holder_operating: bool = True
    source: FunctionSource = FunctionSource.FEED


class Basis(StrEnum):
    """In which way a function makes a person represent."""

    FUNCTION = "function"
    PERMANENT_REPRESENTATIVE = "permanentRepresentative"
    OWN_ENTERPRISE = "ownEnterprise"
    MANUAL_DOSSIER = "manualDossier"


class Suspension(StrEnum):
    """Why a representation gives nothing for the moment."""

    CONTROLLED = "controlled"
    CEASED = "ceased"
    HOLDER_CEASED = "holderCeased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """A natural person represents an enterprise. `basis` is the id of the function, `how` its way.

    `alone` is False where the rules want a second signature. `suspended` says why it gives nothing now.
    `told_at` is when the feed of functions last spoke; a dossier does not wait for it.
    """

    entity: EntityId
    holder: Holder
    basis: str
    how: Basis
    code: str
    alone: bool
    period: Period
    why_suspended: Suspension | None = None
    told_at: datetime | None = None

    @property
    def suspended(self) -> bool:
        """Whether it gives nothing for the moment."""
        return self.why_suspended is not None

    def is_stale(self, now: datetime, grace: timedelta) -> bool:
        """Whether its source has not spoken for longer than the grace: it stays, and is marked (nr 23)."""
        if self.how is Basis.MANUAL_DOSSIER:
            return False
        return self.told_at is None or now - self.told_at > grace


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """The newest feed of functions that was applied: its number, and when its source made it."""

    number: int
    produced_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """The Belgian day that an answer is about, and the instant up to which what was learned counts."""

    day: date
    known_on: datetime

    @property
    def instant(self) -> datetime:
        """The last instant of the day: what an extract or a feed of that day says is in."""
        return end_of_day(self.day) - timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A row that was not believed: of which attempt, where it stands, why; never what it says."""

    attempt: str
    file: str
    line: int
    reason: str
