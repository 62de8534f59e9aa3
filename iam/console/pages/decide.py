"""One request and the decision on it: accept, accept for less time, refuse; then the next one."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.console import drafts, words
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
from iam.console.managing import Case, case_of
from iam.console.places import DESK, door_of, id_in, inside, language_of
from iam.console.render import FieldError, address_of, render
from iam.console.viewer import Seen, Viewer, step_up_url
from iam.delegation import commands as c
from iam.delegation.model import Grant, Relation, RequestState
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import RequestId, uuid4
from iam.kernel.language import Language
from iam.kernel.period import Period
from iam.kernel.reasons import Kind, Reason
from iam.storage import ReadConnection, WriteConnection
from iam.texts import formats, translator
from iam.texts.reasons import refusal_sentence
from iam.web.problems import Refused
from iam.web.state import trace_id
from iam.web.transactions import Now, Snapshot, UnitOfWork

_REFUSAL = "desk.refusal"

router = APIRouter(include_in_schema=False)


def _place(wanted: object) -> str:
    return f"{DESK}/requests/{wanted}"


async def _shown(
    request: Request, conn: ReadConnection, viewer: Viewer, request_id: str, now: datetime
) -> Case:
    """The case of the address, with the frame of its enterprise around the page."""
    case = await case_of(conn, viewer, RequestId(id_in(request_id)), now)
    here = [each for each in case.others if each.request.entity == case.enterprise.entity]
    mine = case.view.state is RequestState.UNDER_REVIEW and case.view.request.person != viewer.person
    desk = f"{DESK}/{case.enterprise.number.digits}"
    inside(request, case.enterprise, case.standing, desk, to_decide=len(here) + mine)
    return case


@router.get(DESK + "/requests/{request_id}")
async def decision(request: Request, request_id: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """All that a decision needs, and the three ways to decide; or the outcome, once there is one."""
    now, language = clock(), language_of(request)
    case = await _shown(request, conn, viewer, request_id, now)
    asked = case.view.request
    refusal: Refusal | None = None
    if case.view.state.is_open:
        command = c.ApproveRequest(entity=asked.entity, request=asked.id)
        refusal = await door_of(request).foresee(conn, command, viewer.actor)
    needs_login = refusal is not None and refusal.reason.kind is Kind.STEP_UP
    return render(
        request,
        "desk/request.html",
        back=f"{DESK}/{case.enterprise.number.digits}",
        place=_place(asked.id),
        who=case.who_first(language),
        is_open=case.view.state.is_open,
        status=words.manager_state(case.view.state, language),
        rows=_facts(case, now, language),
        sentences=_sentences(case, asked.wished, now, language),
        motivation=case.view.motivation,
        has_now=_has_now(case, now, language),
        warnings=_warnings(case, now, language),
        login=_login(refusal, request, language) if needs_login and refusal is not None else None,
        obstacle=None if refusal is None or needs_login else _obstacle(refusal, language),
        own=asked.person == viewer.person,
        own_place=f"{DESK}/{case.enterprise.number.digits}/own",
        reason=case.view.refusal,
        following=_next(case),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The login that an act asks for: why, and the way there and back."""

    why: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why a request cannot be accepted, in words for the one who decides; `code` for the helpdesk."""

    why: str
    missing: str
    who_can_change: str
    code: str


def _login(refusal: Refusal, request: Request, language: Language) -> Login:
    return Login(
        why=refusal_sentence(refusal, language).why,
        url=step_up_url(refusal, address_of(request)),
    )


def _obstacle(refusal: Refusal, language: Language) -> Obstacle:
    """The refusal's sentence, said of the requester where it is about him and not about the reader."""
    _ = translator(language).gettext
    said = refusal_sentence(refusal, language)
    why, missing, who = said.why, said.missing, said.who_can_change
    match refusal.reason:
        case Reason.PERSON_BLOCKED:
            why = _("L'accès de cette personne à Mon Espace est bloqué.")
            missing = _("Tant qu'il est bloqué, personne ne peut lui donner de rôle.")
        case Reason.PERIOD_REVERSED | Reason.PERIOD_IN_PAST:
            why = _("La période demandée est déjà passée.")
            missing = _("La personne peut faire une nouvelle demande.")
            who = _("Seule cette personne peut le faire.")
        case _:
            pass
    return Obstacle(why=why, missing=missing, who_can_change=who, code=refusal.reason.value)


def _facts(case: Case, now: datetime, language: Language) -> list[tuple[str, str]]:
    _ = translator(language).gettext
    view = case.view
    address = view.email or "–"
    return [
        (_("Qui demande"), case.who_first(language)),
        (_("Lien avec l'entreprise"), words.relation_of(view.request.relation, language)),
        (
            _("Adresse e-mail"),
            _("%(address)s (confirmée)", address=address)
            if view.email_confirmed
            else _("%(address)s (pas confirmée)", address=address),
        ),
        (_("Période demandée"), formats.period(view.request.wished, language)),
        (
            _("Demandé le"),
            _(
                "%(day)s (en attente %(since)s)",
                day=formats.day(view.request.submitted_at, language),
                since=formats.waiting(view.request.submitted_at, now, language),
            )
            if view.state.is_open
            else formats.day(view.request.submitted_at, language),
        ),
        *(
            [(_("À décider avant le"), formats.day(view.request.lapses_at, language))]
            if view.state.is_open
            else []
        ),
        (_("Référence"), words.reference(view.request.id)),
    ]


def _sentences(case: Case, period: Period, now: datetime, language: Language) -> list[str]:
    """What each role would allow, in plain words; only its name for one that the catalogue has lost."""
    said = []
    for code in case.view.request.roles:
        role = case.roles.get(code)
        said.append(
            code
            if role is None
            else words.grant_sentence(case.who(language), role, case.enterprise, period, now, language)
        )
    return said


def _has_now(case: Case, now: datetime, language: Language) -> list[str]:
    said = []
    for held in case.held:
        label = words.role_label(case.roles.get(held.grant.role), held.grant.role, language)
        begins_later = held.grant.period.start > now
        until = (formats.period if begins_later else formats.until)(held.grant.period, language)
        said.append(f"{label}, {until}")
    return said


def _warnings(case: Case, now: datetime, language: Language) -> list[str]:
    _ = translator(language).gettext
    asked = case.view.request
    said = []
    if asked.relation is Relation.EXTERNAL:
        said.append(
            _(
                "Cette personne dit travailler pour un autre bureau. Donnez-lui un rôle seulement si "
                "l'entreprise a confié ce travail à ce bureau."
            )
        )
    if asked.person in {each.grant.person for each in case.held if each.grant.role in asked.roles}:
        said.append(_("Cette personne a déjà un des rôles demandés."))
    if asked.wished.start < now and case.view.state.is_open:
        said.append(_("Le début de la période est passé : le rôle commencerait aujourd'hui."))
    if case.view.requester.given_name is None and case.view.requester.family_name is None:
        said.append(_("Nous ne connaissons pas encore le nom de cette personne."))
    return said


def _next(case: Case) -> str | None:
    """The next request that waits for this person, wherever it is."""
    return _place(case.others[0].request.id) if case.others else None


# -- accept


def _given(case: Case, until: date | None, now: datetime) -> Period:
    """The period that an acceptance now would give, for showing it; the rule decides on it."""
    wished = case.view.request.wished
    start = max(wished.start, now)
    last = until or wished.last_day
    if last is None or last < belgian_day(start):
        return Period(start, wished.end if wished.end is None or wished.end > start else start)
    return Period(start, Period.of_days(last, last).end)


@router.get(DESK + "/requests/{request_id}/shorten")
async def shorten(request: Request, request_id: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """Until when the role shall be given, if for less time than was asked."""
    now = clock()
    case = await _shown(request, conn, viewer, request_id, now)
    if not case.view.state.is_open:
        return see_other(_place(request_id))
    return _shorten_page(request, case, request.query_params.get("until", ""), now, ())


def _shorten_page(
    request: Request, case: Case, until: str, now: datetime, errors: tuple[FieldError, ...]
) -> Response:
    wished = case.view.request.wished
    return render(
        request,
        "desk/shorten.html",
        status_code=400 if errors else 200,
        back=_place(case.view.request.id),
        place=_place(case.view.request.id),
        who=case.who(language_of(request)),
        wished=wished,
        first=max(belgian_day(wished.start), belgian_day(now)),
        last=wished.last_day,
        until=until,
        errors=errors,
    )


@router.get(DESK + "/requests/{request_id}/accept")
async def check(request: Request, request_id: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """Everything that is about to be given, before it is; `until` shortens it."""
    return await _check(request, conn, viewer, request_id, request.query_params.get("until", ""), clock())


async def _check(
    request: Request, conn: ReadConnection, viewer: Viewer, request_id: str, typed: str, now: datetime
) -> Response:
    language = language_of(request)
    case = await _shown(request, conn, viewer, request_id, now)
    if not case.view.state.is_open:
        return see_other(_place(request_id))
    form = Form((("until", typed),))
    errors = tuple(day_errors(form, language, ["until"]))
    if errors:
        return _shorten_page(request, case, typed, now, errors)
    until = form.day("until")
    asked = case.view.request
    command = c.ApproveRequest(entity=asked.entity, request=asked.id, last=until)
    refusal = await door_of(request).foresee(conn, command, viewer.actor)
    if refusal is not None and refusal.reason.kind is not Kind.STEP_UP:
        if until is not None and refusal.about in {"first", "last"}:
            said = FieldError(field="until", message=words_of(refusal, language))
            return _shorten_page(request, case, typed, now, (said,))
        return see_other(_place(request_id))  # which says why not
    period = _given(case, until, now)
    return render(
        request,
        "desk/accept.html",
        back=_place(asked.id),
        place=_place(asked.id),
        who=case.who(language),
        rows=_accept_rows(case, period, language),
        sentences=_sentences(case, period, now, language),
        warnings=_warnings(case, now, language),
        login=None if refusal is None else _login(refusal, request, language),
        until="" if until is None else until.isoformat(),
        act=new_act(),
    )


def _accept_rows(case: Case, period: Period, language: Language) -> list[tuple[str, ...]]:
    _ = translator(language).gettext
    labels = [words.role_label(case.roles.get(code), code, language) for code in case.view.request.roles]
    return [
        (_("À qui"), case.who_first(language)),
        (_("Adresse e-mail"), case.view.email or "–"),
        (_("Pour l'entreprise"), words.enterprise(case.enterprise, language)),
        (_("Rôle"), formats.listed(labels, language)),
        (
            _("Période"),
            formats.period(period, language),
            f"{_place(case.view.request.id)}/shorten",
        ),
    ]


@router.post(DESK + "/requests/{request_id}/accept")
async def accept(
    request: Request, request_id: str, viewer: Seen, conn: UnitOfWork, form: Sent, clock: Now
) -> Response:
    """The roles are given and both sides will be told; the browser goes on to the receipt."""
    now = clock()
    case = await case_of(conn, viewer, RequestId(id_in(request_id)), now)
    try:
        until = read_day(form.text("until"))
    except InvalidDay:
        return await _check(request, conn, viewer, request_id, form.text("until"), now)
    command = c.ApproveRequest(entity=case.view.request.entity, request=case.view.request.id, last=until)
    return await _decide(request, conn, viewer, form, command, now)


async def _decide(
    request: Request,
    conn: WriteConnection,
    viewer: Viewer,
    form: Form,
    command: c.ApproveRequest | c.RefuseRequest,
    now: datetime,
) -> Response:
    """The decision is taken once, or the browser goes to the page that says why it is not."""
    place = _place(command.request)

    async def do() -> str | Refusal:
        done = await door_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        return done if isinstance(done, Refusal) else f"{place}/decided"

    outcome = await once(request, conn, viewer.person, form, now, do)
    if isinstance(outcome, str):
        return see_other(outcome)
    if outcome.reason in {Reason.NOT_GAP, Reason.NO_STANDING}:
        raise Refused(outcome)
    if isinstance(command, c.ApproveRequest) and (
        outcome.reason.kind is Kind.STEP_UP or outcome.about in {"first", "last"}
    ):
        until = "" if command.last is None else f"?until={command.last.isoformat()}"
        return see_other(f"{place}/accept{until}")
    return see_other(place)


# -- refuse


@router.get(DESK + "/requests/{request_id}/refuse")
async def refusal_form(
    request: Request, request_id: str, viewer: Seen, conn: Snapshot, clock: Now
) -> Response:
    """Why the request is refused: a reason that its requester will read."""
    case = await _shown(request, conn, viewer, request_id, clock())
    if not case.view.state.is_open:
        return see_other(_place(request_id))
    return await _refusal_page(request, conn, viewer, case, await _draft_reason(request, conn, viewer), ())


async def _refusal_page(
    request: Request,
    conn: ReadConnection,
    viewer: Viewer,
    case: Case,
    reason: str,
    errors: tuple[FieldError, ...],
) -> Response:
    language, asked = language_of(request), case.view.request
    command = c.RefuseRequest(entity=asked.entity, request=asked.id, reason=reason or "–")
    foreseen = await door_of(request).foresee(conn, command, viewer.actor)
    weak = foreseen is not None and foreseen.reason.kind is Kind.STEP_UP
    return render(
        request,
        "desk/refuse.html",
        status_code=400 if errors else 200,
        back=_place(asked.id),
        place=_place(asked.id),
        who=case.who(language),
        reason=reason,
        errors=errors,
        login=_login(foreseen, request, language) if weak and foreseen is not None else None,
    )


def _draft_in(request: Request) -> UUID | None:
    text = request.query_params.get("draft")
    return None if text is None else id_in(text)


async def _draft_reason(request: Request, conn: ReadConnection, viewer: Viewer) -> str:
    draft = _draft_in(request)
    kept = None if draft is None else await drafts.read(conn, viewer.person, draft, _REFUSAL)
    return "" if kept is None else str(kept["reason"])


@router.post(DESK + "/requests/{request_id}/refuse")
async def keep_refusal(
    request: Request, request_id: str, viewer: Seen, conn: UnitOfWork, form: Sent, clock: Now
) -> Response:
    """What was typed is kept for the check page, unless there is something to mend."""
    now, language = clock(), language_of(request)
    case = await _shown(request, conn, viewer, request_id, now)
    if not case.view.state.is_open:
        return see_other(_place(request_id))
    asked, reason = case.view.request, form.text("reason")
    command = c.RefuseRequest(entity=asked.entity, request=asked.id, reason=reason)
    foreseen = await door_of(request).foresee(conn, command, viewer.actor)
    if foreseen is not None and foreseen.reason.kind is not Kind.STEP_UP:
        errors = tuple(errors_of(foreseen, language, {"reason"}))
        if not errors:
            return see_other(_place(request_id))
        shown = shown_again(reason, now)
        return await _refusal_page(request, conn, viewer, case, shown, errors)
    draft = _draft_in(request) or uuid4()
    await drafts.keep(conn, viewer.person, draft, _REFUSAL, {"reason": reason}, now)
    return see_other(f"{_place(request_id)}/refuse/check?draft={draft}")


@router.get(DESK + "/requests/{request_id}/refuse/check")
async def check_refusal(
    request: Request, request_id: str, viewer: Seen, conn: Snapshot, clock: Now
) -> Response:
    """The refusal in full, before it is sent."""
    language = language_of(request)
    case = await _shown(request, conn, viewer, request_id, clock())
    place, draft = _place(request_id), _draft_in(request)
    if not case.view.state.is_open:
        return see_other(place)
    reason = await _draft_reason(request, conn, viewer)
    if not reason or draft is None:
        return see_other(f"{place}/refuse")
    _ = translator(language).gettext
    labels = [words.role_label(case.roles.get(code), code, language) for code in case.view.request.roles]
    asked = case.view.request
    command = c.RefuseRequest(entity=asked.entity, request=asked.id, reason=reason)
    foreseen = await door_of(request).foresee(conn, command, viewer.actor)
    if foreseen is not None and foreseen.reason.kind is not Kind.STEP_UP:
        return see_other(place if foreseen.about is None else f"{place}/refuse?draft={draft}")
    return render(
        request,
        "desk/refuse_check.html",
        back=f"{place}/refuse?draft={draft}",
        place=place,
        draft=draft,
        who=case.who(language),
        rows=[
            (_("Qui demande"), case.who_first(language)),
            (_("Pour l'entreprise"), words.enterprise(case.enterprise, language)),
            (_("Rôle"), formats.listed(labels, language)),
            (_("Votre raison"), reason, f"{place}/refuse?draft={draft}"),
        ],
        login=None if foreseen is None else _login(foreseen, request, language),
        act=new_act(),
    )


@router.post(DESK + "/requests/{request_id}/refuse/check")
async def refuse(
    request: Request, request_id: str, viewer: Seen, conn: UnitOfWork, form: Sent, clock: Now
) -> Response:
    """The request is refused and both sides will be told; the browser goes on to the receipt."""
    now = clock()
    case = await case_of(conn, viewer, RequestId(id_in(request_id)), now)
    draft = id_in(form.text("draft"))
    kept = await drafts.read(conn, viewer.person, draft, _REFUSAL)
    command = c.RefuseRequest(
        entity=case.view.request.entity,
        request=case.view.request.id,
        reason="" if kept is None else str(kept["reason"]),
    )
    answer = await _decide(request, conn, viewer, form, command, now)
    if answer.headers["location"].endswith("/decided"):
        await drafts.drop(conn, viewer.person, draft)
    return answer


# -- receipt


@router.get(DESK + "/requests/{request_id}/decided")
async def receipt(request: Request, request_id: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """What was decided, who is told, and the next request."""
    now, language = clock(), language_of(request)
    case = await _shown(request, conn, viewer, request_id, now)
    state = case.view.state
    if state not in {RequestState.APPROVED, RequestState.REFUSED}:
        return see_other(_place(request_id))
    given = [each.grant for each in case.held if each.grant.request == case.view.request.id]
    return render(
        request,
        "desk/decided.html",
        who=case.who(language),
        approved=state is RequestState.APPROVED,
        reference=words.reference(case.view.request.id),
        sentences=_granted(case, given, now, language),
        reason=case.view.refusal,
        email=case.view.email,
        following=_next(case),
        waiting=len(case.others),
        desk=f"{DESK}/{case.enterprise.number.digits}",
    )


def _granted(case: Case, given: list[Grant], now: datetime, language: Language) -> list[str]:
    return [
        words.grant_sentence(
            case.who(language), case.roles[grant.role], case.enterprise, grant.period, now, language
        )
        for grant in given
        if grant.role in case.roles
    ]
