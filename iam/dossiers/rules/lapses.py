"""What time brings about. Pure. Nothing depends on it: time decides on read."""

from iam.dossiers import commands as c
from iam.dossiers import events as e
from iam.dossiers.facts_model import Facts
from iam.dossiers.model import State
from iam.dossiers.rules.outcome import Outcome
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.decision import Refusal
from iam.kernel.reasons import Reason

_WHY = {State.OPENED: e.Lapsed.UNSENT, State.ACCEPTED: e.Lapsed.OVER}


def lapse(_command: c.Lapse, facts: Facts) -> Outcome | Refusal:
    """A dossier whose time is over has expired; one whose is not is left alone."""
    dossier = facts.dossier
    if not isinstance(facts.actor, SystemActor) or dossier is None:
        return Refusal(reason=Reason.NO_STANDING)
    if not dossier.has_lapsed(facts.now):
        return Outcome(events=(), capacity=Capacity.SYSTEM)
    why = _WHY.get(dossier.state, e.Lapsed.UNDECIDED)
    kept = {e.Lapsed.UNSENT: facts.now, e.Lapsed.UNDECIDED: facts.now + facts.limits.retention}
    expired = e.DossierExpired(
        dossier=dossier.id, entity=dossier.entity, person=dossier.claimant, why=why, at=facts.now,
        documents_until=kept.get(why),
    )  # fmt: skip
    return Outcome(events=(expired,), capacity=Capacity.SYSTEM, basis={"trigger": facts.actor.trigger})
