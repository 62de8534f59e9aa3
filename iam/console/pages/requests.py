"""My requests: the list, one of them, the receipt after sending, and taking one back."""

from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.bce.model import Enterprise
from iam.console import words
from iam.console.forms import Sent, new_act, once, see_other
from iam.console.places import (
    ENTERPRISES,
    REQUESTS,
    acting_for,
    among_all,
    door_of,
    id_in,
    language_of,
    not_found,
)
from iam.console.render import render
from iam.console.viewer import Seen, Viewer
from iam.delegation import catalogue
from iam.delegation import queries as delegation
from iam.delegation.commands import WithdrawRequest
from iam.delegation.model import RequestState
from iam.delegation.queries import RequestView
from iam.kernel.decision import Refusal
from iam.kernel.ids import RequestId
from iam.kernel.language import Language
from iam.people import queries as people
from iam.storage import ReadConnection
from iam.texts import formats, translator
from iam.texts.reasons import refusal_sentence
from iam.web.state import edge_of, trace_id
from iam.web.transactions import Now, Snapshot, UnitOfWork

router = APIRouter(include_in_schema=False)


@router.get(REQUESTS)
async def mine(request: Request, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """The person's own requests, the newest first."""
    now, language = clock(), language_of(request)
    views = await delegation.requests_of(conn, viewer.person, now)
    enterprises = await register.load(conn, {view.request.entity for view in views})
    to_decide = len(await delegation.inbox(conn, viewer.person, now))
    among_all(request, REQUESTS, to_decide=to_decide)
    return render(
        request,
        "requests.html",
        back=ENTERPRISES,
        cards=[
            (
                words.enterprise(enterprises[view.request.entity], language),
                f"{REQUESTS}/{view.request.id}",
                (
                    await _roles(conn, view, language),
                    formats.moment(view.request.submitted_at, language),
                    words.reference(view.request.id),
                ),
                words.requester_state(view.state, language).tag,
            )
            for view in views
        ],
    )


async def _roles(conn: ReadConnection, view: RequestView, language: Language) -> str:
    known = await catalogue.load(conn)
    labels = [words.role_label(known.get(code), code, language) for code in view.request.roles]
    return formats.listed(labels, language)


async def _own(
    conn: ReadConnection, viewer: Viewer, text: str, now: datetime
) -> tuple[RequestView, Enterprise]:
    """The request, to the one who made it; for others it is not there (DESIGN 11)."""
    view = await delegation.request(conn, RequestId(id_in(text)), now)
    if view is None or view.request.person != viewer.person:
        raise not_found()
    return view, (await register.load(conn, [view.request.entity]))[view.request.entity]


@router.get(REQUESTS + "/{wanted}")
async def one(request: Request, wanted: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """One request: its state in words, what one can do meanwhile, and the text to hand on."""
    now = clock()
    view, found = await _own(conn, viewer, wanted, now)
    return await _page(request, conn, view, found, now)


@router.get(REQUESTS + "/{wanted}/sent")
async def receipt(request: Request, wanted: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """The receipt: reference, what happens next, the text to hand on."""
    now = clock()
    view, found = await _own(conn, viewer, wanted, now)
    return await _page(request, conn, view, found, now, template="request_sent.html")


async def _page(
    request: Request,
    conn: ReadConnection,
    view: RequestView,
    found: Enterprise,
    now: datetime,
    *,
    template: str = "request.html",
    refusal: Refusal | None = None,
) -> Response:
    language = language_of(request)
    _ = translator(language).gettext
    asked = view.request
    rows = [
        (_("Référence"), words.reference(asked.id)),
        (_("Entreprise"), words.enterprise(found, language)),
        (_("Rôles demandés"), await _roles(conn, view, language)),
        (_("Votre lien avec l'entreprise"), words.relation_mine(asked.relation, language)),
        (_("Pourquoi"), view.motivation or ""),
        (_("Adresse e-mail"), view.email or ""),
        (_("Période"), formats.period(asked.wished, language)),
        (_("Envoyée"), formats.moment(asked.submitted_at, language)),
        (_("Décision"), formats.moment(view.decided_at, language) if view.decided_at else ""),
        (_("Raison du refus"), view.refusal or ""),
    ]
    among_all(request, REQUESTS)
    return render(
        request,
        template,
        status_code=200 if refusal is None else 409,
        back=REQUESTS,
        new_act=new_act,
        rows=[row for row in rows if row[1]],
        reference=words.reference(asked.id),
        status=words.requester_state(view.state, language),
        approved=view.state is RequestState.APPROVED,
        again=view.state in {RequestState.REFUSED, RequestState.WITHDRAWN, RequestState.EXPIRED}
        and found.operating,
        open=view.state.is_open,
        unconfirmed=view.state is RequestState.UNCONFIRMED,
        address=await _address(conn, view),
        since=formats.waiting(asked.submitted_at, now, language),
        lapses_at=asked.lapses_at,
        url=f"{REQUESTS}/{asked.id}",
        enterprise=f"{ENTERPRISES}/{found.number.digits}",
        name=acting_for(found, language).name,
        hand_on=neutral_text(request, found, language),
        email=view.email,
        no=None if refusal is None else refusal_sentence(refusal, language),
        code=None if refusal is None else refusal.reason.value,
    )


async def _address(conn: ReadConnection, view: RequestView) -> str | None:
    """Where a new link for the address of the request can be asked for, while it is not confirmed."""
    if view.state is not RequestState.UNCONFIRMED:
        return None
    known = await people.addresses(conn, view.request.person)
    wanted = (view.email, view.request.entity)
    found = next((a for a in known if (a.email, a.entity) == wanted and a.verified_at is None), None)
    return None if found is None else f"/address/{found.id}/link"


def neutral_text(request: Request, found: Enterprise, language: Language) -> str:
    """A text to hand on to whoever represents the enterprise: the same for every one (nr 49)."""
    _ = translator(language).gettext
    issuer = edge_of(request).settings.issuer
    return _(
        "Bonjour,\n\nPour faire des démarches en ligne au nom de %(enterprise)s, j'ai demandé un rôle dans "
        "Mon Espace. Une personne qui représente l'entreprise peut voir à cette adresse ce qu'elle peut "
        "faire :\n%(url)s",
        enterprise=words.enterprise(found, language),
        url=f"{issuer}/represent?enterprise={found.number.digits}",
    )


@router.post(REQUESTS + "/{wanted}/withdraw")
async def withdraw(
    request: Request, wanted: str, viewer: Seen, conn: UnitOfWork, clock: Now, form: Sent
) -> Response:
    """The request is taken back."""
    now = clock()
    view, found = await _own(conn, viewer, wanted, now)

    async def do() -> str | Refusal:
        command = WithdrawRequest(entity=found.entity, request=view.request.id)
        done = await door_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        return done if isinstance(done, Refusal) else f"{REQUESTS}/{view.request.id}"

    done = await once(request, conn, viewer.person, form, now, do)
    if not isinstance(done, Refusal):
        return see_other(done)
    view, found = await _own(conn, viewer, wanted, now)
    return await _page(request, conn, view, found, now, refusal=done)
