"""Reading portals and démarches."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select

from iam.kernel.assurance import Level
from iam.kernel.language import Language
from iam.portals.model import Demarche, DemarcheFor, Disclosure, Portal, PortalId, SigningAlg
from iam.portals.tables import PortalsDemarche, PortalsPortal
from iam.storage import Database, Read, ReadConnection, Row
from iam.storage.tables import core

_portal = core(PortalsPortal)
_demarche = core(PortalsDemarche)
# Named as in `portals_portal_view`, so that one function reads rows of both.
_COLUMNS = [
    _portal.c.id.label("portal_id"),
    *(column for column in _portal.c if column.name not in {"id", "definition"}),
]
_BY_CLIENT = Read("SELECT portal.* FROM portals_portal_view portal WHERE portal.client_id = :client_id")


async def find(db: Database, client_id: str) -> Portal | None:
    """The portal of a client id, active or not, with its secrets of now; None when there is none."""
    rows = await db.ask(_BY_CLIENT, {"client_id": client_id})
    return portal_of(rows[0]) if rows else None


async def every(conn: ReadConnection) -> Sequence[Portal]:
    """All portals by client id, withdrawn ones included."""
    rows = await conn.execute(select(*_COLUMNS).order_by(_portal.c.client_id))
    return [portal_of(row) for row in rows]


async def demarches(
    conn: ReadConnection, audience: DemarcheFor | None = None, *, client_id: str | None = None
) -> Sequence[Demarche]:
    """The démarches of active portals, in the order of their files; of one portal where it is named."""
    wanted = _demarches().order_by(_portal.c.client_id, _demarche.c.ordinal)
    if audience is not None:
        wanted = wanted.where(_demarche.c.audience == audience.value)
    if client_id is not None:
        wanted = wanted.where(_portal.c.client_id == client_id)
    return [_read_demarche(row) for row in await conn.execute(wanted)]


async def demarche(conn: ReadConnection, code: str) -> Demarche | None:
    """The démarche of a code; None when there is none or its portal is withdrawn."""
    row = (await conn.execute(_demarches().where(_demarche.c.code == code))).one_or_none()
    return None if row is None else _read_demarche(row)


async def portal_to_return_to(conn: ReadConnection, url: str) -> Portal | None:
    """The active portal that registered exactly this address to return to (RFC 9700 §2.1)."""
    wanted = select(*_COLUMNS).where(_portal.c.active, _portal.c.return_urls.contains([url])).limit(1)
    row = (await conn.execute(wanted)).one_or_none()
    return None if row is None else portal_of(row)


def _demarches() -> Select[Any]:
    return (
        select(_demarche, _portal.c.client_id)
        .join(_portal, _portal.c.id == _demarche.c.portal_id)
        .where(_portal.c.active)
    )


def portal_of(row: Row) -> Portal:
    """The portal of a row with the columns of `portals_portal_view`."""
    return Portal(
        id=PortalId(row.portal_id),
        client_id=row.client_id,
        revision=row.revision,
        names={Language(code): text for code, text in row.names.items()},
        audience=row.audience,
        sector=row.sector,
        return_urls=frozenset(row.return_urls),
        roles=frozenset(row.roles),
        citizens=row.citizens,
        level=Level(row.level),
        alg=SigningAlg(row.alg),
        longest_seconds=row.longest_seconds,
        secret_hashes=tuple(bytes(each) for each in row.secret_hashes),
        receives=frozenset(Disclosure(each) for each in row.receives),
        active=row.active,
    )


def _read_demarche(row: Row) -> Demarche:
    return Demarche(
        code=row.code,
        portal=row.client_id,
        audience=DemarcheFor(row.audience),
        labels={Language(code): text for code, text in row.labels.items()},
        descriptions={Language(code): text for code, text in row.descriptions.items()},
        start_url=row.start_url,
        roles=frozenset(row.roles),
        level=Level(row.level),
    )
