"""Who looks at a page: the session behind the cookie, the page's frame, and the way to a stronger login."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from iam.console.render import Page, address_of
from iam.kernel.actor import PersonActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId
from iam.kernel.language import Language
from iam.kernel.reasons import Reason
from iam.people import queries, sessions
from iam.people.model import Session
from iam.texts import choose
from iam.web.answers import answer, prefers_page
from iam.web.middleware import origin_of
from iam.web.paths import local_path
from iam.web.problems import Fault, ProblemError, of_fault
from iam.web.state import edge_of, trace_id

LOGIN_PATH = "/login"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks at a page, in which session, how surely."""

    person: PersonId
    session: Session
    given_name: str | None
    family_name: str | None
    language: Language | None
    revision: int

    @property
    def assurance(self) -> Assurance:
        """The assurance of the session's login."""
        return self.session.assurance

    @property
    def actor(self) -> PersonActor:
        """The person as the actor of a command."""
        return PersonActor(person=self.person, assurance=self.assurance)

    @property
    def name(self) -> str:
        """First and last name, as the last login said them."""
        return " ".join(part for part in (self.given_name, self.family_name) if part)


class LoginNeeded(ProblemError):
    """The page is for persons who are logged in; `back` is where to come back to."""

    def __init__(self, back: str) -> None:
        """Keep the path."""
        super().__init__(of_fault(Fault.LOGIN_NEEDED))
        self.back = back


async def optional_viewer(request: Request) -> Viewer | None:
    """Who is logged in, if anybody; the page's frame knows him."""
    viewer = await _load(request)
    request.state.page = page_for(request, viewer)
    return viewer


async def current_viewer(request: Request) -> Viewer:
    """Who is logged in. Raises LoginNeeded for nobody."""
    viewer = await optional_viewer(request)
    if viewer is None:
        raise LoginNeeded(_back(request))
    return viewer


Seen = Annotated[Viewer, Depends(current_viewer)]
SeenOrNot = Annotated[Viewer | None, Depends(optional_viewer)]


def _limits(request: Request) -> sessions.Limits:
    return sessions.Limits.of(edge_of(request).settings.policy)


async def _load(request: Request) -> Viewer | None:
    cookie = request.cookies.get(cookie_name(request))
    if not cookie:
        return None
    edge, limits = edge_of(request), _limits(request)
    now = edge.clock()
    async with edge.database.read() as conn:
        session = await sessions.load(conn, cookie, limits, now)
        if session is None:
            return None
        person = await queries.person(conn, session.person)
    if person is None:
        return None
    if sessions.is_due(session, now):
        async with edge.database.write() as conn:
            await sessions.touch(conn, session, now)
    return Viewer(
        person=person.id,
        session=session,
        given_name=person.given_name,
        family_name=person.family_name,
        language=person.language,
        revision=person.revision,
    )


def page_for(request: Request, viewer: Viewer | None) -> Page:
    """The frame of the page for this viewer, in the language he asked for, chose, or whose browser says."""
    settings = edge_of(request).settings
    return Page(
        language=choose(
            None if viewer is None else viewer.language,
            request.headers.get("accept-language"),
            request.query_params.get("lang"),
            settings.default_language,
        ),
        address=address_of(request),
        reference=trace_id(request),
        helpdesk=settings.helpdesk,
        person=None if viewer is None else viewer.name or "–",
    )


def _back(request: Request) -> str:
    """Where to come back to: this page, or for a form the page it was on."""
    if request.method in {"GET", "HEAD"} and "hx-request" not in request.headers:
        return local_path(address_of(request)) or "/"
    told = request.headers.get("hx-current-url") or request.headers.get("referer") or ""
    if origin_of(told) != origin_of(edge_of(request).settings.public_url):
        return "/"
    parts = urlsplit(told)
    return local_path(parts.path + (f"?{parts.query}" if parts.query else "")) or "/"


async def to_login(request: Request, error: Exception) -> Response:
    """The browser is sent to log in and will come back; a program is told that nobody is logged in."""
    assert isinstance(error, LoginNeeded)  # noqa: S101 - registered for this class
    url = login_url(error.back)
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": url})
    if prefers_page(request):
        return RedirectResponse(url, status_code=303)
    return await answer(request, error.problem)


def login_url(back: str, level: Level | None = None, *, fresh: bool = False) -> str:
    """The address of a login that comes back to `back`."""
    query = {"next": back}
    if level is not None:
        query["level"] = str(int(level))
    if fresh:
        query["fresh"] = "1"
    return f"{LOGIN_PATH}?{urlencode(query, quote_via=quote)}"


def step_up_url(refusal: Refusal, back: str) -> str:
    """The address of the login that would mend a refusal for a step-up."""
    return login_url(back, refusal.level, fresh=refusal.reason is Reason.LOGIN_TOO_OLD)


def require_level(
    viewer: Viewer, level: Level, *, fresh_within: timedelta | None, now: datetime, back: str
) -> RedirectResponse | None:
    """Nothing when the login is strong and fresh enough; else the way to one that is, and back."""
    old = fresh_within is not None and not viewer.assurance.is_fresh(now, fresh_within)
    if viewer.assurance.is_at_least(level) and not old:
        return None
    return RedirectResponse(login_url(back, level, fresh=old), status_code=303)


def _is_https(request: Request) -> bool:
    return edge_of(request).settings.public_url.startswith("https:")


def cookie_name(request: Request) -> str:
    """The name of the session's cookie; cookies ignore ports, so it is the product's own."""
    return "__Host-habilis-session" if _is_https(request) else "habilis-session"


def binding_name(request: Request) -> str:
    """The name of the cookie that binds a login under way to the browser."""
    return "__Host-habilis-login" if _is_https(request) else "habilis-login"


def set_cookie(
    request: Request, response: Response, name: str, value: str, seconds: int | None = None
) -> None:
    """Lax, for Keycloak's answer comes as a navigation from another site; never for scripts."""
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=_is_https(request), httponly=True, samesite="lax"
    )
