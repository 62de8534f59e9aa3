"""Questions that several rules ask. Each answers with what it found or a refusal. Pure."""

from datetime import date

from iam.bce.model import Basis, Consequence, Controlled, Enterprise, Representation, Represents
from iam.bce.rules import Rulebook
from iam.dossiers.facts_model import Claimant, Facts
from iam.dossiers.model import Dossier, Stage, State
from iam.kernel.actor import PersonActor
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import GrantId
from iam.kernel.reasons import Reason
from iam.kernel.ssin import holds_ssin

LONGEST_TEXT = 2000


def capacities(enterprise: Enterprise, book: Rulebook, day: date) -> tuple[str, ...]:
    """The functions by which somebody could represent the enterprise alone, as it is on this day.

    A dossier is judged by the same rules as a function of the feed: another capacity would give nothing.
    """
    controlled = enterprise.consequence is Consequence.CONTROLLED
    found = []
    for code in sorted({rule.function for rule in book.rules}):
        rule = book.rule(code, enterprise, day)
        if rule is None or rule.represents is not Represents.ALONE:
            continue
        if rule.controlled is not (Controlled.NO if controlled else Controlled.ONLY):
            found.append(code)
    return tuple(found)


def claimant(facts: Facts) -> Claimant | Refusal:
    """The person who acts, about his own dossier, and who is not blocked."""
    me = facts.claimant
    if me is None or me.id != facts.actor_person:
        return Refusal(reason=Reason.DOSSIER_UNKNOWN)
    if me.blocked:
        return Refusal(reason=Reason.PERSON_BLOCKED)
    return me


def own(facts: Facts) -> Dossier | Refusal:
    """The actor's dossier. Somebody else's is not there for him (DESIGN 11)."""
    me = claimant(facts)
    if isinstance(me, Refusal):
        return me
    return facts.dossier or Refusal(reason=Reason.DOSSIER_UNKNOWN)


def in_state(dossier: Dossier, facts: Facts, *states: State) -> Refusal | None:
    """Nothing when the dossier is in one of the states, now."""
    return None if dossier.shown(facts.now) in states else Refusal(reason=Reason.DOSSIER_CLOSED)


def reviewer(facts: Facts) -> tuple[GrantId, Dossier] | Refusal:
    """By which role the actor reviews this dossier, which is not his own (nr 43).

    Nor that of an enterprise in which he is somebody himself: he would let in, or keep out, his own.
    """
    if isinstance(facts.reviewer, Refusal):
        return facts.reviewer
    if facts.actor_blocked:
        return Refusal(reason=Reason.PERSON_BLOCKED)
    dossier = facts.dossier
    if dossier is None or dossier.state is State.OPENED:
        return Refusal(reason=Reason.DOSSIER_UNKNOWN)
    if dossier.claimant == facts.actor_person:
        return Refusal(reason=Reason.OWN_DOSSIER)
    if facts.involved:
        return Refusal(reason=Reason.INVOLVED_REVIEWER)
    return facts.reviewer, dossier


def review(stage: Stage, facts: Facts) -> tuple[GrantId, Dossier] | Refusal:
    """As `reviewer`, for the review that is going on; whoever accepted it first is not in the second."""
    found = reviewer(facts)
    if isinstance(found, Refusal):
        return found
    _, dossier = found
    if not dossier.shown(facts.now).is_reviewed:
        return Refusal(reason=Reason.DOSSIER_CLOSED)
    if dossier.stage is not stage:
        return Refusal(reason=Reason.REVIEW_OVERTAKEN)
    if dossier.first_reviewer == facts.actor_person:
        return Refusal(reason=Reason.SECOND_REVIEWER_NEEDED)
    return found


def decision(stage: Stage, facts: Facts) -> tuple[GrantId, Dossier] | Refusal:
    """As `review`, for somebody who has taken it up and whose login is strong and fresh enough to decide."""
    found = review(stage, facts)
    if isinstance(found, Refusal):
        return found
    if facts.actor_person not in found[1].started:
        return Refusal(reason=Reason.REVIEW_NOT_STARTED)
    weak = strong(facts, fresh=True)
    return found if weak is None else weak


def strong(facts: Facts, *, fresh: bool) -> Refusal | None:
    """Nothing when the actor's login is strong, and where asked fresh, enough."""
    if not isinstance(facts.actor, PersonActor):
        return Refusal(reason=Reason.NO_STANDING)
    if not facts.actor.assurance.is_at_least(facts.limits.level):
        return Refusal(reason=Reason.LEVEL_TOO_LOW, level=facts.limits.level)
    if fresh and not facts.actor.assurance.is_fresh(facts.now, facts.limits.fresh):
        return Refusal(reason=Reason.LOGIN_TOO_OLD, level=facts.limits.level)
    return None


def needed(who: Claimant, facts: Facts) -> Refusal | None:
    """Nothing when papers are what it takes: the enterprise operates and the register knows nobody for it.

    Somebody without a national number can be known to no register, whoever else represents the enterprise.
    Another dossier, of the same person or of another, stands in nobody's way.
    """
    if not facts.enterprise.operating:
        return Refusal(reason=Reason.ENTERPRISE_CEASED)
    if any(_usable(held) for held in facts.own):
        return Refusal(reason=Reason.ALREADY_REPRESENTATIVE)
    if who.has_number and any(_usable(held) for held in facts.representations):
        return Refusal(reason=Reason.REPRESENTATIVE_KNOWN)
    return None


def _usable(held: Representation) -> bool:
    return held.alone and not held.suspended and held.how is not Basis.MANUAL_DOSSIER


def worth(code: str, facts: Facts) -> Refusal | None:
    """Nothing when somebody in this capacity represents the enterprise alone, by the rules of today."""
    if code in capacities(facts.enterprise, facts.book, belgian_day(facts.now)):
        return None
    return Refusal(reason=Reason.CAPACITY_UNKNOWN, about="code")


def free_text(text: str, facts: Facts, *, about: str, missing: Reason) -> str | Refusal:
    """The text, trimmed; present, not too long, and without a national number (DESIGN 5)."""
    trimmed = text.strip()
    if not trimmed:
        return Refusal(reason=missing, about=about)
    if len(trimmed) > LONGEST_TEXT:
        return Refusal(reason=Reason.TEXT_TOO_LONG, about=about, facts={"limit": str(LONGEST_TEXT)})
    if holds_ssin(trimmed, belgian_day(facts.now)):
        return Refusal(reason=Reason.TEXT_HOLDS_NATIONAL_NUMBER, about=about)
    return trimmed
