"""The client library against the real endpoints, in one process."""

import httpx2
import pytest
from habilis_portal import AsyncHabilisClient, Denied, Rejected, StepUpNeeded

from iam.kernel.assurance import Level
from tests.support.oauth import DUPONT, ISSUER, SECRETS, world

pytestmark = pytest.mark.anyio


@pytest.fixture
async def w(db, clock):
    made = await world(db, clock)
    made.grant()
    yield made
    await made.client.aclose()


def portal(w, client_id="primes", **options):
    return AsyncHabilisClient(
        issuer=ISSUER, audience=f"https://{client_id}.test", client_id=client_id, client_secret=SECRETS[client_id],
        http=httpx2.AsyncClient(transport=w.client._transport), clock=lambda: w.clock().timestamp(), **options,
    )  # fmt: skip


async def test_exchange_verify_introspect_evaluate_revoke(w):
    habilis = portal(w)

    mandate = await habilis.exchange(w.login(), enterprise=DUPONT.digits)
    assert mandate.has_role("primes.deposer")
    assert mandate.acts_for(DUPONT.digits)
    assert (await habilis.introspect(mandate.token)).roles == ("primes.deposer",)
    decision = await habilis.evaluate(mandate.subject, "primes.deposer", DUPONT.digits, acr=mandate.acr)
    assert (decision.permitted, decision.roles) == (True, ("primes.deposer",))
    assert decision.revision == mandate.revision

    await habilis.revoke(mandate.token)
    assert not (await habilis.introspect(mandate.token)).active


async def test_a_citizen(w):
    mandate = await portal(w).exchange(w.login())
    assert (mandate.capacity, mandate.enterprise_number, mandate.roles) == ("citizen", None, ())


async def test_rs256(w):
    w.grant(role="permis.suivre")
    mandate = await portal(w, "permis", algorithms=["RS256"]).exchange(
        w.login(azp="permis"), enterprise=DUPONT.digits
    )
    assert mandate.has_role("permis.suivre")
    assert mandate.enterprise_name is None


async def test_every_no(w):
    habilis = portal(w)
    with pytest.raises(Denied):
        await habilis.exchange(w.login("luc"), enterprise=DUPONT.digits)
    with pytest.raises(Rejected):
        await habilis.exchange("nothing", enterprise=DUPONT.digits)
    w.grant("anne", "primes.signer", level=Level.EID)
    with pytest.raises(StepUpNeeded) as caught:
        await habilis.exchange(w.login("anne"), enterprise=DUPONT.digits)
    assert caught.value.acr_values == Level.EID.acr
