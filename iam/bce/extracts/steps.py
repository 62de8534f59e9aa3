"""The pieces of work of an import: what each waits for, and who does it.

Each waits for others by name. With connections beside the transaction they do what is ready at once; without
them, everything is done one after the other, in the order in which it is listed.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from iam.bce.extracts.progress import Moment, Phase, Watcher
from iam.bce.extracts.space import Lane, Space

Work = Callable[[Lane], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A piece of work. `in_truth` says that it must be done in the transaction that changes the register."""

    name: str
    phase: Phase
    work: Work
    after: frozenset[str] = field(default_factory=frozenset)
    in_truth: bool = False


async def do(steps: Sequence[Step], space: Space, watcher: Watcher) -> None:
    """All of it is done, or the first that failed has stopped the others and its error is raised."""
    for step in steps:
        if not step.after <= {each.name for each in steps}:
            raise ValueError(f"{step.name} waits for what is not there")
    told = _Told(steps, watcher)
    if space.apart:
        await _at_once(steps, space, told)
    else:
        for step in steps:
            await told.around(step, space.main)


async def _at_once(steps: Sequence[Step], space: Space, told: "_Told") -> None:
    done = {step.name: asyncio.Event() for step in steps}
    truth, beside = asyncio.Lock(), asyncio.Semaphore(len(space.side))
    free = list(space.side)

    async def one(step: Step) -> None:
        for name in sorted(step.after):
            await done[name].wait()
        if step.in_truth:
            async with truth:
                await told.around(step, space.main)
        else:
            async with beside:
                lane = free.pop()
                try:
                    await told.around(step, lane)
                finally:
                    free.append(lane)
        done[step.name].set()

    try:
        # A statement that is under way is cancelled with its task: nothing works on behind our back.
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(one(step))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


class _Told:
    """Tells the watcher of each step: that it began, that it is done, and how many of its phase there are."""

    def __init__(self, steps: Sequence[Step], watcher: Watcher) -> None:
        self._totals = Counter(step.phase for step in steps)
        self._done: Counter[Phase] = Counter()
        self._watcher = watcher
        for phase in sorted(self._totals.keys() - {Phase.COPY}):
            watcher(Moment(phase=phase, what="", done=0, total=self._totals[phase]))

    async def around(self, step: Step, lane: Lane) -> None:
        self._tell(step)
        await step.work(lane)
        self._done[step.phase] += 1
        self._tell(step)

    def _tell(self, step: Step) -> None:
        if step.phase is not Phase.COPY:
            self._watcher(
                Moment(
                    phase=step.phase,
                    what=step.name,
                    done=self._done[step.phase],
                    total=self._totals[step.phase],
                )
            )
