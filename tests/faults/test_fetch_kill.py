"""kill -9 of `habilis bce fetch`: in the middle of a download, and with the file here and not yet told."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.integration.test_provisioning_process import environment
from tests.support.extract import Extract
from tests.support.settings import some_settings
from tests.support.sftp_site import PASSWORD, USER, sftp_site

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

REPOSITORY = Path(__file__).parents[2]
NAME = "KboOpenData_0001_2026_10_04_Full.zip"
SIZE = 6_000_000
STALLS_AT = 3_000_000


@pytest.fixture
def there(tmp_path):
    """A folder with one extract that is long, because something stands in it that is not read."""
    folder = tmp_path / "there"
    folder.mkdir()
    path = Extract.of(0, 1, 2).zip(tmp_path).rename(folder / NAME)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("activity.csv", os.urandom(SIZE))
    return folder


class Habilis:
    """Runs the command in a process of its own against the server."""

    def __init__(self, url, site, work):
        self.work = work
        self.environment = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(REPOSITORY),
            **environment(
                some_settings(),
                HABILIS_DATABASE_URL=url,
                HABILIS_REGISTER__SOURCE__KIND="sftp",
                HABILIS_REGISTER__SOURCE__HOST="127.0.0.1",
                HABILIS_REGISTER__SOURCE__PORT=str(site.port),
                HABILIS_REGISTER__SOURCE__USERNAME=USER,
                HABILIS_REGISTER__SOURCE__PASSWORD=PASSWORD,
                HABILIS_REGISTER__SOURCE__HOST_KEYS=json.dumps([site.host_key]),
                HABILIS_REGISTER__SOURCE__WORK_FOLDER=str(work),
            ),
        }

    @contextlib.asynccontextmanager
    async def fetching(self, program=("-m", "iam")):
        process = await asyncio.create_subprocess_exec(
            sys.executable, *program, "bce", "fetch", "--json",
            cwd=REPOSITORY, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        told = asyncio.create_task(process.communicate())
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            self.said, self.way = (each.decode() for each in await told)

    async def fetched(self):
        """What the command said when it was let alone."""
        async with self.fetching() as process, asyncio.timeout(60):
            await process.wait()
        assert process.returncode == 0, self.said + self.way
        return json.loads(self.said)

    def part(self):
        path = self.work / f"{NAME}.part"
        return path.stat().st_size if path.exists() else 0


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def enterprises(db):
    async with db.read() as conn:
        return (await conn.execute(text("SELECT count(*) FROM bce_entity"))).scalar_one()


async def test_a_download_that_was_killed_is_gone_on_with_and_no_part_of_a_file_is_applied(
    db, database_url, there, tmp_path
):
    async with sftp_site(there, stalls_at=STALLS_AT) as site:
        habilis = Habilis(database_url, site, tmp_path / "work")
        async with habilis.fetching() as process:
            await until(lambda: habilis.part() >= 2 << 20)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        assert process.returncode == -signal.SIGKILL
        kept = habilis.part()
        assert not (habilis.work / NAME).exists()
        assert await enterprises(db) == 0

        site.goes_on.set()
        site.reads.clear()
        report = await habilis.fetched()

    assert [(each["name"], each["state"]) for each in report["files"]] == [(NAME, "applied")]
    assert min(offset for name, offset in site.reads if name == NAME) == kept
    assert (habilis.work / NAME).read_bytes() == (there / NAME).read_bytes()
    assert await enterprises(db) == 3
    assert PASSWORD not in habilis.said + habilis.way
    assert "MB/s" in habilis.way
    async with db.read() as conn:
        runs = await conn.execute(text("SELECT outcome FROM bce_fetch_run ORDER BY started_at"))
        assert list(runs.scalars()) == [None, "applied"]


async def test_a_run_that_was_killed_before_it_told_of_its_file_or_before_it_applied_it_is_made_up_for(
    db, database_url, there, tmp_path
):
    async with sftp_site(there) as site:
        habilis = Habilis(database_url, site, tmp_path / "work")
        for step in ("note_fetched", "settle"):
            async with habilis.fetching(("-c", _DIES.format(step=step))) as process, asyncio.timeout(60):
                await process.wait()
            assert process.returncode == -signal.SIGKILL, habilis.said + habilis.way
            assert (habilis.work / NAME).exists()
        report = await habilis.fetched()

    # The importer had committed: the next run finds nothing newer, and applies nothing twice.
    assert (report["outcome"], report["extract"]) == ("upToDate", 1)
    assert await enterprises(db) == 3


_DIES = """
import os, signal, sys
from iam.bce.fetch import record
from iam.cli import main

async def dies(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

record.{step} = dies
sys.argv[0] = "habilis"
main()
"""
