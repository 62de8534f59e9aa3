"""The professional space: my enterprises, adding one, and what I am and can do in one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.bce.model import Consequence, Enterprise
from iam.bce.queries import display_name
from iam.console import words
from iam.console.next_steps import Around, Step, steps
from iam.console.places import (
    ENTERPRISES,
    among_all,
    dossier_for,
    inside,
    known_to,
    language_of,
)
from iam.console.register_words import situation_tag, unreachable
from iam.console.render import render
from iam.console.viewer import Seen, Viewer
from iam.delegation import catalogue
from iam.delegation import queries as delegation
from iam.delegation.model import Grant, Role
from iam.delegation.queries import Standing
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Reason
from iam.people import queries as people
from iam.portals import queries as portals
from iam.portals.model import Demarche, DemarcheFor
from iam.storage import ReadConnection
from iam.texts import formats, translator
from iam.texts.reasons import sentence
from iam.web.transactions import Now, Snapshot

router = APIRouter(include_in_schema=False)
ADD = f"{ENTERPRISES}/add"
NUMBER_FIELD = "enterpriseNumber"
_SITUATION = "JuridicalSituation"
_FORM = "JuridicalForm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """An enterprise in the list: what I am there, and the next step."""

    name: str
    language: str | None
    url: str
    facts: tuple[str, ...]
    status: tuple[str, str] | None
    step: tuple[str, str] | None


@router.get(ENTERPRISES)
async def mine(request: Request, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """Every enterprise in which I am something, by name, each with its next step (DOMAIN 7.3 nr 67)."""
    now, language = clock(), language_of(request)
    standings = await delegation.standings(conn, viewer.person, now)
    enterprises = await register.load(conn, list(standings))
    inbox = await delegation.inbox(conn, viewer.person, now)
    functions = await register.function_labels(conn, language)
    roles = await catalogue.load(conn)
    cards = []
    for entity, found in enterprises.items():
        standing = standings[entity]
        around = await _around(conn, standing, sum(v.request.entity == entity for v in inbox), now)
        first = steps(found, standing, around, now)[0]
        cards.append(_card(found, standing, first, functions, roles, now, language))
    among_all(request, ENTERPRISES, to_decide=len(inbox))
    return render(
        request,
        "enterprises.html",
        back="/",
        cards=sorted(cards, key=lambda card: card.name.casefold()),
    )


async def _around(conn: ReadConnection, standing: Standing, to_decide: int, now: datetime) -> Around:
    if not standing.represents:
        return Around(to_decide=to_decide)
    active, named = await delegation.gap_of(conn, standing.entity, now)
    return Around(to_decide=to_decide, has_gap=active is not None, gap_named=named is not None)


def _card(
    found: Enterprise,
    standing: Standing,
    first: Step,
    functions: Mapping[str, str],
    roles: Mapping[str, Role],
    now: datetime,
    language: Language,
) -> Card:
    _ = translator(language).gettext
    held = [
        _(
            "Rôle : %(role)s, %(until)s",
            role=words.role_label(roles.get(grant.role), grant.role, language),
            until=formats.period(grant.period, language)
            if grant.period.start > now
            else formats.until(grant.period, language),
        )
        for grant in standing.grants
    ]
    tongue = words.name_language(found, language)
    return Card(
        name=display_name(found, language),
        language=None if tongue is None else tongue.value,
        url=f"{ENTERPRISES}/{found.number.digits}",
        facts=(found.number.dotted, *words.capacities(standing, functions, now, language), *held),
        status=situation_tag(found, language),
        step=step_link(first, found.number, standing, language),
    )


def step_link(
    step: Step, number: EnterpriseNumber, standing: Standing, language: Language
) -> tuple[str, str] | None:
    """What a next step is called and where it leads; None when there is nothing to do."""
    _ = translator(language).gettext
    here = f"{ENTERPRISES}/{number.digits}"
    open_requests = [request for request in standing.requests if request.state.is_open]
    follow = f"/requests/{open_requests[0].id}" if open_requests else "/requests"
    match step:
        case Step.NOTHING:
            return None
        case Step.ANSWER:
            office = standing.proposed
            return None if office is None else (_("Répondre à la proposition"), f"/appointments/{office.id}")
        case Step.DECIDE:
            return _("Voir les demandes à décider"), f"/desk/{number.digits}"
        case Step.APPOINT:
            return _("Désigner un gestionnaire d'accès (GAP)"), f"/represent/{number.digits}"
        case Step.OPEN:
            return _("Ouvrir une démarche"), here
        case Step.TAKE:
            return _("Me donner un rôle"), f"/desk/{number.digits}/own"
        case Step.CONFIRM:
            return _("Confirmer mon adresse e-mail"), follow
        case Step.WAIT:
            return _("Suivre ma demande"), follow
        case Step.ASK:
            return _("Demander un rôle"), f"{here}/request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A role of mine: its sentence, who gave it, what it opens, and the way to give it up."""

    sentence: str
    basis: str
    give_up: str
    opens: tuple[tuple[str, str], ...]


@router.get(ENTERPRISES + "/{number}")
async def one(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """What I am in this enterprise, what I can open, and my way to a role."""
    now, language = clock(), language_of(request)
    found, standing = await known_to(conn, number, viewer.person, now)
    inbox = await delegation.inbox(conn, viewer.person, now)
    to_decide = sum(view.request.entity == found.entity for view in inbox)
    around = await _around(conn, standing, to_decide, now)
    roles = await catalogue.load(conn)
    demarches = await portals.demarches(conn, DemarcheFor.ENTERPRISE)
    ways = steps(found, standing, around, now)
    links = [step_link(step, found.number, standing, language) for step in ways if step is not Step.OPEN]
    inside(request, found, standing, f"{ENTERPRISES}/{found.number.digits}", to_decide=to_decide)
    return render(
        request,
        "enterprise.html",
        back=ENTERPRISES,
        name=display_name(found, language),
        who=words.capacities(standing, await register.function_labels(conn, language), now, language),
        ceased=None if found.operating else sentence(Reason.ENTERPRISE_CEASED, language),
        situation=situation_tag(found, language),
        controlled=found.operating and found.consequence is Consequence.CONTROLLED,
        held=await _held(conn, found, standing, viewer, roles, demarches, now, language),
        requests=[
            (
                formats.listed(
                    [words.role_label(roles.get(code), code, language) for code in asked.roles], language
                ),
                f"/requests/{asked.id}",
                words.requester_state(asked.state, language).tag,
                formats.waiting(asked.submitted_at, now, language),
            )
            for asked in standing.requests
            if asked.is_open(now)
        ],
        ways=[link for link in links if link is not None],
        is_gap=standing.is_gap,
        represents=standing.represents,
        has_gap=around.has_gap,
        unreachable=None if standing.is_gap else await unreachable(conn, found, language, now),
        dossier=dossier_for(found),
    )


async def _held(
    conn: ReadConnection,
    found: Enterprise,
    standing: Standing,
    viewer: Viewer,
    roles: Mapping[str, Role],
    demarches: Sequence[Demarche],
    now: datetime,
    language: Language,
) -> list[Held]:
    givers = await people.standings(conn, sorted({g.granted_by for g in standing.grants if g.granted_by}))
    names = {each.person: words.person(each.given_name, each.family_name, language) for each in givers}
    return [
        Held(
            sentence=words.grant_sentence(viewer.name, roles[grant.role], found, grant.period, now, language),
            basis=words.grant_basis(
                grant, None if grant.granted_by is None else names.get(grant.granted_by), language
            ),
            give_up=f"{ENTERPRISES}/{found.number.digits}/grants/{grant.id}/end",
            opens=_opens(found, grant, roles[grant.role], demarches, now, language),
        )
        for grant in standing.grants
        if grant.role in roles
    ]


def _opens(
    found: Enterprise,
    grant: Grant,
    role: Role,
    demarches: Sequence[Demarche],
    now: datetime,
    language: Language,
) -> tuple[tuple[str, str], ...]:
    if not found.operating or not grant.period.holds(now) or role.is_retired(now):
        return ()
    hint = urlencode({"enterprise": found.number.digits})
    return tuple(
        (each.labels[language], f"/open/{each.portal}/{each.code}?{hint}")
        for each in demarches
        if grant.role in each.roles
    )
