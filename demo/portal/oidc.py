"""The portal's own login at Keycloak: code with PKCE by Authlib, refresh, log-out in both directions."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt
from authlib.integrations.starlette_client import OAuth, OAuthError
from starlette.requests import Request
from starlette.responses import Response

from demo.portal.settings import Settings

_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_REFRESH_BEFORE = 30
_ALGORITHMS = ("RS256",)
_LOGOUT_LIFE = 300


class LoginFailed(RuntimeError):
    """The login did not come about."""


class KeycloakDown(RuntimeError):
    """Keycloak cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who is logged in. The tokens stay on the server."""

    subject: str
    sid: str
    name: str
    access_token: str
    expires_at: float
    refresh_token: str
    id_token: str

    def __repr__(self) -> str:
        """The name only."""
        return f"User({self.name})"


class Login:
    """Everything the portal asks of Keycloak."""

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], float] = time.time,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._now = now
        self._http = httpx2.AsyncClient(timeout=10, transport=transport)
        self._client: Any = OAuth().register(
            name="keycloak",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            server_metadata_url=f"{settings.keycloak_issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile",
                "code_challenge_method": "S256",
                "timeout": 10,
                "transport": transport,
            },
        )

    async def start(self, request: Request, *, language: str, acr: str | None) -> Response:
        """The browser is on its way to Keycloak. Raises KeycloakDown."""
        more = {"ui_locales": language}
        if acr is not None:
            more |= {"acr_values": acr, "prompt": "login"}
        try:
            answer: Response = await self._client.authorize_redirect(
                request, self._settings.callback_url, **more
            )
        except (httpx2.HTTPError, ValueError) as error:
            raise KeycloakDown from error
        return answer

    async def finish(self, request: Request) -> User:
        """Who came back. Raises LoginFailed, KeycloakDown."""
        # RFC 9207: an answer of another server is not for us (mix-up, RFC 9700 §4.4)
        if request.query_params.get("iss", self._settings.keycloak_issuer) != self._settings.keycloak_issuer:
            raise LoginFailed
        try:
            tokens = await self._client.authorize_access_token(request, claims_options=self._expected)
        except httpx2.HTTPError as error:
            raise KeycloakDown from error
        except (OAuthError, jwt.PyJWTError, ValueError, KeyError) as error:
            raise LoginFailed from error
        except Exception as error:
            # joserfc and Authlib have many classes for an ID token that is not right
            if type(error).__module__.partition(".")[0] in {"joserfc", "authlib"}:
                raise LoginFailed from error
            raise
        said = tokens.get("userinfo")
        if not said:
            raise LoginFailed
        return self._user(tokens, subject=said["sub"], sid=said.get("sid", ""), name=said.get("name", ""))

    @property
    def _expected(self) -> dict[str, Any]:
        # Authlib compares the issuer by itself, but not the audience: an ID token for another client
        # of the same realm would do (OpenID Connect Core §3.1.3.7).
        return {
            "iss": {"essential": True, "value": self._settings.keycloak_issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
            "sub": {"essential": True},
            "exp": {"essential": True},
            "iat": {"essential": True},
        }

    async def fresh(self, user: User) -> User | None:
        """The user with an access token that lives a while; None when Keycloak ended the session.

        Raises KeycloakDown.
        """
        if user.expires_at - self._now() > _REFRESH_BEFORE:
            return user
        metadata = await self._metadata()
        try:
            answer = await self._http.post(
                metadata["token_endpoint"],
                data={"grant_type": "refresh_token", "refresh_token": user.refresh_token},
                auth=(self._settings.client_id, self._settings.client_secret),
            )
        except httpx2.HTTPError as error:
            raise KeycloakDown from error
        if answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            raise KeycloakDown
        if answer.status_code != httpx2.codes.OK:
            return None
        tokens = {"refresh_token": user.refresh_token, "id_token": user.id_token, **answer.json()}
        return self._user(tokens, subject=user.subject, sid=user.sid, name=user.name)

    async def logout_url(self, user: User | None) -> str:
        """Where the browser goes to end the session at Keycloak too (RP-initiated log-out)."""
        metadata = await self._metadata()
        asked = {
            "client_id": self._settings.client_id,
            "post_logout_redirect_uri": self._settings.after_logout_url,
        }
        if user is not None:
            asked["id_token_hint"] = user.id_token
        return str(httpx2.URL(metadata["end_session_endpoint"], params=asked))

    async def ended_session(self, token: str) -> str:
        """The `sid` that Keycloak says it ended. Raises LoginFailed for anything but its own word.

        OpenID Connect Back-Channel Logout §2.6, every check; the algorithm is ours, never the token's.
        """
        try:
            key = await self._key(token)
            said = jwt.decode(
                token,
                key,
                algorithms=list(_ALGORITHMS),
                audience=self._settings.client_id,
                issuer=self._settings.keycloak_issuer,
                options={
                    "require": ["iss", "aud", "iat", "jti", "events"],
                    "verify_signature": True,
                    "verify_exp": False,
                    "verify_iat": False,
                    "strict_aud": True,
                },
            )
        except (jwt.PyJWTError, httpx2.HTTPError, ValueError, KeyError) as error:
            raise LoginFailed from error
        self._check_logout(said)
        return str(said["sid"])

    def _check_logout(self, said: Mapping[str, Any]) -> None:
        events = said.get("events")
        if not isinstance(events, dict) or _LOGOUT_EVENT not in events or "nonce" in said:
            raise LoginFailed
        if not isinstance(said.get("sid"), str) or abs(self._now() - said["iat"]) > _LOGOUT_LIFE:
            raise LoginFailed

    async def _key(self, token: str) -> jwt.PyJWK:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in _ALGORITHMS or header.get("typ", "JWT") not in {"JWT", "logout+jwt"}:
            raise LoginFailed
        for force in (False, True):
            keys = await self._client.fetch_jwk_set(force=force)
            found = [each for each in keys["keys"] if each.get("kid") == header.get("kid")]
            if found:
                return jwt.PyJWK(found[0], _ALGORITHMS[0])
        raise LoginFailed

    async def _metadata(self) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = await self._client.load_server_metadata()
        except (httpx2.HTTPError, ValueError) as error:
            raise KeycloakDown from error
        return found

    def _user(self, tokens: Mapping[str, Any], *, subject: str, sid: str, name: str) -> User:
        return User(
            subject=subject,
            sid=sid,
            name=name,
            access_token=tokens["access_token"],
            expires_at=self._now() + float(tokens["expires_in"]),
            refresh_token=tokens.get("refresh_token", ""),
            id_token=tokens.get("id_token", ""),
        )
