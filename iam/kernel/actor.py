"""Who acts, in which capacity."""

from dataclasses import dataclass
from enum import StrEnum

from iam.kernel.assurance import Assurance
from iam.kernel.ids import PersonId


class Capacity(StrEnum):
    """The hat under which an act is done; an entry of the journal names it (DOMAIN 7.3 nr 66)."""

    CITIZEN = "citizen"
    REPRESENTATIVE = "legal_representative"
    GAP = "chief_access_manager"
    ACCESS_MANAGER = "access_manager"
    ROLE_HOLDER = "role_holder"
    REQUESTER = "requester"
    APPOINTEE = "appointee"
    PORTAL = "portal"
    STAFF = "staff"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonActor:
    """A person at the keyboard, with the assurance of his present login."""

    person: PersonId
    assurance: Assurance


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemActor:
    """The service itself; `trigger` names what set it off: the clock, an extract, a feed, a command."""

    trigger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalActor:
    """A relying portal that has authenticated itself."""

    client_id: str


Actor = PersonActor | SystemActor | PortalActor
