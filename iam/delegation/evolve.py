"""Folding events into state. The tables must always say the same (DESIGN 4). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar, assert_never

from iam.delegation import events as e
from iam.delegation.model import (
    Bootstrap,
    Delegation,
    Grant,
    Office,
    OfficeOrigin,
    OfficeState,
    RequestState,
    RoleRequest,
)
from iam.kernel.ids import RequestId
from iam.kernel.period import Period

Key = TypeVar("Key")
Value = TypeVar("Value")


def fold(events: Iterable[e.Event], state: Delegation | None = None) -> Delegation:
    """The state after the events."""
    state = state or Delegation()
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: Delegation, event: e.Event) -> Delegation:
    """The state after one event."""
    match event:
        case e.OfficeAppointed() | e.OfficeActivated() | e.OfficeEnded():
            office = _office(state, event)
            return replace(state, offices=_with(state.offices, office.id, office))
        case e.RoleGranted() | e.GrantEnded():
            grant = _grant(state, event)
            return replace(state, grants=_with(state.grants, grant.id, grant))
        case e.BootstrapOpened():
            opened = Bootstrap(digest=event.digest, lapses_at=event.lapses_at)
            return replace(state, bootstraps=_with(state.bootstraps, event.digest, opened))
        case e.BootstrapClaimed():
            taken = replace(state.bootstraps[event.digest], claimed=True)
            return replace(state, bootstraps=_with(state.bootstraps, event.digest, taken))
        case e.RequestSubmitted():
            request = _submitted(event)
            return replace(state, requests=_with(state.requests, request.id, request))
        case e.RequestConfirmed():
            return _request_is(state, event.request, RequestState.WAITING_FOR_GAP)
        case e.RequestRouted():
            return _request_is(state, event.request, RequestState.UNDER_REVIEW)
        case e.RequestApproved():
            return _request_is(state, event.request, RequestState.APPROVED)
        case e.RequestRefused():
            return _request_is(state, event.request, RequestState.REFUSED)
        case e.RequestWithdrawn():
            return _request_is(state, event.request, RequestState.WITHDRAWN)
        case e.RequestExpired():
            return _request_is(state, event.request, RequestState.EXPIRED)
        case e.RequestVoided():
            return _request_is(state, event.request, RequestState.VOID)
        case _:
            assert_never(event)


def _office(state: Delegation, event: e.OfficeAppointed | e.OfficeActivated | e.OfficeEnded) -> Office:
    match event:
        case e.OfficeAppointed():
            return Office(
                id=event.office, entity=event.entity, kind=event.kind, person=event.person,
                state=OfficeState.PENDING, origin=OfficeOrigin.APPOINTED,
                period=Period(event.at, event.lapses_at),
            )  # fmt: skip
        case e.OfficeActivated():
            return Office(
                id=event.office, entity=event.entity, kind=event.kind, person=event.person,
                state=OfficeState.ACTIVE, origin=event.origin, period=Period(event.at),
            )  # fmt: skip
        case e.OfficeEnded():
            office = state.offices[event.office]
            return replace(office, state=OfficeState.ENDED, period=office.period.cut(event.at))


def _grant(state: Delegation, event: e.RoleGranted | e.GrantEnded) -> Grant:
    match event:
        case e.RoleGranted():
            return Grant(
                id=event.grant, entity=event.entity, person=event.person, role=event.role,
                period=Period(event.starts_at, event.ends_at), origin=event.origin,
                granted_by=event.by, granted_at=event.at, to_oneself=event.to_oneself,
                request=event.request,
            )  # fmt: skip
        case e.GrantEnded():
            grant = state.grants[event.grant]
            return replace(grant, period=grant.period.cut(event.at), ended=event.why)


def _submitted(event: e.RequestSubmitted) -> RoleRequest:
    return RoleRequest(
        id=event.request, entity=event.entity, person=event.person, roles=event.roles,
        relation=event.relation, wished=Period(event.starts_at, event.ends_at),
        state=RequestState.UNCONFIRMED, submitted_at=event.at, lapses_at=event.lapses_at,
    )  # fmt: skip


def _request_is(state: Delegation, request: RequestId, new: RequestState) -> Delegation:
    return replace(
        state, requests=_with(state.requests, request, replace(state.requests[request], state=new))
    )


def _with(mapping: Mapping[Key, Value], key: Key, value: Value) -> Mapping[Key, Value]:
    return {**mapping, key: value}
