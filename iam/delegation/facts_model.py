"""What a rule needs to know, gathered before it decides. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from iam.bce.model import Basis
from iam.delegation.model import Delegation, Role
from iam.kernel.actor import Actor
from iam.kernel.assurance import Level
from iam.kernel.ids import EntityId, MakeId, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityFacts:
    """The enterprise as the register has it now.

    `operating` is False once it has vanished from the register or its situation is terminal.
    `staff` marks the administration that runs the service (DESIGN 8).
    """

    id: EntityId
    operating: bool
    staff: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentationFacts:
    """The actor represents the enterprise, by the register, now. `basis` is the id of the function."""

    basis: str
    code: str
    alone: bool
    suspended: bool
    how: Basis = Basis.FUNCTION

    @property
    def journaled(self) -> Mapping[str, str]:
        """The basis of an act as an entry of the journal names it: a function, or a dossier."""
        kind = "dossier" if self.how is Basis.MANUAL_DOSSIER else "function"
        return {kind: self.basis, "code": self.code}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """A person concerned. `verified` holds the addresses he has confirmed for this enterprise (nr 51)."""

    id: PersonId
    blocked: bool
    verified: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the operator set."""

    appointment_level: Level
    appointment_fresh: timedelta
    decision_level: Level
    activation_level: Level
    activation: timedelta
    request_lapse: timedelta
    requests_per_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a rule may look at. Nothing else: no clock, no setting, no database.

    `state` holds what the command concerns: all offices not yet over, the request or grant named,
    and the open requests and live grants of the persons concerned. `recent_requests` counts the
    actor's requests of the last 24 hours, for any enterprise. `request_email` is the address given with
    the request named.
    """

    now: datetime
    actor: Actor
    entity: EntityFacts
    state: Delegation
    catalogue: Mapping[str, Role]
    limits: Limits
    people: Mapping[PersonId, PersonFacts]
    representations: tuple[RepresentationFacts, ...] = ()
    register_fresh: bool = True
    recent_requests: int = 0
    request_email: str | None = None
    make_id: MakeId = field(compare=False)

    def new_id(self) -> UUID:
        """A fresh identifier for something that begins."""
        return self.make_id()

    @property
    def actor_person(self) -> PersonId | None:
        """The person who acts, if a person does."""
        return getattr(self.actor, "person", None)
