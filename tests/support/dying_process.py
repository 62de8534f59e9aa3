"""`habilis worker` or `habilis provision` that kills itself (SIGKILL) at a chosen step.

`python -m tests.support.dying_process COMMAND INSTANT STEP [CONSUMER KIND]`. All of it is what the command line
runs, but for the clock, which says INSTANT at the start, the death, and one more consumer of the journal: the
witness, who notes each entry he is given.
"""

import importlib
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import text

import iam.duties
import iam.worker
from iam import cli
from iam.journal import relay
from iam.journal.queries import last_sealed
from iam.journal.relay import Consumer
from iam.kernel.clock import system_clock
from iam.notify.model import State
from iam.notify.queue import counts


class Step(StrEnum):
    """Where the process dies, if at all."""

    NEVER = "never"
    UNSEALED = "unsealed"
    SEALED = "sealed"
    HANDLING = "handling"
    HANDLED = "handled"
    QUEUED = "queued"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, when: Callable[..., Any]) -> None:
    """Dies instead of the call when `when`, which is given its arguments, says so."""
    call = getattr(owner, name)

    async def struck(*arguments: Any, **options: Any) -> Any:
        if await when(*arguments):
            die()
        return await call(*arguments, **options)

    setattr(owner, name, struck)


def after(owner: Any, name: str, when: Callable[[Any], bool]) -> None:
    """Dies after the call when `when`, which is given its answer, says so."""
    call = getattr(owner, name)

    async def struck(*arguments: Any, **options: Any) -> Any:
        answer = await call(*arguments, **options)
        if when(answer):
            die()
        return answer

    setattr(owner, name, struck)


def arm(step: Step, consumer: str = "", kind: str = "") -> None:
    match step:
        case Step.NEVER:
            return
        case Step.UNSEALED:
            before(iam.worker, "seal", _pending)
        case Step.SEALED:
            iam.worker.deliver = _only_look  # type: ignore[assignment]
        case Step.HANDLING:
            # The consumer has done its work, in a transaction that now never commits.
            before(relay, "_advance", lambda _, name, entry: _is((name, entry.kind), (consumer, kind)))
        case Step.HANDLED:
            moved: list[tuple[str, str]] = []
            before(relay, "_advance", lambda _, name, entry: _is(moved.append((name, entry.kind)), ""))
            after(relay, "_deliver_one", lambda done: done and moved[-1] == (consumer, kind))
        case Step.QUEUED:
            before(iam.duties, "deliver_mails", _queued)


async def _is(one: Any, other: Any) -> bool:
    return bool(one == other)


async def _pending(conn: Any, *_: Any) -> bool:
    return (await conn.execute(text("SELECT 1 FROM journal_pending LIMIT 1"))).first() is not None


async def _only_look(db: Any, consumer: Consumer, *_: Any) -> int:
    async with db.read() as conn:
        cursors = await conn.execute(
            text("SELECT seq FROM journal_cursor WHERE consumer = :name"), {"name": consumer.name}
        )
        if await last_sealed(conn) > (cursors.scalar_one_or_none() or 0):
            die()
    return 0


async def _queued(db: Any, *_: Any) -> bool:
    async with db.read() as conn:
        return bool((await counts(conn))[State.QUEUED])


async def witness(conn: Any, entry: Any) -> None:
    await conn.execute(text("INSERT INTO witness (seq) VALUES (:seq)"), {"seq": entry.seq})


def main(command: str, instant: str, step: str, *which: str) -> None:
    shift = datetime.fromisoformat(instant) - system_clock()
    composition = iam.duties if command == "worker" else importlib.import_module("provisioning.main")
    composition.system_clock = lambda: system_clock() + shift  # type: ignore[attr-defined]
    readers = iam.duties.consumers
    iam.duties.consumers = lambda *of: [Consumer(name="witness", handle=witness), *readers(*of)]
    arm(Step(step), *which)
    sys.argv = ["habilis", command]
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
