"""The whole service in this process over the small Wallonia, and people in front of it, logged in or not."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from iam.app import create
from iam.kernel.assurance import Assurance, Level
from iam.kernel.identity import Identity
from iam.kernel.ids import uuid4
from iam.people import sessions
from iam.portals.commands import apply_to
from iam.portals.definition import read
from iam.settings import Settings
from tests.support.acts import dump
from tests.support.register import REPOSITORY, Town, personas
from tests.support.settings import some_settings

PORTAL = "https://portail.test"
_ACT = re.compile(r'name="act" value="([^"]*)"')
_TAGS = re.compile(r"<(script|style|head)\b.*?</\1>|<[^>]*>", re.DOTALL)


@dataclass
class Site:
    """The service, and the town whose people use it."""

    app: FastAPI
    town: Town
    settings: Settings
    opened: list = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.settings.issuer

    def browser(self, **headers: str) -> httpx2.AsyncClient:
        """A browser without a session, which says of its own forms where they come from."""
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        known = {"accept": "text/html", "accept-language": "fr-BE", "origin": self.url, **headers}
        client = httpx2.AsyncClient(transport=transport, base_url=self.url, headers=known)
        self.opened.append(client)
        return client

    async def visitor(
        self, who: str, level: Level = Level.EID, age: timedelta = timedelta(minutes=1), **headers: str
    ) -> httpx2.AsyncClient:
        """The browser of a persona who has logged in with this level, so long ago."""
        client = self.browser(**headers)
        client.cookies.set("habilis-session", await self.cookie(who, level, age))
        return client

    async def cookie(self, who: str, level: Level = Level.EID, age: timedelta = timedelta(minutes=1)) -> str:
        """A session as a login starts it."""
        now, persona = self.town.clock(), personas()[who]
        identity = Identity(
            issuer=self.settings.keycloak.issuer,
            subject=str(uuid4()),
            session_id=str(uuid4()),
            fingerprints=self.town.fingerprints(who),
            given_name=persona["given_name"],
            family_name=persona["family_name"],
            language=None,
            assurance=Assurance(level, now - age),
        )
        async with self.town.db.write() as conn:
            await _named(conn, self.town.person(who), persona)
            return await sessions.start(
                conn,
                self.town.person(who),
                identity,
                id_token="an-id-token",
                limits=sessions.Limits.of(self.settings.policy),
                now=now,
            )


async def _named(conn, person, persona) -> None:
    """The names that a first login would have told."""
    await conn.execute(
        text("UPDATE people_person SET given_name = :given, family_name = :family WHERE id = :id"),
        {"given": persona["given_name"], "family": persona["family_name"], "id": person},
    )


@asynccontextmanager
async def open_site(town: Town) -> AsyncIterator[Site]:
    """The service as it is composed, on the town's database; the sample portal is registered."""
    settings = some_settings(database_url=town.db.url)
    variables = {"PORTAIL_WALLONIE_URL": PORTAL, "PORTAIL_WALLONIE_SECRET_SHA256": "0" * 64}
    file = await asyncio.to_thread(Path(REPOSITORY / "demo" / "portals.toml").read_text, encoding="utf-8")
    await apply_to(town.db, read(file, variables), town.clock, dry_run=False)
    outward = httpx2.AsyncClient(transport=httpx2.MockTransport(_nobody))
    app = create(settings, clock=town.clock, http=outward)
    site = Site(app=app, town=town, settings=settings)
    try:
        yield site
    finally:
        for client in site.opened:
            await client.aclose()
        await outward.aclose()
        await app.state.edge.database.close()


def _nobody(_request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("no Keycloak here")


def act_in(answer: httpx2.Response) -> str:
    """The act id of the first form of a page."""
    found = _ACT.search(answer.text)
    assert found, answer.text
    return found.group(1)


def words_in(answer: httpx2.Response) -> str:
    """What a page says, without its markup, on one line."""
    return " ".join(unescape(_TAGS.sub(" ", answer.text)).split())


# The rows that a request may touch without being an act: the session's last use.
_LOOKED_AT = {"people_session"}


async def state_of(town: Town) -> dict[str, list[str]]:
    """Every row but those that merely looking changes."""
    return {table: rows for table, rows in (await dump(town.db)).items() if table not in _LOOKED_AT}
