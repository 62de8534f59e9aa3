"""RFC 7009: a portal gives a token back."""

from collections.abc import Mapping
from datetime import UTC, datetime

from iam.portals.authentication import Credentials
from iam.portals.queries import find
from iam.tokens import record
from iam.tokens.rfc6749_errors import ErrorCode, OAuthError
from iam.tokens.rfc6749_form import authenticated
from iam.tokens.rfc9068_access_token import InvalidToken, read
from iam.tokens.service import TokenService


async def revoke(service: TokenService, shown: Credentials, form: Mapping[str, str]) -> None:
    """The token is believed no more, if it was the portal's. Raises `OAuthError`, also without a `token`.

    §2.2: an unknown or foreign token is no error, the caller's aim is reached. §2.1: the hint is only
    a help; one that is not known is passed over.
    """
    portal = authenticated(await find(service.db, shown.client_id), shown)
    if "token" not in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "token is missing")
    now = service.clock()
    try:
        own = await read(form["token"], service.ring, now, issuer=service.issuer, portal=portal)
    except InvalidToken:
        return
    expires_at = datetime.fromtimestamp(own.payload["exp"], UTC)
    async with service.db.write() as conn:
        await record.revoke(conn, portal.id, own.jti, expires_at, now)
