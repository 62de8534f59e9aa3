"""The pages of the sample portal."""

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx2
from habilis_portal import (
    AsyncHabilisClient,
    Denied,
    Evidence,
    HabilisError,
    InvalidMandate,
    Mandate,
    Rejected,
    StepUpNeeded,
)
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from demo.portal.demarches import DEMARCHES, Demarche
from demo.portal.dossiers import Dossier, Dossiers, is_id
from demo.portal.oidc import KeycloakDown, Login, LoginFailed, User
from demo.portal.sessions import Session, SessionMiddleware, Sessions
from demo.portal.settings import Settings
from demo.portal.texts import LANGUAGES, Words, choose, dotted

_HERE = Path(__file__).parent
_LONGEST_BODY = 64 * 1024
_LONGEST = {"subject": 200, "details": 4000}
_ACR = "urn:be:fedict:iam:fas:Level"
_EID = 500


class NeedsLogin(Exception):
    """Nobody is logged in; the page continues after the login."""


class Portal:
    """The portal: its parts, and one method a page."""

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], float],
        keycloak: httpx2.AsyncBaseTransport | None,
        habilis: httpx2.AsyncBaseTransport | None,
    ) -> None:
        self.settings = settings
        self.now = now
        self.sessions = Sessions(now)
        self.login_service = Login(settings, now=now, transport=keycloak)
        self.dossiers = Dossiers(settings.state_dir)
        self.habilis = AsyncHabilisClient(
            issuer=settings.habilis_issuer,
            audience=settings.base_url,
            client_id=settings.client_id,
            client_secret=settings.habilis_secret,
            http=httpx2.AsyncClient(timeout=10, transport=habilis),
            clock=now,
        )
        self._pages = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    # the pages

    async def start(self, request: Request) -> Response:
        return self._page(request, "start.html", demarches=list(DEMARCHES.values()))

    async def demarche(self, request: Request) -> Response:
        """The form of a démarche, for whom one acts; the address may be a bookmark and is never a right."""
        demarche = DEMARCHES.get(request.path_params["code"])
        if demarche is None:
            return self._message(request, "unknown", status=404)
        number = request.query_params.get("enterprise")
        user = await self._user(request)
        if not demarche.is_personal and number is None:
            return self._page(request, "choose.html", demarche=demarche, chooser=self._chooser(demarche))
        mandate = await self._mandate(user, demarche, number)
        draft = self._session(request).data.get("drafts", {}).get(demarche.code, {})
        return self._form(request, demarche, mandate, draft, {})

    async def submit(self, request: Request) -> Response:
        """The dossier is filed, if the right still holds at this moment."""
        demarche = DEMARCHES.get(request.path_params["code"])
        if demarche is None:
            return self._message(request, "unknown", status=404)
        form = await self._read(request)
        session = self._session(request)
        if form is None or not self._is_ours(request, session, form):
            return self._message(request, "not_sent", status=403)
        number = form.get("enterprise") or None
        request.state.start_path = self._start_path(demarche, number)
        draft = {name: form.get(name, "").strip() for name in _LONGEST}
        # kept first: whatever happens now, nobody types it twice
        session.data.setdefault("drafts", {})[demarche.code] = draft
        user = await self._user(request)
        filed = self.dossiers.find(form.get("dossier", ""))
        mandate = await self._mandate(user, demarche, number)
        if filed is not None and filed.sub == mandate.subject:
            return RedirectResponse(f"/dossiers/{filed.id}", 303)
        errors = {
            name: "missing" if name == "subject" and not draft[name] else "too_long"
            for name, longest in _LONGEST.items()
            if len(draft[name]) > longest or (name == "subject" and not draft[name])
        }
        if errors:
            return self._form(request, demarche, mandate, draft, errors, status=400)
        dossier = self._dossier(form.get("dossier", ""), demarche, mandate, draft)
        if not self.dossiers.keep(dossier):
            return self._message(request, "not_sent", status=409)
        session.data["drafts"].pop(demarche.code, None)
        session.data.setdefault("filed", []).append(dossier.id)
        return RedirectResponse(f"/dossiers/{dossier.id}", 303)

    async def receipt(self, request: Request) -> Response:
        user = await self._user(request)
        dossier = self.dossiers.find(request.path_params["id"])
        mine = self._session(request).data.get("filed", [])
        if dossier is None or user is None or dossier.id not in mine:
            return self._message(request, "unknown", status=404)
        return self._page(
            request,
            "receipt.html",
            demarche=DEMARCHES[dossier.demarche],
            dossier=dossier,
            filed_at=datetime.fromisoformat(dossier.filed_at),
            evidence=Evidence.from_json(dossier.evidence),
        )

    # log in and out

    async def login(self, request: Request) -> Response:
        session = self._session(request)
        session.data["next"] = _local(request.query_params.get("next", "/"))
        acr = f"{_ACR}{_EID}" if request.query_params.get("level") == str(_EID) else None
        return await self.login_service.start(request, language=self._words(request).language, acr=acr)

    async def callback(self, request: Request) -> Response:
        session = self._session(request)
        after = session.data.pop("next", "/")
        user = await self.login_service.finish(request)
        if not user.sid or self.sessions.is_ended(user.sid):
            raise LoginFailed
        if session.data.get("user", {}).get("subject", user.subject) != user.subject:
            # another person at the same computer: nothing of the first one is left
            language = session.data.get("language")
            session.data.clear()
            if language:
                session.data["language"] = language
        session.data["user"] = asdict(user)
        request.scope["portal_session"] = self.sessions.renew(session)
        return RedirectResponse(after, 303)

    async def logout(self, request: Request) -> Response:
        form = await self._read(request)
        session = self._session(request)
        if form is None or not self._is_ours(request, session, form):
            return self._message(request, "not_sent", status=403)
        user = self._known(session)
        language = self._words(request).language
        self.sessions.drop(session)
        request.scope["portal_session"] = self.sessions.find(None)
        request.scope["portal_session"].data["language"] = language
        return RedirectResponse(await self.login_service.logout_url(user), 303)

    async def backchannel_logout(self, request: Request) -> Response:
        """OpenID Connect Back-Channel Logout §2.8: 200 when done, 400 when it is not Keycloak's word."""
        form = await self._read(request)
        headers = {"Cache-Control": "no-store"}
        try:
            sid = await self.login_service.ended_session((form or {}).get("logout_token", ""))
        except LoginFailed:
            return Response(status_code=400, headers=headers)
        self.sessions.end_of(sid)
        return Response(status_code=200, headers=headers)

    async def health(self, _request: Request) -> Response:
        return Response("ok", media_type="text/plain")

    async def style(self, _request: Request) -> Response:
        css = (_HERE / "style.css").read_bytes()
        return Response(css, media_type="text/css", headers={"Cache-Control": "public, max-age=300"})

    # what can go wrong

    async def needs_login(self, request: Request, _error: Exception) -> Response:
        return RedirectResponse(f"/login?{urlencode({'next': _here(request)})}", 303)

    async def not_found(self, request: Request, _error: Exception) -> Response:
        return self._message(request, "unknown", status=404)

    async def keycloak_down(self, request: Request, _error: Exception) -> Response:
        return self._message(request, "login_down", status=503)

    async def login_failed(self, request: Request, _error: Exception) -> Response:
        return self._message(request, "login_failed", status=400)

    async def step_up(self, request: Request, error: Exception) -> Response:
        """A stronger login is a step, not an error: one button, and back to the same page."""
        level = getattr(error, "acr_values", "").removeprefix(_ACR)
        link = f"/login?{urlencode({'next': _here(request), 'level': level})}"
        return self._message(request, "step_up", status=403, link=link)

    async def denied(self, request: Request, _error: Exception) -> Response:
        at = "ended" if request.method == "POST" else "denied"
        return self._message(request, at, status=403, link=self.settings.mon_espace_url)

    async def habilis_failed(self, request: Request, error: Exception) -> Response:
        if isinstance(error, Rejected) and error.code == "invalid_request":
            # most often: the person's own login has ended meanwhile
            self._session(request).data.pop("user", None)
            return await self.needs_login(request, error)
        if isinstance(error, Rejected) and error.code == "invalid_authorization_details":
            return self._message(request, "bad_number", status=400, link=self.settings.mon_espace_url)
        return self._message(request, "rights_down", status=503)

    # the parts of a page

    async def _user(self, request: Request) -> User:
        session = self._session(request)
        known = self._known(session)
        fresh = None if known is None else await self.login_service.fresh(known)
        if fresh is None:
            session.data.pop("user", None)
            raise NeedsLogin
        session.data["user"] = asdict(fresh)
        return fresh

    async def _mandate(self, user: User, demarche: Demarche, number: str | None) -> Mandate:
        if demarche.is_personal:
            mandate = await self.habilis.exchange(user.access_token)
        elif number is None:
            raise Denied("noRight")
        else:
            mandate = await self.habilis.exchange(
                user.access_token, enterprise=number, actions=list(demarche.roles)
            )
            if not mandate.acts_for(number) or not any(map(mandate.has_role, demarche.roles)):
                raise Denied("noRight")
        if mandate.level < demarche.level:
            raise StepUpNeeded(f"{_ACR}{demarche.level}")
        return mandate

    def _dossier(
        self, dossier_id: str, demarche: Demarche, mandate: Mandate, draft: dict[str, str]
    ) -> Dossier:
        now = datetime.fromtimestamp(self.now(), UTC)
        evidence = Evidence.from_mandate(
            mandate, issuer=self.settings.habilis_issuer, audience=self.settings.base_url, at=now
        )
        return Dossier(
            id=dossier_id if is_id(dossier_id) else secrets.token_hex(16),
            demarche=demarche.code,
            sub=mandate.subject,
            filed_at=now.isoformat(),
            enterprise_number=mandate.enterprise_number,
            enterprise_name=mandate.enterprise_name,
            roles=tuple(role.code for role in mandate.roles),
            capacity=mandate.capacity,
            basis=mandate.basis,
            subject=draft["subject"],
            details=draft["details"],
            evidence=evidence.to_json(),
            keys=self.habilis.verifier.kept_keys(),
        )

    def _form(
        self,
        request: Request,
        demarche: Demarche,
        mandate: Mandate,
        draft: dict[str, str],
        errors: dict[str, str],
        status: int = 200,
    ) -> Response:
        return self._page(
            request,
            "demarche.html",
            status=status,
            demarche=demarche,
            mandate=mandate,
            draft={name: draft.get(name, "") for name in _LONGEST},
            errors=errors,
            dossier_id=secrets.token_hex(16),
            change=self._chooser(demarche),
        )

    def _message(self, request: Request, name: str, *, status: int, link: str | None = None) -> Response:
        return self._page(request, "message.html", status=status, name=name, link=link)

    def _page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        session = self._session(request)
        words = self._words(request)
        csrf = session.data.setdefault("csrf", secrets.token_urlsafe(32))
        html = self._pages.get_template(template).render(
            t=words,
            dotted=dotted,
            languages=[
                (code, name, str(httpx2.URL(_here(request)).copy_set_param("lang", code)))
                for code, name in LANGUAGES.items()
            ],
            user=self._known(session),
            csrf=csrf,
            mon_espace_url=self.settings.mon_espace_url,
            **values,
        )
        return Response(html, status, _headers(self.settings), media_type="text/html")

    def _chooser(self, demarche: Demarche) -> str:
        """Mon Espace's choice of an enterprise, which comes back to our registered address."""
        asked = {
            "portal": self.settings.client_id,
            "demarche": demarche.code,
            "return": self.settings.base_url + demarche.path,
        }
        return f"{self.settings.mon_espace_url}/choose?{urlencode(asked)}"

    @staticmethod
    def _start_path(demarche: Demarche, number: str | None) -> str:
        return demarche.path + ("" if number is None else f"?{urlencode({'enterprise': number})}")

    def _words(self, request: Request) -> Words:
        session = self._session(request)
        chosen = request.query_params.get("lang")
        if chosen in LANGUAGES:
            session.data["language"] = chosen
        kept = session.data.get("language")
        return Words(choose(chosen, kept, request.headers.get("accept-language")))

    @staticmethod
    def _session(request: Request) -> Session:
        session: Session = request.scope["portal_session"]
        return session

    @staticmethod
    def _known(session: Session) -> User | None:
        return User(**session.data["user"]) if "user" in session.data else None

    def _is_ours(self, request: Request, session: Session, form: dict[str, str]) -> bool:
        """Whether a form was ours: our address and the secret of this very session."""
        origin = request.headers.get("origin")
        same = origin is None or origin == self.settings.base_url
        return same and secrets.compare_digest(
            form.get("csrf", "").encode(), session.data.get("csrf", "-").encode()
        )

    @staticmethod
    async def _read(request: Request) -> dict[str, str] | None:
        """A form's fields, each once; None when it is no form or too long."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return None
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LONGEST_BODY:
                return None
        try:
            fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
        except ValueError:
            return None
        return {name: values[0] for name, values in fields.items() if len(values) == 1}


def _local(path: str) -> str:
    """A path of this portal; anything that a browser could read as another site becomes the start."""
    is_plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if is_plain and path.startswith("/") and not path.startswith("//") else "/"


def _here(request: Request) -> str:
    """The address that shows the present page again, also after a form was sent."""
    if request.method == "POST":
        return str(getattr(request.state, "start_path", "/"))
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _headers(settings: Settings) -> dict[str, str]:
    # a form's answer may send the browser on to Keycloak: Chromium holds form-action against that too
    keycloak = httpx2.URL(settings.keycloak_issuer)
    origin = f"{keycloak.scheme}://{keycloak.netloc.decode()}"
    return {
        "Cache-Control": "no-store, private",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'self'; form-action 'self' {origin};"
            " base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }


def create_app(
    settings: Settings,
    *,
    now: Callable[[], float] = time.time,
    keycloak: httpx2.AsyncBaseTransport | None = None,
    habilis: httpx2.AsyncBaseTransport | None = None,
) -> Starlette:
    """The portal as an application; the transports are for tests."""
    portal = Portal(settings, now=now, keycloak=keycloak, habilis=habilis)
    return Starlette(
        routes=[
            Route("/", portal.start),
            Route("/demarches/{code}", portal.demarche),
            Route("/demarches/{code}", portal.submit, methods=["POST"]),
            Route("/dossiers/{id}", portal.receipt),
            Route("/login", portal.login),
            Route("/login/callback", portal.callback),
            Route("/login/backchannel-logout", portal.backchannel_logout, methods=["POST"]),
            Route("/logout", portal.logout, methods=["POST"]),
            Route("/health", portal.health),
            Route("/style.css", portal.style),
        ],
        middleware=[Middleware(SessionMiddleware, sessions=portal.sessions, secure=settings.is_https)],
        exception_handlers={
            NeedsLogin: portal.needs_login,
            KeycloakDown: portal.keycloak_down,
            LoginFailed: portal.login_failed,
            StepUpNeeded: portal.step_up,
            Denied: portal.denied,
            InvalidMandate: portal.habilis_failed,
            HabilisError: portal.habilis_failed,
            404: portal.not_found,
        },
    )
