"""What the AuthZEN side asks of delegation; the composition plugs in the same query as for tokens."""

from datetime import datetime
from typing import Protocol

from iam.delegation.rights import Rights
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import ReadConnection


class FindRights(Protocol):
    """The one query behind tokens, decisions and searches."""

    async def __call__(
        self,
        conn: ReadConnection,
        *,
        person: PersonId,
        number: EnterpriseNumber | None,
        roles: frozenset[str],
        at: datetime,
        level: Level,
    ) -> Rights | Refusal:
        """The person's rights at `at` among `roles`."""
        ...
