"""Making one target look like the truth, one enterprise after another (ADR 0009).

Level-triggered: a mark says only where to look. Desired is read from our tables, actual is read back from
the target, and the difference is applied in steps that may be repeated. Whatever fails or dies in between
leaves the enterprise behind, and it is looked at again.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

import structlog
from sqlalchemy.exc import SQLAlchemyError

from iam.kernel.clock import Clock
from iam.kernel.ids import EntityId, MakeId, uuid4
from iam.realms import projection
from iam.realms.projection import Claim
from iam.storage import Database, WriteConnection
from iam.storage.locks import Lease, try_lease
from provisioning.desired import Truth
from provisioning.errors import (
    BrokenError,
    ForbiddenError,
    GoneError,
    TargetError,
    ThrottledError,
    UnsettledError,
)
from provisioning.pace import Chance, Monotonic, backoff
from provisioning.plan import ActualState, AddMember, DesiredState, Plan, RemoveMember, plan, removed
from provisioning.target import GroupDirectory

log = structlog.get_logger(__name__)

# Longer than the longest work on one enterprise, so that no two work on it at once.
LEASE = timedelta(seconds=60)
_WORK_SECONDS = 25.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_LONGEST_LASTING_PAUSE = 300.0
_LONGEST_TARGET_PAUSE = 15.0
# A request of unknown outcome may be carried out this long after we stopped waiting.
_LATE = timedelta(seconds=60)
_MOST_PASSES = 100


class Outcome(Enum):
    """How the work on one enterprise ended."""

    DONE = "done"
    FAILED = "failed"
    HELD = "held"
    TARGET_DOWN = "target_down"
    NOT_NOW = "not_now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """What tests replace: ids, time, luck."""

    clock: Clock
    make_id: MakeId = uuid4
    monotonic: Monotonic = time.monotonic
    # Spreads pauses; nothing secret depends on it.
    chance: Chance = random.random


@dataclass(slots=True)
class Health:
    """Whether the target as a whole is to be left alone for a while."""

    failures: int = 0
    until: float = 0.0
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Worker:
    """Keeps one target in step. One per target and process; several processes may run."""

    db: Database
    directory: GroupDirectory
    truth: Truth
    deletion_guard: int
    by: Chances
    health: Health = field(default_factory=Health)

    async def catch_up(self) -> int:
        """Works until nothing is due at this moment, or the target is down; says how many were done."""
        done = 0
        for _ in range(_MOST_PASSES):
            outcomes = await self.pass_once()
            done += sum(outcome is Outcome.DONE for outcome in outcomes)
            if not outcomes or Outcome.TARGET_DOWN in outcomes or Outcome.NOT_NOW in outcomes:
                break
        return done

    async def pass_once(self) -> list[Outcome]:
        """One claim's worth of enterprises was worked on; empty when nothing is due or the target rests."""
        if self.by.monotonic() < self.health.until:
            return []
        if self.directory.parallel == 1:
            return await self._alone()
        work = [self._work(claim) for claim in await self._claim()]
        # Each comes to its end, also beside one that cannot record its own.
        ends = await asyncio.gather(*work, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return [end for end in ends if isinstance(end, Outcome)]

    async def _alone(self) -> list[Outcome]:
        """As `pass_once`, while no other process works on this target."""
        async with self.db.write() as turn:
            if not await try_lease(turn, Lease.PROVISION):
                return [Outcome.NOT_NOW]
            return [await self._work(claim) for claim in await self._claim()]

    async def _claim(self) -> list[Claim]:
        async with self.db.write() as conn:
            return list(
                await projection.claim(
                    conn,
                    self.directory.target,
                    self.by.clock(),
                    lease=LEASE,
                    most=self.directory.parallel,
                    make_id=self.by.make_id,
                )
            )

    async def _work(self, claim: Claim) -> Outcome:
        try:
            outcome = await self._reconcile(claim)
        except TargetError as error:
            return await self._failed(claim, error)
        except SQLAlchemyError:
            # Nothing can be recorded now; the lease ends by itself.
            raise
        except Exception as error:  # noqa: BLE001 - one enterprise must not stop the others
            return await self._failed(claim, BrokenError(type(error).__name__))
        if outcome is Outcome.DONE:
            self.health.failures = 0
            self.health.error = None
        return outcome

    async def _reconcile(self, claim: Claim) -> Outcome:
        ends = self.by.monotonic() + _WORK_SECONDS
        desired = await self._desired(claim.entity)
        actual = await self.directory.read(desired)
        steps = plan(desired, actual, self.directory.habits)
        if claim.by_sweep and steps.removals and not await self._may_remove(steps.removals):
            return await self._hold(claim, steps)
        applied = 0
        taken = 0
        left_out: TargetError | None = None
        try:
            for operation in steps.operations:
                if self.by.monotonic() > ends:
                    break
                try:
                    await self.directory.apply(desired, operation)
                except (ForbiddenError, GoneError) as error:
                    # One person who cannot be moved must not keep the others where they are.
                    if not isinstance(operation, AddMember | RemoveMember):
                        raise
                    left_out = error
                else:
                    taken += removed(operation)
                applied += 1
        finally:
            if claim.by_sweep and taken < steps.removals:
                async with self.db.write() as conn:
                    await projection.not_removed(conn, self.directory.target, steps.removals - taken)
        if left_out is not None:
            raise left_out
        return await self._close(claim, steps, applied, desired, actual)

    async def _close(
        self, claim: Claim, steps: Plan, applied: int, desired: DesiredState, actual: ActualState
    ) -> Outcome:
        if applied:
            log.info(
                "provisioning.applied", target=claim.target.value, entity=str(claim.entity),
                steps=applied, of=len(steps.operations), removals=steps.removals,
            )  # fmt: skip
        async with self.db.write() as conn:
            if applied < len(steps.operations):
                # So many people that the time was over: the rest at once, by whoever is free.
                ours = await projection.release(conn, claim)
            else:
                nothing = not desired.groups and not actual.shared
                ours = await projection.complete(conn, claim, self.by.clock(), nothing=nothing)
            await self._look_again_unless(conn, claim, ours=ours)
        return Outcome.DONE

    async def _look_again_unless(self, conn: WriteConnection, claim: Claim, *, ours: bool) -> None:
        """Our lease had ended: somebody else was at it too, and our last step may have come after his."""
        if not ours:
            await projection.mark(conn, [claim.entity], [claim.target], self.by.clock())
            log.warning("provisioning.claim.lost", target=claim.target.value, entity=str(claim.entity))

    async def _desired(self, entity: EntityId) -> DesiredState:
        async with self.db.read() as conn:
            desired = await self.truth.desired(conn, entity, self.by.clock())
            persons = [] if desired is None else sorted(frozenset().union(*desired.roles.values()))
            members = await self.truth.members(conn, persons) if persons else {}
        return self.directory.state(entity, desired, members)

    async def _may_remove(self, removals: int) -> bool:
        async with self.db.write() as conn:
            return await projection.may_remove(
                conn, self.directory.target, removals, self.deletion_guard, self.by.clock()
            )

    async def _hold(self, claim: Claim, steps: Plan) -> Outcome:
        async with self.db.write() as conn:
            await projection.hold(conn, claim)
        log.critical(
            "provisioning.guard.stopped", target=claim.target.value, entity=str(claim.entity),
            removals=steps.removals, most=self.deletion_guard,
        )  # fmt: skip
        return Outcome.HELD

    async def _failed(self, claim: Claim, error: TargetError) -> Outcome:
        now = self.by.clock()
        if error.holds_target:
            self.rest(error)
            async with self.db.write() as conn:
                ours = await projection.release(conn, claim, error.code)
                await self._look_again_unless(conn, claim, ours=ours)
            return Outcome.TARGET_DOWN
        longest = _LONGEST_LASTING_PAUSE if error.lasting else _LONGEST_PAUSE
        seconds = backoff(claim.attempts + 1, first=_FIRST_PAUSE, longest=longest, chance=self.by.chance)
        late = now + _LATE if isinstance(error, UnsettledError) else None
        async with self.db.write() as conn:
            ours = await projection.fail(
                conn, claim, error.code, retry_at=now + timedelta(seconds=seconds), verify_at=late
            )
            await self._look_again_unless(conn, claim, ours=ours)
        log.warning(
            "provisioning.failed", target=claim.target.value, entity=str(claim.entity),
            error=error.code, attempts=claim.attempts + 1, retry_seconds=round(seconds, 1),
        )  # fmt: skip
        return Outcome.FAILED

    def rest(self, error: TargetError) -> None:
        """The target is left alone for a while; the other target is not concerned."""
        if self.by.monotonic() < self.health.until:
            # Several enterprises met the same failure: it counts once.
            return
        self.health.failures += 1
        seconds = backoff(
            self.health.failures, first=_FIRST_PAUSE, longest=_LONGEST_TARGET_PAUSE, chance=self.by.chance
        )
        if isinstance(error, ThrottledError) and error.after is not None:
            seconds = max(seconds, min(error.after, _LONGEST_PAUSE))
        self.health.until = self.by.monotonic() + seconds
        self.health.error = error.code
        log.error(
            "provisioning.target.down", target=self.directory.target.value, error=error.code,
            failures=self.health.failures, retry_seconds=round(seconds, 1),
        )  # fmt: skip
