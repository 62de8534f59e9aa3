"""What a feed of functions means for delegation: nothing is revoked, and nobody acts without a function."""

import json

import pytest

from demo.wallonia.write import function_lines
from iam.bce.functions import Limits, apply_feed
from iam.bce.importer import Status
from iam.bce.queries import feed_state
from iam.delegation import commands as c
from iam.delegation.execute import Done
from iam.delegation.queries import gap_of
from iam.duties import consumers
from iam.kernel.decision import Refusal
from iam.kernel.reasons import Reason
from iam.worker import relay_all, seal_all
from tests.support.acts import DUPONT, act, appointment, did, dump, gap, given

pytestmark = pytest.mark.anyio


async def update(town, folder, number, *functions):
    """The enterprise has these functions and no other, by an update onto the newest feed."""
    header = json.loads(function_lines(town.clock().replace(microsecond=0))[0])
    async with town.db.read() as conn:
        newest = (await feed_state(conn)).number
    town.clock.advance(minutes=1)
    header |= {
        "kind": "update", "number": newest + 1, "functions": 1, "producedAt": town.clock().isoformat(),
    }  # fmt: skip
    path = folder / "update.jsonl"
    lines = (header, {"enterpriseNumber": number, "functions": list(functions)})
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    keys = town.settings.fingerprint_keys
    report = await apply_feed(town.db, path, keys, town.clock, limits=Limits(loss_floor=9))
    assert report.status is Status.APPLIED, report
    return report


async def relay(town):
    """Everything in the journal has reached its consumers."""
    await seal_all(town.db, town.clock)
    return await relay_all(town.db, consumers(town.settings, town.door), town.clock)


DELEGATION = ("delegation_office", "delegation_grant", "delegation_request")


async def test_inv_19_whose_function_has_ended_appoints_nobody_and_what_he_did_stays(town, tmp_path):
    await gap(town, "luc", "jeanne")
    await given(town, "jeanne", "karim", "primes.deposer")
    await relay(town)
    before = {table: rows for table, rows in (await dump(town.db)).items() if table in DELEGATION}

    report = await update(town, tmp_path, DUPONT)
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

    report = await update(town, tmp_path, DUPONT, sophie)

    assert report.events == {"bce.representation.began": 1, "bce.representation.ended": 1}
    async with town.db.read() as conn:
        _, pending = await gap_of(conn, town.entity(DUPONT), town.clock())
    cancel = c.CancelAppointment(entity=town.entity(DUPONT), office=pending.office.id)
    assert isinstance(await act(town, cancel, "luc"), Refusal)
    assert isinstance(await act(town, cancel, "sophie"), Done)
