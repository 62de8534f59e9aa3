"""The endpoints of the OAuth side: plain routes, no rule here (DESIGN 13, Speed)."""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from iam.people.recognise import RecognitionContended
from iam.portals.authentication import Credentials
from iam.realms.errors import InvalidToken, KeycloakUnavailable
from iam.storage import DATABASE_ERRORS
from iam.tokens import rfc7009_revocation, rfc7662_introspection, rfc8414_metadata, rfc8693_exchange
from iam.tokens.keyring import CACHE_SECONDS, NoSigningKey
from iam.tokens.rfc6749_errors import NO_STORE, ErrorCode, OAuthError, response
from iam.tokens.rfc6749_form import read_form, shown_by
from iam.tokens.rfc7517_keys import UnreadableKey
from iam.tokens.service import TokenService

log = structlog.get_logger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
_UNAVAILABLE = (
    KeycloakUnavailable,
    RecognitionContended,
    *DATABASE_ERRORS,
    NoSigningKey,
    UnreadableKey,
)
# JSON bodies are encoded once, by msgspec; documents that never change, once per process.
_PUBLIC = {"Cache-Control": f"public, max-age={CACHE_SECONDS}", "X-Content-Type-Options": "nosniff"}


def routes(service: TokenService) -> list[Route]:
    """The routes of the OAuth side, to be put beside those of the application."""
    metadata = msgspec.json.encode(rfc8414_metadata.document(service.issuer))

    async def read(request: Request) -> tuple[Credentials, Mapping[str, str]]:
        form = await read_form(request)
        return shown_by(request, form), form

    @_oauth
    async def token(request: Request) -> Response:
        return _json(await rfc8693_exchange.exchange(service, *await read(request)))

    @_oauth
    async def introspect(request: Request) -> Response:
        return _json(await rfc7662_introspection.introspect(service, *await read(request)))

    @_oauth
    async def revoke(request: Request) -> Response:
        await rfc7009_revocation.revoke(service, *await read(request))
        return Response(status_code=200, headers=NO_STORE)

    @_oauth
    async def keys(_request: Request) -> Response:
        body = msgspec.json.encode({"keys": await service.ring.published()})
        return Response(body, headers=_PUBLIC, media_type="application/jwk-set+json")

    async def describe(_request: Request) -> Response:
        return Response(metadata, headers=_PUBLIC, media_type="application/json")

    return [
        Route("/oauth2/token", token, methods=["POST"]),
        Route("/oauth2/introspect", introspect, methods=["POST"]),
        Route("/oauth2/revoke", revoke, methods=["POST"]),
        Route("/.well-known/jwks.json", keys, methods=["GET"]),
        Route(rfc8414_metadata.path(service.issuer), describe, methods=["GET"]),
    ]


def _oauth(endpoint: Endpoint) -> Endpoint:
    """Failures are answered in the form of RFC 6749; the log alone sees their cause."""

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except OAuthError as error:
            return response(error)
        except InvalidToken:
            # RFC 8693 §2.2.2: an invalid subject token is an invalid_request
            return response(OAuthError(ErrorCode.INVALID_REQUEST, "the subject token is not accepted"))
        except _UNAVAILABLE as error:
            # fail closed: what cannot be checked or recorded is not given
            log.error("tokens.unavailable", path=request.url.path, error=type(error).__name__)  # noqa: TRY400
            return response(OAuthError(ErrorCode.TEMPORARILY_UNAVAILABLE, "try again in a few seconds"))

    return answered


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), headers=NO_STORE, media_type="application/json")
