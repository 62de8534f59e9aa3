"""The OpenID provider itself: Authlib's provider side, with the habits of FAS (DOMAIN 4.1)."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidRequestError,
    OAuth2Payload,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from authlib.oidc.rpinitiated import EndSessionEndpoint
from joserfc import jwt
from starlette.responses import JSONResponse, RedirectResponse, Response

from demo.fas.keys import Keys
from demo.fas.personas import Persona
from demo.fas.settings import Settings
from demo.fas.state import Answer, Code, Login, State, Token

SCOPES = ("openid", "profile", "egovnrn")
ALGORITHM = "RS256"
_ID_TOKEN_SECONDS = 300
_ACCESS_TOKEN_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request as the provider sees it: its parameters are read, whatever the web framework."""

    method: str
    url: str
    headers: Mapping[str, str]
    parameters: Mapping[str, list[str]]


class _Payload(OAuth2Payload):  # type: ignore[misc]
    def __init__(self, incoming: Incoming) -> None:
        self._lists = {name: values for name, values in incoming.parameters.items() if values}

    @cached_property
    def data(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._lists.items()}

    @property
    def datalist(self) -> dict[str, list[str]]:
        return self._lists


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, incoming: Incoming) -> None:
        super().__init__(incoming.method, incoming.url, headers=incoming.headers)
        self.payload = _Payload(incoming)

    @property
    def args(self) -> dict[str, str]:
        return self.payload.data if self.method == "GET" else {}

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data if self.method == "POST" else {}


@dataclass(frozen=True, slots=True, eq=False)
class RelyingParty(ClientMixin):  # type: ignore[misc]
    """Our Keycloak, the only client there is."""

    settings: Settings

    @property
    def client_id(self) -> str:
        return self.settings.client_id

    @property
    def client_metadata(self) -> dict[str, Any]:
        return {"post_logout_redirect_uris": [self.settings.post_logout_redirect_uri]}

    def get_client_id(self) -> str:
        return self.settings.client_id

    def get_default_redirect_uri(self) -> str:
        return self.settings.redirect_uri

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(each for each in (scope or "").split() if each in SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.settings.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(client_secret.encode(), self.settings.client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint == "token" and method in {"client_secret_basic", "client_secret_post"}

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class _CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    def save_authorization_code(self, code: str, request: _Request) -> None:
        data = request.payload.data
        self.server.state.codes.put(
            code,
            Code(
                client_id=request.client.client_id,
                redirect_uri=request.payload.redirect_uri,
                scope=request.scope,
                nonce=data.get("nonce"),
                code_challenge=data["code_challenge"],
                code_challenge_method=data["code_challenge_method"],
                answer=self.server.answer(request.user),
            ),
        )

    def query_authorization_code(self, code: str, client: RelyingParty) -> Code | None:
        # Taken, not read: RFC 6749 §4.1.2, "The client MUST NOT use the authorization code more than once."
        found: Code | None = self.server.state.codes.take(code)
        return found if found is not None and found.client_id == client.client_id else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It is gone already."""

    def authenticate_user(self, authorization_code: Code) -> Answer:
        return authorization_code.answer


class _Challenge(CodeChallenge):  # type: ignore[misc]
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: _CodeGrant, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("A code challenge with the method S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class _OpenID(OpenIDCode):  # type: ignore[misc]
    def __init__(self, provider: "Provider") -> None:
        super().__init__(require_nonce=False)
        self.provider = provider

    def exists_nonce(self, nonce: str, request: _Request) -> bool:  # noqa: ARG002
        # The nonce binds an answer to the client's request; that it is used once is the client's to check.
        return False

    def resolve_client_private_key(self, client: RelyingParty) -> Any:  # noqa: ARG002
        return self.provider.keys.signing

    def get_encode_header(self, client: RelyingParty) -> dict[str, str]:  # noqa: ARG002
        return {"alg": ALGORITHM, "kid": self.provider.keys.kid, "typ": "JWT"}

    def get_client_claims(self, client: RelyingParty) -> dict[str, Any]:
        now = self.provider.state.now()
        return {
            "iss": self.provider.settings.issuer,
            "aud": client.client_id,
            "iat": now,
            "exp": now + _ID_TOKEN_SECONDS,
        }

    def generate_user_info(self, user: Answer, scope: str) -> dict[str, Any]:  # noqa: ARG002
        return {"sub": user.subject, "sid": user.login.sid}


class _EndSession(EndSessionEndpoint):  # type: ignore[misc]
    def create_endpoint_request(self, request: Incoming) -> _Request:
        return _Request(request)

    def get_server_jwks(self) -> dict[str, Any]:
        return dict(self.server.keys.public())

    def get_algorithms(self) -> list[str]:
        return [ALGORITHM]

    def end_session(self, end_session_request: Any) -> None:
        claims = end_session_request.id_token_claims or {}
        if sid := claims.get("sid"):
            self.server.state.end_sessions_of(str(sid))


class Provider(AuthorizationServer):  # type: ignore[misc]
    """Answers the OAuth side of FAS from what the state remembers."""

    def __init__(
        self, *, settings: Settings, keys: Keys, personas: Mapping[str, Persona], state: State
    ) -> None:
        super().__init__(scopes_supported=None)
        self.settings = settings
        self.keys = keys
        self.personas = personas
        self.state = state
        self.register_token_generator("default", self._bearer)
        self.register_grant(_CodeGrant, [_Challenge(required=True), _OpenID(self)])
        self.register_endpoint(_EndSession(self))

    @cached_property
    def _bearer(self) -> BearerTokenGenerator:
        return BearerTokenGenerator(self._access_token, None, _ACCESS_TOKEN_SECONDS)

    def _access_token(self, *, user: Answer, scope: str, **_: Any) -> str:
        return self.state.tokens.add(Token(scope=scope, answer=user))

    def query_client(self, client_id: str) -> RelyingParty | None:
        return RelyingParty(self.settings) if client_id == self.settings.client_id else None

    def save_token(self, token: dict[str, Any], request: _Request) -> None:
        """It was remembered when it was made."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Incoming) -> _Request:
        return request if isinstance(request, _Request) else _Request(request)

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Response:
        told = dict(headers)
        if "Location" in told:
            # 303: a browser that came by POST goes on by GET.
            return RedirectResponse(told["Location"], status_code=303)
        if isinstance(body, dict):
            told.pop("Content-Type", None)
            return JSONResponse(body, status, told)
        return Response(body, status, told)

    def refusal(self, incoming: Incoming, error: OAuth2Error) -> Response:
        """The error as OAuth tells it: to the client when its address is known to be right, else here."""
        return self.handle_error_response(_Request(incoming), error)  # type: ignore[no-any-return]

    def answer(self, login: Login) -> Answer:
        """What is told about a login, in truth or as the stand-in was told to misbehave."""
        behaviour = self.state.behaviour(login.persona)
        acr = {None: login.means.acr, "none": None}.get(behaviour.acr, behaviour.acr)
        return Answer(
            login=login,
            subject=self.keys.subject(login.persona, behaviour.generation),
            number=behaviour.number or self.personas[login.persona].number,
            acr=acr,
            amr=tuple(login.means.amr) if behaviour.acr is None else (),
            without=behaviour.without,
        )

    def userinfo(self, token: Token) -> str:
        """The claims about a person as a signed JWT: FAS never answers in plain JSON."""
        persona = self.personas[token.answer.login.persona]
        claims: dict[str, Any] = {
            "iss": self.settings.issuer,
            "aud": self.settings.client_id,
            "iat": self.state.now(),
            "sub": token.answer.subject,
        }
        granted = token.scope.split()
        if "profile" in granted:
            claims |= {
                "surname": persona.family_name,
                "givenName": persona.given_name,
                "prefLanguage": persona.language,
            }
            if persona.email:
                claims["mail"] = persona.email
        if "egovnrn" in granted:
            claims["egovNRN"] = token.answer.number
        claims = {name: value for name, value in claims.items() if name not in token.answer.without}
        header = {"alg": ALGORITHM, "kid": self.keys.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self.keys.signing, [ALGORITHM])

    def metadata(self) -> dict[str, Any]:
        """The discovery document. `stand_in` lets a service refuse to trust it outside the demo."""
        issuer = self.settings.issuer
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/access_token",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "jwks_uri": f"{issuer}/connect/jwk_uri",
            "end_session_endpoint": f"{issuer}/connect/endSession",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "userinfo_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "acr_values_supported": [f"urn:be:fedict:iam:fas:Level{level}" for level in (500, 450, 400)],
            "claims_supported": [
                "sub",
                "acr",
                "amr",
                "surname",
                "givenName",
                "egovNRN",
                "prefLanguage",
                "mail",
            ],
            "ui_locales_supported": ["fr", "de", "nl", "en"],
            "stand_in": True,
        }
