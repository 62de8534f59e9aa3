"""What a yes consists of. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from iam.dossiers.events import Event
from iam.kernel.actor import Capacity


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The events, in which capacity they were brought about, and on which basis: ids and codes."""

    events: tuple[Event, ...]
    capacity: Capacity
    basis: Mapping[str, str] = field(default_factory=dict)
