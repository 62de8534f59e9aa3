"""The slow full look: every enterprise that has groups or should have some, a page at a time.

It finds what no event told: drift made by hand in a directory, and whatever a fault of ours let pass.
It only marks; the work, and the deletion guard, are the worker's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from iam.kernel.clock import Clock
from iam.kernel.ids import EntityId
from iam.realms import projection
from iam.realms.projection import Target
from iam.storage import Database, ReadConnection
from iam.storage.locks import Lease, try_lease
from provisioning.desired import Truth
from provisioning.target import GroupDirectory

log = structlog.get_logger(__name__)

_PAGE = 500
_MOST_PAGES = 20_000
_TURN = 50
_TRIES = 50
_PATIENCE = 0.1

Page = Callable[[ReadConnection, EntityId | None], Awaitable[Sequence[EntityId]]]


async def sweep(
    db: Database, directory: GroupDirectory, truth: Truth, clock: Clock, period: timedelta
) -> int:
    """Every enterprise concerned is marked at this target; says how many marks.

    0, with an alarm, while the deletion guard has the target's sweep stopped. Raises `TargetError` when the
    target cannot be asked what it shows.
    """
    target = directory.target
    # First, so that a target that is down is not swept again and again.
    shown = await directory.known()
    async with db.write() as conn:
        if not await projection.begin_sweep(conn, target, clock(), period):
            log.critical("provisioning.guard.waits", target=target.value)
            return 0

    async def live(conn: ReadConnection, after: EntityId | None) -> Sequence[EntityId]:
        return await truth.live_entities(conn, after, _PAGE, clock())

    async def stored(conn: ReadConnection, after: EntityId | None) -> Sequence[EntityId]:
        return await projection.stored_entities(conn, after, _PAGE)

    marked = await _mark_pages(db, live, target, clock) + await _mark_pages(db, stored, target, clock)
    async with db.write() as conn:
        await projection.mark(conn, shown, [target], clock(), by_sweep=True)
    await _tidy(db, directory)
    log.info("provisioning.sweep", target=target.value, marked=marked + len(shown))
    return marked + len(shown)


async def _tidy(db: Database, directory: GroupDirectory) -> None:
    people = await directory.leftovers()
    for first in range(0, len(people), _TURN):
        await _tidy_some(db, directory, people[first : first + _TURN])


async def _tidy_some(db: Database, directory: GroupDirectory, people: Sequence[str]) -> None:
    """Some people, while no worker is at this directory; left to the next sweep when none lets us."""
    for _ in range(_TRIES):
        async with db.write() as turn:
            if await try_lease(turn, Lease.PROVISION):
                for member in people:
                    await directory.tidy(member)
                return
        await asyncio.sleep(_PATIENCE)


async def _mark_pages(db: Database, page: Page, target: Target, clock: Clock) -> int:
    after: EntityId | None = None
    marked = 0
    for _ in range(_MOST_PAGES):
        async with db.write() as conn:
            some = await page(conn, after)
            await projection.mark(conn, some, [target], clock(), by_sweep=True)
        marked += len(some)
        if len(some) < _PAGE:
            break
        after = some[-1]
    return marked
