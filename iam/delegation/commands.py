"""What one may ask of the delegation of an enterprise. Pure data; the rules are in `rules/`."""

from dataclasses import dataclass
from datetime import date, datetime

from iam.delegation.model import Relation
from iam.kernel.ids import EntityId, GrantId, OfficeId, PersonId, RequestId
from iam.kernel.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitRequest:
    """The actor asks for roles. `first` and `last` are Belgian days; `last` may be open."""

    entity: EntityId
    roles: tuple[str, ...]
    relation: Relation | None
    motivation: str
    email: str
    first: date
    last: date | None
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRequest:
    """The professional address of the request has been confirmed."""

    entity: EntityId
    request: RequestId


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawRequest:
    """The requester takes his request back."""

    entity: EntityId
    request: RequestId


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveRequest:
    """The manager grants what was asked, or the same for a shorter period."""

    entity: EntityId
    request: RequestId
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseRequest:
    """The manager refuses, and says why."""

    entity: EntityId
    request: RequestId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointGap:
    """A representative names the chief access manager: himself, or a person he knows by number and mail."""

    entity: EntityId
    appointee: PersonId
    email: str
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOffice:
    """The appointee takes the office up."""

    entity: EntityId
    office: OfficeId


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineOffice:
    """The appointee does not want the office."""

    entity: EntityId
    office: OfficeId


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAppointment:
    """A representative takes an appointment back before it is accepted."""

    entity: EntityId
    office: OfficeId


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateGap:
    """A chief access manager known elsewhere enters, already active. Only a feed or a bootstrap says so."""

    entity: EntityId
    person: PersonId
    email: str | None
    bootstrap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateRole:
    """A role known elsewhere enters. Only a feed or a bootstrap says so."""

    entity: EntityId
    person: PersonId
    role: str
    ends_at: datetime | None
    bootstrap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRole:
    """The manager gives a role directly, also to himself."""

    entity: EntityId
    person: PersonId
    role: str
    first: date
    last: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndGrant:
    """The manager takes a role back, or the holder gives it up. A manager says why."""

    entity: EntityId
    grant: GrantId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBootstrap:
    """The machine's operator makes a one-time link; only the hash of its secret comes here."""

    entity: EntityId
    digest: str
    lapses_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimBootstrap:
    """The actor takes the one-time link and becomes the first operator."""

    entity: EntityId
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassess:
    """The register has changed: draw the consequences."""

    entity: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """Time has passed: record what is over."""

    entity: EntityId


Command = (
    SubmitRequest
    | ConfirmRequest
    | WithdrawRequest
    | ApproveRequest
    | RefuseRequest
    | AppointGap
    | AcceptOffice
    | DeclineOffice
    | CancelAppointment
    | MigrateGap
    | MigrateRole
    | GrantRole
    | EndGrant
    | OpenBootstrap
    | ClaimBootstrap
    | Reassess
    | Lapse
)
