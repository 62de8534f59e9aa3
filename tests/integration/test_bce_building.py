"""A first load is made beside the empty tables and put in their place (ADR 0013)."""

import asyncio

import psycopg
import pytest
from sqlalchemy import text

from iam.bce.extracts.progress import Phase
from iam.bce.importer import Scale, Status, apply_extract
from tests.support.extract import Extract, dotted

pytestmark = pytest.mark.anyio
BESIDE = Scale(beside_from_bytes=0)
FIRST = Extract.of(0, 1).with_activities(dotted(0), dotted(1))
BUILT = (
    "bce_entity", "bce_number", "bce_snapshot", "bce_name", "bce_establishment", "bce_branch", "bce_address",
    "bce_contact", "bce_activity",
)  # fmt: skip
_LOOKS = {
    "columns": "SELECT a.attname, row_number() OVER (ORDER BY attnum), format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation,"
    " a.attidentity, a.attgenerated, a.attstorage, a.attcompression, col_description(attrelid, attnum),"
    " pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a"
    " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE a.attrelid = CAST(:table AS regclass) AND a.attnum > 0 AND NOT a.attisdropped",
    "constraints": "SELECT conname, contype, convalidated, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE CAST(:table AS regclass) IN (conrelid, confrelid) AND contype <> 'n'",
    "indexes": "SELECT c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid FROM pg_index i"
    " JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = CAST(:table AS regclass)",
    "triggers": "SELECT tgenabled, pg_get_triggerdef(oid) FROM pg_trigger"
    " WHERE tgrelid = CAST(:table AS regclass) AND NOT tgisinternal",
    "table": "SELECT relpersistence, relkind, relrowsecurity, reloptions, relreplident, reltablespace,"
    " pg_get_userbyid(relowner), obj_description(oid) FROM pg_class WHERE oid = CAST(:table AS regclass)",
    "rights": "SELECT pg_get_userbyid(a.grantee), a.privilege_type, a.is_grantable"
    " FROM pg_class c CROSS JOIN aclexplode(c.relacl) a"
    " WHERE c.oid = CAST(:table AS regclass) AND a.grantee <> c.relowner",
}


async def looks(db):
    """All that the catalogue says of these tables, but who they are."""
    async with db.read() as conn:
        return {
            (table, what): sorted(map(repr, await conn.execute(text(statement), {"table": table})))
            for table in BUILT
            for what, statement in _LOOKS.items()
        }


def filled(reader):
    """How many rows the reader sees in each table."""
    return {table: reader.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in BUILT}


class Reader:
    """One snapshot of the register, from when it is told to begin."""

    def __init__(self, url):
        self.conn = psycopg.connect(url)
        self.conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.conn.close()

    def extract(self):
        return self.conn.execute("SELECT coalesce(max(number), 0) FROM bce_extract_view").fetchone()[0]


class At:
    """Calls what it is given, once, when an import gets to a moment."""

    def __init__(self, phase, done, call):
        self.moment, self.call = (phase, done), call

    def __call__(self, moment):
        if self.call is not None and (moment.phase, moment.done) == self.moment:
            call, self.call = self.call, None
            call()


async def test_a_table_that_was_built_is_as_the_migrations_made_it(db, clock, tmp_path, database_url):
    """And as an operator tuned it, and with the rights that he gave."""
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("ALTER TABLE bce_name SET (autovacuum_vacuum_scale_factor = 0.01, fillfactor = 90)")
        admin.execute("ALTER TABLE bce_contact ALTER COLUMN kind SET DEFAULT 'TEL'")
        admin.execute("GRANT SELECT ON bce_address TO pg_monitor WITH GRANT OPTION")
    before = await looks(db)

    report = await apply_extract(db, FIRST.zip(tmp_path), clock, scale=BESIDE, activities=True)

    assert report.status is Status.APPLIED
    assert await looks(db) == before
    with Reader(database_url) as reader:
        assert 0 not in filled(reader.conn).values()


async def test_inv_17_whoever_reads_since_before_a_first_load_finds_nobody_in_it(
    db, clock, tmp_path, database_url
):
    """What hangs on an enterprise may be there before: nobody comes to it without its key."""
    with Reader(database_url) as reader:
        report = await apply_extract(
            db, FIRST.zip(tmp_path), clock, scale=BESIDE, activities=True,
            watcher=At(Phase.MERGE, 0, reader.extract),
        )  # fmt: skip

        assert report.status is Status.APPLIED
        assert reader.extract() == 0
        seen = filled(reader.conn)
        assert (seen["bce_entity"], seen["bce_number"], seen["bce_snapshot"]) == (0, 0, 0)
        assert reader.conn.execute("SELECT FROM bce_enterprise_view").fetchall() == []


async def test_inv_17_activities_that_come_later_are_not_there_before_their_extract(
    db, clock, tmp_path, database_url
):
    await apply_extract(db, Extract.of(0, 1).zip(tmp_path), clock, scale=BESIDE)
    clock.advance(hours=20)
    later = Extract.of(0, 1, number=2, snapshot="30-10-2026").with_activities(dotted(0), dotted(1))
    with Reader(database_url) as reader:
        report = await apply_extract(
            db, later.zip(tmp_path), clock, scale=BESIDE, activities=True,
            watcher=At(Phase.MERGE, 0, reader.extract),
        )  # fmt: skip

        assert report.written["bce_activity"] == {"began": 2, "ended": 0}
        assert (reader.extract(), filled(reader.conn)["bce_activity"]) == (1, 0)
        reader.conn.rollback()
        assert (reader.extract(), filled(reader.conn)["bce_activity"]) == (2, 2)


@pytest.mark.parametrize("known", [True, False], ids=["later", "first"])
async def test_activities_said_twice_are_built_once_and_those_of_nobody_set_aside(db, clock, tmp_path, known):
    if known:
        await apply_extract(db, Extract.of(*range(30)).zip(tmp_path), clock, scale=BESIDE)
        clock.advance(hours=20)
    extract = Extract.of(*range(30), number=2, snapshot="30-10-2026")
    extract.with_activities(*(dotted(place) for place in range(30)), dotted(3), dotted(77))
    extract.add("activity.csv", dotted(3), "003", "2025", "01110", "MAIN")

    report = await apply_extract(db, extract.zip(tmp_path), clock, scale=BESIDE, activities=True)

    assert report.status is Status.APPLIED
    assert report.written["bce_activity"] == {"began": 31, "ended": 0}
    assert (report.orphans, report.bad) == (1, (("activity.csv", 33, "orphan"),))


async def test_a_new_table_that_is_being_tidied_up_keeps_no_reader_waiting(db, clock, tmp_path, database_url):
    """Autovacuum comes to a large table as soon as it is there; the change of places waits, not the readers."""
    with psycopg.connect(database_url) as tidy, psycopg.connect(database_url, autocommit=True) as other:

        def tidy_up():
            ((name,),) = tidy.execute(
                "SELECT relname FROM pg_class WHERE relname LIKE 'staging%new_bce_name'"
            ).fetchall()
            tidy.execute(f"LOCK TABLE {name} IN SHARE UPDATE EXCLUSIVE MODE")

        async def waits():
            while not other.execute(
                "SELECT FROM pg_locks WHERE NOT granted AND relation IN"
                " (SELECT oid FROM pg_class WHERE relname LIKE 'staging%new_bce_name')"
            ).fetchall():
                await asyncio.sleep(0.01)

        importing = asyncio.ensure_future(
            apply_extract(
                db, Extract.of(0, 1).zip(tmp_path), clock, scale=BESIDE,
                watcher=At(Phase.MERGE, 1, tidy_up),
            )
        )  # fmt: skip
        async with asyncio.timeout(30):
            await waits()
        other.execute("SET lock_timeout = '1ms'")
        for table in (*BUILT, "bce_enterprise_view"):
            assert other.execute(f"SELECT count(*) FROM {table}").fetchone() is not None
        tidy.rollback()
        assert (await importing).status is Status.APPLIED
