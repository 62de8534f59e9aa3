"""The feed of functions on a real database: who represents whom, and that no number stays anywhere."""

import base64
import logging
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from iam.bce import queries
from iam.bce.functions import apply_feed
from iam.bce.importer import Status, apply_extract
from iam.bce.model import Basis, Suspension
from iam.kernel.clock import end_of_day
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.ssin import FingerprintKeys, Ssin
from tests.support.extract import Extract, feed, held, number

pytestmark = pytest.mark.anyio
TODAY = date(2026, 11, 24)
OLD, NEW = FingerprintKeys("1", b"a" * 32), FingerprintKeys("2", b"b" * 32, "1", b"a" * 32)
LUC, ANNE, MARC = "58000000549", "61000001208", "66000001117"
BANKRUPT, NATURAL, HOLDING = 5, 6, 7


def known(ssin, keys=OLD):
    return keys.of(Ssin(ssin, TODAY))


@pytest.fixture
async def register(db, clock, tmp_path):
    """Some companies, one of them bankrupt, an independent, a holding."""
    extract = Extract.of(0, 1, 2, 3, 4, HOLDING)
    extract.enterprise(BANKRUPT, situation="050")
    extract.enterprise(NATURAL, kind="1", form=None, name="Haddad, Nadia")
    report = await apply_extract(db, extract.zip(tmp_path), clock)
    assert report.status is Status.APPLIED
    return extract


@pytest.fixture
def apply(db, clock, tmp_path, register):
    async def run(*functions, keys=OLD, produced_at=None, dry_run=False, **header):
        clock.advance(minutes=5)
        made = feed(tmp_path, *functions, produced_at=(produced_at or clock.now).isoformat(), **header)
        return await apply_feed(db, made, keys, clock, dry_run=dry_run)

    return run


async def who(db, place, at):
    async with db.read() as conn:
        enterprise = await queries.find_by_number(conn, EnterpriseNumber(number(place)))
        return await queries.representatives(conn, enterprise.entity, at)


async def mine(db, ssin, at, keys=OLD):
    async with db.read() as conn:
        return await queries.representations_of(conn, known(ssin, keys), at)


async def history(db):
    async with db.read() as conn:
        return list(await conn.execute(text("SELECT * FROM bce_function ORDER BY version_id")))


async def test_inv_18_who_holds_a_function_that_represents_does(db, apply, clock):
    report = await apply(held(0, ssin=LUC), held(0, "XCOMM", ssin=ANNE), held(0, "XDELG", ssin=MARC))

    assert report.status is Status.APPLIED
    (found,) = await who(db, 0, clock.now)
    assert known(LUC) == (found.holder,)
    assert (found.code, found.alone, found.suspended, found.how) == ("XADMI", True, False, Basis.FUNCTION)
    assert found.basis == str((await history(db))[0].function_id)
    assert await who(db, 1, clock.now) == []


async def test_a_persons_enterprises_are_found_by_fingerprint(db, apply, clock):
    await apply(
        held(1, ssin=LUC), held(0, ssin=LUC), held(2, ssin=ANNE), held(3, by=HOLDING, permanent=LUC),
        held(4, "XCOMM", ssin=LUC),
    )  # fmt: skip

    async with db.read() as conn:
        numbers = await queries.load(conn, [each.entity for each in await mine(db, LUC, clock.now)])

    assert sorted(each.number.digits for each in numbers.values()) == sorted(
        number(place) for place in (0, 1, 3)
    )
    assert await mine(db, MARC, clock.now) == []
    assert await mine(db, LUC, clock.now, FingerprintKeys("1", b"z" * 32)) == []
    async with db.read() as conn:
        assert await queries.representations_of(conn, (), clock.now) == []


async def test_inv_19_time_alone_begins_and_ends_it(db, apply, clock):
    await apply(
        held(0, ssin=LUC, last="2026-11-30"), held(0, ssin=ANNE, first="2026-12-01"), held(0, ssin=MARC, last="2026-11-01")
    )  # fmt: skip
    turn = end_of_day(date(2026, 11, 30))

    assert [each.holder for each in await who(db, 0, turn - timedelta(seconds=1))] == list(known(LUC))
    assert [each.holder for each in await who(db, 0, turn)] == list(known(ANNE))
    assert await mine(db, LUC, turn) == []


async def test_inv_20_an_enterprise_as_director_is_its_permanent_representative(db, apply, clock):
    await apply(
        held(0, by=HOLDING),
        held(1, by=HOLDING, permanent=ANNE),
        held(HOLDING, ssin=LUC),
        held(2, by=3),
        held(3, by=2, permanent=MARC),
    )

    assert await who(db, 0, clock.now) == []
    (found,) = await who(db, 1, clock.now)
    assert (found.holder, found.how) == (known(ANNE)[0], Basis.PERMANENT_REPRESENTATIVE)
    assert await who(db, 2, clock.now) == []
    assert [each.holder for each in await who(db, 3, clock.now)] == list(known(MARC))
    assert {each.code for each in await mine(db, LUC, clock.now)} == {"XADMI"}
    assert len(await mine(db, LUC, clock.now)) == 1


async def test_inv_20_a_holding_that_has_vanished_represents_no_longer(db, apply, clock, tmp_path, register):
    await apply(held(1, by=HOLDING, permanent=ANNE))
    without = Extract.of(0, 1, 2, 3, 4, BANKRUPT, NATURAL, number=2, snapshot="30-10-2026")
    await apply_extract(db, without.zip(tmp_path), clock)

    (found,) = await who(db, 1, clock.now)

    assert found.why_suspended is Suspension.HOLDER_CEASED


async def test_inv_21_the_same_name_is_nobody(db, apply, clock):
    """Names stand in the register and in no query of representation: only the fingerprint counts."""
    await apply(held(NATURAL, "XTITU", ssin=ANNE))

    assert await mine(db, LUC, clock.now) == []
    assert [each.holder for each in await who(db, NATURAL, clock.now)] == list(known(ANNE))
    refused = await apply({**held(0, ssin=LUC), "holder": {"name": "Dupont", "givenName": "Luc"}}, number=2)
    assert (refused.status, refused.bad) == (Status.REJECTED, (("functions", 2, "holder"),))


async def test_inv_22_the_owner_and_nobody_else_represents_his_own_enterprise(db, apply, clock):
    await apply(held(NATURAL, "XTITU", ssin=ANNE), held(NATURAL, "XADMI", ssin=LUC))

    (found,) = await who(db, NATURAL, clock.now)

    assert (found.holder, found.how) == (known(ANNE)[0], Basis.OWN_ENTERPRISE)


async def test_inv_23_how_fresh_the_feed_is_can_be_told(db, apply, clock):
    async with db.read() as conn:
        assert await queries.feed_state(conn) is None
    made = clock.now - timedelta(hours=5)
    await apply(held(0, ssin=LUC), number=41, produced_at=made)

    async with db.read() as conn:
        state = await queries.feed_state(conn)

    assert (state.number, state.produced_at) == (41, made)


async def test_inv_24_the_curator_takes_over(db, apply, clock):
    await apply(held(BANKRUPT, ssin=LUC), held(BANKRUPT, "XCURA", first="2026-09-14", ssin=ANNE))

    director, curator = await who(db, BANKRUPT, clock.now)

    assert (director.holder, director.why_suspended) == (known(LUC)[0], Suspension.CONTROLLED)
    assert (curator.holder, curator.why_suspended) == (known(ANNE)[0], None)


async def test_what_the_feed_no_longer_tells_has_ended(db, apply, clock):
    await apply(held(0, ssin=LUC), held(1, ssin=ANNE))
    before = clock.now
    second = await apply(held(1, ssin=ANNE), number=2)
    third = await apply(held(1, ssin=ANNE), number=3)

    assert second.written["bce_function"] == {"ended": 1, "corrected": 0, "began": 0, "unknownEnterprise": 0}
    assert not any(third.written["bce_function"].values())
    assert await who(db, 0, clock.now) == []
    assert [each.holder for each in await who(db, 0, before - timedelta(days=1))] == list(known(LUC))
    assert len(await history(db)) == 3, "nothing is overwritten"


async def test_an_end_that_is_told_later_corrects_the_same_function(db, apply, clock):
    await apply(held(0, ssin=LUC))
    (first,) = await who(db, 0, clock.now)
    report = await apply(held(0, ssin=LUC, last="2026-12-31"), number=2)

    (found,) = await who(db, 0, clock.now)

    assert report.written["bce_function"]["corrected"] == 1
    assert found.basis == first.basis
    assert found.period.last_day == date(2026, 12, 31)
    assert [row.recorded_until is None for row in await history(db)] == [False, True]


async def test_two_stretches_of_one_function_cannot_both_be_believed(db, apply):
    await apply(held(0, ssin=LUC))

    with pytest.raises(IntegrityError, match="ex_bce_function_one_record"):
        async with db.write() as conn:
            await conn.execute(
                text(
                    "INSERT INTO bce_function (function_id, entity_id, code, holder_number, starts_at, source,"
                    " feed, produced_at, recorded_from) SELECT function_id, entity_id, code, '1900000069',"
                    " starts_at, source, feed, produced_at, recorded_from FROM bce_function"
                )
            )


async def test_the_same_feed_again_changes_nothing_and_an_older_one_is_refused(db, apply):
    await apply(held(0, ssin=LUC), number=5)
    before = await history(db)

    again = await apply(held(1, ssin=ANNE), number=5)
    older = await apply(held(1, ssin=ANNE), number=4)
    earlier = await apply(held(1, ssin=ANNE), number=6, produced_at=datetime(2026, 1, 1, tzinfo=UTC))

    assert again.status is Status.ALREADY_APPLIED
    assert (older.status, older.reason) == (Status.REFUSED, "olderThanApplied")
    assert (earlier.status, earlier.reason) == (Status.REJECTED, "dateOrder")
    assert await history(db) == before


@pytest.mark.parametrize(
    ("functions", "header", "status", "reason"),
    [
        ([held(0, ssin=LUC)], {"count": 2}, Status.REJECTED, "cut"),
        ([], {}, Status.REJECTED, "empty"),
        ([held(0, ssin=LUC), "{"], {}, Status.REJECTED, "tooManyBadRows"),
        ([held(0, ssin=LUC)], {"produced_at": datetime(2027, 1, 1, tzinfo=UTC)}, Status.REJECTED, "producedInFuture"),
        ([held(0, ssin=LUC)], {"count": -1}, Status.REFUSED, "header"),
    ],
)  # fmt: skip
async def test_a_bad_feed_changes_nothing(db, apply, functions, header, status, reason):
    await apply(held(3, ssin=MARC))
    before = await history(db)

    report = await apply(*functions, number=2, **header)

    assert (report.status, report.reason) == (status, reason)
    assert await history(db) == before


async def test_lines_about_enterprises_the_register_does_not_know_are_set_aside(db, apply):
    report = await apply(held(0, ssin=LUC), held(99, ssin=ANNE))

    assert report.status is Status.APPLIED
    assert report.bad == (("functions", 3, "unknownEnterprise"),)
    async with db.read() as conn:
        assert [(each.attempt, each.line) for each in await queries.set_aside(conn)] == [("functions 1", 3)]


async def test_a_code_unheard_of_is_kept_and_gives_nothing(db, apply, clock):
    report = await apply(held(0, "ABCDE", ssin=LUC))

    assert report.warnings == ("unknown code function ABCDE",)
    assert len(await history(db)) == 1
    assert await who(db, 0, clock.now) == []


async def test_the_same_line_twice_is_one_function(db, apply, clock):
    await apply(held(0, ssin=LUC), held(0, ssin=LUC), held(0, ssin=LUC, last="2026-12-31"))

    (found,) = await who(db, 0, clock.now)

    assert found.period.end is None


async def test_a_dry_run_tells_and_leaves_everything(db, apply):
    await apply(held(0, ssin=LUC))
    before = await history(db)

    report = await apply(held(1, ssin=LUC), number=2, dry_run=True)

    assert report.status is Status.WOULD_APPLY
    assert report.written["bce_function"]["began"] == 1
    assert await history(db) == before
    assert (await apply(held(1, ssin=LUC), number=2)).status is Status.APPLIED


async def test_a_new_key_writes_the_same_persons_anew(db, apply, clock):
    """Neither the function nor its id is another; the key before is found no more."""
    await apply(held(0, ssin=LUC), held(1, by=HOLDING, permanent=ANNE))
    (before,) = await who(db, 0, clock.now)

    report = await apply(held(0, ssin=LUC), held(1, by=HOLDING, permanent=ANNE), keys=NEW, number=2)

    assert not any(report.written["bce_function"].values())
    (after,) = await mine(db, LUC, clock.now, NEW)
    assert after.basis == before.basis
    assert after.holder.key_id == "2"
    assert len(await mine(db, ANNE, clock.now, NEW)) == 1
    assert await mine(db, LUC, clock.now, OLD) == []


def forms(ssin):
    dotted = f"{ssin[:2]}.{ssin[2:4]}.{ssin[4:6]}-{ssin[6:9]}.{ssin[9:]}"
    return (ssin, dotted, base64.b64encode(ssin.encode()).decode().rstrip("="), ssin.encode().hex())


def everything_stored(url):
    """Every row of every table, as text."""
    with psycopg.connect(url) as conn:
        tables = conn.execute(
            "SELECT quote_ident(relname) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        return "\n".join(
            row[0] for (table,) in tables for row in conn.execute(f"SELECT t::text FROM {table} t").fetchall()
        )


async def test_inv_06_no_national_number_reaches_a_row_a_log_or_a_report(
    db, apply, clock, database_url, caplog, capfd, tmp_path
):
    """Good lines, bad lines, an enterprise unheard of, a rejected feed: the numbers are nowhere."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.DEBUG)
    canaries = (LUC, ANNE, MARC)
    reports = [
        await apply(held(0, ssin=LUC), held(1, by=HOLDING, permanent=ANNE), held(99, ssin=MARC)),
        await apply(
            held(0, ssin=LUC), f'{{"holder": {{"ssin": "{ANNE}"}}, "{MARC}": 1', held(0, MARC, ssin=ANNE),
            held(0, ssin=f"{LUC[:-1]}1"), {**held(0, ssin=LUC), "to": ANNE}, number=2,
        ),
        await apply({**held(0, ssin=LUC), "enterpriseNumber": ANNE}, f"{LUC}", number=3, dry_run=True),
    ]  # fmt: skip
    logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
    out, err = capfd.readouterr()

    stored = everything_stored(database_url)
    said = "\n".join([repr(reports), caplog.text, out, err])

    assert known(LUC)[0].digest.hex() in stored, "the scan sees what is there"
    assert "COPY" in said or "INSERT" in said, "the logs hold the statements"
    for canary in canaries:
        for form in forms(canary):
            assert form not in stored
            assert form not in said


async def test_the_scan_above_finds_a_number_that_is_planted(db, apply, database_url):
    await apply(held(0, ssin=LUC))
    async with db.write() as conn:
        await conn.execute(text("UPDATE bce_function SET code = :n"), {"n": LUC})

    assert LUC in everything_stored(database_url)
