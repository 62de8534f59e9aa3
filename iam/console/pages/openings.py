"""Leaving for a portal: opening a démarche, and choosing for whom when a portal asks.

The enterprise travels as a hint and never as a right: the portal believes only its token (DESIGN 8).
"""

from urllib.parse import urlencode, urlsplit, urlunsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from iam.bce import queries as register
from iam.bce.queries import display_name
from iam.console import words
from iam.console.places import language_of, not_found, number_in
from iam.console.render import render
from iam.console.viewer import Seen
from iam.delegation import catalogue, rights
from iam.kernel.decision import Refusal
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Reason
from iam.portals import queries as portals
from iam.portals.model import DemarcheFor
from iam.web.problems import Refused
from iam.web.transactions import Now, Snapshot

router = APIRouter(include_in_schema=False)
HINT = "enterprise"


def with_hint(url: str, number: EnterpriseNumber | None) -> str:
    """The address with the enterprise beside it, whatever it holds already."""
    if number is None:
        return url
    parts = urlsplit(url)
    hint = urlencode({HINT: number.digits})
    return urlunsplit(parts._replace(query=f"{parts.query}&{hint}" if parts.query else hint))


@router.get("/open/{portal}/{demarche}")
async def leave(
    portal: str, demarche: str, _: Seen, conn: Snapshot, enterprise: str | None = None
) -> Response:
    """The browser goes to the address that the portal registered for the démarche, and nowhere else."""
    found = await portals.demarche(conn, demarche) if "\x00" not in demarche else None
    if found is None or found.portal != portal:
        raise not_found()
    for_enterprise = found.audience is DemarcheFor.ENTERPRISE and enterprise is not None
    number = number_in(enterprise or "") if for_enterprise else None
    return RedirectResponse(with_hint(found.start_url, number), status_code=303)


@router.get("/choose")
async def choose(request: Request, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """For whom one acts at a portal; back to an address it registered exactly (RFC 9700 §2.1)."""
    asked, back = request.query_params.get("portal", ""), request.query_params.get("return", "")
    portal = None if "\x00" in back else await portals.portal_to_return_to(conn, back)
    if portal is None or portal.client_id != asked:
        raise Refused(Refusal(reason=Reason.PORTAL_UNKNOWN))
    now, language = clock(), language_of(request)
    demarches = await portals.demarches(conn, client_id=portal.client_id)
    wanted = next((each for each in demarches if each.code == request.query_params.get("demarche")), None)
    ceiling = sorted(portal.roles if wanted is None else wanted.roles)
    choices = await rights.choices(conn, viewer.person, ceiling=ceiling, at=now)
    enterprises = await register.load(conn, [choice.entity for choice in choices])
    roles = await catalogue.load(conn)
    return render(
        request,
        "choose.html",
        portal=portal.names[language],
        demarche=None if wanted is None else wanted.labels[language],
        wanted=None if wanted is None else wanted.code,
        choices=sorted(
            (
                display_name(enterprises[choice.entity], language),
                with_hint(back, choice.number),
                (
                    choice.number.dotted,
                    *(words.role_label(roles.get(code), code, language) for code in choice.roles),
                ),
                words.name_language(enterprises[choice.entity], language),
            )
            for choice in choices
        ),
        myself=back
        if portal.citizens and (wanted is None or wanted.audience is DemarcheFor.CITIZEN)
        else None,
        name=viewer.name,
    )
