"""The name under which one portal knows one person, and no other portal does (DOMAIN 7.3 nr 57)."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from iam.kernel.assurance import Level
from iam.kernel.ids import PersonId
from iam.portals.model import Portal
from iam.portals.tables import PortalsPairwise
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

_pairwise = core(PortalsPairwise)
_WHO = select(_pairwise.c.person_id, _pairwise.c.level).where(
    _pairwise.c.portal_id == bindparam("portal"), _pairwise.c.sub == bindparam("sub")
)
_SUB = select(_pairwise.c.sub, _pairwise.c.level).where(
    _pairwise.c.portal_id == bindparam("portal"), _pairwise.c.person_id == bindparam("person")
)
_new = insert(_pairwise).values(
    portal_id=bindparam("portal"),
    sub=bindparam("sub"),
    person_id=bindparam("person"),
    level=bindparam("level"),
)
_REMEMBER = _new.on_conflict_do_update(
    index_elements=["portal_id", "person_id"], set_={"level": _new.excluded.level}
).returning(_pairwise.c.sub)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The person behind a `sub`, and the level of the login of his last token at this portal."""

    person: PersonId
    level: Level


def sub_of(key: bytes, portal: Portal, person: PersonId) -> str:
    """The `sub` a person gets at the portal: the same each time, and unlinkable without the key.

    OpenID Connect Core §8.1: a pairwise identifier is not reversible by anyone but the issuer, and
    distinct sectors give distinct values. The sector is length-prefixed so that no two inputs meet.
    """
    sector = portal.sector.encode()
    digest = hmac.digest(key, len(sector).to_bytes(4) + sector + person.bytes, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def remember(conn: WriteConnection, key: bytes, portal: Portal, person: PersonId, level: Level) -> str:
    """The person's `sub` at the portal leads back to him, with the level of the present login.

    A `sub` once given stays, even if the key were to change: the portal's records hang on it.
    """
    row = (await conn.execute(_SUB, {"portal": portal.id, "person": person})).one_or_none()
    if row is not None and row.level == level:
        return str(row.sub)
    told = await conn.execute(
        _REMEMBER,
        {"portal": portal.id, "sub": sub_of(key, portal, person), "person": person, "level": int(level)},
    )
    return str(told.scalar_one())


async def known(conn: ReadConnection, portal: Portal, sub: str) -> Known | None:
    """The person this portal knows under `sub`; None for any name it was never given."""
    row = (await conn.execute(_WHO, {"portal": portal.id, "sub": sub})).one_or_none()
    return None if row is None else Known(person=PersonId(row.person_id), level=Level(row.level))
