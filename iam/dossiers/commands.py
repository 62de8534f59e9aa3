"""What somebody wants of a dossier. Whether it happens, the rules decide. Pure."""

from dataclasses import dataclass
from datetime import date

from iam.dossiers.model import Stage
from iam.kernel.ids import DocumentId, DossierId, EntityId
from iam.kernel.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDossier:
    """The actor claims to represent an enterprise; nobody sees it before it is sent."""

    entity: EntityId
    code: str
    since: date | None
    motivation: str
    email: str
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class AddDocument:
    """A document is put into the actor's dossier."""

    dossier: DossierId
    content: bytes

    def __repr__(self) -> str:
        """Nothing of the content."""
        return f"AddDocument({self.dossier}, {len(self.content)} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveDocument:
    """A document is taken out again, before it was sent."""

    dossier: DossierId
    document: DocumentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """The dossier goes to the reviewers as it is."""

    dossier: DossierId


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """The claimant no longer wants it, also when it was accepted."""

    dossier: DossierId


@dataclass(frozen=True, slots=True, kw_only=True)
class StartReview:
    """A reviewer takes it up: from now on it is shown to him whole."""

    dossier: DossierId
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """A reviewer accepts it until a day, and says what he relied on; `stage` is the review he saw."""

    dossier: DossierId
    stage: Stage
    until: date | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """A reviewer refuses it, and says why; `stage` is the review he saw."""

    dossier: DossierId
    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """A reviewer takes an acceptance back, and says why."""

    dossier: DossierId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A reviewer looks at the whole dossier, or at one document of it."""

    dossier: DossierId
    document: DocumentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """Time has passed: record what is over."""

    dossier: DossierId


Command = (
    OpenDossier
    | AddDocument
    | RemoveDocument
    | Submit
    | Withdraw
    | StartReview
    | Accept
    | Refuse
    | Revoke
    | Read
    | Lapse
)
