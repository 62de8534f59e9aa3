"""Sessions of browsers: a random cookie, of which only a hash is kept; idle and absolute limits."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Update, delete, insert, select, update

from iam.kernel.assurance import Assurance, Level
from iam.kernel.identity import Identity
from iam.kernel.ids import MakeId, PersonId, uuid7
from iam.people.model import Session
from iam.people.tables import PeoplePerson, PeopleSession
from iam.settings import Policy
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

_session = core(PeopleSession)
_person = core(PeoplePerson)
_SECRET_BYTES = 32
_LONGEST_COOKIE = 64
_NONCE_BYTES = 12
_TOUCH = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a session may be idle and how long it may last at all."""

    idle: timedelta
    longest: timedelta

    @classmethod
    def of(cls, policy: Policy) -> "Limits":
        """The operator's limits."""
        return cls(
            idle=timedelta(seconds=policy.session_idle_seconds),
            longest=timedelta(seconds=policy.session_max_seconds),
        )


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(b"session:" + cookie.encode()).digest()


def _sealer(cookie: str) -> AESGCM:
    # a key of its own, from 256 random bits: whoever reads the table cannot open the hint
    return AESGCM(hashlib.sha256(b"hint:" + cookie.encode()).digest())


async def start(
    conn: WriteConnection,
    person: PersonId,
    identity: Identity,
    *,
    id_token: str,
    limits: Limits,
    now: datetime,
    replaces: str | None = None,
    make_id: MakeId = uuid7,
) -> str:
    """A session has begun; returns its cookie, which is kept nowhere.

    The cookie is new at every login and step-up: one planted before is worth nothing, and the
    session under the cookie `replaces` has ended.
    """
    if replaces is not None:
        await end(conn, replaces, now)
    cookie = secrets.token_urlsafe(_SECRET_BYTES)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    digest = _digest(cookie)
    await conn.execute(
        insert(_session).values(
            id=make_id(),
            digest=digest,
            person_id=person,
            issuer=identity.issuer,
            keycloak_session=identity.session_id,
            level=int(identity.assurance.level),
            authenticated_at=identity.assurance.authenticated_at,
            hint=nonce + _sealer(cookie).encrypt(nonce, id_token.encode(), digest),
            created_at=now,
            seen_at=now,
            expires_at=now + limits.longest,
        )
    )
    return cookie


async def load(conn: ReadConnection, cookie: str, limits: Limits, now: datetime) -> Session | None:
    """The live session of a cookie: not ended, not idle too long, not too old, its person not blocked."""
    if not cookie or len(cookie) > _LONGEST_COOKIE:
        return None
    row = (
        await conn.execute(
            select(_session)
            .join(_person, _person.c.id == _session.c.person_id)
            .where(
                _session.c.digest == _digest(cookie),
                _session.c.ended_at.is_(None),
                _session.c.expires_at > now,
                _session.c.seen_at > now - limits.idle,
                _person.c.blocked_at.is_(None),
            )
        )
    ).one_or_none()
    return None if row is None else _read(row)


def _read(row: Any) -> Session:
    return Session(
        id=row.id,
        person=PersonId(row.person_id),
        issuer=row.issuer,
        keycloak_session=row.keycloak_session,
        assurance=Assurance(Level(row.level), row.authenticated_at),
        seen_at=row.seen_at,
        expires_at=row.expires_at,
    )


async def touch(conn: WriteConnection, session: Session, now: datetime) -> None:
    """The session was used now. Written once a minute at most: exact to a minute is exact enough."""
    await conn.execute(
        update(_session)
        .where(_session.c.id == session.id, _session.c.seen_at <= now - _TOUCH)
        .values(seen_at=now)
    )


def is_due(session: Session, now: datetime) -> bool:
    """Whether `touch` would write: a page that only reads need not open a writing transaction."""
    return session.seen_at <= now - _TOUCH


async def end(conn: WriteConnection, cookie: str, now: datetime) -> str | None:
    """The session of the cookie has ended; returns its ID token, for the log-out at Keycloak."""
    digest = _digest(cookie)
    found = await conn.execute(
        select(_session.c.hint)
        .where(_session.c.digest == digest, _session.c.ended_at.is_(None))
        .with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        return None
    await conn.execute(_ending(now).where(_session.c.digest == digest))
    return _open(cookie, digest, row.hint)


def _open(cookie: str, digest: bytes, hint: bytes | None) -> str | None:
    if hint is None:
        return None
    try:
        return _sealer(cookie).decrypt(hint[:_NONCE_BYTES], hint[_NONCE_BYTES:], digest).decode()
    except InvalidTag:
        return None


def _ending(now: datetime) -> Update:
    return update(_session).where(_session.c.ended_at.is_(None)).values(ended_at=now, hint=None)


async def end_by_keycloak_session(
    conn: WriteConnection, issuer: str, keycloak_session: str, now: datetime
) -> int:
    """Every session that came from this Keycloak session has ended; says how many."""
    ended = await conn.execute(
        _ending(now).where(_session.c.issuer == issuer, _session.c.keycloak_session == keycloak_session)
    )
    return ended.rowcount


async def end_of_person(conn: WriteConnection, person: PersonId, now: datetime) -> int:
    """Every session of the person has ended; says how many."""
    return (await conn.execute(_ending(now).where(_session.c.person_id == person))).rowcount


async def forget_before(conn: WriteConnection, instant: datetime) -> int:
    """Sessions that could last until `instant` at most are gone; says how many."""
    return (await conn.execute(delete(_session).where(_session.c.expires_at < instant))).rowcount
