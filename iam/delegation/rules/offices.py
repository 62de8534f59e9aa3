"""The chief access manager: appointed by a representative, active once he accepts. Pure.

DOMAIN 7.3 nr 25-27, 30, 32, 44.
"""

from iam.delegation import commands as c
from iam.delegation import events as e
from iam.delegation.facts_model import Facts
from iam.delegation.model import Office, OfficeEnd, OfficeKind, OfficeOrigin, OfficeState, RequestState
from iam.delegation.rules import checks
from iam.delegation.rules.outcome import Outcome
from iam.delegation.rules.requests import routed
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.decision import Refusal
from iam.kernel.ids import OfficeId, PersonId
from iam.kernel.period import Period
from iam.kernel.reasons import Reason


def appoint(command: c.AppointGap, facts: Facts) -> Outcome | Refusal:
    """Somebody is named chief access manager; a representative who names herself is active at once.

    Only a representative may, checked live in the register, with a strong and fresh login (nr 25).
    The one in office stays until the new one accepts (nr 27).
    """
    actor = checks.person(facts)
    if isinstance(actor, Refusal):
        return actor
    basis = checks.representation(facts)
    if isinstance(basis, Refusal):
        return basis
    if (ceased := checks.operating(facts)) is not None:
        return ceased
    limits = facts.limits
    weak = checks.strong(facts, limits.appointment_level, limits.appointment_fresh)
    if weak is not None:
        return weak
    if (conflict := _conflict(command.appointee, facts)) is not None:
        return conflict
    email = checks.email(command.email, facts)
    if isinstance(email, Refusal):
        return email
    office = OfficeId(facts.new_id())
    appointed = e.OfficeAppointed(
        office=office, entity=facts.entity.id, kind=OfficeKind.GAP, person=command.appointee,
        at=facts.now, lapses_at=facts.now + limits.activation, language=command.language,
        by=actor.person, email=email,
    )  # fmt: skip
    events: tuple[e.Event, ...] = (appointed,)
    if command.appointee == actor.person:
        events += activated(office, actor.person, OfficeOrigin.APPOINTED, email, facts)
    return Outcome(
        events=events,
        capacity=Capacity.REPRESENTATIVE,
        basis=basis.journaled,
    )


def _conflict(appointee: PersonId, facts: Facts) -> Refusal | None:
    known = facts.people.get(appointee)
    if known is None:
        return Refusal(reason=Reason.PERSON_UNKNOWN)
    if known.blocked:
        return Refusal(reason=Reason.PERSON_BLOCKED)
    if facts.state.pending_gap(facts.now) is not None:
        return Refusal(reason=Reason.APPOINTMENT_PENDING)
    gap = facts.state.gap(facts.now)
    if gap is not None and gap.person == appointee:
        return Refusal(reason=Reason.ALREADY_GAP)
    return None


def activated(
    office: OfficeId, person: PersonId, origin: OfficeOrigin, email: str | None, facts: Facts
) -> tuple[e.Event, ...]:
    """The office is active, the one before ends in the same breath, waiting requests find it (nr 27, 44)."""
    before = facts.state.gap(facts.now)
    replaced: tuple[e.Event, ...] = ()
    if before is not None:
        replaced = (
            e.OfficeEnded(
                office=before.id, entity=facts.entity.id, kind=before.kind, person=before.person,
                why=OfficeEnd.REPLACED, at=facts.now, by_office=office,
            ),
        )  # fmt: skip
    activated = e.OfficeActivated(
        office=office, entity=facts.entity.id, kind=OfficeKind.GAP, person=person,
        origin=origin, at=facts.now, email=email,
    )  # fmt: skip
    new = Office(
        id=office, entity=facts.entity.id, kind=OfficeKind.GAP, person=person,
        state=OfficeState.ACTIVE, origin=origin, period=Period(facts.now),
    )  # fmt: skip
    waiting = sorted(
        (
            request
            for request in facts.state.requests.values()
            if request.is_open(facts.now) and request.state is not RequestState.UNCONFIRMED
        ),
        key=lambda request: (request.submitted_at, request.id),
    )
    return (
        *replaced,
        activated,
        *(routed(request.id, request.person, new, facts) for request in waiting),
    )


def accept(command: c.AcceptOffice, facts: Facts) -> Outcome | Refusal:
    """The appointee is in office: his own act, with a strong login (DOMAIN 1.3, nr 27)."""
    office = _mine(command.office, facts)
    if isinstance(office, Refusal):
        return office
    if (ceased := checks.operating(facts)) is not None:
        return ceased
    if (weak := checks.strong(facts, facts.limits.activation_level)) is not None:
        return weak
    events = activated(office.id, office.person, office.origin, None, facts)
    return Outcome(events=events, capacity=Capacity.APPOINTEE, basis={"office": str(office.id)})


def decline(command: c.DeclineOffice, facts: Facts) -> Outcome | Refusal:
    """The appointee is not in office and will not be; the representative may name another."""
    office = _mine(command.office, facts)
    if isinstance(office, Refusal):
        return office
    return Outcome(
        events=(_ended(office, OfficeEnd.DECLINED, facts),),
        capacity=Capacity.APPOINTEE,
        basis={"office": str(office.id)},
    )


def cancel(command: c.CancelAppointment, facts: Facts) -> Outcome | Refusal:
    """The appointment is taken back before it was accepted; only a representative may."""
    actor = checks.person(facts)
    if isinstance(actor, Refusal):
        return actor
    basis = checks.representation(facts)
    if isinstance(basis, Refusal):
        return basis
    limits = facts.limits
    if (weak := checks.strong(facts, limits.appointment_level)) is not None:
        return weak
    office = facts.state.offices.get(command.office)
    if office is None:
        return Refusal(reason=Reason.APPOINTMENT_UNKNOWN)
    if not office.is_pending(facts.now):
        return Refusal(reason=Reason.APPOINTMENT_CLOSED)
    return Outcome(
        events=(_ended(office, OfficeEnd.CANCELLED, facts),),
        capacity=Capacity.REPRESENTATIVE,
        basis=basis.journaled,
    )


def migrate(command: c.MigrateGap, facts: Facts) -> Outcome | Refusal:
    """Who is chief access manager elsewhere is so here, marked by his origin; never over another one."""
    if not isinstance(facts.actor, SystemActor):
        return Refusal(reason=Reason.NO_STANDING)
    if (ceased := checks.operating(facts)) is not None:
        return ceased
    gap = facts.state.gap(facts.now)
    if gap is not None and gap.person == command.person:
        return Outcome(events=(), capacity=Capacity.SYSTEM)
    if gap is not None or facts.state.pending_gap(facts.now) is not None:
        return Refusal(reason=Reason.ALREADY_GAP)
    email = None if command.email is None else checks.email(command.email, facts)
    if isinstance(email, Refusal):
        return email
    origin = OfficeOrigin.BOOTSTRAP if command.bootstrap else OfficeOrigin.MIGRATED
    events = activated(OfficeId(facts.new_id()), command.person, origin, email, facts)
    return Outcome(events=events, capacity=Capacity.SYSTEM, basis={"feed": facts.actor.trigger})


def _mine(wanted: OfficeId, facts: Facts) -> Office | Refusal:
    actor = checks.person(facts)
    if isinstance(actor, Refusal):
        return actor
    office = facts.state.offices.get(wanted)
    if office is None or office.person != actor.person:
        return Refusal(reason=Reason.APPOINTMENT_UNKNOWN)
    if not office.is_pending(facts.now):
        return Refusal(reason=Reason.APPOINTMENT_CLOSED)
    return office


def _ended(office: Office, why: OfficeEnd, facts: Facts) -> e.OfficeEnded:
    return e.OfficeEnded(
        office=office.id, entity=facts.entity.id, kind=office.kind, person=office.person,
        why=why, at=facts.now,
    )  # fmt: skip
