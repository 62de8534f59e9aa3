"""Questions that several rules ask. Each answers with what it found or a refusal. Pure."""

from datetime import date, timedelta

from iam.delegation.facts_model import Facts, PersonFacts, RepresentationFacts
from iam.delegation.model import Office, OfficeKind, Role, RoleContext
from iam.kernel.actor import PersonActor
from iam.kernel.assurance import Level
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.email import normal_address
from iam.kernel.period import Period
from iam.kernel.reasons import Reason
from iam.kernel.ssin import holds_ssin

LONGEST_TEXT = 1000
_FURTHEST_START = timedelta(days=25 * 366)


def person(facts: Facts) -> PersonActor | Refusal:
    """The person who acts, who must exist and not be blocked."""
    if not isinstance(facts.actor, PersonActor):
        return Refusal(reason=Reason.NO_STANDING)
    known = facts.people.get(facts.actor.person)
    if known is None:
        return Refusal(reason=Reason.NO_STANDING)
    if known.blocked:
        return Refusal(reason=Reason.PERSON_BLOCKED)
    return facts.actor


def reachable(holder: PersonFacts, facts: Facts) -> Refusal | None:
    """Nothing when the person has confirmed a professional address for this enterprise (nr 51).

    Only he can mend it, and the refusal says so to whoever reads it: to himself, or to who gives the role.
    """
    if holder.verified:
        return None
    himself = holder.id == facts.actor_person
    return Refusal(reason=Reason.EMAIL_UNVERIFIED if himself else Reason.HOLDER_EMAIL_UNVERIFIED)


def operating(facts: Facts) -> Refusal | None:
    """Nothing when the enterprise exists and operates."""
    return None if facts.entity.operating else Refusal(reason=Reason.ENTERPRISE_CEASED)


def strong(facts: Facts, level: Level, fresh: timedelta | None = None) -> Refusal | None:
    """Nothing when the actor's login is strong, and where asked fresh, enough."""
    if not isinstance(facts.actor, PersonActor):
        return Refusal(reason=Reason.NO_STANDING)
    if not facts.actor.assurance.is_at_least(level):
        return Refusal(reason=Reason.LEVEL_TOO_LOW, level=level)
    if fresh is not None and not facts.actor.assurance.is_fresh(facts.now, fresh):
        return Refusal(reason=Reason.LOGIN_TOO_OLD, level=level)
    return None


def gap(facts: Facts) -> Office | Refusal:
    """The actor's own active office of chief access manager in this enterprise.

    Who has nothing to do with the enterprise does not learn that it exists here (DESIGN 11).
    """
    actor = person(facts)
    if isinstance(actor, Refusal):
        return actor
    office = facts.state.gap(facts.now)
    if office is not None and office.person == actor.person:
        return office
    return Refusal(reason=Reason.NOT_GAP if has_standing(facts) else Reason.NO_STANDING)


def representation(facts: Facts) -> RepresentationFacts | Refusal:
    """The function by which the actor represents the enterprise alone, now, checked live (nr 25).

    While the register's source of functions is stale no new appointment is accepted (nr 23).
    """
    usable = [r for r in facts.representations if not r.suspended]
    if not facts.representations:
        return Refusal(reason=Reason.NOT_REPRESENTATIVE if has_standing(facts) else Reason.NO_STANDING)
    if not facts.register_fresh:
        return Refusal(reason=Reason.REGISTER_UNAVAILABLE)
    if not usable:
        return Refusal(reason=Reason.REPRESENTATION_SUSPENDED)
    alone = next((r for r in usable if r.alone), None)
    return alone if alone is not None else Refusal(reason=Reason.JOINT_SIGNATURE_NEEDED)


def has_standing(facts: Facts) -> bool:
    """Whether the actor has anything to do with the enterprise: office, grant, request or function."""
    me, now, state = facts.actor_person, facts.now, facts.state
    return me is not None and (
        bool(facts.representations)
        or any(o.person == me and (o.is_active(now) or o.is_pending(now)) for o in state.offices.values())
        or any(g.person == me and g.is_live(now) for g in state.grants.values())
        or any(r.person == me for r in state.requests.values())
    )


def role(facts: Facts, code: str) -> Role | Refusal:
    """A role of the catalogue that exists now, in the context of this enterprise (nr 74)."""
    found = facts.catalogue.get(code)
    context = RoleContext.STAFF if facts.entity.staff else RoleContext.ENTERPRISE
    if found is None or found.context is not context:
        return Refusal(reason=Reason.ROLE_UNKNOWN, about="roles")
    if found.is_retired(facts.now):
        return Refusal(reason=Reason.ROLE_RETIRED, about="roles", facts={"role": code})
    return found


def grantable(found: Role, kind: OfficeKind) -> Refusal | None:
    """Nothing when holders of this kind of office may give the role (nr 38)."""
    if kind in found.grantable_by:
        return None
    return Refusal(reason=Reason.ROLE_NOT_GRANTABLE, facts={"role": found.code})


def period(facts: Facts, roles: tuple[Role, ...], first: date, last: date | None) -> Period | Refusal:
    """The days as a period within what the roles allow, not in the past (nr 39, 71).

    An open end, or none within the longest duration, becomes the longest duration itself: no right
    is without an end.
    """
    today = belgian_day(facts.now)
    if first < today:
        return Refusal(reason=Reason.PERIOD_IN_PAST, about="first")
    if last is not None and last < first:
        return Refusal(reason=Reason.PERIOD_REVERSED, about="last")
    longest = min(found.longest_days for found in roles)
    if first > today + _FURTHEST_START:
        return Refusal(reason=Reason.PERIOD_TOO_LONG, about="first")
    furthest = first + timedelta(days=longest - 1)
    if last is not None and last > furthest:
        return Refusal(reason=Reason.PERIOD_TOO_LONG, about="last", facts={"day": furthest.isoformat()})
    whole = Period.of_days(first, last or furthest)
    return Period(max(whole.start, facts.now), whole.end) if first == today else whole


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


def email(text: str, facts: Facts) -> str | Refusal:
    """The address, trimmed and in lower case: one to which the mail about the act can be sent."""
    address = normal_address(text, belgian_day(facts.now))
    return address or Refusal(reason=Reason.EMAIL_INVALID, about="email")
