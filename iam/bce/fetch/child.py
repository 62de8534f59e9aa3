"""The worker's way to a run: `habilis bce fetch` in a process of its own.

An import takes minutes of processor and may be stopped at any instant without harm. With a process for it,
sealing, mails and the relay go on at their pace, its memory goes with it, and a worker that is told to stop
need not wait for its end.
"""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from iam.bce.fetch.model import PASSING
from iam.kernel.clock import Clock

log = structlog.get_logger(__name__)

Due = Callable[[], Awaitable[datetime]]
_SECONDS_TO_END = 10.0


class FetchChild:
    """At most one such process; it is ended with the worker."""

    def __init__(self, command: Sequence[str], due: Due, clock: Clock, rest: timedelta) -> None:
        """Remember what to run and when; `rest` is the least time between two starts."""
        self._command = tuple(command)
        self._due = due
        self._clock = clock
        self._rest = rest
        self._not_before: datetime | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def going_on(self) -> bool:
        """Whether a run of ours is."""
        return self._watching is not None and not self._watching.done()

    async def next_start(self) -> datetime | None:
        """When the next run is to be started; None while one is going on."""
        if self.going_on:
            return None
        due = await self._due()
        return due if self._not_before is None else max(due, self._not_before)

    async def duty(self) -> int:
        """A run is going on if one is due. Never waits for it, and never finds more to do."""
        start, now = await self.next_start(), self._clock()
        if start is None or start > now:
            return 0
        self._not_before = now + self._rest
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        self._watching = asyncio.create_task(self._watched(self._process))
        log.info("register.fetch.started")
        return 0

    async def stop(self) -> None:
        """No run is going on: one that was is ended, and made up for later."""
        if self._process is None or self._watching is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(_SECONDS_TO_END):
                await asyncio.shield(self._watching)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._watching

    async def _watched(self, process: asyncio.subprocess.Process) -> None:
        said, _ = await process.communicate()
        told = _report(said)
        fine = told.get("outcome") in PASSING
        (log.info if fine else log.error)(
            "register.fetch.ended",
            code=process.returncode,
            outcome=told.get("outcome"),
            reason=told.get("reason"),
            detail=told.get("detail"),
            extract=told.get("extract"),
            files=len(told.get("files", ())),
            **({} if fine else {"alarm": True}),
        )


def _report(said: bytes) -> dict[str, Any]:
    """The run's own words, or none: a process that was ended had no time for them."""
    try:
        document = json.loads(said)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
