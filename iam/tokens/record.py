"""The record of tokens, written before a token exists; revocations; the cut-off."""

from datetime import UTC, date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from iam.journal.model import Context
from iam.portals.model import PortalId
from iam.portals.pairwise import REMEMBER, Known
from iam.storage import Database, ReadConnection, Write, WriteConnection
from iam.storage.tables import core
from iam.tokens.events import CutOff
from iam.tokens.head import happened, lock
from iam.tokens.model import Issue
from iam.tokens.tables import TokensCutoff, TokensRevoked

_revoked = core(TokensRevoked)
_cutoff = core(TokensCutoff)
_NOT_BEFORE = select(_cutoff.c.not_before).where(_cutoff.c.id == 1)
_COLUMNS = (
    "day", "jti", "portal_id", "person_id", "entity_id", "number", "enterprise_name", "capacity", "basis",
    "roles", "level", "revision", "authenticated_at", "issued_at", "expires_at", "session_hash", "alg",
)  # fmt: skip
# The id is ours and of this token alone: what stands there already was written by the same statement.
_INSERT = f"""
    INSERT INTO tokens_issue ({", ".join(_COLUMNS)})
    VALUES ({", ".join(f":{name}" for name in _COLUMNS)})
    ON CONFLICT (day, jti) DO NOTHING RETURNING jti
"""  # noqa: S608 - names of columns
_RECORD = Write(_INSERT)
_RECORD_AND_NAME = Write(f"WITH recorded AS ({_INSERT}), named AS ({REMEMBER}) SELECT sub FROM named")  # noqa: S608


def day_of(instant: datetime) -> date:
    """The partition of an instant: its day in UTC."""
    return instant.astimezone(UTC).date()


async def record(db: Database, issue: Issue, known: Known | None, sub: str) -> str:
    """The issue is on record, committed; only now may the token be signed. Says the person's `sub` in it.

    `known` is how the portal knew him just before, `sub` the name for one it did not know. One statement,
    so one transaction: no name is given without a record of its first token.
    """
    values = {
        "day": issue.day,
        "jti": issue.jti,
        "portal_id": issue.portal,
        "person_id": issue.person,
        "entity_id": issue.entity,
        "number": None if issue.number is None else issue.number.digits,
        "enterprise_name": issue.enterprise_name,
        "capacity": issue.capacity.value,
        "basis": issue.basis,
        "roles": msgspec.json.encode(issue.roles).decode(),
        "level": int(issue.level),
        "revision": issue.revision.encode(),
        "authenticated_at": issue.authenticated_at,
        "issued_at": issue.issued_at,
        "expires_at": issue.expires_at,
        "session_hash": issue.session_hash,
        "alg": issue.alg.value,
    }
    if known is not None and known.level == issue.level:
        await db.tell(_RECORD, values)
        return known.sub
    [row] = await db.tell(_RECORD_AND_NAME, {**values, "sub": sub})
    return str(row.sub)


async def revoke(
    conn: WriteConnection, portal: PortalId, jti: UUID, expires_at: datetime, now: datetime
) -> None:
    """The token is believed no more. Doing it twice is the same as once."""
    values = {"jti": jti, "portal_id": portal, "revoked_at": now, "expires_at": expires_at}
    await conn.execute(upsert(_revoked).values(values).on_conflict_do_nothing())


async def forget_revoked(conn: WriteConnection, now: datetime) -> int:
    """Revocations of tokens that have ended by themselves are gone; says how many."""
    gone = await conn.execute(delete(_revoked).where(_revoked.c.expires_at < now))
    return gone.rowcount


async def cut_off(conn: WriteConnection, instant: datetime, context: Context) -> None:
    """Nothing that began before `instant` is believed; a later cut-off is never undone by this."""
    await lock(conn)
    wanted = upsert(_cutoff).values(id=1, not_before=instant)
    moved = await conn.execute(
        wanted.on_conflict_do_update(
            index_elements=["id"],
            set_={"not_before": wanted.excluded.not_before},
            where=_cutoff.c.not_before < wanted.excluded.not_before,
        ).returning(_cutoff.c.id)
    )
    if moved.one_or_none() is not None:
        await happened(conn, [CutOff(not_before=instant)], context)


async def not_before(conn: ReadConnection) -> datetime | None:
    """The cut-off in force, if there is one."""
    found: datetime | None = (await conn.execute(_NOT_BEFORE)).scalar_one_or_none()
    return found
