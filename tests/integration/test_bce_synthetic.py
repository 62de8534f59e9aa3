"""The made-up country goes through the real importer: nothing in it is set aside."""

from datetime import date

import pytest
from sqlalchemy import text

from iam.bce.functions import apply_feed
from iam.bce.importer import Status, apply_extract
from iam.bce.synthetic import Plan, generate
from iam.kernel.ssin import FingerprintKeys
from tests.support import open_data

pytestmark = pytest.mark.anyio
KEYS = FingerprintKeys("1", b"k" * 32)
MANY = 2000


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    plan = Plan(enterprises=MANY, seed=5, days=1, month=date(2026, 1, 1), full_after=True)
    return generate(plan, tmp_path_factory.mktemp("country"))


async def test_a_full_extract_is_applied_and_no_row_is_set_aside(db, clock, made):
    report = await apply_extract(db, made.extracts[0], clock)

    assert (report.status, report.bad_rows, report.warnings) == (Status.APPLIED, 0, ())
    assert report.read["enterprise"] == MANY
    for file in ("enterprise", "establishment", "branch", "denomination", "address", "contact"):
        assert report.read[file] == len(open_data.rows(made.extracts[0], f"{file}.csv"))
    async with db.read() as conn:
        entities = (await conn.execute(text("SELECT count(*) FROM bce_entity"))).scalar_one()
    assert entities == MANY


async def test_the_full_extract_of_the_next_day_is_applied_after_it(db, clock, made):
    await apply_extract(db, made.extracts[0], clock)
    clock.advance(hours=24)

    report = await apply_extract(db, made.extracts[2], clock)

    before, after = (
        {row[0] for row in open_data.rows(made.extracts[place], "enterprise.csv")} for place in (0, 2)
    )
    assert (report.status, report.bad_rows, report.warnings) == (Status.APPLIED, 0, ())
    assert report.vanishing_count == len(before - after) > 0
    assert report.written["bce_entity"]["began"] == len(after - before) > 0


async def test_the_feed_of_functions_is_applied_and_no_line_is_set_aside(db, clock, made):
    await apply_extract(db, made.extracts[0], clock)

    report = await apply_feed(db, made.feeds[0], KEYS, clock)

    assert (report.status, report.bad, report.warnings) == (Status.APPLIED, (), ())
    assert report.written["bce_function"]["began"] == len(open_data.lines(made.feeds[0])[1])
