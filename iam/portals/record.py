"""Making portals what a file says, in one transaction with the journal."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from iam.journal.append import append
from iam.journal.model import Context, Head, HeadKind
from iam.kernel.ids import MakeId, uuid4
from iam.portals.definition import PortalDefinition
from iam.portals.events import PortalEvent
from iam.portals.model import PortalId
from iam.portals.rules import canonical, change
from iam.portals.tables import PortalsDemarche, PortalsPortal
from iam.storage import WriteConnection
from iam.storage.tables import core

_portal = core(PortalsPortal)
_demarche = core(PortalsDemarche)


async def apply(
    conn: WriteConnection,
    definitions: Sequence[PortalDefinition],
    context: Context,
    *,
    make_id: MakeId = uuid4,
) -> list[PortalEvent]:
    """Every portal named is what its definition says; others are left alone. Says what changed.

    One after the other with any other `apply`; a second one with the same file changes nothing.
    """
    await conn.execute(select(func.pg_advisory_xact_lock(func.hashtext("portals.apply"))))
    happened: list[PortalEvent] = []
    for wanted in sorted(definitions, key=lambda each: each.client_id):
        found = (
            await conn.execute(
                select(_portal.c.id, _portal.c.revision, _portal.c.definition)
                .where(_portal.c.client_id == wanted.client_id)
                .with_for_update()
            )
        ).one_or_none()
        portal = PortalId(make_id() if found is None else found.id)
        event = change(portal, None if found is None else found.definition, wanted)
        if event is None:
            continue
        revision = 1 if found is None else found.revision + 1
        await _store(conn, portal, revision, wanted)
        await append(conn, Head(HeadKind.PORTAL, portal), revision, [event], context)
        happened.append(event)
    return happened


async def _store(conn: WriteConnection, portal: PortalId, revision: int, wanted: PortalDefinition) -> None:
    document = canonical(wanted)
    row: dict[str, Any] = {
        name: document[name]
        for name in (
            "client_id", "active", "audience", "sector", "names", "return_urls",
            "roles", "citizens", "level", "alg", "longest_seconds", "receives",
        )
    }  # fmt: skip
    row |= {
        "id": portal,
        "revision": revision,
        "secret_hashes": [bytes.fromhex(each) for each in document["secret_sha256"]],
        "definition": document,
    }
    stored = insert(_portal).values(row)
    await conn.execute(stored.on_conflict_do_update(index_elements=["id"], set_=row))
    await conn.execute(delete(_demarche).where(_demarche.c.portal_id == portal))
    rows = [
        {**demarche, "portal_id": portal, "ordinal": place}
        for place, demarche in enumerate(document["demarche"])
    ]
    if rows:
        await conn.execute(insert(_demarche), rows)
