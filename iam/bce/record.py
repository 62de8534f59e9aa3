"""Writing to the register beside an import: what is watched, numbers that change, events."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from iam.bce import search_index
from iam.bce.events import (
    EnterpriseReactivated,
    EnterpriseVanished,
    FormChanged,
    NameChanged,
    NumberReplaced,
    RegisterEvent,
    SeatStruckOff,
    SituationChanged,
)
from iam.bce.extracts.space import Lane
from iam.bce.tables import BceEntity, BceNumber, BceWatch
from iam.journal.append import append
from iam.journal.model import Context, Head, HeadKind
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.ids import EntityId
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import WriteConnection
from iam.storage.tables import core

_entity = core(BceEntity)
_watch = core(BceWatch)
_number = core(BceNumber)


class UnknownEntity(LookupError):
    """The register has never known this entity."""


async def watch(conn: WriteConnection, entity: EntityId) -> None:
    """From this transaction on, what the register says of the entity is written to the journal."""
    await conn.execute(insert(_watch).values(entity_id=entity).on_conflict_do_nothing())


async def replace_number(
    conn: WriteConnection, entity: EntityId, number: EnterpriseNumber, *, since: datetime, now: datetime
) -> None:
    """The entity goes by `number` from `since` on; its key, offices and grants stay (nr 5).

    Situations 003 and 006 tell of it; which number follows which does not stand in the open data.
    Raises `UnknownEntity`, and `sqlalchemy.exc.IntegrityError` when the number belongs to another.
    """
    row = (
        await conn.execute(
            select(_number)
            .where(
                _number.c.entity_id == entity,
                _number.c.recorded_until.is_(None),
                _number.c.ends_at.is_(None),
            )
            .with_for_update()
        )
    ).one_or_none()
    if row is None:
        raise UnknownEntity
    if row.number == number.digits:
        return
    since = max(since, row.starts_at)
    same = {"entity_id": entity, "recorded_from": now, "recorded_until": None}
    await conn.execute(
        update(_number)
        .where(_number.c.entity_id == entity, _number.c.recorded_until.is_(None), _number.c.ends_at.is_(None))
        .values(recorded_until=now)
    )
    await conn.execute(
        insert(_number).values(number=row.number, starts_at=row.starts_at, ends_at=since, **same)
    )
    await conn.execute(insert(_number).values(number=number.digits, starts_at=since, ends_at=None, **same))
    await search_index.refresh(conn, f"SELECT '{entity}'::uuid")
    event = NumberReplaced(entity=entity, before=row.number, after=number.digits)
    watched = await conn.execute(select(_watch.c.entity_id).where(_watch.c.entity_id == entity))
    if watched.one_or_none() is not None:
        await tell(conn, {entity: [event]}, trigger="number replaced", now=now)


async def tell(
    conn: WriteConnection,
    happened: Mapping[UUID, Sequence[RegisterEvent]],
    *,
    trigger: str,
    now: datetime,
) -> None:
    """The events stand in the journal, each entity's under a revision of its own."""
    context = Context(actor=SystemActor(trigger=trigger), capacity=Capacity.SYSTEM, at=now)
    raised = (
        update(_entity)
        .where(_entity.c.entity_id == bindparam("key"))
        .values(revision=_entity.c.revision + 1)
        .returning(_entity.c.revision)
    )
    # In the order of ids, so that two writers cannot wait for each other in a ring.
    for entity in sorted(happened):
        revision = (await conn.execute(raised, {"key": entity})).scalar_one()
        await append(conn, Head(HeadKind.REGISTER, entity), revision, happened[entity], context)


# What a watched entity is, as the register has it still, and what it will be, side by side.
_CHANGES = """
    WITH snapshot AS (SELECT coalesce(begins, ends) AS entity_id, * FROM @diff_bce_snapshot),
    renamed AS (
        SELECT begins AS entity_id FROM @diff_bce_name
         WHERE begins IS NOT NULL AND unit IS NULL AND kind = '001'
         UNION
        SELECT n.entity_id FROM @diff_bce_name d
          JOIN bce_name n ON n.entity_id = d.ends AND n.digest = d.was_digest
         WHERE n.unit IS NULL AND n.kind = '001' AND n.recorded_until IS NULL AND n.ends_at IS NULL),
    struck AS (
        -- a seat that was in order, as far as we knew, and no longer is (quirk f)
        SELECT d.begins AS entity_id, min(d.struck_off_on) AS struck_off_on FROM @diff_bce_address d
         WHERE d.unit IS NULL AND d.kind = 'REGO' AND d.struck_off_on IS NOT NULL
           AND NOT EXISTS (SELECT FROM bce_address a WHERE a.entity_id = d.begins AND a.unit IS NULL
                              AND a.kind = 'REGO' AND a.struck_off_on IS NOT NULL)
         GROUP BY d.begins),
    touched AS (
        SELECT entity_id FROM snapshot UNION SELECT entity_id FROM renamed UNION SELECT entity_id FROM struck)
    SELECT w.entity_id, before.entity_id IS NOT NULL AS was_there,
           CASE WHEN after.entity_id IS NULL THEN before.entity_id ELSE after.begins END
               IS NOT NULL AS is_there,
           before.situation AS situation_before,
           coalesce(after.situation, before.situation) AS situation_after,
           coalesce(cb.consequence, unheard.consequence, 'controlled') AS consequence_before,
           coalesce(ca.consequence, unheard.consequence, 'controlled') AS consequence_after,
           coalesce(before.form_cac, before.form) AS form_before,
           CASE WHEN after.begins IS NULL THEN coalesce(before.form_cac, before.form)
                ELSE coalesce(after.form_cac, after.form) END AS form_after,
           renamed.entity_id IS NOT NULL AS renamed, struck.struck_off_on
      FROM touched t JOIN bce_watch w ON w.entity_id = t.entity_id
      LEFT JOIN bce_snapshot before ON before.entity_id = w.entity_id AND before.recorded_until IS NULL
            AND before.ends_at IS NULL
      LEFT JOIN snapshot after ON after.entity_id = w.entity_id
      LEFT JOIN renamed ON renamed.entity_id = w.entity_id
      LEFT JOIN struck ON struck.entity_id = w.entity_id
      LEFT JOIN bce_situation cb ON cb.code = before.situation
      LEFT JOIN bce_situation ca ON ca.code = coalesce(after.situation, before.situation)
      LEFT JOIN bce_situation unheard ON unheard.code = '*'
"""


async def changes(lane: Lane, *, extract: int) -> dict[UUID, list[RegisterEvent]]:
    """What the merge that is about to be will change for watched entities, each change once."""
    happened = {row.entity_id: list(_events(row, extract)) for row in await lane.rows(_CHANGES)}
    return {entity: events for entity, events in happened.items() if events}


def _events(row: Any, extract: int) -> list[RegisterEvent]:
    entity: UUID = row.entity_id
    if not row.is_there:
        return [EnterpriseVanished(entity=entity, extract=extract)] if row.was_there else []
    if not row.was_there:
        return [EnterpriseReactivated(entity=entity, extract=extract)]
    events: list[RegisterEvent] = []
    if row.situation_before != row.situation_after:
        events.append(
            SituationChanged(
                entity=entity,
                before=row.situation_before,
                after=row.situation_after,
                consequence_before=row.consequence_before,
                consequence_after=row.consequence_after,
            )
        )
    if row.form_before != row.form_after:
        events.append(FormChanged(entity=entity, before=row.form_before, after=row.form_after))
    if row.renamed:
        events.append(NameChanged(entity=entity))
    if row.struck_off_on is not None:
        events.append(SeatStruckOff(entity=entity, on=row.struck_off_on))
    return events
