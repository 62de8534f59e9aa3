"""What a claimant may do: open, fill, send, give up. Pure (DOMAIN 7.2, 7.3 nr 18, 21)."""

from iam.dossiers import commands as c
from iam.dossiers import events as e
from iam.dossiers.facts_model import Claimant, Facts
from iam.dossiers.model import FOLLOWS, Dossier, State, kind_of
from iam.dossiers.rules import checks
from iam.dossiers.rules.outcome import Outcome
from iam.kernel.actor import Capacity
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.email import normal_address
from iam.kernel.ids import DocumentId, DossierId
from iam.kernel.reasons import Reason


def open_dossier(command: c.OpenDossier, facts: Facts) -> Outcome | Refusal:
    """The dossier is there for its claimant alone; one an enterprise, and a few at once."""
    me = checks.claimant(facts)
    if isinstance(me, Refusal):
        return me
    refusal = checks.needed(me, facts) or checks.strong(facts, fresh=False) or _room(facts)
    if refusal is not None:
        return refusal
    if (worthless := checks.worth(command.code, facts)) is not None:
        return worthless
    today = belgian_day(facts.now)
    if command.since is None or command.since > today:
        return Refusal(reason=Reason.SINCE_IN_FUTURE, about="since")
    motivation = checks.free_text(
        command.motivation, facts, about="motivation", missing=Reason.EXPLANATION_MISSING
    )
    if isinstance(motivation, Refusal):
        return motivation
    email = normal_address(command.email, today)
    if email is None:
        return Refusal(reason=Reason.EMAIL_INVALID, about="email")
    opened = e.DossierOpened(
        dossier=DossierId(facts.new_id()), entity=command.entity, person=me.id, code=command.code,
        since=command.since, language=command.language, at=facts.now,
        lapses_at=facts.now + facts.limits.unsent, motivation=motivation, email=email,
    )  # fmt: skip
    return Outcome(events=(opened,), capacity=Capacity.CITIZEN)


def _room(facts: Facts) -> Refusal | None:
    if facts.under_way:
        return Refusal(reason=Reason.DOSSIER_UNDER_WAY)
    if facts.open >= facts.limits.open_at_once or facts.recent >= facts.limits.per_day:
        return Refusal(reason=Reason.TOO_MANY_DOSSIERS)
    return None


def add_document(command: c.AddDocument, facts: Facts) -> Outcome | Refusal:
    """The document is in the dossier: of a kind we take, by its content, not too large, not one too many."""
    dossier = _filled(facts)
    if isinstance(dossier, Refusal):
        return dossier
    if not command.content:
        return Refusal(reason=Reason.DOCUMENT_MISSING, about="document")
    if len(command.content) > facts.limits.document_bytes:
        megabytes = str(facts.limits.document_bytes >> 20)
        return Refusal(reason=Reason.DOCUMENT_TOO_LARGE, about="document", facts={"limit": megabytes})
    kind = kind_of(command.content)
    if kind is None:
        return Refusal(reason=Reason.DOCUMENT_KIND, about="document")
    if len(dossier.documents) >= facts.limits.documents:
        most = str(facts.limits.documents)
        return Refusal(reason=Reason.TOO_MANY_DOCUMENTS, about="document", facts={"limit": most})
    added = e.DocumentAdded(
        dossier=dossier.id, document=DocumentId(facts.new_id()), kind=kind, size=len(command.content),
        at=facts.now,
    )  # fmt: skip
    return Outcome(events=(added,), capacity=Capacity.CITIZEN)


def remove_document(command: c.RemoveDocument, facts: Facts) -> Outcome | Refusal:
    """The document is gone, and nobody has seen it."""
    dossier = _filled(facts)
    if isinstance(dossier, Refusal):
        return dossier
    if command.document not in {each.id for each in dossier.documents}:
        return Refusal(reason=Reason.DOSSIER_UNKNOWN)
    removed = e.DocumentRemoved(dossier=dossier.id, document=command.document, at=facts.now)
    return Outcome(events=(removed,), capacity=Capacity.CITIZEN)


def _filled(facts: Facts) -> Dossier | Refusal:
    """The actor's dossier, which he is still filling."""
    dossier = checks.own(facts)
    if isinstance(dossier, Refusal):
        return dossier
    return checks.in_state(dossier, facts, State.OPENED) or dossier


def submit(_command: c.Submit, facts: Facts) -> Outcome | Refusal:
    """The dossier waits for its first review; everything that opening it wanted still holds."""
    dossier = _filled(facts)
    if isinstance(dossier, Refusal):
        return dossier
    me = facts.claimant
    assert isinstance(me, Claimant)  # noqa: S101 - it is his dossier
    refusal = (
        checks.needed(me, facts) or checks.strong(facts, fresh=False) or checks.worth(dossier.code, facts)
    )
    if refusal is not None:
        return refusal
    if not dossier.documents:
        return Refusal(reason=Reason.DOCUMENT_MISSING, about="document")
    submitted = e.DossierSubmitted(
        dossier=dossier.id, entity=dossier.entity, person=dossier.claimant,
        documents=len(dossier.documents), at=facts.now, lapses_at=facts.now + facts.limits.undecided,
    )  # fmt: skip
    return Outcome(events=(submitted,), capacity=Capacity.CITIZEN)


def withdraw(_command: c.Withdraw, facts: Facts) -> Outcome | Refusal:
    """The claimant gives it up, at any time before it is over; so he ends what was accepted, too."""
    dossier = checks.own(facts)
    if isinstance(dossier, Refusal):
        return dossier
    if State.WITHDRAWN not in FOLLOWS[dossier.shown(facts.now)]:
        return Refusal(reason=Reason.DOSSIER_CLOSED)
    # Of what nobody has seen nothing need be kept.
    kept = facts.now if dossier.state is State.OPENED else facts.now + facts.limits.retention
    withdrawn = e.DossierWithdrawn(
        dossier=dossier.id, entity=dossier.entity, person=dossier.claimant, at=facts.now,
        documents_until=kept,
    )  # fmt: skip
    return Outcome(events=(withdrawn,), capacity=Capacity.CITIZEN)
