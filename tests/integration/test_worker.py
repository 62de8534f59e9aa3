"""The worker wakes when something happens, survives a failing duty, and stops when told."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from iam.duties import chores, consumers
from iam.journal.append import append
from iam.journal.model import Context
from iam.journal.queries import last_sealed
from iam.journal.relay import Consumer, next_retry
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.clock import system_clock
from iam.storage.wake import Channel, tell
from iam.worker import Chore, Worker, relay_all, seal_all
from tests.integration.test_journal import Something, head
from tests.support.acts import DUPONT, gap
from tests.support.mail import mail_server, rows

pytestmark = pytest.mark.anyio

REPOSITORY = Path(__file__).parents[2]
MINUTES = 600.0

# Somebody at the desk, in a process of his own.
_DESK = """
import asyncio, sys
from datetime import UTC, datetime
from uuid import UUID
from iam.delegation import commands as c
from iam.delegation.execute import Done, Door
from iam.kernel.actor import PersonActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.clock import belgian_day
from iam.storage import Database
from tests.support.settings import some_settings

url, entity, by, *people = sys.argv[1:]
now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

async def main():
    db = Database(url, pool_size=1)
    door = Door(some_settings(), lambda: now)
    actor = PersonActor(person=UUID(by), assurance=Assurance(Level.EID, now))
    for person in people:
        gift = c.GrantRole(
            entity=UUID(entity), person=UUID(person), role="primes.deposer", first=belgian_day(now), last=None
        )
        async with db.write() as conn:
            assert isinstance(await door.execute(conn, gift, actor), Done)
    await db.close()

asyncio.run(main())
"""


async def until(condition, seconds=20.0):
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def _listeners(db):
    async with db.read() as conn:
        answer = await conn.execute(
            text(
                "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
            )
        )
        return list(answer.scalars())


async def _something(db):
    where = head()
    async with db.write() as conn:
        context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=system_clock())
        await append(conn, where, 1, [Something(thing=where.id, count=1)], context)


async def _sealed(db):
    async with db.read() as conn:
        return await last_sealed(conn)


@contextlib.asynccontextmanager
async def working(db, url, some, clock=system_clock):
    """The chores are done in the background, and every word is heard."""
    running = asyncio.create_task(Worker(url, some, clock).run())
    try:
        await until(lambda: _listeners(db))
        yield
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, 10)


def sealing(db):
    async def duty():
        return await seal_all(db, system_clock)

    return Chore(name="seal", duty=duty, seconds=MINUTES, on=frozenset({Channel.APPENDED}))


async def test_the_worker_seals_when_woken_and_a_failing_duty_stops_nobody(db, database_url):
    fails = []

    async def broken():
        fails.append(1)
        raise OSError

    async with working(db, database_url, [Chore(name="broken", duty=broken, seconds=0.01), sealing(db)]):
        await _something(db)

        await until(lambda: _is(_sealed(db), 1))
        await until(lambda: asyncio.sleep(0, len(fails) > 1))


async def _is(reading, wanted):
    return await reading == wanted


async def test_a_word_said_during_the_work_is_not_missed(db, database_url):
    begun, go_on = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def slow():
        begun.release()
        await go_on.acquire()
        return 0

    chore = Chore(name="slow", duty=slow, seconds=MINUTES, on=frozenset({Channel.SEALED}))
    async with working(db, database_url, [chore, sealing(db)]), asyncio.timeout(20):
        await begun.acquire()
        # Listening begins with a word of its own.
        go_on.release()
        await begun.acquire()
        await _something(db)
        await until(lambda: _is(_sealed(db), 1))

        go_on.release()
        await begun.acquire()
        go_on.release()


async def test_a_worker_that_lost_its_connection_listens_anew_and_looks_what_it_missed(db, database_url):
    async with working(db, database_url, [sealing(db)]):
        [before] = await _listeners(db)
        async with db.write() as conn:
            await conn.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": before})
        await _something(db)

        await until(lambda: _is(_sealed(db), 1))
        await until(lambda: _listeners(db))
        await _something(db)
        await until(lambda: _is(_sealed(db), 2))


async def test_what_failed_is_tried_again_when_its_pause_is_over_without_anybody_saying_so(db, database_url):
    tries = []

    async def handle(_conn, entry):
        tries.append(entry.seq)
        if len(tries) == 1:
            raise OSError

    reader = Consumer(name="fragile", handle=handle)

    async def relay():
        return await relay_all(db, [reader], system_clock)

    async def due():
        async with db.read() as conn:
            return await next_retry(conn, [reader])

    relaying = Chore(name="relay", duty=relay, seconds=MINUTES, on=frozenset({Channel.SEALED}), due=due)
    async with working(db, database_url, [sealing(db), relaying]):
        await _something(db)

        await until(lambda: asyncio.sleep(0, tries == [1, 1]))


async def test_an_entry_of_another_process_becomes_a_sent_mail_by_wake_ups_alone(town, town_url, tmp_path):
    """Every poll is minutes away."""
    await gap(town, "luc", "jeanne")
    async with mail_server(tmp_path / "mails") as server:
        settings = town.settings.model_copy(
            update={"mail": town.settings.mail.model_copy(update={"port": server.port})}
        )
        all_of_them = chores(settings, town.db, town.clock)
        rare = [replace(chore, seconds=MINUTES) for chore in all_of_them]
        async with working(town.db, town_url, rare, town.clock):
            # What there was when it started is out of the way.
            await until(lambda: _at_rest(town))
            before = len(server.mails)
            desk = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _DESK, town_url,
                *map(str, (town.entity(DUPONT), *map(town.person, ("jeanne", "karim", "sophie")))),
                cwd=REPOSITORY,
                env={"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                stderr=subprocess.PIPE,
            )  # fmt: skip
            _, errors = await desk.communicate()
            assert desk.returncode == 0, errors.decode()

            await until(lambda: asyncio.sleep(0, len(server.mails) == before + 2))
            await until(lambda: _at_rest(town))


async def _at_rest(town):
    """Everything is sealed, handled and sent."""
    names = [consumer.name for consumer in consumers(town.settings, town.door)]
    async with town.db.read() as conn:
        last, pending = await last_sealed(conn), await conn.execute(text("SELECT 1 FROM journal_pending"))
        cursors = await conn.execute(
            text("SELECT count(*) FROM journal_cursor WHERE seq = :last AND consumer = ANY(:names)"),
            {"last": last, "names": names},
        )
        handled = cursors.scalar_one() == len(names)
    return handled and pending.first() is None and {row.state for row in await rows(town.db)} == {"sent"}


async def test_a_word_is_said_at_the_commit_and_not_before(db, database_url):
    heard = []

    async def hear():
        heard.append(1)
        return 0

    chore = Chore(name="hear", duty=hear, seconds=MINUTES, on=frozenset({Channel.MAIL}))
    async with working(db, database_url, [chore, sealing(db)]):
        # At the start, and when it began to listen.
        await until(lambda: asyncio.sleep(0, len(heard) == 2))
        async with db.write() as conn:
            await tell(conn, Channel.MAIL)
            await _something(db)
            await until(lambda: _is(_sealed(db), 1))
            assert len(heard) == 2
        await until(lambda: asyncio.sleep(0, len(heard) == 3))


@pytest.mark.parametrize(("seconds", "rest"), [(-5, 0.5), (0, 0.5), (7, 7), (4000, 30)])
async def test_what_time_brings_shortens_the_rest_but_never_to_nothing(clock, seconds, rest):
    async def due():
        return clock() + timedelta(seconds=seconds)

    chore = Chore(name="any", duty=lambda: asyncio.sleep(0, 0), seconds=30, due=due)
    worker = Worker("postgresql://nobody@127.0.0.1:9/none", [chore], clock)

    assert await worker._free(chore) == rest
