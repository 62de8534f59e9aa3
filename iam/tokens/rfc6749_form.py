"""RFC 6749 §3.2: how a request to an OAuth endpoint is read. Strictly, and within bounds."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from iam.portals.authentication import AmbiguousCredentials, Credentials, credentials, proven
from iam.portals.model import Portal
from iam.tokens.rfc6749_errors import ErrorCode, OAuthError

LONGEST_BODY = 32 * 1024
_MOST_PARAMETERS = 40
_FORM = "application/x-www-form-urlencoded"
# RFC 8693 §2.1 lets these two be repeated; we serve one target a token, so two are refused as a target.
_REPEATABLE = frozenset({"audience", "resource"})


async def read_form(request: Request) -> Mapping[str, str]:
    """The parameters of a form, each once. Raises `OAuthError`."""
    if request.scope["query_string"]:
        # RFC 6749 §2.3.1: credentials must not be in the address; nor may tokens (RFC 9700 §4.3.2).
        raise OAuthError(ErrorCode.INVALID_REQUEST, "parameters belong in the body")
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower()
    if kind.strip().lower() != _FORM or charset not in {"", "charset=utf-8", 'charset="utf-8"'}:
        raise OAuthError(ErrorCode.INVALID_REQUEST, f"the body must be {_FORM}")
    if "content-encoding" in request.headers:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "the body must not be encoded")
    return parse_form(await _body(request))


async def _body(request: Request) -> bytes:
    received = bytearray()
    try:
        async for chunk in request.stream():
            received += chunk
            if len(received) > LONGEST_BODY:
                raise OAuthError(ErrorCode.INVALID_REQUEST, "the body is too long")
    except ClientDisconnect as error:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "the body is not complete") from error
    return bytes(received)


def parse_form(body: bytes) -> Mapping[str, str]:
    """The parameters of a form body, each once and none empty. Raises `OAuthError`."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body),
            errors="strict", max_num_fields=_MOST_PARAMETERS,
        )  # fmt: skip
    except ValueError as error:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "the body is not a well-formed form") from error
    form: dict[str, str] = {}
    for name, value in pairs:
        # RFC 6749 §3.2: a parameter without a value is as good as left out ...
        if not value:
            continue
        # ... and none may be included more than once.
        if name in form:
            code = ErrorCode.INVALID_TARGET if name in _REPEATABLE else ErrorCode.INVALID_REQUEST
            raise OAuthError(code, "a parameter is repeated")
        form[name] = value
    return form


def shown_by(request: Request, form: Mapping[str, str]) -> Credentials:
    """What the caller shows to prove itself. Raises `OAuthError`."""
    headers = request.headers.getlist("authorization")
    if len(headers) > 1:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "the Authorization header is repeated")
    try:
        shown = credentials(headers[0] if headers else None, form)
    except AmbiguousCredentials as error:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "more than one way to authenticate") from error
    if shown is None:
        raise _unproven()
    return shown


def authenticated(portal: Portal | None, shown: Credentials) -> Portal:
    """The portal that makes the request, which bears the client id that was shown. Raises `OAuthError`."""
    found = proven(portal, shown)
    if found is None:
        raise _unproven()
    return found


def _unproven() -> OAuthError:
    return OAuthError(ErrorCode.INVALID_CLIENT, "client authentication failed")
