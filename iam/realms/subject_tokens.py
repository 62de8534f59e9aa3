"""A Keycloak access token that a portal presents: verified offline, its session introspected once.

Source: STANDARDS 1.1 (subject token checks), RFC 8693 §2.1, DESIGN 8.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from iam.kernel.assurance import Assurance, Level
from iam.kernel.identity import Identity
from iam.kernel.ids import PersonId
from iam.realms import sessions
from iam.realms.errors import InvalidToken
from iam.realms.model import SeenSession, SubjectToken
from iam.realms.oidc import Realm
from iam.realms.verify import ACCESS_TOKEN, Expected, claimed_session, instant, text
from iam.storage import Database, WriteConnection

Resolve = Callable[[WriteConnection, Identity], Awaitable[PersonId]]
_CLOCKS_DIFFER = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claims:
    subject: str
    session_id: str
    client_id: str
    expires_at: datetime
    assurance: Assurance


class SubjectTokens:
    """Verifies subject tokens. `resolve` gives the person of an identity, in our transaction."""

    def __init__(self, realm: Realm, database: Database, resolve: Resolve) -> None:
        """Keep what is needed."""
        self._realm = realm
        self._database = database
        self._resolve = resolve

    def session_of(self, token: str) -> tuple[str, str] | None:
        """Issuer and id of the session that a token names, to look it up by: nothing is verified yet."""
        session_id = claimed_session(token)
        return None if session_id is None else (self._realm.settings.issuer, session_id)

    async def verify(self, token: str, client_id: str, seen: SeenSession | None) -> SubjectToken:
        """Whose token it is, presented by the portal it was issued to; `seen` is its session as remembered.

        Keycloak is asked only for a session that was not seen before, or whose login is newer than the
        one we saw (a step-up). Raises InvalidToken, KeycloakUnavailable.
        """
        issuer = self._realm.settings.issuer
        claims = await self._realm.verifier.claims(
            token,
            Expected(kind=ACCESS_TOKEN, issuer=issuer, audience=self._realm.settings.exchange_client_id),
        )
        read = _read(claims)
        if read.client_id != client_id:
            # a token of another portal (confused deputy, STANDARDS 5 nr 43)
            raise InvalidToken("azp")
        return SubjectToken(
            person=await self._person(token, read, seen),
            issuer=issuer,
            subject=read.subject,
            session_id=read.session_id,
            client_id=read.client_id,
            expires_at=read.expires_at,
            assurance=read.assurance,
        )

    async def _person(self, token: str, read: _Claims, seen: SeenSession | None) -> PersonId:
        if seen is not None:
            if seen.session_id != read.session_id or seen.ended_at is not None:
                raise InvalidToken("session")
            if seen.subject != read.subject:
                raise InvalidToken("sub")
            if self._is_enough(seen, read) and seen.person is not None:
                return seen.person
        return await self._seen_first(token, read)

    def _is_enough(self, seen: SeenSession, read: _Claims) -> bool:
        newest = read.assurance.authenticated_at - _CLOCKS_DIFFER
        return (
            seen.expires_at > self._realm.clock()
            and seen.authenticated_at is not None
            and newest <= seen.authenticated_at
        )

    async def _seen_first(self, token: str, read: _Claims) -> PersonId:
        seen = await self._realm.introspector.introspect(token)
        if seen is None:
            raise InvalidToken("session")
        if (seen.subject, seen.session_id) != (read.subject, read.session_id):
            raise InvalidToken("sub")
        identity = seen.identity(self._realm.settings.issuer)
        async with self._database.write() as conn:
            person = await self._resolve(conn, identity)
            if not await sessions.remember(conn, identity, person, self._realm.clock()):
                raise InvalidToken("session")
        return person


def _read(claims: Mapping[str, Any]) -> _Claims:
    acr = claims.get("acr")
    return _Claims(
        subject=text(claims, "sub"),
        session_id=text(claims, "sid"),
        client_id=text(claims, "azp"),
        expires_at=instant(claims, "exp"),
        assurance=Assurance(
            Level.from_acr(acr if isinstance(acr, str) else None), instant(claims, "auth_time")
        ),
    )
