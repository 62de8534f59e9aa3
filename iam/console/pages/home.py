"""The home page, which chooses a space, and the space of the citizen."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.console import words
from iam.console.places import language_of
from iam.console.render import render
from iam.console.viewer import Seen
from iam.delegation import queries as delegation
from iam.dossiers.model import REVIEWER
from iam.portals import queries as portals
from iam.portals.model import DemarcheFor
from iam.web.transactions import Now, Snapshot

router = APIRouter(include_in_schema=False)
HELPDESK_ROLE = "staff.helpdesk"


@router.get("/")
async def home(request: Request, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """Choosing a space; before it whatever waits for this person."""
    now, language = clock(), language_of(request)
    standings = await delegation.standings(conn, viewer.person, now)
    to_decide = await delegation.inbox(conn, viewer.person, now)
    proposed = {entity: found.proposed for entity, found in standings.items() if found.proposed is not None}
    enterprises = await register.load(conn, list(proposed))
    held = {grant.role for found in standings.values() for grant in found.grants if grant.period.holds(now)}
    return render(
        request,
        "home.html",
        name=viewer.given_name,
        to_decide=len(to_decide),
        proposals=[
            (f"/appointments/{office.id}", words.enterprise(enterprises[entity], language))
            for entity, office in proposed.items()
        ],
        enterprises=len(standings),
        is_helpdesk=HELPDESK_ROLE in held,
        is_reviewer=REVIEWER in held,
    )


@router.get("/citizen")
async def citizen(request: Request, viewer: Seen, conn: Snapshot) -> Response:
    """What a person can do for himself."""
    language = language_of(request)
    demarches = await portals.demarches(conn, DemarcheFor.CITIZEN)
    names = {portal.client_id: portal.names[language] for portal in await portals.every(conn)}
    return render(
        request,
        "citizen.html",
        back="/",
        name=viewer.name,
        demarches=[
            (
                each.labels[language],
                f"/open/{each.portal}/{each.code}",
                (each.descriptions[language], names[each.portal]),
            )
            for each in demarches
        ],
    )
