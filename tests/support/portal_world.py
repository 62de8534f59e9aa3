"""The sample portal in the test's process, between a small OpenID provider and the real OAuth side."""

import html
import os
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from demo.portal.app import create_app
from demo.portal.settings import from_environment
from iam.kernel.assurance import Level
from iam.portals.authentication import hash_of
from iam.portals.commands import apply_to
from iam.portals.definition import read
from tests.support.oauth import ISSUER, SECRETS, world

PORTAL = "https://portail.test"
KEYCLOAK = "https://kc.test/realms/monespace"
CLIENT = "portail-wallonie"
CLIENT_SECRET = "portal-client-4711-of-tests"
SECRETS["portail-wallonie"] = "Rk7pX2mB9vQw4ZtL8sYd3NcJ6hGf"
_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider:
    """As much of Keycloak as a portal sees."""

    def __init__(self, w):
        self.w = w
        self.down = False
        self.ended = False
        self.codes = {}
        self.refreshes = 0
        self.id_token_changes = {}
        base = urlsplit(KEYCLOAK).path
        self.app = Starlette(
            routes=[
                Route(f"{base}/.well-known/openid-configuration", self.discovery),
                Route(f"{base}/certs", self.certs),
                Route(f"{base}/token", self.token, methods=["POST"]),
            ]
        )

    @property
    def now(self):
        return int(self.w.clock().timestamp())

    async def discovery(self, _request: Request) -> JSONResponse:
        names = {
            "authorization_endpoint": "auth",
            "token_endpoint": "token",
            "jwks_uri": "certs",
            "end_session_endpoint": "logout",
        }
        return JSONResponse(
            {"issuer": KEYCLOAK, "id_token_signing_alg_values_supported": ["RS256"]}
            | {name: f"{KEYCLOAK}/{path}" for name, path in names.items()}
        )

    async def certs(self, _request: Request) -> JSONResponse:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(_RSA.public_key(), as_dict=True)
        return JSONResponse({"keys": [{**key, "kid": "kc", "alg": "RS256", "use": "sig"}]})

    async def token(self, request: Request) -> JSONResponse:
        form = await request.form()
        if form["grant_type"] == "refresh_token":
            self.refreshes += 1
            if self.ended:
                return JSONResponse({"error": "invalid_grant"}, 400)
            return JSONResponse(self.tokens(*str(form["refresh_token"]).split("|"), nonce=None))
        name, level, nonce = self.codes.pop(str(form["code"]))
        return JSONResponse(self.tokens(name, level, nonce=nonce))

    def tokens(self, name, level, *, nonce):
        claims = {
            "iss": KEYCLOAK, "aud": CLIENT, "azp": CLIENT, "sub": f"kc-{name}", "sid": f"session-{name}",
            "name": f"{name.title()} Benali", "iat": self.now, "exp": self.now + 300, "nonce": nonce,
            **self.id_token_changes,
        }  # fmt: skip
        return {
            "access_token": self.w.login(name, azp=CLIENT, level=Level(int(level))), "token_type": "Bearer",
            "expires_in": 300, "refresh_token": f"{name}|{level}",
            "id_token": jwt.encode(claims, _RSA, "RS256", {"kid": "kc"}),
        }  # fmt: skip

    def logout_token(self, header=None, key=_RSA, alg="RS256", **changes):
        claims = {
            "iss": KEYCLOAK, "aud": CLIENT, "iat": self.now, "jti": "j", "sub": "kc-karim", "sid": "session-karim",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}}, **changes,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not ...}
        return jwt.encode(claims, key, alg, {"kid": "kc", "typ": "logout+jwt", **(header or {})})

    async def send(self, request):
        if self.down:
            raise httpx2.ConnectError("nobody listens")
        return await httpx2.ASGITransport(app=self.app).handle_async_request(request)


class _Transport(httpx2.AsyncBaseTransport):
    def __init__(self, send):
        self.send = send

    async def handle_async_request(self, request):
        return await self.send(request)


class Browser:
    """Somebody at the portal: keeps cookies, follows the portal's own links, logs in when asked."""

    def __init__(self, portal, provider):
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=portal), base_url=PORTAL)
        self.provider = provider
        self.level = Level.ITSME
        self.name = "karim"
        self.asked = None

    async def open(self, path, **more):
        """The page at the end of the redirects, the login at the provider included."""
        answer = await self.http.get(path, **more)
        return await self.follow(answer)

    async def follow(self, answer):
        for _ in range(8):
            if not answer.is_redirect:
                return answer
            target = answer.headers["location"]
            if target.startswith(f"{KEYCLOAK}/auth"):
                target = self.come_back(target)
            elif target.startswith("https://") and not target.startswith(PORTAL):
                return answer
            answer = await self.http.get(target)
        raise AssertionError("a redirect loop")

    def come_back(self, url):
        self.asked = parse_qs(urlsplit(url).query)
        code = f"code-{len(self.provider.codes)}-{self.name}"
        self.provider.codes[code] = (self.name, int(self.level), self.asked["nonce"][0])
        return f"/login/callback?code={code}&state={self.asked['state'][0]}&iss={KEYCLOAK}"

    async def submit(self, page, **fields):
        """The page's form, sent as the browser would."""
        action = re.search(r'<form method="post" action="(/demarches/[^"]+)"', page.text)[1]
        return await self.follow(
            await self.http.post(action, data={**hidden(page), **fields}, headers={"origin": PORTAL})
        )


def hidden(page):
    form = (
        page.text[page.text.index('action="/demarches') :] if 'action="/demarches' in page.text else page.text
    )
    return {
        name: html.unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    }


async def portal_world(db, clock, folder):
    """A browser at the sample portal, a world behind it, and the provider between them."""
    w = await world(db, clock)
    environment = {
        "PORTAIL_WALLONIE_URL": PORTAL,
        "PORTAIL_WALLONIE_SECRET_SHA256": hash_of(SECRETS[CLIENT]).hex(),
    }
    portals = Path("demo/portals.toml").read_text(encoding="utf-8")
    await apply_to(db, read(portals, environment), clock, dry_run=False)
    w.provider = Provider(w)
    w.habilis_is_down = False

    async def habilis(request):
        if w.habilis_is_down:
            raise httpx2.ConnectError("nobody listens")
        return await w.client._transport.handle_async_request(request)

    settings = from_environment(
        {
            "PORTAL_PORT": "1", "PORTAL_BASE_URL": PORTAL, "PORTAL_CLIENT_ID": CLIENT,
            "PORTAL_CLIENT_SECRET": CLIENT_SECRET, "PORTAL_KEYCLOAK_ISSUER": KEYCLOAK,
            "PORTAL_HABILIS_ISSUER": ISSUER, "PORTAL_HABILIS_SECRET": SECRETS[CLIENT],
            "PORTAL_MON_ESPACE_URL": "https://mon-espace.test", "PORTAL_STATE_DIR": os.fspath(folder),
        }
    )  # fmt: skip
    w.portal = create_app(
        settings, now=lambda: clock().timestamp(),
        keycloak=_Transport(w.provider.send), habilis=_Transport(habilis),
    )  # fmt: skip
    w.browser = Browser(w.portal, w.provider)
    return w
