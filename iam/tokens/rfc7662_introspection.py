"""RFC 7662: is this token still believed? Answered from the state of now (DOMAIN 7.3 nr 59)."""

from collections.abc import Mapping
from typing import Any

from iam.kernel.decision import Refusal
from iam.portals.authentication import Credentials
from iam.tokens import facts
from iam.tokens.model import Issue, IssuedRole
from iam.tokens.rfc6749_errors import ErrorCode, OAuthError
from iam.tokens.rfc6749_form import authenticated
from iam.tokens.rfc9068_access_token import InvalidToken, claimed, read
from iam.tokens.rfc9396_details import granted
from iam.tokens.service import TokenService

# RFC 7662 §2.2: for whatever is not active, this and not a word more
INACTIVE: Mapping[str, Any] = {"active": False}


async def introspect(service: TokenService, shown: Credentials, form: Mapping[str, str]) -> Mapping[str, Any]:
    """What holds now of a token that the portal was given. Raises `OAuthError`, also without a `token`.

    `token_type_hint` only helps to search; there is one kind of token (§2.1).
    """
    now = service.clock()
    token = form.get("token", "")
    found = await facts.of_token(service.db, client_id=shown.client_id, token=claimed(token), at=now)
    portal = authenticated(found.portal, shown)
    if not token:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "token is missing")
    try:
        own = await read(token, service.ring, now, issuer=service.issuer, portal=portal)
    except InvalidToken:
        return INACTIVE
    issue = found.issue
    if issue is None or issue.jti != own.jti or (issue.number is None and not portal.citizens):
        return INACTIVE
    rights = service.read_rights(
        found.rights,
        person=issue.person,
        number=issue.number,
        roles=portal.roles & {role.code for role in issue.roles},
        level=issue.level,
    )
    if isinstance(rights, Refusal):
        return INACTIVE
    live = _still(issue, {(role.code, role.grant) for role in rights.roles})
    if issue.number is not None and not live:
        return INACTIVE
    payload = own.payload
    return {
        "active": True,
        "token_type": "Bearer",
        **{name: payload[name] for name in ("iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti")},
        "acr": payload["acr"],
        "auth_time": payload["auth_time"],
        # RFC 9396 §9.2: the details that are still granted
        "authorization_details": granted(issue, live, issuer=service.issuer, portal=portal),
        # the state this answer was given on, which may be newer than the token's
        "revision": rights.revision.encode(),
    }


def _still(issue: Issue, now: set[tuple[str, Any]]) -> list[IssuedRole]:
    """The token's roles whose very grants are in force: a role given anew needs a new token."""
    return [role for role in issue.roles if (role.code, role.grant) in now]
