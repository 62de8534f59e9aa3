"""The keys under which national numbers are hashed: which there have been, and when one may be let go.

During a rotation two live: numbers are known under both, and made anew at the next login or feed. Whoever
loses a key that something hangs on loses the tie between numbers and persons (ADR 0005), so a key is
known by a check value of its own: the same id with another key is noticed before anybody is lost.
"""

import hashlib
import hmac
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from iam.journal.append import append
from iam.journal.model import Context, Head, HeadKind
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.ssin import FingerprintKeys
from iam.people.events import FingerprintKeyRetired
from iam.people.tables import PeopleFingerprint, PeopleKey
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

KEYS = Head(HeadKind.KEYS, UUID(int=1))
_key = core(PeopleKey)
_fingerprint = core(PeopleFingerprint)


class UnfitKeys(RuntimeError):
    """The keys of the settings are not those to go on with; names the key's id, never a key."""


async def know(conn: WriteConnection, keys: FingerprintKeys, now: datetime) -> None:
    """Each key of the settings is the one that was used under its id before, or is used from now on.

    Raises `UnfitKeys` for another key under an old id, and for one that was let go.
    """
    for key_id, check in _checks(keys):
        await conn.execute(
            insert(_key).values(key_id=key_id, check_value=check, known_at=now).on_conflict_do_nothing()
        )
        known = (await conn.execute(select(_key).where(_key.c.key_id == key_id))).one()
        if known.retired_at is not None:
            raise UnfitKeys(f"the fingerprint key {key_id} was let go; a new key needs a new id")
        if not hmac.compare_digest(bytes(known.check_value), check):
            raise UnfitKeys(f"the fingerprint key {key_id} is not the one that was used under this id")


def _checks(keys: FingerprintKeys) -> list[tuple[str, bytes]]:
    pairs = [(keys.current_id, keys.current), (keys.previous_id, keys.previous)]
    return [
        (key_id, hmac.digest(key, b"which fingerprint key this is", hashlib.sha256))
        for key_id, key in pairs
        if key_id is not None and key is not None
    ]


# The ids that occur, each found by one look into the primary key.
_IDS = text(
    """
    WITH RECURSIVE seen AS (
        SELECT min(key_id) AS key_id FROM people_fingerprint
         UNION ALL
        SELECT (SELECT min(f.key_id) FROM people_fingerprint f WHERE f.key_id > seen.key_id) FROM seen
         WHERE seen.key_id IS NOT NULL)
    SELECT key_id FROM seen WHERE key_id IS NOT NULL
    """
)


async def ids(conn: ReadConnection) -> Sequence[str]:
    """The ids of all keys under which somebody is known."""
    return [row.key_id for row in await conn.execute(_IDS)]


async def hanging(conn: ReadConnection, key_id: str, besides: Collection[str]) -> int:
    """How many persons are known under this key and under none of the others."""
    other = select(_fingerprint.c.person_id).where(
        _fingerprint.c.key_id.in_(besides), _fingerprint.c.replaced_at.is_(None)
    )
    persons = select(func.count(_fingerprint.c.person_id.distinct())).where(
        _fingerprint.c.key_id == key_id,
        _fingerprint.c.replaced_at.is_(None),
        _fingerprint.c.person_id.not_in(other),
    )
    return int((await conn.execute(persons)).scalar_one())


async def former_numbers(conn: ReadConnection, key_id: str) -> int:
    """How many numbers that somebody had before are known under this key: no login tells them again."""
    former = select(func.count()).where(
        _fingerprint.c.key_id == key_id, _fingerprint.c.replaced_at.is_not(None)
    )
    return int((await conn.execute(former)).scalar_one())


async def let_go(conn: WriteConnection, key_id: str, left_behind: int, now: datetime) -> int:
    """Nobody is known under this key any more, and it is used never again; says how many fingerprints went.

    The caller has looked at what hangs on it.
    """
    gone = (await conn.execute(delete(_fingerprint).where(_fingerprint.c.key_id == key_id))).rowcount
    await conn.execute(
        insert(_key).values(key_id=key_id, check_value=b"", known_at=now).on_conflict_do_nothing()
    )
    await conn.execute(update(_key).where(_key.c.key_id == key_id).values(retired_at=now))
    retired = select(func.count()).where(_key.c.retired_at.is_not(None))
    revision = int((await conn.execute(retired)).scalar_one())
    context = Context(actor=SystemActor(trigger="fingerprints retire"), capacity=Capacity.OPERATOR, at=now)
    event = FingerprintKeyRetired(key=key_id, fingerprints=gone, left_behind=left_behind)
    await append(conn, KEYS, revision, [event], context)
    return gone
