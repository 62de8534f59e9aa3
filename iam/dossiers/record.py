"""Events to rows, in the same transaction as the journal. The only writer of these tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import delete, func, insert, select, update

from iam.bce.functions.dossier import believe_dossiers, hold
from iam.bce.functions.port import Held
from iam.bce.model import FunctionId
from iam.dossiers import events as e
from iam.dossiers.model import Stage, State
from iam.dossiers.tables import DossiersDocument, DossiersDossier, DossiersReview, DossiersText
from iam.dossiers.vault import Sealed
from iam.kernel.ids import DossierId, EntityId, PersonId
from iam.kernel.period import Period
from iam.storage import WriteConnection
from iam.storage.tables import core

_dossier = core(DossiersDossier)
_text = core(DossiersText)
_review = core(DossiersReview)
_document = core(DossiersDocument)


async def record(conn: WriteConnection, events: Sequence[e.Event], sealed: Sealed | None = None) -> None:
    """The tables say what the events say; `sealed` is the document of an event that adds one."""
    for event in events:
        await _one(conn, event, sealed)


async def _one(conn: WriteConnection, event: e.Event, sealed: Sealed | None) -> None:
    match event:
        case e.DossierOpened():
            await _opened(conn, event)
        case e.DocumentAdded():
            await _added(conn, event, sealed)
        case e.DocumentRemoved():
            await conn.execute(delete(_document).where(_document.c.document_id == event.document))
        case e.DossierSubmitted():
            await _is(conn, event.dossier, State.SUBMITTED, submitted_at=event.at, lapses_at=event.lapses_at)
        case e.ReviewStarted():
            await _started(conn, event)
        case e.DossierRead():
            pass  # the journal alone tells it
        case e.ReviewAccepted():
            await _is(
                conn, event.dossier, State.SECOND_REVIEW,
                first_reviewer=event.reviewer, first_until=event.until,
            )  # fmt: skip
            await _says(conn, event.dossier, first_note=event.note)
        case e.DossierAccepted():
            await _accepted(conn, event)
        case e.DossierRefused():
            await _closed(conn, event, State.REFUSED, event.documents_until)
            await _says(conn, event.dossier, answer=event.reason)
        case e.DossierWithdrawn():
            await _closed(conn, event, State.WITHDRAWN, event.documents_until)
        case e.DossierRevoked():
            await _closed(conn, event, State.REVOKED, None)
            await _says(conn, event.dossier, answer=event.reason)
        case e.DossierExpired():
            await _closed(conn, event, State.EXPIRED, event.documents_until)
        case e.DocumentsDestroyed():
            await _destroyed(conn, event)
        case _:
            assert_never(event)


async def _opened(conn: WriteConnection, event: e.DossierOpened) -> None:
    await conn.execute(
        insert(_dossier).values(
            dossier_id=event.dossier, entity_id=event.entity, person_id=event.person, revision=0,
            code=event.code, since=event.since, language=event.language.value, state=State.OPENED.value,
            opened_at=event.at, lapses_at=event.lapses_at,
        )
    )  # fmt: skip
    await conn.execute(
        insert(_text).values(dossier_id=event.dossier, motivation=event.motivation, email=event.email)
    )


async def _added(conn: WriteConnection, event: e.DocumentAdded, sealed: Sealed | None) -> None:
    assert sealed is not None  # noqa: S101 - the one who executes has sealed it
    await conn.execute(
        insert(_document).values(
            document_id=event.document, dossier_id=event.dossier, kind=event.kind.value, size=event.size,
            added_at=event.at, content=sealed.content, wrapped_key=sealed.wrapped_key, key_id=sealed.key_id,
        )
    )  # fmt: skip


async def _started(conn: WriteConnection, event: e.ReviewStarted) -> None:
    await conn.execute(
        insert(_review).values(
            dossier_id=event.dossier, stage=int(event.stage), reviewer=event.reviewer, started_at=event.at
        )
    )
    if event.stage is Stage.FIRST:
        await _is(conn, event.dossier, State.FIRST_REVIEW)


async def _accepted(conn: WriteConnection, event: e.DossierAccepted) -> None:
    await _is(
        conn, event.dossier, State.ACCEPTED, second_reviewer=event.reviewer, accepted_at=event.at,
        ends_at=event.ends_at, documents_until=event.documents_until,
    )  # fmt: skip
    await _says(conn, event.dossier, second_note=event.note)
    await _represent(conn, event.dossier, event.entity, event.at)


async def _closed(
    conn: WriteConnection,
    event: e.DossierRefused | e.DossierWithdrawn | e.DossierRevoked | e.DossierExpired,
    state: State,
    documents_until: datetime | None,
) -> None:
    before = await conn.execute(select(_dossier.c.state).where(_dossier.c.dossier_id == event.dossier))
    accepted = before.scalar_one() == State.ACCEPTED.value
    await _is(
        conn, event.dossier, state, closed_at=event.at,
        # LEAST passes over what is not there
        documents_until=func.least(_dossier.c.documents_until, documents_until),
    )  # fmt: skip
    if accepted and not isinstance(event, e.DossierExpired):
        await _represent(conn, event.dossier, event.entity, event.at)


async def _represent(conn: WriteConnection, dossier: DossierId, entity: EntityId, now: datetime) -> None:
    """The register believes the accepted dossiers of the enterprise, and nothing else of dossiers."""
    await hold(conn, entity)
    rows = await conn.execute(
        select(_dossier).where(_dossier.c.entity_id == entity, _dossier.c.state == State.ACCEPTED.value)
    )
    held = [
        Held(
            code=row.code,
            period=Period(row.accepted_at, row.ends_at),
            by_person=PersonId(row.person_id),
            id=FunctionId(row.dossier_id),
        )
        for row in rows
    ]
    await believe_dossiers(conn, entity, held, now, trigger=f"dossier {dossier}")


async def _destroyed(conn: WriteConnection, event: e.DocumentsDestroyed) -> None:
    await conn.execute(
        update(_document)
        .where(_document.c.dossier_id == event.dossier, _document.c.destroyed_at.is_(None))
        .values(content=None, wrapped_key=None, key_id=None, destroyed_at=event.at)
    )
    await conn.execute(
        update(_dossier).where(_dossier.c.dossier_id == event.dossier).values(documents_until=None)
    )


async def _is(conn: WriteConnection, dossier: DossierId, state: State, **more: Any) -> None:
    await conn.execute(
        update(_dossier).where(_dossier.c.dossier_id == dossier).values(state=state.value, **more)
    )


async def _says(conn: WriteConnection, dossier: DossierId, **texts: str | None) -> None:
    await conn.execute(update(_text).where(_text.c.dossier_id == dossier).values(**texts))
