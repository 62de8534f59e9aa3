"""The stand-in for FAS inside the test's own process, with a clock that the test moves."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import KeySet

from demo.fas.app import create_app
from demo.fas.keys import Keys
from demo.fas.personas import load
from demo.fas.settings import Settings
from tests.support.realm import PERSONAS

BASE = "http://127.0.0.1:23999"
REDIRECT = "http://127.0.0.1:23998/realms/monespace/broker/fas/endpoint"
CONSOLE = "http://127.0.0.1:23997"
CLIENT = ("monespace-keycloak", "a-client-secret-for-tests")
CONTROL = "a-control-secret-for-tests"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
_ASKED = re.compile(r'name="asked" value="([^"]+)"')
_CHOICES = re.compile(r'name="choice" value="([a-z:]+)"')


@dataclass(slots=True)
class FasClock:
    """Whole seconds, which stand still."""

    second: int = 1_795_000_000

    def __call__(self) -> int:
        return self.second


def settings_for(folder: Path) -> Settings:
    return Settings(
        port=23999,
        base_url=BASE,
        client_id=CLIENT[0],
        client_secret=CLIENT[1],
        redirect_uri=REDIRECT,
        control_secret=CONTROL,
        state_dir=folder,
        personas=PERSONAS,
        origins=frozenset({CONSOLE}),
    )


@dataclass(slots=True)
class LocalFas:
    """A browser and a client of the stand-in at once."""

    keys: Keys
    clock: FasClock
    folder: Path
    http: httpx2.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        app = create_app(
            settings=settings_for(self.folder), keys=self.keys, personas=load(PERSONAS), now=self.clock
        )
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=BASE)

    async def authorize(self, **changed: str | None) -> httpx2.Response:
        """A request to log in; a parameter that is None is left out."""
        parameters: Mapping[str, str | None] = {
            "client_id": CLIENT[0],
            "response_type": "code",
            "scope": "openid profile egovnrn",
            "redirect_uri": REDIRECT,
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changed,
        }
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        return await self.http.get(f"/fas/oauth2/authorize?{query}")

    async def choose(self, page: httpx2.Response, choice: str) -> httpx2.Response:
        asked = _ASKED.search(page.text)
        assert asked, page.text
        return await self.http.post("/fas/choose", data={"asked": asked.group(1), "choice": choice})

    async def log_in(self, choice: str, **changed: str | None) -> httpx2.Response:
        return await self.choose(await self.authorize(**changed), choice)

    async def redeem(self, answer: httpx2.Response, **changed: str) -> httpx2.Response:
        data = {
            "grant_type": "authorization_code",
            "code": back(answer)["code"],
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            **changed,
        }
        return await self.http.post("/fas/oauth2/access_token", data=data, auth=CLIENT)

    async def claims(self, answer: httpx2.Response) -> tuple[dict[str, Any], dict[str, Any]]:
        """The claims of the ID token and of the userinfo, both with their signatures verified."""
        tokens = (await self.redeem(answer)).json()
        told = await self.http.get(
            "/fas/oauth2/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}
        )
        assert told.headers["content-type"] == "application/jwt"
        return await self.verified(tokens["id_token"]), await self.verified(told.text)

    async def verified(self, token: str) -> dict[str, Any]:
        keys = KeySet.import_key_set((await self.http.get("/fas/oauth2/connect/jwk_uri")).json())
        return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)

    async def control(self, **how: Any) -> httpx2.Response:
        return await self.http.post("/control", json=how, headers={"Authorization": f"Bearer {CONTROL}"})


def back(answer: httpx2.Response) -> dict[str, str]:
    """The parameters with which the browser is sent back to the client."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(REDIRECT)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def choices(page: httpx2.Response) -> set[str]:
    """The digital keys that the page offers."""
    return {choice.partition(":")[2] for choice in _CHOICES.findall(page.text)} - {""}
