"""What a feed of functions means for delegation: nothing is revoked, and nobody acts without a function."""

import pytest

from iam.delegation import commands as c
from iam.delegation.execute import Done
from iam.delegation.queries import gap_of
from iam.kernel.decision import Refusal
from iam.kernel.reasons import Reason
from tests.support.acts import (
    DUPONT,
    act,
    appointment,
    did,
    dump,
    functions_are,
    gap,
    given,
    relay,
)

pytestmark = pytest.mark.anyio


DELEGATION = ("delegation_office", "delegation_grant", "delegation_request")


async def test_inv_19_whose_function_has_ended_appoints_nobody_and_what_he_did_stays(town, tmp_path):
    await gap(town, "luc", "jeanne")
    await given(town, "jeanne", "karim", "primes.deposer")
    await relay(town)
    before = {table: rows for table, rows in (await dump(town.db)).items() if table in DELEGATION}

    report = await functions_are(town, tmp_path, DUPONT)
    handled = await relay(town)

    assert report.events == {"bce.representation.ended": 1}
    assert handled > 0
    after = {table: rows for table, rows in (await dump(town.db)).items() if table in DELEGATION}
    assert after == before, "an appointment is an act of the enterprise: it survives (DOMAIN 1.5)"
    refused = await act(town, appointment(town, "sophie"), "luc")
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.NO_STANDING
    granted = await act(
        town,
        c.GrantRole(
            entity=town.entity(DUPONT), person=town.person("sophie"), role="primes.deposer",
            first=town.clock().date(), last=None,
        ),
        "jeanne",
    )  # fmt: skip
    assert isinstance(granted, Done), "whom he appointed manages on"


async def test_inv_19_whose_function_begins_may_from_then_on(town, tmp_path):
    await did(town, appointment(town, "jeanne"), "luc")
    assert isinstance(await act(town, appointment(town, "sophie"), "sophie"), Refusal)
    sophie = {"function": "XADMI", "holder": {"ssin": "90000000839"}, "from": "2026-11-24"}

    report = await functions_are(town, tmp_path, DUPONT, sophie)

    assert report.events == {"bce.representation.began": 1, "bce.representation.ended": 1}
    async with town.db.read() as conn:
        _, pending = await gap_of(conn, town.entity(DUPONT), town.clock())
    cancel = c.CancelAppointment(entity=town.entity(DUPONT), office=pending.office.id)
    assert isinstance(await act(town, cancel, "luc"), Refusal)
    assert isinstance(await act(town, cancel, "sophie"), Done)
