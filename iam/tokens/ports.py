"""What the OAuth side asks of other rooms; the composition plugs it in."""

from datetime import datetime
from typing import Protocol

from iam.delegation.rights import Rights
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId
from iam.kernel.numbers import EnterpriseNumber
from iam.realms.model import SubjectToken
from iam.storage import ReadConnection


class SubjectTokens(Protocol):
    """Verifies access tokens of Keycloak: `iam.realms.subject_tokens`."""

    async def verify(self, token: str, client_id: str) -> SubjectToken:
        """The person of a token that the portal `client_id` obtained.

        Raises `InvalidToken`, or `KeycloakUnavailable` when nobody can tell now.
        """
        ...


class FindRights(Protocol):
    """The one query behind tokens, decisions and searches: they can never disagree (DESIGN 8)."""

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
        """The person's rights at `at` among `roles`, for the enterprise or, without one, for himself."""
        ...
