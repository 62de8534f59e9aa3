"""`docs/integrating-a-portal.md`: its blocks are run in order, against the real OAuth side in this process."""

import re
from datetime import UTC, datetime
from pathlib import Path

import anyio
import habilis_portal.client
import habilis_portal.verifier
import httpx2
import pytest
from starlette.testclient import TestClient

from iam.kernel.assurance import Level
from iam.portals.authentication import hash_of, new_secret
from iam.portals.commands import apply_to
from iam.portals.definition import read
from tests.support.oauth import world

pytestmark = pytest.mark.anyio
PAGE = Path("docs/integrating-a-portal.md")


def blocks(language):
    return re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


class Bridge(httpx2.BaseTransport):
    """A synchronous client's way to the application that runs in the test's own event loop."""

    def __init__(self, transport):
        self.transport = transport

    def handle_request(self, request):
        return anyio.from_thread.run(self._ask, request)

    async def _ask(self, request):
        request.read()
        asked = httpx2.Request(request.method, request.url, headers=request.headers, content=request.content)
        answer = await self.transport.handle_async_request(asked)
        body = await answer.aread()
        return httpx2.Response(answer.status_code, headers=answer.headers, content=body)


@pytest.fixture
async def w(db, clock):
    made = await world(db, clock)
    made.grant()
    yield made
    await made.client.aclose()


async def test_every_block_runs(w, db, clock, monkeypatch):
    secret = new_secret()
    [toml] = blocks("toml")
    await apply_to(db, read(toml, {"MY_PORTAL_SECRET_SHA256": hash_of(secret).hex()}), clock, dry_run=False)
    monkeypatch.setenv("HABILIS_SECRET", secret)
    bridge = Bridge(w.client._transport)
    keys = (await w.client.get("/.well-known/jwks.json")).content
    real, real_async = httpx2.Client, httpx2.AsyncClient
    fixed = httpx2.MockTransport(lambda _request: httpx2.Response(200, content=keys))
    monkeypatch.setattr(habilis_portal.client.httpx2, "Client", lambda **_: real(transport=bridge))
    monkeypatch.setattr(
        habilis_portal.verifier.httpx2, "AsyncClient", lambda **_: real_async(transport=fixed)
    )
    monkeypatch.setattr(habilis_portal.verifier._Base.__init__, "__kwdefaults__", {
        **habilis_portal.verifier._Base.__init__.__kwdefaults__, "clock": lambda: clock().timestamp(),
    })  # fmt: skip
    namespace = {
        "keycloak_access_token": w.login(azp="my-portal", level=Level.ITSME),
        "now": lambda: datetime.fromtimestamp(clock().timestamp(), UTC),
    }

    assert len(blocks("python")) == 8

    def run():
        for block in blocks("python"):
            exec(compile(block, str(PAGE), "exec"), namespace)

    await anyio.to_thread.run_sync(run)

    # the last block made an API: it believes the mandate that the page got
    api = TestClient(namespace["api"])
    headers = {"authorization": f"Bearer {namespace['mandate'].token}"}
    assert api.get("/enterprises/1900000069/dossiers", headers=headers).json() == {"for": "1900000069"}
    assert api.get("/enterprises/0314595348/dossiers", headers=headers).status_code == 403
    assert api.get("/enterprises/1900000069/dossiers").status_code == 401
