"""What we remember of Keycloak's sessions: whose each is, and that it has ended."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from iam.kernel.identity import Identity
from iam.kernel.ids import PersonId
from iam.realms.model import LoggedOut
from iam.realms.tables import RealmsLogin, RealmsLogout, RealmsSession
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

_session = core(RealmsSession)
_logout = core(RealmsLogout)
_login = core(RealmsLogin)
REMEMBERED = timedelta(hours=24)


async def remember(conn: WriteConnection, identity: Identity, person: PersonId, now: datetime) -> bool:
    """The session is known to be this person's; False when it has ended already, which stays so."""
    values: dict[str, Any] = {
        "subject": identity.subject,
        "person_id": person,
        "authenticated_at": identity.assurance.authenticated_at,
        "seen_at": now,
        "expires_at": now + REMEMBERED,
    }
    written = await conn.execute(
        insert(_session)
        .values(issuer=identity.issuer, session_id=identity.session_id, **values)
        .on_conflict_do_update(
            index_elements=[_session.c.issuer, _session.c.session_id],
            set_=values,
            where=_session.c.ended_at.is_(None),
        )
        .returning(_session.c.session_id)
    )
    return written.one_or_none() is not None


async def obey(conn: WriteConnection, out: LoggedOut, now: datetime) -> bool:
    """The log-out's sessions have ended for us; False when the same token was obeyed before.

    A session that we have not seen yet is remembered as ended: its token may still be on its way.
    """
    fresh = await conn.execute(
        insert(_logout)
        .values(issuer=out.issuer, token_id=out.token_id, expires_at=out.expires_at)
        .on_conflict_do_nothing()
        .returning(_logout.c.token_id)
    )
    if fresh.one_or_none() is None:
        return False
    if out.session_id is None:
        await conn.execute(
            update(_session)
            .where(
                _session.c.issuer == out.issuer,
                _session.c.subject == out.subject,
                _session.c.ended_at.is_(None),
            )
            .values(ended_at=now)
        )
        return True
    await conn.execute(
        insert(_session)
        .values(
            issuer=out.issuer,
            session_id=out.session_id,
            subject=out.subject,
            seen_at=now,
            expires_at=now + REMEMBERED,
            ended_at=now,
        )
        .on_conflict_do_update(
            index_elements=[_session.c.issuer, _session.c.session_id],
            set_={"ended_at": now},
            where=_session.c.ended_at.is_(None),
        )
    )
    return True


async def end(conn: WriteConnection, issuer: str, session_id: str, now: datetime) -> None:
    """The session has ended for us: the person said so here, whether Keycloak tells us or not."""
    await conn.execute(
        update(_session)
        .where(
            _session.c.issuer == issuer, _session.c.session_id == session_id, _session.c.ended_at.is_(None)
        )
        .values(ended_at=now)
    )


async def persons_of_subject(conn: ReadConnection, issuer: str, subject: str) -> list[UUID]:
    """Whose sessions the account's were: for a log-out that names no session."""
    rows = await conn.execute(
        select(_session.c.person_id)
        .where(_session.c.issuer == issuer, _session.c.subject == subject, _session.c.person_id.is_not(None))
        .distinct()
    )
    return [row.person_id for row in rows]


async def forget_expired(conn: WriteConnection, now: datetime) -> int:
    """Logins, sessions and log-outs whose time is over are gone; says how many."""
    gone = 0
    for table in (_login, _session, _logout):
        gone += (await conn.execute(delete(table).where(table.c.expires_at < now))).rowcount
    return gone
