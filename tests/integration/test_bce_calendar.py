"""Who begins or ceases to represent by time alone: told in the journal, once, by the Belgian day."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from iam.bce import queries, reference
from iam.bce.functions import Limits, apply_feed, calendar
from iam.bce.functions.rules import load_rules
from iam.bce.importer import Status, apply_extract
from iam.bce.record import watch
from iam.bce.rules import Rulebook
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.ssin import FingerprintKeys
from tests.support.dossiers import FABRIQUE, Desk
from tests.support.extract import Extract, feed, held, number

pytestmark = pytest.mark.anyio
KEYS = FingerprintKeys("1", b"a" * 32)
LUC, ANNE, MARC = "58000000549", "61000001208", "66000001117"
# The 25th of November is over in Belgium.
MIDNIGHT = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)
TO_25, FROM_26 = {"last": "2026-11-25"}, {"first": "2026-11-26"}
HEADER = "function,form,represents,controlled,valid_from,valid_to,source\n"


@pytest.fixture
async def register(db, clock, tmp_path):
    """Two companies; the first is watched. Somebody has looked once."""
    assert (await apply_extract(db, Extract.of(0, 1).zip(tmp_path), clock)).status is Status.APPLIED
    async with db.write() as conn:
        await watch(conn, (await queries.find_by_number(conn, EnterpriseNumber(number(0)))).entity)
    assert await look(db, clock) == 0


@pytest.fixture
def apply(db, clock, tmp_path, register):
    async def run(*lines, **header):
        clock.advance(minutes=5)
        made = feed(tmp_path, *lines, produced_at=clock.now.isoformat(), **header)
        report = await apply_feed(db, made, KEYS, clock, limits=Limits(loss_floor=9))
        assert report.status is Status.APPLIED, report
        return report

    return run


async def look(db, clock, **how):
    async with db.write() as conn:
        return await calendar.tell(conn, clock.now, **how)


async def told(db, *, by=None):
    """What stands in the journal: kind, code, whether nobody is left, and by what it was brought about."""
    async with db.read() as conn:
        rows = await conn.execute(
            text(
                "SELECT kind, data, actor_name FROM journal_entry WHERE kind LIKE 'bce.representation.%'"
                " ORDER BY revision, ordinal"
            )
        )
        return [
            (row.kind.rsplit(".", 1)[1], row.data["code"], row.data.get("last"))
            for row in rows
            if by is None or row.actor_name == by
        ]


async def test_inv_19_who_ceases_and_who_begins_on_a_day_is_told_at_belgian_midnight_and_once(
    db, apply, clock
):
    await apply(
        held(0, ssin=LUC, **TO_25), held(0, "XADMD", ssin=ANNE, **FROM_26), held(0, "XCOMM", ssin=MARC, **TO_25),
        held(1, ssin=LUC, **TO_25),
    )  # fmt: skip

    clock.now = MIDNIGHT - timedelta(microseconds=1)
    assert await look(db, clock) == 0
    clock.now = MIDNIGHT
    assert await look(db, clock) == 2
    clock.advance(hours=30)
    assert await look(db, clock) == 0

    assert await told(db, by="calendar") == [("ended", "XADMI", False), ("began", "XADMD", None)]
    async with db.read() as conn:
        heads = await conn.execute(
            text("SELECT DISTINCT head_id FROM journal_entry WHERE kind LIKE 'bce.representation.%'")
        )
        first = (await queries.find_by_number(conn, EnterpriseNumber(number(0)))).entity
        assert list(heads.scalars()) == [first], "nobody watches the other"


async def test_the_last_one_to_go_by_time_is_told_as_such(db, apply, clock):
    await apply(held(0, ssin=LUC, **TO_25))
    clock.now = MIDNIGHT
    await look(db, clock)

    assert await told(db, by="calendar") == [("ended", "XADMI", True)]


async def test_what_was_learned_after_its_day_was_told_when_it_was_learned(db, apply, clock):
    clock.now = MIDNIGHT + timedelta(hours=1)
    await apply(held(0, ssin=LUC, **FROM_26))
    clock.advance(hours=1)

    assert await look(db, clock) == 0
    assert await told(db) == [("began", "XADMI", None)]


async def test_what_ended_by_its_day_before_a_feed_is_told_before_what_the_feed_says(db, apply, clock):
    await apply(held(0, ssin=LUC, **TO_25))
    clock.now = MIDNIGHT + timedelta(hours=1)
    await apply(held(0, ssin=LUC), number=2)

    assert await look(db, clock) == 0
    assert await told(db) == [("began", "XADMI", None), ("ended", "XADMI", True), ("began", "XADMI", None)]
    assert await told(db, by="calendar") == [("ended", "XADMI", True)]


async def test_a_feed_that_is_not_applied_has_told_nothing(db, apply, clock, tmp_path):
    await apply(held(0, ssin=LUC, **TO_25))
    clock.now = MIDNIGHT + timedelta(hours=1)
    made = feed(tmp_path, held(0, ssin=LUC), number=2, produced_at=clock.now.isoformat())
    await apply_feed(db, made, KEYS, clock, dry_run=True)

    assert await told(db, by="calendar") == []
    assert await look(db, clock) == 1


async def test_a_rule_that_begins_or_ends_on_a_day_is_told_for_those_whose_function_it_is(
    db, apply, clock, tmp_path
):
    rules = tmp_path / "rules.csv"
    rules.write_text(
        HEADER
        + "XADMI,*,alone,no,2000-01-01,2026-11-25,x\nXDELG,*,no,no,2000-01-01,2026-11-25,x\n"
        + "XDELG,*,alone,no,2026-11-26,,x\nXADMD,*,alone,no,2000-01-01,,x\n"
    )
    await apply(held(0, ssin=LUC), held(0, "XDELG", ssin=ANNE), held(0, "XADMD", ssin=MARC))
    async with db.write() as conn:
        await load_rules(conn, reference.read(rules), clock)
    before = await told(db)
    clock.now = MIDNIGHT
    assert await look(db, clock) == 2

    assert (await told(db))[len(before) :] == [("ended", "XADMI", False), ("began", "XDELG", None)]
    clock.advance(hours=30)
    assert await look(db, clock) == 0


def test_between_two_days_the_rules_that_turn_are_those_whose_first_day_came_or_last_day_went(tmp_path):
    path = tmp_path / "rules.csv"
    path.write_text(
        HEADER + "XADMI,*,alone,no,2026-11-26,,x\nXADMD,*,alone,no,2000-01-01,2026-11-25,x\n"
        "XGERA,*,alone,no,2026-11-25,2026-11-26,x\nXDELG,*,no,no,2026-11-27,,x\n"
    )
    book = Rulebook(rules=reference.read(path).rules, types={})
    before, after = MIDNIGHT - timedelta(microseconds=1), MIDNIGHT

    assert calendar.turning(book, before, after) == {"XADMI", "XADMD"}
    assert calendar.turning(book, after, after + timedelta(hours=23)) == frozenset()


async def test_two_who_look_at_once_tell_it_once(db, apply, clock):
    await apply(held(0, ssin=LUC, **TO_25))
    clock.now = MIDNIGHT
    async with db.write() as conn:
        assert await calendar.tell(conn, clock.now) == 1
        assert await look(db, clock, wait=False) == 0
    assert await look(db, clock) == 0
    assert len(await told(db, by="calendar")) == 1


async def test_the_first_look_looks_back_on_nothing(db, clock, tmp_path):
    await apply_extract(db, Extract.of(0).zip(tmp_path), clock)

    assert await look(db, clock, wait=False) == 0
    async with db.read() as conn:
        assert (await conn.execute(text("SELECT looked_at FROM bce_calendar"))).scalar_one() == clock.now


async def test_the_end_of_a_dossier_on_its_day_is_told_and_its_beginning_not_twice(town):
    desk = await Desk.open(town)
    assert await look(town.db, town.clock) == 0
    town.clock.advance(minutes=5)
    found = await desk.accepted(until=datetime(2026, 11, 25, tzinfo=UTC).date())
    town.clock.advance(minutes=5)
    assert await look(town.db, town.clock) == 0
    town.clock.now = MIDNIGHT
    assert await look(town.db, town.clock) == 1

    assert await told(town.db) == [("began", "XPOUV", None), ("ended", "XPOUV", True)]
    async with town.db.read() as conn:
        data = await conn.execute(
            text("SELECT data FROM journal_entry WHERE kind = 'bce.representation.ended' AND head_id = :id"),
            {"id": town.entity(FABRIQUE)},
        )
        assert data.scalar_one()["function"] == str(found)
