"""What the mails about an event may speak of, gathered once for all its readers."""

from collections.abc import Mapping
from typing import Any

from iam.bce import queries as register
from iam.bce.model import Enterprise
from iam.delegation import catalogue
from iam.delegation import events as e
from iam.delegation.facts import requests_where
from iam.delegation.mails.model import Named, Told
from iam.delegation.model import Role
from iam.delegation.tables import DelegationRequest
from iam.kernel.ids import PersonId
from iam.kernel.language import Language
from iam.kernel.period import Period
from iam.people import queries as people
from iam.storage import ReadConnection
from iam.storage.tables import core

_request = core(DelegationRequest)


async def gather(conn: ReadConnection, event: Any, url: str) -> Told[Any]:
    """The facts of an event about a person and an enterprise, with names in every language."""
    enterprise = (await register.load(conn, [event.entity]))[event.entity]
    codes, wished = await _roles(conn, event)
    known = await catalogue.load(conn) if codes else {}
    return Told(
        event=event,
        enterprise=_names(enterprise),
        number=enterprise.number,
        person=await _name(conn, event.person),
        url=url,
        roles=tuple(_labels(known, code) for code in codes),
        allowed=tuple(known[code].allows for code in codes if code in known),
        wished=wished,
    )


def _names(enterprise: Enterprise) -> Named:
    return {
        language: f"{register.display_name(enterprise, language)} ({enterprise.number.dotted})"
        for language in Language
    }


async def _name(conn: ReadConnection, person: PersonId) -> str:
    [standing] = await people.standings(conn, [person])
    names = (standing.given_name, standing.family_name)
    return " ".join(name for name in names if name) or "—"


async def _roles(conn: ReadConnection, event: object) -> tuple[tuple[str, ...], Period | None]:
    """The roles of the event, and the period for which they were asked."""
    match event:
        case e.RoleGranted() | e.GrantEnded():
            return (event.role,), None
        case e.RequestSubmitted() | e.RequestRouted() | e.RequestApproved() | e.RequestRefused():
            asked = (await requests_where(conn, _request.c.request_id == event.request))[event.request]
            return asked.roles, asked.wished
        case _:
            return (), None


def _labels(known: Mapping[str, Role], code: str) -> Named:
    """The labels of a role; its code where the catalogue has lost it."""
    return known[code].labels if code in known else dict.fromkeys(Language, code)
