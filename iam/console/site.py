"""All pages of people, and what they have in common: a chosen language is remembered for its person."""

from types import ModuleType

from fastapi import APIRouter, Depends
from starlette.requests import Request

from iam.console.pages import (
    adding,
    addresses,
    appointments,
    asking,
    bootstrap,
    desk,
    dossiers,
    enterprises,
    finding,
    help_pages,
    helpdesk,
    home,
    openings,
    register,
    renounce,
    represent,
    requests,
    reviews,
)
from iam.console.render import LANGUAGE_FIELD
from iam.console.viewer import optional_viewer
from iam.journal.model import Context
from iam.kernel.actor import Capacity
from iam.people.commands import choose_language
from iam.texts.choice import parse
from iam.web.state import edge_of, trace_id

# In this order: `/enterprises/add` is no number, nor is `/enterprises/add/search`.
_MODULES: tuple[ModuleType, ...] = (
    home,
    finding,
    adding,
    enterprises,
    register,
    renounce,
    asking,
    requests,
    addresses,
    openings,
    help_pages,
    desk,
    represent,
    appointments,
    helpdesk,
    bootstrap,
    dossiers,
    reviews,
)


async def remember_language(request: Request) -> None:
    """The language that a person has just chosen in the header is his own from now on (DOMAIN 7.3 nr 69).

    Only when our own page sent him: the link of another site changes the page, not the person.
    """
    chosen = parse(request.query_params.get(LANGUAGE_FIELD))
    if chosen is None or request.method != "GET" or request.headers.get("sec-fetch-site") != "same-origin":
        return
    viewer = await optional_viewer(request)
    if viewer is None or viewer.language is chosen:
        return
    edge = edge_of(request)
    context = Context(
        actor=viewer.actor, capacity=Capacity.CITIZEN, at=edge.clock(), trace_id=trace_id(request)
    )
    async with edge.database.write() as conn:
        await choose_language(conn, viewer.person, chosen, context)


def routers() -> list[APIRouter]:
    """Every page of people, for the composition."""
    # Added here and not to each router: no page can forget it.
    site = APIRouter(include_in_schema=False, dependencies=[Depends(remember_language)])
    for module in _MODULES:
        site.include_router(module.router)
    return [site]
