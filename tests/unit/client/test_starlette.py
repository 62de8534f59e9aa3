"""The dependency for Starlette and FastAPI answers as RFC 6750 §3 wants it."""

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from habilis_portal import AsyncVerifier, Mandate
from habilis_portal.starlette import RequireMandate
from starlette.testclient import TestClient

from tests.support.mandate_issuer import AUDIENCE, ISSUER, Issuer


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def http(issuer):
    verifier = AsyncVerifier(ISSUER, AUDIENCE, http=issuer.async_http, clock=issuer.clock)
    app = FastAPI()
    signer = RequireMandate(verifier, role="primes.signer")
    own = RequireMandate(verifier, role="primes.deposer", enterprise_parameter="number")

    @app.get("/enterprises/{number}/dossiers")
    async def dossiers(mandate: Annotated[Mandate, Depends(own)]) -> dict[str, str]:
        return {"for": mandate.enterprise_number or ""}

    @app.get("/sign")
    async def sign(mandate: Annotated[Mandate, Depends(signer)]) -> dict[str, str]:
        return {"for": mandate.enterprise_number or ""}

    return TestClient(app)


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def test_a_mandate_opens_its_own_enterprise(http, issuer):
    answer = http.get("/enterprises/1900000069/dossiers", headers=bearer(issuer.token()))
    assert (answer.status_code, answer.json()) == (200, {"for": "1900000069"})


@pytest.mark.parametrize(
    "path", ["/enterprises/0314595348/dossiers", "/enterprises/1900.000.069/dossiers", "/sign"]
)
def test_another_enterprise_or_role_is_403(http, issuer, path):
    answer = http.get(path, headers=bearer(issuer.token()))
    assert answer.status_code == 403
    assert "insufficient_scope" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic abc"}, {"authorization": "Bearer"}])
def test_no_credentials_get_no_error_code(http, headers):
    answer = http.get("/sign", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_an_invalid_token_is_401(http, issuer):
    answer = http.get("/sign", headers=bearer(issuer.token(exp=issuer.now - 100, iat=issuer.now - 200)))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_no_keys_is_503(http, issuer):
    issuer.is_down = True
    assert http.get("/sign", headers=bearer(issuer.token())).status_code == 503
