"""What the worker does about dossiers: record what is over, destroy what is no longer needed."""

from datetime import datetime

from sqlalchemy import func, select, update

from iam.dossiers import commands as c
from iam.dossiers import events as e
from iam.dossiers.execute import DossierDoor
from iam.dossiers.facts import lapsed
from iam.dossiers.record import record
from iam.dossiers.tables import DossiersDocument, DossiersDossier
from iam.journal.append import append
from iam.journal.model import Context, Head, HeadKind
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.clock import Clock
from iam.kernel.ids import DossierId
from iam.storage import Database, WriteConnection
from iam.storage.tables import core

_dossier = core(DossiersDossier)
_document = core(DossiersDocument)
_CLOCK = SystemActor(trigger="clock")


async def let_time_pass(db: Database, door: DossierDoor, clock: Clock) -> int:
    """What is over is recorded, and documents whose day has come are destroyed; says how many dossiers.

    A dossier a transaction. Nothing depends on the first being prompt: time decides on read.
    """
    async with db.read() as conn:
        over = await lapsed(conn, clock())
    for dossier in over:
        async with db.write() as conn:
            await door.execute(conn, c.Lapse(dossier=dossier), _CLOCK)
    due = await _due(db, clock())
    for dossier in due:
        async with db.write() as conn:
            await _destroy(conn, dossier, clock())
    return len(over) + len(due)


async def _due(db: Database, now: datetime, most: int = 100) -> list[DossierId]:
    async with db.read() as conn:
        rows = await conn.execute(
            select(_dossier.c.dossier_id).where(_dossier.c.documents_until <= now).limit(most)
        )
        return [DossierId(row.dossier_id) for row in rows]


async def _destroy(conn: WriteConnection, dossier: DossierId, now: datetime) -> None:
    """The keys of the dossier's documents are gone, and with them what they said; the decision stays."""
    due = await conn.execute(
        select(_dossier.c.documents_until)
        .where(_dossier.c.dossier_id == dossier, _dossier.c.documents_until <= now)
        .with_for_update()
    )
    if due.one_or_none() is None:
        return
    there = select(func.count()).where(_document.c.dossier_id == dossier, _document.c.destroyed_at.is_(None))
    event = e.DocumentsDestroyed(
        dossier=dossier, documents=int((await conn.execute(there)).scalar_one()), at=now
    )
    await record(conn, [event])
    raised = await conn.execute(
        update(_dossier)
        .where(_dossier.c.dossier_id == dossier)
        .values(revision=_dossier.c.revision + 1)
        .returning(_dossier.c.revision)
    )
    context = Context(actor=_CLOCK, capacity=Capacity.SYSTEM, at=now)
    await append(conn, Head(HeadKind.DOSSIER, dossier), raised.scalar_one(), [event], context)
