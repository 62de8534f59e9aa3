"""What the delegation of an enterprise is made of. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from iam.kernel.assurance import Level
from iam.kernel.ids import EntityId, GrantId, OfficeId, PersonId, RequestId
from iam.kernel.language import Language
from iam.kernel.period import Period


class RoleContext(StrEnum):
    """Where a role lives; no role leaks from one context into another (DOMAIN 7.3 nr 74)."""

    ENTERPRISE = "enterprise"
    STAFF = "staff"


class OfficeKind(StrEnum):
    """An office gives power over the access of others. Permanent values."""

    GAP = "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """An entry of the catalogue: what it allows, who may give it, for how long.

    `allows` completes the sentence "X peut …" in each language. `grantable_by` names office kinds
    (nr 38). A role with `four_eyes` is never given to oneself (nr 35, 43).
    """

    code: str
    context: RoleContext
    labels: Mapping[Language, str]
    allows: Mapping[Language, str]
    grantable_by: frozenset[OfficeKind]
    longest_days: int
    minimum_level: Level
    four_eyes: bool = False
    retired_at: datetime | None = None

    def is_retired(self, now: datetime) -> bool:
        """Whether the role no longer exists at `now`."""
        return self.retired_at is not None and self.retired_at <= now


class OfficeState(StrEnum):
    """Appointed and active are two states (DOMAIN 1.3)."""

    PENDING = "pending"
    ACTIVE = "active"
    ENDED = "ended"


class OfficeOrigin(StrEnum):
    """How an office came to be."""

    APPOINTED = "appointed"
    MIGRATED = "migrated"
    BOOTSTRAP = "bootstrap"


class OfficeEnd(StrEnum):
    """Why an office ended."""

    REPLACED = "replaced"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """An office of an enterprise.

    While pending, `period` runs from the appointment to its lapse; once active, from the activation on.
    """

    id: OfficeId
    entity: EntityId
    kind: OfficeKind
    person: PersonId
    state: OfficeState
    origin: OfficeOrigin
    period: Period

    def is_pending(self, now: datetime) -> bool:
        """Whether it waits for its holder at `now`; time decides, no write is needed."""
        return self.state is OfficeState.PENDING and self.period.holds(now)

    def is_active(self, now: datetime) -> bool:
        """Whether its holder may use it at `now`."""
        return self.state is OfficeState.ACTIVE and self.period.holds(now)


class GrantOrigin(StrEnum):
    """How a grant came to be."""

    DIRECT = "direct"
    REQUEST = "request"
    MIGRATED = "migrated"
    BOOTSTRAP = "bootstrap"


class GrantEnd(StrEnum):
    """Why a grant ended before its last day."""

    REVOKED = "revoked"
    RENOUNCED = "renounced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A person plays a role for an enterprise during a period."""

    id: GrantId
    entity: EntityId
    person: PersonId
    role: str
    period: Period
    origin: GrantOrigin
    granted_by: PersonId | None
    granted_at: datetime
    to_oneself: bool = False
    request: RequestId | None = None
    ended: GrantEnd | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether it is in force at `now`, or will be; an ended one never is again."""
        return self.ended is None and (self.period.end is None or now < self.period.end)


class Relation(StrEnum):
    """How a requester is bound to the enterprise, as he says."""

    EMPLOYEE = "employee"
    OFFICER = "officer"
    ASSOCIATE = "associate"
    EXTERNAL = "external"


class RequestState(StrEnum):
    """The life of a request. Only the first three are open."""

    UNCONFIRMED = "unconfirmed"
    WAITING_FOR_GAP = "waitingForGap"
    UNDER_REVIEW = "underReview"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    VOID = "void"

    @property
    def is_open(self) -> bool:
        """Whether it can still be decided or withdrawn."""
        return self in OPEN_STATES


OPEN_STATES = frozenset({RequestState.UNCONFIRMED, RequestState.WAITING_FOR_GAP, RequestState.UNDER_REVIEW})


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRequest:
    """A person asks to play roles for an enterprise. `wished` is what he asked for."""

    id: RequestId
    entity: EntityId
    person: PersonId
    roles: tuple[str, ...]
    relation: Relation
    wished: Period
    state: RequestState
    submitted_at: datetime
    lapses_at: datetime

    def is_open(self, now: datetime) -> bool:
        """Whether it can still be decided at `now`; time decides, no write is needed (nr 45)."""
        return self.state.is_open and now < self.lapses_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """A one-time way in for the first operator, known by the hash of its secret."""

    digest: str
    lapses_at: datetime
    claimed: bool = False

    def is_open(self, now: datetime) -> bool:
        """Whether somebody may still take it."""
        return not self.claimed and now < self.lapses_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """What the journal of one enterprise adds up to: the state that `evolve` folds (DESIGN 4)."""

    offices: Mapping[OfficeId, Office] = field(default_factory=dict)
    grants: Mapping[GrantId, Grant] = field(default_factory=dict)
    requests: Mapping[RequestId, RoleRequest] = field(default_factory=dict)
    bootstraps: Mapping[str, Bootstrap] = field(default_factory=dict)

    def gap(self, now: datetime) -> Office | None:
        """The active chief access manager, of whom there is at most one (nr 26)."""
        return next((o for o in self._of(OfficeKind.GAP) if o.is_active(now)), None)

    def pending_gap(self, now: datetime) -> Office | None:
        """The appointed chief access manager who has not accepted yet, at most one (nr 26)."""
        return next((o for o in self._of(OfficeKind.GAP) if o.is_pending(now)), None)

    def _of(self, kind: OfficeKind) -> Iterator[Office]:
        return (office for office in self.offices.values() if office.kind is kind)
