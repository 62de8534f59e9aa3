"""RFC 6749 §5.2: how an OAuth endpoint says no. Codes, statuses and headers stand here alone."""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Self

import msgspec
from starlette.responses import Response

# RFC 6749 §5.1, §5.2: answers with tokens, and their refusals, are never cached.
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class ErrorCode(StrEnum):
    """Every error code of ours, and the status it goes with."""

    status: HTTPStatus

    def __new__(cls, code: str, status: HTTPStatus) -> Self:
        """A member whose value is the code and which carries the status."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.status = status
        return member

    # RFC 6749 §5.2
    INVALID_REQUEST = "invalid_request", HTTPStatus.BAD_REQUEST
    INVALID_CLIENT = "invalid_client", HTTPStatus.UNAUTHORIZED
    UNAUTHORIZED_CLIENT = "unauthorized_client", HTTPStatus.BAD_REQUEST
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type", HTTPStatus.BAD_REQUEST
    INVALID_SCOPE = "invalid_scope", HTTPStatus.BAD_REQUEST
    # RFC 8693 §2.2.2
    INVALID_TARGET = "invalid_target", HTTPStatus.BAD_REQUEST
    # RFC 9396 §5
    INVALID_AUTHORIZATION_DETAILS = "invalid_authorization_details", HTTPStatus.BAD_REQUEST
    # RFC 8628 §3.5 registers it for token endpoints; ADR 0008 says why it is our no
    ACCESS_DENIED = "access_denied", HTTPStatus.BAD_REQUEST
    # RFC 9470 §3, for an authorization server's own answer (ADR 0008)
    INSUFFICIENT_USER_AUTHENTICATION = "insufficient_user_authentication", HTTPStatus.BAD_REQUEST
    # RFC 6749 §4.1.2.1 names it; here with the status that says so and `Retry-After`
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable", HTTPStatus.SERVICE_UNAVAILABLE


class OAuthError(Exception):
    """The request is refused. `description` is for engineers and repeats nothing of the request."""

    def __init__(self, code: ErrorCode, description: str, more: Mapping[str, Any] | None = None) -> None:
        """Keep code, description, and members beyond RFC 6749."""
        super().__init__(code)
        self.code = code
        self.description = description
        self.more = dict(more or {})


def response(error: OAuthError) -> Response:
    """The answer that says the error."""
    headers = dict(NO_STORE)
    if error.code is ErrorCode.INVALID_CLIENT:
        # RFC 6749 §5.2: a 401 names the scheme the client may use.
        headers["WWW-Authenticate"] = 'Basic realm="habilis", charset="UTF-8"'
    if error.code is ErrorCode.TEMPORARILY_UNAVAILABLE:
        headers["Retry-After"] = "5"
    body = {"error": error.code.value, "error_description": error.description, **error.more}
    return Response(msgspec.json.encode(body), error.code.status, headers, media_type="application/json")
