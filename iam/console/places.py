"""Where a page is: ids and numbers in its address, the context bar, the sections beside it."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from starlette.requests import Request

from iam.bce import queries as register
from iam.bce.model import Enterprise
from iam.bce.queries import display_name
from iam.console.render import ActingFor, NavItem, page_of
from iam.console.words import name_language
from iam.delegation import queries as delegation
from iam.delegation.execute import Door
from iam.delegation.queries import Standing
from iam.dossiers.execute import DossierDoor
from iam.kernel.ids import PersonId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.storage import ReadConnection
from iam.texts import translator
from iam.web.problems import Fault, ProblemError, of_fault

ENTERPRISES = "/enterprises"
REQUESTS = "/requests"
ADDRESSES = "/address"
DESK = "/desk"
DOSSIERS = "/dossiers"
# Where a document is sent: the one place that takes a body of this size (`iam.app.edge_policy`).
UPLOAD = f"{DOSSIERS}/upload"
REVIEW = "/review"
# The parameter of a page, and the field of a form, that names an enterprise by its number.
ENTERPRISE_FIELD = "enterprise"


def addresses_for(found: Enterprise) -> str:
    """The page on which a person confirms his address for the enterprise."""
    return f"{ADDRESSES}?{ENTERPRISE_FIELD}={found.number.digits}"


def dossier_for(found: Enterprise) -> str:
    """Where somebody opens a dossier to show that he represents the enterprise."""
    return f"{DOSSIERS}/new/{found.number.digits}"


def door_of(request: Request) -> Door:
    """The one door, as the composition bound it."""
    door: Door = request.app.state.door
    return door


def dossiers_of(request: Request) -> DossierDoor:
    """The way to dossiers, as the composition bound it."""
    door: DossierDoor = request.app.state.dossiers
    return door


def language_of(request: Request) -> Language:
    """The language of the page."""
    return page_of(request).language


def not_found() -> ProblemError:
    """The answer for what is not there and for what is not the reader's business: the same (DESIGN 11)."""
    return ProblemError(of_fault(Fault.NOT_FOUND))


def id_in(text: str) -> UUID:
    """The id in an address, in its usual form. Raises ProblemError (404)."""
    try:
        found = UUID(text)
    except ValueError as error:
        raise not_found() from error
    if str(found) != text:
        raise not_found()
    return found


def number_in(text: str) -> EnterpriseNumber:
    """The enterprise number in an address: ten digits. Raises ProblemError (404)."""
    try:
        return EnterpriseNumber(text)
    except InvalidNumber as error:
        raise not_found() from error


async def enterprise_in(conn: ReadConnection, text: str) -> Enterprise:
    """The enterprise whose number stands in an address, ceased or not. Raises ProblemError (404)."""
    found = await register.find_by_number(conn, number_in(text))
    if found is None:
        raise not_found()
    return found


async def known_to(
    conn: ReadConnection, number: str, person: PersonId, now: datetime
) -> tuple[Enterprise, Standing]:
    """The enterprise, to somebody who has to do with it; for others it is not there (DESIGN 11)."""
    found = await enterprise_in(conn, number)
    standing = await delegation.standing(conn, person, found.entity, now)
    if not standing.exists:
        raise not_found()
    return found, standing


def acting_for(found: Enterprise, language: Language) -> ActingFor:
    """The context bar of an enterprise's pages."""
    return ActingFor(
        name=display_name(found, language),
        number=found.number,
        change_url=ENTERPRISES,
        name_language=name_language(found, language),
    )


def among_all(request: Request, current: str, *, to_decide: int = 0) -> None:
    """The page stands beside the other pages of the person, inside no enterprise.

    `current` is the section's address. The desk is shown to those for whom something waits there, the
    dossiers to those who are there.
    """
    _ = translator(language_of(request)).gettext
    nav = [
        NavItem(label=_("Mes entreprises"), url=ENTERPRISES, current=current == ENTERPRISES),
        NavItem(label=_("Mes demandes"), url=REQUESTS, current=current == REQUESTS),
        NavItem(label=_("Mes adresses"), url=ADDRESSES, current=current == ADDRESSES),
    ]
    if current == DOSSIERS:
        nav.append(NavItem(label=_("Mes dossiers"), url=DOSSIERS, current=True))
    if to_decide or current == DESK:
        nav.append(NavItem(label=_("À décider"), url=DESK, current=current == DESK, count=to_decide))
    request.state.page = replace(page_of(request), nav=tuple(nav), acting_for=None)


def inside(
    request: Request, found: Enterprise, standing: Standing, current: str, *, to_decide: int = 0
) -> None:
    """The page is inside an enterprise: the context bar names it, the sections are those of this person.

    `current` is the section's address.
    """
    language = language_of(request)
    _ = translator(language).gettext
    digits = found.number.digits
    places = [(_("Mes accès"), f"{ENTERPRISES}/{digits}", 0)]
    if standing.is_gap:
        places.append((_("Demandes à décider"), f"{DESK}/{digits}", to_decide))
        places.append((_("Personnes et rôles"), f"{DESK}/{digits}/people", 0))
    if standing.representations:
        places.append((_("Représentation"), f"/represent/{digits}", 0))
    nav = tuple(
        NavItem(label=label, url=url, current=url == current, count=count or None)
        for label, url, count in places
    )
    request.state.page = replace(page_of(request), acting_for=acting_for(found, language), nav=nav)
