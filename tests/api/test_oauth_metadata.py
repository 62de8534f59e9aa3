"""RFC 8414 and RFC 7517: what is published, and that all of it is there."""

from dataclasses import replace

import httpx2
import pytest
from starlette.applications import Starlette

from iam.tokens.api import routes
from iam.tokens.rfc7517_keys import thumbprint
from tests.support.oauth import ISSUER, TYPE, world

pytestmark = pytest.mark.anyio


@pytest.fixture
async def w(db, clock):
    made = await world(db, clock)
    yield made
    await made.client.aclose()


async def test_the_metadata_names_what_exists(w):
    answer = await w.client.get("/.well-known/oauth-authorization-server")

    said = answer.json()
    assert said["issuer"] == ISSUER
    assert said["authorization_details_types_supported"] == [TYPE]
    assert said["grant_types_supported"] == ["urn:ietf:params:oauth:grant-type:token-exchange"]
    for name, value in said.items():
        if name.endswith("_endpoint"):
            assert (await w.client.post(value)).status_code == 400, name
    assert (await w.client.get(said["jwks_uri"])).status_code == 200


async def test_the_metadata_promises_nothing_else(w):
    said = (await w.client.get("/.well-known/oauth-authorization-server")).json()
    assert not {name for name in said if "dpop" in name or "mtls" in name or "scopes" in name}
    assert said["response_types_supported"] == []


async def test_an_issuer_with_a_path_has_it_behind_the_well_known_part(w):
    service = replace(w.service, issuer="https://habilis.test/iam")
    http = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=Starlette(routes=routes(service))), base_url="https://habilis.test"
    )
    answer = await http.get("/.well-known/oauth-authorization-server/iam")
    assert answer.json()["issuer"] == "https://habilis.test/iam"


async def test_inv_61_the_key_set_is_public_and_may_be_kept_for_a_while(w):
    answer = await w.client.get("/.well-known/jwks.json")

    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["content-type"] == "application/jwk-set+json"
    keys = answer.json()["keys"]
    assert sorted(key["alg"] for key in keys) == ["ES256", "ES256", "RS256", "RS256"]
    for key in keys:
        assert key["kid"] == thumbprint(key)
        assert key["use"] == "sig"
        assert not {"d", "p", "q", "k"} & key.keys()
