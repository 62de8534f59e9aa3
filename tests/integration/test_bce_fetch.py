"""A run of fetching: in which order, from where it goes on, when it stops and what it remembers."""

import asyncio
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text

from iam.bce.fetch import record
from iam.bce.fetch.download import Patience
from iam.bce.fetch.folder import FolderSource
from iam.bce.fetch.model import Outcome
from iam.bce.fetch.portal import PortalSource
from iam.bce.fetch.run import Means, fetch, look
from iam.bce.fetch.source import SourceUnavailable
from iam.bce.fetch.watch import Silent
from iam.bce.fetch.work import WorkFolder
from iam.bce.importer import Report, Status, apply_extract
from iam.settings import FolderSource as FolderSettings
from iam.settings import PortalSource as PortalSettings
from iam.storage.locks import Lease, keep_lease
from tests.support.applied import note_applied
from tests.support.extract import Extract
from tests.support.portal_site import portal_site

pytestmark = pytest.mark.anyio


async def no_sleep(_seconds):
    return None


class Importer:
    """Stands for `apply_extract` where only the order counts: an extract is applied when it may come next.

    What a number answers otherwise can be told beforehand.
    """

    def __init__(self, db, clock):
        self.db, self.clock = db, clock
        self.asked = []
        self.answers = {}

    async def __call__(self, path):
        with zipfile.ZipFile(path) as archive:
            meta = dict(
                line.split(",") for line in archive.read("meta.csv").decode().replace('"', "").splitlines()
            )
        number, kind = int(meta["ExtractNumber"]), meta["ExtractType"]
        self.asked.append((number, kind))
        if number in self.answers:
            return self.answers[number]
        async with self.db.write() as conn:
            newest = await record.newest_extract(conn)
            if kind == "update" and (newest is None or number != newest.number + 1):
                return Report(status=Status.REFUSED, number=number, reason="gap")
            await note_applied(conn, number, kind, self.clock())
        return Report(status=Status.APPLIED, number=number)


class World:
    """A folder as the source, a work folder, an importer; what a run needs."""

    def __init__(self, db, clock, folder):
        self.db, self.clock = db, clock
        self.there = folder / "there"
        self.there.mkdir()
        self.work = folder / "work"
        self.importer = Importer(db, clock)
        self.source = FolderSource(FolderSettings(kind="folder", folder=self.there, work_folder=self.work))

    def means(self, **changes):
        usual = {
            "db": self.db, "source": self.source, "work": WorkFolder(self.work), "apply": self.importer,
            "clock": self.clock, "patience": Patience(tries=2, pause=0, largest=1 << 30), "keep": 3,
            "watcher": Silent(), "sleep": no_sleep,
        }  # fmt: skip
        return Means(**{**usual, **changes})

    def put(self, number, kind="update", *, name=None):
        """An extract in the folder of the source, under an official name or another."""
        path = Extract(number=number, kind=kind).zip(self.there)
        usual = f"KboOpenData_{number:04d}_2026_10_{number % 28 + 1:02d}_{kind.title()}.zip"
        return path.rename(self.there / (name or usual))

    async def run(self, **changes):
        return await fetch(self.means(**changes))

    async def rows(self):
        async with self.db.read() as conn:
            return {
                row.name: row
                for row in await conn.execute(text("SELECT * FROM bce_fetch ORDER BY fetched_at, name"))
            }

    async def last_run(self):
        async with self.db.read() as conn:
            return await record.last_run(conn)


@pytest.fixture
def world(db, clock, tmp_path):
    return World(db, clock, tmp_path)


async def test_inv_10_the_newest_full_and_then_every_update_by_number(world):
    for number, kind in [(12, "update"), (9, "full"), (11, "update"), (10, "full"), (10, "update")]:
        world.put(number, kind)

    report = await world.run()

    assert world.importer.asked == [(10, "full"), (11, "update"), (12, "update")]
    assert (report.outcome, report.extract, report.advice) == (Outcome.APPLIED, 12, None)
    assert [(each.number, each.kind, each.state) for each in report.files] == [
        (10, "full", "applied"), (11, "update", "applied"), (12, "update", "applied")
    ]  # fmt: skip
    assert all(each.sha256 and each.size for each in report.files)


async def test_what_was_applied_is_not_fetched_again(world):
    world.put(10, "full")
    await world.run()
    again = await world.run()
    world.put(11)
    third = await world.run()

    assert world.importer.asked == [(10, "full"), (11, "update")]
    assert (again.outcome, again.files) == (Outcome.UP_TO_DATE, ())
    assert (third.outcome, third.extract) == (Outcome.APPLIED, 11)


async def test_it_is_remembered_what_was_fetched_from_where_and_what_became_of_it(world, clock):
    path = world.put(10, "full")
    report = await world.run()

    [row] = (await world.rows()).values()
    [file] = report.files
    assert (row.source, row.name, row.size) == (f"folder:{world.there}", path.name, path.stat().st_size)
    assert (bytes(row.sha256).hex(), row.state, row.number, row.full_extract) == (
        file.sha256,
        "applied",
        10,
        True,
    )
    assert (row.fetched_at, row.settled_at) == (clock(), clock())
    run = await world.last_run()
    assert (run.started_at, run.ended_at, run.outcome) == (clock(), clock(), Outcome.APPLIED)


async def test_a_file_is_what_its_meta_says_whatever_its_name_does(world):
    world.put(10, "full")
    world.put(12, name="KboOpenData_0011_2026_10_05_Update.zip")
    world.put(11, name="KboOpenData_0012_2026_10_05_Update.zip")

    report = await world.run()

    assert world.importer.asked == [(10, "full"), (11, "update"), (12, "update")]
    assert report.outcome is Outcome.APPLIED
    assert sorted(report.warnings) == [
        "KboOpenData_0011_2026_10_05_Update.zip is extract 0012, update",
        "KboOpenData_0012_2026_10_05_Update.zip is extract 0011, update",
    ]


async def test_a_name_that_says_nothing_is_looked_into(world):
    world.put(10, "full", name="everything.zip")
    world.put(11, name="latest.zip")

    first, second = await world.run(), await world.run()

    assert world.importer.asked == [(10, "full"), (11, "update")]
    assert (first.outcome, second.outcome) == (Outcome.APPLIED, Outcome.UP_TO_DATE)


async def test_a_zip_that_is_no_extract_is_named_once_and_left(world):
    world.put(10, "full")
    with zipfile.ZipFile(world.there / "manual.zip", "w") as archive:
        archive.writestr("manual.pdf", b"x")

    first, second = await world.run(), await world.run()

    assert first.outcome is Outcome.APPLIED
    assert first.warnings == ("no extract: manual.zip",)
    assert (second.outcome, second.warnings) == (Outcome.UP_TO_DATE, ())
    assert (await world.rows())["manual.zip"].state == "unreadable"
    assert not (world.work / "manual.zip").exists()


async def test_inv_10_a_gap_in_the_middle_stops_the_chain_and_names_the_number(world):
    for number, kind in [(10, "full"), (11, "update"), (13, "update"), (14, "update")]:
        world.put(number, kind)

    report = await world.run()

    assert world.importer.asked == [(10, "full"), (11, "update")]
    assert (report.outcome, report.reason, report.detail, report.extract) == (
        Outcome.REFUSED,
        "gap",
        "0012",
        11,
    )
    assert "full extract" in report.advice
    assert (await world.last_run()).reason == "gap"

    world.put(12)
    mended = await world.run()
    assert (mended.outcome, mended.extract) == (Outcome.APPLIED, 14)


async def test_inv_10_a_full_extract_after_the_gap_closes_it(world):
    for number, kind in [(10, "full"), (12, "update"), (13, "full"), (14, "update")]:
        world.put(number, kind)
    async with world.db.write() as conn:
        await note_applied(conn, 10, "full", world.clock())

    report = await world.run()

    assert world.importer.asked == [(13, "full"), (14, "update")]
    assert report.outcome is Outcome.APPLIED


async def test_a_full_extract_makes_good_what_an_update_left_aside_and_is_then_left(world):
    for number, kind in [(10, "full"), (11, "update")]:
        world.put(number, kind)
    await world.run()
    async with world.db.write() as conn:
        await conn.execute(text("UPDATE bce_extract SET counts = '{\"badRows\": 2}' WHERE number = 11"))
    world.put(12, "full")
    world.put(12)

    report, again = await world.run(), await world.run()

    assert world.importer.asked == [(10, "full"), (11, "update"), (12, "full")]
    assert (report.extract, again.outcome) == (12, Outcome.UP_TO_DATE)


async def test_where_a_number_is_missing_older_names_are_looked_into_before_the_chain_is_broken(world):
    world.put(10, "full")
    world.put(11, name="KboOpenData_0003_2026_01_01_Update.zip")
    world.put(12)

    report = await world.run()

    assert (report.outcome, report.extract) == (Outcome.APPLIED, 12)
    assert report.warnings == ("KboOpenData_0003_2026_01_01_Update.zip is extract 0011, update",)


async def test_without_a_full_extract_there_is_no_beginning(world):
    world.put(11)

    report = await world.run()

    assert (report.outcome, report.reason, report.extract) == (Outcome.REFUSED, "noFull", None)
    assert world.importer.asked == []


async def test_a_rejected_file_stops_the_chain_and_is_tried_again_by_the_next_run(world):
    for number, kind in [(10, "full"), (11, "update"), (12, "update")]:
        world.put(number, kind)
    world.importer.answers[11] = Report(
        status=Status.REJECTED, number=11, reason="tooManyBadRows", detail="99"
    )

    report = await world.run()
    del world.importer.answers[11]
    again = await world.run()

    assert (report.outcome, report.reason, report.detail) == (Outcome.REJECTED, "tooManyBadRows", "99")
    assert "habilis bce errors" in report.advice
    assert world.importer.asked == [(10, "full"), (11, "update"), (11, "update"), (12, "update")]
    assert again.outcome is Outcome.APPLIED


async def test_inv_14_a_halted_file_waits_for_a_person_and_is_not_tried_again(world):
    for number, kind in [(10, "full"), (11, "update"), (12, "update")]:
        world.put(number, kind)
    world.importer.answers[11] = Report(status=Status.HALTED, number=11, reason="tooManyVanish", detail="99")

    report = await world.run()
    again = await world.run()

    assert (report.outcome, report.reason) == (Outcome.HALTED, "tooManyVanish")
    assert report.detail == again.detail
    assert Path(report.detail).is_file()
    assert "habilis bce confirm" in report.advice
    assert (again.outcome, again.reason) == (Outcome.HALTED, "tooManyVanish")
    assert world.importer.asked == [(10, "full"), (11, "update")]

    # What `habilis bce confirm` does.
    del world.importer.answers[11]
    await world.importer(report.detail)
    assert (await world.run()).extract == 12


async def test_a_damaged_file_stops_the_chain_and_is_fetched_anew(world):
    world.put(10, "full")
    path = world.put(11)
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])

    report = await world.run()
    path.write_bytes(whole)
    again = await world.run()

    assert (report.outcome, report.reason, report.detail) == (Outcome.REJECTED, "damaged", path.name)
    assert not (world.work / path.name).stat().st_size < len(whole)
    assert (again.outcome, again.extract) == (Outcome.APPLIED, 11)


async def test_a_bad_file_that_was_replaced_under_its_name_is_fetched_where_the_site_tells_no_date(
    db, clock, tmp_path
):
    world = World(db, clock, tmp_path)
    data = {name: world.put(*what).read_bytes() for name, what in {
        "KboOpenData_0010_2026_10_01_Full.zip": (10, "full"), "KboOpenData_0011_2026_10_02_Update.zip": (11,),
    }.items()}  # fmt: skip
    bad = Extract(number=11, kind="update", snapshot="05-10-2026").zip(tmp_path).read_bytes()
    update = "KboOpenData_0011_2026_10_02_Update.zip"
    async with portal_site(files={**data, update: bad}) as site:
        settings = PortalSettings(
            kind="portal", base_url=site.base_url, username=site.account[0], password=site.account[1],
            work_folder=world.work,
        )  # fmt: skip
        async with PortalSource(settings) as source:
            world.importer.answers[11] = Report(status=Status.REJECTED, number=11, reason="dateOrder")
            assert (await world.run(source=source)).reason == "dateOrder"
            del world.importer.answers[11]
            site.files[update] = data[update]
            assert (await world.run(source=source)).extract == 11
            assert (world.work / update).read_bytes() == data[update]
            assert len(site.downloads("KboOpenData_0010_2026_10_01_Full.zip")) == 1


async def test_a_file_in_the_work_folder_that_is_no_longer_what_was_fetched_is_fetched_anew(world):
    world.put(10, "full")
    path = world.put(11)
    world.importer.answers[11] = Report(status=Status.REJECTED, number=11, reason="tooManyBadRows")
    await world.run()
    (world.work / path.name).write_bytes(b"somebody wrote over it")
    del world.importer.answers[11]

    assert (await world.run()).extract == 11
    assert (world.work / path.name).read_bytes() == path.read_bytes()


async def test_the_work_folder_holds_no_more_files_than_agreed(world):
    world.put(10, "full")
    for number in range(11, 18):
        world.put(number)

    report = await world.run(keep=2)

    assert report.extract == 17
    assert sorted(path.name[12:16] for path in world.work.glob("*.zip")) == ["0016", "0017"]
    assert not list(world.work.glob("*.part*"))


async def test_a_file_that_changed_after_the_listing_is_listed_anew_once(world):
    path = world.put(10, "full")
    times = []

    class Replaced(FolderSource):
        async def offered(self):
            listing = await super().offered()
            if len(times) < self.most:
                times.append(1)
                path.write_bytes(path.read_bytes() + b" " * len(times))
            return listing

    settings = FolderSettings(kind="folder", folder=world.there, work_folder=world.work)
    always, once = Replaced(settings), Replaced(settings)
    always.most, once.most = 9, 3

    report = await world.run(source=always)
    assert (report.outcome, report.reason, report.detail) == (Outcome.DISTRUSTED, "size", path.name)
    assert len(times) == 2
    assert (await world.run(source=once)).outcome is Outcome.APPLIED


async def test_a_wrong_digest_twice_is_not_believed(world):
    path = world.put(10, "full")
    (world.there / f"{path.name}.sha256").write_text("0" * 64)

    report = await world.run()

    assert (report.outcome, report.reason, report.detail) == (Outcome.DISTRUSTED, "sha256", path.name)
    assert world.importer.asked == []


async def test_a_source_that_is_away_is_tried_as_often_as_agreed_and_then_left_for_the_next_run(world):
    world.put(10, "full")
    asked, rests = [], []

    class Away(FolderSource):
        async def offered(self):
            asked.append(1)
            raise SourceUnavailable("unreachable")

    async def sleep(seconds):
        rests.append(seconds)

    away = Away(FolderSettings(kind="folder", folder=world.there, work_folder=world.work))
    patience = Patience(tries=3, pause=4, largest=1 << 30)
    report = await world.run(source=away, patience=patience, sleep=sleep)

    assert (report.outcome, report.reason) == (Outcome.UNAVAILABLE, "unreachable")
    assert (len(asked), rests) == (3, [4, 8])
    assert (await world.last_run()).outcome is Outcome.UNAVAILABLE


async def test_a_dry_run_says_what_would_be_fetched_and_writes_nothing(world):
    for number, kind in [(10, "full"), (11, "update"), (13, "update")]:
        world.put(number, kind)

    report = await look(world.means())

    assert report.outcome is Outcome.WOULD_FETCH
    assert [(each.number, each.kind, each.state) for each in report.files] == [
        (10, "full", "wouldFetch"), (11, "update", "wouldFetch")
    ]  # fmt: skip
    assert report.warnings == ("missing 0012",)
    assert (await world.rows(), await world.last_run(), world.work.exists()) == ({}, None, False)


async def test_never_two_at_once_neither_on_the_database_nor_in_the_folder(world):
    world.put(10, "full")
    async with keep_lease(world.db.url, Lease.FETCH) as ours:
        other = await world.run()
    with WorkFolder(world.work).locked():
        same_folder = await world.run()

    assert ours
    assert [(each.outcome, each.reason) for each in (other, same_folder)] == [
        (Outcome.UNAVAILABLE, "busy")
    ] * 2
    assert await world.last_run() is None
    assert (await world.run()).outcome is Outcome.APPLIED


async def test_an_import_by_hand_that_is_going_on_is_waited_for_by_the_next_run(world):
    path = world.put(10, "full")
    world.importer.answers[10] = Report(status=Status.REFUSED, number=10, reason="busy")

    report = await world.run()
    del world.importer.answers[10]

    assert (report.outcome, report.reason) == (Outcome.UNAVAILABLE, "busy")
    assert (await world.rows())[path.name].state == "fetched"
    assert (await world.run()).extract == 10


async def test_two_runs_that_begin_together_apply_each_extract_once(world):
    world.put(10, "full")
    world.put(11)

    reports = await asyncio.gather(*(world.run() for _ in range(2)))

    assert sorted(each.outcome.value for each in reports) == ["applied", "unavailable"]
    assert world.importer.asked == [(10, "full"), (11, "update")]


async def test_a_work_folder_that_cannot_be_written_is_said(world):
    world.put(10, "full")

    class Full(WorkFolder):
        def begin(self, name, *, size, stamp):
            raise OSError(28, "No space left on device")

    (world.there / "a file").write_text("x")
    nowhere = await world.run(work=WorkFolder(world.there / "a file" / "work"))
    full = await world.run(work=Full(world.work))

    assert [(each.outcome, each.reason) for each in (nowhere, full)] == [(Outcome.REFUSED, "workFolder")] * 2
    assert "make room" in full.advice


async def test_the_real_importer_applies_what_is_fetched(world, db, clock):
    for number, places in ((1, (0, 1)), (2, (0, 1, 2))):
        extract = Extract.of(*places, number=number, snapshot=f"0{number}-10-2026")
        extract.zip(world.there).rename(world.there / f"KboOpenData_{number:04d}_2026_10_05_Full.zip")

    async def apply(path):
        return await apply_extract(db, path, clock)

    report = await world.run(apply=apply)

    assert (report.outcome, report.extract) == (Outcome.APPLIED, 2)
    async with db.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM bce_entity"))).scalar_one() == 3
