"""The worker fetches extracts beside its other work, and tells the operator when the register is too old."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from iam.bce.fetch import record
from iam.bce.fetch.child import FetchChild
from iam.bce.fetch.model import Outcome, RunReport
from iam.duties import fetcher, watch_register
from iam.kernel.clock import system_clock
from iam.kernel.ids import uuid7
from iam.worker import Chore
from tests.integration.test_provisioning_process import environment
from tests.integration.test_worker import _sealed, _something, sealing, until, working
from tests.support.applied import note_applied
from tests.support.extract import Extract
from tests.support.mail import rows
from tests.support.settings import some_settings

pytestmark = pytest.mark.anyio

REPOSITORY = Path(__file__).parents[2]
OPERATOR = {"mail": "ops@habilis.test"}


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    return {"kind": "folder", "folder": folder, "work_folder": tmp_path / "work"}


async def applied(db, clock, *, snapshot="2026-11-23", produced=timedelta(hours=1)):
    async with db.write() as conn:
        await note_applied(conn, 7, "full", clock(), snapshot_on=date.fromisoformat(snapshot))
        await conn.execute(
            text(
                "INSERT INTO bce_feed (attempt_id, number, kind, produced_at, status, counts, attempted_at)"
                " VALUES (:key, 7, 'full', :made, 'applied', '{}', :now)"
            ),
            {"key": uuid7(), "made": clock() - produced, "now": clock()},
        )


async def ran(db, clock, outcome, reason=None):
    async with db.write() as conn:
        key = await record.begin_run(conn, "folder:x", clock())
        await record.end_run(conn, key, RunReport(outcome=outcome, reason=reason, source="folder:x"), clock())


class TestAlarm:
    async def test_while_all_is_new_enough_nobody_is_told(self, db, clock):
        await applied(db, clock)
        with capture_logs() as logs:
            await watch_register(some_settings(operator=OPERATOR), db, clock)

        assert (logs, await rows(db)) == ([], [])

    async def test_inv_70_an_old_extract_is_told_once_a_day_in_the_operators_language(self, db, clock):
        await applied(db, clock, snapshot="2026-11-20")
        settings = some_settings(operator={**OPERATOR, "language": "nl"})
        with capture_logs() as logs:
            for hours in (0, 1, 12, 24):
                clock.advance(hours=hours)
                await watch_register(settings, db, clock)

        mails = await rows(db)
        assert [(mail.address, mail.language) for mail in mails] == [("ops@habilis.test", "nl")] * 2
        assert "20 november 2026" in mails[0].body["paragraphs"][0]
        assert [(each["event"], each["alarm"], each["extract"]) for each in logs] == [
            ("register.late", True, True)
        ] * 4

    async def test_inv_23_an_old_feed_is_told_by_its_own_limit(self, db, clock):
        await applied(db, clock, produced=timedelta(hours=49))
        for hours in (50, 48):
            policy = {"representation_stale_hours": hours}
            await watch_register(some_settings(operator=OPERATOR, policy=policy), db, clock)

        [mail] = await rows(db)
        assert "48" in mail.body["paragraphs"][0]

    async def test_without_an_address_only_the_log_says_so(self, db, clock):
        with capture_logs() as logs:
            await watch_register(some_settings(), db, clock)

        assert await rows(db) == []
        assert [(each["extract"], each["feed"]) for each in logs] == [(True, True)]

    @pytest.mark.parametrize(
        "outcome", [Outcome.HALTED, Outcome.REFUSED, Outcome.REJECTED, Outcome.DISTRUSTED]
    )
    async def test_a_run_that_waits_for_a_person_is_told_though_nothing_is_old_yet(
        self, db, clock, source, outcome
    ):
        await applied(db, clock)
        await ran(db, clock, outcome, "gap")
        await watch_register(some_settings(operator=OPERATOR, of_register={"source": source}), db, clock)

        [mail] = await rows(db)
        assert f"{outcome.value}, gap" in mail.body["paragraphs"][0]

    @pytest.mark.parametrize("outcome", [Outcome.UP_TO_DATE, Outcome.APPLIED, Outcome.UNAVAILABLE])
    async def test_what_passes_by_itself_is_told_to_nobody(self, db, clock, source, outcome):
        await applied(db, clock)
        await ran(db, clock, outcome)
        await watch_register(some_settings(operator=OPERATOR, of_register={"source": source}), db, clock)

        assert await rows(db) == []


# A run that says so, waits until it is let, and ends.
_LONG = """
import pathlib, sys, time
begun, let, ended = map(pathlib.Path, sys.argv[1:])
begun.touch()
while not let.exists():
    time.sleep(0.02)
ended.touch()
print('{"outcome": "applied", "extract": 7, "files": [1, 2]}')
"""


class TestChild:
    @pytest.fixture
    def marks(self, tmp_path):
        return [tmp_path / name for name in ("begun", "let", "ended")]

    def child(self, program, *arguments, due=None, rest=timedelta(hours=1)):
        async def now():
            return due or system_clock()

        return FetchChild((sys.executable, "-c", program, *map(str, arguments)), now, system_clock, rest)

    async def test_a_long_run_holds_up_no_other_work_and_is_started_once(self, db, database_url, marks):
        begun, let, ended = marks
        child = self.child(_LONG, *marks)
        some = [sealing(db), Chore(name="fetch", duty=child.duty, seconds=0.05, due=child.next_start)]
        with capture_logs() as logs:
            async with working(db, database_url, some):
                await until(lambda: exists(begun))
                for _ in range(3):
                    before = await _sealed(db)
                    await _something(db)
                    await until(lambda last=before: grown(db, last))
                assert not ended.exists()
                let.touch()
                await until(lambda: quiet(child))
            await child.stop()

        told = [each for each in logs if each["event"].startswith("register.fetch")]
        assert [each["event"] for each in told] == ["register.fetch.started", "register.fetch.ended"]
        assert (told[1]["code"], told[1]["outcome"], told[1]["extract"], told[1]["files"]) == (
            0,
            "applied",
            7,
            2,
        )

    async def test_a_worker_that_is_told_to_stop_does_not_wait_for_a_run(self, db, database_url, marks):
        begun, _, ended = marks
        child = self.child(_LONG, *marks)
        some = [Chore(name="fetch", duty=child.duty, seconds=0.05, due=child.next_start)]
        async with asyncio.timeout(20):
            with capture_logs() as logs:
                async with listening_to_nothing(some, database_url):
                    await until(lambda: exists(begun))
                await child.stop()

        assert not child.going_on
        assert not ended.exists()
        [told] = [each for each in logs if each["event"] == "register.fetch.ended"]
        assert (told["code"], told["outcome"], told["alarm"]) == (-signal.SIGTERM, None, True)

    async def test_a_run_that_does_not_listen_is_ended_all_the_same(self, marks, monkeypatch):
        monkeypatch.setattr("iam.bce.fetch.child._SECONDS_TO_END", 0.2)
        child = self.child("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + _LONG, *marks)
        await child.duty()
        await until(lambda: exists(marks[0]))
        await child.stop()

        assert not child.going_on

    async def test_before_its_time_nothing_is_started_and_after_a_run_there_is_a_rest(self, tmp_path, marks):
        marks[1].touch()
        early = self.child(_LONG, *marks, due=system_clock() + timedelta(hours=1))
        await early.duty()
        assert (early.going_on, marks[0].exists()) == (False, False)

        child = self.child(_LONG, *marks)
        await child.duty()
        assert await child.next_start() is None
        await until(lambda: quiet(child))
        await child.duty()
        assert not child.going_on
        assert await child.next_start() > system_clock() + timedelta(minutes=50)


async def exists(path):
    return path.exists()


async def quiet(child):
    return not child.going_on


async def grown(db, before):
    return await _sealed(db) > before


@contextlib.asynccontextmanager
async def listening_to_nothing(some, url):
    from iam.worker import Worker

    running = asyncio.create_task(Worker(url, some, system_clock).run())
    try:
        yield
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await running


async def test_without_a_source_there_is_nothing_to_start(db, clock):
    assert fetcher(some_settings(), db, clock) is None


async def test_the_next_start_is_by_the_schedule_of_the_settings(db, clock, source):
    settings = some_settings(of_register={"source": source, "schedule": {"times": ["06:30"]}})
    child = fetcher(settings, db, clock)

    assert await child.next_start() == clock()
    await ran(db, clock, Outcome.APPLIED)
    assert await child.next_start() == datetime(2026, 11, 25, 5, 30, tzinfo=UTC)


@pytest.mark.timeout(180)
async def test_habilis_worker_fetches_and_applies_what_its_source_has(db, database_url, source):
    Extract.of(0, 1).zip(source["folder"])
    told = {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(REPOSITORY),
        **environment(
            some_settings(),
            HABILIS_DATABASE_URL=database_url,
            HABILIS_REGISTER__SOURCE__KIND="folder",
            HABILIS_REGISTER__SOURCE__FOLDER=str(source["folder"]),
            HABILIS_REGISTER__SOURCE__WORK_FOLDER=str(source["work_folder"]),
        ),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "iam", "worker", cwd=REPOSITORY, env=told, stdout=subprocess.PIPE
    )
    said = asyncio.create_task(process.stdout.read())

    async def here():
        async with db.read() as conn:
            last = await record.last_run(conn)
        return last is not None and last.outcome is not None

    try:
        await until(here, 60)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
    lines = [json.loads(line) for line in (await said).splitlines()]

    async with db.read() as conn:
        assert (await record.last_run(conn)).outcome is Outcome.APPLIED
        assert (await record.newest_extract(conn)).number == 1
    assert process.returncode == 0
    assert "register.fetch.started" in [line["event"] for line in lines]
