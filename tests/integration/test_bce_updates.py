"""Update extracts, applied to a real database (DOMAIN 3.5, 7.3 nr 9-14, 16)."""

from datetime import date

import psycopg
import pytest
from sqlalchemy import text

from iam.bce import queries
from iam.bce.extracts.progress import Phase
from iam.bce.importer import Limits, Scale, Status, apply_extract
from iam.bce.record import replace_number
from iam.kernel.clock import start_of_day
from iam.kernel.numbers import EnterpriseNumber
from tests.support.extract import Extract, Update, dotted, number, unit
from tests.support.official import rows_of

pytestmark = pytest.mark.anyio
TABLES = (
    "bce_entity", "bce_number", "bce_snapshot", "bce_name", "bce_establishment", "bce_branch", "bce_address",
    "bce_contact", "bce_activity", "bce_tombstone", "journal_entry",
)  # fmt: skip
ANY = Limits(vanish_floor=1000)


@pytest.fixture(params=["within", "beside"])
def scale(request):
    """An update is laid out in the transaction, a very large one beside it: both say the same."""
    return Scale(beside_from_bytes=0 if request.param == "beside" else 1 << 30)


@pytest.fixture
def apply(db, clock, tmp_path, scale):
    async def run(extract, **options):
        clock.advance(minutes=5)
        return await apply_extract(
            db, extract.zip(tmp_path), clock, **{"limits": ANY, "scale": scale, **options}
        )

    return run


async def every_row(db):
    async with db.read() as conn:
        return {
            table: sorted(map(repr, await conn.execute(text(f"SELECT * FROM {table}")))) for table in TABLES
        }


async def find(db, place):
    async with db.read() as conn:
        return await queries.find_by_number(conn, EnterpriseNumber(number(place)))


def branch(place):
    return unit(place, 95_000_000)


def row_of(place, *, situation="000", form="610", start="01-02-2003"):
    return (dotted(place), "AC", situation, "2", form, None, start)


async def test_inv_09_what_a_file_deletes_is_gone_before_what_it_inserts_is_there(db, apply):
    """A key in both is changed, in `_delete` alone gone, in `_insert` alone new."""
    await apply(Extract.of(0, 1, 2))
    update = Update().delete("enterprise", dotted(0), dotted(1))
    update.insert("enterprise", *row_of(0, situation="050")).insert("enterprise", *row_of(9))
    update.delete("denomination", dotted(0)).insert("denomination", dotted(0), "2", "001", "Onderneming 0")
    update.insert("denomination", dotted(9), "1", "001", "Entreprise 9")

    report = await apply(update)

    assert (report.status, report.kind, report.number) == (Status.APPLIED, "update", 2)
    assert report.vanishing == (number(1),)
    assert (await find(db, 0)).situation == "050"
    assert [name.text for name in (await find(db, 0)).names] == ["Onderneming 0"]
    assert not (await find(db, 1)).operating
    assert (await find(db, 9)).operating
    async with db.read() as conn:
        assert await queries.extract_number(conn) == 2


async def test_an_update_writes_nothing_but_what_it_changes(db, apply):
    await apply(Extract.of(0, 1, 2))
    before = await every_row(db)
    update = Update().delete("enterprise", dotted(1)).insert("enterprise", *row_of(1))
    for table in ("denomination", "contact"):
        update.delete(table, dotted(1))
    update.insert("denomination", dotted(1), "1", "001", "Entreprise 1")
    update.insert("contact", dotted(1), "ENT", "TEL", "083611205")

    report = await apply(update)

    assert report.status is Status.APPLIED
    assert not any(sum(counts.values()) for counts in report.written.values())
    assert await every_row(db) == before


async def test_inv_12_whoever_goes_takes_along_everything_of_his_and_of_his_units(db, apply):
    """The other files need not say so: mostly they do not."""
    full = Extract.of(0, 1).with_activities(dotted(0), unit(0), branch(0), dotted(1))
    await apply(full, activities=True)
    assert (await rows_of(db))["activity"].total() == 4

    await apply(Update().delete("enterprise", dotted(0)))

    for file, rows in (await rows_of(db)).items():
        assert rows, file
        assert not [row for row in rows if row[0] in {dotted(0), unit(0), branch(0)}], file
    assert queries.display_name(await find(db, 0), "fr") == "Entreprise 0"


async def test_a_unit_that_closes_takes_along_what_is_said_of_it(db, apply):
    await apply(Extract.of(0, 1))

    await apply(Update().delete("establishment", unit(0)))

    rows = await rows_of(db)
    assert {row[0] for row in rows["establishment"]} == {unit(1)}
    for file in ("denomination", "address"):
        assert {row[0] for row in rows[file]} == {dotted(0), dotted(1), unit(1)}
    assert (await find(db, 0)).operating


@pytest.mark.parametrize("told", [False, True])
async def test_a_unit_that_moves_takes_along_what_is_said_of_it(db, apply, told):
    """What the update tells of it anew is as told; the rest is as it was."""
    extract = Extract.of(0, 1).with_activities(unit(0))
    extract.add("contact.csv", unit(0), "EST", "WEB", "www.exemple.be")
    await apply(extract, activities=True)
    update = Update().delete("establishment", unit(0))
    update.insert("establishment", unit(0), "04-08-2010", dotted(1))
    if told:
        update.delete("denomination", unit(0)).insert("denomination", unit(0), "1", "003", "Autre atelier")

    await apply(update)

    rows = await rows_of(db)
    assert [row[2] for row in rows["establishment"] if row[0] == unit(0)] == [dotted(1)]
    names = [row[3] for row in rows["denomination"] if row[0] == unit(0)]
    assert names == ["Autre atelier" if told else "Atelier 0"]
    for file in ("address", "contact", "activity"):
        assert [row[0] for row in rows[file]].count(unit(0)) == 1, file
    async with db.read() as conn:
        taker = (await find(db, 1)).entity
        for table in ("bce_name", "bce_address", "bce_contact", "bce_activity"):
            now = "" if table != "bce_name" else " AND recorded_until IS NULL AND ends_at IS NULL"
            statement = text(f"SELECT entity_id FROM {table} WHERE unit = :u{now}")
            found = await conn.execute(statement, {"u": unit(0).replace(".", "")})
            assert [row.entity_id for row in found] == [taker], table


async def test_a_unit_moves_although_its_enterprise_goes_on_the_same_day(db, apply):
    await apply(Extract.of(0, 1))
    update = Update().delete("enterprise", dotted(0)).delete("establishment", unit(0))
    update.insert("establishment", unit(0), "04-08-2010", dotted(1))

    await apply(update)

    rows = await rows_of(db)
    assert {row[0]: row[2] for row in rows["establishment"]} == {unit(0): dotted(1), unit(1): dotted(1)}
    assert {row[0] for row in rows["denomination"]} == {dotted(1), unit(0), unit(1)}


async def test_inv_16_the_same_row_twice_neither_raises_nor_shows_twice(db, apply):
    await apply(Extract.of(0).with_activities(), activities=True)
    update = Update()
    for _ in range(3):
        update.insert("contact", dotted(0), "ENT", "EMAIL", "info@exemple.be")
        update.insert("denomination", dotted(0), "1", "001", "Entreprise 0")
        update.insert("activity", dotted(0), "003", "2025", "62100", "MAIN")
        update.insert("enterprise", *row_of(0))
        update.delete("contact", dotted(0))

    report = await apply(update)

    rows = await rows_of(db)
    assert (report.status, report.bad) == (Status.APPLIED, ())
    assert set(rows["contact"].values()) == {1}
    assert [row[3] for row in rows["contact"]] == ["info@exemple.be"]
    assert (len((await find(db, 0)).names), rows["activity"].total()) == (1, 1)


@pytest.mark.parametrize("kind", ["full", "update"])
async def test_inv_17_nobody_waits_for_an_import_and_sees_it_before_its_commit(db, apply, database_url, kind):
    """All is written, and nothing is committed yet: whoever asks is answered at once, on the extract before."""
    before, after = Extract.of(0, 1, 2), Extract.of(2, 3, number=2, snapshot="03-10-2026")
    after.enterprise(0, situation="050", name="Autre nom")
    await apply(before)
    seen = []

    def ask(moment):
        if moment.phase is not Phase.COMMIT or moment.done:
            return
        with psycopg.connect(database_url) as reader:
            reader.execute("SET lock_timeout = '1ms'")
            found = reader.execute("SELECT number, situation, names FROM bce_enterprise_view").fetchall()
            assert reader.execute("SELECT number FROM bce_extract_view").fetchone() == (1,)
            for table in TABLES:
                reader.execute(f"SELECT count(*) FROM {table}")
            reader.execute("INSERT INTO bce_watch SELECT entity_id FROM bce_enterprise_view LIMIT 1")
            seen.append({number: (situation, names[0]["text"]) for number, situation, names in found})

    report = await apply(Update.between(before, after) if kind == "update" else after, watcher=ask)

    assert report.status is Status.APPLIED
    assert seen == [{number(place): ("000", f"Entreprise {place}") for place in (0, 1, 2)}]
    assert (await find(db, 0)).situation == "050"


@pytest.mark.parametrize(
    "without",
    [
        {"branch_delete.csv", "branch_insert.csv", "contact_delete.csv", "activity_insert.csv"},
        {"enterprise_insert.csv", "establishment_delete.csv", "address_insert.csv", "activity_delete.csv"},
    ],
)
async def test_files_may_be_absent_or_have_their_header_only(db, apply, without):
    """Quirk h."""
    await apply(Extract.of(0, 1))
    before = await rows_of(db)

    report = await apply(Update(without=without))

    assert (report.status, report.written["bce_entity"]["ended"]) == (Status.APPLIED, 0)
    assert await rows_of(db) == before
    gone = Update(number=3, snapshot="04-10-2026", without=without).delete("enterprise", dotted(0))
    assert (await apply(gone)).vanishing == (number(0),)


async def test_meta_decides_what_an_extract_is_whatever_its_name(db, apply, clock, tmp_path):
    await apply(Extract.of(0))
    update = Update().delete("enterprise", dotted(0)).zip(tmp_path)
    renamed = update.rename(tmp_path / "KboOpenData_0099_2026_12_06_Full.zip")

    report = await apply_extract(db, renamed, clock, limits=ANY)

    assert (report.status, report.kind, report.number, report.vanishing_count) == (
        Status.APPLIED,
        "update",
        2,
        1,
    )


async def test_inv_10_an_update_is_applied_onto_the_one_before_only(db, apply):
    first = await apply(Update())
    await apply(Extract.of(0, 1, number=4))
    before = await every_row(db)

    gap = await apply(Update(number=6).delete("enterprise", dotted(0)))
    old = await apply(Update(number=3).delete("enterprise", dotted(0)))

    assert (first.status, first.reason, first.detail) == (Status.REFUSED, "gap", "full")
    assert (gap.status, gap.reason, gap.detail) == (Status.REFUSED, "gap", "5")
    assert gap.warnings == ("apply update 5, or the next full extract",)
    assert (old.status, old.reason, old.detail) == (Status.REFUSED, "olderThanApplied", "4")
    assert await every_row(db) == before
    assert (await apply(Update(number=5))).status is Status.APPLIED
    assert (await apply(Extract.of(0, number=9, snapshot="30-10-2026"))).status is Status.APPLIED
    assert (await apply(Update(number=10, snapshot="31-10-2026"))).status is Status.APPLIED


async def test_inv_10_replay_changes_nothing(db, apply):
    await apply(Extract.of(0, 1))
    update = Update().delete("enterprise", dotted(0))
    await apply(update)
    before = await every_row(db)

    again = await apply(update)
    other = await apply(Update().delete("enterprise", dotted(1)))

    assert (again.status, again.warnings) == (Status.ALREADY_APPLIED, ())
    assert (other.status, len(other.warnings)) == (Status.ALREADY_APPLIED, 1)
    assert await every_row(db) == before


async def test_inv_10_full_and_update_of_one_number_are_one_thing(db, apply):
    await apply(Extract.of(0, 1))
    await apply(Update().delete("enterprise", dotted(0)))
    before = await every_row(db)

    full = await apply(Extract.of(1, number=2, snapshot="03-10-2026"))
    update = await apply(Update(number=1, snapshot="02-10-2026").delete("enterprise", dotted(1)))

    assert (full.status, update.status) == (Status.ALREADY_APPLIED, Status.ALREADY_APPLIED)
    assert "this one says the same" in full.warnings[0]
    assert await every_row(db) == before


async def test_a_full_extract_makes_good_what_an_update_had_to_leave_aside(db, apply):
    await apply(Extract.of(0, 1))
    update = Update().delete("enterprise", dotted(0))
    update.inserts.lines["enterprise.csv"].append(f'"{dotted(0)}","AC","050","2","610",,soon')
    lenient = Limits(bad_share=1, vanish_floor=9)
    await apply(update, limits=lenient)
    assert (await find(db, 0)).situation == "000"
    full = Extract.of(1, number=2, snapshot="03-10-2026")
    full.enterprise(0, situation="050")

    report = await apply(full)

    assert (report.status, report.kind) == (Status.APPLIED, "full")
    assert (await find(db, 0)).situation == "050"
    assert (await apply(Update(number=3, snapshot="04-10-2026"))).status is Status.APPLIED


async def test_days_do_not_go_back(db, apply):
    await apply(Extract.of(0))

    report = await apply(Update(snapshot="01-10-2026"))
    same_day = await apply(Update(snapshot="02-10-2026").delete("enterprise", dotted(0)))

    assert (report.status, report.reason, report.detail) == (Status.REJECTED, "dateOrder", "2026-10-02")
    assert same_day.status is Status.APPLIED
    async with db.read() as conn:
        empty = text("SELECT 1 FROM bce_snapshot WHERE ends_at <= starts_at")
        assert list(await conn.execute(empty)) == [], "what held from one extract to the next did hold"


async def test_inv_08_a_bad_row_of_an_update_leaves_its_enterprise_as_it_was(db, apply):
    await apply(Extract.of(*range(6)))
    before = await rows_of(db)
    update = Update()
    for place in range(5):
        update.delete("enterprise", dotted(place)).insert("enterprise", *row_of(place, situation="091"))
        update.delete("denomination", dotted(place), unit(place))
        update.insert("denomination", dotted(place), "1", "001", f"Nom {place}")
    lines = update.inserts.lines
    lines["enterprise.csv"][0] = lines["enterprise.csv"][0].replace("01-02-2003", "31-02-2003")
    update.insert("address", dotted(1), "REGO", *[None] * 10, "soon")
    update.insert("establishment", unit(2), "never", dotted(2))
    update.insert("establishment", unit(3), "04-08-2010", dotted(3).replace("1950", "1951"))
    update.delete("contact", "1950.000.000")

    report = await apply(update, limits=Limits(bad_share=1, vanish_floor=1000))

    assert report.status is Status.APPLIED
    assert set(report.bad) == {
        ("enterprise_insert.csv", 2, "date StartDate"),
        ("address_insert.csv", 2, "date DateStrikingOff"),
        ("establishment_insert.csv", 2, "date StartDate"),
        ("establishment_insert.csv", 3, "number EnterpriseNumber"),
        ("contact_delete.csv", 2, "number EntityNumber"),
    }
    after = await rows_of(db)
    for file, rows in after.items():
        held = {whose for place in range(4) for whose in (dotted(place), unit(place), branch(place))}
        assert {row for row in rows if row[0] in held} == {row for row in before[file] if row[0] in held}, (
            file
        )
    assert (await find(db, 4)).situation == "091"
    assert [name.text for name in (await find(db, 4)).names] == ["Nom 4"]
    async with db.read() as conn:
        assert len(await queries.set_aside(conn)) == 5


async def test_inv_08_a_bad_row_that_is_read_last_leaves_its_enterprise_as_it_was(db, apply):
    """Of a full extract it is settled who is there while other files are read: a bad row in these still counts."""
    await apply(Extract.of(*range(6)))
    before = await rows_of(db)
    full = Extract.of(*range(6), number=2, snapshot="30-10-2026")
    lines = full.lines
    lines["enterprise.csv"] = [line.replace('"000"', '"091"') for line in lines["enterprise.csv"]]
    lines["enterprise.csv"] = [line for line in lines["enterprise.csv"] if dotted(2) not in line]
    lines["denomination.csv"].append(f'"{dotted(1)}","1","001","{"x" * 321}"')
    lines["address.csv"].append(f'"{dotted(2)}","REGO",,,,,,,,,,,soon')
    lines["address.csv"].append(f'"{unit(3)}","BAET",,,,,,,,,,,soon')

    report = await apply(full, limits=Limits(bad_share=1, vanish_floor=1000))

    assert report.status is Status.APPLIED
    assert len(report.bad) == report.bad_rows == 3
    assert (report.orphans, report.vanishing_count) == (0, 0)
    after = await rows_of(db)
    for file, rows in after.items():
        held = {whose for place in (1, 2, 3) for whose in (dotted(place), unit(place), branch(place))}
        assert {row for row in rows if row[0] in held} == {row for row in before[file] if row[0] in held}, (
            file
        )
    assert [(await find(db, place)).situation for place in range(6)] == ["091", *["000"] * 3, "091", "091"]


async def test_inv_08_too_many_bad_rows_reject_an_update(db, apply):
    await apply(Extract.of(0))
    before = await every_row(db)

    report = await apply(Update().delete("enterprise", "nobody").delete("contact", dotted(0)))

    assert (report.status, report.reason, report.bad_rows) == (Status.REJECTED, "tooManyBadRows", 1)
    assert await every_row(db) == before


@pytest.mark.parametrize(("bad", "status"), [(8, Status.APPLIED), (9, Status.REJECTED)])
@pytest.mark.parametrize("by_update", [False, True])
async def test_inv_08_a_thousandth_of_bad_rows_is_borne_and_not_one_more(db, apply, by_update, bad, status):
    extract = Extract.of(*range(1000), number=2, snapshot="03-10-2026")
    lines = extract.lines["enterprise.csv"]
    lines[:bad] = [line.replace("01-02-2003", "31-02-2003") for line in lines[:bad]]
    await apply(Extract.of(5000))
    files = Update.between(Extract(), extract) if by_update else extract

    report = await apply(files)

    assert sum(map(len, extract.lines.values())) == 8000
    assert (report.status, report.bad_rows - report.orphans) == (status, bad)
    assert (await find(db, 999) is None) == (status is Status.REJECTED)


async def test_rows_about_nobody_we_know_are_set_aside_and_concern_nobody(db, apply):
    await apply(Extract.of(0))
    update = Update().insert("denomination", dotted(7), "1", "001", "Personne")
    update.insert("establishment", unit(7), "04-08-2010", dotted(7))
    update.insert("denomination", dotted(0), "1", "001", "Un")

    few = await apply(update, limits=Limits(orphan_share=0.5))
    report = await apply(update, limits=Limits(orphan_share=0.7))

    assert (few.status, few.reason, few.detail) == (Status.REJECTED, "tooManyOrphans", "2")
    assert (report.status, report.bad_rows, report.orphans) == (Status.APPLIED, 2, 2)
    assert {reason for _, _, reason in report.bad} == {"orphan"}
    assert [name.text for name in (await find(db, 0)).names] == ["Un"]


async def test_inv_14_an_update_by_which_too_many_vanish_halts(db, apply):
    await apply(Extract.of(*range(10)))
    async with db.write() as conn:
        for place in (7, 8):
            await queries.watch(conn, (await find(db, place)).entity)
    before = await every_row(db)
    update = Update()
    for place in (3, 5, 8):
        update.delete("enterprise", dotted(place))

    halted = await apply(update, limits=Limits())
    still = await every_row(db)
    other = await apply(Update().delete("enterprise", dotted(3), dotted(5)), limits=Limits(), confirmed=True)
    confirmed = await apply(update, limits=Limits(), confirmed=True)

    assert (halted.status, halted.reason, halted.detail) == (Status.HALTED, "tooManyVanish", "3")
    assert (halted.vanishing, halted.vanishing_watched) == ((number(8), number(3), number(5)), 1)
    assert still == before
    assert other.status is Status.HALTED, "only the very same files can be confirmed"
    assert confirmed.status is Status.APPLIED
    assert not (await find(db, 8)).operating


@pytest.mark.parametrize(("share", "status"), [(0.5, Status.HALTED), (1, Status.APPLIED)])
async def test_inv_14_a_share_of_the_watched_enterprises_halts_by_itself(db, apply, share, status):
    await apply(Extract.of(*range(10)))
    async with db.write() as conn:
        for place in (7, 8):
            await queries.watch(conn, (await find(db, place)).entity)
    limits = Limits(vanish_share=1, vanish_watched_share=share)

    report = await apply(Update().delete("enterprise", dotted(7), dotted(8)), limits=limits)

    assert (report.status, report.vanishing_watched) == (status, 2)


async def test_a_dry_run_of_an_update_tells_the_same_and_leaves_everything(db, apply):
    await apply(Extract.of(0, 1))
    async with db.write() as conn:
        await queries.watch(conn, (await find(db, 0)).entity)
    before = await every_row(db)
    update = Update().delete("enterprise", dotted(0)).insert("enterprise", *row_of(5))

    dry = await apply(update, dry_run=True)
    after_dry = await every_row(db)
    real = await apply(update)

    assert (dry.status, real.status) == (Status.WOULD_APPLY, Status.APPLIED)
    assert after_dry == before
    assert (dry.written, dry.events, dry.vanishing) == (real.written, real.events, real.vanishing)
    assert real.events == {"bce.enterprise.vanished": 1}


async def test_a_renumbered_enterprise_goes_on_under_its_new_number(db, apply, clock):
    """`habilis bce renumber` says it before the update that shows the new number."""
    await apply(Extract.of(0, 1))
    before = await find(db, 0)
    async with db.write() as conn:
        await replace_number(conn, before.entity, EnterpriseNumber(number(9)), since=clock.now, now=clock.now)
    update = Update().delete("enterprise", dotted(0)).insert("enterprise", *row_of(9, situation="003"))
    update.delete("denomination", dotted(0)).insert("denomination", dotted(9), "1", "001", "Entreprise 9")
    update.delete("establishment", unit(0)).insert("establishment", unit(0), "04-08-2010", dotted(9))

    report = await apply(update)

    assert (report.vanishing_count, report.written["bce_entity"]["began"]) == (0, 0)
    after = await find(db, 9)
    assert (after.entity, after.situation, after.operating) == (before.entity, "003", True)
    assert [name.text for name in after.names] == ["Entreprise 9"]
    assert await find(db, 0) is None


@pytest.mark.parametrize("kind", ["full", "update"])
async def test_inv_05_a_number_that_is_given_up_later_than_an_extract_shows_it_again_is_on_one_entity(
    db, apply, clock, kind
):
    """Said too early that it goes by another one: whoever has the old number now, has it from that day on."""
    await apply(Extract.of(0, 1))
    before, since = await find(db, 0), start_of_day(date(2026, 12, 1))
    async with db.write() as conn:
        await replace_number(conn, before.entity, EnterpriseNumber(number(9)), since=since, now=clock.now)
    again = (
        Update().insert("enterprise", *row_of(0)).insert("denomination", dotted(0), "1", "001", "Une autre")
    )
    full = Extract.of(0, 1, number=2, snapshot="03-10-2026")

    report = await apply(full if kind == "full" else again)

    after = await find(db, 0)
    assert (report.status, after.entity == before.entity) == (Status.APPLIED, False)
    async with db.read() as conn:
        held = await conn.execute(
            text("SELECT entity_id, starts_at, ends_at FROM bce_number WHERE number = :n"
                 " AND recorded_until IS NULL ORDER BY starts_at"), {"n": number(0)},
        )  # fmt: skip
        first, second = held
    assert (first.entity_id, first.ends_at) == (before.entity, since)
    assert (second.entity_id, second.starts_at, second.ends_at) == (after.entity, since, None)


async def test_activities_and_branches_are_kept_where_they_are_wanted(db, apply):
    """They are not, by default; whether they are is a matter of full extracts, which updates follow."""
    full = Extract.of(0, 1).with_activities(dotted(0), unit(0))
    await apply(full)
    assert (await rows_of(db))["activity"].total() == 0
    told = Update().insert("activity", dotted(1), "003", "2025", "62100", "MAIN")

    late = await apply(told, activities=True)
    assert late.warnings == ("whether there are activities changes with the next full extract",)
    assert (await rows_of(db))["activity"].total() == 0

    await apply(Extract(number=3, snapshot="03-10-2026", lines=full.lines), activities=True)
    told.number, told.snapshot = 4, "04-10-2026"
    follows = await apply(told)
    assert follows.warnings == late.warnings
    assert {row[0] for row in (await rows_of(db))["activity"]} == {dotted(0), unit(0), dotted(1)}

    await apply(Extract(number=5, snapshot="05-10-2026", lines=full.lines))
    assert (await rows_of(db))["activity"].total() == 0


async def test_without_branches_nothing_about_them_is_there(db, apply):
    full = Extract.of(0, 1)
    full.add("denomination.csv", branch(0), "1", "004", "Succursale")
    await apply(full)
    assert (branch(0), "1", "004", "Succursale") in (await rows_of(db))["denomination"]

    report = await apply(Extract(number=2, snapshot="03-10-2026", lines=full.lines), branches=False)
    update = Update(number=3, snapshot="04-10-2026").insert("branch", branch(4), "04-08-2010", dotted(0))
    update.insert("denomination", branch(4), "1", "004", "Succursale")
    later = await apply(update, branches=False)

    assert (report.status, report.bad, later.status, later.bad) == (Status.APPLIED, (), Status.APPLIED, ())
    rows = await rows_of(db)
    assert rows["branch"].total() == 0
    assert not [row for row in rows["denomination"] if row[0].startswith("9.")]
