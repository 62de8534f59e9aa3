"""A browser without a screen that logs in through Keycloak and the stand-in, and what the login gave."""

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2

from tests.support.realm import Keycloak

LEVEL = "urn:be:fedict:iam:fas:Level"
EID, ITSME, TOTP = f"{LEVEL}500", f"{LEVEL}450", f"{LEVEL}400"
_MOST_STEPS = 20
_ASKED = re.compile(r'name="asked" value="([^"]+)"')
_CHOICES = re.compile(r'name="choice" value="([a-z]+:[a-z]+)"')
_ERROR = re.compile(r'id="kc-error-message".*?<p[^>]*>(.*?)</p>', re.DOTALL)


class LoginFailed(AssertionError):
    """The way to the client's own address ended elsewhere; it says where, and `page` holds what was shown."""

    def __init__(self, message: str, page: str) -> None:
        super().__init__(message)
        self.page = page


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT that we were just given by its issuer, unverified: for looking at."""
    part = token.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a client holds after a login."""

    client_id: str
    access_token: str
    id_token: str
    refresh_token: str
    seen: tuple[str, ...]

    @property
    def access(self) -> dict[str, Any]:
        return claims_of(self.access_token)

    @property
    def identity(self) -> dict[str, Any]:
        return claims_of(self.id_token)

    def asked_of_fas(self) -> list[dict[str, list[str]]]:
        """The parameters of each request that reached the stand-in's authorization endpoint."""
        return [parse_qs(urlsplit(url).query) for url in self.seen if "/fas/oauth2/authorize" in url]


@dataclass(slots=True)
class Browser:
    """Cookies, redirects, and a person who chooses on the page of personas."""

    keycloak: Keycloak
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(follow_redirects=False, timeout=20.0))
    seen: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)

    def go(self, url: str, *, until: str, choice: str | None = None) -> str:
        """Follows redirects and, on the page of personas, makes the choice. Returns the address that starts `until`.

        Raises LoginFailed when a page comes that nobody here can answer.
        """
        self.seen.clear()
        self.choices.clear()
        answer = self._send("GET", url)
        for _ in range(_MOST_STEPS):
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                self.seen.append(target)
                if target.startswith(until):
                    return target
                answer = self._send("GET", target)
                continue
            asked = _ASKED.search(answer.text)
            if asked is None or choice is None:
                break
            self.choices = _CHOICES.findall(answer.text)
            answer = self._send(
                "POST", urljoin(str(answer.url), "/fas/choose"), {"asked": asked.group(1), "choice": choice}
            )
        error = _ERROR.search(answer.text)
        told = error.group(1) if error else answer.text[:600]
        raise LoginFailed(f"{answer.status_code} at {answer.url.path}: {told}", answer.text)

    def _send(self, method: str, url: str, data: dict[str, str] | None = None) -> httpx2.Response:
        answer = self.http.request(method, url, data=data)
        for cookie in self.http.cookies.jar:
            # Keycloak marks its cookies Secure even on loopback: a browser keeps them there, this jar would not.
            cookie.secure = False
        return answer

    def authorize(
        self, client_id: str = "mon-espace", *, choice: str | None = None, **parameters: str | None
    ) -> tuple[dict[str, list[str]], str]:
        """The parameters with which the browser came back to the client, and the code verifier.

        A parameter that is None is left out of the request.
        """
        redirect_uri = self.redirect_uri(client_id)
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        wanted: dict[str, str | None] = {
            "client_id": client_id,
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": redirect_uri,
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **parameters,
        }
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        back = self.go(f"{self.keycloak.endpoint}/auth?{query}", until=redirect_uri, choice=choice)
        return parse_qs(urlsplit(back).query), verifier

    def redirect_uri(self, client_id: str) -> str:
        return self.keycloak.environment[f"REALM_{client_id.upper().replace('-', '_')}_REDIRECT_URI"]

    def log_in(
        self, persona: str, means: str = "eid", *, client_id: str = "mon-espace", **parameters: str
    ) -> Tokens:
        """The tokens of a login; the persona is chosen when the stand-in asks."""
        back, verifier = self.authorize(client_id, choice=f"{persona}:{means}", **parameters)
        assert "code" in back, back
        return self._redeem(client_id, back["code"][0], verifier)

    def log_in_silently(self, *, client_id: str = "mon-espace", **parameters: str) -> Tokens:
        """The tokens of a login in which nobody was asked anything."""
        back, verifier = self.authorize(client_id, **parameters)
        assert "code" in back, back
        return self._redeem(client_id, back["code"][0], verifier)

    def _redeem(self, client_id: str, code: str, verifier: str) -> Tokens:
        return self._tokens(
            client_id,
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri(client_id),
                "code_verifier": verifier,
            },
        )

    def refresh(self, tokens: Tokens) -> Tokens:
        return self._tokens(
            tokens.client_id, {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        )

    def _tokens(self, client_id: str, data: dict[str, str]) -> Tokens:
        answer = httpx2.post(
            f"{self.keycloak.endpoint}/token",
            data=data,
            auth=(client_id, self.keycloak.client_secret(client_id)),
            timeout=20.0,
        )
        assert answer.status_code == 200, answer.text
        read = answer.json()
        return Tokens(
            client_id=client_id,
            access_token=read["access_token"],
            id_token=read["id_token"],
            refresh_token=read["refresh_token"],
            seen=tuple(self.seen),
        )

    def log_out(self, tokens: Tokens) -> str:
        """The browser has been through the log-out of Keycloak and of the stand-in, back to the client."""
        back = self.keycloak.environment[
            f"REALM_{tokens.client_id.upper().replace('-', '_')}_POST_LOGOUT_REDIRECT_URI"
        ]
        query = urlencode({"id_token_hint": tokens.id_token, "post_logout_redirect_uri": back})
        return self.go(f"{self.keycloak.endpoint}/logout?{query}", until=back)


def introspect(keycloak: Keycloak, token: str, client_id: str = "mandate-exchange") -> dict[str, Any]:
    """What Keycloak tells this client of a token."""
    answer = httpx2.post(
        f"{keycloak.endpoint}/token/introspect",
        data={"token": token},
        auth=(client_id, keycloak.client_secret(client_id)),
        timeout=20.0,
    )
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read
