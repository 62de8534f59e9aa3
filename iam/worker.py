"""The worker: seals the journal, hands it to its consumers, sends mails, lets time pass.

Each duty fails alone: the others go on, and a database that is away is waited for. A duty is woken by
whoever makes work for it, so it asks only now and then: for what time alone brings, and for a word missed.
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from iam.journal.relay import Consumer, deliver
from iam.journal.seal import seal
from iam.kernel.clock import Clock
from iam.storage import Database
from iam.storage.wake import Channel, Wake

log = structlog.get_logger(__name__)

Duty = Callable[[], Awaitable[int]]
Due = Callable[[], Awaitable[datetime | None]]
_SHORTEST_REST = 0.5
_LONGEST_PAUSE = 8.0
_LISTENING = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Work done again and again: while it finds something to do, when woken, and every `seconds`.

    `on` are the channels that wake it. `due` says when time alone will bring it work, if that is known.
    """

    name: str
    duty: Duty
    seconds: float
    on: frozenset[Channel] = frozenset()
    due: Due | None = None


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

    def __init__(self, database_url: str, chores: Sequence[Chore], clock: Clock) -> None:
        """Remember what there is to do."""
        self._url = database_url
        self._chores = chores
        self._clock = clock
        self._stop = asyncio.Event()
        self._woken = {chore.name: asyncio.Event() for chore in chores}

    async def run(self) -> None:
        """Works until a SIGTERM or SIGINT; what was begun is finished."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_all)
        listening = asyncio.create_task(self._listen())
        log.info("worker.started", chores=[chore.name for chore in self._chores])
        await asyncio.gather(*(self._repeat(chore) for chore in self._chores))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        log.info("worker.stopped")

    def _stop_all(self) -> None:
        self._stop.set()
        for woken in self._woken.values():
            woken.set()

    async def _listen(self) -> None:
        async with Wake(self._url, frozenset().union(*(chore.on for chore in self._chores))) as wake:
            while True:
                said = await wake.wait(_LISTENING)
                for chore in self._chores:
                    if said & chore.on:
                        self._woken[chore.name].set()

    async def _repeat(self, chore: Chore) -> None:
        failures = 0
        woken = self._woken[chore.name]
        while not self._stop.is_set():
            # Before the work: what is said during it is not missed.
            woken.clear()
            try:
                rest = 0.0 if await chore.duty() else await self._free(chore)
            except Exception as error:  # noqa: BLE001 - a duty that fails is tried again, the others go on
                failures += 1
                log.error("worker.chore.failed", chore=chore.name, error=type(error).__name__)  # noqa: TRY400 - no message: it may hold personal data
                # Nobody's word shortens it: otherwise it would fail at each of them.
                await _until(self._stop, min(failures, _LONGEST_PAUSE))
            else:
                failures = 0
                await _until(woken, rest)

    async def _free(self, chore: Chore) -> float:
        """For how long there is nothing to do unless somebody says so."""
        at = None if chore.due is None else await chore.due()
        if at is None:
            return chore.seconds
        return min(chore.seconds, max((at - self._clock()).total_seconds(), _SHORTEST_REST))


async def _until(event: asyncio.Event, seconds: float) -> None:
    """That long, or until the event; others have their turn in any case."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
