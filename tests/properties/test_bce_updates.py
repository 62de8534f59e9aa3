"""The register after an extract and updates is the one after the later extract alone (DOMAIN 7.3 nr 11).

Countries are made up from a seed, with all that happens on a day; both registers are read back in the
columns of the official files and compared with each other and with what a careful reader of the files keeps.
"""

import os
from contextlib import asynccontextmanager
from datetime import date

import pytest

from iam.bce.importer import Limits, Scale, Status, apply_extract
from iam.bce.synthetic import Plan, generate
from iam.kernel.ids import uuid4
from iam.storage import Database
from tests.support import open_data
from tests.support.official import as_kept, rows_of, shuffled

pytestmark = pytest.mark.anyio
MANY = Limits(vanish_floor=1000)
BESIDE = Scale(beside_from_bytes=0)
# A country as large as the time that one has: `HABILIS_TEST_ENTERPRISES=200000 pytest -k month_of_daily`.
ENTERPRISES = int(os.environ.get("HABILIS_TEST_ENTERPRISES", "3000"))
MONTH = 30


@asynccontextmanager
async def register(cluster, template):
    """An empty register of its own."""
    name = f"p_{uuid4().hex}"
    cluster.create_database(name, template=template)
    db = Database(cluster.url(name), pool_size=3)
    try:
        yield db
    finally:
        await db.close()
        cluster.drop_database(name)


def split(made):
    """The first full extract, the updates, and the full extracts of the same days."""
    fulls = [path for path in made.extracts if path.stem.endswith("_Full")]
    return fulls[0], [path for path in made.extracts if path.stem.endswith("_Update")], fulls[1:]


async def applied(db, clock, path, **options):
    clock.advance(hours=20)
    report = await apply_extract(db, path, clock, limits=MANY, **options)
    assert (report.status, report.bad, report.warnings) == (Status.APPLIED, (), ())
    return report


@pytest.mark.parametrize(
    ("seed", "enterprises", "days", "scale"),
    [
        (1, 40, 6, None),
        (2, 300, 4, None),
        (3, 300, 4, BESIDE),
        (4, 1200, 3, None),
        (5, 1200, 2, BESIDE),
        (6, 9, 8, None),
    ],
)
async def test_inv_11_full_and_updates_are_the_later_full(
    cluster, template, clock, tmp_path, seed, enterprises, days, scale
):
    made = generate(
        Plan(enterprises=enterprises, seed=seed, days=days, month=date(2026, 1, 1), full_after=True),
        tmp_path / "country",
    )
    first, updates, fulls = split(made)
    told = open_data.full(first)
    async with register(cluster, template) as followed, register(cluster, template) as afresh:
        options = {"activities": True, "scale": scale}
        await applied(followed, clock, shuffled(first, tmp_path, seed), **options)
        assert await rows_of(followed) == as_kept(told)
        for update in updates:
            await applied(followed, clock, shuffled(update, tmp_path, seed), **options)
            open_data.apply(told, update)
            assert await rows_of(followed) == as_kept(told), update.name
        await applied(afresh, clock, shuffled(fulls[-1], tmp_path, seed), **options)

        assert await rows_of(followed) == await rows_of(afresh) == as_kept(open_data.full(fulls[-1]))


@pytest.mark.parametrize("seed", [7, 8])
async def test_inv_11_it_holds_for_any_days_between(cluster, template, clock, tmp_path, seed):
    """Full(n) is Full(n-k) and k updates for every k, and a full one onto updates writes nothing."""
    made = generate(
        Plan(enterprises=150, seed=seed, days=3, month=date(2026, 1, 1), full_after=True),
        tmp_path / "country",
    )
    first, updates, fulls = split(made)
    wanted = as_kept(open_data.full(fulls[-1]), activities=False)
    for begin in range(1, len(updates)):
        async with register(cluster, template) as db:
            await applied(db, clock, fulls[begin - 1])
            for update in updates[begin:]:
                await applied(db, clock, update)

            assert await rows_of(db) == wanted
    async with register(cluster, template) as db:
        for path in (first, updates[0], fulls[1]):
            await applied(db, clock, path)
        before = await rows_of(db)
        await applied(db, clock, updates[2])

        assert before == as_kept(open_data.full(fulls[1]), activities=False)
        assert await rows_of(db) == wanted


@pytest.mark.timeout(max(120, ENTERPRISES // 50))
async def test_inv_11_a_month_of_daily_updates_is_the_full_extract_of_its_end(
    cluster, template, clock, tmp_path
):
    """Full(n) is Full(n-30) and thirty updates, row by row, whatever the order of the files in their zips."""
    plan = Plan(
        enterprises=ENTERPRISES, seed=30, days=MONTH, month=date(2026, 1, 1), activities=False, full_last=True
    )
    first, updates, [last] = split(generate(plan, tmp_path / "country"))
    assert len(updates) == MONTH
    wanted = as_kept(open_data.full(last), activities=False)
    assert wanted["enterprise"] != as_kept(open_data.full(first), activities=False)["enterprise"]
    async with register(cluster, template) as followed:
        for seed, path in enumerate((first, *updates)):
            await applied(followed, clock, shuffled(path, tmp_path, seed))
        assert await rows_of(followed) == wanted
    async with register(cluster, template) as afresh:
        await applied(afresh, clock, shuffled(last, tmp_path, MONTH + 1))
        assert await rows_of(afresh) == wanted
