"""An address counts for the enterprise for which it was confirmed (DOMAIN 7.3 nr 51)."""

import pytest

from iam.delegation import queries
from iam.delegation.execute import Done
from iam.delegation.model import RequestState
from iam.kernel.reasons import Reason
from tests.support.acts import DUPONT, SERVAIS, act, did, gap, gift, requested

pytestmark = pytest.mark.anyio


async def state_of_request(town, request):
    async with town.db.read() as conn:
        return await queries.request(conn, request, town.clock())


@pytest.mark.parametrize("elsewhere", [SERVAIS, None], ids=["for another", "for none"])
async def test_inv_51_an_address_confirmed_elsewhere_gives_no_role_here(town, elsewhere):
    await gap(town, "luc", "jeanne")
    await town.forget_addresses("karim")
    await town.confirm("karim", "karim@exemple.be", elsewhere)
    refused = await act(town, gift(town, "karim", "primes.deposer"), "jeanne")
    assert refused.reason is Reason.HOLDER_EMAIL_UNVERIFIED

    await town.confirm("karim", "karim@exemple.be", DUPONT)

    assert isinstance(await act(town, gift(town, "karim", "primes.deposer"), "jeanne"), Done)


async def test_inv_51_a_direct_grant_needs_no_particular_address_of_those_confirmed_here(town):
    await gap(town, "luc", "jeanne")
    await town.forget_addresses("karim")
    await town.confirm("karim", "karim.benali@dupont.be", DUPONT)
    await did(town, gift(town, "karim", "primes.deposer"), "jeanne")


@pytest.mark.parametrize(
    ("confirmed", "state"),
    [
        (DUPONT, RequestState.WAITING_FOR_GAP),
        (SERVAIS, RequestState.UNCONFIRMED),
        (None, RequestState.UNCONFIRMED),
    ],
    ids=["here", "for another", "for none"],
)
async def test_inv_51_a_request_counts_at_once_only_with_an_address_confirmed_here(town, confirmed, state):
    await town.forget_addresses("karim")
    await town.confirm("karim", "karim@exemple.be", confirmed)
    view = await state_of_request(town, await requested(town, "karim"))
    assert (view.state, view.email_confirmed) == (state, confirmed == DUPONT)
