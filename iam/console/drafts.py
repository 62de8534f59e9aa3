"""Forms filled in and not sent yet: kept here, so that a check page, a new login or Back lose nothing.

A draft is its person's alone and is no record of anything: it may be forgotten at any time. Whoever
keeps one has refused a national number in its texts before (DOMAIN 7.3 nr 6).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from iam.console.tables import ConsoleDraft
from iam.kernel.ids import PersonId
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

_draft = core(ConsoleDraft)


async def keep(
    conn: WriteConnection, person: PersonId, draft: UUID, kind: str, content: Mapping[str, Any], now: datetime
) -> None:
    """The draft says this now, whatever it said before."""
    values = {"kind": kind, "content": dict(content), "made_at": now}
    await conn.execute(
        insert(_draft)
        .values(person_id=person, draft_id=draft, **values)
        .on_conflict_do_update(index_elements=[_draft.c.person_id, _draft.c.draft_id], set_=values)
    )


async def read(conn: ReadConnection, person: PersonId, draft: UUID, kind: str) -> Mapping[str, Any] | None:
    """What the person's draft of this kind says; None when there is none."""
    found = await conn.execute(
        select(_draft.c.content).where(
            _draft.c.person_id == person, _draft.c.draft_id == draft, _draft.c.kind == kind
        )
    )
    content: Mapping[str, Any] | None = found.scalar_one_or_none()
    return content


async def drop(conn: WriteConnection, person: PersonId, draft: UUID) -> None:
    """The draft is gone."""
    await conn.execute(delete(_draft).where(_draft.c.person_id == person, _draft.c.draft_id == draft))


async def forget_before(conn: WriteConnection, instant: datetime) -> int:
    """Drafts last changed before `instant` are gone; says how many."""
    return (await conn.execute(delete(_draft).where(_draft.c.made_at < instant))).rowcount
