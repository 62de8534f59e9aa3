"""kill -9 of `habilis bce import` at each phase leaves the extract before or this one, never a mix (nr 9)."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from iam.bce import queries
from iam.bce.importer import Limits, Scale, Status, apply_extract
from tests.integration.test_provisioning_process import environment
from tests.support.extract import Extract, Update, dotted, unit
from tests.support.official import rows_of
from tests.support.settings import some_settings

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]
REPOSITORY = Path(__file__).parents[2]
ANY = Limits(vanish_floor=1000)
WITHIN = ("copy:some", "judge:last", "resolve:last", "compare:last", "merge:first", "commit:first")


def some_update():
    update = Update().delete("enterprise", dotted(0), dotted(1))
    update.insert("enterprise", dotted(1), "AC", "050", "2", "610", None, "01-02-2003")
    update.delete("denomination", dotted(2)).insert("denomination", dotted(2), "1", "001", "Autre nom")
    return update.delete("establishment", unit(2)).insert("establishment", unit(2), "04-08-2010", dotted(1))


EXTRACTS = {
    "first": None,
    "full": Extract.of(1, 2, 7, number=2, snapshot="03-10-2026"),
    "update": some_update(),
}


async def die(url, moment, place, path):
    """The command is started and kills itself at the moment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.dying_import", moment, place, str(path),
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={
            "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PYTHONPATH": str(REPOSITORY),
            **environment(some_settings(), HABILIS_DATABASE_URL=url),
        },
    )  # fmt: skip
    said, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == -signal.SIGKILL, said.decode() + errors.decode()


async def state(db):
    """All that readers see: rows in official columns, history, and on which extract they stand."""
    async with db.read() as conn:
        history = {
            table: sorted(map(repr, await conn.execute(text(f"SELECT * FROM {table}"))))
            for table in (
                "bce_entity",
                "bce_number",
                "bce_snapshot",
                "bce_name",
                "bce_tombstone",
                "bce_extract",
            )
        }
        return await queries.extract_number(conn), history, await rows_of(db)


async def again(db, clock, path, place):
    """The same extract, once the dead one's connections have ended."""
    scale = Scale(beside_from_bytes=0 if place == "beside" else 1 << 40)
    async with asyncio.timeout(30):
        while True:
            report = await apply_extract(db, path, clock, limits=ANY, scale=scale)
            if report.reason != "busy":
                return report
            await asyncio.sleep(0.05)


async def left_behind(db):
    async with db.read() as conn:
        found = await conn.execute(text("SELECT relname FROM pg_class WHERE relname LIKE 'staging%'"))
        return [row.relname for row in found]


@pytest.mark.parametrize(
    ("what", "place", "moment"),
    [
        *(
            ("first", "beside", moment)
            for moment in ("copy:some", "build:first", "build:last", "commit:first")
        ),
        *(("full", "within", moment) for moment in ("judge:last", "commit:first")),
        *(
            ("full", "beside", moment)
            for moment in ("copy:some", "resolve:first", "compare:first", "merge:last")
        ),
        *(("update", "within", moment) for moment in WITHIN),
    ],
)
async def test_inv_09_a_killed_import_leaves_the_extract_before_and_the_next_one_goes_on(
    db, clock, database_url, tmp_path, what, place, moment
):
    first = Extract.of(0, 1, 2).zip(tmp_path)
    path = first if what == "first" else EXTRACTS[what].zip(tmp_path)
    if what != "first":
        await apply_extract(db, first, clock)
        clock.advance(hours=20)
    before = await state(db)

    await die(database_url, moment, place, path)

    assert await state(db) == before
    assert (await again(db, clock, path, place)).status is Status.APPLIED
    assert (await state(db))[0] == before[0] + 1
    if place == "beside":
        assert await left_behind(db) == []


async def test_an_import_that_was_killed_after_its_commit_is_applied(db, clock, database_url, tmp_path):
    await apply_extract(db, Extract.of(0, 1, 2).zip(tmp_path), clock)
    clock.advance(hours=20)
    path = EXTRACTS["update"].zip(tmp_path)

    await die(database_url, "commit:last", "beside", path)

    async with db.read() as conn:
        assert await queries.extract_number(conn) == 2
    before = await state(db)
    assert (await again(db, clock, path, "beside")).status is Status.ALREADY_APPLIED
    assert await state(db) == before
