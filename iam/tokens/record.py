"""The record of tokens: written before a token exists, read back when somebody asks about it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from iam.kernel.actor import Capacity
from iam.kernel.assurance import Level
from iam.kernel.ids import EntityId, PersonId
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.revision import Revision
from iam.portals.model import PortalId, SigningAlg
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core
from iam.tokens.model import Issue, IssuedRole
from iam.tokens.tables import TokensCutoff, TokensIssue, TokensRevoked

_issue = core(TokensIssue)
_revoked = core(TokensRevoked)
_cutoff = core(TokensCutoff)
_INSERT = insert(_issue)
_NOT_BEFORE = select(_cutoff.c.not_before).where(_cutoff.c.id == 1)
# The three questions about one token in one round trip; `day` finds the partition.
_FIND = (
    select(_issue, _NOT_BEFORE.scalar_subquery().label("not_before"))
    .outerjoin(_revoked, _revoked.c.jti == _issue.c.jti)
    .where(
        _issue.c.day == bindparam("day"),
        _issue.c.jti == bindparam("jti"),
        _issue.c.portal_id == bindparam("portal"),
        _revoked.c.jti.is_(None),
    )
)


def day_of(instant: datetime) -> date:
    """The partition of an instant: its day in UTC."""
    return instant.astimezone(UTC).date()


async def record(conn: WriteConnection, issue: Issue) -> None:
    """The issue is on record once the caller commits; only then may the token be signed."""
    await conn.execute(
        _INSERT,
        {
            "day": issue.day,
            "jti": issue.jti,
            "portal_id": issue.portal,
            "person_id": issue.person,
            "entity_id": issue.entity,
            "number": None if issue.number is None else issue.number.digits,
            "enterprise_name": issue.enterprise_name,
            "capacity": issue.capacity.value,
            "basis": issue.basis,
            "roles": msgspec.to_builtins(issue.roles),
            "level": int(issue.level),
            "revision": issue.revision.encode(),
            "authenticated_at": issue.authenticated_at,
            "issued_at": issue.issued_at,
            "expires_at": issue.expires_at,
            "session_hash": issue.session_hash,
            "alg": issue.alg.value,
        },
    )


async def find(conn: ReadConnection, portal: PortalId, jti: UUID, issued_at: datetime) -> Issue | None:
    """The issue of a token of this portal; None if there is none, it was revoked, or a cut-off ended it."""
    row = (await conn.execute(_FIND, {"day": day_of(issued_at), "jti": jti, "portal": portal})).one_or_none()
    if row is None or (row.not_before is not None and row.issued_at < row.not_before):
        return None
    return Issue(
        day=row.day,
        jti=row.jti,
        portal=PortalId(row.portal_id),
        person=PersonId(row.person_id),
        entity=None if row.entity_id is None else EntityId(row.entity_id),
        number=None if row.number is None else EnterpriseNumber(row.number),
        enterprise_name=row.enterprise_name,
        capacity=Capacity(row.capacity),
        basis=row.basis,
        roles=_roles(row.roles),
        level=Level(row.level),
        revision=Revision.decode(row.revision),
        authenticated_at=row.authenticated_at,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        session_hash=bytes(row.session_hash),
        alg=SigningAlg(row.alg),
    )


def _roles(stored: list[Mapping[str, Any]]) -> tuple[IssuedRole, ...]:
    return msgspec.convert(stored, tuple[IssuedRole, ...])


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


async def cut_off(conn: WriteConnection, instant: datetime) -> None:
    """Nothing that began before `instant` is believed; an earlier cut-off is never undone by this."""
    wanted = upsert(_cutoff).values(id=1, not_before=instant)
    await conn.execute(
        wanted.on_conflict_do_update(
            index_elements=["id"],
            set_={"not_before": func.greatest(_cutoff.c.not_before, wanted.excluded.not_before)},
        )
    )


async def not_before(conn: ReadConnection) -> datetime | None:
    """The cut-off in force, if there is one."""
    found: datetime | None = (await conn.execute(_NOT_BEFORE)).scalar_one_or_none()
    return found
