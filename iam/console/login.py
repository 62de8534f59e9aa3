"""Coming in and going out: login, step-up, log-out, and Keycloak's word that a session has ended.

The level of a login is computed by us and checked by whoever asks for one: here a weaker login than
wished leads to a second try and then to a page that says so, never round in a circle.
"""

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

import structlog
from fastapi import APIRouter, FastAPI
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from iam.console.viewer import (
    LOGIN_PATH,
    LoginNeeded,
    binding_name,
    cookie_name,
    login_url,
    optional_viewer,
    page_for,
    set_cookie,
    to_login,
)
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId
from iam.kernel.reasons import Reason
from iam.people import queries, sessions
from iam.people.recognise import RecognitionContended, recognise
from iam.realms import sessions as keycloak_sessions
from iam.realms.backchannel import BACKCHANNEL_PATH, LogoutTokens
from iam.realms.errors import InvalidToken, KeycloakUnavailable, LoginExpired, LoginFailed
from iam.realms.model import LoggedOut, Login, Wish
from iam.realms.oidc import CALLBACK_PATH, LOGGED_OUT_PATH, KeycloakLogin, Realm
from iam.web.middleware import starts_with
from iam.web.paths import local_path
from iam.web.problems import Fault, ProblemError, Refused, of_fault
from iam.web.state import edge_of, trace_id

log = structlog.get_logger(__name__)

LOGOUT_PATH = "/logout"
WEAKER_PATH = "/login/weaker"
OWN_AUTHENTICATION = (BACKCHANNEL_PATH,)
_LEVELS = {int(level): level for level in (Level.TOTP, Level.ITSME, Level.EID)}
_BINDING_SECONDS = 1800
_LONGEST_COOKIE = 64
_MOST_LAYERS = 5


class Pages(Protocol):
    """The pages of coming in and going out that are pages of their own."""

    async def logged_out(self, request: Request) -> Response:
        """The page after the log-out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """What the routes here need; bound to the application once, by its composition."""

    realm: Realm
    login: KeycloakLogin
    logout_tokens: LogoutTokens
    pages: Pages


def open_entrance(app: FastAPI, entrance: Entrance) -> None:
    """The routes of login and log-out are part of the application."""
    app.state.entrance = entrance
    app.include_router(router)
    app.add_exception_handler(LoginNeeded, to_login)


def entrance_of(request: Request) -> Entrance:
    """The entrance that the composition bound."""
    entrance: Entrance = request.app.state.entrance
    return entrance


router = APIRouter(include_in_schema=False)


@router.get(LOGIN_PATH)
async def login(request: Request) -> Response:
    """The browser goes to Keycloak, or back at once when the login there is already what is wished."""
    wish = _wish(request)
    viewer = await optional_viewer(request)
    if viewer is not None and not wish.fresh and viewer.assurance.is_at_least(wish.level or Level.NONE):
        return RedirectResponse(wish.path, status_code=303)
    try:
        # else the browser would be sent to an address where nobody answers
        await entrance_of(request).realm.ping()
    except KeycloakUnavailable as error:
        raise _unavailable() from error
    return await _begin(request, wish)


def _wish(request: Request) -> Wish:
    given = request.query_params
    level = given.get("level")
    if level is not None and (not level.isdecimal() or int(level) not in _LEVELS):
        raise ProblemError(of_fault(Fault.BAD_REQUEST))
    return Wish(
        path=_not_a_circle(local_path(given.get("next")) or "/"),
        level=None if level is None else _LEVELS[int(level)],
        fresh=given.get("fresh") == "1",
    )


def _not_a_circle(path: str) -> str:
    """The page behind a page of login: one that has a way back gives it, the others lead home."""
    for _ in range(_MOST_LAYERS):
        parts = urlsplit(path)
        if not starts_with(parts.path, (LOGIN_PATH, LOGOUT_PATH)):
            return path
        path = local_path(dict(parse_qsl(parts.query)).get("next")) or "/"
    return "/"


def _unavailable() -> ProblemError:
    return ProblemError(of_fault(Fault.LOGIN_UNAVAILABLE, headers={"Retry-After": "30"}))


async def _begin(request: Request, wish: Wish) -> Response:
    binding = request.cookies.get(binding_name(request))
    language = page_for(request, None).language
    async with edge_of(request).database.write() as conn:
        started = await entrance_of(request).login.begin(conn, wish, binding, language.value)
    response = RedirectResponse(started.url, status_code=303)
    set_cookie(request, response, binding_name(request), started.binding, seconds=_BINDING_SECONDS)
    return response


@router.get(CALLBACK_PATH)
async def callback(request: Request) -> Response:
    """Keycloak's answer: a session has begun, under a new cookie, and the browser goes where it wanted."""
    try:
        found = await _found(request)
        cookie = await _start(request, found)
    except LoginFailed as error:
        log.warning("login.failed", fault=error.fault)
        expired = isinstance(error, LoginExpired)
        raise ProblemError(of_fault(Fault.LOGIN_EXPIRED if expired else Fault.LOGIN_FAILED)) from None
    except KeycloakUnavailable as error:
        raise _unavailable() from error
    except RecognitionContended as error:
        raise ProblemError(of_fault(Fault.DATABASE_UNAVAILABLE, headers={"Retry-After": "1"})) from error
    response = await _onwards(request, found)
    set_cookie(request, response, cookie_name(request), cookie)
    return response


async def _found(request: Request) -> Login:
    entrance, edge = entrance_of(request), edge_of(request)
    async with edge.database.write() as conn:
        pending = await entrance.login.take(
            conn, request.query_params.multi_items(), request.cookies.get(binding_name(request))
        )
    # the state is used up; and nothing waits for Keycloak inside of a transaction
    if isinstance(pending, LoginFailed):
        raise pending
    return await entrance.login.finish(pending)


async def _start(request: Request, found: Login) -> str:
    edge = edge_of(request)
    now = edge.clock()
    async with edge.database.write() as conn:
        person = await recognise(conn, found.identity, edge.clock, trace_id=trace_id(request))
        known = await queries.person(conn, person)
        blocked = known is None or known.blocked
        # a back-channel log-out may have overtaken the answer
        lives = await keycloak_sessions.remember(conn, found.identity, person, now)
        cookie = "" if blocked or not lives else await sessions.start(
            conn, person, found.identity,
            id_token=found.id_token, limits=sessions.Limits.of(edge.settings.policy), now=now,
            replaces=_own(request.cookies.get(cookie_name(request))),
        )  # fmt: skip
    if blocked:
        raise Refused(Refusal(reason=Reason.PERSON_BLOCKED))
    if not lives:
        raise ProblemError(of_fault(Fault.LOGIN_EXPIRED))
    return cookie


def _own(cookie: str | None) -> str | None:
    return cookie if cookie and len(cookie) <= _LONGEST_COOKIE else None


async def _onwards(request: Request, found: Login) -> Response:
    wish = found.wish
    if wish.level is None or found.identity.assurance.is_at_least(wish.level):
        return RedirectResponse(wish.path, status_code=303)
    if not wish.fresh:
        # a live session at Keycloak or FAS may have answered in silence: once more, with the person
        return await _begin(request, Wish(path=wish.path, level=wish.level, fresh=True))
    return RedirectResponse(
        login_url(wish.path, wish.level).replace(LOGIN_PATH, WEAKER_PATH, 1), status_code=303
    )


@router.get(WEAKER_PATH)
async def weaker(request: Request) -> Response:
    """The page that says that a login was weaker than asked for. Raises Refused."""
    await optional_viewer(request)
    raise Refused(Refusal(reason=Reason.LEVEL_TOO_LOW, level=_wish(request).level or Level.EID))


@router.post(LOGOUT_PATH)
async def logout(request: Request) -> Response:
    """The session has ended here; the browser goes on to end it at Keycloak and at FAS."""
    edge, entrance = edge_of(request), entrance_of(request)
    cookie, now = _own(request.cookies.get(cookie_name(request))), edge.clock()
    hint = None
    if cookie is not None:
        async with edge.database.write() as conn:
            session = await sessions.load(conn, cookie, sessions.Limits.of(edge.settings.policy), now)
            hint = await sessions.end(conn, cookie, now)
            if session is not None:
                ended = session.issuer, session.keycloak_session
                await sessions.end_by_keycloak_session(conn, *ended, now)
                await keycloak_sessions.end(conn, *ended, now)
    response = RedirectResponse(entrance.login.logout_url(hint), status_code=303)
    for name in (cookie_name(request), binding_name(request)):
        set_cookie(request, response, name, "", seconds=0)
    return response


@router.get(LOGGED_OUT_PATH)
async def logged_out(request: Request) -> Response:
    """The page after the log-out."""
    await optional_viewer(request)
    return await entrance_of(request).pages.logged_out(request)


@router.post(BACKCHANNEL_PATH)
async def backchannel_logout(request: Request) -> Response:
    """Keycloak says that a session has ended: ours that came from it have ended too.

    OpenID Connect Back-Channel Logout §2.8: 200, or 400 with an error; never cached.
    """
    form = await request.form(max_fields=5, max_files=0)
    token = _only(form, "logout_token")
    if token is None:
        return _invalid("parameters")
    try:
        out = await entrance_of(request).logout_tokens.verify(token)
    except InvalidToken as error:
        return _invalid(error.fault)
    except KeycloakUnavailable:
        return JSONResponse({"error": "temporarily_unavailable"}, status_code=503)
    return Response(status_code=200) if await _obey(request, out) else _invalid("replay")


def _invalid(fault: str) -> Response:
    log.warning("logout_token.refused", fault=fault)
    return JSONResponse({"error": "invalid_request"}, status_code=400)


def _only(form: FormData, name: str) -> str | None:
    values = form.getlist(name)
    return values[0] if len(values) == 1 and isinstance(values[0], str) else None


async def _obey(request: Request, out: LoggedOut) -> bool:
    edge = edge_of(request)
    now = edge.clock()
    async with edge.database.write() as conn:
        if not await keycloak_sessions.obey(conn, out, now):
            return False
        if out.session_id is not None:
            await sessions.end_by_keycloak_session(conn, out.issuer, out.session_id, now)
        elif out.subject is not None:
            for person in await keycloak_sessions.persons_of_subject(conn, out.issuer, out.subject):
                await sessions.end_of_person(conn, PersonId(person), now)
    return True
