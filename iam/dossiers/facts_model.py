"""What a rule about dossiers needs to know, gathered before it decides. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from iam.bce.model import Enterprise, Representation
from iam.bce.rules import Rulebook
from iam.dossiers.model import Dossier
from iam.kernel.actor import Actor
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import GrantId, MakeId, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the operator set."""

    level: Level
    fresh: timedelta
    unsent: timedelta
    undecided: timedelta
    longest_days: int
    retention: timedelta
    documents: int
    document_bytes: int
    open_at_once: int
    per_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """The person whose dossier it is, or would be. Without a number the register can know nothing of him."""

    id: PersonId
    blocked: bool
    has_number: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a rule may look at. Nothing else: no clock, no setting, no database.

    `involved` says that the actor, apart from reviewing, has to do with the enterprise himself,
    `first_reviewer_blocked` that whoever accepted the dossier first has been blocked since.
    `dossier` is the one that the command names; `enterprise` the one it is about. `representations` are
    all who represent the enterprise now, `own` those of them that are the claimant's. `reviewer` is the
    grant by which the actor reviews, or why he does not. `open` counts the claimant's open dossiers,
    `recent` those he opened in the last 24 hours; `under_way` says that one of the open ones is about this
    enterprise.
    """

    now: datetime
    actor: Actor
    limits: Limits
    enterprise: Enterprise
    book: Rulebook
    claimant: Claimant | None
    actor_blocked: bool
    reviewer: GrantId | Refusal
    involved: bool = False
    first_reviewer_blocked: bool = False
    representations: tuple[Representation, ...] = ()
    own: tuple[Representation, ...] = ()
    dossier: Dossier | None = None
    open: int = 0
    recent: int = 0
    under_way: bool = False
    make_id: MakeId = field(compare=False)

    def new_id(self) -> UUID:
        """A fresh identifier for something that begins."""
        return self.make_id()

    @property
    def actor_person(self) -> PersonId | None:
        """The person who acts, if a person does."""
        return getattr(self.actor, "person", None)
