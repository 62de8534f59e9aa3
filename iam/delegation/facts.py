"""SQL to model: what a command needs to know, loaded under the lock of the enterprise's head."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, or_, select

from iam.bce import queries as register
from iam.delegation import catalogue
from iam.delegation import commands as c
from iam.delegation.facts_model import EntityFacts, Facts, Limits, PersonFacts, RepresentationFacts
from iam.delegation.model import (
    OPEN_STATES,
    Bootstrap,
    Delegation,
    Grant,
    GrantEnd,
    GrantOrigin,
    Office,
    OfficeKind,
    OfficeOrigin,
    OfficeState,
    Relation,
    RequestState,
    RoleRequest,
)
from iam.delegation.tables import (
    DelegationBootstrap,
    DelegationGrant,
    DelegationOffice,
    DelegationRequest,
    DelegationRequestRole,
    DelegationRequestText,
)
from iam.kernel.actor import Actor, PersonActor
from iam.kernel.ids import EntityId, GrantId, MakeId, OfficeId, PersonId, RequestId
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.people import queries as people
from iam.people.model import confirmed_for
from iam.storage import ReadConnection
from iam.storage.tables import core

_bootstrap = core(DelegationBootstrap)
_office = core(DelegationOffice)
_grant = core(DelegationGrant)
_request = core(DelegationRequest)
_request_role = core(DelegationRequestRole)
_request_text = core(DelegationRequestText)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the rules need from outside the database."""

    limits: Limits
    representation_stale: timedelta
    staff: EnterpriseNumber | None
    make_id: MakeId


async def load(
    conn: ReadConnection, command: c.Command, actor: Actor, now: datetime, outside: Outside
) -> Facts | None:
    """The facts for a command; None when the register has never known the enterprise."""
    found = await register.load(conn, [command.entity])
    if command.entity not in found:
        return None
    enterprise = found[command.entity]
    me = actor.person if isinstance(actor, PersonActor) else None
    state, concerned = await _state(conn, command, me)
    return Facts(
        now=now,
        actor=actor,
        entity=EntityFacts(
            id=command.entity,
            operating=enterprise.operating,
            staff=outside.staff is not None and enterprise.number == outside.staff,
        ),
        state=state,
        catalogue=await catalogue.load(conn),
        limits=outside.limits,
        people=await _people(conn, concerned, command.entity),
        representations=await _representations(conn, command.entity, me, now),
        register_fresh=await _fresh(conn, now, outside),
        recent_requests=await _recent(conn, command, me, now),
        request_email=await _email(conn, command),
        make_id=outside.make_id,
    )


async def _state(
    conn: ReadConnection, command: c.Command, me: PersonId | None
) -> tuple[Delegation, frozenset[PersonId]]:
    """What the command concerns (see `Facts.state`), and the persons in it whose facts are needed."""
    entity = command.entity
    offices = await offices_of(conn, [entity])
    named = getattr(command, "request", None)
    requests = await requests_where(
        conn,
        _request.c.entity_id == entity,
        or_(
            _request.c.state.in_([state.value for state in OPEN_STATES]),
            _request.c.request_id == named,
            _request.c.person_id == me,
        ),
    )
    persons = {me, getattr(command, "person", None), getattr(command, "appointee", None)}
    if named in requests:
        persons.add(requests[named].person)
    wanted = {person for person in persons if person is not None}
    grants = await grants_where(
        conn,
        _grant.c.entity_id == entity,
        or_(_grant.c.person_id.in_(wanted), _grant.c.grant_id == getattr(command, "grant", None)),
    )
    bootstraps = await _bootstraps(conn, getattr(command, "digest", None))
    state = Delegation(offices=offices, grants=grants, requests=requests, bootstraps=bootstraps)
    return state, frozenset(wanted)


async def _bootstraps(conn: ReadConnection, digest: str | None) -> dict[str, Bootstrap]:
    if digest is None:
        return {}
    rows = await conn.execute(select(_bootstrap).where(_bootstrap.c.digest == digest))
    return {
        row.digest: Bootstrap(digest=row.digest, lapses_at=row.lapses_at, claimed=row.claimed_at is not None)
        for row in rows
    }


async def offices_of(conn: ReadConnection, entities: Sequence[EntityId]) -> dict[OfficeId, Office]:
    """The offices of the enterprises as recorded now, those that ended too.

    The latest stretch of an office is what it is now.
    """
    rows = await conn.execute(
        select(_office)
        .where(_office.c.entity_id.in_(entities), _office.c.recorded_until.is_(None))
        .order_by(_office.c.office_id, _office.c.starts_at, _office.c.state.desc())
    )
    return {OfficeId(row["office_id"]): read_office(row) for row in rows.mappings()}


def read_office(row: RowMapping) -> Office:
    """The office as a stretch of its life tells it."""
    state = OfficeState(row["state"]) if row["ended"] is None else OfficeState.ENDED
    return Office(
        id=OfficeId(row["office_id"]),
        entity=EntityId(row["entity_id"]),
        kind=OfficeKind(row["kind"]),
        person=PersonId(row["person_id"]),
        state=state,
        origin=OfficeOrigin(row["origin"]),
        period=Period(row["starts_at"], row["ends_at"]),
    )


async def grants_where(conn: ReadConnection, *conditions: Any) -> dict[GrantId, Grant]:
    """The grants as recorded now that meet the conditions, ended ones too."""
    rows = await conn.execute(select(_grant).where(_grant.c.recorded_until.is_(None), *conditions))
    return {GrantId(row["grant_id"]): read_grant(row) for row in rows.mappings()}


def read_grant(row: RowMapping) -> Grant:
    """The grant of a row."""
    return Grant(
        id=GrantId(row["grant_id"]),
        entity=EntityId(row["entity_id"]),
        person=PersonId(row["person_id"]),
        role=row["role"],
        period=Period(row["starts_at"], row["ends_at"]),
        origin=GrantOrigin(row["origin"]),
        granted_by=_person(row["granted_by"]),
        granted_at=row["granted_at"],
        to_oneself=row["to_oneself"],
        request=None if row["request_id"] is None else RequestId(row["request_id"]),
        ended=None if row["ended"] is None else GrantEnd(row["ended"]),
    )


def _person(value: UUID | None) -> PersonId | None:
    return None if value is None else PersonId(value)


async def requests_where(conn: ReadConnection, *conditions: Any) -> dict[RequestId, RoleRequest]:
    """The requests that meet the conditions, with the roles they ask for."""
    roles = (
        select(func.array_agg(_request_role.c.role))
        .where(_request_role.c.request_id == _request.c.request_id)
        .scalar_subquery()
    )
    rows = await conn.execute(select(_request, roles.label("roles")).where(*conditions))
    return {RequestId(row["request_id"]): read_request(row) for row in rows.mappings()}


def read_request(row: RowMapping) -> RoleRequest:
    """The request of a row that carries its `roles`."""
    return RoleRequest(
        id=RequestId(row["request_id"]),
        entity=EntityId(row["entity_id"]),
        person=PersonId(row["person_id"]),
        roles=tuple(sorted(row["roles"])),
        relation=Relation(row["relation"]),
        wished=Period(row["starts_at"], row["ends_at"]),
        state=RequestState(row["state"]),
        submitted_at=row["submitted_at"],
        lapses_at=row["lapses_at"],
    )


async def _people(
    conn: ReadConnection, persons: frozenset[PersonId], entity: EntityId
) -> dict[PersonId, PersonFacts]:
    known = await people.standings(conn, sorted(persons))
    return {
        standing.person: PersonFacts(
            id=standing.person,
            blocked=standing.blocked,
            verified=confirmed_for(standing.confirmed, entity),
        )
        for standing in known
    }


async def _representations(
    conn: ReadConnection, entity: EntityId, me: PersonId | None, now: datetime
) -> tuple[RepresentationFacts, ...]:
    if me is None:
        return ()
    mine = {me, *await people.fingerprints(conn, me)}
    return tuple(
        RepresentationFacts(
            basis=held.basis, code=held.code, alone=held.alone, suspended=held.suspended, how=held.how
        )
        for held in await register.representatives(conn, entity, now)
        if held.holder in mine
    )


async def _fresh(conn: ReadConnection, now: datetime, outside: Outside) -> bool:
    feed = await register.feed_state(conn)
    return feed is not None and now - feed.produced_at <= outside.representation_stale


async def _recent(conn: ReadConnection, command: c.Command, me: PersonId | None, now: datetime) -> int:
    if me is None or not isinstance(command, c.SubmitRequest):
        return 0
    answer = await conn.execute(
        select(func.count())
        .select_from(_request)
        .where(_request.c.person_id == me, _request.c.submitted_at > now - timedelta(days=1))
    )
    return int(answer.scalar_one())


async def _email(conn: ReadConnection, command: c.Command) -> str | None:
    if not isinstance(command, c.ConfirmRequest):
        return None
    answer = await conn.execute(
        select(_request_text.c.email).where(_request_text.c.request_id == command.request)
    )
    email: str | None = answer.scalar_one_or_none()
    return email
