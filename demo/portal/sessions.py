"""Who is at which browser: kept in memory, found by a random cookie, ended from outside by Keycloak."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_IDLE_SECONDS = 1800
_MOST = 10_000
COOKIE = "portail_session"


@dataclass(slots=True, kw_only=True)
class Session:
    """A browser's session. `data` holds what must never travel to the browser, tokens among it."""

    id: str
    used_at: float
    data: dict[str, Any] = field(default_factory=dict)


class Sessions:
    """All sessions of this process; the oldest go first when there are too many."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._sessions: dict[str, Session] = {}
        self._ended: dict[str, float] = {}

    def find(self, session_id: str | None) -> Session:
        """The browser's session, or a fresh one, which is kept only once it holds something."""
        found = self._sessions.get(session_id or "")
        if found is None or self._now() - found.used_at > _IDLE_SECONDS:
            return self._new({})
        found.used_at = self._now()
        return found

    def renew(self, session: Session) -> Session:
        """The same data under a new id: a login must not continue an id that somebody planted."""
        self._sessions.pop(session.id, None)
        return self._new(session.data)

    def drop(self, session: Session) -> None:
        """The session is gone."""
        self._sessions.pop(session.id, None)

    def end_of(self, sid: str) -> int:
        """Every session of a Keycloak session is gone; says how many. A late login of it is refused too."""
        self._ended[sid] = self._now()
        mine = [each for each in self._sessions.values() if each.data.get("user", {}).get("sid") == sid]
        for each in mine:
            self.drop(each)
        return len(mine)

    def is_ended(self, sid: str) -> bool:
        """Whether Keycloak ended this session."""
        return sid in self._ended

    def _new(self, data: dict[str, Any]) -> Session:
        return Session(id=secrets.token_urlsafe(32), used_at=self._now(), data=data)

    def keep(self, session: Session) -> None:
        """The session is found again by its id."""
        if session.id not in self._sessions:
            self._tidy()
            self._sessions[session.id] = session

    def _tidy(self) -> None:
        if len(self._sessions) >= _MOST:
            oldest = sorted(self._sessions.values(), key=lambda each: each.used_at)
            for each in oldest[: _MOST // 10]:
                self.drop(each)
        self._ended = {sid: at for sid, at in self._ended.items() if self._now() - at < 86_400}


class SessionMiddleware:
    """Gives each request its session, as `request.scope["portal_session"]`, and each answer its cookie."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions, secure: bool) -> None:
        self._app = app
        self._sessions = sessions
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        shown = HTTPConnection(scope).cookies.get(COOKIE)
        scope["portal_session"] = self._sessions.find(shown)
        scope["session"] = scope["portal_session"].data

        async def answer(message: Message) -> None:
            session: Session = scope["portal_session"]
            if message["type"] == "http.response.start" and session.id != shown and session.data:
                self._sessions.keep(session)
                MutableHeaders(scope=message).append("set-cookie", f"{COOKIE}={session.id}{self._attributes}")
            await send(message)

        await self._app(scope, receive, answer)
