"""Requests for roles: submitted, confirmed, routed, decided once (DOMAIN 7.3 nr 42-47, 49, 51). Pure."""

from datetime import date

from iam.delegation import commands as c
from iam.delegation import events as e
from iam.delegation.facts_model import Facts
from iam.delegation.model import GrantOrigin, Office, RequestState, Role, RoleRequest
from iam.delegation.rules import checks
from iam.delegation.rules.grants import already, granted
from iam.delegation.rules.outcome import Outcome
from iam.kernel.actor import Capacity, PersonActor, SystemActor
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId, RequestId
from iam.kernel.period import Period
from iam.kernel.reasons import Reason

MOST_ROLES = 10


def submit(command: c.SubmitRequest, facts: Facts) -> Outcome | Refusal:
    """The request exists; with an address confirmed for this enterprise it counts, and is routed, at once.

    The answer is the same whether the enterprise has a chief access manager or not (nr 49).
    """
    actor = checks.person(facts)
    if isinstance(actor, Refusal):
        return actor
    if (ceased := checks.operating(facts)) is not None:
        return ceased
    roles = _roles(command, facts)
    if isinstance(roles, Refusal):
        return roles
    if command.relation is None:
        return Refusal(reason=Reason.RELATION_MISSING, about="relation")
    motivation = checks.free_text(
        command.motivation, facts, about="motivation", missing=Reason.MOTIVATION_MISSING
    )
    if isinstance(motivation, Refusal):
        return motivation
    email = checks.email(command.email, facts)
    if isinstance(email, Refusal):
        return email
    wished = checks.period(facts, roles, command.first, command.last)
    if isinstance(wished, Refusal):
        return wished
    if (conflict := _conflict(actor.person, roles, wished, facts)) is not None:
        return conflict
    submitted = e.RequestSubmitted(
        request=RequestId(facts.new_id()),
        entity=command.entity,
        person=actor.person,
        roles=tuple(sorted(role.code for role in roles)),
        relation=command.relation,
        language=command.language,
        starts_at=wished.start,
        ends_at=wished.end,
        at=facts.now,
        lapses_at=facts.now + facts.limits.request_lapse,
        motivation=motivation,
        email=email,
    )
    confirmed: tuple[e.Event, ...] = ()
    if email in facts.people[actor.person].verified:
        confirmed = _confirmed(submitted.request, actor.person, facts)
    return Outcome(events=(submitted, *confirmed), capacity=Capacity.REQUESTER)


def _roles(command: c.SubmitRequest, facts: Facts) -> tuple[Role, ...] | Refusal:
    if not command.roles or len(command.roles) > MOST_ROLES:
        return Refusal(reason=Reason.ROLE_UNKNOWN, about="roles")
    found: list[Role] = []
    for code in dict.fromkeys(command.roles):
        role = checks.role(facts, code)
        if isinstance(role, Refusal):
            return role
        found.append(role)
    return tuple(found)


def _conflict(person: PersonId, roles: tuple[Role, ...], wished: Period, facts: Facts) -> Refusal | None:
    gap = facts.state.gap(facts.now)
    if gap is not None and gap.person == person:
        # He decides here: the way is to give himself the role, flagged (nr 35, 43).
        return Refusal(reason=Reason.OWN_REQUEST)
    for role in roles:
        if (held := already(person, role.code, wished, facts)) is not None:
            return held
        if _asked(person, role.code, facts):
            return Refusal(reason=Reason.ALREADY_REQUESTED, about="roles", facts={"role": role.code})
    if facts.recent_requests >= facts.limits.requests_per_day:
        return Refusal(reason=Reason.TOO_MANY_REQUESTS)
    return None


def _asked(person: PersonId, role: str, facts: Facts) -> bool:
    return any(
        request.person == person and role in request.roles and request.is_open(facts.now)
        for request in facts.state.requests.values()
    )


def _confirmed(request: RequestId, person: PersonId, facts: Facts) -> tuple[e.Event, ...]:
    confirmed = e.RequestConfirmed(request=request, entity=facts.entity.id, person=person, at=facts.now)
    gap = facts.state.gap(facts.now)
    return (confirmed,) if gap is None else (confirmed, routed(request, person, gap, facts))


def routed(request: RequestId, person: PersonId, office: Office, facts: Facts) -> e.RequestRouted:
    """The request lies with the office from now on."""
    return e.RequestRouted(
        request=request, entity=facts.entity.id, person=person, office=office.id, at=facts.now
    )


def confirm(command: c.ConfirmRequest, facts: Facts) -> Outcome | Refusal:
    """The request counts, and lies with the chief access manager if there is one (nr 44, 51).

    Confirming twice changes nothing.
    """
    request = _open(command.request, facts)
    if isinstance(request, Refusal):
        return request
    if facts.actor_person not in {None, request.person}:
        return Refusal(reason=Reason.REQUEST_UNKNOWN)
    capacity = Capacity.SYSTEM if isinstance(facts.actor, SystemActor) else Capacity.REQUESTER
    if request.state is not RequestState.UNCONFIRMED:
        return Outcome(events=(), capacity=capacity)
    if facts.request_email not in facts.people[request.person].verified:
        return Refusal(reason=Reason.EMAIL_UNVERIFIED)
    return Outcome(events=_confirmed(request.id, request.person, facts), capacity=capacity)


def withdraw(command: c.WithdrawRequest, facts: Facts) -> Outcome | Refusal:
    """The request is taken back by the one who made it, and by nobody else."""
    actor = checks.person(facts)
    if isinstance(actor, Refusal):
        return actor
    known = facts.state.requests.get(command.request)
    if known is None or known.person != actor.person:
        return Refusal(reason=Reason.REQUEST_UNKNOWN)
    request = _open(command.request, facts)
    if isinstance(request, Refusal):
        return request
    event = e.RequestWithdrawn(request=request.id, entity=facts.entity.id, person=actor.person, at=facts.now)
    return Outcome(events=(event,), capacity=Capacity.REQUESTER)


def approve(command: c.ApproveRequest, facts: Facts) -> Outcome | Refusal:
    """The roles are granted, once; everything is checked again at this moment (nr 46, 47)."""
    deciding = _deciding(command.request, facts)
    if isinstance(deciding, Refusal):
        return deciding
    actor, office, request = deciding
    if (ceased := checks.operating(facts)) is not None:
        return ceased
    requester = facts.people.get(request.person)
    if requester is None or requester.blocked:
        return Refusal(reason=Reason.PERSON_BLOCKED)
    if (unreachable := checks.reachable(requester, facts)) is not None:
        return unreachable
    roles: list[Role] = []
    for code in request.roles:
        role = checks.role(facts, code)
        if isinstance(role, Refusal):
            return role
        if (no := checks.grantable(role, office.kind)) is not None:
            return no
        roles.append(role)
    given = _given(command.first, command.last, request, tuple(roles), facts)
    if isinstance(given, Refusal):
        return given
    for role in roles:
        if (held := already(request.person, role.code, given, facts)) is not None:
            return held
    approved = e.RequestApproved(
        request=request.id, entity=facts.entity.id, person=request.person, by=actor.person,
        shortened=_shorter(given, request.wished, facts), at=facts.now,
    )  # fmt: skip
    grants = tuple(
        granted(
            facts, request.person, role.code, given,
            origin=GrantOrigin.REQUEST, by=actor.person, request=request.id,
        )
        for role in roles
    )  # fmt: skip
    return Outcome(events=(approved, *grants), capacity=Capacity.GAP, basis={"office": str(office.id)})


def refuse(command: c.RefuseRequest, facts: Facts) -> Outcome | Refusal:
    """The request is refused, once, with a reason for the requester to read (nr 42)."""
    deciding = _deciding(command.request, facts)
    if isinstance(deciding, Refusal):
        return deciding
    actor, office, request = deciding
    reason = checks.free_text(command.reason, facts, about="reason", missing=Reason.REASON_MISSING)
    if isinstance(reason, Refusal):
        return reason
    event = e.RequestRefused(
        request=request.id, entity=facts.entity.id, person=request.person, by=actor.person,
        at=facts.now, reason=reason,
    )  # fmt: skip
    return Outcome(events=(event,), capacity=Capacity.GAP, basis={"office": str(office.id)})


def _deciding(wanted: RequestId, facts: Facts) -> tuple[PersonActor, Office, RoleRequest] | Refusal:
    """Who decides, in which office, on which open request: never one's own (nr 43)."""
    actor = checks.person(facts)
    if isinstance(actor, Refusal):
        return actor
    own = facts.state.requests.get(wanted)
    if own is not None and own.person == actor.person:
        return Refusal(reason=Reason.OWN_REQUEST)
    office = checks.gap(facts)
    if isinstance(office, Refusal):
        return office
    if (weak := checks.strong(facts, facts.limits.decision_level)) is not None:
        return weak
    request = _open(wanted, facts)
    if isinstance(request, Refusal):
        return request
    if request.state is RequestState.UNCONFIRMED:
        # Nobody sees it before its address is confirmed.
        return Refusal(reason=Reason.REQUEST_UNKNOWN)
    return actor, office, request


def _open(wanted: RequestId, facts: Facts) -> RoleRequest | Refusal:
    request = facts.state.requests.get(wanted)
    if request is None:
        return Refusal(reason=Reason.REQUEST_UNKNOWN)
    if not request.is_open(facts.now):
        return Refusal(reason=Reason.REQUEST_NOT_OPEN, facts={"state": _told(request, facts)})
    return request


def _told(request: RoleRequest, facts: Facts) -> str:
    lapsed = request.state.is_open and not request.is_open(facts.now)
    return (RequestState.EXPIRED if lapsed else request.state).value


def _given(
    first: date | None, last: date | None, request: RoleRequest, roles: tuple[Role, ...], facts: Facts
) -> Period | Refusal:
    """What the manager gives: what was wished, or less; a wish that has begun meanwhile starts today."""
    today = belgian_day(facts.now)
    wished_last = request.wished.last_day
    starts = max(first or belgian_day(request.wished.start), today)
    ends = last if last is not None else wished_last
    wider = wished_last is not None and ends is not None and ends > wished_last
    if wider or starts < belgian_day(request.wished.start):
        return Refusal(reason=Reason.PERIOD_WIDER_THAN_ASKED, about="last" if wider else "first")
    return checks.period(facts, roles, starts, ends)


def _shorter(given: Period, wished: Period, facts: Facts) -> bool:
    return given.end != wished.end or given.start > max(wished.start, facts.now)
