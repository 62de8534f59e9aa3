"""What time alone brings about: functions that begin or end on their day, rules that do (DOMAIN 7.3 nr 19).

Whoever asks who represents an enterprise is answered by the day, without any of this. Here the journal
learns of it, once, for watched enterprises.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert

from iam.bce import record
from iam.bce.events import RegisterEvent
from iam.bce.facts import functions_of
from iam.bce.functions.changes import Change
from iam.bce.model import Enterprise, Function, FunctionId, Representation
from iam.bce.queries import load
from iam.bce.reference import rulebook
from iam.bce.rules import Rulebook, represent
from iam.bce.tables import BceCalendar
from iam.kernel.clock import belgian_day
from iam.kernel.ids import EntityId
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

_calendar = core(BceCalendar)
_ONLY = 1
_CHUNK = 1_000

# Of watched enterprises: functions whose day has come since we last looked, or whose rule's has. What we
# learned after the day itself was told when we learned it.
_COME = text(
    """
    SELECT f.entity_id, f.function_id, greatest(f.recorded_from, :since) AS since
      FROM bce_function f JOIN bce_watch w ON w.entity_id = f.entity_id
     WHERE f.recorded_until IS NULL
       AND (f.starts_at > greatest(f.recorded_from, :since) AND f.starts_at <= :now
            OR f.ends_at > greatest(f.recorded_from, :since) AND f.ends_at <= :now
            OR f.code = ANY(CAST(:codes AS text[])))
     ORDER BY f.entity_id
    """
)


@dataclass(frozen=True, slots=True)
class Come:
    """A function whose day may have come between these two instants."""

    function: FunctionId
    since: datetime


async def tell(conn: WriteConnection, now: datetime, *, wait: bool = True) -> int:
    """Who began or ceased by time alone, up to now, is in the journal; says how many entries that were.

    Where somebody else is looking this waits for him, or does nothing when it should not `wait`.
    """
    since = await _looked(conn, now, wait=wait)
    if since is None or since >= now:
        return 0
    changes = await _changes(conn, since, now)
    happened: dict[UUID, list[RegisterEvent]] = {
        change.enterprise.entity: change.events for change in changes
    }
    await record.tell(conn, happened, trigger="calendar", now=now)
    await conn.execute(update(_calendar).values(looked_at=now))
    return sum(map(len, happened.values()))


async def _looked(conn: WriteConnection, now: datetime, *, wait: bool) -> datetime | None:
    """When we last looked, held until the transaction ends; None when there is nothing to look back on."""
    row = (await conn.execute(select(_calendar).with_for_update(skip_locked=not wait))).one_or_none()
    if row is not None:
        looked_at: datetime = row.looked_at
        return looked_at
    if (await conn.execute(select(_calendar.c.id))).one_or_none() is None:
        await conn.execute(insert(_calendar).values(id=_ONLY, looked_at=now).on_conflict_do_nothing())
    return None


async def _changes(conn: ReadConnection, since: datetime, now: datetime) -> list[Change]:
    book = await rulebook(conn)
    asked = {"since": since, "now": now, "codes": sorted(turning(book, since, now))}
    come: dict[EntityId, list[Come]] = {}
    for row in await conn.execute(_COME, asked):
        come.setdefault(EntityId(row.entity_id), []).append(Come(FunctionId(row.function_id), row.since))
    entities = list(come)
    found: list[Change | None] = []
    for first in range(0, len(entities), _CHUNK):
        chunk = entities[first : first + _CHUNK]
        functions: dict[EntityId, list[Function]] = {}
        for each in await functions_of(conn, chunk):
            functions.setdefault(each.entity, []).append(each)
        for entity, enterprise in (await load(conn, chunk)).items():
            found.append(change(enterprise, functions[entity], come[entity], book, now))
    return [each for each in found if each is not None]


def turning(book: Rulebook, since: datetime, now: datetime) -> frozenset[str]:
    """The functions about which a rule begins or ends to hold between the two. Pure."""
    first, last = belgian_day(since), belgian_day(now)
    return frozenset(
        rule.function
        for rule in book.rules
        if first < rule.valid_from <= last or (rule.valid_to is not None and first <= rule.valid_to < last)
    )


def change(
    enterprise: Enterprise, functions: Sequence[Function], come: Iterable[Come], book: Rulebook, now: datetime
) -> Change | None:
    """What time changed in who represents the enterprise; None for nothing. Pure."""
    after = _in_force(enterprise, functions, book, now)
    known = {each.id: each for each in functions}
    before: dict[str, Representation] = {}
    asked = set()
    for each in come:
        asked.add(str(each.function))
        before |= _in_force(enterprise, [known[each.function]], book, each.since)
    began = tuple(each for basis, each in after.items() if basis in asked and basis not in before)
    ended = tuple(each for basis, each in before.items() if basis not in after)
    if not began and not ended:
        return None
    return Change(enterprise=enterprise, began=began, ended=ended, nobody_left=bool(ended) and not after)


def _in_force(
    enterprise: Enterprise, functions: Sequence[Function], book: Rulebook, at: datetime
) -> Mapping[str, Representation]:
    found = represent(enterprise, functions, book, at)
    return {each.basis: each for each in found if not each.suspended}
