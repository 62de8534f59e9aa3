"""What happened to the delegation of an enterprise. Frozen and versioned: these are kept for good. Pure.

Free text and addresses are details: they may be None once erased.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from iam.delegation.model import (
    GrantEnd,
    GrantOrigin,
    OfficeEnd,
    OfficeKind,
    OfficeOrigin,
    Relation,
)
from iam.journal.codec import EventTypes
from iam.kernel.ids import EntityId, GrantId, OfficeId, PersonId, RequestId
from iam.kernel.language import Language

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeAppointed:
    """A representative named somebody for an office; it waits for him until `lapses_at`."""

    KIND: ClassVar[str] = "delegation.office.appointed"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"email"})

    office: OfficeId
    entity: EntityId
    kind: OfficeKind
    person: PersonId
    at: datetime
    lapses_at: datetime
    language: Language
    by: PersonId
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeActivated:
    """The holder accepted, or the office came already active from elsewhere (`origin`)."""

    KIND: ClassVar[str] = "delegation.office.activated"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"email"})

    office: OfficeId
    entity: EntityId
    kind: OfficeKind
    person: PersonId
    origin: OfficeOrigin
    at: datetime
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeEnded:
    """The office is over; `by_office` names the one that took its place."""

    KIND: ClassVar[str] = "delegation.office.ended"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = _NONE

    office: OfficeId
    entity: EntityId
    kind: OfficeKind
    person: PersonId
    why: OfficeEnd
    at: datetime
    by_office: OfficeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSubmitted:
    """A person asked for roles; it waits for his address to be confirmed."""

    KIND: ClassVar[str] = "delegation.request.submitted"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"motivation", "email"})

    request: RequestId
    entity: EntityId
    person: PersonId
    roles: tuple[str, ...]
    relation: Relation
    language: Language
    starts_at: datetime
    ends_at: datetime | None
    at: datetime
    lapses_at: datetime
    motivation: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestConfirmed:
    """The requester's professional address is confirmed: the request counts from now on."""

    KIND: ClassVar[str] = "delegation.request.confirmed"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = _NONE

    request: RequestId
    entity: EntityId
    person: PersonId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRouted:
    """The request lies with the holder of an office."""

    KIND: ClassVar[str] = "delegation.request.routed"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = _NONE

    request: RequestId
    entity: EntityId
    person: PersonId
    office: OfficeId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestApproved:
    """The request was granted; the grants are events of their own beside it."""

    KIND: ClassVar[str] = "delegation.request.approved"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = _NONE

    request: RequestId
    entity: EntityId
    person: PersonId
    by: PersonId
    shortened: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused:
    """The request was refused, with the reason the requester reads."""

    KIND: ClassVar[str] = "delegation.request.refused"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"reason"})

    request: RequestId
    entity: EntityId
    person: PersonId
    by: PersonId
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestWithdrawn:
    """The requester took his request back."""

    KIND: ClassVar[str] = "delegation.request.withdrawn"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = _NONE

    request: RequestId
    entity: EntityId
    person: PersonId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestExpired:
    """Nobody decided in time."""

    KIND: ClassVar[str] = "delegation.request.expired"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = _NONE

    request: RequestId
    entity: EntityId
    person: PersonId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestVoided:
    """The enterprise has ceased: nobody can decide any more."""

    KIND: ClassVar[str] = "delegation.request.voided"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = _NONE

    request: RequestId
    entity: EntityId
    person: PersonId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGranted:
    """A person plays a role from `starts_at` on; `to_oneself` flags a self-grant (nr 35)."""

    KIND: ClassVar[str] = "delegation.role.granted"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = _NONE

    grant: GrantId
    entity: EntityId
    person: PersonId
    role: str
    starts_at: datetime
    ends_at: datetime | None
    origin: GrantOrigin
    by: PersonId | None
    to_oneself: bool
    at: datetime
    request: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantEnded:
    """The role ended before its last day, by whom and why."""

    KIND: ClassVar[str] = "delegation.grant.ended"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"reason"})

    grant: GrantId
    entity: EntityId
    person: PersonId
    role: str
    why: GrantEnd
    by: PersonId
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapOpened:
    """The operator of the machine made a one-time link for the first operator of the service."""

    KIND: ClassVar[str] = "delegation.bootstrap.opened"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = _NONE

    entity: EntityId
    digest: str
    at: datetime
    lapses_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapClaimed:
    """Somebody took the one-time link; his office and role are events of their own beside it."""

    KIND: ClassVar[str] = "delegation.bootstrap.claimed"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = _NONE

    entity: EntityId
    digest: str
    person: PersonId
    at: datetime


Event = (
    OfficeAppointed
    | OfficeActivated
    | OfficeEnded
    | RequestSubmitted
    | RequestConfirmed
    | RequestRouted
    | RequestApproved
    | RequestRefused
    | RequestWithdrawn
    | RequestExpired
    | RequestVoided
    | RoleGranted
    | GrantEnded
    | BootstrapOpened
    | BootstrapClaimed
)

TYPES = EventTypes(
    [
        OfficeAppointed,
        OfficeActivated,
        OfficeEnded,
        RequestSubmitted,
        RequestConfirmed,
        RequestRouted,
        RequestApproved,
        RequestRefused,
        RequestWithdrawn,
        RequestExpired,
        RequestVoided,
        RoleGranted,
        GrantEnded,
        BootstrapOpened,
        BootstrapClaimed,
    ]
)
