"""Logging in at Keycloak: authorization code, PKCE, nonce, and a state that works once in one browser.

Source: OpenID Connect Core §3.1, RFC 7636, RFC 9207, RFC 9700 §2.1 and §4.4, RFC 9470.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
from sqlalchemy import delete, insert

from iam.kernel.assurance import Assurance, Level
from iam.kernel.clock import Clock
from iam.kernel.ssin import FingerprintKeys
from iam.realms.errors import InvalidToken, KeycloakUnavailable, LoginExpired, LoginFailed
from iam.realms.http import get, post
from iam.realms.introspection import Introspector, language_of
from iam.realms.keys import RealmKeys
from iam.realms.model import Introspected, Login, Started, Wish
from iam.realms.tables import RealmsLogin
from iam.realms.verify import ID_TOKEN, Expected, Verifier, instant, same, text
from iam.settings import KeycloakSettings
from iam.storage import WriteConnection
from iam.storage.tables import core

_login = core(RealmsLogin)
CALLBACK_PATH = "/login/callback"
LOGGED_OUT_PATH = "/logout/done"
_LIFETIME = timedelta(minutes=30)
_SECRET_BYTES = 32
_SECRET_LENGTH = 43
_LONGEST_PARAMETER = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A login whose answer has come; what is needed to finish it. The state is used up."""

    code: str
    nonce: str
    verifier: str
    wish: Wish


class Realm:
    """Keycloak's realm seen by the service: its keys, its introspection. One a process."""

    def __init__(
        self, keycloak: KeycloakSettings, http: httpx2.AsyncClient, keys: FingerprintKeys, clock: Clock
    ) -> None:
        """Nothing is fetched yet; Keycloak need not run."""
        self.settings = keycloak
        self.http = http
        self.clock = clock
        self.keys = RealmKeys(lambda: get(http, f"{self.endpoint}/certs"), clock)
        self.verifier = Verifier(self.keys, clock)
        self.introspector = Introspector(keycloak, http, keys, clock)

    @property
    def endpoint(self) -> str:
        """Where the realm's OpenID endpoints are: fixed by configuration, never fetched."""
        return f"{self.settings.issuer}/protocol/openid-connect"

    async def ping(self) -> None:
        """Keycloak answers. Raises KeycloakUnavailable."""
        await get(self.http, self.settings.issuer)


class KeycloakLogin:
    """Logins of persons at the console."""

    def __init__(self, realm: Realm, public_url: str) -> None:
        """Keep the realm and our own addresses."""
        self._realm = realm
        self._keycloak = realm.settings
        self._redirect_uri = public_url.rstrip("/") + CALLBACK_PATH
        self._logged_out_uri = public_url.rstrip("/") + LOGGED_OUT_PATH

    async def begin(self, conn: WriteConnection, wish: Wish, binding: str | None, ui_locale: str) -> Started:
        """A login is under way, bound to this browser by a secret that only its cookie holds.

        Nonce and code verifier are derived from that secret: the table holds hashes alone.
        """
        secret = binding if binding is not None and len(binding) == _SECRET_LENGTH else _random()
        state, now = _random(), self._realm.clock()
        await conn.execute(
            insert(_login).values(
                state_digest=_digest(state),
                binding_digest=_digest(secret),
                path=wish.path,
                level=None if wish.level is None else int(wish.level),
                fresh=wish.fresh,
                made_at=now,
                expires_at=now + _LIFETIME,
            )
        )
        challenge = hashlib.sha256(_derived(secret, "verifier", state).encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._keycloak.console_client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid",
            "state": state,
            "nonce": _derived(secret, "nonce", state),
            "code_challenge": _encoded(challenge),
            "code_challenge_method": "S256",
            "kc_idp_hint": self._keycloak.provider,
            "ui_locales": ui_locale,
        }
        if wish.level is not None:
            query["acr_values"] = wish.level.acr
        if wish.fresh:
            query["prompt"] = "login"
        return Started(url=f"{self._realm.endpoint}/auth?{urlencode(query)}", binding=secret)

    async def take(
        self, conn: WriteConnection, answer: Sequence[tuple[str, str]], binding: str | None
    ) -> Pending | LoginFailed:
        """The answer's state is used up once the caller commits, whatever comes of it.

        For that a failure is returned and not raised: LoginExpired when no login of this browser waits
        for the answer, LoginFailed when Keycloak says no or when it is not our Keycloak that answers
        (mix-up: `iss`, RFC 9207 §2.4).
        """
        parameters = _single(answer)
        if parameters is None:
            return LoginFailed("parameters")
        state = parameters.get("state", "")
        row = (
            await conn.execute(
                delete(_login).where(_login.c.state_digest == _digest(state)).returning(*_login.c)
            )
        ).one_or_none()
        if row is None or binding is None or row.expires_at <= self._realm.clock():
            return LoginExpired("state")
        if not hmac.compare_digest(row.binding_digest, _digest(binding)):
            return LoginExpired("browser")
        if not same(parameters.get("iss", ""), self._keycloak.issuer):
            return LoginFailed("issuer")
        if "error" in parameters or not parameters.get("code"):
            return LoginFailed("refused")
        return Pending(
            code=parameters["code"],
            nonce=_derived(binding, "nonce", state),
            verifier=_derived(binding, "verifier", state),
            wish=Wish(path=row.path, level=None if row.level is None else Level(row.level), fresh=row.fresh),
        )

    async def finish(self, pending: Pending) -> Login:
        """Who logged in, verified, with the number as fingerprints; its level is computed by us.

        Whether it reached the wished level is for the caller to see. Raises LoginFailed,
        KeycloakUnavailable.
        """
        tokens = await self._redeem(pending)
        try:
            id_token, access_token = text(tokens, "id_token"), text(tokens, "access_token")
            claims = await self._id_token(id_token, pending.nonce)
            seen = await self._realm.introspector.introspect(access_token)
        except InvalidToken as error:
            raise LoginFailed(f"token {error.fault}") from None
        if seen is None:
            raise LoginFailed("session")
        return Login(identity=self._identity(claims, seen).identity(self._keycloak.issuer),
                     wish=pending.wish, id_token=id_token)  # fmt: skip

    async def _redeem(self, pending: Pending) -> Mapping[str, Any]:
        status, tokens = await post(
            self._realm.http,
            f"{self._realm.endpoint}/token",
            {
                "grant_type": "authorization_code",
                "code": pending.code,
                "redirect_uri": self._redirect_uri,
                "code_verifier": pending.verifier,
            },
            (self._keycloak.console_client_id, self._keycloak.console_client_secret.get_secret_value()),
        )
        if status in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
            # our own client is refused: a fault of the installation
            raise KeycloakUnavailable
        if status != httpx2.codes.OK:
            raise LoginFailed("code")
        return tokens

    async def _id_token(self, token: str, nonce: str) -> Mapping[str, Any]:
        """OpenID Connect Core §3.1.3.7."""
        client = self._keycloak.console_client_id
        claims = await self._realm.verifier.claims(
            token, Expected(kind=ID_TOKEN, issuer=self._keycloak.issuer, audience=client)
        )
        if claims["aud"] not in (client, [client]):
            raise InvalidToken("aud")
        if claims.get("azp") != client:
            raise InvalidToken("azp")
        if not same(text(claims, "nonce"), nonce):
            raise InvalidToken("nonce")
        return claims

    def _identity(self, claims: Mapping[str, Any], seen: Introspected) -> Introspected:
        """The introspection speaks of the login that the ID token proves, or of none."""
        try:
            subject, session = text(claims, "sub"), text(claims, "sid")
            authenticated_at = instant(claims, "auth_time")
            acr = claims.get("acr")
        except InvalidToken as error:
            raise LoginFailed(f"token {error.fault}") from None
        if (subject, session) != (seen.subject, seen.session_id):
            raise LoginFailed("subject")
        if seen.client_id != self._keycloak.console_client_id:
            raise LoginFailed("client")
        # The weaker of the two: the session's note may already be that of a later login.
        level = min(Level.from_acr(acr if isinstance(acr, str) else None), seen.assurance.level)
        return Introspected(
            subject=subject,
            session_id=session,
            client_id=seen.client_id,
            fingerprints=seen.fingerprints,
            given_name=seen.given_name,
            family_name=seen.family_name,
            language=seen.language or language_of(claims.get("locale")),
            assurance=Assurance(level, authenticated_at),
        )

    def logout_url(self, id_token: str | None) -> str:
        """Where the browser goes to end the session at Keycloak, and at FAS behind it.

        OpenID Connect RP-Initiated Logout §2. Without a hint Keycloak asks the person.
        """
        query = {
            "client_id": self._keycloak.console_client_id,
            "post_logout_redirect_uri": self._logged_out_uri,
        }
        if id_token is not None:
            query["id_token_hint"] = id_token
        return f"{self._realm.endpoint}/logout?{urlencode(query)}"


def _random() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(b"login:" + secret.encode()).digest()


def _derived(binding: str, what: str, state: str) -> str:
    return _encoded(hmac.digest(binding.encode(), f"{what}:{state}".encode(), hashlib.sha256))


def _single(answer: Sequence[tuple[str, str]]) -> dict[str, str] | None:
    """The parameters, each once and of bearable length (RFC 6749 §3.1); None otherwise."""
    found: dict[str, str] = {}
    for name, value in answer:
        if name in found or len(value) > _LONGEST_PARAMETER:
            return None
        found[name] = value
    return found
