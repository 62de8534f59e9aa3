"""What happens to a dossier. Ids, codes and days; texts and addresses are erasable details. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from iam.dossiers.model import Kind, Stage
from iam.journal.codec import EventTypes
from iam.kernel.ids import DocumentId, DossierId, EntityId, PersonId
from iam.kernel.language import Language


class Lapsed(StrEnum):
    """What time has ended. Permanent values."""

    UNSENT = "unsent"
    UNDECIDED = "undecided"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierOpened:
    """Somebody claims to represent an enterprise, and gathers his documents."""

    KIND: ClassVar[str] = "dossiers.dossier.opened"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"motivation", "email"})

    dossier: DossierId
    entity: EntityId
    person: PersonId
    code: str
    since: date
    language: Language
    at: datetime
    lapses_at: datetime
    motivation: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentAdded:
    """A document is in the dossier: what it is and how long, nothing of what it says."""

    KIND: ClassVar[str] = "dossiers.document.added"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    dossier: DossierId
    document: DocumentId
    kind: Kind
    size: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRemoved:
    """A document was taken out before anybody saw it, and is gone."""

    KIND: ClassVar[str] = "dossiers.document.removed"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    dossier: DossierId
    document: DocumentId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierSubmitted:
    """The dossier waits for its first review."""

    KIND: ClassVar[str] = "dossiers.dossier.submitted"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    dossier: DossierId
    entity: EntityId
    person: PersonId
    documents: int
    at: datetime
    lapses_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewStarted:
    """A reviewer has taken it up."""

    KIND: ClassVar[str] = "dossiers.review.started"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    dossier: DossierId
    stage: Stage
    reviewer: PersonId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierRead:
    """A reviewer has looked at the dossier, or at a document of it (DOMAIN 7.3 nr 65)."""

    KIND: ClassVar[str] = "dossiers.dossier.read"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    dossier: DossierId
    reviewer: PersonId
    at: datetime
    document: DocumentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewAccepted:
    """The first reviewer accepts it: it waits for the second."""

    KIND: ClassVar[str] = "dossiers.review.accepted"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"note"})

    dossier: DossierId
    entity: EntityId
    person: PersonId
    reviewer: PersonId
    until: date
    at: datetime
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierAccepted:
    """The second reviewer accepts it too: its claimant represents the enterprise until `ends_at`."""

    KIND: ClassVar[str] = "dossiers.dossier.accepted"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"note"})

    dossier: DossierId
    entity: EntityId
    person: PersonId
    code: str
    reviewer: PersonId
    at: datetime
    ends_at: datetime
    documents_until: datetime
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierRefused:
    """One reviewer refuses it, and it is over."""

    KIND: ClassVar[str] = "dossiers.dossier.refused"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"reason"})

    dossier: DossierId
    entity: EntityId
    person: PersonId
    stage: Stage
    reviewer: PersonId
    at: datetime
    documents_until: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierWithdrawn:
    """Its claimant has given it up; he represents nobody by it any more."""

    KIND: ClassVar[str] = "dossiers.dossier.withdrawn"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    dossier: DossierId
    entity: EntityId
    person: PersonId
    at: datetime
    documents_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierRevoked:
    """A reviewer has taken the acceptance back; what was done by it stays (DOMAIN 1.5)."""

    KIND: ClassVar[str] = "dossiers.dossier.revoked"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"reason"})

    dossier: DossierId
    entity: EntityId
    person: PersonId
    reviewer: PersonId
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierExpired:
    """Its time is over: not sent, not decided, or accepted until a day that has passed."""

    KIND: ClassVar[str] = "dossiers.dossier.expired"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    dossier: DossierId
    entity: EntityId
    person: PersonId
    why: Lapsed
    at: datetime
    documents_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsDestroyed:
    """The keys of its documents are gone, and so is what they said; the decision stays."""

    KIND: ClassVar[str] = "dossiers.documents.destroyed"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    dossier: DossierId
    documents: int
    at: datetime


Event = (
    DossierOpened
    | DocumentAdded
    | DocumentRemoved
    | DossierSubmitted
    | ReviewStarted
    | DossierRead
    | ReviewAccepted
    | DossierAccepted
    | DossierRefused
    | DossierWithdrawn
    | DossierRevoked
    | DossierExpired
    | DocumentsDestroyed
)
TYPES = EventTypes(
    (
        DossierOpened,
        DocumentAdded,
        DocumentRemoved,
        DossierSubmitted,
        ReviewStarted,
        DossierRead,
        ReviewAccepted,
        DossierAccepted,
        DossierRefused,
        DossierWithdrawn,
        DossierRevoked,
        DossierExpired,
        DocumentsDestroyed,
    )
)
