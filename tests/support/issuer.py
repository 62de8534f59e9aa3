"""A tiny OpenID issuer within the test's process: it signs what it is told to sign, right or wrong.

For verifying tokens and for what a real Keycloak cannot be made to do. The contract itself is tested
against the real one (tests/integration).
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from jwt.algorithms import RSAAlgorithm
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from iam.kernel.clock import Clock
from iam.kernel.ssin import FingerprintKeys
from iam.realms.oidc import Realm
from iam.settings import KeycloakSettings

BASE = "https://kc.test"
ISSUER = f"{BASE}/realms/monespace"
CONSOLE_SECRET, EXCHANGE_SECRET = "console-Secret-4711-of-tests", "exchange-Secret-4711-of-tests"
KEYS = FingerprintKeys("1", b"k" * 32)
KARIM, LUC, JEANNE = "71000000333", "58000000549", "84000000612"
LEVEL = "urn:be:fedict:iam:fas:Level"

SETTINGS = KeycloakSettings(
    base_url=BASE,
    console_client_secret=SecretStr(CONSOLE_SECRET),
    exchange_client_secret=SecretStr(EXCHANGE_SECRET),
)


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A key of 2048 bits, one a name and run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(slots=True)
class Persona:
    """Who logs in, and how."""

    subject: str = "sub-karim"
    session: str = "sid-karim"
    number: str | None = KARIM
    acr: str | None = f"{LEVEL}450"
    given_name: str = "Karim"
    family_name: str = "Benali"
    locale: str = "fr"


@dataclass(slots=True)
class Issuer:
    """Keycloak's endpoints. `down` makes it answer nothing; `changes` are put into what it signs or says."""

    clock: Clock
    kids: list[str] = field(default_factory=lambda: ["k1"])
    down: bool = False
    ended: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    id_token_changes: dict[str, Any] = field(default_factory=dict)
    introspection_changes: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, tuple[Persona, dict[str, list[str]]]] = field(default_factory=dict)
    tokens: dict[str, Persona] = field(default_factory=dict)

    @property
    def now(self) -> int:
        return int(self.clock().timestamp())

    def http(self) -> httpx2.AsyncClient:
        path = urlsplit(ISSUER).path
        endpoint = f"{path}/protocol/openid-connect"
        app = Starlette(
            routes=[
                Route(path, self._realm),
                Route(f"{endpoint}/certs", self._certs),
                Route(f"{endpoint}/token", self._token, methods=["POST"]),
                Route(f"{endpoint}/token/introspect", self._introspect, methods=["POST"]),
            ]
        )
        return httpx2.AsyncClient(transport=_Breakable(self, httpx2.ASGITransport(app=app)))

    def realm(self) -> Realm:
        return Realm(SETTINGS, self.http(), KEYS, self.clock)

    # -- what it signs

    def sign_as(self, claims: dict[str, Any], said: Any) -> str:
        """Signed with the present key under another name."""
        return self._sign(claims, "k1", {"kid": said})

    def sign(self, claims: dict[str, Any], *, kid: str = "k1", **header: Any) -> str:
        """A token by hand, so that no library mends it; `...` leaves a member out."""
        return self._sign(claims, kid, header)

    def _sign(self, claims: dict[str, Any], kid: str, header: dict[str, Any]) -> str:
        whole = {"alg": "RS256", "typ": "JWT", "kid": kid, **header}
        signed = ".".join(_encoded(_without(part)) for part in (whole, claims))
        signature = rsa_key(kid).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def common(self, persona: Persona, client: str) -> dict[str, Any]:
        return {
            "iss": ISSUER, "sub": persona.subject, "sid": persona.session, "azp": client,
            "iat": self.now, "exp": self.now + 300, "auth_time": self.now,
            "acr": ... if persona.acr is None else persona.acr,
        }  # fmt: skip

    def access_token(
        self, persona: Persona | None = None, client: str = "portail-wallonie", **changes: Any
    ) -> str:
        who = persona or Persona()
        claims = {**self.common(who, client), "typ": "Bearer", "aud": "mandate-exchange", **changes}
        token = self.sign(claims)
        self.tokens[token] = who
        return token

    def id_token(self, persona: Persona, asked_nonce: str, **changes: Any) -> str:
        claims = {
            **self.common(persona, "mon-espace"),
            "typ": "ID",
            "aud": "mon-espace",
            "nonce": asked_nonce,
        }
        return self.sign({**claims, **changes})

    def logout_claims(self, **changes: Any) -> dict[str, Any]:
        return {
            "iss": ISSUER, "aud": "mon-espace", "iat": self.now, "exp": self.now + 120, "jti": "jti-1",
            "sub": "sub-karim", "sid": "sid-karim", "typ": "Logout",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}}, **changes,
        }  # fmt: skip

    def answer(self, url: str, persona: Persona | None = None) -> dict[str, str]:
        """The parameters with which a browser sent to `url` comes back."""
        asked = parse_qs(urlsplit(url).query)
        code = f"code-{len(self.codes)}"
        self.codes[code] = (persona or Persona(), asked)
        return {"code": code, "state": asked["state"][0], "iss": ISSUER, "session_state": "x"}

    # -- its endpoints

    async def _realm(self, request: Request) -> Response:
        return JSONResponse({"realm": "monespace"})

    async def _certs(self, request: Request) -> Response:
        self.asked.append("certs")
        keys = []
        for kid in self.kids:
            public = RSAAlgorithm.to_jwk(rsa_key(kid).public_key(), as_dict=True)
            keys.append({**public, "kid": kid, "use": "sig", "alg": "RS256"})
        return JSONResponse({"keys": keys})

    async def _token(self, request: Request) -> Response:
        if not _is_client(request, "mon-espace", CONSOLE_SECRET):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        form = await request.form()
        persona, asked = self.codes.pop(str(form["code"]), (None, {}))
        verifier = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if (
            persona is None
            or asked["code_challenge"] != [challenge]
            or asked["redirect_uri"] != [form["redirect_uri"]]
        ):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        return JSONResponse(
            {
                "access_token": self.access_token(persona, "mon-espace"),
                "id_token": self.id_token(persona, asked["nonce"][0], **self.id_token_changes),
                "token_type": "Bearer",
            }
        )

    async def _introspect(self, request: Request) -> Response:
        self.asked.append("introspect")
        if not _is_client(request, "mandate-exchange", EXCHANGE_SECRET):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        token = str((await request.form())["token"])
        persona = self.tokens.get(token)
        if persona is None or persona.session in self.ended:
            return JSONResponse({"active": False})
        claims = jwt.decode(token, options={"verify_signature": False})
        extra = {
            "given_name": persona.given_name,
            "family_name": persona.family_name,
            "locale": persona.locale,
        }
        number = {} if persona.number is None else {"niss": persona.number}
        return JSONResponse({**claims, **extra, **number, "active": True, **self.introspection_changes})


def _without(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ...}


def _encoded(members: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


class _Breakable(httpx2.AsyncBaseTransport):
    def __init__(self, issuer: Issuer, inner: httpx2.AsyncBaseTransport) -> None:
        self._issuer = issuer
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._issuer.down:
            raise httpx2.ConnectError("nobody listens")
        return await self._inner.handle_async_request(request)


def _is_client(request: Request, client: str, secret: str) -> bool:
    expected = base64.b64encode(f"{client}:{secret}".encode()).decode()
    return request.headers.get("authorization") == f"Basic {expected}"
