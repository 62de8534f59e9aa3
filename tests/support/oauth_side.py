"""The OAuth side as it is composed, over the small Wallonia; only Keycloak is the small issuer of the process."""

import hashlib
from contextlib import asynccontextmanager

import httpx2
from habilis_portal import AsyncHabilisClient

from iam.app import create
from iam.portals.commands import apply_to
from iam.portals.definition import read
from iam.tokens import service as tokens
from tests.support.acts import DUPONT
from tests.support.issuer import SETTINGS, Issuer, Persona
from tests.support.register import REPOSITORY
from tests.support.settings import some_settings

PORTAL, SECRET = "https://portail.test", "Rk7pX2mB9vQw4ZtL8sYd3NcJ6hGf"


class Side:
    """The service, Keycloak's small issuer, and a portal that uses the library."""

    def __init__(self, town, app, settings, issuer, transport):
        self.town, self.app, self.settings, self.issuer = town, app, settings, issuer
        self.habilis = AsyncHabilisClient(
            issuer=settings.issuer, audience=PORTAL, client_id="portail-wallonie", client_secret=SECRET,
            http=httpx2.AsyncClient(transport=transport), clock=lambda: town.clock().timestamp(),
        )  # fmt: skip

    async def exchange(self, number=DUPONT, persona=None, token=None, **more):
        token = token or self.issuer.access_token(persona or Persona())
        return await self.habilis.exchange(token, enterprise=number, **more)


@asynccontextmanager
async def open_side(town):
    """The service over the small Wallonia, with its portal registered."""
    issuer = Issuer(town.clock)
    settings = some_settings(database_url=town.db.url).model_copy(update={"keycloak": SETTINGS})
    variables = {
        "PORTAIL_WALLONIE_URL": PORTAL,
        "PORTAIL_WALLONIE_SECRET_SHA256": hashlib.sha256(SECRET.encode()).hexdigest(),
    }
    portals = (REPOSITORY / "demo" / "portals.toml").read_text(encoding="utf-8")
    await apply_to(town.db, read(portals, variables), town.clock, dry_run=False)
    await tokens.prepare(settings, town.db, town.clock)
    outward = issuer.http()
    app = create(settings, clock=town.clock, http=outward)
    yield Side(town, app, settings, issuer, httpx2.ASGITransport(app=app, raise_app_exceptions=False))
    await outward.aclose()
    await app.state.edge.database.close()
