"""A subject token as the token endpoint verifies it: what is remembered of its session is read first."""

from iam.realms.subject_tokens import SubjectTokens
from iam.storage import Database
from iam.tokens import facts


class Presented:
    """Verifies subject tokens with the very read of the token endpoint before it."""

    def __init__(self, tokens: SubjectTokens, db: Database, clock) -> None:
        self._tokens, self._db, self._clock = tokens, db, clock

    async def verify(self, token, client):
        found = await facts.of_exchange(
            self._db, client_id=client, session=self._tokens.session_of(token), person=None, number=None,
            at=self._clock(),
        )  # fmt: skip
        return await self._tokens.verify(token, client, found.seen)
