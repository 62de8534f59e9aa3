"""POST /access/v1/evaluation: AuthZEN Authorization API 1.0, row by row of STANDARDS 1.5."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text as sql

from iam.kernel.assurance import Level
from iam.portals.authentication import hash_of
from tests.support.oauth import DUPONT, ISSUER, OTHER, SECRETS, payload, world
from tests.support.outage import outage

pytestmark = pytest.mark.anyio
NO = {"decision": False, "context": {"reason": "noRight"}}


@pytest.fixture
async def w(db, clock):
    made = await world(db, clock)
    made.grant()
    made.sub = payload(await made.token(made.login()))["sub"]
    yield made
    await made.client.aclose()


def asks(sub, action="primes.deposer", number=DUPONT.digits, **more):
    return {
        "subject": {"type": "person", "id": sub},
        "action": {"name": action},
        "resource": {"type": "enterprise", "id": number},
        **more,
    }


async def test_a_permit_says_on_what_it_rests(w, clock):
    w.grants[0].until = clock() + timedelta(days=1)
    answer = await w.evaluate(asks(w.sub))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["decision"] is True
    assert answer.json()["context"]["roles"] == ["primes.deposer"]
    assert answer.json()["context"]["until"] == "2026-11-25T09:00:00Z"


async def test_a_demarche_is_allowed_by_any_of_its_roles(w):
    assert (await w.evaluate(asks(w.sub, "demander-prime"))).json()["decision"] is True


@pytest.mark.parametrize("change", [
    {"action": "primes.suivre"}, {"action": "permis.suivre"}, {"action": "PRIMES.DEPOSER"}, {"action": "nothing"},
    {"number": OTHER.digits}, {"number": "0200065765"}, {"number": "1900000068"}, {"number": "1900.000.069"},
    {"number": "900000069"}, {"sub": "nobody"},
])  # fmt: skip
async def test_inv_62_a_denial_is_200_and_coarse(w, change):
    answer = await w.evaluate(asks(change.pop("sub", w.sub), **change))
    assert (answer.status_code, answer.json()) == (200, NO)


async def test_inv_59_the_decision_follows_the_grant(w):
    w.end(w.grants[0])
    assert (await w.evaluate(asks(w.sub))).json() == NO


async def test_inv_57_another_portals_name_for_a_person_is_nobodys(w):
    assert (await w.evaluate(asks(w.sub, "permis.suivre"), client="permis")).json() == NO
    w.grant(role="permis.suivre")
    assert (await w.evaluate(asks(w.sub, "permis.suivre"), client="permis")).json() == NO


@pytest.mark.parametrize("kind", ["user", "PERSON", "enterprise"])
async def test_types_we_do_not_know_are_denied(w, kind):
    for name in ("subject", "resource"):
        body = asks(w.sub)
        body[name]["type"] = kind if name == "subject" else "person"
        assert (await w.evaluate(body)).json() == NO


async def test_decision_and_token_agree_about_the_level(w):
    w.grant(role="primes.signer", level=Level.EID)
    weak = (await w.evaluate(asks(w.sub, "primes.signer"))).json()
    assert weak == {"decision": False, "context": {"reason": "levelTooLow", "acr_values": Level.EID.acr}}

    await w.token(w.login(level=Level.EID))
    assert (await w.evaluate(asks(w.sub, "primes.signer"))).json()["decision"] is True
    lower = asks(w.sub, "primes.signer", context={"acr": Level.ITSME.acr})
    assert (await w.evaluate(lower)).json()["decision"] is False


async def test_a_level_that_was_not_proven_gains_nothing(w):
    w.grant(role="primes.signer", level=Level.EID)
    boast = asks(w.sub, "primes.signer", context={"acr": Level.EID.acr})
    assert (await w.evaluate(boast)).json()["decision"] is False


async def test_what_a_caller_asserts_about_the_subject_is_not_believed(w):
    body = asks(w.sub, "primes.suivre")
    body["subject"]["properties"] = {"role": "admin", "roles": ["primes.suivre"]}
    assert (await w.evaluate(body)).json() == NO


async def test_unknown_members_are_passed_over(w):
    body = asks(w.sub, colour="blue", evaluations=[], options={})
    body["subject"]["colour"] = "blue"
    assert (await w.evaluate(body)).json()["decision"] is True


def without(name, member=None):
    body = asks("x")
    if member is None:
        del body[name]
    else:
        del body[name][member]
    return body


def with_(name, member, value):
    body = asks("x")
    if member is None:
        body[name] = value
    else:
        body[name][member] = value
    return body


@pytest.mark.parametrize("body", [
    [], 1, "x", None, {},
    without("subject"), without("action"), without("resource"),
    without("subject", "type"), without("subject", "id"), without("action", "name"),
    without("resource", "type"), without("resource", "id"),
    with_("subject", None, "x"), with_("subject", "id", 1), with_("subject", "id", ""), with_("subject", "id", None),
    with_("subject", "id", "a\0b"), with_("subject", "id", "a\ud800"), with_("subject", "id", "x" * 513), with_("action", "name", ["x"]),
    with_("resource", "id", 1900000069), with_("subject", "properties", 1), with_("context", None, 1),
    with_("context", None, {"acr": 5}),
])  # fmt: skip
async def test_400_for_what_is_no_evaluation(w, body):
    answer = await w.evaluate(body)
    assert answer.status_code == 400
    assert "decision" not in answer.json()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"{}{}", b'{"a":NaN}', b"[" * 9000])
async def test_400_for_a_body_that_is_no_json(w, content):
    assert (await w.evaluate(None, content=content)).status_code == 400


async def test_400_for_a_repeated_name(w):
    text = json.dumps(asks(w.sub))
    twice = text[:-1] + ', "action": {"name": "primes.suivre"}}'
    assert (await w.evaluate(None, content=twice.encode())).status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded", "application/jsonp"])
async def test_400_for_another_content_type(w, kind):
    assert (await w.evaluate(asks(w.sub), headers={"content-type": kind})).status_code == 400


async def test_the_body_has_a_limit(w):
    text = json.dumps(asks(w.sub)).encode()
    assert (await w.evaluate(None, content=text.ljust(16 * 1024))).status_code == 200
    assert (await w.evaluate(None, content=text.ljust(16 * 1024 + 1))).status_code == 413


async def test_the_request_id_comes_back_unchanged(w):
    for body in (asks(w.sub), {}):
        answer = await w.evaluate(body, headers={"X-Request-ID": "bfe9eb29-ab87"})
        assert answer.headers["x-request-id"] == "bfe9eb29-ab87"
    assert "x-request-id" not in (await w.evaluate(asks(w.sub))).headers


async def test_the_same_request_gets_the_same_decision(w):
    answers = [(await w.evaluate(asks(w.sub))).content for _ in range(3)]
    assert len(set(answers)) == 1


async def test_401_is_about_the_caller(w):
    for more in ({"client": None}, {"client": None, "headers": {"authorization": "Basic eDp5"}}):
        answer = await w.evaluate(asks(w.sub), **more)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_a_secret_that_was_withdrawn_and_a_portal_that_was_are_401_at_once(w, db):
    assert (await w.evaluate(asks(w.sub))).status_code == 200
    async with db.write() as conn:
        await conn.execute(
            sql("UPDATE portals_portal SET secret_hashes = ARRAY[:other] WHERE client_id = 'primes'"),
            {"other": hash_of("another secret")},
        )
    assert (await w.evaluate(asks(w.sub))).status_code == 401
    async with db.write() as conn:
        await conn.execute(
            sql(
                "UPDATE portals_portal SET secret_hashes = ARRAY[:own], active = false WHERE client_id = 'primes'"
            ),
            {"own": hash_of(SECRETS["primes"])},
        )
    assert (await w.evaluate(asks(w.sub))).status_code == 401


async def test_a_caller_who_proves_nothing_does_not_learn_what_is_wrong(w):
    for content in (b"{", b"x" * (16 * 1024 + 1)):
        answer = await w.evaluate(None, client=None, content=content)
        assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})


async def test_while_the_database_is_away_the_answer_is_503_and_afterwards_as_before(w, db):
    assert (await w.evaluate(asks(w.sub))).status_code == 200
    with outage(db.url):
        answer = await w.evaluate(asks(w.sub))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert (await w.evaluate(asks(w.sub))).json()["decision"] is True


async def test_only_post(w):
    assert (await w.client.get("/access/v1/evaluation")).status_code == 405


async def test_discovery_names_only_what_exists(w):
    answer = await w.client.get("/.well-known/authzen-configuration")
    assert answer.json() == {
        "policy_decision_point": ISSUER,
        "access_evaluation_endpoint": f"{ISSUER}/access/v1/evaluation",
    }
