"""The signing keys of this process, and their life in the database (DOMAIN 7.3 nr 61)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import insert, select, update

from iam.journal.model import Context
from iam.kernel.clock import Clock
from iam.portals.model import SigningAlg
from iam.storage import DATABASE_ERRORS, Database, Read, ReadConnection, Row, WriteConnection
from iam.storage.tables import core
from iam.tokens.events import Event, KeyActivated, KeyMade, KeyRemoved, KeyRetired
from iam.tokens.head import happened, lock
from iam.tokens.model import CLOCK_SKEW_SECONDS, KIND, KeyState
from iam.tokens.rfc7517_keys import PrivateKey, UnreadableKey, make, unwrap
from iam.tokens.tables import TokensKey

log = structlog.get_logger(__name__)

# How long a portal may keep our keys; what `Cache-Control` of the key set says.
CACHE_SECONDS = 300
# A key is known to every portal before it signs ...
PUBLISHED_BEFORE_USE = timedelta(seconds=2 * CACHE_SECONDS)
# ... and stays known until the last token it signed has ended everywhere.
PUBLISHED_AFTER_USE = timedelta(seconds=300 + CLOCK_SKEW_SECONDS)
_REFRESH = timedelta(seconds=5)
_ALGS = tuple(SigningAlg)

_key = core(TokensKey)
_PUBLISHED = Read(
    """
    SELECT kid, issuer, kind, alg, state, public, wrapped FROM tokens_key
     WHERE issuer = :issuer AND kind = :kind AND state <> 'removed' ORDER BY published_at, kid
    """
)


class NoSigningKey(RuntimeError):
    """There is no active key for an algorithm: `ensure_keys` has not run, or the rows are unreadable."""


class TooEarly(RuntimeError):
    """A key may not change its state yet; `until` says when it may."""

    def __init__(self, until: datetime) -> None:
        """Keep the instant."""
        super().__init__(until.isoformat(timespec="seconds"))
        self.until = until


class UnknownKey(LookupError):
    """There is no such key in a state from which this is possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key as an operator sees it."""

    kid: str
    alg: SigningAlg
    state: KeyState
    published_at: datetime
    active_at: datetime | None
    retired_at: datetime | None
    removed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key that is ready to sign."""

    kid: str
    alg: SigningAlg
    private: PrivateKey

    def __repr__(self) -> str:
        """The name only."""
        return f"Signer({self.kid})"


class KeyRing:
    """The keys as this process knows them, read again every few seconds, each parsed once.

    While the database cannot be read the keys last read go on serving the published set; nothing is
    signed then anyway, because nothing can be recorded.
    """

    def __init__(self, db: Database, clock: Clock, *, issuer: str, wrapping_key: bytes) -> None:
        """Nothing is read yet."""
        self._db = db
        self._clock = clock
        self._issuer = issuer
        self._wrapping_key = wrapping_key
        self._parsed: dict[str, Signer] = {}
        self._rows: Sequence[Row] = ()
        self._read_at: datetime | None = None

    def __repr__(self) -> str:
        """The issuer only."""
        return f"KeyRing({self._issuer})"

    async def signer(self, alg: SigningAlg) -> Signer:
        """The active key of an algorithm. Raises `NoSigningKey`."""
        await self._refresh()
        row = next((r for r in self._rows if r.alg == alg and r.state == KeyState.ACTIVE), None)
        if row is None:
            raise NoSigningKey(alg)
        return self._parse(row)

    async def public(self, kid: str) -> tuple[SigningAlg, PrivateKey] | None:
        """The algorithm and the key a published `kid` stands for; None for any other."""
        await self._refresh()
        row = next((r for r in self._rows if r.kid == kid), None)
        if row is None:
            return None
        signer = self._parse(row)
        return signer.alg, signer.private

    async def published(self) -> list[dict[str, Any]]:
        """The public keys that are published now: the next one, the active one, those just retired."""
        await self._refresh()
        return [dict(row.public) for row in self._rows]

    async def _refresh(self) -> None:
        now = self._clock()
        if self._read_at is not None and timedelta() <= now - self._read_at < _REFRESH:
            return
        self._rows = await self._read()
        self._read_at = now
        known = {row.kid for row in self._rows}
        self._parsed = {kid: signer for kid, signer in self._parsed.items() if kid in known}

    async def _read(self) -> Sequence[Row]:
        try:
            return await self._db.ask(_PUBLISHED, {"issuer": self._issuer, "kind": KIND})
        except DATABASE_ERRORS as error:
            if not self._rows:
                raise
            log.warning("tokens.keys.not_read", error=type(error).__name__)
            return self._rows

    def _parse(self, row: Row) -> Signer:
        found = self._parsed.get(row.kid)
        if found is None:
            alg = SigningAlg(row.alg)
            private = unwrap(
                bytes(row.wrapped), kid=row.kid, alg=alg, kind=row.kind, issuer=row.issuer,
                wrapping_key=self._wrapping_key,
            )  # fmt: skip
            found = self._parsed[row.kid] = Signer(kid=row.kid, alg=alg, private=private)
        return found


async def ensure_keys(
    conn: WriteConnection, context: Context, *, issuer: str, wrapping_key: bytes
) -> list[str]:
    """Each algorithm has an active key and a next one; says which were made.

    One process at a time. A first active key has not been published before: nobody knows the issuer
    yet. Raises `UnreadableKey` when the wrapping key is not the one the keys were stored with.
    """
    await lock(conn)
    rows = (await conn.execute(_mine(issuer).where(_key.c.state.in_([KeyState.NEXT, KeyState.ACTIVE])))).all()
    for row in rows:
        _check_readable(row, wrapping_key)
    there = {(row.alg, row.state) for row in rows}
    events: list[Event] = []
    made = []
    for alg in _ALGS:
        for state in (KeyState.ACTIVE, KeyState.NEXT):
            if (alg, state) in there:
                continue
            kid = await _add(conn, alg, state, context.at, issuer=issuer, wrapping_key=wrapping_key)
            made.append(kid)
            events.append(KeyMade(kid=kid, alg=alg))
            if state is KeyState.ACTIVE:
                events.append(KeyActivated(kid=kid, alg=alg))
    await happened(conn, events, context)
    return made


async def rotate(
    conn: WriteConnection, alg: SigningAlg, context: Context, *, issuer: str, wrapping_key: bytes
) -> tuple[str, str]:
    """The next key signs from now on, the former stays published, a new next one is published.

    Says which retired and which is active. Raises `TooEarly` while some portal may not have seen the
    next key, `UnknownKey` where there is none.
    """
    await lock(conn)
    active = await _one(conn, issuer, alg, KeyState.ACTIVE)
    upcoming = await _one(conn, issuer, alg, KeyState.NEXT)
    ready = upcoming.published_at + PUBLISHED_BEFORE_USE
    if context.at < ready:
        raise TooEarly(ready)
    await _move(conn, active.kid, state=KeyState.RETIRED, retired_at=context.at)
    await _move(conn, upcoming.kid, state=KeyState.ACTIVE, active_at=context.at)
    kid = await _add(conn, alg, KeyState.NEXT, context.at, issuer=issuer, wrapping_key=wrapping_key)
    events: list[Event] = [
        KeyRetired(kid=active.kid, alg=alg),
        KeyActivated(kid=upcoming.kid, alg=alg),
        KeyMade(kid=kid, alg=alg),
    ]
    await happened(conn, events, context)
    return active.kid, upcoming.kid


async def retire(conn: WriteConnection, kid: str, context: Context, *, issuer: str) -> None:
    """A retired key is published no more and its private half is gone.

    Raises `TooEarly` while a token it signed may still live, `UnknownKey` for a key that is not retired.
    """
    await lock(conn)
    row = (await conn.execute(_mine(issuer).where(_key.c.kid == kid))).one_or_none()
    if row is None or row.state != KeyState.RETIRED:
        raise UnknownKey(kid)
    ready = row.retired_at + PUBLISHED_AFTER_USE
    if context.at < ready:
        raise TooEarly(ready)
    await _move(conn, kid, state=KeyState.REMOVED, removed_at=context.at, wrapped=None)
    await happened(conn, [KeyRemoved(kid=kid, alg=SigningAlg(row.alg))], context)


async def drop_now(
    conn: WriteConnection, kid: str, context: Context, *, issuer: str, wrapping_key: bytes
) -> None:
    """A key that leaked is gone at once, and what it signed is believed by nobody who asks again.

    Where it was the active or the next one, others take its place. Raises `UnknownKey`.
    """
    await lock(conn)
    row = (await conn.execute(_mine(issuer).where(_key.c.kid == kid))).one_or_none()
    if row is None or row.state == KeyState.REMOVED:
        raise UnknownKey(kid)
    alg = SigningAlg(row.alg)
    await _move(conn, kid, state=KeyState.REMOVED, removed_at=context.at, wrapped=None)
    events: list[Event] = [KeyRemoved(kid=kid, alg=alg)]
    if row.state == KeyState.ACTIVE:
        upcoming = await _one(conn, issuer, alg, KeyState.NEXT)
        await _move(conn, upcoming.kid, state=KeyState.ACTIVE, active_at=context.at)
        events.append(KeyActivated(kid=upcoming.kid, alg=alg))
    if row.state in {KeyState.ACTIVE, KeyState.NEXT}:
        fresh = await _add(conn, alg, KeyState.NEXT, context.at, issuer=issuer, wrapping_key=wrapping_key)
        events.append(KeyMade(kid=fresh, alg=alg))
    await happened(conn, events, context)


async def list_keys(conn: ReadConnection, *, issuer: str) -> list[Key]:
    """Every key there ever was, oldest first."""
    rows = await conn.execute(_mine(issuer).order_by(_key.c.published_at, _key.c.kid))
    return [
        Key(
            kid=row.kid,
            alg=SigningAlg(row.alg),
            state=KeyState(row.state),
            published_at=row.published_at,
            active_at=row.active_at,
            retired_at=row.retired_at,
            removed_at=row.removed_at,
        )
        for row in rows
    ]


def _mine(issuer: str) -> Any:
    return select(_key).where(_key.c.issuer == issuer, _key.c.kind == KIND)


def _check_readable(row: Row, wrapping_key: bytes) -> None:
    try:
        unwrap(
            bytes(row.wrapped), kid=row.kid, alg=SigningAlg(row.alg), kind=row.kind, issuer=row.issuer,
            wrapping_key=wrapping_key,
        )  # fmt: skip
    except UnreadableKey:
        log.exception("tokens.key.unreadable", kid=row.kid)
        raise


async def _one(conn: ReadConnection, issuer: str, alg: SigningAlg, state: KeyState) -> Row:
    row = (await conn.execute(_mine(issuer).where(_key.c.alg == alg, _key.c.state == state))).one_or_none()
    if row is None:
        raise UnknownKey(f"no {state.value} key for {alg.value}")
    found: Row = row
    return found


async def _move(conn: WriteConnection, kid: str, **values: Any) -> None:
    await conn.execute(update(_key).where(_key.c.kid == kid).values(**_plain(values)))


async def _add(
    conn: WriteConnection,
    alg: SigningAlg,
    state: KeyState,
    now: datetime,
    *,
    issuer: str,
    wrapping_key: bytes,
) -> str:
    key = make(alg, kind=KIND, issuer=issuer, wrapping_key=wrapping_key)
    await conn.execute(
        insert(_key).values(
            kid=key.kid,
            issuer=issuer,
            kind=KIND,
            alg=alg.value,
            state=state.value,
            public=key.public,
            wrapped=key.wrapped,
            published_at=now,
            active_at=now if state is KeyState.ACTIVE else None,
        )
    )
    return key.kid


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.value if isinstance(value, KeyState) else value for name, value in values.items()}
