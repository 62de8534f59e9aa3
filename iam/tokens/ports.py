"""What the OAuth side asks of other rooms; the composition plugs it in."""

from datetime import datetime
from typing import Protocol

from iam.delegation.rights import Rights
from iam.kernel.assurance import Level
from iam.kernel.clock import Clock
from iam.kernel.decision import Refusal
from iam.kernel.identity import Identity
from iam.kernel.ids import PersonId
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import ReadConnection, WriteConnection


class InvalidSubjectToken(ValueError):
    """The token does not stand for a person who is logged in now, or not at this portal."""


class KeycloakUnavailable(RuntimeError):
    """Whether the token holds cannot be told now."""


class Subject(Protocol):
    """Who a verified Keycloak access token stands for."""

    @property
    def identity(self) -> Identity:
        """What the login proved."""
        ...

    @property
    def expires_at(self) -> datetime:
        """When the token ends."""
        ...


class SubjectTokens(Protocol):
    """Verifies access tokens of Keycloak."""

    async def verify(self, token: str, *, azp: str) -> Subject:
        """The subject of a token that `azp` obtained.

        Raises `InvalidSubjectToken`, or `KeycloakUnavailable` when nobody can tell now.
        """
        ...


class Recognise(Protocol):
    """Finds or makes the person behind a login."""

    async def __call__(self, conn: WriteConnection, identity: Identity, clock: Clock) -> PersonId:
        """The person."""
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
