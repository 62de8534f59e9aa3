"""A dossier, for its claimant: where no register knows that he represents an enterprise, papers may show it.

What is typed is refused when it holds a national number; nobody is told who reviews (DOMAIN 7.2).
"""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.bce.model import Enterprise
from iam.bce.reference import rulebook
from iam.console import dossier_words, words
from iam.console.forms import (
    Form,
    Sent,
    SentWithFile,
    day_errors,
    errors_of,
    new_act,
    once,
    read_day,
    see_other,
    shown_again,
    words_of,
)
from iam.console.links import taken, was_confirmed
from iam.console.places import (
    DOSSIERS,
    ENTERPRISE_FIELD,
    UPLOAD,
    among_all,
    dossiers_of,
    id_in,
    language_of,
    not_found,
    number_in,
)
from iam.console.render import FieldError, address_of, render
from iam.console.viewer import Seen, Viewer, step_up_url
from iam.dossiers import commands as c
from iam.dossiers import queries
from iam.dossiers.model import Dossier, State
from iam.dossiers.queries import DossierView
from iam.dossiers.rules.checks import capacities
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import DocumentId, DossierId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.kernel.period import Period
from iam.kernel.reasons import Kind, Reason
from iam.people import queries as people
from iam.people.model import usual_address
from iam.storage import ReadConnection
from iam.texts import formats, translator
from iam.texts.reasons import refusal_sentence
from iam.web.problems import Refused
from iam.web.state import edge_of, trace_id
from iam.web.transactions import Now, Snapshot, UnitOfWork

NEW = f"{DOSSIERS}/new"
NUMBER_FIELD = "enterpriseNumber"
_FIELDS = frozenset({"code", "since", "motivation", "email"})
_LONGEST_FIELD = 4000
_MEGABYTE = 20

router = APIRouter(include_in_schema=False)


@router.get(DOSSIERS)
async def mine(request: Request, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """The person's dossiers, the newest first."""
    now, language = clock(), language_of(request)
    found = await queries.of_person(conn, viewer.person)
    enterprises = await register.load(conn, [each.entity for each in found])
    among_all(request, DOSSIERS)
    return render(
        request,
        "dossiers/list.html",
        back="/",
        cards=[
            (
                words.enterprise(enterprises[each.entity], language),
                f"{DOSSIERS}/{each.id}",
                (_opened(each, language), dossier_words.state(each.shown(now), language).sentence),
                dossier_words.state(each.shown(now), language).tag,
            )
            for each in found
        ],
    )


def _opened(found: Dossier, language: Language) -> str:
    _ = translator(language).gettext
    return _("Ouvert le %(day)s", day=formats.day(found.opened_at, language))


# -- beginning one


@router.get(NEW)
async def ask_number(request: Request, viewer: Seen, conn: Snapshot) -> Response:
    """The question for a number; onwards at once when the address names an enterprise that operates."""
    del viewer
    typed = request.query_params.get(ENTERPRISE_FIELD, "")
    try:
        number = EnterpriseNumber.parse(typed)
    except InvalidNumber:
        return _number_page(request)
    found = await register.lookup(conn, number.digits)
    return _number_page(request) if isinstance(found, Refusal) else see_other(f"{NEW}/{number.digits}")


def _number_page(request: Request, *, typed: str = "", refusal: Refusal | None = None) -> Response:
    language = language_of(request)
    among_all(request, DOSSIERS)
    errors = [] if refusal is None else [FieldError(field=NUMBER_FIELD, message=words_of(refusal, language))]
    return render(
        request,
        "dossiers/number.html",
        status_code=200 if refusal is None else 400,
        back=DOSSIERS,
        errors=errors,
        typed=typed,
    )


@router.post(NEW)
async def look_up(request: Request, viewer: Seen, conn: Snapshot, clock: Now, form: Sent) -> Response:
    """The number leads to the form for its enterprise, or each kind of wrong number to its own sentence."""
    del viewer
    typed = form.text(NUMBER_FIELD)[:100]
    found = await register.lookup(conn, typed)
    if isinstance(found, Refusal):
        return _number_page(request, typed=shown_again(typed, clock()), refusal=found)
    return see_other(f"{NEW}/{found.number.digits}")


@router.get(NEW + "/{number}")
async def form_page(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """In which capacity, since when, by what; or why there is no need for a dossier."""
    found = await _enterprise(conn, number)
    return await _form(request, conn, viewer, found, clock(), None)


async def _enterprise(conn: ReadConnection, number: str) -> Enterprise:
    found = await register.lookup(conn, number_in(number).digits)
    if isinstance(found, Refusal):
        raise Refused(found)
    return found


async def _form(
    request: Request,
    conn: ReadConnection,
    viewer: Viewer,
    found: Enterprise,
    now: datetime,
    typed: Form | None,
    errors: Sequence[FieldError] = (),
) -> Response:
    language = language_of(request)
    labels = await register.function_labels(conn, language)
    offered = capacities(found, await rulebook(conn), belgian_day(now))
    obstacle = await _obstacle(request, conn, viewer, found)
    weak = obstacle is not None and obstacle.reason.kind is Kind.STEP_UP
    under_way = await _under_way(conn, viewer, found, now)
    among_all(request, DOSSIERS)
    return render(
        request,
        "dossiers/form.html",
        status_code=400 if errors else 200,
        back=DOSSIERS,
        errors=errors,
        enterprise=words.enterprise(found, language),
        login=step_up_url(obstacle, address_of(request)) if obstacle is not None and weak else None,
        no=None if obstacle is None or weak else refusal_sentence(obstacle, language),
        reason=None if obstacle is None else obstacle.reason.value,
        under_way=None if under_way is None else f"{DOSSIERS}/{under_way}",
        options=[(code, dossier_words.capacity(code, labels)) for code in offered],
        code=_shown(typed, "code", now),
        since=_shown(typed, "since", now),
        motivation=_shown(typed, "motivation", now),
        email=await _own_address(conn, viewer, found) if typed is None else _shown(typed, "email", now),
        today=belgian_day(now).isoformat(),
        days=edge_of(request).settings.policy.dossier_longest_days,
        act=new_act() if typed is None else typed.act,
    )


def _shown(typed: Form | None, name: str, now: datetime) -> str:
    return "" if typed is None else shown_again(typed.text(name)[:_LONGEST_FIELD], now)


async def _own_address(conn: ReadConnection, viewer: Viewer, found: Enterprise) -> str:
    return usual_address(await people.addresses(conn, viewer.person), found.entity) or ""


async def _obstacle(
    request: Request, conn: ReadConnection, viewer: Viewer, found: Enterprise
) -> Refusal | None:
    """What stands in the way of a dossier, whatever is typed into its form."""
    asked = c.OpenDossier(
        entity=found.entity, code="", since=None, motivation="", email="", language=language_of(request)
    )
    refusal = await dossiers_of(request).foresee(conn, asked, viewer.actor)
    return None if refusal is None or refusal.about is not None else refusal


async def _under_way(
    conn: ReadConnection, viewer: Viewer, found: Enterprise, now: datetime
) -> DossierId | None:
    mine = await queries.of_person(conn, viewer.person)
    return next((each.id for each in mine if each.entity == found.entity and each.shown(now).is_open), None)


@router.post(NEW + "/{number}")
async def open_dossier(
    request: Request, number: str, viewer: Seen, conn: UnitOfWork, clock: Now, form: Sent
) -> Response:
    """The dossier is there, for its claimant alone; or the form says what to mend."""
    now, language = clock(), language_of(request)
    found = await _enterprise(conn, number)
    if errors := day_errors(form, language, ["since"]):
        return await _form(request, conn, viewer, found, now, form, errors)

    async def do() -> str | Refusal:
        command = c.OpenDossier(
            entity=found.entity,
            code=form.text("code"),
            since=read_day(form.text("since")),
            motivation=form.text("motivation")[:_LONGEST_FIELD],
            email=form.text("email")[:_LONGEST_FIELD],
            language=language,
        )
        done = await dossiers_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        return done if isinstance(done, Refusal) else f"{DOSSIERS}/{done.dossier}"

    outcome = await once(request, conn, viewer.person, form, now, do)
    if isinstance(outcome, str):
        return see_other(outcome)
    wrong = errors_of(outcome, language, _FIELDS)
    if not wrong:
        return see_other(f"{NEW}/{found.number.digits}")  # which says why not
    return await _form(request, conn, viewer, found, now, form, wrong)


# -- one's own dossier


async def _own(conn: ReadConnection, viewer: Viewer, dossier_id: str) -> DossierView:
    """The dossier of the address, to its claimant. Raises ProblemError (404) for everybody else."""
    found = await queries.view(conn, DossierId(id_in(dossier_id)))
    if found is None or found.dossier.claimant != viewer.person:
        raise not_found()
    return found


@router.get(DOSSIERS + "/{dossier_id}")
async def one(request: Request, dossier_id: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """The dossier as it stands, and what its claimant can do."""
    if (onwards := await taken(request, viewer)) is not None:
        return onwards
    seen = await _own(conn, viewer, dossier_id)
    return await _page(request, conn, seen, clock())


async def _page(
    request: Request,
    conn: ReadConnection,
    seen: DossierView,
    now: datetime,
    errors: Sequence[FieldError] = (),
) -> Response:
    language, dossier = language_of(request), seen.dossier
    shown = dossier.shown(now)
    found = (await register.load(conn, [dossier.entity]))[dossier.entity]
    policy = edge_of(request).settings.policy
    among_all(request, DOSSIERS)
    return render(
        request,
        "dossiers/dossier.html",
        status_code=400 if errors else 200,
        back=DOSSIERS,
        errors=errors,
        place=f"{DOSSIERS}/{dossier.id}",
        upload=f"{UPLOAD}/{dossier.id}",
        enterprise=words.enterprise(found, language),
        status=dossier_words.state(shown, language),
        opened=shown is State.OPENED,
        accepted=shown is State.ACCEPTED,
        open=shown.is_open,
        represent=f"/represent/{found.number.digits}",
        again=f"{NEW}/{found.number.digits}",
        rows=await _rows(conn, seen, found, now, language),
        answer=seen.answer,
        confirmed=was_confirmed(request),
        documents=[
            (
                dossier_words.document(place, each, language),
                f"{DOSSIERS}/{dossier.id}/documents/{each.id}/remove",
            )
            for place, each in enumerate(dossier.documents, start=1)
        ],
        full=len(dossier.documents) >= policy.dossier_documents,
        most=policy.dossier_documents,
        megabytes=policy.dossier_document_bytes >> _MEGABYTE,
        act=new_act(),
    )


async def _rows(
    conn: ReadConnection, seen: DossierView, found: Enterprise, now: datetime, language: Language
) -> list[tuple[str, str]]:
    _ = translator(language).gettext
    dossier = seen.dossier
    labels = await register.function_labels(conn, language)
    rows = [
        (_("Entreprise"), words.enterprise(found, language)),
        (_("En qualité de"), dossier_words.capacity(dossier.code, labels)),
        (_("Depuis le"), formats.day(dossier.since, language)),
        (_("D'où vient votre pouvoir"), seen.motivation or ""),
        (_("Adresse e-mail"), seen.email or ""),
        (_("Référence"), words.reference(dossier.id)),
    ]
    if seen.submitted_at is not None:
        rows.append((_("Envoyé le"), formats.day(seen.submitted_at, language)))
    if dossier.in_force(now) and seen.accepted_at is not None:
        period = Period(seen.accepted_at, dossier.ends_at)
        rows.append((_("Vous représentez l'entreprise"), formats.until(period, language)))
    return [(label, value) for label, value in rows if value]


@router.post(UPLOAD + "/{dossier_id}")
async def add_document(
    request: Request, dossier_id: str, viewer: Seen, conn: UnitOfWork, clock: Now, sent: SentWithFile
) -> Response:
    """The document is in the dossier, encrypted; or the page says what is wrong with it."""
    now, language = clock(), language_of(request)
    seen = await _own(conn, viewer, dossier_id)
    place = f"{DOSSIERS}/{seen.dossier.id}"

    async def do() -> str | Refusal:
        command = c.AddDocument(dossier=seen.dossier.id, content=sent.content)
        done = await dossiers_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        return done if isinstance(done, Refusal) else f"{place}#documents"

    outcome = await once(request, conn, viewer.person, sent.form, now, do)
    if isinstance(outcome, str):
        return see_other(outcome)
    errors = errors_of(outcome, language, {"document"})
    return await _page(request, conn, seen, now, errors) if errors else see_other(place)


@router.post(DOSSIERS + "/{dossier_id}/documents/{document_id}/remove")
async def remove_document(
    request: Request, dossier_id: str, document_id: str, viewer: Seen, conn: UnitOfWork, form: Sent
) -> Response:
    """The document is gone."""
    del form
    seen = await _own(conn, viewer, dossier_id)
    command = c.RemoveDocument(dossier=seen.dossier.id, document=DocumentId(id_in(document_id)))
    done = await dossiers_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
    if isinstance(done, Refusal) and done.reason not in {Reason.DOSSIER_CLOSED, Reason.DOSSIER_UNKNOWN}:
        raise Refused(done)
    return see_other(f"{DOSSIERS}/{seen.dossier.id}#documents")


# -- sending it


@router.get(DOSSIERS + "/{dossier_id}/check")
async def check(request: Request, dossier_id: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """Everything in one list before it is sent."""
    now, language = clock(), language_of(request)
    seen = await _own(conn, viewer, dossier_id)
    place = f"{DOSSIERS}/{seen.dossier.id}"
    refusal = await dossiers_of(request).foresee(conn, c.Submit(dossier=seen.dossier.id), viewer.actor)
    if refusal is not None and (
        refusal.reason is Reason.DOSSIER_CLOSED or refusal.reason is Reason.DOCUMENT_MISSING
    ):
        return see_other(place)
    weak = refusal is not None and refusal.reason.kind is Kind.STEP_UP
    found = (await register.load(conn, [seen.dossier.entity]))[seen.dossier.entity]
    documents = [
        dossier_words.document(number, each, language)
        for number, each in enumerate(seen.dossier.documents, start=1)
    ]
    _ = translator(language).gettext
    among_all(request, DOSSIERS)
    return render(
        request,
        "dossiers/check.html",
        back=place,
        place=place,
        rows=[
            *await _rows(conn, seen, found, now, language),
            (_("Documents"), formats.listed(documents, language), f"{place}#documents"),
        ],
        login=step_up_url(refusal, address_of(request)) if refusal is not None and weak else None,
        no=None if refusal is None or weak else refusal_sentence(refusal, language),
        reason=None if refusal is None else refusal.reason.value,
        retention=edge_of(request).settings.policy.dossier_retention_days,
        act=new_act(),
    )


@router.post(DOSSIERS + "/{dossier_id}/check")
async def submit(
    request: Request, dossier_id: str, viewer: Seen, conn: UnitOfWork, clock: Now, form: Sent
) -> Response:
    """The dossier waits for its first review."""
    seen = await _own(conn, viewer, dossier_id)
    place = f"{DOSSIERS}/{seen.dossier.id}"

    async def do() -> str | Refusal:
        command = c.Submit(dossier=seen.dossier.id)
        done = await dossiers_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        return done if isinstance(done, Refusal) else f"{place}/sent"

    outcome = await once(request, conn, viewer.person, form, clock(), do)
    return see_other(f"{place}/check" if isinstance(outcome, Refusal) else outcome)


@router.get(DOSSIERS + "/{dossier_id}/sent")
async def sent(request: Request, dossier_id: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """What was done, what happens next and when."""
    seen = await _own(conn, viewer, dossier_id)
    place = f"{DOSSIERS}/{seen.dossier.id}"
    if not seen.dossier.shown(clock()).is_reviewed:
        return see_other(place)
    found = (await register.load(conn, [seen.dossier.entity]))[seen.dossier.entity]
    among_all(request, DOSSIERS)
    return render(
        request,
        "dossiers/sent.html",
        place=place,
        enterprise=words.enterprise(found, language_of(request)),
        reference=words.reference(seen.dossier.id),
        until=seen.dossier.lapses_at,
    )


# -- giving it up


@router.get(DOSSIERS + "/{dossier_id}/withdraw")
async def withdraw_form(
    request: Request, dossier_id: str, viewer: Seen, conn: Snapshot, clock: Now
) -> Response:
    """What giving it up brings about, before it is done."""
    now = clock()
    seen = await _own(conn, viewer, dossier_id)
    place = f"{DOSSIERS}/{seen.dossier.id}"
    refusal = await dossiers_of(request).foresee(conn, c.Withdraw(dossier=seen.dossier.id), viewer.actor)
    if refusal is not None:
        return see_other(place)
    found = (await register.load(conn, [seen.dossier.entity]))[seen.dossier.entity]
    among_all(request, DOSSIERS)
    return render(
        request,
        "dossiers/withdraw.html",
        back=place,
        place=place,
        enterprise=words.enterprise(found, language_of(request)),
        accepted=seen.dossier.in_force(now),
        act=new_act(),
    )


@router.post(DOSSIERS + "/{dossier_id}/withdraw")
async def withdraw(
    request: Request, dossier_id: str, viewer: Seen, conn: UnitOfWork, clock: Now, form: Sent
) -> Response:
    """The dossier is given up."""
    seen = await _own(conn, viewer, dossier_id)
    place = f"{DOSSIERS}/{seen.dossier.id}"

    async def do() -> str | Refusal:
        command = c.Withdraw(dossier=seen.dossier.id)
        done = await dossiers_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        return done if isinstance(done, Refusal) else place

    outcome = await once(request, conn, viewer.person, form, clock(), do)
    if isinstance(outcome, Refusal) and outcome.reason is not Reason.DOSSIER_CLOSED:
        raise Refused(outcome)
    return see_other(place)
