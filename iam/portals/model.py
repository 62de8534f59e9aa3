"""What a relying portal is, and the démarches it offers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType
from uuid import UUID

from iam.kernel.assurance import Level
from iam.kernel.language import Language

PortalId = NewType("PortalId", UUID)


class SigningAlg(StrEnum):
    """How a portal's tokens are signed; nothing else exists (DOMAIN 7.3 nr 56)."""

    ES256 = "ES256"
    RS256 = "RS256"


class Disclosure(StrEnum):
    """What a portal may be told beyond ids and codes. Permanent values."""

    ENTERPRISE_NAME = "enterpriseName"


class DemarcheFor(StrEnum):
    """For whom a démarche is: a person for himself, or for an enterprise."""

    CITIZEN = "citizen"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demarche:
    """Something a person can do at a portal. Any one of `roles` opens it; a personal one needs none.

    `start_url` is where Mon Espace sends the person, exactly; the enterprise travels beside it as a hint.
    """

    code: str
    portal: str
    audience: DemarcheFor
    labels: Mapping[Language, str]
    descriptions: Mapping[Language, str]
    start_url: str
    roles: frozenset[str]
    level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A relying portal and its ceiling: no token and no answer ever holds more than this allows.

    `audience` is what its tokens are for; `sector` keeps its `sub` apart from every other portal's
    (nr 57); `secret_hashes` are SHA-256 of its one or, during a change of secret, two secrets.
    """

    id: PortalId
    client_id: str
    revision: int
    names: Mapping[Language, str]
    audience: str
    sector: str
    return_urls: frozenset[str]
    roles: frozenset[str]
    citizens: bool
    level: Level
    alg: SigningAlg
    longest_seconds: int
    secret_hashes: tuple[bytes, ...]
    receives: frozenset[Disclosure]
    active: bool

    def __repr__(self) -> str:
        """The client only."""
        return f"Portal({self.client_id})"
