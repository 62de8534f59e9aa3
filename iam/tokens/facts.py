"""What the OAuth side must know to answer: one statement, so one round trip and one snapshot (ADR 0012).

Each row holds the portal, whose secret is checked on what is so now, and what `delegation.rights` reads.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from iam.delegation.rights import holding
from iam.kernel.actor import Capacity
from iam.kernel.assurance import Level
from iam.kernel.ids import EntityId, PersonId
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.revision import Revision
from iam.portals.model import Portal, PortalId, SigningAlg
from iam.portals.pairwise import Known
from iam.portals.queries import portal_of
from iam.realms.model import SeenSession
from iam.storage import Database, Read, Row
from iam.tokens.model import Issue, IssuedRole
from iam.tokens.record import day_of

_PERSON = "coalesce(CAST(:person AS uuid), session.person_id)"
_OF_THE_PERSON = holding(person=_PERSON, enterprise="e.number = :number", at=":at", named=True)
_EXCHANGE = Read(
    f"""
    SELECT portal.*, cutoff.not_before,
           session.session_id, session.subject AS session_subject, session.person_id AS session_person,
           session.authenticated_at AS session_since, session.expires_at AS session_until,
           session.ended_at AS session_ended,
           pairwise.sub, pairwise.level AS sub_level, rights.*
      FROM (SELECT) question
      LEFT JOIN portals_portal_view portal ON portal.client_id = :client_id
      LEFT JOIN tokens_cutoff cutoff ON cutoff.id = 1
      LEFT JOIN realms_session_view session ON session.issuer = :issuer AND session.session_id = :session
      LEFT JOIN portals_pairwise_view pairwise
             ON pairwise.portal_id = portal.portal_id AND pairwise.person_id = {_PERSON}
      LEFT JOIN LATERAL ({_OF_THE_PERSON}) rights ON true
    """  # noqa: S608 - no value is in it
)
_ISSUE = (
    "day", "jti", "person_id", "entity_id", "number", "enterprise_name", "capacity", "basis", "roles",
    "level", "revision", "authenticated_at", "issued_at", "expires_at", "session_hash", "alg",
)  # fmt: skip
# A token is for an entity, by whatever number that goes meanwhile (nr 5).
_OF_THE_ISSUE = holding(
    person="issue.person_id", enterprise="e.entity_id = issue.entity_id", at=":at", named=False
)
# `day` finds the partition.
_TOKEN = Read(
    f"""
    SELECT portal.*, cutoff.not_before,
           {", ".join(f"issue.{name} AS issue_{name}" for name in _ISSUE)}, rights.*
      FROM (SELECT) question
      LEFT JOIN portals_portal_view portal ON portal.client_id = :client_id
      LEFT JOIN tokens_cutoff cutoff ON cutoff.id = 1
      LEFT JOIN tokens_issue issue
             ON issue.day = :day AND issue.jti = :jti AND issue.portal_id = portal.portal_id
            AND NOT EXISTS (SELECT FROM tokens_revoked revoked WHERE revoked.jti = issue.jti)
      LEFT JOIN LATERAL ({_OF_THE_ISSUE}) rights ON true
    """  # noqa: S608 - no value is in it
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFacts:
    """Who asks, and what is known of the person whose login is presented; `rights` is for `ReadRights`.

    `person` is who the session says, or who was named; nothing of it is worth more than the token is.
    """

    portal: Portal | None
    not_before: datetime | None
    seen: SeenSession | None
    person: PersonId | None
    known: Known | None
    rights: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """Who asks, and the record of the token he asks about; None if it is not his, or revoked, or cut off."""

    portal: Portal | None
    issue: Issue | None
    rights: Row


async def of_exchange(
    db: Database,
    *,
    client_id: str,
    session: tuple[str, str] | None,
    person: PersonId | None,
    number: EnterpriseNumber | None,
    at: datetime,
) -> ExchangeFacts:
    """What an exchange is decided on. The person is found by the session, unless he is known already."""
    issuer, session_id = session or (None, None)
    asked = {
        "client_id": client_id,
        "issuer": issuer,
        "session": session_id,
        "person": person,
        "number": None if number is None else number.digits,
        "at": at,
    }
    [row] = await db.ask(_EXCHANGE, asked)
    found = person if person is not None else row.session_person
    return ExchangeFacts(
        portal=_portal(row),
        not_before=row.not_before,
        seen=_session(row),
        person=found,
        known=_known(row, found),
        rights=row,
    )


async def of_token(
    db: Database, *, client_id: str, token: tuple[UUID, datetime] | None, at: datetime
) -> TokenFacts:
    """What is on record of a token, by its id and the time of its issue."""
    jti, issued_at = token or (None, None)
    asked = {
        "client_id": client_id,
        "day": None if issued_at is None else day_of(issued_at),
        "jti": jti,
        "at": at,
    }
    [row] = await db.ask(_TOKEN, asked)
    believed = row.not_before is None or (row.issue_jti is not None and row.issue_issued_at >= row.not_before)
    return TokenFacts(portal=_portal(row), issue=_issue(row) if believed else None, rights=row)


def _portal(row: Row) -> Portal | None:
    return None if row.portal_id is None else portal_of(row)


def _session(row: Row) -> SeenSession | None:
    if row.session_id is None:
        return None
    return SeenSession(
        session_id=row.session_id,
        subject=row.session_subject,
        person=row.session_person,
        authenticated_at=row.session_since,
        expires_at=row.session_until,
        ended_at=row.session_ended,
    )


def _known(row: Row, person: PersonId | None) -> Known | None:
    if row.sub is None or person is None:
        return None
    return Known(sub=row.sub, person=person, level=Level(row.sub_level))


def _issue(row: Row) -> Issue | None:
    if row.issue_jti is None:
        return None
    return Issue(
        day=row.issue_day,
        jti=row.issue_jti,
        portal=PortalId(row.portal_id),
        person=PersonId(row.issue_person_id),
        entity=None if row.issue_entity_id is None else EntityId(row.issue_entity_id),
        number=None if row.issue_number is None else EnterpriseNumber(row.issue_number),
        enterprise_name=row.issue_enterprise_name,
        capacity=Capacity(row.issue_capacity),
        basis=row.issue_basis,
        roles=_roles(row.issue_roles),
        level=Level(row.issue_level),
        revision=Revision.decode(row.issue_revision),
        authenticated_at=row.issue_authenticated_at,
        issued_at=row.issue_issued_at,
        expires_at=row.issue_expires_at,
        session_hash=bytes(row.issue_session_hash),
        alg=SigningAlg(row.issue_alg),
    )


def _roles(stored: list[dict[str, Any]]) -> tuple[IssuedRole, ...]:
    return msgspec.convert(stored, tuple[IssuedRole, ...])
