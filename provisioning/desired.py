"""Where the truth comes from: the functions of `iam.delegation.desired`, or others of the same shape."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from iam.delegation import desired as truth
from iam.delegation.desired import DesiredEnterprise, Member
from iam.kernel.ids import EntityId, PersonId
from iam.storage import ReadConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the worker asks. By default the tables of delegation answer."""

    desired: Callable[[ReadConnection, EntityId, datetime], Awaitable[DesiredEnterprise | None]] = (
        truth.desired
    )
    members: Callable[[ReadConnection, Sequence[PersonId]], Awaitable[Mapping[PersonId, Member]]] = (
        truth.members
    )
    live_entities: Callable[
        [ReadConnection, EntityId | None, int, datetime], Awaitable[Sequence[EntityId]]
    ] = truth.live_entities
    due_changes: Callable[[ReadConnection, datetime, datetime], Awaitable[Sequence[EntityId]]] = (
        truth.due_changes
    )
    entities_with: Callable[[ReadConnection, str, datetime], Awaitable[Sequence[EntityId]]] = (
        truth.entities_with
    )
    entities_of: Callable[[ReadConnection, PersonId], Awaitable[Sequence[EntityId]]] = truth.entities_of
