"""The web side: a box per persona, one mail as text and as HTML, and the same for programs."""

import hmac
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from demo.mailbox.catcher import Fault, Faults
from demo.mailbox.people import Owner
from demo.mailbox.store import Mail, Store
from demo.mailbox.words import LANGUAGES, WORDS, counted, moment

_HERE = Path(__file__).parent
_COOKIE = "mailbox_language"
_SHOWN = 200
_LARGEST_CONTROL = 1000
_MOST_TIMES = 1000
_LINK = re.compile(r"(https?://[^\s<>\"]+)")
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'none'"
)
# The mail's own HTML: its styles and its links, nothing else; a click on a link leaves the frame.
_MAIL_POLICY = (
    "sandbox allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline';"
    " form-action 'none'; frame-ancestors 'self'"
)
_GUARDED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def linked(text: str) -> Markup:
    """The text with its addresses as links."""
    parts = _LINK.split(text)
    return Markup("").join(
        Markup('<a href="{0}">{0}</a>').format(part) if index % 2 else escape(part)
        for index, part in enumerate(parts)
    )


class Mailbox:
    """What the pages need."""

    def __init__(self, store: Store, owners: list[Owner], faults: Faults, control_secret: str | None) -> None:
        """Keep it."""
        self.store = store
        self.owners = owners
        self.faults = faults
        self._control_secret = control_secret

    async def home(self, request: Request) -> Response:
        """Everybody's box with the number of its messages."""
        known = {owner.address.casefold() for owner in self.owners}
        others = {
            address.casefold()
            for mail in self.store.all()
            for address in mail.recipients
            if address.casefold() not in known
        }
        language = _language(request)
        boxes = [(owner, counted(language, len(self.store.to(owner.address)))) for owner in self.owners]
        strangers = [(each, counted(language, len(self.store.to(each)))) for each in sorted(others)]
        return _page(request, "home.html", boxes=boxes, strangers=strangers)

    async def box(self, request: Request) -> Response:
        """The messages of one box, the newest first."""
        owner = self._owner(request.path_params["key"])
        mails = self.store.to(owner.address)[:_SHOWN]
        return _page(request, "box.html", owner=owner, mails=mails)

    async def mail(self, request: Request) -> Response:
        """One message as text and as HTML."""
        mail = self._mail(request)
        owner = self._owner(mail.recipients[0]) if mail.recipients else None
        return _page(request, "mail.html", mail=mail, owner=owner, text=linked(mail.text))

    async def html(self, request: Request) -> Response:
        """The HTML part of one message, for the frame."""
        html = self._mail(request).html
        base = '<base target="_top">'
        whole = html.replace("<head>", f"<head>{base}", 1) if "<head>" in html else base + html
        return HTMLResponse(whole, headers={**_GUARDED, "Content-Security-Policy": _MAIL_POLICY})

    async def messages(self, request: Request) -> Response:
        """Messages for programs; `to` narrows them to one address."""
        address = request.query_params.get("to")
        mails = self.store.all() if address is None else self.store.to(address)
        return JSONResponse({"messages": [mail.document() for mail in mails]}, headers=_GUARDED)

    async def health(self, _: Request) -> Response:
        """The mailbox is up."""
        return JSONResponse({"status": "up"}, headers=_GUARDED)

    async def control(self, request: Request) -> Response:
        """The catcher misbehaves from now on as told; only who knows the secret may tell."""
        if self._control_secret is None:
            raise HTTPException(404)
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self._control_secret}".encode()):
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        fault, times = await _wish(request)
        self.faults.set(fault, times)
        return Response(status_code=204)

    def _mail(self, request: Request) -> Mail:
        mail = self.store.find(request.path_params["id"])
        if mail is None:
            raise HTTPException(404)
        return mail

    def _owner(self, key: str) -> Owner:
        for owner in self.owners:
            if key == owner.key or key.casefold() == owner.address.casefold():
                return owner
        if self.store.to(key):
            return Owner(key=key.casefold(), name=key.casefold(), address=key.casefold())
        raise HTTPException(404)


async def _wish(request: Request) -> tuple[Fault, int | None]:
    octets = b""
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > _LARGEST_CONTROL:
            raise HTTPException(413)
    request._body = octets  # noqa: SLF001 - read above, under a limit
    try:
        document = await request.json()
        fault, times = Fault(document["fault"]), document.get("times")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HTTPException(400) from error
    # a bool is an int, but no number of times
    if times is not None and not (type(times) is int and 0 < times <= _MOST_TIMES):
        raise HTTPException(400)
    return fault, times


def _language(request: Request) -> str:
    for wanted in (request.query_params.get("lang"), request.cookies.get(_COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    return "fr"


def _page(request: Request, name: str, *, status: int = 200, **facts: Any) -> Response:
    language = _language(request)
    body = _templates.get_template(name).render(
        language=language,
        languages=LANGUAGES,
        words=WORDS[language],
        here=request.url.path,
        moment=lambda instant: moment(language, instant),
        **facts,
    )
    response = HTMLResponse(
        body, status_code=status, headers={**_GUARDED, "Content-Security-Policy": _PAGE_POLICY}
    )
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(_COOKIE, language, httponly=True, samesite="lax")
    return response


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    if status == 404 and request.method in {"GET", "HEAD"} and not request.url.path.startswith("/api/"):
        return _page(request, "missing.html", status=404)
    return JSONResponse({"status": status}, status_code=status, headers={**_GUARDED, **(headers or {})})


def create_app(
    store: Store,
    owners: list[Owner],
    faults: Faults,
    *,
    control_secret: str | None = None,
    lifespan: Lifespan | None = None,
) -> Starlette:
    """The mailbox. It answers only to names of this machine: no foreign page can borrow one for it."""
    box = Mailbox(store, owners, faults, control_secret)
    return Starlette(
        routes=[
            Route("/", box.home),
            Route("/boxes/{key}", box.box),
            Route("/messages/{id}", box.mail),
            Route("/messages/{id}/html", box.html),
            Route("/api/messages", box.messages),
            Route("/health", box.health),
            Route("/control", box.control, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={HTTPException: _refused},
        lifespan=lifespan,
    )
