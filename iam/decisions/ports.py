"""What the AuthZEN side asks of delegation; the composition plugs in the same reader as for tokens."""

from typing import Protocol

from iam.delegation.rights import Rights
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import Row


class ReadRights(Protocol):
    """Reads the one query behind tokens, decisions and searches."""

    def __call__(
        self,
        row: Row,
        *,
        person: PersonId,
        number: EnterpriseNumber | None,
        roles: frozenset[str],
        level: Level,
    ) -> Rights | Refusal:
        """The person's rights among `roles`."""
        ...
