"""What a yes consists of. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from iam.delegation.events import Event
from iam.kernel.actor import Capacity


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The events of a command, the hat under which it was done, and what allowed it."""

    events: tuple[Event, ...]
    capacity: Capacity
    basis: Mapping[str, str] = field(default_factory=dict)
