"""What readers want to see. Each function says whom it is for; the caller has checked that it is he."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Text, cast, func, or_, select

from iam.bce import queries as register
from iam.bce.model import Representation
from iam.delegation.facts import (
    grants_where,
    offices_of,
    read_office,
    requests_where,
)
from iam.delegation.model import (
    Grant,
    Office,
    OfficeEnd,
    OfficeKind,
    RequestState,
    RoleRequest,
)
from iam.delegation.tables import (
    DelegationGrant,
    DelegationOffice,
    DelegationRequest,
    DelegationRequestText,
)
from iam.kernel.ids import EntityId, GrantId, OfficeId, PersonId, RequestId
from iam.people import queries as people
from iam.people.model import Standing as PersonStanding
from iam.people.model import confirmed_for
from iam.storage import ReadConnection
from iam.storage.tables import core

_office = core(DelegationOffice)
_grant = core(DelegationGrant)
_request = core(DelegationRequest)
_request_text = core(DelegationRequestText)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a person is in an enterprise at an instant. Empty: the enterprise is none of his business."""

    entity: EntityId
    representations: tuple[Representation, ...] = ()
    office: Office | None = None
    proposed: Office | None = None
    grants: tuple[Grant, ...] = ()
    requests: tuple[RoleRequest, ...] = ()

    @property
    def is_gap(self) -> bool:
        """Whether he is the active chief access manager."""
        return self.office is not None

    @property
    def represents(self) -> bool:
        """Whether he represents the enterprise now, by a function that is not suspended."""
        return any(not held.suspended for held in self.representations)

    @property
    def exists(self) -> bool:
        """Whether he has anything to do with the enterprise."""
        return bool(self.representations or self.office or self.proposed or self.grants or self.requests)


async def standings(conn: ReadConnection, person: PersonId, at: datetime) -> Mapping[EntityId, Standing]:
    """What the person is, in every enterprise with which he has anything to do (DOMAIN 7.3 nr 67)."""
    offices = await _offices_of_person(conn, person, at)
    grants = await grants_where(conn, _grant.c.person_id == person)
    requests = await requests_where(conn, _request.c.person_id == person)
    marks = await people.fingerprints(conn, person)
    represented: dict[EntityId, list[Representation]] = {}
    for held in await register.representations_of(conn, marks, at, person):
        represented.setdefault(held.entity, []).append(held)
    live = [grant for grant in grants.values() if grant.is_live(at)]
    entities = {
        *represented,
        *(office.entity for office in offices),
        *(grant.entity for grant in live),
        *(request.entity for request in requests.values()),
    }
    return {
        entity: Standing(
            entity=entity,
            representations=tuple(represented.get(entity, ())),
            office=next((o for o in offices if o.entity == entity and o.is_active(at)), None),
            proposed=next((o for o in offices if o.entity == entity and o.is_pending(at)), None),
            grants=tuple(sorted((g for g in live if g.entity == entity), key=lambda g: g.role)),
            requests=tuple(
                sorted(
                    (r for r in requests.values() if r.entity == entity),
                    key=lambda r: r.submitted_at,
                    reverse=True,
                )
            ),
        )
        for entity in entities
    }


async def standing(conn: ReadConnection, person: PersonId, entity: EntityId, at: datetime) -> Standing:
    """What the person is in one enterprise."""
    return (await standings(conn, person, at)).get(entity, Standing(entity=entity))


async def _offices_of_person(conn: ReadConnection, person: PersonId, at: datetime) -> list[Office]:
    rows = await conn.execute(
        select(_office)
        .where(
            _office.c.person_id == person,
            _office.c.recorded_until.is_(None),
            or_(_office.c.ends_at.is_(None), _office.c.ends_at > at),
        )
        .order_by(_office.c.starts_at)
    )
    return [read_office(row) for row in rows.mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """A request with its words and its people, for its requester or for whoever decides on it."""

    request: RoleRequest
    state: RequestState
    requester: PersonStanding
    email: str | None
    motivation: str | None
    refusal: str | None
    decided_at: datetime | None

    @property
    def email_confirmed(self) -> bool:
        """Whether the requester has confirmed the address of the request, for its enterprise (nr 51)."""
        return self.email in confirmed_for(self.requester.confirmed, self.request.entity)


async def request(conn: ReadConnection, wanted: RequestId, at: datetime) -> RequestView | None:
    """A request. A state that time has overtaken is shown as what it is (nr 45)."""
    views = await _request_views(conn, at, _request.c.request_id == wanted)
    return views[0] if views else None


async def requests_of(conn: ReadConnection, person: PersonId, at: datetime) -> Sequence[RequestView]:
    """The person's own requests, the newest first."""
    views = await _request_views(conn, at, _request.c.person_id == person)
    return sorted(views, key=lambda view: view.request.submitted_at, reverse=True)


async def inbox(conn: ReadConnection, person: PersonId, at: datetime) -> Sequence[RequestView]:
    """What waits for the person's decision, the oldest deadline first."""
    offices = await _offices_of_person(conn, person, at)
    mine = [o.entity for o in offices if o.kind is OfficeKind.GAP and o.is_active(at)]
    views = await _request_views(
        conn,
        at,
        _request.c.entity_id.in_(mine),
        _request.c.state == RequestState.UNDER_REVIEW.value,
        _request.c.lapses_at > at,
        _request.c.person_id != person,
    )
    return sorted(views, key=lambda view: view.request.lapses_at)


async def decided(
    conn: ReadConnection, entity: EntityId, at: datetime, limit: int = 50
) -> Sequence[RequestView]:
    """The requests of an enterprise that have been decided, the newest first: for its manager."""
    views = await _request_views(conn, at, _request.c.entity_id == entity, _request.c.decided_at.is_not(None))
    newest = sorted(views, key=lambda view: view.decided_at or at, reverse=True)
    return newest[:limit]


async def of_enterprise(
    conn: ReadConnection, entity: EntityId, at: datetime, limit: int = 100
) -> Sequence[RequestView]:
    """The requests of an enterprise in any state, the newest first: for the helpdesk."""
    newest = select(_request.c.request_id).where(_request.c.entity_id == entity)
    newest = newest.order_by(_request.c.submitted_at.desc()).limit(limit)
    views = await _request_views(conn, at, _request.c.request_id.in_(newest))
    return sorted(views, key=lambda view: view.request.submitted_at, reverse=True)


async def requests_ending_in(conn: ReadConnection, tail: str) -> Sequence[RequestId]:
    """The requests whose id ends in these hexadecimal digits: for the helpdesk, who is told a reference."""
    rows = await conn.execute(
        select(_request.c.request_id)
        .where(func.right(cast(_request.c.request_id, Text), len(tail)) == tail)
        .limit(5)
    )
    return [RequestId(row.request_id) for row in rows]


async def _request_views(conn: ReadConnection, at: datetime, *conditions: object) -> list[RequestView]:
    found = await requests_where(conn, *conditions)
    if not found:
        return []
    texts = {
        row.request_id: row
        for row in await conn.execute(select(_request_text).where(_request_text.c.request_id.in_(found)))
    }
    rows = {
        row.request_id: row
        for row in await conn.execute(
            select(_request.c.request_id, _request.c.decided_at).where(_request.c.request_id.in_(found))
        )
    }
    persons = await people.standings(conn, sorted({r.person for r in found.values()}))
    by_id = {known.person: known for known in persons}
    return [
        RequestView(
            request=asked,
            state=_shown(asked, at),
            requester=by_id[asked.person],
            email=texts[key].email if key in texts else None,
            motivation=texts[key].motivation if key in texts else None,
            refusal=texts[key].refusal if key in texts else None,
            decided_at=rows[key].decided_at,
        )
        for key, asked in found.items()
    ]


def _shown(asked: RoleRequest, at: datetime) -> RequestState:
    lapsed = asked.state.is_open and not asked.is_open(at)
    return RequestState.EXPIRED if lapsed else asked.state


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRole:
    """A live grant with the names of its holder: for the manager of the enterprise."""

    grant: Grant
    holder: PersonStanding


async def held_roles(conn: ReadConnection, entity: EntityId, at: datetime) -> Sequence[HeldRole]:
    """Who plays which role for the enterprise, now or later; by name."""
    grants = [
        grant
        for grant in (await grants_where(conn, _grant.c.entity_id == entity)).values()
        if grant.is_live(at)
    ]
    persons = await people.standings(conn, sorted({grant.person for grant in grants}))
    by_id = {known.person: known for known in persons}
    held = [HeldRole(grant=grant, holder=by_id[grant.person]) for grant in grants]
    return sorted(held, key=lambda h: (h.holder.family_name or "", h.holder.given_name or "", h.grant.role))


async def held_role(conn: ReadConnection, wanted: GrantId) -> HeldRole | None:
    """A grant with its holder, an ended one too: for the manager of its enterprise and for its holder."""
    grant = (await grants_where(conn, _grant.c.grant_id == wanted)).get(wanted)
    if grant is None:
        return None
    [holder] = await people.standings(conn, [grant.person])
    return HeldRole(grant=grant, holder=holder)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeView:
    """An office with the names of its holder: for a representative, or for the holder himself."""

    office: Office
    holder: PersonStanding


async def gap_of(
    conn: ReadConnection, entity: EntityId, at: datetime
) -> tuple[OfficeView | None, OfficeView | None]:
    """The active chief access manager and the one who has been named: for a representative only."""
    offices = (await offices_of(conn, [entity])).values()
    active = next((o for o in offices if o.is_active(at)), None)
    pending = next((o for o in offices if o.is_pending(at)), None)
    return await _office_view(conn, active), await _office_view(conn, pending)


async def office(conn: ReadConnection, wanted: OfficeId) -> Office | None:
    """An office as it stands; for its holder."""
    row = (
        (
            await conn.execute(
                select(_office)
                .where(_office.c.office_id == wanted, _office.c.recorded_until.is_(None))
                .order_by(_office.c.starts_at.desc(), _office.c.state)
                .limit(1)
            )
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else read_office(row)


async def office_end(conn: ReadConnection, wanted: OfficeId) -> OfficeEnd | None:
    """Why an office ended; None for one that has not, or that nobody knows."""
    rows = await conn.execute(
        select(_office.c.ended).where(
            _office.c.office_id == wanted, _office.c.recorded_until.is_(None), _office.c.ended.is_not(None)
        )
    )
    ended: str | None = rows.scalars().first()
    return None if ended is None else OfficeEnd(ended)


async def _office_view(conn: ReadConnection, found: Office | None) -> OfficeView | None:
    if found is None:
        return None
    [holder] = await people.standings(conn, [found.person])
    return OfficeView(office=found, holder=holder)


async def waiting(conn: ReadConnection, entity: EntityId, at: datetime) -> int:
    """How many confirmed requests wait for a chief access manager: for a representative only."""
    found = await requests_where(
        conn,
        _request.c.entity_id == entity,
        _request.c.state == RequestState.WAITING_FOR_GAP.value,
        _request.c.lapses_at > at,
    )
    return len(found)


async def entities_with_lapses(conn: ReadConnection, at: datetime, limit: int) -> Sequence[EntityId]:
    """The enterprises in which something is over that is not recorded yet: for the clock."""
    requests = (
        select(_request.c.entity_id)
        .where(
            _request.c.state.in_([state.value for state in RequestState if state.is_open]),
            _request.c.lapses_at <= at,
        )
        .distinct()
    )
    offices = (
        select(_office.c.entity_id)
        .where(
            _office.c.recorded_until.is_(None),
            _office.c.state == "pending",
            _office.c.ended.is_(None),
            _office.c.ends_at <= at,
            ~_activated(),
        )
        .distinct()
    )
    rows = await conn.execute(requests.union(offices).limit(limit))
    return [EntityId(row.entity_id) for row in rows]


def _activated() -> ColumnElement[bool]:
    later = _office.alias("later")
    return (
        select(later.c.office_id)
        .where(
            later.c.office_id == _office.c.office_id,
            later.c.state == "active",
            later.c.recorded_until.is_(None),
        )
        .exists()
    )
