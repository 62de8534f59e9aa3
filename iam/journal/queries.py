"""Reading the journal."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, select

from iam.journal.model import Entry, Head, HeadKind
from iam.journal.tables import JournalDetail, JournalEntry, JournalPending, JournalSeal
from iam.kernel.actor import Capacity
from iam.kernel.ids import EntryId
from iam.storage import ReadConnection
from iam.storage.tables import core

_entry = core(JournalEntry)
_detail = core(JournalDetail)
_seal = core(JournalSeal)


def _entries() -> Select[Any]:
    return (
        select(_entry, _seal.c.seq, _detail.c.data.label("details"))
        .outerjoin(_seal, _seal.c.entry_id == _entry.c.id)
        .outerjoin(_detail, _detail.c.entry_id == _entry.c.id)
    )


def _read(row: Row[Any]) -> Entry:
    return Entry(
        id=EntryId(row.id),
        seq=row.seq,
        head=Head(HeadKind(row.head_kind), row.head_id),
        revision=row.revision,
        ordinal=row.ordinal,
        kind=row.kind,
        version=row.version,
        at=row.at,
        actor_kind=row.actor_kind,
        actor_person=row.actor_person,
        actor_name=row.actor_name,
        capacity=Capacity(row.capacity),
        basis=row.basis,
        level=row.level,
        authenticated_at=row.authenticated_at,
        trace_id=row.trace_id,
        data=row.data,
        details=row.details,
    )


async def sealed_after(conn: ReadConnection, seq: int, limit: int) -> Sequence[Entry]:
    """The next sealed entries after `seq`, in their dense order, at most `limit`."""
    rows = await conn.execute(_entries().where(_seal.c.seq > seq).order_by(_seal.c.seq).limit(limit))
    return [_read(row) for row in rows]


async def of_head(conn: ReadConnection, head: Head) -> Sequence[Entry]:
    """Every entry of one head, oldest first, sealed or not."""
    rows = await conn.execute(
        _entries()
        .where(_entry.c.head_kind == head.kind.value, _entry.c.head_id == head.id)
        .order_by(_entry.c.revision, _entry.c.ordinal)
    )
    return [_read(row) for row in rows]


async def last_revision(conn: ReadConnection, head: Head) -> int:
    """The head's revision as its entries have it; 0 when there is none."""
    answer = await conn.execute(
        select(func.coalesce(func.max(_entry.c.revision), 0)).where(
            _entry.c.head_kind == head.kind.value, _entry.c.head_id == head.id
        )
    )
    return int(answer.scalar_one())


async def last_sealed(conn: ReadConnection) -> int:
    """The highest dense number given; 0 when nothing is sealed."""
    answer = await conn.execute(select(func.coalesce(func.max(_seal.c.seq), 0)))
    return int(answer.scalar_one())


async def unsealed(conn: ReadConnection) -> int:
    """How many committed entries have no seal yet."""
    answer = await conn.execute(select(func.count()).select_from(core(JournalPending)))
    return int(answer.scalar_one())
