"""Help: a short manual for each kind of reader, questions and answers, and how to reach a person."""

import re
from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.console import statements
from iam.console.render import page_of, render
from iam.console.viewer import SeenOrNot

router = APIRouter(include_in_schema=False)
# What the link of the frame puts there: a trace id. Anything else was typed by somebody and is dropped.
_REFERENCE = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@router.get("/help")
async def manual(request: Request, viewer: SeenOrNot, ref: str = "") -> Response:
    """The manual, with the reference of the page that one comes from."""
    if _REFERENCE.fullmatch(ref):
        request.state.page = replace(page_of(request), reference=ref)
    return render(request, "help.html", back="/" if viewer is not None else None)


@router.get("/accessibility")
async def accessibility(request: Request, _: SeenOrNot) -> Response:
    """The accessibility statement."""
    return statements.accessibility(request)


@router.get("/privacy")
async def privacy(request: Request, _: SeenOrNot) -> Response:
    """The privacy notice."""
    return statements.privacy(request)
