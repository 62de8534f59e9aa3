"""The worker wakes when something happens, survives a failing duty, and stops when told."""

import asyncio
import os
import signal

import pytest
from sqlalchemy import text

from iam.journal.append import append
from iam.journal.model import Context
from iam.journal.queries import last_sealed
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.clock import system_clock
from iam.worker import Chore, Worker, seal_all
from tests.integration.test_journal import Something, head

pytestmark = pytest.mark.anyio


async def until(condition, seconds=10.0):
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def test_the_worker_seals_when_woken_and_a_failing_duty_stops_nobody(db, database_url):
    fails = []

    async def broken():
        fails.append(1)
        raise OSError

    async def sealing():
        return await seal_all(db, system_clock)

    chores = [
        Chore(name="broken", duty=broken, seconds=0.01),
        Chore(name="seal", duty=sealing, seconds=3600, woken=True),
    ]
    worker = Worker(database_url, chores)
    running = asyncio.create_task(worker.run())

    async def listening():
        async with db.read() as conn:
            answer = await conn.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
                )
            )
            return answer.scalar_one() > 0

    await until(listening)
    where = head()
    async with db.write() as conn:
        context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=system_clock())
        await append(conn, where, 1, [Something(thing=where.id, count=1)], context)

    async def done():
        async with db.read() as conn:
            return await last_sealed(conn) == 1

    await until(done)
    await until(lambda: asyncio.sleep(0, len(fails) > 1))
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 10)
