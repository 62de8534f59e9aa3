"""The routes of the stand-in: the OAuth side, the page of personas, the way to misbehave."""

import asyncio
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2 import OAuth2Error
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from joserfc.errors import JoseError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from demo.fas.keys import Keys
from demo.fas.personas import Means, Persona, level_asked, means_for
from demo.fas.provider import Incoming, Provider
from demo.fas.settings import Settings
from demo.fas.state import EVERYBODY, TRUTH, Behaviour, Login, Now, State, behaviour_from
from demo.fas.texts import LANGUAGES, TEXTS, choose

SESSION_COOKIE = "fas_session"
PERSONA_COOKIE = "fas_persona"
_FOLDER = Path(__file__).parent
_MOST_BYTES = 64 * 1024
_PREFERRED_SECONDS = 8 * 3600
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Down(Exception):
    """The stand-in was told to be down."""


def create_app(*, settings: Settings, keys: Keys, personas: Mapping[str, Persona], now: Now) -> Starlette:
    """A stand-in with its own memory."""
    state = State(now)
    fas = _Fas(
        settings=settings,
        personas=personas,
        state=state,
        provider=Provider(settings=settings, keys=keys, personas=personas, state=state),
        keys=keys,
    )
    path = urlsplit(settings.issuer).path
    return Starlette(
        routes=[
            Route("/health", fas.health),
            Route("/fas/style.css", fas.style),
            Route(f"{path}/.well-known/openid-configuration", fas.metadata),
            Route(f"{path}/authorize", fas.authorize),
            Route("/fas/choose", fas.choose, methods=["POST"]),
            Route(f"{path}/access_token", fas.token, methods=["POST"]),
            Route(f"{path}/userinfo", fas.userinfo, methods=["GET", "POST"]),
            Route(f"{path}/connect/jwk_uri", fas.jwks),
            Route(f"{path}/connect/endSession", fas.end_session, methods=["GET", "POST"]),
            Route("/as/{persona}", fas.come_as),
            Route("/control", fas.control, methods=["GET", "POST", "DELETE"]),
        ],
        exception_handlers={Down: fas.is_down, HTTPException: fas.not_found},
    )


async def _parameters(request: Request) -> dict[str, list[str]]:
    if request.method == "GET":
        return parse_qs(request.url.query, keep_blank_values=False)
    return parse_qs((await _body(request)).decode("utf-8", "replace"), keep_blank_values=False)


async def _body(request: Request) -> bytes:
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > _MOST_BYTES:
            raise HTTPException(413)
    return bytes(read)


def _first(parameters: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = parameters.get(name)
    return values[0] if values else None


def _whole_number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


class _Fas:
    def __init__(
        self,
        *,
        settings: Settings,
        personas: Mapping[str, Persona],
        state: State,
        provider: Provider,
        keys: Keys,
    ) -> None:
        self._settings = settings
        self._personas = personas
        self._state = state
        self._provider = provider
        self._keys = keys
        self._pages = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, undefined=StrictUndefined
        )
        self._css = (_FOLDER / "style.css").read_text(encoding="utf-8")

    # -- pages -------------------------------------------------------------------------------------------

    def _page(self, name: str, language: str, status: int = 200, **values: Any) -> Response:
        page = self._pages.get_template(name).render(
            {"language": language, "t": TEXTS[language], "languages": (), "code": None, **values}
        )
        return HTMLResponse(page, status, _HEADERS)

    def _language(self, request: Request, parameters: Mapping[str, Sequence[str]]) -> str:
        return choose(
            _first(parameters, "ui_locales") or _first(parameters, "language"),
            request.headers.get("accept-language"),
        )

    async def is_down(self, request: Request, _: Exception) -> Response:
        response = self._page("message.html", self._language(request, {}), 503, what="down")
        response.headers["Retry-After"] = "60"
        return response

    async def not_found(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self._page("message.html", self._language(request, {}), status, what="home", code=status)

    async def _behave(self, persona: str | None = None) -> None:
        behaviour = self._state.behaviour(persona)
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        if behaviour.down:
            raise Down

    # -- the session of the browser ----------------------------------------------------------------------

    def _login_of(self, request: Request) -> Login | None:
        return self._state.sessions.get(request.cookies.get(SESSION_COOKIE))

    def _set_cookie(self, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            httponly=True,
            samesite="lax",
            secure=self._settings.is_https,
        )

    def _sufficient(self, login: Login | None, parameters: Mapping[str, Sequence[str]]) -> Login | None:
        """The login, if it is as strong and as fresh as this request wants."""
        if login is None or login.means.level < level_asked(_first(parameters, "acr_values")):
            return None
        longest = _whole_number(_first(parameters, "max_age"))
        # OpenID Connect Core §3.1.2.1: older than max_age means a new login; 0 always does.
        if longest is not None and (longest == 0 or self._state.now() - login.at > longest):
            return None
        return login

    # -- the OAuth side ----------------------------------------------------------------------------------

    async def authorize(self, request: Request) -> Response:
        await self._behave()
        parameters = await _parameters(request)
        incoming = Incoming(
            method="GET", url=str(request.url), headers=request.headers, parameters=parameters
        )
        login = self._sufficient(self._login_of(request), parameters)
        try:
            grant = self._provider.get_consent_grant(incoming, end_user=login)
        except OAuth2Error as error:
            return self._refused(request, incoming, error)
        if login is None or getattr(grant, "prompt", None):
            return self._choose_page(request, parameters)
        await self._behave(login.persona)
        return self._provider.create_authorization_response(  # type: ignore[no-any-return]
            incoming, grant_user=login, grant=grant
        )

    def _refused(self, request: Request, incoming: Incoming, error: OAuth2Error) -> Response:
        if error.redirect_uri:
            return self._provider.refusal(incoming, error)
        language = self._language(request, incoming.parameters)
        return self._page("message.html", language, 400, what="refused", code=error.error)

    def _choose_page(self, request: Request, parameters: dict[str, list[str]]) -> Response:
        level = level_asked(_first(parameters, "acr_values"))
        allowed = means_for(level)
        if not allowed:
            language = self._language(request, parameters)
            return self._page("message.html", language, 400, what="refused", code="acr_values")
        preferred = self._personas.get(request.cookies.get(PERSONA_COOKIE, ""))
        here = {name: values[0] for name, values in parameters.items() if name != "ui_locales"}
        return self._page(
            "choose.html",
            self._language(request, parameters),
            asked=self._state.asked.add(parameters),
            allowed=allowed,
            limited=allowed[-1] if len(allowed) < len(Means) else None,
            preferred=preferred,
            personas=[each for each in self._personas.values() if each is not preferred],
            languages=[
                (code, name, f"{request.url.path}?{urlencode({**here, 'ui_locales': code})}")
                for code, name in LANGUAGES.items()
            ],
        )

    async def choose(self, request: Request) -> Response:
        form = await _parameters(request)
        await self._behave()
        language = self._language(request, form)
        parameters = self._state.asked.get(_first(form, "asked"))
        if parameters is None:
            return self._page("message.html", language, 400, what="expired")
        incoming = Incoming(
            method="GET", url=f"{self._settings.issuer}/authorize", headers={}, parameters=parameters
        )
        choice = _first(form, "choice") or ""
        login = self._chosen(choice, level_asked(_first(parameters, "acr_values")))
        if login is None and choice != "cancel":
            return self._page("message.html", language, 400, what="refused", code="choice")
        if login is not None:
            await self._behave(login.persona)
        try:
            grant = self._provider.get_consent_grant(incoming, end_user=login)
        except OAuth2Error as error:
            return self._refused(request, incoming, error)
        response: Response = self._provider.create_authorization_response(
            incoming, grant_user=login, grant=grant
        )
        if login is not None:
            self._state.sessions.forget(request.cookies.get(SESSION_COOKIE))
            self._set_cookie(response, SESSION_COOKIE, self._state.sessions.add(login))
        return response

    def _chosen(self, choice: str, level: int) -> Login | None:
        key, _, means = choice.partition(":")
        allowed = {each.value: each for each in means_for(level)}
        if key not in self._personas or means not in allowed:
            return None
        return Login(persona=key, means=allowed[means], at=self._state.now(), sid=secrets.token_hex(16))

    async def token(self, request: Request) -> Response:
        await self._behave()
        incoming = Incoming(
            method="POST",
            url=str(request.url),
            headers=request.headers,
            parameters=await _parameters(request),
        )
        response: Response = self._provider.create_token_response(incoming)
        response.headers["Cache-Control"] = "no-store"
        return response

    async def userinfo(self, request: Request) -> Response:
        await self._behave()
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = self._state.tokens.get(value.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return PlainTextResponse("", 401, {**_HEADERS, **challenge})
        return Response(self._provider.userinfo(token), 200, _HEADERS, "application/jwt")

    async def metadata(self, _: Request) -> Response:
        await self._behave()
        return JSONResponse(self._provider.metadata())

    async def jwks(self, _: Request) -> Response:
        await self._behave()
        return JSONResponse(self._keys.public())

    async def end_session(self, request: Request) -> Response:
        await self._behave()
        parameters = await _parameters(request)
        incoming = Incoming(
            method=request.method, url=str(request.url), headers=request.headers, parameters=parameters
        )
        language = self._language(request, parameters)
        try:
            asked = self._provider.validate_endpoint_request("end_session", incoming)
        except (OAuth2Error, JoseError, ValueError):
            return self._page("message.html", language, 400, what="refused", code="id_token_hint")
        # RP-Initiated Logout §6: without a valid hint, ask before anything is ended.
        if asked.needs_confirmation and _first(parameters, "confirmed") != "yes":
            return self._page("message.html", language, what="end")
        response: Response = self._provider.create_endpoint_response("end_session", asked) or self._page(
            "message.html", language, what="logged_out"
        )
        self._state.sessions.forget(request.cookies.get(SESSION_COOKIE))
        response.delete_cookie(SESSION_COOKIE, path="/")
        return response

    # -- what the real service does not have -------------------------------------------------------------

    async def come_as(self, request: Request) -> Response:
        """The browser prefers this persona from now on and goes to an address of ours."""
        persona = self._personas.get(request.path_params["persona"])
        target = request.query_params.get("to", "")
        if persona is None or not self._is_ours(target):
            return self._page("message.html", self._language(request, {}), 404, what="home", code=404)
        response = RedirectResponse(target, 303, _HEADERS)
        self._set_cookie(response, PERSONA_COOKIE, persona.key, _PREFERRED_SECONDS)
        login = self._login_of(request)
        if login is not None and login.persona != persona.key:
            self._state.sessions.forget(request.cookies.get(SESSION_COOKIE))
            response.delete_cookie(SESSION_COOKIE, path="/")
        return response

    def _is_ours(self, target: str) -> bool:
        # Browsers take a backslash for a slash and drop control characters: neither belongs in an address.
        if "\\" in target or not target.isascii() or not target.isprintable():
            return False
        try:
            parts = urlsplit(target)
        except ValueError:
            return False
        return f"{parts.scheme}://{parts.netloc}" in self._settings.origins

    async def control(self, request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self._settings.control_secret}".encode()):
            return JSONResponse({"error": "unauthorized"}, 401)
        if request.method == "DELETE":
            self._state.behaviours.clear()
        elif request.method == "POST":
            try:
                self._be_told(json.loads(await _body(request)))
            except ValueError as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"misbehaving": sorted(self._state.behaviours)})

    def _be_told(self, read: object) -> None:
        if not isinstance(read, dict):
            raise ValueError("an object is wanted")  # noqa: TRY004 - the sender is told; not an error of code
        persona = read.get("persona") or EVERYBODY
        if persona != EVERYBODY and persona not in self._personas:
            raise ValueError("no such persona")
        behaviour: Behaviour = behaviour_from(read)
        if behaviour == TRUTH:
            self._state.behaviours.pop(persona, None)
        else:
            self._state.behaviours[persona] = behaviour

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "up"})

    async def style(self, _: Request) -> Response:
        return Response(self._css, 200, {"Cache-Control": "max-age=300"}, "text/css")
