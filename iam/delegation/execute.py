"""The one door: every command, whoever gives it, goes lock -> facts -> decide -> record (DESIGN 4).

A person on a screen, a portal, an import, the clock, the register: there is no second path to the
tables of delegation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from iam.bce import queries as register
from iam.delegation import commands as c
from iam.delegation.events import Event
from iam.delegation.evolve import fold
from iam.delegation.facts import Outside, load
from iam.delegation.facts_model import Facts, Limits
from iam.delegation.record import record
from iam.delegation.rules import decide, due
from iam.delegation.rules.outcome import Outcome
from iam.delegation.tables import DelegationHead
from iam.journal.append import append
from iam.journal.model import Context, Head, HeadKind
from iam.kernel.actor import Actor, Capacity, SystemActor
from iam.kernel.assurance import Level
from iam.kernel.clock import Clock
from iam.kernel.decision import Refusal
from iam.kernel.ids import EntityId, MakeId, uuid4
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Reason
from iam.settings import Policy, Settings
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

_head = core(DelegationHead)
_CLOCK = SystemActor(trigger="clock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The command took effect once its transaction commits. `events` are its own, without lapses."""

    entity: EntityId
    revision: int
    at: datetime
    events: tuple[Event, ...]


def limits(policy: Policy) -> Limits:
    """What the operator set, as the rules read it."""
    return Limits(
        appointment_level=Level(policy.appointment_level),
        appointment_fresh=timedelta(seconds=policy.appointment_fresh_seconds),
        decision_level=Level(policy.decision_level),
        activation_level=Level(policy.activation_level),
        activation=timedelta(days=policy.activation_days),
        request_lapse=timedelta(days=policy.request_days),
        requests_per_day=policy.requests_per_day,
    )


class Door:
    """Executes commands. Made once a process from the settings."""

    def __init__(self, settings: Settings, clock: Clock, make_id: MakeId = uuid4) -> None:
        """Keep what the rules need from outside."""
        staff = settings.staff_enterprise
        self._clock = clock
        self._outside = Outside(
            limits=limits(settings.policy),
            representation_stale=timedelta(hours=settings.policy.representation_stale_hours),
            staff=None if staff is None else EnterpriseNumber.parse(staff),
            make_id=make_id,
        )

    async def execute(
        self, conn: WriteConnection, command: c.Command, actor: Actor, *, trace_id: str | None = None
    ) -> Done | Refusal:
        """The command's events are in the tables and in the journal, or nothing has changed at all.

        Commands on one enterprise happen one after the other; on different ones they do not wait.
        """
        attempt = await conn.begin_nested()
        head = await self._lock(conn, command.entity)
        facts = await load(conn, command, actor, head.at, self._outside)
        if facts is None:
            await attempt.rollback()
            return Refusal(reason=Reason.NO_STANDING)
        lapsed = due(facts)
        outcome = decide(command, _after(facts, lapsed))
        if isinstance(outcome, Refusal):
            await attempt.rollback()
            return outcome
        done = await self._record(conn, head, lapsed, outcome, facts, trace_id)
        await attempt.commit()
        return done

    async def foresee(self, conn: ReadConnection, command: c.Command, actor: Actor) -> Refusal | None:
        """Why the command would be refused if it were given now; None when it would take effect.

        For pages that say so before. Nothing is locked and nothing changes; `execute` decides anew.
        """
        facts = await load(conn, command, actor, self._clock(), self._outside)
        if facts is None:
            return Refusal(reason=Reason.NO_STANDING)
        outcome = decide(command, _after(facts, due(facts)))
        return outcome if isinstance(outcome, Refusal) else None

    async def _lock(self, conn: WriteConnection, entity: EntityId) -> "_Locked":
        """The enterprise's head is ours until the transaction ends. Time never runs backwards on it."""
        now = self._clock()
        made = await conn.execute(
            insert(_head)
            .values(entity_id=entity, revision=0, at=now)
            .on_conflict_do_nothing()
            .returning(_head.c.entity_id)
        )
        fresh = made.one_or_none() is not None
        row = (await conn.execute(select(_head).where(_head.c.entity_id == entity).with_for_update())).one()
        return _Locked(entity=entity, revision=row.revision, at=max(now, row.at), fresh=fresh)

    async def _record(
        self,
        conn: WriteConnection,
        head: "_Locked",
        lapsed: Sequence[Event],
        outcome: Outcome,
        facts: Facts,
        trace_id: str | None,
    ) -> Done:
        revision = head.revision
        for actor, capacity, basis, events in (
            (_CLOCK, Capacity.SYSTEM, {}, lapsed),
            (facts.actor, outcome.capacity, outcome.basis, outcome.events),
        ):
            if not events:
                continue
            revision += 1
            await record(conn, events)
            context = Context(actor=actor, capacity=capacity, basis=basis, at=head.at, trace_id=trace_id)
            await append(conn, Head(HeadKind.ENTERPRISE, head.entity), revision, events, context)
        if revision != head.revision:
            await conn.execute(
                update(_head).where(_head.c.entity_id == head.entity).values(revision=revision, at=head.at)
            )
        if head.fresh:
            await register.watch(conn, head.entity)
        return Done(entity=head.entity, revision=revision, at=head.at, events=outcome.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Locked:
    entity: EntityId
    revision: int
    at: datetime
    fresh: bool


def _after(facts: Facts, lapsed: tuple[Event, ...]) -> Facts:
    """The facts once what is due has lapsed."""
    return replace(facts, state=fold(lapsed, facts.state)) if lapsed else facts
