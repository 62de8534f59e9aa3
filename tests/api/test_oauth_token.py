"""POST /oauth2/token: every row of RFC 8693 §2.1 as we read it, once right and once wrong."""

import json
from datetime import timedelta
from typing import ClassVar

import jwt
import pytest
from sqlalchemy import text

from iam.kernel.assurance import Level
from tests.support.oauth import (
    ACCESS_TOKEN,
    DUPONT,
    EXCHANGE,
    ISSUER,
    OTHER,
    SECRETS,
    TYPE,
    header,
    payload,
    world,
)
from tests.support.outage import interrupt, outage

pytestmark = pytest.mark.anyio


@pytest.fixture
async def w(db, clock):
    made = await world(db, clock)
    made.grant()
    yield made
    await made.client.aclose()


def refused(answer, code, status=400):
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert "access_token" not in answer.json()


async def issues(db):
    async with db.read() as conn:
        return (await conn.execute(text("SELECT * FROM tokens_issue ORDER BY issued_at"))).all()


class TestAnswer:
    async def test_a_role_holder_gets_a_mandate_token(self, w):
        answer = await w.exchange(w.login())

        body = answer.json()
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert body["issued_token_type"] == ACCESS_TOKEN
        assert body["token_type"] == "Bearer"
        assert body["expires_in"] == 300
        [detail] = body["authorization_details"]
        assert detail["type"] == TYPE
        assert detail["identifier"] == "1900000069"
        assert detail["actions"] == ["primes.deposer"]
        assert detail["locations"] == ["https://primes.test"]
        assert detail["mandate"]["capacity"] == "role_holder"
        assert detail["mandate"]["basis"] == "role_grant"
        assert detail["mandate"]["name"] == "Menuiserie Dupont SRL"
        assert detail["mandate"]["roles"] == [{"code": "primes.deposer", "grant": str(w.grants[0].id)}]

    async def test_inv_56_the_token_has_every_claim_and_a_short_life(self, w, clock):
        token = await w.token(w.login())

        said = payload(token)
        now = int(clock().timestamp())
        assert header(token).keys() == {"alg", "kid", "typ"}
        assert (header(token)["typ"], header(token)["alg"]) == ("at+jwt", "ES256")
        assert said["iss"] == ISSUER
        assert said["aud"] == "https://primes.test"
        assert (said["iat"], said["nbf"], said["exp"]) == (now, now, now + 300)
        assert said["client_id"] == "primes"
        assert len(said["jti"]) == 36
        assert said["auth_time"] == now

    async def test_inv_56_the_signature_holds_under_the_published_key(self, w, clock):
        token = await w.token(w.login())

        keys = (await w.client.get("/.well-known/jwks.json")).json()["keys"]
        [key] = [each for each in keys if each["kid"] == header(token)["kid"]]
        read = jwt.decode(
            token, jwt.PyJWK(key), algorithms=["ES256"], audience="https://primes.test", issuer=ISSUER,
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )  # fmt: skip
        assert read == payload(token)

    async def test_inv_56_a_portal_may_be_served_in_rs256(self, w):
        w.grant(role="permis.suivre")

        token = await w.token(w.login(azp="permis"), client="permis")

        assert header(token)["alg"] == "RS256"
        assert payload(token)["exp"] - payload(token)["iat"] == 60  # this portal's own limit

    async def test_a_citizen_gets_a_token_without_enterprise(self, w):
        answer = await w.exchange(w.login(), None)

        [detail] = answer.json()["authorization_details"]
        assert detail.keys() == {"type", "locations", "mandate"}
        assert detail["mandate"].keys() == {"capacity", "basis", "revision"}
        assert (detail["mandate"]["capacity"], detail["mandate"]["basis"]) == ("citizen", "self")

    async def test_the_issue_is_on_record_with_what_the_token_says(self, w, db):
        token = await w.token(w.login())

        [row] = await issues(db)
        assert str(row.jti) == payload(token)["jti"]
        assert row.person_id == w.person("karim")
        assert row.number == "1900000069"
        assert [role["code"] for role in row.roles] == ["primes.deposer"]
        assert row.level == 450
        assert b"session-karim" not in bytes(row.session_hash)

    async def test_the_record_is_written_before_the_signature(self, w, db, monkeypatch):
        def fails(*_args):
            raise OSError

        monkeypatch.setattr("iam.tokens.rfc8693_exchange.sign", fails)

        refused(await w.exchange(w.login()), "temporarily_unavailable", 503)
        assert len(await issues(db)) == 1

    async def test_while_the_database_is_away_nothing_is_given_and_afterwards_it_is(self, w, db):
        token = await w.token(w.login())
        with outage(db.url):
            for answer in (
                await w.exchange(w.login()),
                await w.post("/oauth2/introspect", {"token": token}),
                await w.post("/oauth2/revoke", {"token": token}),
            ):
                refused(answer, "temporarily_unavailable", 503)
        assert (await w.introspect(token))["active"]
        assert await w.token(w.login())

    async def test_a_connection_that_was_cut_is_noticed_by_nobody(self, w, db):
        token = await w.token(w.login())
        assert interrupt(db.url) > 0
        assert (await w.introspect(token))["active"]
        assert interrupt(db.url) > 0
        assert await w.token(w.login())

    async def test_no_record_no_token(self, w, db):
        async with db.write() as conn:
            await conn.execute(text("DROP TABLE tokens_issue_p20261124"))

        answer = await w.exchange(w.login())

        refused(answer, "temporarily_unavailable", 503)
        assert answer.headers["retry-after"]


class TestGrantType:
    async def test_missing(self, w):
        refused(await w.exchange(w.login(), grant_type=None), "invalid_request")

    @pytest.mark.parametrize("other", ["client_credentials", "refresh_token", EXCHANGE.upper()])
    async def test_any_other(self, w, other):
        refused(await w.exchange(w.login(), grant_type=other), "unsupported_grant_type")


class TestSubjectToken:
    async def test_missing(self, w):
        refused(await w.exchange(None), "invalid_request")

    async def test_type_missing(self, w):
        refused(await w.exchange(w.login(), subject_token_type=None), "invalid_request")

    @pytest.mark.parametrize("kind", ["id_token", "refresh_token", "jwt", "saml2"])
    async def test_of_another_type(self, w, kind):
        other = f"urn:ietf:params:oauth:token-type:{kind}"
        refused(await w.exchange(w.login(), subject_token_type=other), "invalid_request")

    async def test_unknown_is_invalid_request_and_not_invalid_grant(self, w):
        refused(await w.exchange("nothing"), "invalid_request")

    async def test_too_long(self, w):
        refused(await w.exchange("x" * 16_385), "invalid_request")

    async def test_ended(self, w, clock):
        token = w.login(seconds=10)
        clock.advance(seconds=10)
        refused(await w.exchange(token), "invalid_request")

    async def test_a_mandate_token_is_not_a_subject(self, w):
        mandate = await w.token(w.login())
        refused(await w.exchange(mandate), "invalid_request")

    async def test_keycloak_cannot_be_reached(self, w):
        token = w.login()
        w.keycloak_is_down = True
        refused(await w.exchange(token), "temporarily_unavailable", 503)


class TestActor:
    @pytest.mark.parametrize(
        "more",
        [
            {"actor_token": "x"},
            {"actor_token_type": ACCESS_TOKEN},
            {"actor_token": "x", "actor_token_type": ACCESS_TOKEN},
        ],
    )
    async def test_is_refused(self, w, more):
        refused(await w.exchange(w.login(), **more), "invalid_request")


class TestTarget:
    @pytest.mark.parametrize("name", ["audience", "resource"])
    async def test_the_portals_own(self, w, name):
        answer = await w.exchange(w.login(), **{name: "https://primes.test"})
        assert payload(answer.json()["access_token"])["aud"] == "https://primes.test"

    @pytest.mark.parametrize("name", ["audience", "resource"])
    @pytest.mark.parametrize(
        "value", ["https://permis.test", "https://primes.test/", "primes", "https://primes.test#x"]
    )
    async def test_any_other(self, w, name, value):
        refused(await w.exchange(w.login(), **{name: value}), "invalid_target")

    async def test_two(self, w):
        form = (
            f"grant_type={EXCHANGE}&subject_token=x&audience=https://primes.test&audience=https://permis.test"
        )
        refused(await w.post("/oauth2/token", None, content=form), "invalid_target")


class TestRequestedTokenType:
    @pytest.mark.parametrize("kind", ["access_token", "jwt"])
    async def test_access_token_or_jwt(self, w, kind):
        answer = await w.exchange(w.login(), requested_token_type=f"urn:ietf:params:oauth:token-type:{kind}")
        assert answer.json()["issued_token_type"] == ACCESS_TOKEN

    async def test_any_other(self, w):
        other = "urn:ietf:params:oauth:token-type:refresh_token"
        refused(await w.exchange(w.login(), requested_token_type=other), "invalid_request")


class TestScope:
    async def test_is_refused(self, w):
        refused(await w.exchange(w.login(), scope="primes.deposer"), "invalid_scope")


class TestAuthorizationDetails:
    GOOD: ClassVar = {"type": TYPE, "identifier": "1900000069"}

    @pytest.mark.parametrize(
        "more", [{}, {"actions": ["primes.deposer"]}, {"locations": ["https://primes.test"]}]
    )
    async def test_accepted(self, w, more):
        answer = await w.exchange(w.login(), authorization_details=json.dumps([{**self.GOOD, **more}]))
        assert answer.status_code == 200, answer.text

    @pytest.mark.parametrize(
        "details",
        [
            "{", "null", "{}", "[]", "[1]", "[{}]", "[" * 5000, "[NaN]",
            json.dumps([GOOD, GOOD]),
            json.dumps([{**GOOD, "type": "urn:wallonie:mandate:1"}]),
            json.dumps([{**GOOD, "type": None}]),
            json.dumps([{**GOOD, "privileges": ["all"]}]),
            json.dumps([{**GOOD, "mandate": {"capacity": "legal_representative"}}]),
            json.dumps([{"type": TYPE}]),
            json.dumps([{**GOOD, "identifier": 1900000069}]),
            json.dumps([{**GOOD, "identifier": "1900.000.069"}]),
            json.dumps([{**GOOD, "identifier": "1900000068"}]),
            json.dumps([{**GOOD, "identifier": "１900000069"}]),
            json.dumps([{**GOOD, "identifier": "1900000069\n"}]),
            json.dumps([{**GOOD, "actions": []}]),
            json.dumps([{**GOOD, "actions": "primes.deposer"}]),
            json.dumps([{**GOOD, "actions": [1]}]),
            json.dumps([{**GOOD, "actions": ["permis.suivre"]}]),
            json.dumps([{**GOOD, "actions": ["PRIMES.DEPOSER"]}]),
            json.dumps([{**GOOD, "actions": ["primes.deposer"] * 2}]),
            json.dumps([{**GOOD, "locations": ["https://permis.test"]}]),
            json.dumps([{**GOOD, "locations": ["https://primes.test", "https://permis.test"]}]),
            f'[{{"type":"{TYPE}","identifier":"0314595348","identifier":"1900000069"}}]',
            json.dumps([{**GOOD, "x" * 5000: 1}]),
        ],
    )  # fmt: skip
    async def test_refused(self, w, details):
        refused(await w.exchange(w.login(), authorization_details=details), "invalid_authorization_details")

    async def test_a_portal_without_citizens_must_name_an_enterprise(self, w):
        refused(await w.exchange(w.login(azp="permis"), None, client="permis"), "unauthorized_client")


class TestClientAuthentication:
    async def test_post(self, w):
        answer = await w.exchange(w.login(), client=None, client_id="primes", client_secret=SECRETS["primes"])
        assert answer.status_code == 200

    async def test_none(self, w):
        answer = await w.exchange(w.login(), client=None)
        refused(answer, "invalid_client", 401)
        assert answer.headers["www-authenticate"].startswith("Basic ")

    @pytest.mark.parametrize(
        ("client_id", "secret"),
        [
            ("primes", "wrong"),
            ("primes", SECRETS["permis"]),
            ("PRIMES", SECRETS["primes"]),
            ("nobody", "x"),
            ("a\0b", "x"),
        ],
    )
    async def test_wrong(self, w, client_id, secret):
        answer = await w.exchange(w.login(), client=None, client_id=client_id, client_secret=secret)
        refused(answer, "invalid_client", 401)

    async def test_a_withdrawn_portal(self, w):
        refused(await w.exchange(w.login(azp="vieux"), client="vieux"), "invalid_client", 401)

    async def test_both_ways_at_once(self, w):
        more = {"client_id": "primes", "client_secret": SECRETS["primes"]}
        refused(await w.exchange(w.login(), **more), "invalid_request")

    async def test_another_client_id_beside_basic(self, w):
        refused(await w.exchange(w.login(), client_id="permis"), "invalid_request")

    @pytest.mark.parametrize(
        "value", ["Basic", "Basic !!!", "Basic cHJpbWVz", "Bearer abc", "Basic " + "a" * 2000]
    )
    async def test_unreadable(self, w, value):
        form = {"grant_type": EXCHANGE}
        answer = await w.post("/oauth2/token", form, client=None, headers={"authorization": value})
        refused(answer, "invalid_client", 401)

    async def test_a_second_secret_works_while_it_changes(self, w, db):
        from iam.portals.authentication import hash_of

        async with db.write() as conn:
            await conn.execute(
                text(
                    "UPDATE portals_portal SET secret_hashes = secret_hashes || :new WHERE client_id = 'primes'"
                ),
                {"new": hash_of("a-new-secret-of-the-portal")},
            )
        more = {"client_id": "primes", "client_secret": "a-new-secret-of-the-portal"}
        assert (await w.exchange(w.login(), client=None, **more)).status_code == 200
        assert (await w.exchange(w.login())).status_code == 200

    async def test_a_secret_that_was_withdrawn_and_a_portal_that_was_are_refused_at_once(self, w, db):
        from iam.portals.authentication import hash_of

        token = await w.token(w.login())
        change = text(
            "UPDATE portals_portal SET secret_hashes = ARRAY[:one], active = :is WHERE client_id = 'primes'"
        )
        for one, is_active in ("another secret of the portal", True), (SECRETS["primes"], False):
            async with db.write() as conn:
                await conn.execute(change, {"one": hash_of(one), "is": is_active})
            refused(await w.exchange(w.login()), "invalid_client", 401)
            for path in ("introspect", "revoke"):
                refused(await w.post(f"/oauth2/{path}", {"token": token}), "invalid_client", 401)

    async def test_who_proves_nothing_does_not_learn_what_else_is_wrong(self, w):
        more = {"client_id": "primes", "client_secret": "wrong"}
        refused(await w.exchange("x" * 20_000, client=None, **more), "invalid_client", 401)
        refused(await w.post("/oauth2/introspect", {}, client=None), "invalid_client", 401)


class TestForm:
    async def test_credentials_in_the_address(self, w):
        answer = await w.post(f"/oauth2/token?client_id=primes&client_secret={SECRETS['primes']}", {})
        refused(answer, "invalid_request")

    @pytest.mark.parametrize(
        "kind",
        ["application/json", "multipart/form-data", "", "application/x-www-form-urlencoded; charset=latin1"],
    )
    async def test_another_content_type(self, w, kind):
        refused(await w.post("/oauth2/token", {}, headers={"content-type": kind}), "invalid_request")

    @pytest.mark.parametrize(
        "name", ["grant_type", "subject_token", "authorization_details", "client_id", "unknown"]
    )
    async def test_a_repeated_parameter(self, w, name):
        refused(await w.post("/oauth2/token", None, content=f"{name}=a&{name}=a"), "invalid_request")

    async def test_an_empty_parameter_is_as_good_as_none(self, w):
        assert (await w.exchange(w.login(), scope="", actor_token="", audience="")).status_code == 200

    async def test_an_unknown_parameter_is_passed_over(self, w):
        assert (await w.exchange(w.login(), colour="blue")).status_code == 200

    @pytest.mark.parametrize(
        ("content", "fits"), [("x=" + "a" * (32 * 1024 - 2), True), ("x=" + "a" * (32 * 1024 - 1), False)]
    )
    async def test_the_body_has_a_limit(self, w, content, fits):
        answer = await w.post("/oauth2/token", None, content=content)
        refused(answer, "invalid_request")
        assert ("too long" in answer.json()["error_description"]) is not fits

    @pytest.mark.parametrize("content", [b"\xff=1", b"a&b", b"a=%ff", "&".join(f"p{n}=1" for n in range(41))])
    async def test_not_a_form(self, w, content):
        refused(await w.post("/oauth2/token", None, content=content), "invalid_request")

    async def test_an_encoded_body(self, w):
        refused(await w.post("/oauth2/token", {}, headers={"content-encoding": "gzip"}), "invalid_request")

    async def test_only_post(self, w):
        assert (await w.client.get("/oauth2/token")).status_code == 405


class TestNo:
    """Success stands in TestAnswer from the same world: each of these differs from it in one thing."""

    def denied(self, answer):
        refused(answer, "access_denied")
        assert answer.json()["reason"] == "noRight"

    async def test_inv_62_no_grant(self, w):
        self.denied(await w.exchange(w.login("luc")))

    async def test_inv_62_another_enterprise(self, w):
        self.denied(await w.exchange(w.login(), OTHER))

    async def test_inv_62_another_role_than_the_one_held(self, w):
        self.denied(await w.exchange(w.login(), actions=["primes.suivre"]))

    async def test_inv_62_an_unknown_enterprise_is_answered_like_a_foreign_one(self, w):
        from iam.kernel.numbers import EnterpriseNumber

        foreign = await w.exchange(w.login(), OTHER)
        unknown = await w.exchange(w.login(), EnterpriseNumber("0200065765"))
        assert (unknown.status_code, unknown.content) == (foreign.status_code, foreign.content)

    async def test_a_blocked_person(self, w):
        w.blocked.add(w.person("karim"))
        self.denied(await w.exchange(w.login()))

    async def test_inv_59_after_the_grant_ended(self, w):
        token = w.login()
        assert (await w.exchange(token)).status_code == 200
        w.end(w.grants[0])
        self.denied(await w.exchange(token))

    async def test_a_refusal_leaves_no_record(self, w, db):
        await w.exchange(w.login("luc"))
        assert await issues(db) == []
        async with db.read() as conn:
            assert (await conn.execute(text("SELECT count(*) FROM portals_pairwise"))).scalar_one() == 0


class TestRoles:
    async def test_inv_58_roles_are_held_and_within_the_portal_and_asked_for(self, w):
        w.grant(role="primes.suivre")
        w.grant(role="permis.suivre")
        w.grant(role="primes.signer", number=OTHER)

        every = payload(await w.token(w.login()))["authorization_details"][0]["actions"]
        asked = payload(await w.token(w.login(), actions=["primes.suivre", "primes.signer"]))

        assert sorted(every) == ["primes.deposer", "primes.suivre"]
        assert asked["authorization_details"][0]["actions"] == ["primes.suivre"]

    async def test_inv_58_another_enterprise_needs_another_token(self, w):
        w.grant(number=OTHER)
        one, other = await w.token(w.login()), await w.token(w.login(), OTHER)
        assert [payload(each)["authorization_details"][0]["identifier"] for each in (one, other)] == [
            DUPONT.digits, OTHER.digits,
        ]  # fmt: skip

    async def test_a_portal_that_may_not_know_the_name_does_not_get_it(self, w):
        w.grant(role="permis.suivre")
        token = await w.token(w.login(azp="permis"), client="permis")
        assert "name" not in payload(token)["authorization_details"][0]["mandate"]


class TestLevel:
    async def test_inv_60_acr_is_the_level_of_the_login(self, w):
        for level in (Level.TOTP, Level.ITSME, Level.EID):
            assert payload(await w.token(w.login(level=level)))["acr"] == level.acr

    async def test_inv_60_a_role_above_the_level_is_dropped_with_a_hint(self, w):
        w.grant(role="primes.signer", level=Level.EID)

        answer = (await w.exchange(w.login())).json()

        assert answer["authorization_details"][0]["actions"] == ["primes.deposer"]
        assert answer["step_up"] == [{"action": "primes.signer", "acr_values": Level.EID.acr}]
        assert "primes.signer" not in json.dumps(payload(answer["access_token"]))

    async def test_inv_60_the_only_role_above_the_level_is_a_step_up(self, w):
        w.grant(role="primes.signer", level=Level.EID)
        answer = await w.exchange(w.login(), actions=["primes.signer"])
        refused(answer, "insufficient_user_authentication")
        assert answer.json()["acr_values"] == Level.EID.acr

    async def test_inv_60_a_portal_that_wants_more_than_the_login(self, w):
        w.grant(role="permis.suivre")
        weak = await w.exchange(w.login(azp="permis", level=Level.TOTP), client="permis")
        refused(weak, "insufficient_user_authentication")
        assert weak.json()["acr_values"] == Level.ITSME.acr


class TestLifetime:
    @pytest.mark.parametrize(("seconds", "lives"), [(299, 299), (300, 300), (301, 300), (1, 1)])
    async def test_inv_56_never_longer_than_the_login(self, w, seconds, lives):
        assert (await w.exchange(w.login(seconds=seconds))).json()["expires_in"] == lives

    @pytest.mark.parametrize(("seconds", "lives"), [(299, 299), (300, 300), (301, 300), (1, 1)])
    async def test_inv_58_never_longer_than_the_grant(self, w, clock, seconds, lives):
        w.grants[0].until = clock() + timedelta(seconds=seconds)
        answer = (await w.exchange(w.login())).json()
        assert answer["expires_in"] == lives
        [role] = answer["authorization_details"][0]["mandate"]["roles"]
        assert role["until"] == w.grants[0].until.isoformat().replace("+00:00", "Z")

    async def test_a_fraction_of_a_second_is_no_token(self, w, clock):
        w.grants[0].until = clock() + timedelta(milliseconds=900)
        refused(await w.exchange(w.login()), "invalid_request")


class TestPairwise:
    async def test_inv_57_the_same_person_has_another_name_at_each_portal(self, w):
        w.grant(role="permis.suivre")
        one = payload(await w.token(w.login()))["sub"]
        again = payload(await w.token(w.login()))["sub"]
        other = payload(await w.token(w.login(azp="permis"), client="permis"))["sub"]
        assert one == again
        assert one != other
        assert str(w.person("karim")) not in {one, other}

    async def test_inv_57_two_persons_have_two_names(self, w):
        w.grant("luc")
        assert payload(await w.token(w.login()))["sub"] != payload(await w.token(w.login("luc")))["sub"]

    async def test_inv_57_a_name_once_given_stays_when_the_key_changes(self, w):
        before = payload(await w.token(w.login()))["sub"]
        w.with_service(pairwise_key=b"another" * 5)
        after = payload(await w.token(w.login(level=Level.EID)))["sub"]
        assert before == after
