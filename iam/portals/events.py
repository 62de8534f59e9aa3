"""What happens to portals. Secrets and their digests stay out of the journal."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalRegistered:
    """A portal is known; `definition` is all of it but its secret."""

    KIND: ClassVar[str] = "portals.portal.registered"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    portal: UUID
    client_id: str
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalChanged:
    """A portal is described anew; `changed` names the members that differ."""

    KIND: ClassVar[str] = "portals.portal.changed"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    portal: UUID
    client_id: str
    changed: tuple[str, ...]
    definition: dict[str, Any]


PortalEvent = PortalRegistered | PortalChanged
