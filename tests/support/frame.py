"""A small application that shows the frame and all its pieces, for the eye and for the browser's tests."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import uvicorn
from jinja2 import ChoiceLoader, DictLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from iam.console import statements
from iam.console.assets import MOUNT, Assets
from iam.console.render import (
    LANGUAGE_FIELD,
    ActingFor,
    FieldError,
    NavItem,
    Page,
    address_of,
    environment,
    render,
)
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.kernel.reasons import Reason
from iam.settings import HelpdeskSettings
from iam.texts import choose
from iam.texts.reasons import sentence

GALLERY = Path(__file__).with_name("gallery.html").read_text(encoding="utf-8")
HELPDESK = HelpdeskSettings(telephone="+32 2 555 01 23", mail="aide@habilis.test")
# The strictest policy that the pages must live with: nothing inline, nothing from elsewhere.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'"


def page_for(request: Request, *, person: str | None = "Karim B.", inside: bool = True) -> Page:
    language = choose(None, request.headers.get("accept-language"), request.query_params.get(LANGUAGE_FIELD))
    return Page(
        language=language,
        address=address_of(request),
        reference="7KQ2-M4XD",
        helpdesk=HELPDESK,
        person=person,
        acting_for=ActingFor(
            name="Menuiserie Dupont SRL", number=EnterpriseNumber("1900000069"), name_language=Language.FR
        )
        if inside
        else None,
        nav=(
            NavItem(label="Entreprise", url="/a", current=True),
            NavItem(label="Demandes", url="/b", count=3),
        )
        if inside
        else (),
    )


class Sent:
    """Counts what was really sent."""

    def __init__(self) -> None:
        self.times = 0


def application(sent: Sent) -> Starlette:
    for language in Language:
        made = environment(language)
        made.loader = ChoiceLoader([made.loader, DictLoader({"gallery.html": GALLERY})])

    def gallery(request: Request) -> HTMLResponse:
        errors = [
            FieldError(field="number", message="Ce n'est pas un numéro d'entreprise complet."),
            FieldError(field="relation", message="Il manque votre lien avec l'entreprise."),
        ]
        page = page_for(request)
        return render(
            request,
            "gallery.html",
            page=page,
            back="/",
            errors=errors if request.query_params.get("errors") else (),
            period=Period.of_days(date(2026, 11, 24), date(2027, 3, 31)),
            sentence=sentence(Reason.ROLE_MISSING, page.language),
        )

    def accessibility(request: Request) -> HTMLResponse:
        request.state.page = page_for(request, person=None, inside=False)
        return statements.accessibility(request)

    def privacy(request: Request) -> HTMLResponse:
        request.state.page = page_for(request, person=None, inside=False)
        return statements.privacy(request)

    async def receive(_: Request) -> Response:
        sent.times += 1
        return Response(status_code=204)

    async def piece(_: Request) -> Response:
        sent.times += 1
        return HTMLResponse(f"<p data-announce>Compté {sent.times} fois</p>")

    app = Starlette(
        routes=[
            Route("/gallery", gallery),
            Route("/accessibility", accessibility),
            Route("/privacy", privacy),
            Route("/sent", receive, methods=["POST"]),
            Route("/piece", piece, methods=["POST"]),
            Route("/logout", receive, methods=["POST"]),
            Mount(MOUNT, Assets()),
        ]
    )

    async def with_policy(scope, receive, send):
        async def sending(message):
            if message["type"] == "http.response.start":
                message["headers"].append((b"content-security-policy", POLICY.encode()))
            await send(message)

        await app(scope, receive, sending if scope["type"] == "http" else send)

    return with_policy


@contextmanager
def serve(sent: Sent | None = None) -> Iterator[str]:
    """The application on a free port of the loopback, as its address."""
    config = uvicorn.Config(
        application(sent or Sent()), host="127.0.0.1", port=0, log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the gallery did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
