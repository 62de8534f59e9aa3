"""The pieces of work of an import: what each waits for, and who does it.

Each waits for others by name. Without connections beside the transaction everything is done one after the
other, in the order in which it is listed; with them, several at once, and what is listed first goes first.
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
    """Whoever is free takes, of the steps that wait for nothing more, the one that is listed first."""
    free = {True: [space.main], False: list(space.side)}
    waiting, done = list(steps), set[str]()
    running: dict[asyncio.Task[None], tuple[Step, Lane]] = {}
    try:
        while waiting or running:
            for step in [each for each in waiting if each.after <= done]:
                if free[step.in_truth]:
                    lane = free[step.in_truth].pop()
                    running[asyncio.create_task(told.around(step, lane))] = (step, lane)
                    waiting.remove(step)
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
                step, lane = running.pop(task)
                free[step.in_truth].append(lane)
                done.add(step.name)
    finally:
        # A statement that is under way is cancelled with its task: nothing works on behind our back.
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


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
