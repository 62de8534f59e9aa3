"""Full extracts, applied to a real database."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from iam.bce import queries
from iam.bce.importer import Limits, Status, apply_extract
from iam.bce.record import UnknownEntity, replace_number
from iam.kernel.ids import EntityId, uuid4
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.storage.locks import Lease, take_lease
from tests.support.extract import Extract, dotted, number, unit

pytestmark = pytest.mark.anyio
TABLES = (
    "bce_entity", "bce_number", "bce_snapshot", "bce_name", "bce_establishment", "bce_branch", "bce_address",
    "bce_contact", "bce_tombstone", "journal_entry",
)  # fmt: skip
MANY = range(1200)


@pytest.fixture
def apply(db, clock, tmp_path):
    async def run(extract, **options):
        clock.advance(minutes=5)
        return await apply_extract(db, extract.zip(tmp_path), clock, **options)

    return run


async def every_row(db):
    """All of the register, to see that nothing has changed."""
    async with db.read() as conn:
        return {
            table: sorted(map(repr, await conn.execute(text(f"SELECT * FROM {table}")))) for table in TABLES
        }


async def rows(db, statement, **values):
    async with db.read() as conn:
        return list(await conn.execute(text(statement), values))


async def find(db, place):
    async with db.read() as conn:
        return await queries.find_by_number(conn, EnterpriseNumber(number(place)))


async def watch(db, *places):
    for place in places:
        found = await find(db, place)
        async with db.write() as conn:
            await queries.watch(conn, found.entity)


async def journal(db):
    return [
        (row.kind, row.data)
        for row in await rows(
            db,
            "SELECT kind, data FROM journal_entry WHERE head_kind = 'register' ORDER BY at, head_id, revision",
        )
    ]


async def test_an_extract_becomes_the_register(db, apply):
    extract = Extract.of(0)
    extract.enterprise(1, kind="1", form=None, name="Haddad, Nadia")

    report = await apply(extract)

    assert report.status is Status.APPLIED
    assert report.read == {
        "enterprise": 2, "establishment": 2, "branch": 2, "denomination": 4, "address": 4, "contact": 2,
    }  # fmt: skip
    found = await find(db, 0)
    assert found.operating
    assert (found.form, found.situation, found.municipality_fr) == ("610", "000", "Namur")
    assert queries.display_name(found, Language.NL) == "Entreprise 0"
    assert (await find(db, 1)).form is None
    async with db.read() as conn:
        assert await queries.extract_number(conn) == 1


async def test_a_folder_is_as_good_as_a_zip(db, clock, tmp_path):
    report = await apply_extract(db, Extract.of(0, 1).folder(tmp_path), clock)

    assert report.status is Status.APPLIED
    assert (await find(db, 1)).operating


async def test_the_form_as_to_be_read_is_the_form_to_go_by(db, apply):
    """Quirk g."""
    extract = Extract()
    extract.enterprise(0, form="015", form_cac="610")
    await apply(extract)

    assert (await find(db, 0)).form == "610"


async def test_an_unchanged_row_is_not_written(db, apply):
    await apply(Extract.of(0, 1))
    before = await every_row(db)

    report = await apply(Extract.of(0, 1, number=2, snapshot="30-10-2026"))

    assert report.status is Status.APPLIED
    assert not any(sum(counts.values()) for counts in report.written.values())
    assert await every_row(db) == before


async def test_inv_05_a_number_is_on_one_entity_and_an_entity_has_one_number(db, apply):
    await apply(Extract.of(0, 1))
    first, second = await find(db, 0), await find(db, 1)
    values = (
        "INSERT INTO bce_number (entity_id, number, starts_at, ends_at, recorded_from, recorded_until)"
        " VALUES (:entity, :number, '2026-11-01', :ends, '2026-11-02', NULL)"
    )

    for entity, digits, ends in (
        (first.entity, number(1), None),
        (first.entity, number(1), "2026-11-05"),
        (first.entity, number(7), None),
        (first.entity, number(7), "2026-11-05"),
    ):
        when = None if ends is None else datetime.fromisoformat(ends).replace(tzinfo=UTC)
        with pytest.raises(IntegrityError):
            async with db.write() as conn:
                await conn.execute(text(values), {"entity": entity, "number": digits, "ends": when})
    assert second.number.digits == number(1)


@pytest.mark.parametrize(
    ("table", "constraint"),
    [("bce_number", "ex_bce_number_one_"), ("bce_snapshot", "ex_bce_snapshot_one_state")],
)
async def test_two_versions_of_a_fact_never_hold_at_once(db, apply, table, constraint):
    """Alembic does not see exclusion constraints: here they are."""
    await apply(Extract.of(0))
    columns = ", ".join(
        row.column_name
        for row in await rows(
            db,
            "SELECT column_name FROM information_schema.columns WHERE table_name = :t"
            " AND column_name NOT IN ('version_id', 'ends_at')",
            t=table,
        )
    )

    with pytest.raises(IntegrityError, match=constraint):
        async with db.write() as conn:
            await conn.execute(
                text(
                    f"INSERT INTO {table} ({columns}, ends_at)"
                    f" SELECT {columns}, starts_at + interval '1 day' FROM {table}"
                )
            )


async def test_that_none_holds_twice_is_looked_up_and_not_looked_for(db, apply):
    """What a day's changes cost does not grow with the register: a check never reads all of a table."""
    await apply(Extract.of(*MANY))
    async with db.write() as conn:
        await conn.execute(text("ANALYZE bce_snapshot"))
        read_whole = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'bce_snapshot'")
        some = text("SELECT entity_id FROM bce_snapshot ORDER BY entity_id LIMIT 40")
        entities = (await conn.execute(some)).scalars().all()
        before = (await conn.execute(read_whole)).scalar_one()
        changed = "UPDATE bce_snapshot SET situation = '010' WHERE entity_id = ANY(:some)"
        await conn.execute(text(changed), {"some": entities})

        # The statement itself may.
        assert (await conn.execute(read_whole)).scalar_one() - before <= 1


async def test_that_none_of_many_new_ones_holds_twice_is_found_in_one_go(db):
    """Nothing is known of a new table: each row looked up in it might read all the others."""
    made = (
        "INSERT INTO bce_number (entity_id, number, starts_at, recorded_from)"
        " SELECT gen_random_uuid(), 1000000000 + n, now(), now() FROM generate_series(1, 500) n"
    )
    async with db.write() as conn:
        await conn.execute(text(made))
        read = (
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'bce_number'"
        )

        assert (await conn.execute(text(read))).scalar_one() < 5000


async def test_inv_05_a_replaced_number_keeps_the_entity_and_tells_once(db, apply, clock):
    await apply(Extract.of(0, 1))
    await watch(db, 0)
    before = await find(db, 0)
    new = EnterpriseNumber(number(9))

    for _ in range(2):
        clock.advance(hours=1)
        async with db.write() as conn:
            await replace_number(
                conn, before.entity, new, since=datetime(2026, 11, 1, tzinfo=UTC), now=clock.now
            )
    renumbered = Extract.of(1, number=2, snapshot="30-11-2026")
    renumbered.enterprise(9, name="Entreprise 0")
    after = await apply(renumbered)

    assert after.vanishing_count == 0
    assert (await find(db, 9)).entity == before.entity
    assert await find(db, 0) is None
    assert await journal(db) == [
        (
            "bce.enterprise.numberReplaced",
            {"entity": str(before.entity), "before": number(0), "after": number(9)},
        )
    ]
    held = await rows(db, "SELECT number FROM bce_number WHERE entity_id = :e AND recorded_until IS NULL"
                          " AND tstzrange(starts_at, ends_at) @> timestamptz '2026-10-15'", e=before.entity)  # fmt: skip
    assert [row.number for row in held] == [number(0)]


async def test_inv_05_a_number_of_another_is_refused(db, apply, clock):
    await apply(Extract.of(0, 1))
    first = await find(db, 0)

    with pytest.raises(IntegrityError):
        async with db.write() as conn:
            await replace_number(
                conn, first.entity, EnterpriseNumber(number(1)), since=clock.now, now=clock.now
            )
    with pytest.raises(UnknownEntity):
        async with db.write() as conn:
            await replace_number(
                conn, EntityId(uuid4()), EnterpriseNumber(number(5)), since=clock.now, now=clock.now
            )
    assert (await find(db, 0)).entity == first.entity


async def test_inv_06_the_key_of_an_entity_is_random(db, apply):
    await apply(Extract.of(*range(5)))

    keys = [row.entity_id for row in await rows(db, "SELECT entity_id FROM bce_entity")]

    assert {key.version for key in keys} == {4}


async def test_inv_07_the_language_codes_are_the_officials(db, apply):
    extract = Extract()
    extract.enterprise(0, name="Pont de l'Europe")
    for language, name in (("2", "Europabrug"), ("3", "Europabrücke"), ("4", "Bridge of Europe"), ("0", "?")):
        extract.add("denomination.csv", dotted(0), language, "001", name)
    await apply(extract)

    found = await find(db, 0)

    assert {language: queries.display_name(found, language) for language in Language} == {
        Language.FR: "Pont de l'Europe",
        Language.NL: "Europabrug",
        Language.DE: "Europabrücke",
        Language.EN: "Bridge of Europe",
    }


async def test_inv_08_empty_text_and_nothing_are_the_same(db, apply):
    extract = Extract.of(0)
    extract.lines["enterprise.csv"][0] = f'"{dotted(0)}","AC","000","2","","",01-02-2003'
    await apply(extract)
    before = await every_row(db)

    other = Extract.of(0, number=2, snapshot="30-10-2026")
    other.lines["enterprise.csv"][0] = f'"{dotted(0)}","AC","000","2",,,01-02-2003'
    report = await apply(other)

    assert report.status is Status.APPLIED
    assert await every_row(db) == before
    assert await rows(db, "SELECT 1 FROM bce_address WHERE box = '' OR extra = ''") == []


SPOILT = [
    ("enterprise.csv", '"{number}","AC","000","2","610",,31-02-2003', "date StartDate"),
    ("enterprise.csv", '"{number}","AC","000","2","610",,2003-02-01', "date StartDate"),
    ("enterprise.csv", '"{number}","AC","0000","2","610",,01-02-2003', "value JuridicalSituation"),
    ("enterprise.csv", '"{number}","AC",,"2","610",,01-02-2003', "value JuridicalSituation"),
    ("enterprise.csv", '"{number}","AC","000","2","610"', "row"),
    ("enterprise.csv", '"{number}","AC","000","2","610",,01-02-2003,"more"', "row"),
    ("enterprise.csv", '"{number}","AC","0"00","2","610",,01-02-2003', "row"),
    ("enterprise.csv", '"{number},"AC","000","2","610",,01-02-2003', "row"),
]


@pytest.mark.parametrize(("file", "line", "reason"), SPOILT)
async def test_inv_08_a_bad_row_is_set_aside_with_its_line_and_stops_nothing(db, apply, file, line, reason):
    extract = Extract.of(*MANY)
    extract.lines[file][6] = line.format(number=dotted(6))

    report = await apply(extract)

    assert report.status is Status.APPLIED
    assert report.bad == ((file, 8, reason),)
    assert await find(db, 6) is None
    assert (await find(db, 7)).operating
    async with db.read() as conn:
        (aside,) = await queries.set_aside(conn)
    assert (aside.attempt, aside.file, aside.line, aside.reason) == ("extract 1", file, 8, reason)


async def test_inv_08_a_bad_row_leaves_a_known_enterprise_as_it_is(db, apply):
    """It is neither changed nor taken for vanished."""
    await apply(Extract.of(*MANY))
    before = await find(db, 6)
    extract = Extract.of(*MANY, number=2, snapshot="30-10-2026")
    extract.lines["enterprise.csv"][6] = f'"{dotted(6)}","AC","050","2","610",,soon'
    extract.lines["denomination.csv"][2 * 8] = f'"{dotted(8)}","1","001","{"x" * 321}"'
    extract.lines["address.csv"][2 * 9 + 1] = f'"{unit(9)}","BAET",,,,,,,,,,,soon'

    report = await apply(extract)

    assert report.status is Status.APPLIED
    assert {file for file, _, _ in report.bad} == {"enterprise.csv", "denomination.csv", "address.csv"}
    assert report.vanishing_count == 0
    assert await find(db, 6) == before
    assert queries.display_name(await find(db, 8), Language.FR) == "Entreprise 8"
    assert not any(sum(counts.values()) for counts in report.written.values())


async def test_inv_08_who_seems_absent_behind_an_unreadable_number_waits_for_a_person(db, apply):
    await apply(Extract.of(*MANY))
    extract = Extract.of(*MANY, number=2, snapshot="30-10-2026")
    for file, lines in extract.lines.items():
        extract.lines[file] = [line.replace(dotted(6), "1950.000.600") for line in lines]

    report = await apply(extract)

    assert report.status is Status.HALTED
    assert (await find(db, 6)).operating


async def test_inv_08_too_many_bad_rows_reject_the_whole_extract(db, apply):
    await apply(Extract.of(*MANY))
    before = await every_row(db)
    extract = Extract.of(*MANY, number=2, snapshot="30-10-2026")
    for place in range(20):
        extract.lines["enterprise.csv"][place] = f'"{dotted(place)}","AC","050","2","610",,soon'

    report = await apply(extract)

    assert (report.status, report.reason, report.bad_rows) == (Status.REJECTED, "tooManyBadRows", 20)
    assert await every_row(db) == before
    async with db.read() as conn:
        assert await queries.extract_number(conn) == 1
        assert len(await queries.set_aside(conn)) == 20


@pytest.mark.parametrize(
    ("file", "header", "column"),
    [
        ("enterprise.csv", '"EnterpriseNumber","Status","JuridicalSituation","TypeOfEnterprise","JuridicalForm","StartDate"', "JuridicalFormCAC"),
        ("contact.csv", '"EntityNumber","EntityContact","ContactType","Content"', "Value"),
        ("code.csv", '"Category","Code","Description"', "Language"),
    ],
)  # fmt: skip
async def test_inv_08_a_missing_column_rejects_it_and_is_named(db, apply, file, header, column):
    await apply(Extract.of(0))
    before = await every_row(db)
    extract = Extract.of(0, number=2, snapshot="30-10-2026")
    extract.headers[file] = header

    report = await apply(extract)

    assert (report.status, report.reason, report.detail) == (Status.REJECTED, "header", f"{file}: {column}")
    assert await every_row(db) == before


async def test_inv_08_columns_may_stand_in_any_order_with_others_between(db, apply):
    extract = Extract.of(0)
    extract.headers["contact.csv"] = '"Value","Colour","ContactType","EntityContact","EntityNumber"'
    extract.lines["contact.csv"] = [f'"083611205","red","TEL","ENT","{dotted(0)}"']

    report = await apply(extract)

    assert report.status is Status.APPLIED
    assert [row.value for row in await rows(db, "SELECT value FROM bce_contact")] == ["083611205"]


@pytest.mark.parametrize("spoil", ["encoding", "missing", "dates", "empty", "update", "meta"])
async def test_inv_08_what_is_no_full_extract_changes_nothing(db, clock, tmp_path, spoil):
    await apply_extract(db, Extract.of(0).zip(tmp_path), clock)
    before = await every_row(db)
    extract = Extract.of(0, number=2, snapshot="30-10-2026")
    if spoil == "missing":
        extract.without.add("denomination.csv")
    if spoil == "dates":
        extract.snapshot = "01-10-2026"
    if spoil == "empty":
        extract.lines = {name: [] for name in extract.lines}
    if spoil == "update":
        extract.kind = "update"
    folder = extract.folder(tmp_path)
    if spoil == "encoding":
        (folder / "denomination.csv").write_bytes(
            extract.files()["denomination.csv"].replace(b"Entreprise", b"Soci\xe9t\xe9")
        )
    if spoil == "meta":
        (folder / "meta.csv").write_text('"Variable","Value"\n')

    report = await apply_extract(db, folder, clock)

    expected = {
        "encoding": (Status.REJECTED, "encoding", "denomination.csv"),
        "missing": (Status.REJECTED, "missing", "denomination.csv"),
        "dates": (Status.REJECTED, "dateOrder", "2026-10-02"),
        "empty": (Status.REJECTED, "empty", "enterprise.csv"),
        "update": (Status.REJECTED, "missing", "enterprise_delete.csv"),
        "meta": (Status.REJECTED, "meta", "ExtractNumber"),
    }
    assert (report.status, report.reason, report.detail) == expected[spoil]
    assert await every_row(db) == before


async def test_rows_about_nothing_the_extract_holds_are_bad(db, apply):
    extract = Extract.of(*MANY)
    extract.add("denomination.csv", dotted(5000), "1", "001", "Nobody's")
    extract.add("establishment.csv", unit(5000), "01-01-2020", dotted(5000))

    report = await apply(extract)

    assert report.status is Status.APPLIED
    assert [(file, reason) for file, _, reason in report.bad] == [
        ("denomination.csv", "orphan"),
        ("establishment.csv", "orphan"),
    ]


async def test_a_number_twice_in_the_file_is_taken_once(db, apply):
    extract = Extract.of(*MANY)
    extract.add("enterprise.csv", dotted(3), "AC", "050", "2", "610", None, "01-02-2003")

    report = await apply(extract)

    assert report.bad == (("enterprise.csv", 1202, "twice"),)
    assert (await find(db, 3)).situation == "000"


async def test_inv_10_replay_changes_nothing_and_an_older_one_is_refused(db, apply):
    await apply(Extract.of(0, number=2))
    await apply(Extract.of(0, number=4))
    before = await every_row(db)

    again = await apply(Extract.of(0, number=4))
    long_ago = await apply(Extract.of(0, number=2))
    other = await apply(Extract.of(0, 1, number=4))
    older = await apply(Extract.of(0, number=3))

    assert long_ago.status is Status.ALREADY_APPLIED
    assert (again.status, again.warnings) == (Status.ALREADY_APPLIED, ())
    assert (other.status, len(other.warnings)) == (Status.ALREADY_APPLIED, 1)
    assert (older.status, older.reason, older.detail) == (Status.REFUSED, "olderThanApplied", "4")
    assert await every_row(db) == before


async def test_inv_12_what_vanishes_loses_everything_but_its_number_and_history(db, apply):
    await apply(Extract.of(0, 1))
    gone = await find(db, 0)

    report = await apply(Extract.of(1, number=2, snapshot="30-10-2026"))

    assert report.vanishing == (number(0),)
    for table in ("bce_snapshot", "bce_name", "bce_establishment", "bce_branch"):
        open_rows = (
            f"SELECT 1 FROM {table} WHERE entity_id = :e AND recorded_until IS NULL AND ends_at IS NULL"
        )
        assert await rows(db, open_rows, e=gone.entity) == []
        history = (
            f"SELECT 1 FROM {table} WHERE entity_id = :e AND recorded_until IS NULL AND ends_at IS NOT NULL"
        )
        assert await rows(db, history, e=gone.entity) != []
    for table in ("bce_address", "bce_contact"):
        assert await rows(db, f"SELECT 1 FROM {table} WHERE entity_id = :e", e=gone.entity) == []
    now = await find(db, 0)
    assert not now.operating
    assert queries.display_name(now, Language.FR) == "Entreprise 0"


async def test_inv_13_vanishing_and_returning_are_told_once_each_for_the_watched(db, apply):
    await apply(Extract.of(0, 1, 2, 3))
    await watch(db, 0)
    gone = await find(db, 0)
    limits = Limits(vanish_floor=2)

    for extract in (
        Extract.of(2, 3, number=2, snapshot="09-10-2026"),
        Extract.of(2, 3, number=3, snapshot="16-10-2026"),
        Extract.of(0, 1, 2, 3, number=4, snapshot="23-10-2026"),
        Extract.of(0, 1, 2, 3, number=5, snapshot="30-10-2026"),
    ):
        assert (await apply(extract, limits=limits)).status is Status.APPLIED

    assert await journal(db) == [
        ("bce.enterprise.vanished", {"entity": str(gone.entity), "extract": 2}),
        ("bce.enterprise.reactivated", {"entity": str(gone.entity), "extract": 4}),
    ]
    tombstones = await rows(db, "SELECT vanished_extract, reactivated_extract FROM bce_tombstone")
    assert [tuple(row) for row in tombstones] == [(2, 4), (2, 4)]
    assert (await find(db, 0)).entity == gone.entity
    assert (await find(db, 1)).operating
    history = await rows(
        db, "SELECT ends_at FROM bce_snapshot WHERE entity_id = :e AND recorded_until IS NULL ORDER BY starts_at",
        e=gone.entity,
    )  # fmt: skip
    assert [row.ends_at is None for row in history] == [False, True]


async def test_what_changes_for_a_watched_enterprise_is_told(db, apply):
    await apply(Extract.of(0, 1))
    await watch(db, 0)
    one = await find(db, 0)
    changed = Extract(number=2, snapshot="30-10-2026")
    for place in (0, 1):
        changed.enterprise(place, name="Autre nom", situation="050", form="014", struck_off="14-10-2026")

    report = await apply(changed)

    entity = str(one.entity)
    assert await journal(db) == [
        (
            "bce.enterprise.situationChanged",
            {
                "entity": entity, "before": "000", "after": "050", "consequence_before": "normal",
                "consequence_after": "controlled",
            },
        ),
        ("bce.enterprise.formChanged", {"entity": entity, "before": "610", "after": "014"}),
        ("bce.enterprise.nameChanged", {"entity": entity}),
        ("bce.enterprise.seatStruckOff", {"entity": entity, "on": "2026-10-14"}),
    ]  # fmt: skip
    assert set(report.events.values()) == {1}
    (entry,) = await rows(
        db, "SELECT DISTINCT revision, actor_name, capacity FROM journal_entry WHERE head_kind = 'register'"
    )
    assert tuple(entry) == (1, "extract 0002", "system")
    again = await apply(Extract(number=3, snapshot="30-10-2026", lines=changed.lines))
    assert again.events == {}


async def test_both_times_answer_what_was_believed_and_what_held(db, apply, clock):
    await apply(Extract.of(0))
    believed_then = clock.now
    changed = Extract(number=2, snapshot="30-10-2026")
    changed.enterprise(0, situation="091")
    await apply(changed)

    question = (
        "SELECT situation FROM bce_snapshot WHERE tstzrange(starts_at, ends_at) @> CAST(:at AS timestamptz)"
        " AND tstzrange(recorded_from, recorded_until) @> CAST(:known AS timestamptz)"
    )

    async def ask(at, known):
        return [row.situation for row in await rows(db, question, at=at, known=known)]

    before, after = datetime(2026, 10, 15, tzinfo=UTC), datetime(2026, 11, 15, tzinfo=UTC)
    assert await ask(before, clock.now) == ["000"]
    assert await ask(after, clock.now) == ["091"]
    assert await ask(after, believed_then) == ["000"]


async def test_inv_14_too_many_vanishing_halts_until_confirmed(db, apply):
    await apply(Extract.of(*range(10)))
    await watch(db, 5)
    before = await every_row(db)
    fewer = Extract.of(*range(5), number=2, snapshot="30-10-2026")

    unseen = await apply(fewer, confirmed=True)
    halted = await apply(fewer)
    still = await every_row(db)
    another = await apply(Extract.of(*range(4), number=2, snapshot="30-10-2026"), confirmed=True)
    confirmed = await apply(fewer, confirmed=True)

    assert unseen.status is Status.HALTED, "what was never shown cannot be confirmed"
    assert (halted.status, halted.reason, halted.vanishing_count) == (Status.HALTED, "tooManyVanish", 5)
    assert halted.vanishing == tuple(number(place) for place in (5, 6, 7, 8, 9)), "the watched one first"
    assert still == before
    assert another.status is Status.HALTED, "other files are another thing to look at"
    assert confirmed.status is Status.APPLIED
    assert not (await find(db, 9)).operating


@pytest.mark.parametrize(("gone", "floor", "status"), [(6, 1, Status.APPLIED), (7, 1, Status.HALTED), (7, 7, Status.APPLIED)])  # fmt: skip
async def test_inv_14_the_share_is_half_a_percent_and_a_floor_may_be_set(db, apply, gone, floor, status):
    await apply(Extract.of(*MANY))

    report = await apply(
        Extract.of(*MANY[gone:], number=2, snapshot="30-10-2026"), limits=Limits(vanish_floor=floor)
    )

    assert report.status is status


async def test_inv_16_the_same_contact_twice_is_shown_once(db, apply):
    extract = Extract.of(0)
    for _ in range(3):
        extract.add("contact.csv", dotted(0), "ENT", "TEL", "083611205")
        extract.add("denomination.csv", dotted(0), "1", "001", "Entreprise 0")

    await apply(extract)
    await apply(Extract(number=2, snapshot="30-10-2026", lines=extract.lines))

    assert len(await rows(db, "SELECT 1 FROM bce_contact")) == 1
    assert len((await find(db, 0)).names) == 1


async def test_inv_17_an_answer_stands_on_the_extract_that_was_committed(db, clock, tmp_path):
    """A reader whose snapshot began before the commit goes on seeing the extract before, whole."""
    await apply_extract(db, Extract.of(0, 1).zip(tmp_path), clock)
    changed = Extract(number=2, snapshot="30-10-2026")
    for place in (0, 1):
        changed.enterprise(place, situation="050")
    async with db.read() as reader:
        first = await queries.extract_number(reader)
        await apply_extract(db, changed.zip(tmp_path), clock)
        seen = await queries.find_by_number(reader, EnterpriseNumber(number(1)))
        assert (first, await queries.extract_number(reader), seen.situation) == (1, 1, "000")
    async with db.read() as reader:
        assert await queries.extract_number(reader) == 2


async def test_a_dry_run_tells_the_same_and_leaves_everything(db, apply):
    await apply(Extract.of(0, 1))
    await watch(db, 0)
    before = await every_row(db)
    second = Extract.of(1, number=2, snapshot="30-10-2026")

    dry = await apply(second, dry_run=True)
    after_dry = await every_row(db)
    real = await apply(second)

    assert dry.status is Status.WOULD_APPLY
    assert after_dry == before
    assert (dry.written, dry.events, dry.vanishing) == (real.written, real.events, real.vanishing)
    assert real.events == {"bce.enterprise.vanished": 1}


async def test_two_imports_at_once_are_one_too_many(db, apply):
    async with db.write() as other:
        await take_lease(other, Lease.IMPORT)

        report = await apply(Extract.of(0))

    assert (report.status, report.reason) == (Status.REFUSED, "busy")
    assert (await apply(Extract.of(0))).status is Status.APPLIED


async def test_watching_does_not_wait_for_an_import(db, apply):
    """Delegation watches in its own transaction, while an import holds its rows."""
    await apply(Extract.of(0))
    one = await find(db, 0)
    async with db.write() as importing:
        await importing.execute(text("UPDATE bce_entity SET vanished_at = now()"))
        async with asyncio.timeout(5), db.write() as conn:
            await queries.watch(conn, one.entity)
            await queries.watch(conn, one.entity)

    assert len(await rows(db, "SELECT 1 FROM bce_watch")) == 1


async def test_a_code_nobody_has_heard_of_is_accepted_with_caution(db, apply):
    extract = Extract()
    extract.enterprise(0, situation="777", form="888")

    report = await apply(extract)

    assert report.warnings == ("unknown code JuridicalForm 888", "unknown code JuridicalSituation 777")
    found = await find(db, 0)
    assert (found.consequence.value, found.operating) == ("controlled", True)


async def test_a_start_after_the_snapshot_is_accepted(db, apply):
    """Quirk k."""
    extract = Extract()
    extract.enterprise(0, start="01-12-2026")

    assert (await apply(extract)).status is Status.APPLIED


async def test_a_struck_off_seat_is_doubtful(db, apply):
    """Quirk f."""
    extract = Extract.of(1)
    extract.enterprise(0, struck_off="14-05-2025")
    await apply(extract)

    assert (await find(db, 0)).doubtful_seat
    assert not (await find(db, 1)).doubtful_seat


async def test_inv_09_a_killed_import_leaves_the_extract_before(db, clock, tmp_path, database_url):
    """The backend dies at its last step, before the commit."""
    await apply_extract(db, Extract.of(0, 1).zip(tmp_path), clock)
    before = await every_row(db)
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
        )
        admin.execute("CREATE TRIGGER die BEFORE INSERT ON bce_extract FOR EACH ROW EXECUTE FUNCTION die()")
        with pytest.raises(Exception, match=r"terminat|closed"):
            await apply_extract(db, Extract.of(1, 2, number=2, snapshot="30-10-2026").zip(tmp_path), clock)
        admin.execute("DROP TRIGGER die ON bce_extract")

    assert await every_row(db) == before
    report = await apply_extract(db, Extract.of(1, 2, number=2, snapshot="30-10-2026").zip(tmp_path), clock)
    assert report.status is Status.APPLIED
