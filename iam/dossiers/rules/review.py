"""What a reviewer may do: take up, look, accept, refuse, take back. Pure (DOMAIN 7.2, 7.3 nr 18, 43, 47).

Two reviewers who are neither each other nor the claimant must accept; one refusal ends it.
"""

from datetime import date, timedelta

from iam.dossiers import commands as c
from iam.dossiers import events as e
from iam.dossiers.facts_model import Facts
from iam.dossiers.model import Dossier, Stage, State
from iam.dossiers.rules import checks
from iam.dossiers.rules.outcome import Outcome
from iam.kernel.actor import Capacity
from iam.kernel.clock import belgian_day, end_of_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import GrantId, PersonId
from iam.kernel.reasons import Reason


def start(command: c.StartReview, facts: Facts) -> Outcome | Refusal:
    """The reviewer has taken it up, once; others may too: the first decision counts."""
    found = checks.review(command.stage, facts)
    if isinstance(found, Refusal):
        return found
    grant, dossier = found
    me = _me(facts)
    if me in dossier.started:
        return _by(grant)
    started = e.ReviewStarted(dossier=dossier.id, stage=dossier.stage, reviewer=me, at=facts.now)
    return _by(grant, started)


def read(command: c.Read, facts: Facts) -> Outcome | Refusal:
    """The look is an event (nr 65): by who has taken the review up, or may take the acceptance back.

    Documents are for the review alone.
    """
    found = checks.reviewer(facts)
    if isinstance(found, Refusal):
        return found
    grant, dossier = found
    me = _me(facts)
    reviewing = dossier.shown(facts.now).is_reviewed and me in dossier.started
    if command.document is not None:
        kept = {each.id for each in dossier.documents if not each.destroyed}
        if not reviewing or command.document not in kept:
            return Refusal(reason=Reason.DOSSIER_UNKNOWN)
    elif not reviewing and not dossier.in_force(facts.now):
        return Refusal(reason=Reason.REVIEW_NOT_STARTED)
    looked = e.DossierRead(dossier=dossier.id, reviewer=me, at=facts.now, document=command.document)
    return _by(grant, looked)


def accept(command: c.Accept, facts: Facts) -> Outcome | Refusal:
    """The first acceptance asks for the second; with the second the claimant represents the enterprise.

    Everything is looked at anew (nr 47). It holds until the earlier of the two days.
    """
    found = checks.decision(command.stage, facts)
    if isinstance(found, Refusal):
        return found
    grant, dossier = found
    who = facts.claimant
    if who is None or who.blocked:
        return Refusal(reason=Reason.CLAIMANT_BLOCKED)
    if facts.first_reviewer_blocked:
        # Two are to accept it, and one of them is no longer trusted.
        return Refusal(reason=Reason.FIRST_REVIEWER_BLOCKED)
    if (useless := checks.needed(who, facts) or checks.worth(dossier.code, facts)) is not None:
        return Refusal(reason=useless.reason, facts=useless.facts)
    until = _until(command.until, facts)
    if isinstance(until, Refusal):
        return until
    note = checks.free_text(command.note, facts, about="note", missing=Reason.NOTE_MISSING)
    if isinstance(note, Refusal):
        return note
    if command.stage is Stage.FIRST:
        return _by(grant, _first(dossier, until, note, facts))
    return _by(grant, _second(dossier, until, note, facts))


def _until(until: date | None, facts: Facts) -> date | Refusal:
    today = belgian_day(facts.now)
    furthest = today + timedelta(days=facts.limits.longest_days)
    if until is None or until < today:
        return Refusal(reason=Reason.PERIOD_IN_PAST, about="until")
    if until > furthest:
        return Refusal(reason=Reason.UNTIL_TOO_FAR, about="until", facts={"day": furthest.isoformat()})
    return until


def _first(dossier: Dossier, until: date, note: str, facts: Facts) -> e.ReviewAccepted:
    return e.ReviewAccepted(
        dossier=dossier.id, entity=dossier.entity, person=dossier.claimant, reviewer=_me(facts), until=until,
        at=facts.now, note=note,
    )  # fmt: skip


def _second(dossier: Dossier, until: date, note: str, facts: Facts) -> e.DossierAccepted:
    assert dossier.first_until is not None  # noqa: S101 - the second review follows the first
    return e.DossierAccepted(
        dossier=dossier.id, entity=dossier.entity, person=dossier.claimant, code=dossier.code,
        reviewer=_me(facts), at=facts.now, ends_at=end_of_day(min(until, dossier.first_until)),
        documents_until=facts.now + facts.limits.retention, note=note,
    )  # fmt: skip


def refuse(command: c.Refuse, facts: Facts) -> Outcome | Refusal:
    """It is over, and its claimant is told why."""
    found = checks.decision(command.stage, facts)
    if isinstance(found, Refusal):
        return found
    grant, dossier = found
    reason = checks.free_text(command.reason, facts, about="reason", missing=Reason.REASON_MISSING)
    if isinstance(reason, Refusal):
        return reason
    refused = e.DossierRefused(
        dossier=dossier.id, entity=dossier.entity, person=dossier.claimant, stage=dossier.stage,
        reviewer=_me(facts), at=facts.now, documents_until=facts.now + facts.limits.retention, reason=reason,
    )  # fmt: skip
    return _by(grant, refused)


def revoke(command: c.Revoke, facts: Facts) -> Outcome | Refusal:
    """The claimant represents nobody by it from now on. One reviewer is enough to take away."""
    found = checks.reviewer(facts)
    if isinstance(found, Refusal):
        return found
    grant, dossier = found
    refusal = checks.in_state(dossier, facts, State.ACCEPTED) or checks.strong(facts, fresh=True)
    if refusal is not None:
        return refusal
    reason = checks.free_text(command.reason, facts, about="reason", missing=Reason.REASON_MISSING)
    if isinstance(reason, Refusal):
        return reason
    revoked = e.DossierRevoked(
        dossier=dossier.id, entity=dossier.entity, person=dossier.claimant, reviewer=_me(facts),
        at=facts.now, reason=reason,
    )  # fmt: skip
    return _by(grant, revoked)


def _me(facts: Facts) -> PersonId:
    me = facts.actor_person
    assert me is not None  # noqa: S101 - a grant is a person's
    return me


def _by(grant: GrantId, *events: e.Event) -> Outcome:
    return Outcome(events=events, capacity=Capacity.STAFF, basis={"grant": str(grant)})
