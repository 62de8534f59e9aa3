"""What readers want to see. Each function says whom it is for; the caller has checked that it is he."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from iam.dossiers.facts import dossier_of, read_dossier
from iam.dossiers.model import REVIEWED, Dossier, State
from iam.dossiers.tables import DossiersDocument, DossiersDossier, DossiersText
from iam.dossiers.vault import Sealed
from iam.kernel.ids import DocumentId, DossierId, PersonId
from iam.people import queries as people
from iam.people.model import Standing
from iam.storage import ReadConnection
from iam.storage.tables import core

_dossier = core(DossiersDossier)
_text = core(DossiersText)
_document = core(DossiersDocument)


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierView:
    """A dossier with its words and its claimant. Who reviews it is for reviewers alone."""

    dossier: Dossier
    claimant: Standing
    motivation: str | None
    email: str | None
    answer: str | None
    first_note: str | None
    submitted_at: datetime | None
    accepted_at: datetime | None
    closed_at: datetime | None
    documents_until: datetime | None


async def of_person(conn: ReadConnection, person: PersonId) -> Sequence[Dossier]:
    """The person's own dossiers, the newest first: for him."""
    rows = await conn.execute(
        select(_dossier).where(_dossier.c.person_id == person).order_by(_dossier.c.opened_at.desc())
    )
    return [read_dossier(row) for row in rows.mappings()]


async def view(conn: ReadConnection, wanted: DossierId) -> DossierView | None:
    """A dossier whole: for its claimant, and for a reviewer whose look is in the journal."""
    dossier = await dossier_of(conn, wanted)
    if dossier is None:
        return None
    row = (await conn.execute(select(_dossier).where(_dossier.c.dossier_id == wanted))).one()
    said = (await conn.execute(select(_text).where(_text.c.dossier_id == wanted))).one()
    [claimant] = await people.standings(conn, [dossier.claimant])
    return DossierView(
        dossier=dossier,
        claimant=claimant,
        motivation=said.motivation,
        email=said.email,
        answer=said.answer,
        first_note=said.first_note,
        submitted_at=row.submitted_at,
        accepted_at=row.accepted_at,
        closed_at=row.closed_at,
        documents_until=row.documents_until,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A dossier in the reviewers' list: what it is about and since when, nothing of whose it is."""

    dossier: Dossier
    submitted_at: datetime


async def to_review(conn: ReadConnection, reviewer: PersonId, at: datetime) -> Sequence[Waiting]:
    """What waits for this reviewer, the oldest first: not his own, nor what he has accepted already."""
    rows = await conn.execute(
        select(_dossier)
        .where(
            _dossier.c.state.in_([state.value for state in REVIEWED]),
            _dossier.c.lapses_at > at,
            _dossier.c.person_id != reviewer,
            _dossier.c.first_reviewer.is_distinct_from(reviewer),
        )
        .order_by(_dossier.c.submitted_at)
    )
    return [Waiting(dossier=read_dossier(row), submitted_at=row["submitted_at"]) for row in rows.mappings()]


async def accepted(
    conn: ReadConnection, reviewer: PersonId, at: datetime, limit: int = 50
) -> Sequence[Waiting]:
    """The dossiers that are in force, the newest first, apart from the reviewer's own."""
    rows = await conn.execute(
        select(_dossier)
        .where(
            _dossier.c.state == State.ACCEPTED.value,
            _dossier.c.ends_at > at,
            _dossier.c.person_id != reviewer,
        )
        .order_by(_dossier.c.accepted_at.desc())
        .limit(limit)
    )
    return [Waiting(dossier=read_dossier(row), submitted_at=row["submitted_at"]) for row in rows.mappings()]


async def sealed(conn: ReadConnection, dossier: DossierId, wanted: DocumentId) -> Sealed | None:
    """A document of the dossier as it is stored; None when it is not there, or destroyed."""
    row = (
        await conn.execute(
            select(_document.c.content, _document.c.wrapped_key, _document.c.key_id).where(
                _document.c.document_id == wanted,
                _document.c.dossier_id == dossier,
                _document.c.destroyed_at.is_(None),
            )
        )
    ).one_or_none()
    return None if row is None else Sealed(bytes(row.content), bytes(row.wrapped_key), row.key_id)


async def one_of_each_key(conn: ReadConnection) -> Sequence[tuple[DossierId, DocumentId, Sealed]]:
    """For each key under which documents are kept, one of them; without its content."""
    rows = await conn.execute(
        select(_document.c.dossier_id, _document.c.document_id, _document.c.wrapped_key, _document.c.key_id)
        .where(_document.c.destroyed_at.is_(None))
        .ext(distinct_on(_document.c.key_id))
        .order_by(_document.c.key_id, _document.c.document_id)
    )
    return [
        (
            DossierId(row.dossier_id),
            DocumentId(row.document_id),
            Sealed(b"", bytes(row.wrapped_key), row.key_id),
        )
        for row in rows
    ]
