"""The helpdesk sees why somebody is stuck, and can change nothing: no page here takes a form.

Each look at an enterprise stands in the journal under the agent (DOMAIN 7.3 nr 65).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.bce.model import Enterprise, Representation
from iam.console import words
from iam.console.events import HelpdeskLookedUp
from iam.console.forms import see_other
from iam.console.places import dossier_for, enterprise_in, id_in, language_of, not_found
from iam.console.register_words import situation_tag
from iam.console.render import FieldError, render
from iam.console.viewer import Seen, Viewer
from iam.delegation import catalogue, queries
from iam.delegation.model import RequestState
from iam.delegation.queries import OfficeView, RequestView
from iam.delegation.rights import Rights, effective
from iam.journal.model import Context
from iam.kernel.actor import Capacity
from iam.kernel.decision import Refusal
from iam.kernel.ids import RequestId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.kernel.reasons import Kind, Reason
from iam.people.record import happened, lock
from iam.settings import Settings
from iam.storage import ReadConnection, WriteConnection
from iam.texts import formats, translator
from iam.web.problems import Refused
from iam.web.state import trace_id
from iam.web.transactions import Configured, Now, Snapshot, UnitOfWork

HELPDESK = "/helpdesk"
ROLE = "staff.helpdesk"
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REFERENCE = re.compile(rf"([{_LETTERS}]{{4}})[\s-]?([{_LETTERS}]{{4}})")
_LONGEST = 60

router = APIRouter(include_in_schema=False)


async def _agent(conn: ReadConnection, viewer: Viewer, settings: Settings, now: datetime) -> Rights:
    """The agent's right. Raises ProblemError: 404 for everybody else, a step-up for a weak login."""
    staff = settings.staff_enterprise
    held: Rights | Refusal = Refusal(reason=Reason.NOT_STAFF)
    if staff is not None:
        held = await effective(
            conn,
            person=viewer.person,
            number=EnterpriseNumber.parse(staff),
            roles=frozenset({ROLE}),
            at=now,
            level=viewer.assurance.level,
        )
    if isinstance(held, Refusal):
        weak = held.reason.kind is Kind.STEP_UP
        raise Refused(held if weak else Refusal(reason=Reason.NOT_STAFF))
    return held


@router.get(HELPDESK)
async def search(
    request: Request, viewer: Seen, conn: Snapshot, clock: Now, settings: Configured
) -> Response:
    """Asking for an enterprise by its number, or for a request by its reference."""
    await _agent(conn, viewer, settings, clock())
    asked = request.query_params.get("q", "")[:_LONGEST].strip()
    if not asked:
        return render(request, "helpdesk/search.html", found=[])
    try:
        return see_other(f"{HELPDESK}/enterprises/{EnterpriseNumber.parse(asked).digits}")
    except InvalidNumber:
        pass
    found = await _requests(conn, asked)
    if len(found) == 1:
        return see_other(f"{HELPDESK}/requests/{found[0]}")
    _ = translator(language_of(request)).gettext
    # what was typed is not repeated: it may be anybody's number
    message = _("Nous ne trouvons ni entreprise ni demande. Vérifiez le numéro ou la référence.")
    errors = [] if found else [FieldError(field="q", message=message)]
    return render(
        request,
        "helpdesk/search.html",
        status_code=200 if found else 400,
        errors=errors,
        found=[(words.reference(each), f"{HELPDESK}/requests/{each}") for each in found],
    )


async def _requests(conn: ReadConnection, asked: str) -> list[RequestId]:
    """The requests that a reference, or a whole id, means."""
    match = _REFERENCE.fullmatch(asked.upper())
    if match is not None:
        value = 0
        for letter in match[1] + match[2]:
            value = value << 5 | _LETTERS.index(letter)
        return list(await queries.requests_ending_in(conn, f"{value:010x}"))
    try:
        return list(await queries.requests_ending_in(conn, str(UUID(asked))))
    except ValueError:
        return []


@router.get(HELPDESK + "/requests/{request_id}")
async def one_request(
    request: Request, request_id: str, viewer: Seen, conn: UnitOfWork, clock: Now, settings: Configured
) -> Response:
    """One request, and what its enterprise looks like around it."""
    now = clock()
    right = await _agent(conn, viewer, settings, now)
    view = await queries.request(conn, RequestId(id_in(request_id)), now)
    if view is None:
        raise not_found()
    found = (await register.load(conn, [view.request.entity]))[view.request.entity]
    await _looked_up(request, conn, viewer, right, found, view.request.id, now)
    return await _page(request, conn, found, [view], settings, now, one=True)


@router.get(HELPDESK + "/enterprises/{number}")
async def one_enterprise(
    request: Request, number: str, viewer: Seen, conn: UnitOfWork, clock: Now, settings: Configured
) -> Response:
    """What the service knows of an enterprise, and the state of its requests."""
    now = clock()
    right = await _agent(conn, viewer, settings, now)
    found = await enterprise_in(conn, number)
    await _looked_up(request, conn, viewer, right, found, None, now)
    views = list(await queries.of_enterprise(conn, found.entity, now))
    return await _page(request, conn, found, views, settings, now, one=False)


async def _looked_up(
    request: Request,
    conn: WriteConnection,
    viewer: Viewer,
    right: Rights,
    found: Enterprise,
    wanted: RequestId | None,
    now: datetime,
) -> None:
    """The look stands in the journal, or the page is not shown: both are one transaction."""
    await lock(conn, [viewer.person])
    context = Context(
        actor=viewer.actor,
        capacity=Capacity.STAFF,
        at=now,
        basis={"grant": str(right.roles[0].grant)},
        trace_id=trace_id(request),
    )
    event = HelpdeskLookedUp(agent=viewer.person, entity=found.entity, request=wanted)
    await happened(conn, viewer.person, [event], context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as the helpdesk reads it out."""

    who: str
    url: str
    tag: tuple[str, str]
    facts: tuple[str, ...]


async def _page(
    request: Request,
    conn: ReadConnection,
    found: Enterprise,
    views: list[RequestView],
    settings: Settings,
    now: datetime,
    *,
    one: bool,
) -> Response:
    language = language_of(request)
    gap, pending = await queries.gap_of(conn, found.entity, now)
    held = await register.representatives(conn, found.entity, now)
    feed = await register.feed_state(conn)
    limit = timedelta(hours=settings.policy.representation_stale_hours)
    stale = feed is None or now - feed.produced_at > limit
    roles = await catalogue.load(conn)
    return render(
        request,
        "helpdesk/enterprise.html",
        back=HELPDESK,
        one=one,
        enterprise=words.enterprise(found, language),
        all_url=f"{HELPDESK}/enterprises/{found.number.digits}",
        situation=situation_tag(found, language),
        why=_why(
            found,
            gap,
            pending,
            held,
            views,
            language,
            stale=stale,
            place=settings.issuer + dossier_for(found),
        ),
        offices=_offices(gap, pending, language),
        register=_register(held, await register.function_labels(conn, language), language),
        produced_at=None if feed is None else feed.produced_at,
        asked=[
            _asked(view, [words.role_label(roles.get(r), r, language) for r in view.request.roles], language)
            for view in views
        ],
    )


def _why(
    found: Enterprise,
    gap: OfficeView | None,
    pending: OfficeView | None,
    held: list[Representation],
    views: list[RequestView],
    language: Language,
    *,
    stale: bool,
    place: str,
) -> list[str]:
    """What stands in somebody's way, the first cause first; a sentence that can be read out.

    `place` is where somebody opens a dossier.
    """
    _ = translator(language).gettext
    texts = translator(language)
    if not found.operating:
        return [
            _(
                "L'entreprise a cessé d'après la BCE. Personne ne peut plus demander ni donner de rôle. Si "
                "c'est une erreur, un guichet d'entreprises ou le greffe peut la corriger."
            )
        ]
    said = []
    able = [each for each in held if each.alone and not each.suspended]
    if gap is None and pending is not None:
        said.append(
            _(
                "Une personne a été désignée comme GAP et n'a pas encore répondu. Elle doit ouvrir le lien "
                "de son e-mail et se connecter avec sa propre identité."
            )
        )
    elif gap is None and able:
        said.append(
            _(
                "L'entreprise n'a pas de GAP. Une personne qui la représente doit en désigner un, avec la "
                "carte d'identité électronique (eID)."
            )
        )
    elif gap is None:
        said.append(
            _(
                "L'entreprise n'a pas de GAP, et la BCE ne nous donne personne qui puisse en désigner un "
                "seul. Il faut un document qui montre qui représente l'entreprise."
            )
        )
        said.append(
            _(
                "Une personne qui la représente peut ouvrir un dossier dans Mon Espace, à cette adresse : "
                "%(place)s",
                place=place,
            )
        )
    if gap is None and stale:
        said.append(
            _(
                "Les fonctions de la BCE ne sont pas à jour ici : en ce moment, personne ne peut désigner de "
                "GAP."
            )
        )
    states = [view.state for view in views]
    unconfirmed = states.count(RequestState.UNCONFIRMED)
    reviewed = states.count(RequestState.UNDER_REVIEW)
    if unconfirmed:
        said.append(
            texts.ngettext(
                "%(num)s demande attend que son auteur confirme son adresse e-mail.",
                "%(num)s demandes attendent que leur auteur confirme son adresse e-mail.",
                unconfirmed,
            )
        )
    if reviewed:
        said.append(
            texts.ngettext(
                "%(num)s demande attend la décision du GAP.",
                "%(num)s demandes attendent la décision du GAP.",
                reviewed,
            )
        )
    return said


def _offices(gap: OfficeView | None, pending: OfficeView | None, language: Language) -> list[str]:
    _ = translator(language).gettext
    said = []
    if gap is not None:
        said.append(_("GAP : %(person)s, depuis le %(day)s.", **_held(gap, language)))
    if pending is not None:
        said.append(_("Désigné, sans réponse : %(person)s, depuis le %(day)s.", **_held(pending, language)))
    return said or [_("Pas de GAP.")]


def _held(office: OfficeView, language: Language) -> dict[str, str]:
    return {
        "person": words.person(office.holder.given_name, office.holder.family_name, language),
        "day": formats.day(office.office.period.start, language),
    }


def _register(held: list[Representation], labels: Mapping[str, str], language: Language) -> list[str]:
    """The functions that the register tells, without whose they are: it is not the helpdesk's to know."""
    _ = translator(language).gettext
    said = []
    for each in held:
        function = labels.get(each.code, each.code)
        if each.why_suspended is not None:
            words_now = words.suspension(each.why_suspended, language)
            said.append(_("%(function)s : ne peut pas agir. %(why)s", function=function, why=words_now))
        elif each.alone:
            said.append(_("%(function)s : peut désigner un GAP.", function=function))
        else:
            said.append(_("%(function)s : ne peut pas signer seul.", function=function))
    return said


def _asked(view: RequestView, roles: list[str], language: Language) -> Asked:
    _ = translator(language).gettext
    status = words.manager_state(view.state, language)
    facts = [
        formats.listed(roles, language),
        _(
            "Demandé le %(day)s, référence %(reference)s",
            day=formats.day(view.request.submitted_at, language),
            reference=words.reference(view.request.id),
        ),
    ]
    if view.state.is_open:
        facts.append(_("Délai : %(day)s", day=formats.day(view.request.lapses_at, language)))
    return Asked(
        who=words.person_first(view.requester.given_name, view.requester.family_name, language),
        url=f"{HELPDESK}/requests/{view.request.id}",
        tag=status.tag,
        facts=(status.sentence, *facts),
    )
