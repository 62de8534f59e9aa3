"""The desk of who decides: what waits for him in all his enterprises, and one enterprise at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.bce.model import Enterprise
from iam.bce.queries import display_name
from iam.console import words
from iam.console.links import taken, was_confirmed
from iam.console.managing import Catalogue, managed
from iam.console.pages import decide, grants
from iam.console.places import DESK, among_all, enterprise_in, inside, language_of
from iam.console.render import render
from iam.console.viewer import Seen
from iam.delegation import catalogue, queries
from iam.delegation.queries import HeldRole, RequestView
from iam.kernel.ids import PersonId
from iam.kernel.language import Language
from iam.texts import formats, translator
from iam.web.transactions import Now, Snapshot

_SOON = timedelta(days=7)
_DECIDED_SHOWN = 10

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Something in a list: its title leads to it, its facts stand below."""

    title: str
    url: str
    facts: tuple[str, ...] = ()
    status: tuple[str, str] | None = None
    language: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedRole:
    """A role that somebody plays: what it is called, until when, and where it is ended."""

    label: str
    period: str
    url: str
    to_oneself: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """A person with the roles that he plays for the enterprise."""

    name: str
    is_you: bool
    roles: tuple[PlayedRole, ...]


@router.get(DESK)
async def inbox(request: Request, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """What waits for the person in all the enterprises he manages, the oldest deadline first."""
    now, language = clock(), language_of(request)
    waiting = await queries.inbox(conn, viewer.person, now)
    standings = await queries.standings(conn, viewer.person, now)
    enterprises = await register.load(conn, [e for e, held in standings.items() if held.is_gap])
    represented = await register.load(
        conn, [e for e, held in standings.items() if held.represents and not held.is_gap]
    )
    roles = await catalogue.load(conn)
    among_all(request, DESK, to_decide=len(waiting))
    return render(
        request,
        "desk/inbox.html",
        cards=[
            _waiting(view, roles, now, language, inside=enterprises[view.request.entity]) for view in waiting
        ],
        desks=_places(enterprises.values(), waiting, DESK, language),
        represented=_places(represented.values(), (), "/represent", language),
    )


@router.get(DESK + "/{number}")
async def enterprise(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """One enterprise's desk: what waits, who plays which role, what was decided lately."""
    if (confirmed := await taken(request, viewer)) is not None:
        return confirmed
    now, language = clock(), language_of(request)
    found = await enterprise_in(conn, number)
    standing = await managed(conn, viewer, found.entity, now)
    waiting = [v for v in await queries.inbox(conn, viewer.person, now) if v.request.entity == found.entity]
    decided = await queries.decided(conn, found.entity, now, _DECIDED_SHOWN)
    held = await queries.held_roles(conn, found.entity, now)
    roles = await catalogue.load(conn)
    place = f"{DESK}/{found.number.digits}"
    inside(request, found, standing, place, to_decide=len(waiting))
    return render(
        request,
        "desk/enterprise.html",
        place=place,
        operating=found.operating,
        mailbox_confirmed=was_confirmed(request),
        cards=[_waiting(view, roles, now, language) for view in waiting],
        decided=[_decided(view, roles, language) for view in decided],
        people=len({each.grant.person for each in held}),
        roles=len(held),
    )


@router.get(DESK + "/{number}/people")
async def people(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """Who plays which role for the enterprise until when, with the way to end each."""
    now, language = clock(), language_of(request)
    found = await enterprise_in(conn, number)
    standing = await managed(conn, viewer, found.entity, now)
    held = await queries.held_roles(conn, found.entity, now)
    waiting = [v for v in await queries.inbox(conn, viewer.person, now) if v.request.entity == found.entity]
    roles = await catalogue.load(conn)
    place = f"{DESK}/{found.number.digits}"
    inside(request, found, standing, f"{place}/people", to_decide=len(waiting))
    return render(
        request,
        "desk/people.html",
        place=place,
        players=_players(held, roles, viewer.person, now, language),
    )


def _waiting(
    view: RequestView,
    roles: Catalogue,
    now: datetime,
    language: Language,
    *,
    inside: Enterprise | None = None,
) -> Card:
    """A request that waits for a decision; `inside` is named where the list is of several enterprises."""
    _ = translator(language).gettext
    asked = view.request
    facts = () if inside is None else (words.enterprise(inside, language),)
    return Card(
        title=words.person_first(view.requester.given_name, view.requester.family_name, language),
        url=f"{DESK}/requests/{asked.id}",
        facts=(
            *facts,
            formats.listed(_labels(view, roles, language), language),
            _("Pour la période : %(period)s", period=formats.period(asked.wished, language)),
            _(
                "En attente %(since)s, à décider avant le %(day)s",
                since=formats.waiting(asked.submitted_at, now, language),
                day=formats.day(asked.lapses_at, language),
            ),
        ),
        status=(_("Délai proche"), "danger") if asked.lapses_at - now < _SOON else None,
    )


def _decided(view: RequestView, roles: Catalogue, language: Language) -> Card:
    facts = [formats.listed(_labels(view, roles, language), language)]
    if view.decided_at is not None:
        facts.append(formats.day(view.decided_at, language))
    return Card(
        title=words.person_first(view.requester.given_name, view.requester.family_name, language),
        url=f"{DESK}/requests/{view.request.id}",
        facts=tuple(facts),
        status=words.manager_state(view.state, language).tag,
    )


def _labels(view: RequestView, roles: Catalogue, language: Language) -> list[str]:
    return [words.role_label(roles.get(code), code, language) for code in view.request.roles]


def _places(
    enterprises: Iterable[Enterprise], waiting: Sequence[RequestView], root: str, language: Language
) -> list[Card]:
    """The enterprises by name, each with how many requests wait there."""
    texts = translator(language)
    cards = []
    for found in sorted(enterprises, key=lambda each: (display_name(each, language), each.number)):
        here = sum(view.request.entity == found.entity for view in waiting)
        said = texts.ngettext("%(num)s demande à décider", "%(num)s demandes à décider", here)
        cards.append(
            Card(
                title=display_name(found, language),
                url=f"{root}/{found.number.digits}",
                facts=(found.number.dotted, *((said,) if here else ())),
                language=words.name_language(found, language),
            )
        )
    return cards


def _players(
    held: Sequence[HeldRole], roles: Catalogue, me: PersonId, now: datetime, language: Language
) -> list[Player]:
    """The persons in the order of their names, each with his roles."""
    theirs: dict[PersonId, list[HeldRole]] = {}
    for each in held:
        theirs.setdefault(each.grant.person, []).append(each)
    return [
        Player(
            name=words.person_first(mine[0].holder.given_name, mine[0].holder.family_name, language),
            is_you=person == me,
            roles=tuple(_played(each, roles, now, language) for each in mine),
        )
        for person, mine in theirs.items()
    ]


def _played(held: HeldRole, roles: Catalogue, now: datetime, language: Language) -> PlayedRole:
    grant = held.grant
    begins_later = grant.period.start > now
    return PlayedRole(
        label=words.role_label(roles.get(grant.role), grant.role, language),
        period=(formats.period if begins_later else formats.until)(grant.period, language),
        url=f"{DESK}/grants/{grant.id}/end",
        to_oneself=grant.to_oneself,
    )


router.include_router(decide.router)
router.include_router(grants.router)
