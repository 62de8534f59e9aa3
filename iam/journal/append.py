"""Writing to the journal, inside the caller's transaction and without a lock of its own."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from iam.journal.codec import detail_digest, split
from iam.journal.model import Context, Event, Head
from iam.journal.tables import JournalDetail, JournalEntry, JournalPending
from iam.kernel.actor import PersonActor, PortalActor
from iam.kernel.ids import EntryId, MakeId, uuid7
from iam.storage import WriteConnection
from iam.storage.wake import Channel, tell

_SALT_BYTES = 16


async def append(
    conn: WriteConnection,
    head: Head,
    revision: int,
    events: Sequence[Event],
    context: Context,
    *,
    make_id: MakeId = uuid7,
) -> list[EntryId]:
    """The events stand in the journal once the caller commits, in this order, under this revision.

    The caller holds the head's row lock and has raised its revision. Wakes the sealer at commit.
    """
    entries: list[dict[str, Any]] = []
    details: list[dict[str, Any]] = []
    for ordinal, event in enumerate(events):
        data, detail = split(event)
        entry_id = make_id()
        digest = None
        if detail:
            salt = secrets.token_bytes(_SALT_BYTES)
            digest = detail_digest(salt, detail)
            details.append({"entry_id": entry_id, "salt": salt, "data": detail})
        entries.append(
            {
                "id": entry_id,
                "head_kind": head.kind.value,
                "head_id": head.id,
                "revision": revision,
                "ordinal": ordinal,
                "kind": event.KIND,
                "version": event.VERSION,
                "data": data,
                "detail_digest": digest,
                **_who(context),
            }
        )
    if not entries:
        return []
    await conn.execute(insert(JournalEntry), entries)
    if details:
        await conn.execute(insert(JournalDetail), details)
    await conn.execute(insert(JournalPending), [{"entry_id": row["id"]} for row in entries])
    await tell(conn, Channel.APPENDED)
    return [EntryId(row["id"]) for row in entries]


def _who(context: Context) -> dict[str, Any]:
    person: UUID | None = None
    name: str | None = None
    level: int | None = None
    authenticated_at: datetime | None = None
    match context.actor:
        case PersonActor(person=person, assurance=assurance):
            kind = "person"
            level, authenticated_at = int(assurance.level), assurance.authenticated_at
        case PortalActor(client_id=name):
            kind = "portal"
        case system:
            kind, name = "system", system.trigger
    return {
        "at": context.at,
        "actor_kind": kind,
        "actor_person": person,
        "actor_name": name,
        "capacity": context.capacity.value,
        "basis": dict(context.basis),
        "level": level,
        "authenticated_at": authenticated_at,
        "trace_id": context.trace_id,
    }
