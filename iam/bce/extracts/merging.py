"""Writing what differs into the register: what holds no longer ends, what is new begins.

A row of a dated table is never overwritten: what we believed ends, that it held until the day of the extract
is believed from now on (nr 13).
"""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; values are parameters

from collections.abc import Mapping

from iam.bce.extracts.parts import SNAPSHOT, Part
from iam.bce.extracts.resolving import believed
from iam.bce.extracts.space import Lane

Counts = Mapping[str, int]
_NOW, _DAY, _EXTRACT = (f"(SELECT {name} FROM @instant)" for name in ("now", "day", "extract"))
FROM_NOW_ON: Mapping[str, str] = {"starts_at": _DAY, "recorded_from": _NOW}
"""Since when a fact holds that an extract tells, and since when we believe it; until when, nobody knows."""
_TIMES = "starts_at, ends_at, recorded_from, recorded_until"
_SINCE = ", ".join(FROM_NOW_ON)
_INSTANTS = ", ".join(FROM_NOW_ON.values())
_FRESH = "@entity w WHERE w.fresh"
ANCHORS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "bce_entity": ({"entity_id": "w.entity_id", "revision": "0", "first_extract": _EXTRACT}, _FRESH),
    "bce_number": ({"entity_id": "w.entity_id", "number": "w.number", **FROM_NOW_ON}, _FRESH),
    SNAPSHOT.table: (
        {**{name: f"w.{name}" for name in ("entity_id", *SNAPSHOT.columns)}, **FROM_NOW_ON},
        "@entity w",
    ),
}
"""What everything else hangs on: of each table its columns, and the rows of enterprises that are new."""


# Whoever has a number that was another's until a later day has it from that day on (nr 5).
_WHEN_FREE = (
    f"greatest({_DAY}, (SELECT max(p.ends_at) FROM bce_number p WHERE p.number = w.number"
    " AND p.recorded_until IS NULL AND p.ends_at IS NOT NULL))"
)


async def appear(lane: Lane) -> int:
    """Enterprises that are new have their key and number; says how many they are."""
    began = await _anchor(lane, "bce_entity")
    await _anchor(lane, "bce_number", starts_at=_WHEN_FREE)
    return began


async def _anchor(lane: Lane, table: str, **otherwise: str) -> int:
    columns, rows = ANCHORS[table]
    return await lane.run(
        f"INSERT INTO {table} ({', '.join(columns)})"
        f" SELECT {', '.join({**columns, **otherwise}.values())} FROM {rows}"
    )


async def come_and_go(lane: Lane) -> Counts:
    """Enterprises that return are present again, those that are gone are not; they keep their number."""
    await lane.run(
        f"UPDATE bce_tombstone t SET reactivated_extract = {_EXTRACT}, reactivated_at = {_DAY}"
        " FROM @entity s WHERE s.is_back AND t.entity_id = s.entity_id AND t.reactivated_at IS NULL"
    )
    returned = await lane.run(
        "UPDATE bce_entity e SET vanished_at = NULL FROM @entity s"
        " WHERE s.is_back AND e.entity_id = s.entity_id"
    )
    ended = await lane.run(
        f"UPDATE bce_entity e SET vanished_at = {_DAY} FROM @gone g WHERE g.entity_id = e.entity_id"
    )
    await lane.run(
        "INSERT INTO bce_tombstone (entity_id, vanished_extract, vanished_at)"
        f" SELECT entity_id, {_EXTRACT}, {_DAY} FROM @gone"
    )
    return {"ended": ended, "returned": returned}


async def merge(lane: Lane, part: Part) -> Counts:
    """The table says what the extract says; returns how many rows began and ended."""
    table, columns = part.table, ", ".join(("entity_id", *part.columns))
    found = " AND ".join(f"t.{name} = d.was_{name}" for name in part.key)
    of_row = ", ".join(("d.begins", *(f"d.{name}" for name in part.columns)))
    if not part.dated:
        ended = await lane.run(
            f"DELETE FROM {table} t USING @diff_{table} d WHERE d.ends IS NOT NULL AND {found}"
        )
        began = await lane.run(
            f"INSERT INTO {table} ({columns}) SELECT DISTINCT ON (d.begins, d.digest) {of_row}"
            f" FROM @diff_{table} d WHERE d.begins IS NOT NULL"
        )
        return {"began": began, "ended": ended}
    # What ends and what begins at once must not meet: the old row is closed before the new one is there.
    ended = await lane.run(
        f"WITH closed AS (UPDATE {table} t SET recorded_until = {_NOW} FROM @diff_{table} d"
        f" WHERE d.ends IS NOT NULL AND {found} AND {believed('t')} RETURNING t.*)"
        f" INSERT INTO {table} ({columns}, {_TIMES})"
        f" SELECT {columns}, starts_at, {_DAY}, {_NOW}, NULL FROM closed"
    )
    distinct = f"DISTINCT ON (d.begins, d.digest) {of_row}" if "digest" in part.columns else of_row
    began = await lane.run(
        f"INSERT INTO {table} ({columns}, {_SINCE}) SELECT {distinct}, {_INSTANTS}"
        f" FROM @diff_{table} d WHERE d.begins IS NOT NULL"
    )
    return {"began": began, "ended": ended}
