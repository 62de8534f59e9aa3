"""Updates of the feed of functions: their order, what they put in question, what halts them, what they tell."""

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from iam.bce import queries
from iam.bce.functions import Limits, apply_feed
from iam.bce.importer import Status, apply_extract
from iam.bce.record import watch
from iam.bce.synthetic import Plan, generate
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.ssin import FingerprintKeys
from iam.storage import Database
from tests.support.extract import Extract, feed, held, number

pytestmark = pytest.mark.anyio
LUC, ANNE, MARC = "58000000549", "61000001208", "66000001117"
HOLDING = 7
EVERY = Limits(loss_floor=1000)


@pytest.fixture
async def register(db, clock, tmp_path):
    extract = Extract.of(*range(HOLDING + 1))
    assert (await apply_extract(db, extract.zip(tmp_path), clock)).status is Status.APPLIED


def told(place, *functions):
    """A line of an update: an enterprise with all functions in it."""
    own = [{name: value for name, value in each.items() if name != "enterpriseNumber"} for each in functions]
    return {"enterpriseNumber": number(place), "functions": own}


@pytest.fixture
def apply(db, clock, tmp_path, register, keys):
    async def run(*lines, kind="full", limits=EVERY, confirmed=False, dry_run=False, **header):
        clock.advance(minutes=5)
        produced = header.pop("produced_at", clock.now)
        made = feed(tmp_path, *lines, kind=kind, produced_at=produced.isoformat(), **header)
        return await apply_feed(db, made, keys, clock, limits=limits, confirmed=confirmed, dry_run=dry_run)

    return run


@pytest.fixture
def keys():
    return FingerprintKeys("1", b"a" * 32)


async def entity(db, place):
    async with db.read() as conn:
        found = await queries.find_by_number(conn, EnterpriseNumber(number(place)))
        return found.entity


async def codes(db, place, at):
    async with db.read() as conn:
        found = await queries.representatives(conn, await entity(db, place), at)
        return sorted(each.code for each in found)


async def rows(db):
    async with db.read() as conn:
        return list(await conn.execute(text("SELECT * FROM bce_function ORDER BY version_id")))


async def watched(db, *places):
    async with db.write() as conn:
        for place in places:
            await watch(conn, await entity(db, place))


async def journal(db):
    async with db.read() as conn:
        found = await conn.execute(
            text(
                "SELECT head_kind, head_id, kind, data, actor_name FROM journal_entry"
                " WHERE head_kind = 'register' ORDER BY head_id, revision, ordinal"
            )
        )
        return list(found)


# -- order


async def test_inv_10_an_update_is_applied_onto_the_one_before_only(db, apply, clock):
    none_yet = await apply(told(0, held(0, ssin=LUC)), kind="update", number=1)
    await apply(held(0, ssin=LUC), number=5)
    gap = await apply(told(0), kind="update", number=7)
    before = await rows(db)
    done = await apply(told(1, held(1, ssin=ANNE)), kind="update", number=6)
    then = await apply(told(2, held(2, ssin=ANNE)), kind="update", number=7)

    assert (none_yet.status, none_yet.reason, none_yet.detail) == (Status.REFUSED, "gap", "full")
    assert (gap.status, gap.reason, gap.detail) == (Status.REFUSED, "gap", "6")
    assert len(before) == 1
    assert (done.status, then.status) == (Status.APPLIED, Status.APPLIED)
    async with db.read() as conn:
        assert (await queries.feed_state(conn)).number == 7


async def test_inv_10_the_same_number_again_changes_nothing_whatever_its_kind(db, apply):
    await apply(held(0, ssin=LUC), number=5)
    await apply(told(1, held(1, ssin=ANNE)), kind="update", number=6)
    before = await rows(db)

    again = await apply(told(1), kind="update", number=6)
    full = await apply(held(2, ssin=MARC), number=6)
    full_as_update = await apply(told(0), kind="update", number=5)
    older = await apply(held(2, ssin=MARC), number=4)

    assert {each.status for each in (again, full, full_as_update)} == {Status.ALREADY_APPLIED}
    assert (older.status, older.reason) == (Status.REFUSED, "olderThanApplied")
    assert await rows(db) == before


async def test_inv_10_after_a_gap_the_next_full_one_goes_on(db, apply, clock):
    await apply(held(0, ssin=LUC), number=5)
    await apply(told(0), kind="update", number=9)
    await apply(held(1, ssin=ANNE), number=9)

    assert (await apply(told(1), kind="update", number=10)).status is Status.APPLIED
    assert await codes(db, 0, clock.now) == await codes(db, 1, clock.now) == []


async def test_an_update_made_before_the_feed_it_follows_is_rejected(db, apply, clock):
    await apply(held(0, ssin=LUC), number=5)
    report = await apply(told(0), kind="update", number=6, produced_at=clock.now - timedelta(days=1))

    assert (report.status, report.reason) == (Status.REJECTED, "dateOrder")
    assert await codes(db, 0, clock.now) == ["XADMI"]


async def test_an_update_of_nothing_is_one_and_a_cut_one_is_none(db, apply):
    await apply(held(0, ssin=LUC), number=5)

    cut = await apply(told(0), kind="update", number=6, count=2)
    nothing = await apply(kind="update", number=6)

    assert (cut.status, cut.reason) == (Status.REJECTED, "cut")
    assert nothing.status is Status.APPLIED
    assert not any(nothing.written["bce_function"].values())


# -- what is in question


async def test_an_update_speaks_of_the_enterprises_it_names_and_of_no_other(db, apply, clock):
    await apply(held(0, ssin=LUC), held(0, "XADMD", ssin=ANNE), held(1, ssin=MARC))
    before = {row.function_id: row for row in await rows(db)}

    report = await apply(
        told(0, held(0, ssin=LUC, last="2026-12-31"), held(0, "XGERA", ssin=MARC)), kind="update", number=2
    )

    assert report.written["bce_function"] == {
        "ended": 1, "corrected": 1, "began": 1, "unknownEnterprise": 0,
    }  # fmt: skip
    assert await codes(db, 0, clock.now) == ["XADMI", "XGERA"]
    assert await codes(db, 1, clock.now) == ["XADMI"]
    async with db.read() as conn:
        found = await queries.representatives(conn, await entity(db, 0), clock.now)
    (luc,) = [each for each in found if each.code == "XADMI"]
    assert any(str(function) == luc.basis for function in before), "the same function, with another end"


async def test_inv_19_none_any_more_ends_them_all_when_the_feed_was_made(db, apply, clock):
    await apply(held(0, ssin=LUC), held(0, "XADMD", ssin=ANNE), held(1, ssin=MARC))
    made = clock.now + timedelta(minutes=3)

    await apply(told(0), kind="update", number=2, produced_at=made)

    assert await codes(db, 0, made) == []
    assert await codes(db, 0, made - timedelta(seconds=1)) == ["XADMD", "XADMI"]
    assert await codes(db, 1, clock.now) == ["XADMI"]


async def test_an_enterprise_told_twice_stays_as_it_was(db, apply, clock):
    """Which of the two is right, nobody can say."""
    await apply(held(0, ssin=LUC))
    report = await apply(
        told(0), told(0, held(0, "XGERA", ssin=ANNE)), told(1, held(1, ssin=ANNE)), kind="update", number=2
    )

    assert report.bad == (("functions", 2, "twice"), ("functions", 3, "twice"))
    assert await codes(db, 0, clock.now) == await codes(db, 1, clock.now) == ["XADMI"]


@pytest.mark.parametrize("kind", ["full", "update"])
async def test_a_bad_line_leaves_its_enterprise_as_it_was(db, apply, clock, kind):
    await apply(held(0, ssin=LUC), held(1, ssin=MARC))
    bad, good = held(0, "XGERA", ssin="58000000548"), held(2, ssin=ANNE)
    lines = [told(0, bad), told(2, good)] if kind == "update" else [bad, held(0, "XADMD", ssin=ANNE), good]

    report = await apply(*lines, kind=kind, number=2, limits=Limits(bad_share=0.5, loss_floor=9))

    assert report.status is Status.APPLIED
    assert report.bad_rows == 1
    assert await codes(db, 0, clock.now) == ["XADMI"]
    assert await codes(db, 2, clock.now) == ["XADMI"]
    assert await codes(db, 1, clock.now) == (["XADMI"] if kind == "update" else [])


async def test_enterprises_of_an_update_that_nobody_knows_are_set_aside(db, apply):
    await apply(held(0, ssin=LUC))
    report = await apply(told(99, held(99, ssin=ANNE)), kind="update", number=2)

    assert (report.status, report.bad) == (Status.APPLIED, (("functions", 2, "unknownEnterprise"),))
    async with db.read() as conn:
        assert [(each.attempt, each.line) for each in await queries.set_aside(conn)] == [("functions 2", 2)]


async def test_inv_11_a_full_feed_says_what_the_one_before_and_the_updates_since_say(
    db, clock, tmp_path, keys, cluster, template
):
    """On a made-up country over days: the functions in force are the same, row by row."""
    plan = Plan(enterprises=300, seed=3, days=8, month=date(2026, 1, 1), full_after=True, activities=False)
    made = generate(plan, tmp_path / "country")
    clock.now = clock.now.replace(year=2027)
    kinds = {path: json.loads(path.read_text().splitlines()[0]) for path in made.feeds}
    first, *others = made.feeds
    updates = [path for path in others if kinds[path]["kind"] == "update"]
    newest = [path for path in others if kinds[path]["kind"] == "full"][-1]
    fulls = sorted(path for path in made.extracts if "Full" in path.name)
    other_name = f"{template}_other"
    cluster.create_database(other_name, template=template)
    other = Database(cluster.url(other_name), pool_size=2)
    try:
        for target, feeds in ((db, [first, *updates]), (other, [newest])):
            assert (await apply_extract(target, fulls[-1], clock)).status is Status.APPLIED
            for path in feeds:
                assert (await apply_feed(target, path, keys, clock, limits=EVERY)).status is Status.APPLIED
        assert len(updates) == 8
        in_force = text(
            "SELECT n.number, f.code, f.holder_digest, f.holder_number, f.permanent_digest, f.starts_at, f.ends_at"
            "  FROM bce_function f JOIN bce_number n USING (entity_id)"
            " WHERE f.recorded_until IS NULL AND (f.ends_at IS NULL OR f.ends_at > :at) ORDER BY 1, 2, 6, 3, 4, 5"
        )
        at = {"at": clock.now.fromisoformat(kinds[newest]["producedAt"])}
        seen = []
        for target in (db, other):
            async with target.read() as conn:
                seen.append([tuple(row) for row in await conn.execute(in_force, at)])
        assert len(seen[0]) > 300
        assert seen[0] == seen[1]
        async with db.read() as conn:
            changed = await conn.execute(
                text("SELECT count(*) FROM bce_function WHERE recorded_until IS NOT NULL")
            )
            assert changed.scalar_one() > 0, "the days changed something"
    finally:
        await other.close()
        cluster.drop_database(other_name)


# -- losing the last representative


async def test_inv_14_a_feed_by_which_too_many_lose_their_last_representative_halts(db, apply, clock):
    await apply(*(held(place, ssin=LUC) for place in range(6)), held(0, "XADMD", ssin=ANNE))
    await watched(db, 0, 1, 2, 3)
    before = await rows(db)

    report = await apply(told(0, held(0, "XADMD", ssin=ANNE)), told(1), told(3), told(5), kind="update", number=2,
                         limits=Limits())  # fmt: skip

    assert (report.status, report.reason, report.detail) == (Status.HALTED, "tooManyLose", "2 of 4")
    assert report.losing_count == 2
    assert report.losing == tuple(sorted(number(place) for place in (1, 3))), "watched, and the last one"
    assert await rows(db) == before
    assert await journal(db) == []
    async with db.read() as conn:
        assert (await queries.feed_state(conn)).number == 1


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        (Limits(loss_floor=2), Status.APPLIED),
        (Limits(loss_floor=1), Status.HALTED),
        (Limits(loss_floor=0, loss_share=0.5), Status.APPLIED),
        (Limits(loss_floor=0, loss_share=0.49), Status.HALTED),
    ],
)
async def test_inv_14_up_to_the_floor_and_up_to_the_share_it_does_not(db, apply, limits, status):
    await apply(*(held(place, ssin=LUC) for place in range(4)))
    await watched(db, 0, 1, 2, 3)

    assert (await apply(told(0), told(1), kind="update", number=2, limits=limits)).status is status


async def test_inv_14_only_the_very_feed_that_halted_can_be_confirmed(db, apply, clock, tmp_path, keys):
    await apply(*(held(place, ssin=LUC) for place in range(4)))
    await watched(db, 0, 1, 2, 3)
    made = clock.now
    shown = {"kind": "update", "number": 2, "limits": Limits(), "produced_at": made}

    unseen = await apply(told(0), told(1), confirmed=True, **shown)
    other = await apply(told(0), told(2), confirmed=True, **shown)
    confirmed = await apply(told(0), told(1), confirmed=True, **shown)

    assert [each.status for each in (unseen, other, confirmed)] == [
        Status.HALTED, Status.HALTED, Status.APPLIED,
    ]  # fmt: skip
    assert await codes(db, 0, clock.now) == []
    assert await codes(db, 2, clock.now) == ["XADMI"]


async def test_inv_14_a_dry_run_says_that_it_would_halt_and_does_not_count_as_having_been_shown(db, apply):
    await apply(*(held(place, ssin=LUC) for place in range(4)))
    await watched(db, 0, 1, 2, 3)
    shown = {"kind": "update", "number": 2, "limits": Limits()}

    dry = await apply(told(0), told(1), dry_run=True, **shown)

    assert dry.status is Status.HALTED
    assert (await apply(told(0), told(1), confirmed=True, **shown)).status is Status.HALTED


# -- what the journal learns


async def test_inv_65_for_watched_enterprises_the_journal_tells_who_began_and_who_ended(db, apply, clock):
    await apply(held(0, ssin=LUC), held(0, "XCOMM", ssin=MARC), held(1, ssin=LUC))
    await watched(db, 0)
    (before,) = [
        row
        for row in await rows(db)
        if row.code == "XADMI" and str(row.entity_id) == str(await entity(db, 0))
    ]

    report = await apply(
        told(0, held(0, "XADMD", ssin=ANNE)), told(1, held(1, "XADMD", ssin=ANNE)), kind="update", number=2
    )

    entries = await journal(db)
    assert [entry.kind for entry in entries] == ["bce.representation.ended", "bce.representation.began"]
    ended, began = entries
    key = await entity(db, 0)
    assert {ended.head_id, began.head_id} == {key}
    assert ended.actor_name == "functions 2"
    assert ended.data == {
        "entity": str(key), "function": str(before.function_id), "code": "XADMI", "how": "function", "last": False,
    }  # fmt: skip
    assert set(began.data) == {"entity", "function", "code", "how"}
    assert report.events == {"bce.representation.ended": 1, "bce.representation.began": 1}
    digests = {row.holder_digest.hex() for row in await rows(db)}
    assert not any(digest in str(entry) for entry in entries for digest in digests)


async def test_inv_65_the_last_one_to_go_is_told_as_such_and_no_change_tells_nothing(db, apply):
    await apply(held(0, ssin=LUC), held(1, "XCOMM", ssin=LUC))
    await watched(db, 0, 1)

    same = await apply(held(0, ssin=LUC), held(1, "XCOMM", ssin=LUC), number=2)
    auditor = await apply(told(1), kind="update", number=3)
    last = await apply(told(0), kind="update", number=4)

    assert same.events == auditor.events == {}
    assert last.events == {"bce.representation.ended": 1}
    (entry,) = await journal(db)
    assert entry.data["last"] is True


async def test_a_function_with_another_end_is_the_same_and_tells_nothing_before_that_end(db, apply):
    await apply(held(0, ssin=LUC))
    await watched(db, 0)

    later = await apply(told(0, held(0, ssin=LUC, last="2027-12-31")), kind="update", number=2)
    earlier = await apply(told(0, held(0, ssin=LUC, last="2026-11-01")), kind="update", number=3)

    assert later.events == {}
    assert earlier.events == {"bce.representation.ended": 1}
