"""Roles given and taken back (DOMAIN 7.3 nr 35, 38, 39, 41, 43, 51). Pure."""

from datetime import timedelta

from iam.delegation import commands as c
from iam.delegation import events as e
from iam.delegation.facts_model import Facts
from iam.delegation.model import GrantEnd, GrantOrigin, Role
from iam.delegation.rules import checks
from iam.delegation.rules.outcome import Outcome
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import GrantId, PersonId, RequestId
from iam.kernel.period import Period
from iam.kernel.reasons import Reason


def already(person: PersonId, role: str, wanted: Period, facts: Facts) -> Refusal | None:
    """Nothing when the person does not play the role at any time of the wanted period (nr 41)."""
    for grant in facts.state.grants.values():
        same = grant.person == person and grant.role == role and grant.ended is None
        if same and grant.period.overlaps(wanted):
            return Refusal(
                reason=Reason.ALREADY_GRANTED, about="roles",
                facts={"role": role, "grant": str(grant.id)},
            )  # fmt: skip
    return None


def granted(
    facts: Facts,
    person: PersonId,
    role: str,
    period: Period,
    *,
    origin: GrantOrigin,
    by: PersonId | None,
    request: RequestId | None = None,
) -> e.RoleGranted:
    """The event of a role given; one given to oneself is flagged (nr 35)."""
    return e.RoleGranted(
        grant=GrantId(facts.new_id()),
        entity=facts.entity.id,
        person=person,
        role=role,
        starts_at=period.start,
        ends_at=period.end,
        origin=origin,
        by=by,
        to_oneself=by == person,
        at=facts.now,
        request=request,
    )


def give(command: c.GrantRole, facts: Facts) -> Outcome | Refusal:
    """The manager gives a role; to himself too, but never one that needs four eyes (nr 35, 43).

    Nobody receives one before he has confirmed an address for this very enterprise (nr 51).
    """
    office = checks.gap(facts)
    if isinstance(office, Refusal):
        return office
    if (weak := checks.strong(facts, facts.limits.decision_level)) is not None:
        return weak
    if (ceased := checks.operating(facts)) is not None:
        return ceased
    role = checks.role(facts, command.role)
    if isinstance(role, Refusal):
        return role
    if (no := checks.grantable(role, office.kind)) is not None:
        return no
    if role.four_eyes and command.person == office.person:
        return Refusal(reason=Reason.FOUR_EYES, facts={"role": role.code})
    holder = facts.people.get(command.person)
    if holder is None:
        return Refusal(reason=Reason.PERSON_UNKNOWN)
    if holder.blocked:
        return Refusal(reason=Reason.PERSON_BLOCKED)
    if (unreachable := checks.reachable(holder, facts)) is not None:
        return unreachable
    period = checks.period(facts, (role,), command.first, command.last)
    if isinstance(period, Refusal):
        return period
    if (held := already(command.person, role.code, period, facts)) is not None:
        return held
    event = granted(facts, command.person, role.code, period, origin=GrantOrigin.DIRECT, by=office.person)
    return Outcome(events=(event,), capacity=Capacity.GAP, basis={"office": str(office.id)})


def migrate(command: c.MigrateRole, facts: Facts) -> Outcome | Refusal:
    """A role known elsewhere is in force here; saying it again changes nothing."""
    if not isinstance(facts.actor, SystemActor):
        return Refusal(reason=Reason.NO_STANDING)
    if (ceased := checks.operating(facts)) is not None:
        return ceased
    role = checks.role(facts, command.role)
    if isinstance(role, Refusal):
        return role
    ends_at = command.ends_at or longest(role, facts).end
    if ends_at is None or ends_at <= facts.now:
        return Refusal(reason=Reason.PERIOD_IN_PAST, about="until")
    period = Period(facts.now, ends_at)
    if already(command.person, role.code, period, facts) is not None:
        return Outcome(events=(), capacity=Capacity.SYSTEM)
    origin = GrantOrigin.BOOTSTRAP if command.bootstrap else GrantOrigin.MIGRATED
    event = granted(facts, command.person, role.code, period, origin=origin, by=None)
    return Outcome(events=(event,), capacity=Capacity.SYSTEM, basis={"feed": facts.actor.trigger})


def longest(role: Role, facts: Facts) -> Period:
    """From now for as many days as the role allows: no right is without an end."""
    today = belgian_day(facts.now)
    whole = Period.of_days(today, today + timedelta(days=role.longest_days - 1))
    return Period(facts.now, whole.end)


def end(command: c.EndGrant, facts: Facts) -> Outcome | Refusal:
    """The role is over at once: taken back by the manager, who says why, or given up by its holder."""
    actor = checks.person(facts)
    if isinstance(actor, Refusal):
        return actor
    grant = facts.state.grants.get(command.grant)
    office = checks.gap(facts)
    if grant is None or (isinstance(office, Refusal) and grant.person != actor.person):
        unrelated = isinstance(office, Refusal) and not checks.has_standing(facts)
        if isinstance(office, Refusal) and grant is not None and not unrelated:
            return office
        return Refusal(reason=Reason.GRANT_UNKNOWN)
    if not grant.is_live(facts.now):
        return Refusal(reason=Reason.GRANT_ENDED)
    if grant.person == actor.person:
        why, capacity, basis = GrantEnd.RENOUNCED, Capacity.ROLE_HOLDER, {"grant": str(grant.id)}
        reason: str | Refusal | None = None
        if command.reason.strip():
            reason = checks.free_text(command.reason, facts, about="reason", missing=Reason.REASON_MISSING)
    else:
        if isinstance(office, Refusal):
            return office
        if (weak := checks.strong(facts, facts.limits.decision_level)) is not None:
            return weak
        why, capacity, basis = GrantEnd.REVOKED, Capacity.GAP, {"office": str(office.id)}
        reason = checks.free_text(command.reason, facts, about="reason", missing=Reason.REASON_MISSING)
    if isinstance(reason, Refusal):
        return reason
    event = e.GrantEnded(
        grant=grant.id, entity=facts.entity.id, person=grant.person, role=grant.role,
        why=why, by=actor.person, at=facts.now, reason=reason,
    )  # fmt: skip
    return Outcome(events=(event,), capacity=capacity, basis=basis)
