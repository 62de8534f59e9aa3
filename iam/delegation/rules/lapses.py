"""What time and the register bring about. Pure.

The rights themselves are decided on read: these are the writes that follow (DESIGN 4).
"""

from iam.delegation import commands as c
from iam.delegation import events as e
from iam.delegation.facts_model import Facts
from iam.delegation.model import OfficeEnd, OfficeState
from iam.delegation.rules.outcome import Outcome
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.decision import Refusal
from iam.kernel.reasons import Reason


def due(facts: Facts) -> tuple[e.Event, ...]:
    """Appointments and requests whose time is over and is not recorded yet (nr 32, 45)."""
    offices = tuple(
        e.OfficeEnded(
            office=office.id, entity=facts.entity.id, kind=office.kind, person=office.person,
            why=OfficeEnd.EXPIRED, at=facts.now,
        )
        for office in facts.state.offices.values()
        if office.state is OfficeState.PENDING and not office.is_pending(facts.now)
    )  # fmt: skip
    requests = tuple(
        e.RequestExpired(request=request.id, entity=facts.entity.id, person=request.person, at=facts.now)
        for request in facts.state.requests.values()
        if request.state.is_open and not request.is_open(facts.now)
    )
    return (*offices, *requests)


def nothing_more(_command: c.Lapse, facts: Facts) -> Outcome | Refusal:
    """The clock's own visit: what is due is recorded before any command, so nothing is left to do."""
    if not isinstance(facts.actor, SystemActor):
        return Refusal(reason=Reason.NO_STANDING)
    return Outcome(events=(), capacity=Capacity.SYSTEM)


def reassess(_command: c.Reassess, facts: Facts) -> Outcome | Refusal:
    """An enterprise that no longer operates has no open requests: nobody could decide them."""
    if not isinstance(facts.actor, SystemActor):
        return Refusal(reason=Reason.NO_STANDING)
    if facts.entity.operating:
        return Outcome(events=(), capacity=Capacity.SYSTEM)
    events = tuple(
        e.RequestVoided(request=request.id, entity=facts.entity.id, person=request.person, at=facts.now)
        for request in facts.state.requests.values()
        if request.is_open(facts.now)
    )
    return Outcome(events=events, capacity=Capacity.SYSTEM, basis={"trigger": facts.actor.trigger})
