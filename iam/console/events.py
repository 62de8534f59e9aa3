"""What happens at the console itself and must be told later: reads of other people's data. Pure."""

from dataclasses import dataclass
from typing import ClassVar

from iam.journal.codec import EventTypes
from iam.kernel.ids import EntityId, PersonId, RequestId


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpdeskLookedUp:
    """A helpdesk agent saw what the service knows of an enterprise, and perhaps one request there (nr 65)."""

    KIND: ClassVar[str] = "console.helpdesk.looked-up"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    agent: PersonId
    entity: EntityId
    request: RequestId | None = None


TYPES = EventTypes([HelpdeskLookedUp])
