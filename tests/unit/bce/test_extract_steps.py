"""The pieces of work of an import: who does what when."""

import asyncio
from types import SimpleNamespace

import pytest

from iam.bce.extracts.progress import Phase, nobody
from iam.bce.extracts.steps import Step, do

pytestmark = pytest.mark.anyio
BESIDE = SimpleNamespace(apart=True, main="main", side=("side",))
WITHIN = SimpleNamespace(apart=False, main="main", side=())


class Work:
    """Remembers which steps were done, and on which connection."""

    def __init__(self):
        self.done = []

    def step(self, name, *after, in_truth=False, does=None):
        async def work(lane):
            self.done.append((name, lane))
            await (asyncio.sleep(0) if does is None else does())

        return Step(name=name, phase=Phase.JUDGE, work=work, after=frozenset(after), in_truth=in_truth)


async def test_of_what_waits_for_nothing_more_the_first_listed_is_done_first():
    work = Work()
    steps = [work.step("late", "early"), work.step("early"), work.step("other"), work.step("last")]

    await do(steps, BESIDE, nobody)

    assert [name for name, _ in work.done] == ["early", "late", "other", "last"]


async def test_what_changes_the_register_is_done_by_its_own_connection_and_the_rest_beside():
    work = Work()
    await do([work.step("register", in_truth=True), work.step("beside")], BESIDE, nobody)

    assert sorted(work.done) == [("beside", "side"), ("register", "main")]


async def test_within_the_transaction_all_is_done_in_the_listed_order():
    work = Work()
    await do([work.step("one"), work.step("two", "one", in_truth=True)], WITHIN, nobody)

    assert work.done == [("one", "main"), ("two", "main")]


async def test_the_first_that_fails_ends_what_is_under_way_and_nothing_else_begins():
    work, ended = Work(), []

    async def fail():
        raise LookupError

    async def endless():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("endless")
            raise

    steps = [
        work.step("endless", in_truth=True, does=endless),
        work.step("fails", does=fail),
        work.step("never", "fails"),
    ]
    with pytest.raises(LookupError):
        await do(steps, BESIDE, nobody)

    assert ended == ["endless"]
    assert [name for name, _ in work.done] == ["endless", "fails"]


@pytest.mark.parametrize("space", [BESIDE, WITHIN])
async def test_to_wait_for_what_is_not_there_is_refused(space):
    with pytest.raises(ValueError, match="waits for what is not there"):
        await do([Work().step("one", "none")], space, nobody)
