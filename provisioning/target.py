"""What the worker asks of a group directory. Two directories answer: Keycloak and LDAP."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from iam.delegation.desired import DesiredEnterprise, Member
from iam.kernel.ids import EntityId, PersonId
from iam.realms.projection import Target
from provisioning.plan import ActualState, DesiredState, Habits, Operation


class GroupDirectory(Protocol):
    """A target of the projection. Every method raises `TargetError`."""

    target: Target
    habits: Habits
    # How many enterprises it may be asked about at once.
    parallel: int

    def state(
        self,
        entity: EntityId,
        desired: DesiredEnterprise | None,
        members: Mapping[PersonId, Member],
    ) -> DesiredState:
        """What is desired, in the target's own keys."""
        ...

    async def read(self, desired: DesiredState) -> ActualState:
        """What is there of the enterprise, and of the people concerned."""
        ...

    async def apply(self, desired: DesiredState, operation: Operation) -> None:
        """The step is done, whether now or before."""
        ...

    async def known(self) -> Sequence[EntityId]:
        """The enterprises that the target itself shows, as far as it can be listed cheaply."""
        ...

    async def leftovers(self) -> Sequence[str]:
        """The people who have an entry of ours, and perhaps no group any more."""
        ...

    async def tidy(self, member: str) -> None:
        """The person has no entry of ours unless he is in some group."""
        ...

    def close(self) -> None:
        """No connection is open."""
        ...
