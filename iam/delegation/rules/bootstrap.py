"""The first operator: a one-time link made on the machine, taken by a strong login (DESIGN 8). Pure."""

from iam.delegation import commands as c
from iam.delegation import events as e
from iam.delegation.facts_model import Facts
from iam.delegation.model import GrantOrigin, OfficeOrigin
from iam.delegation.rules import checks
from iam.delegation.rules.grants import already, granted, longest
from iam.delegation.rules.offices import activated
from iam.delegation.rules.outcome import Outcome
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.decision import Refusal
from iam.kernel.ids import OfficeId
from iam.kernel.reasons import Reason

OPERATOR = "staff.operator"


def open_link(command: c.OpenBootstrap, facts: Facts) -> Outcome | Refusal:
    """A one-time link exists, unless the administration already has its chief access manager."""
    if not isinstance(facts.actor, SystemActor) or not facts.entity.staff:
        return Refusal(reason=Reason.NO_STANDING)
    if facts.state.gap(facts.now) is not None:
        return Refusal(reason=Reason.ALREADY_GAP)
    opened = e.BootstrapOpened(
        entity=command.entity, digest=command.digest, at=facts.now, lapses_at=command.lapses_at
    )
    return Outcome(events=(opened,), capacity=Capacity.OPERATOR, basis={"trigger": facts.actor.trigger})


def claim(command: c.ClaimBootstrap, facts: Facts) -> Outcome | Refusal:
    """The actor manages the administration's accesses and operates the service; the link is used up.

    With the same login as an appointment asks for: the strongest, and fresh.
    """
    actor = checks.person(facts)
    if isinstance(actor, Refusal):
        return actor
    link = facts.state.bootstraps.get(command.digest)
    if not facts.entity.staff or link is None or not link.is_open(facts.now):
        return Refusal(reason=Reason.LINK_INVALID)
    limits = facts.limits
    weak = checks.strong(facts, limits.appointment_level, limits.appointment_fresh)
    if weak is not None:
        return weak
    if facts.state.gap(facts.now) is not None:
        return Refusal(reason=Reason.ALREADY_GAP)
    role = checks.role(facts, OPERATOR)
    if isinstance(role, Refusal):
        return role
    claimed = e.BootstrapClaimed(
        entity=command.entity, digest=command.digest, person=actor.person, at=facts.now
    )
    office = activated(OfficeId(facts.new_id()), actor.person, OfficeOrigin.BOOTSTRAP, None, facts)
    period = longest(role, facts)
    if already(actor.person, role.code, period, facts) is not None:
        return Outcome(events=(claimed, *office), capacity=Capacity.OPERATOR)
    grant = granted(facts, actor.person, role.code, period, origin=GrantOrigin.BOOTSTRAP, by=None)
    return Outcome(events=(claimed, *office, grant), capacity=Capacity.OPERATOR)
