"""What was fetched, in rows: from which source, of which content, and what became of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from iam.bce.fetch.download import Downloaded
from iam.bce.fetch.model import Fetched, FileState, Outcome, Run, RunReport
from iam.bce.fetch.names import Claim
from iam.bce.fetch.tables import BceFetch, BceFetchRun
from iam.bce.freshness import ExtractState
from iam.bce.tables import BceExtract
from iam.kernel.ids import MakeId, uuid7
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

_fetch = core(BceFetch)
_run = core(BceFetchRun)
_extract = core(BceExtract)


async def newest_extract(conn: ReadConnection) -> ExtractState | None:
    """The newest extract that was applied; None before the first."""
    row = (
        await conn.execute(
            select(_extract.c.number, _extract.c.snapshot_on)
            .where(_extract.c.status == FileState.APPLIED.value)
            .order_by(_extract.c.number.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else ExtractState(number=row.number, snapshot_on=row.snapshot_on)


_LEFT_ASIDE = text(
    """
    SELECT EXISTS (
        SELECT FROM bce_extract u
         WHERE u.status = 'applied' AND u.kind = 'update' AND (u.counts ->> 'badRows')::bigint > 0
           AND u.number > coalesce(
               (SELECT max(f.number) FROM bce_extract f WHERE f.status = 'applied' AND f.kind = 'full'), 0))
    """
)


async def left_aside(conn: ReadConnection) -> bool:
    """Whether updates since the newest full extract held back enterprises with bad rows."""
    return bool((await conn.execute(_LEFT_ASIDE)).scalar_one())


async def fetched_from(conn: ReadConnection, source: str) -> list[Fetched]:
    """Every file that was fetched from the source, the newest first."""
    rows = await conn.execute(
        select(_fetch).where(_fetch.c.source == source).order_by(_fetch.c.fetched_at.desc())
    )
    return [
        Fetched(
            name=row.name,
            size=row.size,
            stamp=row.stamp,
            sha256=bytes(row.sha256),
            state=FileState(row.state),
            reason=row.reason,
            number=row.number,
            full=row.full_extract,
        )
        for row in rows
    ]


async def note_fetched(
    conn: WriteConnection,
    source: str,
    file: Downloaded,
    claim: Claim | None,
    *,
    reason: str | None,
    now: datetime,
    make_id: MakeId = uuid7,
) -> None:
    """The file is known; the same content fetched again is fetched now. Without a claim it is no extract."""
    state = FileState.UNREADABLE if claim is None else FileState.FETCHED
    values = {
        "size": file.size,
        "stamp": file.stamp,
        "number": None if claim is None else claim.number,
        "full_extract": None if claim is None else claim.full,
        "state": state.value,
        "reason": reason,
        "fetched_at": now,
        "settled_at": None,
    }
    await conn.execute(
        insert(_fetch)
        .values(fetch_id=make_id(), source=source, name=file.path.name, sha256=file.sha256, **values)
        .on_conflict_do_update(index_elements=["source", "name", "sha256"], set_=values)
    )


async def settle(
    conn: WriteConnection,
    source: str,
    name: str,
    sha256: bytes,
    state: FileState,
    *,
    reason: str | None,
    now: datetime,
) -> None:
    """It is known what became of the file."""
    await conn.execute(
        update(_fetch)
        .where(_fetch.c.source == source, _fetch.c.name == name, _fetch.c.sha256 == sha256)
        .values(state=state.value, reason=reason, settled_at=now)
    )


async def begin_run(conn: WriteConnection, source: str, now: datetime, *, make_id: MakeId = uuid7) -> UUID:
    """A run has begun."""
    key = make_id()
    await conn.execute(insert(_run).values(run_id=key, source=source, started_at=now))
    return key


async def end_run(conn: WriteConnection, key: UUID, report: RunReport, now: datetime) -> None:
    """The run has ended, and in what."""
    await conn.execute(
        update(_run)
        .where(_run.c.run_id == key)
        .values(
            ended_at=func.greatest(now, _run.c.started_at),
            outcome=report.outcome.value,
            reason=report.reason,
            detail=report.detail,
        )
    )


async def last_run(conn: ReadConnection) -> Run | None:
    """The newest run, from whichever source; None when there never was one."""
    row = (await conn.execute(select(_run).order_by(_run.c.started_at.desc()).limit(1))).one_or_none()
    if row is None:
        return None
    return Run(
        id=row.run_id,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        reason=row.reason,
        detail=row.detail,
    )
