"""Keycloak tells us that a session has ended (OpenID Connect Back-Channel Logout 1.0 §2.4 to §2.6)."""

from iam.realms.errors import InvalidToken
from iam.realms.model import LoggedOut
from iam.realms.oidc import Realm
from iam.realms.verify import LOGOUT_TOKEN, Expected, instant, text

BACKCHANNEL_PATH = "/login/backchannel-logout"
_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class LogoutTokens:
    """Verifies logout tokens that are for the console."""

    def __init__(self, realm: Realm) -> None:
        """Keep the realm."""
        self._realm = realm

    async def verify(self, token: str) -> LoggedOut:
        """Which session has ended. The caller sees to it that the token works once (`sessions.obey`).

        Raises InvalidToken, KeycloakUnavailable.
        """
        keycloak = self._realm.settings
        expected = Expected(kind=LOGOUT_TOKEN, issuer=keycloak.issuer, audience=keycloak.console_client_id)
        claims = await self._realm.verifier.claims(token, expected)
        if claims["aud"] not in (keycloak.console_client_id, [keycloak.console_client_id]):
            raise InvalidToken("aud")
        # §2.4: "A Logout Token MUST contain … a sub Claim, a sid Claim, or … both." and no nonce
        if "nonce" in claims:
            raise InvalidToken("nonce")
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict):
            raise InvalidToken("events")
        subject = text(claims, "sub") if "sub" in claims else None
        session = text(claims, "sid") if "sid" in claims else None
        if subject is None and session is None:
            raise InvalidToken("sid")
        return LoggedOut(
            issuer=keycloak.issuer,
            subject=subject,
            session_id=session,
            token_id=text(claims, "jti"),
            expires_at=instant(claims, "exp"),
        )
