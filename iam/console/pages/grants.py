"""A role for the manager himself, and the end of a role."""

from datetime import date, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.bce.model import Enterprise
from iam.console import words
from iam.console.forms import (
    Form,
    InvalidDay,
    Sent,
    day_errors,
    errors_of,
    new_act,
    once,
    read_day,
    see_other,
    shown_again,
    words_of,
)
from iam.console.managing import Catalogue, managed, to_decide
from iam.console.places import (
    DESK,
    ENTERPRISES,
    addresses_for,
    door_of,
    enterprise_in,
    id_in,
    inside,
    language_of,
    not_found,
)
from iam.console.render import FieldError, address_of, render
from iam.console.viewer import Seen, Viewer, step_up_url
from iam.delegation import catalogue, queries
from iam.delegation import commands as c
from iam.delegation.events import RoleGranted
from iam.delegation.model import OfficeKind, Role, RoleContext
from iam.delegation.queries import HeldRole, Standing
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import GrantId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.kernel.reasons import Kind, Reason
from iam.settings import Settings
from iam.storage import ReadConnection
from iam.texts import formats, translator
from iam.texts.reasons import refusal_sentence
from iam.web.problems import Refused
from iam.web.state import edge_of, trace_id
from iam.web.transactions import Now, Snapshot, UnitOfWork

_FIELDS = ("role", "first", "until")

router = APIRouter(include_in_schema=False)


def _place(found: Enterprise) -> str:
    return f"{DESK}/{found.number.digits}"


# -- a role for oneself


def _context(settings: Settings, found: Enterprise) -> RoleContext:
    named = settings.staff_enterprise
    staff = named is not None and EnterpriseNumber.parse(named) == found.number
    return RoleContext.STAFF if staff else RoleContext.ENTERPRISE


def _offered(roles: Catalogue, context: RoleContext, now: datetime, language: Language) -> list[Role]:
    """The roles that a chief access manager of this enterprise has to give, by name."""
    fitting = [
        role
        for role in roles.values()
        if role.context is context and not role.is_retired(now) and OfficeKind.GAP in role.grantable_by
    ]
    return sorted(fitting, key=lambda role: role.labels[language])


@router.get(DESK + "/{number}/own")
async def own(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """The roles that the manager can give himself, and those that he cannot, with why."""
    found = await enterprise_in(conn, number)
    standing = await managed(conn, viewer, found.entity, clock())
    given = request.query_params
    typed = {name: given.get(name, "") for name in _FIELDS}
    return await _own_page(request, conn, viewer, found, standing, typed, clock(), ())


async def _own_page(
    request: Request,
    conn: ReadConnection,
    viewer: Viewer,
    found: Enterprise,
    standing: Standing,
    typed: dict[str, str],
    now: datetime,
    errors: tuple[FieldError, ...],
) -> Response:
    language = language_of(request)
    roles = await catalogue.load(conn)
    offered = _offered(roles, _context(edge_of(request).settings, found), now, language)
    mine = {grant.role: grant for grant in standing.grants if grant.is_live(now)}
    free = [role for role in offered if not role.four_eyes and role.code not in mine]
    today = belgian_day(now)
    refusal = None
    if free:
        command = c.GrantRole(
            entity=found.entity, person=viewer.person, role=free[0].code, first=today, last=None
        )
        refusal = await door_of(request).foresee(conn, command, viewer.actor)
    waiting = await to_decide(conn, viewer, found.entity, now)
    inside(request, found, standing, f"{_place(found)}/own", to_decide=waiting)
    _ = translator(language).gettext
    return render(
        request,
        "desk/own.html",
        status_code=400 if errors else 200,
        back=_place(found),
        place=_place(found),
        options=[
            (
                role.code,
                role.labels[language],
                _(
                    "Permet de %(allowed)s. Pour %(days)s au plus.",
                    allowed=role.allows[language],
                    days=formats.days(role.longest_days, language),
                ),
            )
            for role in free
        ],
        mine=[
            f"{role.labels[language]}, {formats.until(mine[role.code].period, language)}"
            for role in offered
            if role.code in mine
        ],
        four_eyes=[role.labels[language] for role in offered if role.four_eyes and role.code not in mine],
        unconfirmed=refusal is not None and refusal.reason is Reason.EMAIL_UNVERIFIED,
        addresses=addresses_for(found),
        login_why=refusal_sentence(refusal, language).why if refusal is not None else "",
        login=step_up_url(refusal, address_of(request))
        if refusal is not None and refusal.reason.kind is Kind.STEP_UP
        else None,
        sentence=refusal_sentence(refusal, language)
        if refusal is not None
        and refusal.reason.kind is not Kind.STEP_UP
        and refusal.reason is not Reason.EMAIL_UNVERIFIED
        else None,
        code="" if refusal is None else refusal.reason.value,
        today=today,
        typed=typed,
        errors=errors,
    )


@router.get(DESK + "/{number}/own/check")
async def check_own(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """The role in full before the manager gives it to himself: the role, the days, that it is flagged."""
    now, language = clock(), language_of(request)
    found = await enterprise_in(conn, number)
    standing = await managed(conn, viewer, found.entity, now)
    typed = {name: request.query_params.get(name, "") for name in _FIELDS}
    form = Form(tuple(typed.items()))
    roles = await catalogue.load(conn)
    errors = list(day_errors(form, language, ["first", "until"]))
    if typed["role"] not in roles:
        message = words_of(Refusal(reason=Reason.ROLE_UNKNOWN), language)
        errors.insert(0, FieldError(field="role", message=message))
    if errors:
        return await _own_page(request, conn, viewer, found, standing, typed, now, tuple(errors))
    command = _own_command(found, viewer, form, now)
    refusal = await door_of(request).foresee(conn, command, viewer.actor)
    if refusal is not None and refusal.reason.kind is not Kind.STEP_UP:
        said = FieldError(field=_field_of(refusal), message=words_of(refusal, language))
        return await _own_page(request, conn, viewer, found, standing, typed, now, (said,))
    role = roles[command.role]
    period = _shown_period(command.first, command.last, role, now)
    waiting = await to_decide(conn, viewer, found.entity, now)
    inside(request, found, standing, f"{_place(found)}/own", to_decide=waiting)
    _ = translator(language).gettext
    return render(
        request,
        "desk/own_check.html",
        back=f"{_place(found)}/own",
        place=_place(found),
        rows=[
            (_("À qui"), _("À vous-même : %(person)s", person=viewer.name)),
            (_("Pour l'entreprise"), words.enterprise(found, language)),
            (_("Rôle"), role.labels[language], f"{_place(found)}/own"),
            (_("Période"), formats.period(period, language), f"{_place(found)}/own"),
        ],
        sentence=words.grant_sentence(viewer.name, role, found, period, now, language),
        login=None if refusal is None else step_up_url(refusal, address_of(request)),
        login_why="" if refusal is None else refusal_sentence(refusal, language).why,
        typed=typed,
        act=new_act(),
    )


def _own_command(found: Enterprise, viewer: Viewer, form: Form, now: datetime) -> c.GrantRole:
    """The command of the form. Raises InvalidDay."""
    return c.GrantRole(
        entity=found.entity,
        person=viewer.person,
        role=form.text("role"),
        first=read_day(form.text("first")) or belgian_day(now),
        last=read_day(form.text("until")),
    )


def _field_of(refusal: Refusal) -> str:
    return {"first": "first", "last": "until"}.get(refusal.about or "", "role")


def _shown_period(first: date, last: date | None, role: Role, now: datetime) -> Period:
    """The period as the rule will make it, for showing it: without a last day for as long as may be."""
    furthest = date.fromordinal(first.toordinal() + role.longest_days - 1)
    whole = Period.of_days(first, last or furthest)
    return Period(max(whole.start, now), whole.end)


@router.post(DESK + "/{number}/own/check")
async def take(
    request: Request, number: str, viewer: Seen, conn: UnitOfWork, form: Sent, clock: Now
) -> Response:
    """The manager plays the role himself; the journal marks that he gave it to himself."""
    now = clock()
    found = await enterprise_in(conn, number)
    place = _place(found)
    try:
        command = _own_command(found, viewer, form, now)
    except InvalidDay:
        return see_other(f"{place}/own")

    async def do() -> str | Refusal:
        done = await door_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        if isinstance(done, Refusal):
            return done
        [grant] = [event.grant for event in done.events if isinstance(event, RoleGranted)]
        return f"{place}/own/{grant}"

    outcome = await once(request, conn, viewer.person, form, now, do)
    if isinstance(outcome, str):
        return see_other(outcome)
    if outcome.reason in {Reason.NOT_GAP, Reason.NO_STANDING}:
        raise Refused(outcome)
    standing = await managed(conn, viewer, found.entity, now)
    typed = {name: form.text(name) for name in _FIELDS}
    said = FieldError(field=_field_of(outcome), message=words_of(outcome, language_of(request)))
    errors = () if outcome.reason.kind is Kind.STEP_UP else (said,)
    return await _own_page(request, conn, viewer, found, standing, typed, now, errors)


@router.get(DESK + "/{number}/own/{grant_id}")
async def taken(
    request: Request, number: str, grant_id: str, viewer: Seen, conn: Snapshot, clock: Now
) -> Response:
    """The role that the manager gave himself."""
    now, language = clock(), language_of(request)
    found = await enterprise_in(conn, number)
    standing = await managed(conn, viewer, found.entity, now)
    held = await queries.held_role(conn, GrantId(id_in(grant_id)))
    if held is None or held.grant.entity != found.entity or held.grant.person != viewer.person:
        raise not_found()
    roles = await catalogue.load(conn)
    waiting = await to_decide(conn, viewer, found.entity, now)
    inside(request, found, standing, f"{_place(found)}/own", to_decide=waiting)
    return render(
        request,
        "desk/own_taken.html",
        sentence=words.grant_sentence(
            viewer.name, roles[held.grant.role], found, held.grant.period, now, language
        ),
        basis=words.grant_basis(held.grant, viewer.name, language),
        live=held.grant.is_live(now),
        reference=words.reference(held.grant.id),
        enterprise=f"{ENTERPRISES}/{found.number.digits}",
        place=_place(found),
    )


# -- the end of a role


async def _ending(
    request: Request, conn: ReadConnection, viewer: Viewer, grant_id: str, now: datetime
) -> tuple[HeldRole, Enterprise]:
    """The grant, for who manages its enterprise. Raises ProblemError, 404 or 403."""
    held = await queries.held_role(conn, GrantId(id_in(grant_id)))
    if held is None:
        raise not_found()
    standing = await managed(conn, viewer, held.grant.entity, now)
    found = (await register.load(conn, [held.grant.entity]))[held.grant.entity]
    waiting = await to_decide(conn, viewer, found.entity, now)
    inside(request, found, standing, f"{_place(found)}/people", to_decide=waiting)
    return held, found


@router.get(DESK + "/grants/{grant_id}/end")
async def ending(request: Request, grant_id: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """What ending the role brings about, before it is done; a role of one's own is given up elsewhere."""
    held, found = await _ending(request, conn, viewer, grant_id, clock())
    if held.grant.person == viewer.person:
        return see_other(f"{ENTERPRISES}/{found.number.digits}/grants/{held.grant.id}/end")
    return await _end_page(request, conn, viewer, grant_id, "", clock(), None)


async def _end_page(
    request: Request,
    conn: ReadConnection,
    viewer: Viewer,
    grant_id: str,
    reason: str,
    now: datetime,
    refused: Refusal | None,
) -> Response:
    language = language_of(request)
    held, found = await _ending(request, conn, viewer, grant_id, now)
    grant = held.grant
    command = c.EndGrant(entity=grant.entity, grant=grant.id, reason=reason or "–")
    foreseen = await door_of(request).foresee(conn, command, viewer.actor)
    errors = () if refused is None else tuple(errors_of(refused, language, {"reason"}))
    stepping_up = foreseen is not None and foreseen.reason.kind is Kind.STEP_UP
    roles = await catalogue.load(conn)
    others = [
        each
        for each in await queries.held_roles(conn, grant.entity, now)
        if each.grant.role == grant.role and each.grant.person != grant.person
    ]
    return render(
        request,
        "desk/end.html",
        status_code=400 if errors else 200,
        back=f"{_place(found)}/people",
        url=f"{DESK}/grants/{grant.id}/end",
        who=words.person(held.holder.given_name, held.holder.family_name, language),
        label=words.role_label(roles.get(grant.role), grant.role, language),
        enterprise=words.enterprise(found, language),
        until=formats.until(grant.period, language),
        others=len(others),
        reason=shown_again(reason, now),
        is_over=not grant.is_live(now),
        errors=errors,
        login=step_up_url(foreseen, address_of(request)) if foreseen is not None and stepping_up else None,
        login_why="" if foreseen is None else refusal_sentence(foreseen, language).why,
        act=new_act(),
    )


@router.post(DESK + "/grants/{grant_id}/end")
async def end(
    request: Request, grant_id: str, viewer: Seen, conn: UnitOfWork, form: Sent, clock: Now
) -> Response:
    """The role is over: the next question of a portal is answered with no."""
    now = clock()
    held, found = await _ending(request, conn, viewer, grant_id, now)
    if held.grant.person == viewer.person:
        return see_other(f"{ENTERPRISES}/{found.number.digits}/grants/{held.grant.id}/end")
    command = c.EndGrant(entity=held.grant.entity, grant=held.grant.id, reason=form.text("reason"))

    async def do() -> str | Refusal:
        done = await door_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        return done if isinstance(done, Refusal) else f"{DESK}/grants/{held.grant.id}/ended"

    outcome = await once(request, conn, viewer.person, form, now, do)
    if isinstance(outcome, str):
        return see_other(outcome)
    if outcome.reason in {Reason.NOT_GAP, Reason.NO_STANDING, Reason.GRANT_UNKNOWN}:
        raise Refused(outcome)
    return await _end_page(request, conn, viewer, grant_id, form.text("reason"), now, outcome)


@router.get(DESK + "/grants/{grant_id}/ended")
async def ended(request: Request, grant_id: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """What was ended, and who is told."""
    now, language = clock(), language_of(request)
    held, found = await _ending(request, conn, viewer, grant_id, now)
    if held.grant.ended is None:
        return see_other(f"{DESK}/grants/{held.grant.id}/end")
    roles = await catalogue.load(conn)
    return render(
        request,
        "desk/ended.html",
        who=words.person(held.holder.given_name, held.holder.family_name, language),
        label=words.role_label(roles.get(held.grant.role), held.grant.role, language),
        enterprise=words.enterprise(found, language),
        reference=words.reference(held.grant.id),
        people=f"{_place(found)}/people",
    )
