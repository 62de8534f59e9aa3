"""What a mandate token is made of. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from iam.kernel.actor import Capacity
from iam.kernel.assurance import Level
from iam.kernel.ids import EntityId, PersonId
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.revision import Revision
from iam.portals.model import PortalId, SigningAlg

CLOCK_SKEW_SECONDS = 60
KIND = "at+jwt"
# On what a capacity rests, as STANDARDS 1.3 names it in the token.
BASIS = {Capacity.CITIZEN: "self", Capacity.ROLE_HOLDER: "role_grant"}


class KeyState(StrEnum):
    """The life of a signing key (DOMAIN 7.3 nr 61)."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedRole:
    """A role in a token and the grant it came from."""

    code: str
    grant: UUID
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """The record of one token, written before the token exists."""

    day: date
    jti: UUID
    portal: PortalId
    person: PersonId
    entity: EntityId | None
    number: EnterpriseNumber | None
    enterprise_name: str | None
    capacity: Capacity
    basis: str
    roles: tuple[IssuedRole, ...]
    level: Level
    revision: Revision
    authenticated_at: datetime
    issued_at: datetime
    expires_at: datetime
    session_hash: bytes
    alg: SigningAlg
