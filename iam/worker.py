"""The worker: seals the journal, hands it to its consumers, sends mails, lets time pass.

Each duty fails alone: the others go on, and a database that is away is waited for.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from iam.journal.relay import Consumer, deliver
from iam.journal.seal import seal
from iam.journal.wake import Wake
from iam.kernel.clock import Clock
from iam.storage import Database

log = structlog.get_logger(__name__)

Duty = Callable[[], Awaitable[int]]
_LONGEST_WAIT = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Work done again and again: every `seconds`, sooner while it finds something to do."""

    name: str
    duty: Duty
    seconds: float
    woken: bool = False


async def seal_all(db: Database, clock: Clock) -> int:
    """Every committed entry has its number; says how many got one."""
    total = 0
    while True:
        async with db.write() as conn:
            done = await seal(conn, clock)
        total += done
        if not done:
            return total


async def relay_all(db: Database, consumers: Sequence[Consumer], clock: Clock) -> int:
    """Every consumer has had a turn; says how many entries were handled."""
    return sum([await deliver(db, consumer, clock) for consumer in consumers])


class Worker:
    """Runs chores until it is told to stop."""

    def __init__(self, database_url: str, chores: Sequence[Chore]) -> None:
        """Remember what there is to do."""
        self._url = database_url
        self._chores = chores
        self._stop = asyncio.Event()
        self._wake = asyncio.Condition()

    async def run(self) -> None:
        """Works until a SIGTERM or SIGINT; what was begun is finished."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        listening = asyncio.create_task(self._listen())
        log.info("worker.started", chores=[chore.name for chore in self._chores])
        await asyncio.gather(*(self._repeat(chore) for chore in self._chores))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        log.info("worker.stopped")

    async def _listen(self) -> None:
        async with Wake(self._url) as wake:
            while True:
                if await wake.wait(_LONGEST_WAIT):
                    async with self._wake:
                        self._wake.notify_all()

    async def _repeat(self, chore: Chore) -> None:
        pause = chore.seconds
        while not self._stop.is_set():
            try:
                busy = await chore.duty()
                pause = 0.0 if busy else chore.seconds
            except Exception as error:  # noqa: BLE001 - a duty that fails is tried again, the others go on
                pause = min(max(pause, 0.5) * 2, _LONGEST_WAIT)
                log.error("worker.chore.failed", chore=chore.name, error=type(error).__name__)  # noqa: TRY400 - no message: it may hold personal data
            await self._rest(chore, pause)

    async def _rest(self, chore: Chore, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._stop.wait())]
        if chore.woken:
            waits.append(asyncio.create_task(self._woken()))
        _, pending = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def _woken(self) -> None:
        async with self._wake:
            await self._wake.wait()
