"""What the OAuth side asks of other rooms; the composition plugs it in."""

from typing import Protocol

from iam.delegation.rights import Rights
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId
from iam.kernel.numbers import EnterpriseNumber
from iam.realms.model import SeenSession, SubjectToken
from iam.storage import Row


class SubjectTokens(Protocol):
    """Verifies access tokens of Keycloak: `iam.realms.subject_tokens`."""

    def session_of(self, token: str) -> tuple[str, str] | None:
        """Issuer and id of the session that a token names, unverified: to look it up by."""
        ...

    async def verify(self, token: str, client_id: str, seen: SeenSession | None) -> SubjectToken:
        """The person of a token that the portal `client_id` obtained; `seen` is its session as remembered.

        Raises `InvalidToken`, or `KeycloakUnavailable` when nobody can tell now.
        """
        ...


class ReadRights(Protocol):
    """Reads the one query behind tokens, decisions and searches: they can never disagree (DESIGN 8)."""

    def __call__(
        self,
        row: Row,
        *,
        person: PersonId,
        number: EnterpriseNumber | None,
        roles: frozenset[str],
        level: Level,
    ) -> Rights | Refusal:
        """The person's rights among `roles`, for the enterprise or, without one, for himself."""
        ...
