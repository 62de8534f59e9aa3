"""What every request passes: a trace id, an access line, limits, the origin check, headers.

Plain ASGI: nothing here reads a body, and nothing is buffered.
"""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from iam.kernel.clock import Clock
from iam.kernel.ids import MakeId, uuid4
from iam.web.answers import answer
from iam.web.problems import Fault, of_fault

log = structlog.get_logger(__name__)

TRACE_HEADER = "BelGov-Trace-Id"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgePolicy:
    """What the edge demands.

    `public_url` is our own origin. `form_targets` are the other origins that an answer to a form may
    lead to (the identity server at log-out): browsers hold `form-action` against redirects too.
    `own_authentication` are path prefixes whose callers authenticate with each request (a client
    secret, a bearer token, a signed logout token) and not by cookie: the origin check is not for them.
    `media_types` says by path prefix what a body may be; elsewhere it is a form. Nothing named means
    that the route answers for itself: protocols have error bodies of their own. `larger_bodies` says by
    path prefix where a body may be larger than elsewhere: a document is sent there.
    """

    public_url: str
    form_targets: Sequence[str] = ()
    own_authentication: Sequence[str] = ()
    media_types: Mapping[str, Sequence[str]] = field(default_factory=dict)
    largest_body: int = 256 * 1024
    larger_bodies: Mapping[str, int] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public address."""
        return origin_of(self.public_url)


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, as browsers write an origin (RFC 6454 §6.2)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def protect(app: FastAPI, policy: EdgePolicy, clock: Clock, make_id: MakeId = uuid4) -> None:
    """The application is behind the edge: limits next to the routes, the headers outermost."""
    app.add_middleware(BodyLimit, policy=policy)
    app.add_middleware(ContentType, policy=policy)
    app.add_middleware(OriginCheck, policy=policy)
    app.add_middleware(Trace, clock=clock, make_id=make_id)
    app.add_middleware(SecurityHeaders, policy=policy)


class Trace:
    """Every request has a trace id, one access line, and an answer: an unknown error is an opaque 500."""

    def __init__(self, app: ASGIApp, clock: Clock, make_id: MakeId) -> None:
        """Keep what is behind."""
        self._app = app
        self._clock = clock
        self._make_id = make_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Always our own: an id from outside could carry anything into the logs.
        trace = str(self._make_id())
        scope.setdefault("state", {})["trace_id"] = trace
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(trace_id=trace)
        started = self._clock()
        status = 0

        async def traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[TRACE_HEADER] = trace
            await send(message)

        try:
            await self._app(scope, receive, traced)
        except Exception as error:  # the last door
            _unknown(error)
            if status:
                raise  # the answer has begun: the connection must break
            response = await answer(Request(scope), of_fault(Fault.INTERNAL))
            await response(scope, receive, traced)
        finally:
            elapsed = (self._clock() - started).total_seconds()
            log.info(
                "web.request",
                method=scope["method"], route=_template(scope), status=status, seconds=round(elapsed, 4),
            )  # fmt: skip


def _template(scope: Scope) -> str:
    """The route's template: the raw path may hold what somebody typed, the query always does."""
    route = scope.get("route")
    return str(getattr(route, "path", "-"))


def _unknown(error: Exception) -> None:
    # No message and no local variable: both may hold anything. Where it happened is enough to find it.
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    log.error(
        "web.error.unknown",
        error=type(error).__name__,
        where=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )


class SecurityHeaders:
    """Every answer forbids what it does not need; a route may set a header itself and keeps it."""

    def __init__(self, app: ASGIApp, policy: EdgePolicy) -> None:
        """Make the headers once."""
        self._app = app
        targets = " ".join(dict.fromkeys(["'self'", *(origin_of(url) for url in policy.form_targets)]))
        content = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self';"
            " connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none';"
            f" form-action {targets}"
        )
        self._headers = {
            "Content-Security-Policy": content,
            "X-Content-Type-Options": "nosniff",
            # not no-referrer: a form would then send the origin "null"
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "Cache-Control": "no-store, private",
        }
        if policy.public_url.startswith("https:"):
            self._headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)


class OriginCheck:
    """An unsafe request that a cookie authenticates comes from our own pages, or is refused (403)."""

    def __init__(self, app: ASGIApp, policy: EdgePolicy) -> None:
        """Keep the policy."""
        self._app = app
        self._origin = policy.origin
        self._exempt = tuple(policy.own_authentication)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not self._allows(scope):
            response = await answer(Request(scope), of_fault(Fault.FOREIGN_ORIGIN))
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _allows(self, scope: Scope) -> bool:
        if scope["method"] in _SAFE or starts_with(scope["path"], self._exempt):
            return True
        headers = Headers(scope=scope)
        sites, origins = headers.getlist("sec-fetch-site"), headers.getlist("origin")
        if len(sites) > 1 or len(origins) > 1 or (origins and origins[0].lower() != self._origin):
            return False
        # "none": the person himself (a reload, a bookmark). Without either header nobody vouches.
        return sites[0] in {"same-origin", "none"} if sites else bool(origins)


class ContentType:
    """A body is of a type that its route reads, or the request is refused (415)."""

    def __init__(self, app: ASGIApp, policy: EdgePolicy) -> None:
        """Keep the policy, longest prefix first."""
        self._app = app
        self._types = sorted(policy.media_types.items(), key=lambda item: -len(item[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not self._allows(scope):
            response = await answer(Request(scope), of_fault(Fault.MEDIA_TYPE))
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _allows(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        path = scope["path"]
        allowed = next((types for prefix, types in self._types if starts_with(path, (prefix,))), (FORM,))
        if not allowed:
            return True
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if not has_body or scope["method"] in _SAFE:
            return True
        types = headers.getlist("content-type")
        if len(types) != 1 or "content-encoding" in headers:
            return False
        return types[0].partition(";")[0].strip().lower() in allowed


class BodyLimit:
    """A body larger than the limit is refused (413): by its announced length, else while it is read."""

    def __init__(self, app: ASGIApp, policy: EdgePolicy) -> None:
        """Put Starlette's own limits before the application, for bodies of unannounced length."""
        self._largest = policy.largest_body
        self._limits = sorted(policy.larger_bodies.items(), key=lambda item: -len(item[0]))
        sizes = {policy.largest_body, *policy.larger_bodies.values()}
        self._limited = {size: RequestBodyLimitMiddleware(app, max_body_size=size) for size in sizes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._limited[self._largest](scope, receive, send)
            return
        limit = next(
            (size for prefix, size in self._limits if starts_with(scope["path"], (prefix,))), self._largest
        )
        announced = Headers(scope=scope).get("content-length")
        if announced is not None and announced.isdecimal() and int(announced) > limit:
            response = await answer(Request(scope), of_fault(Fault.BODY_TOO_LARGE))
            await response(scope, receive, send)
            return
        await self._limited[limit](scope, receive, send)


def starts_with(path: str, prefixes: Sequence[str]) -> bool:
    """Whether the path is one of the prefixes or lies below it: `/a` is not the start of `/ab`."""
    return any(path == prefix.rstrip("/") or path.startswith(prefix.rstrip("/") + "/") for prefix in prefixes)
