"""An import holds up nobody: while one is under way, a revocation is decided, sealed, relayed and mailed."""

import asyncio
import threading
import zipfile
from dataclasses import replace

import pytest

from demo.wallonia.write import extract
from iam.bce import queries
from iam.bce.extracts.progress import Phase
from iam.bce.importer import Limits, Scale, Status, apply_extract
from iam.delegation import commands as c
from iam.delegation.rights import Rights, effective
from iam.duties import chores
from iam.kernel.assurance import Level
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import Database
from tests.integration.test_worker import MINUTES, _at_rest, until, working
from tests.support.acts import DUPONT, did, gap, given
from tests.support.mail import mail_server

pytestmark = pytest.mark.anyio
HOLDING = {
    "copying": (Phase.COPY, lambda moment: moment.done > 0),
    "resolving": (Phase.RESOLVE, lambda moment: moment.what == "units"),
    "comparing": (Phase.COMPARE, lambda moment: moment.done > 0),
    "written": (Phase.MERGE, lambda moment: moment.done == 1),
    "about to commit": (Phase.COMMIT, lambda moment: moment.done == 0),
}


def later_extract(folder):
    """The next full extract: what everything is called has changed, and there are activities."""
    files = extract(2)
    files["meta.csv"] = (
        files["meta.csv"]
        .replace('"2"', '"3"')
        .replace("30-10-2026", "20-11-2026")
        .replace("01-11-", "22-11-")
    )
    files["denomination.csv"] = files["denomination.csv"].replace("Menuiserie Dupont", "Charpentes Dupont")
    files["enterprise.csv"] = files["enterprise.csv"].replace('"000"', '"010"')
    path = folder / "next.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


class Import:
    """An import in a thread of its own, which stops at a moment until it is told to go on."""

    def __init__(self, url, clock, path, moment, scale):
        self.phase, self.then = HOLDING[moment]
        self.held, self.go_on = threading.Event(), threading.Event()
        self.arguments = url, clock, path, scale

    def _watch(self, moment):
        if not self.held.is_set() and moment.phase is self.phase and moment.what and self.then(moment):
            self.held.set()
            if not self.go_on.wait(60):
                raise TimeoutError

    async def _run(self):
        url, clock, path, scale = self.arguments
        db = Database(url, pool_size=2)
        try:
            return await apply_extract(
                db,
                path,
                clock,
                scale=scale,
                activities=True,
                limits=Limits(vanish_floor=5),
                watcher=self._watch,
            )
        finally:
            await db.close()

    async def __aenter__(self):
        self.running = asyncio.create_task(asyncio.to_thread(asyncio.run, self._run()))
        await until(lambda: asyncio.sleep(0, self.held.is_set() or self.running.done()))
        assert not self.running.done(), self.running.result()
        return self

    async def __aexit__(self, *_):
        self.go_on.set()
        await asyncio.wait([self.running])

    async def end(self):
        self.go_on.set()
        return await self.running


async def situation(db):
    async with db.read() as conn:
        found = await queries.find_by_number(conn, EnterpriseNumber(DUPONT))
        return await queries.extract_number(conn), found.situation


async def has(town, who, role):
    async with town.db.read() as conn:
        found = await effective(
            conn, person=town.person(who), number=EnterpriseNumber(DUPONT), roles=frozenset({role}),
            at=town.clock(), level=Level.EID,
        )  # fmt: skip
    return isinstance(found, Rights)


@pytest.mark.parametrize("scale", [Scale(beside_from_bytes=0), Scale()], ids=["beside", "within"])
@pytest.mark.parametrize("moment", HOLDING)
async def test_a_revocation_waits_for_no_import(town, town_url, clock, tmp_path, moment, scale):
    """It takes effect, is sealed, handed on and mailed while the import stands still. Every poll is minutes away."""
    await gap(town, "luc", "jeanne")
    grant = await given(town, "jeanne", "karim", "primes.deposer")
    async with mail_server(tmp_path / "mails") as server:
        mail = town.settings.mail.model_copy(update={"port": server.port})
        settings = town.settings.model_copy(update={"mail": mail})
        rare = [replace(chore, seconds=MINUTES) for chore in chores(settings, town.db, town.clock)]
        async with working(town.db, town_url, rare, town.clock):
            await until(lambda: _at_rest(town))
            told = len(server.mails)
            before = await situation(town.db)
            assert await has(town, "karim", "primes.deposer")
            path = later_extract(tmp_path)
            async with Import(town_url, clock, path, moment, scale) as importing:
                end = c.EndGrant(entity=town.entity(DUPONT), grant=grant, reason="Parti.")
                async with asyncio.timeout(20):
                    await did(town, end, "jeanne")
                    assert not await has(town, "karim", "primes.deposer")
                    await until(lambda: asyncio.sleep(0, len(server.mails) > told))
                    await until(lambda: _at_rest(town))
                assert not importing.running.done()
                assert await situation(town.db) == before == (2, "000")

                report = await importing.end()

            assert report.status is Status.APPLIED, report
            assert await situation(town.db) == (3, "010")
