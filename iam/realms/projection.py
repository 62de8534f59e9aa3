"""What was projected to Keycloak and to the directory, and what is still to be done (ADR 0009).

The rows say which enterprise to look at, never what it should be: that is read from the truth when
the work is done, so that a lost, doubled or late mark cannot give or keep a right.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from iam.kernel.ids import EntityId, MakeId
from iam.realms.tables import RealmsFolder, RealmsGroup, RealmsPassed, RealmsSweep, RealmsSync
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core
from iam.storage.wake import Channel, tell

_sync = core(RealmsSync)
_group = core(RealmsGroup)
_folder = core(RealmsFolder)
_sweep = core(RealmsSweep)
_passed = core(RealmsPassed)

# How the enterprise's own group stands in a column that is part of a key.
_WHOLE = ""
_PAGE = 5_000


class Target(StrEnum):
    """Who receives the groups. Each is in step, or behind, on its own."""

    KEYCLOAK = "keycloak"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One enterprise that one worker may work on at one target until its lease ends."""

    entity: EntityId
    target: Target
    claim: UUID
    wanted: int
    attempts: int
    by_sweep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGroup:
    """A group we made or are about to make; `group_id` is None while that is not known."""

    role: str | None
    number: str
    group_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How a target fares, for a person who watches."""

    behind: int
    failing: int
    held: int
    stopped: bool


# Who waits already keeps his place in the queue. A change (not a sweep) ends a pause and a hold.
# In one order, so that two who mark the same ones cannot lock each other out.
_MARK = text(
    """
    INSERT INTO realms_sync AS s
           (entity_id, target, wanted, synced, wanted_at, by_sweep, held, attempts)
    SELECT entity, target, 1, 0, CAST(:now AS timestamptz), :swept, false, 0
      FROM unnest(CAST(:entities AS uuid[])) AS entity, unnest(CAST(:targets AS text[])) AS target
     ORDER BY entity, target
        ON CONFLICT (entity_id, target) DO UPDATE
       SET wanted = s.wanted + 1,
           wanted_at = CASE WHEN s.wanted > s.synced THEN s.wanted_at ELSE excluded.wanted_at END,
           by_sweep = excluded.by_sweep AND (s.by_sweep OR s.wanted = s.synced),
           held = s.held AND excluded.by_sweep,
           retry_at = CASE WHEN excluded.by_sweep THEN s.retry_at END
    """
)
_CLAIM = text(
    """
    UPDATE realms_sync s SET claim = :claim, claimed_until = :until
      FROM (SELECT entity_id, target FROM realms_sync
             WHERE target = :target AND NOT held
               AND (wanted > synced OR verify_at <= :now)
               AND (retry_at IS NULL OR retry_at <= :now)
               AND (claimed_until IS NULL OR claimed_until <= :now)
             ORDER BY by_sweep, wanted_at
             LIMIT :most FOR UPDATE SKIP LOCKED) AS free
     WHERE s.entity_id = free.entity_id AND s.target = free.target
    RETURNING s.entity_id, s.wanted, s.attempts, s.by_sweep
    """
)
# The same conditions as a claim's; `greatest` passes over what is null.
_NEXT_DUE = text(
    """
    SELECT min(greatest(CASE WHEN wanted > synced THEN wanted_at ELSE verify_at END, retry_at, claimed_until))
      FROM realms_sync
     WHERE target = :target AND NOT held AND (wanted > synced OR verify_at IS NOT NULL)
    """
)
_COMPLETE = text(
    """
    UPDATE realms_sync
       SET synced = greatest(synced, :wanted), synced_at = :now, claim = NULL, claimed_until = NULL,
           attempts = 0, retry_at = NULL, error = NULL, held = false,
           by_sweep = by_sweep AND wanted > :wanted,
           verify_at = CASE WHEN verify_at > :now THEN verify_at END
     WHERE entity_id = :entity AND target = :target AND claim = :claim
    """
)
# Nothing is there and nothing should be: the row says nothing any more.
_FINISH = text(
    """
    DELETE FROM realms_sync
     WHERE entity_id = :entity AND target = :target AND claim = :claim
       AND wanted = :wanted AND (verify_at IS NULL OR verify_at <= :now)
    """
)
_FAIL = text(
    """
    UPDATE realms_sync
       SET claim = NULL, claimed_until = NULL, attempts = attempts + 1, error = :error,
           -- a change that came meanwhile does not wait for the pause of the one before
           retry_at = CASE WHEN wanted > :wanted THEN NULL ELSE CAST(:retry_at AS timestamptz) END,
           verify_at = coalesce(:verify_at, verify_at)
     WHERE entity_id = :entity AND target = :target AND claim = :claim
    """
)


async def mark(
    conn: WriteConnection,
    entities: Iterable[EntityId],
    targets: Sequence[Target],
    now: datetime,
    *,
    by_sweep: bool = False,
) -> None:
    """The enterprises will be looked at after the commit, also those that are being worked on now.

    A mark that comes from a change lets the enterprise go past its pause and past the deletion guard. Wakes
    those who do the work at commit.
    """
    ordered = sorted(set(entities))
    told = {"targets": [target.value for target in targets], "now": now, "swept": by_sweep}
    # A role may be held in very many: no statement takes long.
    for first in range(0, len(ordered), _PAGE):
        await conn.execute(_MARK, {"entities": ordered[first : first + _PAGE], **told})
    if ordered:
        await tell(conn, Channel.MARKED)


async def claim(
    conn: WriteConnection,
    target: Target,
    now: datetime,
    *,
    lease: timedelta,
    most: int,
    make_id: MakeId,
) -> Sequence[Claim]:
    """Up to `most` enterprises that are behind are this worker's until the lease ends.

    Changes come before what only a sweep asks for; who has waited longest comes first. The same enterprise
    is never claimed twice at once at the same target (DOMAIN 7.3 nr 64).
    """
    ours = make_id()
    rows = await conn.execute(
        _CLAIM, {"claim": ours, "until": now + lease, "target": target.value, "now": now, "most": most}
    )
    return [
        Claim(
            entity=EntityId(row.entity_id),
            target=target,
            claim=ours,
            wanted=row.wanted,
            attempts=row.attempts,
            by_sweep=row.by_sweep,
        )
        for row in rows
    ]


async def next_due(conn: ReadConnection, target: Target) -> datetime | None:
    """From when on the first enterprise may be claimed at the target; None when only a mark makes one due."""
    answer = await conn.execute(_NEXT_DUE, {"target": target.value})
    found: datetime | None = answer.scalar_one()
    return found


async def complete(conn: WriteConnection, claim: Claim, now: datetime, *, nothing: bool) -> bool:
    """The enterprise is in step with what was wanted when it was claimed; False when the claim was lost.

    It stays behind when it was marked meanwhile. With `nothing` there and nothing wanted it is forgotten.
    """
    which = {
        "entity": claim.entity, "target": claim.target.value, "claim": claim.claim,
        "wanted": claim.wanted, "now": now,
    }  # fmt: skip
    if nothing and (await conn.execute(_FINISH, which)).rowcount == 1:
        return True
    answer = await conn.execute(_COMPLETE, which)
    return answer.rowcount == 1


async def fail(
    conn: WriteConnection,
    claim: Claim,
    error: str,
    *,
    retry_at: datetime | None,
    verify_at: datetime | None = None,
) -> bool:
    """The enterprise is still behind and comes again at `retry_at`; and once more at `verify_at`.

    False when the claim was lost.
    """
    answer = await conn.execute(
        _FAIL,
        {
            "entity": claim.entity, "target": claim.target.value, "claim": claim.claim,
            "wanted": claim.wanted, "error": error, "retry_at": retry_at, "verify_at": verify_at,
        },
    )  # fmt: skip
    return answer.rowcount == 1


async def release(conn: WriteConnection, claim: Claim, error: str | None = None) -> bool:
    """The enterprise is free again, without a pause of its own: it was not its fault.

    False when the claim was lost.
    """
    answer = await conn.execute(
        update(_sync)
        .where(
            _sync.c.entity_id == claim.entity,
            _sync.c.target == claim.target.value,
            _sync.c.claim == claim.claim,
        )
        .values(claim=None, claimed_until=None, error=error)
    )
    return answer.rowcount == 1


async def hold(conn: WriteConnection, claim: Claim) -> None:
    """The enterprise waits for a person to confirm the removals, or for a change of its own."""
    await conn.execute(
        update(_sync)
        .where(
            _sync.c.entity_id == claim.entity,
            _sync.c.target == claim.target.value,
            _sync.c.claim == claim.claim,
        )
        .values(claim=None, claimed_until=None, held=_sync.c.by_sweep, error="guard")
    )


async def groups_of(conn: ReadConnection, entity: EntityId) -> Sequence[StoredGroup]:
    """The Keycloak groups of the enterprise that we know of, its own first."""
    rows = await conn.execute(select(_group).where(_group.c.entity_id == entity).order_by(_group.c.role_code))
    return [StoredGroup(role=row.role_code or None, number=row.number, group_id=row.group_id) for row in rows]


async def store_group(
    conn: WriteConnection, entity: EntityId, number: str, role: str | None, group_id: str | None
) -> None:
    """The group is known under this id; with None, that we are about to make it."""
    new = insert(_group).values(entity_id=entity, role_code=role or _WHOLE, number=number, group_id=group_id)
    await conn.execute(
        new.on_conflict_do_update(
            index_elements=["entity_id", "role_code"], set_={"number": number, "group_id": group_id}
        )
    )


async def forget_group(conn: WriteConnection, entity: EntityId, role: str | None) -> None:
    """The group is not known any more; with the enterprise's own go those of its roles."""
    statement = delete(_group).where(_group.c.entity_id == entity)
    if role is not None:
        statement = statement.where(_group.c.role_code == role)
    await conn.execute(statement)


async def stored_entities(conn: ReadConnection, after: EntityId | None, limit: int) -> Sequence[EntityId]:
    """The enterprises of which we know a group or a state, a page at a time, by id."""
    rows = await conn.execute(
        text(
            """
            SELECT entity_id
              FROM (SELECT entity_id FROM realms_group UNION SELECT entity_id FROM realms_sync) AS known
             WHERE CAST(:after AS uuid) IS NULL OR entity_id > :after
             ORDER BY entity_id LIMIT :limit
            """
        ),
        {"after": after, "limit": limit},
    )
    return [EntityId(row.entity_id) for row in rows]


async def folder(conn: ReadConnection, name: str) -> str | None:
    """The id of the Keycloak group that holds others under this name."""
    answer = await conn.execute(select(_folder.c.group_id).where(_folder.c.name == name))
    found: str | None = answer.scalar_one_or_none()
    return found


async def store_folder(conn: WriteConnection, name: str, group_id: str | None) -> None:
    """The folder is known under this id, or forgotten with None."""
    if group_id is None:
        await conn.execute(delete(_folder).where(_folder.c.name == name))
        return
    new = insert(_folder).values(name=name, group_id=group_id)
    await conn.execute(new.on_conflict_do_update(index_elements=["name"], set_={"group_id": group_id}))


async def begin_sweep(conn: WriteConnection, target: Target, now: datetime, period: timedelta) -> bool:
    """A sweep of the target may begin; False while the deletion guard has it stopped.

    The removals of a sweep that began less than a `period` ago still count: starting anew again and again
    does not get round the guard.
    """
    answer = await conn.execute(
        text(
            """
            INSERT INTO realms_sweep AS s (target, started_at, removals) VALUES (:target, :now, 0)
                ON CONFLICT (target) DO UPDATE
               SET started_at = CASE WHEN s.started_at <= :recently THEN :now ELSE s.started_at END,
                   removals = CASE WHEN s.started_at <= :recently THEN 0 ELSE s.removals END,
                   confirmed_at = CASE WHEN s.started_at <= :recently THEN NULL ELSE s.confirmed_at END
             WHERE s.stopped_at IS NULL
            RETURNING target
            """
        ),
        {"target": target.value, "now": now, "recently": now - period},
    )
    return answer.one_or_none() is not None


async def may_remove(conn: WriteConnection, target: Target, removals: int, most: int, now: datetime) -> bool:
    """The removals are counted in the present sweep; False when they are too many.

    Then the sweep is stopped until a person confirms.
    """
    parameters = {"target": target.value, "removals": removals, "most": most, "now": now}
    await conn.execute(
        text(
            "INSERT INTO realms_sweep (target, started_at, removals) VALUES (:target, :now, 0)"
            " ON CONFLICT DO NOTHING"
        ),
        parameters,
    )
    answer = await conn.execute(
        text(
            """
            UPDATE realms_sweep SET removals = removals + :removals
             WHERE target = :target
               AND (confirmed_at IS NOT NULL OR (stopped_at IS NULL AND removals + :removals <= :most))
            RETURNING target
            """
        ),
        parameters,
    )
    if answer.one_or_none() is not None:
        return True
    await conn.execute(
        text("UPDATE realms_sweep SET stopped_at = coalesce(stopped_at, :now) WHERE target = :target"),
        parameters,
    )
    return False


async def not_removed(conn: WriteConnection, target: Target, removals: int) -> None:
    """Removals that were counted and then not made are counted no longer."""
    await conn.execute(
        update(_sweep).where(_sweep.c.target == target.value).values(removals=_sweep.c.removals - removals)
    )


async def confirm_removals(conn: WriteConnection, target: Target, now: datetime) -> int:
    """The stopped sweep goes on, without a limit until the next; says how many enterprises waited.

    A person has looked.
    """
    answer = await conn.execute(
        update(_sweep)
        .where(_sweep.c.target == target.value, _sweep.c.stopped_at.is_not(None))
        .values(stopped_at=None, confirmed_at=now)
    )
    if answer.rowcount == 0:
        return 0
    freed = await conn.execute(
        update(_sync).where(_sync.c.target == target.value, _sync.c.held).values(held=False, error=None)
    )
    await tell(conn, Channel.MARKED)
    return freed.rowcount


async def backlog(conn: ReadConnection, target: Target) -> Backlog:
    """How many enterprises are behind at the target, how many of them fail, how many the guard holds."""
    answer = await conn.execute(
        text(
            """
            SELECT count(*) FILTER (WHERE wanted > synced) AS behind,
                   count(*) FILTER (WHERE wanted > synced AND attempts > 0) AS failing,
                   count(*) FILTER (WHERE held) AS held,
                   (SELECT count(*) FROM realms_sweep
                     WHERE target = :target AND stopped_at IS NOT NULL) AS stopped
              FROM realms_sync WHERE target = :target
            """
        ),
        {"target": target.value},
    )
    row = answer.one()
    return Backlog(behind=row.behind, failing=row.failing, held=row.held, stopped=bool(row.stopped))


async def passed_until(conn: WriteConnection, name: str, now: datetime) -> datetime:
    """Until when changes by time alone were noticed, locked for this transaction; `now` at the first time."""
    await conn.execute(insert(_passed).values(name=name, until=now).on_conflict_do_nothing())
    answer = await conn.execute(select(_passed.c.until).where(_passed.c.name == name).with_for_update())
    found: datetime = answer.scalar_one()
    return found


async def pass_until(conn: WriteConnection, name: str, until: datetime) -> None:
    """Changes by time alone are noticed until then."""
    await conn.execute(update(_passed).where(_passed.c.name == name).values(until=until))
