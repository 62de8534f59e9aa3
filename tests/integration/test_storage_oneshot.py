"""Single statements on connections of their own: what they see, what a lost connection does, what a caller leaves."""

import asyncio

import psycopg
import pytest
from sqlalchemy import text

from iam.storage import DATABASE_ERRORS, Database, Read, Write, oneshot
from tests.support.outage import interrupt, outage

pytestmark = pytest.mark.anyio

WHO = Read("SELECT pg_backend_pid() AS pid")
NOTE = Write("INSERT INTO note (id, word) VALUES (:id, :word) ON CONFLICT (id) DO NOTHING RETURNING id")
NOTES = Read("SELECT id, word FROM note ORDER BY id")


@pytest.fixture
async def one(database_url):
    """A database with room for one statement at a time."""
    database = Database(database_url, pool_size=1)
    yield database
    await database.close()


@pytest.fixture
async def notes(db):
    async with db.write() as conn:
        await conn.execute(text("CREATE TABLE note (id integer PRIMARY KEY, word text NOT NULL)"))


async def pid(database):
    [row] = await database.ask(WHO, {})
    return row.pid


class TestStatement:
    async def test_values_are_named_and_rows_too(self, db):
        asked = Read("SELECT CAST(:a AS integer) + CAST(:a AS integer) AS twice, CAST(:b AS text) AS same")
        [row] = await db.ask(asked, {"a": 21, "b": "100 %"})
        assert (row.twice, row.same) == (42, "100 %")

    async def test_the_engine_takes_the_same_statement(self, db):
        asked = Read("SELECT CAST(:a AS integer) % 5 AS rest")
        async with db.read() as conn:
            mine = (await conn.execute(asked.clause, {"a": 42})).one()
        [other] = await db.ask(asked, {"a": 42})
        assert mine.rest == other.rest == 2

    def test_a_text_that_the_driver_would_translate_each_time_is_refused(self):
        Read("SELECT " + "1" * (oneshot.LONGEST_TEXT - 7))
        with pytest.raises(ValueError, match="too long"):
            Read("SELECT " + "1" * (oneshot.LONGEST_TEXT - 6))

    async def test_a_statement_is_prepared_once_and_planned_for_all_values(self, one):
        prepared = Read(
            "SELECT statement, generic_plans FROM pg_prepared_statements WHERE statement LIKE :like"
        )
        for _ in range(3):
            found = await one.ask(prepared, {"like": "%generic_plans%"})
        assert [row.generic_plans for row in found] == [3]

    async def test_the_connection_has_the_limits_of_every_other(self, db):
        names = ("TimeZone", "statement_timeout", "lock_timeout")
        asked = Read("SELECT name, setting FROM pg_settings WHERE name = ANY(:names) ORDER BY name")
        mine = await db.ask(asked, {"names": list(names)})
        async with db.read() as conn:
            theirs = (await conn.execute(asked.clause, {"names": list(names)})).all()
        assert [tuple(row) for row in mine] == [tuple(row) for row in theirs]
        assert len(mine) == len(names)


class TestTold:
    async def test_what_was_told_is_seen_by_everybody_afterwards(self, db, notes):
        assert [row.id for row in await db.tell(NOTE, {"id": 1, "word": "a"})] == [1]
        async with db.read() as conn:
            assert (await conn.execute(NOTES.clause)).one().word == "a"

    async def test_twice_is_once(self, db, notes):
        await db.tell(NOTE, {"id": 1, "word": "a"})
        assert await db.tell(NOTE, {"id": 1, "word": "b"}) == []
        assert [tuple(row) for row in await db.ask(NOTES, {})] == [(1, "a")]

    async def test_what_failed_left_nothing_and_the_next_one_works(self, one, db, notes):
        before = await pid(one)
        with pytest.raises(psycopg.errors.NotNullViolation):
            await one.tell(NOTE, {"id": 1, "word": None})
        assert await one.ask(NOTES, {}) == []
        assert await pid(one) == before

    async def test_a_lost_connection_does_not_lose_what_is_told(self, db, notes):
        await db.tell(NOTE, {"id": 1, "word": "a"})
        interrupt(db.url)
        await db.tell(NOTE, {"id": 2, "word": "b"})
        assert [row.id for row in await db.ask(NOTES, {})] == [1, 2]


class TestConnections:
    async def test_the_last_used_is_used_again(self, db):
        assert await pid(db) == await pid(db)

    async def test_those_that_died_while_they_waited_are_replaced(self, db):
        before = {row.pid for [row] in await asyncio.gather(*(db.ask(WHO, {}) for _ in range(5)))}
        assert interrupt(db.url) >= len(before) > 1
        after = {row.pid for [row] in await asyncio.gather(*(db.ask(WHO, {}) for _ in range(5)))}
        assert not before & after

    async def test_a_statement_that_kills_its_connection_is_tried_once_more_and_no_more(self, one, db, notes):
        await pid(one)
        async with db.write() as conn:
            await conn.execute(text("CREATE SEQUENCE tries"))
        suicide = Read("SELECT nextval('tries'), pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(psycopg.OperationalError):
            await one.ask(suicide, {})
        [row] = await one.ask(Read("SELECT last_value FROM tries"), {})
        assert row.last_value == 2

    async def test_without_a_database_it_fails_and_with_it_again_it_works(self, db):
        await pid(db)
        with outage(db.url):
            for _ in range(2):
                with pytest.raises(DATABASE_ERRORS):
                    await pid(db)
        assert await pid(db)

    async def test_who_waits_too_long_for_room_is_told(self, one, db, monkeypatch):
        monkeypatch.setattr(oneshot, "_PATIENCE_SECONDS", 0.05)
        async with db.write() as conn:
            await conn.execute(text("SELECT pg_advisory_xact_lock(1)"))
            stuck = asyncio.create_task(one.ask(Read("SELECT pg_advisory_xact_lock(1)"), {}))
            await _waits_for_a_lock(db)
            with pytest.raises(DATABASE_ERRORS) as caught:
                await pid(one)
        await stuck
        assert caught.type is TimeoutError
        assert await pid(one)

    async def test_a_caller_who_left_leaves_no_statement_and_no_half_read_answer(self, one, db):
        async with db.write() as conn:
            await conn.execute(text("SELECT pg_advisory_xact_lock(1)"))
            left = asyncio.create_task(one.ask(Read("SELECT pg_advisory_xact_lock(1)"), {}))
            await _waits_for_a_lock(db)
            left.cancel()
            with pytest.raises(asyncio.CancelledError):
                await left
            assert not await _waiting(db)
        [row] = await one.ask(Read("SELECT 'mine' AS word"), {})
        assert row.word == "mine"

    async def test_as_many_as_there_is_room_for_and_all_are_served(self, database_url):
        database = Database(database_url, pool_size=3)
        found = await asyncio.gather(*(database.ask(WHO, {}) for _ in range(40)))
        await database.close()
        assert len({row.pid for [row] in found}) <= 3

    async def test_after_closing_nothing_is_left_open(self, database_url, db):
        database = Database(database_url, pool_size=3)
        mine = {row.pid for [row] in await asyncio.gather(*(database.ask(WHO, {}) for _ in range(3)))}
        await database.close()
        alive = Read("SELECT pid FROM pg_stat_activity WHERE pid = ANY(:pids)")
        async with asyncio.timeout(10):
            while await db.ask(alive, {"pids": list(mine)}):
                await asyncio.sleep(0)


_WAITING = Read("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


async def _waiting(db):
    return bool(await db.ask(_WAITING, {}))


async def _waits_for_a_lock(db):
    async with asyncio.timeout(10):
        while not await _waiting(db):
            await asyncio.sleep(0)
