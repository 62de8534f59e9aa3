"""Events to rows, in the same transaction as the journal. The only writer of these tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from iam.delegation import events as e
from iam.delegation.model import OfficeOrigin, OfficeState, RequestState
from iam.delegation.tables import (
    DelegationBootstrap,
    DelegationGrant,
    DelegationOffice,
    DelegationOfficeContact,
    DelegationRequest,
    DelegationRequestRole,
    DelegationRequestText,
)
from iam.kernel.ids import uuid7
from iam.storage import WriteConnection
from iam.storage.tables import core

_bootstrap = core(DelegationBootstrap)
_office = core(DelegationOffice)
_contact = core(DelegationOfficeContact)
_grant = core(DelegationGrant)
_request = core(DelegationRequest)
_request_role = core(DelegationRequestRole)
_request_text = core(DelegationRequestText)


async def record(conn: WriteConnection, events: Sequence[e.Event]) -> None:
    """The tables say what the events say."""
    for event in events:
        await _one(conn, event)


async def _one(conn: WriteConnection, event: e.Event) -> None:  # noqa: C901 - one case an event
    match event:
        case e.OfficeAppointed():
            await _appointed(conn, event)
        case e.OfficeActivated():
            await _activated(conn, event)
        case e.OfficeEnded():
            await _close_office(conn, event.office, event.at, event.why.value)
        case e.RequestSubmitted():
            await _submitted(conn, event)
        case e.RequestConfirmed():
            await _request_is(conn, event.request, RequestState.WAITING_FOR_GAP)
        case e.RequestRouted():
            await _request_is(conn, event.request, RequestState.UNDER_REVIEW, routed_at=event.at)
        case e.RequestApproved():
            await _decided(conn, event, RequestState.APPROVED)
        case e.RequestRefused():
            await _decided(conn, event, RequestState.REFUSED)
            await conn.execute(
                update(_request_text)
                .where(_request_text.c.request_id == event.request)
                .values(refusal=event.reason)
            )
        case e.RequestWithdrawn():
            await _request_is(conn, event.request, RequestState.WITHDRAWN)
        case e.RequestExpired():
            await _request_is(conn, event.request, RequestState.EXPIRED)
        case e.RequestVoided():
            await _request_is(conn, event.request, RequestState.VOID)
        case e.RoleGranted():
            await _granted(conn, event)
        case e.GrantEnded():
            await _close_grant(conn, event)
        case e.BootstrapOpened():
            await conn.execute(
                insert(_bootstrap).values(
                    digest=event.digest, entity_id=event.entity, lapses_at=event.lapses_at
                )
            )
        case e.BootstrapClaimed():
            await conn.execute(
                update(_bootstrap)
                .where(_bootstrap.c.digest == event.digest)
                .values(claimed_by=event.person, claimed_at=event.at)
            )
        case _:
            assert_never(event)


async def _appointed(conn: WriteConnection, event: e.OfficeAppointed) -> None:
    await conn.execute(
        insert(_office).values(
            version_id=uuid7(), office_id=event.office, entity_id=event.entity,
            kind=event.kind.value, person_id=event.person, state=OfficeState.PENDING.value,
            origin=OfficeOrigin.APPOINTED.value,
            appointed_by=event.by, starts_at=event.at, ends_at=event.lapses_at,
            recorded_from=event.at,
        )
    )  # fmt: skip
    await _contact_is(conn, event.office, event.email, event.language.value)


async def _activated(conn: WriteConnection, event: e.OfficeActivated) -> None:
    appointed_by = await _close_office(conn, event.office, event.at, None)
    await conn.execute(
        insert(_office).values(
            version_id=uuid7(), office_id=event.office, entity_id=event.entity,
            kind=event.kind.value, person_id=event.person, state=OfficeState.ACTIVE.value,
            origin=event.origin.value, appointed_by=appointed_by, starts_at=event.at,
            recorded_from=event.at,
        )
    )  # fmt: skip
    await _contact_is(conn, event.office, event.email, None)


async def _contact_is(conn: WriteConnection, office: UUID, email: str | None, language: str | None) -> None:
    if email is None:
        return
    await conn.execute(
        upsert(_contact)
        .values(office_id=office, email=email, language=language)
        .on_conflict_do_update(index_elements=[_contact.c.office_id], set_={"email": email})
    )


async def _close_office(conn: WriteConnection, office: UUID, at: datetime, ended: str | None) -> UUID | None:
    """The current stretch of the office ends at `at`, if it had not before; says who appointed to it."""
    current = await conn.execute(
        select(_office)
        .where(_office.c.office_id == office, _office.c.recorded_until.is_(None), _office.c.ended.is_(None))
        .order_by(_office.c.starts_at.desc(), _office.c.state)  # active stands before pending
        .limit(1)
    )
    row = current.mappings().one_or_none()
    if row is None:
        return None
    ends_at = at if row["ends_at"] is None else min(row["ends_at"], at)
    await _correct(conn, _office, dict(row), at, ends_at=ends_at, ended=ended)
    appointed_by: UUID | None = row["appointed_by"]
    return appointed_by


async def _correct(conn: WriteConnection, table: Any, row: dict[str, Any], at: datetime, **new: Any) -> None:
    """The record of the row is closed and a new one, with the changes, begins (two times, DESIGN 4)."""
    await conn.execute(update(table).where(table.c.version_id == row["version_id"]).values(recorded_until=at))
    await conn.execute(insert(table).values({**row, **new, "version_id": uuid7(), "recorded_from": at}))


async def _granted(conn: WriteConnection, event: e.RoleGranted) -> None:
    await conn.execute(
        insert(_grant).values(
            version_id=uuid7(), grant_id=event.grant, entity_id=event.entity, person_id=event.person,
            role=event.role, starts_at=event.starts_at, ends_at=event.ends_at,
            origin=event.origin.value, granted_by=event.by, granted_at=event.at,
            to_oneself=event.to_oneself, request_id=event.request, recorded_from=event.at,
        )
    )  # fmt: skip


async def _close_grant(conn: WriteConnection, event: e.GrantEnded) -> None:
    row = (
        await conn.execute(
            select(_grant).where(_grant.c.grant_id == event.grant, _grant.c.recorded_until.is_(None))
        )
    ).mappings().one()  # fmt: skip
    ends_at = max(event.at, row["starts_at"])
    if row["ends_at"] is not None:
        ends_at = min(ends_at, row["ends_at"])
    await _correct(conn, _grant, dict(row), event.at, ends_at=ends_at, ended=event.why.value)


async def _submitted(conn: WriteConnection, event: e.RequestSubmitted) -> None:
    await conn.execute(
        insert(_request).values(
            request_id=event.request, entity_id=event.entity, person_id=event.person,
            relation=event.relation.value, language=event.language.value, starts_at=event.starts_at,
            ends_at=event.ends_at, state=RequestState.UNCONFIRMED.value, submitted_at=event.at,
            lapses_at=event.lapses_at,
        )
    )  # fmt: skip
    await conn.execute(
        insert(_request_role), [{"request_id": event.request, "role": role} for role in event.roles]
    )
    await conn.execute(
        insert(_request_text).values(request_id=event.request, email=event.email, motivation=event.motivation)
    )


async def _decided(
    conn: WriteConnection, event: e.RequestApproved | e.RequestRefused, state: RequestState
) -> None:
    await _request_is(conn, event.request, state, decided_at=event.at, decided_by=event.by)


async def _request_is(conn: WriteConnection, request: UUID, state: RequestState, **more: Any) -> None:
    await conn.execute(
        update(_request).where(_request.c.request_id == request).values(state=state.value, **more)
    )
