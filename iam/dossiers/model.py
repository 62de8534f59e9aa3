"""What a dossier is made of. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum

from iam.kernel.ids import DocumentId, DossierId, EntityId, PersonId

REVIEWER = "staff.reviewer"
"""The role of those who review, in the catalogue of the administration that runs the service."""


class State(StrEnum):
    """How far a dossier has come (DOMAIN 7.2). Values are permanent: they are stored."""

    OPENED = "opened"
    SUBMITTED = "submitted"
    FIRST_REVIEW = "firstReview"
    SECOND_REVIEW = "secondReview"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REVOKED = "revoked"

    @property
    def is_reviewed(self) -> bool:
        """Whether reviewers have it before them."""
        return self in REVIEWED

    @property
    def is_open(self) -> bool:
        """Whether nobody has decided yet, the claimant included."""
        return self is State.OPENED or self.is_reviewed


REVIEWED = frozenset({State.SUBMITTED, State.FIRST_REVIEW, State.SECOND_REVIEW})
# The whole of it: what may follow what. No transition lives elsewhere.
FOLLOWS: Mapping[State, frozenset[State]] = {
    State.OPENED: frozenset({State.SUBMITTED, State.WITHDRAWN, State.EXPIRED}),
    State.SUBMITTED: frozenset({State.FIRST_REVIEW, State.WITHDRAWN, State.EXPIRED}),
    State.FIRST_REVIEW: frozenset({State.SECOND_REVIEW, State.REFUSED, State.WITHDRAWN, State.EXPIRED}),
    State.SECOND_REVIEW: frozenset({State.ACCEPTED, State.REFUSED, State.WITHDRAWN, State.EXPIRED}),
    State.ACCEPTED: frozenset({State.EXPIRED, State.REVOKED, State.WITHDRAWN}),
    State.REFUSED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.EXPIRED: frozenset(),
    State.REVOKED: frozenset(),
}


class Stage(IntEnum):
    """Which of the two reviews."""

    FIRST = 1
    SECOND = 2


class Kind(StrEnum):
    """What a document is, by its content. Values are permanent: they are stored."""

    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"

    @property
    def media_type(self) -> str:
        """As it is sent."""
        return "application/pdf" if self is Kind.PDF else f"image/{self.value}"

    @property
    def extension(self) -> str:
        """As its file is called."""
        return "jpg" if self is Kind.JPEG else self.value


# The beginning of a file, and what stands near its end. What it is called, or is said to be, says nothing.
_SIGNS: Mapping[Kind, tuple[bytes, bytes]] = {
    Kind.PDF: (b"%PDF-", b"%%EOF"),
    Kind.JPEG: (b"\xff\xd8\xff", b"\xff\xd9"),
    Kind.PNG: (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
}
_TAIL = 1024


def kind_of(content: bytes) -> Kind | None:
    """What the content is; None for anything that is not accepted, or is cut."""
    for kind, (head, tail) in _SIGNS.items():
        if content.startswith(head) and tail in content[len(head) :][-_TAIL:]:
            return kind
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document of a dossier; its content is elsewhere, under a key of its own, or gone."""

    id: DocumentId
    kind: Kind
    size: int
    destroyed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A person claims to represent an enterprise, in a capacity that a code of function names.

    `started` are the reviewers who have taken it up in the present review. `first_reviewer` has accepted it
    until `first_until`. `ends_at` is when an accepted one ends. While it is open, it lapses at `lapses_at`.
    """

    id: DossierId
    entity: EntityId
    claimant: PersonId
    code: str
    since: date
    state: State
    opened_at: datetime
    lapses_at: datetime
    documents: tuple[Document, ...] = ()
    started: frozenset[PersonId] = field(default_factory=frozenset)
    first_reviewer: PersonId | None = None
    first_until: date | None = None
    second_reviewer: PersonId | None = None
    ends_at: datetime | None = None

    def has_lapsed(self, now: datetime) -> bool:
        """Whether its time is over, and perhaps not recorded yet."""
        end = self.lapses_at if self.state.is_open else self.ends_at
        return (self.state.is_open or self.state is State.ACCEPTED) and end is not None and now >= end

    def shown(self, now: datetime) -> State:
        """Its state as it is at `now`: time decides on read."""
        return State.EXPIRED if self.has_lapsed(now) else self.state

    def in_force(self, now: datetime) -> bool:
        """Whether its claimant represents the enterprise by it."""
        return self.shown(now) is State.ACCEPTED

    @property
    def stage(self) -> Stage:
        """The review that is going on, or was the last."""
        return Stage.FIRST if self.first_reviewer is None else Stage.SECOND
