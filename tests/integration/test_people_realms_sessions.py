"""What is remembered of Keycloak's sessions is forgotten when its time is over."""

import pytest
from sqlalchemy import text

from iam.kernel.ids import PersonId, uuid4
from iam.realms import sessions
from iam.realms.model import LoggedOut, Wish
from iam.realms.oidc import KeycloakLogin
from tests.support.issuer import ISSUER, Issuer, Persona

pytestmark = pytest.mark.anyio


async def counts(db):
    async with db.read() as conn:
        tables = ("realms_login", "realms_session", "realms_logout")
        return [(await conn.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() for table in tables]


async def test_what_is_over_is_forgotten(db, clock):
    issuer = Issuer(clock)
    realm = issuer.realm()
    seen = await realm.introspector.introspect(issuer.access_token(Persona()))
    out = LoggedOut(issuer=ISSUER, subject="s", session_id="other", token_id="j", expires_at=clock())
    async with db.write() as conn:
        await KeycloakLogin(realm, "https://monespace.test").begin(conn, Wish(path="/"), None, "fr")
        assert await sessions.remember(conn, seen.identity(ISSUER), PersonId(uuid4()), clock())
        assert await sessions.obey(conn, out, clock())
    assert await counts(db) == [1, 2, 1]

    async with db.write() as conn:
        assert await sessions.forget_expired(conn, clock()) == 0
        clock.advance(hours=1)
        assert await sessions.forget_expired(conn, clock()) == 2
        clock.advance(hours=24)
        assert await sessions.forget_expired(conn, clock()) == 2
    assert await counts(db) == [0, 0, 0]


async def test_a_session_that_has_ended_stays_ended(db, clock):
    issuer = Issuer(clock)
    seen = (await issuer.realm().introspector.introspect(issuer.access_token(Persona()))).identity(ISSUER)
    person = PersonId(uuid4())
    async with db.write() as conn:
        assert await sessions.remember(conn, seen, person, clock())
        assert await sessions.remember(conn, seen, person, clock())
        await sessions.end(conn, ISSUER, "sid-karim", clock())
        assert not await sessions.remember(conn, seen, person, clock())
