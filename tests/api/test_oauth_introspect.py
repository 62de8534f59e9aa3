"""POST /oauth2/introspect (RFC 7662) and /oauth2/revoke (RFC 7009): what holds now."""

from datetime import timedelta

import pytest

from iam.tokens import record
from tests.support.oauth import payload, world

pytestmark = pytest.mark.anyio
INACTIVE = {"active": False}


@pytest.fixture
async def w(db, clock):
    made = await world(db, clock)
    made.grant()
    yield made
    await made.client.aclose()


async def test_an_active_token_says_what_it_holds(w):
    token = await w.token(w.login())

    said = await w.introspect(token)

    assert said["active"] is True
    for name in ("iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti", "acr", "auth_time"):
        assert said[name] == payload(token)[name]
    assert said["authorization_details"] == payload(token)["authorization_details"]
    assert "niss" not in str(said)


async def test_inv_59_a_token_whose_grant_ended_is_inactive_at_once(w):
    token = await w.token(w.login())
    w.end(w.grants[0])
    assert await w.introspect(token) == INACTIVE


async def test_inv_59_one_of_two_roles_ended(w):
    w.grant(role="primes.suivre")
    token = await w.token(w.login())
    w.end(w.grants[0])

    said = await w.introspect(token)

    [detail] = said["authorization_details"]
    assert detail["actions"] == ["primes.suivre"]
    assert [role["code"] for role in detail["mandate"]["roles"]] == ["primes.suivre"]
    before = payload(token)["authorization_details"][0]["mandate"]["revision"]
    assert said["revision"] != before


async def test_inv_59_a_role_given_anew_does_not_revive_an_old_token(w):
    token = await w.token(w.login())
    w.end(w.grants[0])
    w.grant()
    assert await w.introspect(token) == INACTIVE
    assert (await w.introspect(await w.token(w.login())))["active"]


async def test_a_blocked_person(w):
    token = await w.token(w.login())
    w.blocked.add(w.person("karim"))
    assert await w.introspect(token) == INACTIVE


@pytest.mark.parametrize(("seconds", "active"), [(299, True), (300, False), (301, False)])
async def test_inv_56_after_its_end(w, clock, seconds, active):
    token = await w.token(w.login(seconds=900))
    clock.advance(seconds=seconds)
    assert (await w.introspect(token))["active"] is active


async def test_case_43_another_portals_token_is_inactive(w):
    w.grant(role="permis.suivre")
    for mine, other in (("primes", "permis"), ("permis", "primes")):
        token = await w.token(w.login(azp=mine), client=mine)
        assert (await w.introspect(token, client=mine))["active"]
        assert await w.introspect(token, client=other) == INACTIVE


@pytest.mark.parametrize("token", ["x", "a.b.c", "é", "..", "a" * 20_000])
async def test_whatever_is_no_token_is_inactive(w, token):
    assert await w.introspect(token) == INACTIVE


async def test_every_changed_part_is_inactive(w):
    token = await w.token(w.login())
    for place in range(0, len(token), 23):
        other = "A" if token[place] != "A" else "B"
        assert await w.introspect(token[:place] + other + token[place + 1 :]) == INACTIVE


async def test_a_citizens_token(w):
    token = await w.token(w.login(), None)
    assert (await w.introspect(token))["authorization_details"][0]["mandate"]["capacity"] == "citizen"


async def test_a_well_signed_token_that_is_not_on_record(w, db):
    from sqlalchemy import text

    token = await w.token(w.login())
    async with db.write() as conn:
        await conn.execute(text("DELETE FROM tokens_issue"))
    assert await w.introspect(token) == INACTIVE


async def test_an_answer_is_never_kept(w):
    answer = await w.post("/oauth2/introspect", {"token": "x"})
    assert answer.headers["cache-control"] == "no-store"


async def test_the_caller_must_prove_himself(w):
    for path in ("/oauth2/introspect", "/oauth2/revoke"):
        answer = await w.post(path, {"token": await w.token(w.login())}, client=None)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_token_is_required(w):
    for path in ("/oauth2/introspect", "/oauth2/revoke"):
        answer = await w.post(path, {"token_type_hint": "access_token"})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_an_unknown_hint_is_passed_over(w):
    token = await w.token(w.login())
    answer = await w.post("/oauth2/introspect", {"token": token, "token_type_hint": "refresh_token"})
    assert answer.json()["active"]


class TestRevoke:
    async def test_a_revoked_token_is_inactive_and_a_new_one_is_not(self, w):
        token, other = await w.token(w.login()), await w.token(w.login())

        for _ in range(2):
            answer = await w.post("/oauth2/revoke", {"token": token, "token_type_hint": "colour"})
            assert (answer.status_code, answer.content) == (200, b"")

        assert await w.introspect(token) == INACTIVE
        assert (await w.introspect(other))["active"]

    async def test_a_foreign_token_is_answered_alike_and_stays(self, w):
        w.grant(role="permis.suivre")
        token = await w.token(w.login())
        for each in (token, "nothing"):
            answer = await w.post("/oauth2/revoke", {"token": each}, client="permis")
            assert (answer.status_code, answer.content) == (200, b"")
        assert (await w.introspect(token))["active"]

    async def test_revocations_are_forgotten_when_the_token_has_ended(self, w, db, clock):
        token = await w.token(w.login())
        await w.post("/oauth2/revoke", {"token": token})
        async with db.write() as conn:
            assert await record.forget_revoked(conn, clock()) == 0
            assert await record.forget_revoked(conn, clock() + timedelta(seconds=301)) == 1
