"""The stand-in speaks as FAS does (DOMAIN 4.1), so that what works with it works with the real one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from demo.fas.keys import Keys, load_or_make
from tests.support.fas import BASE, CLIENT, REDIRECT, FasClock, LocalFas, back, choices

pytestmark = pytest.mark.anyio

LEVEL = "urn:be:fedict:iam:fas:Level"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return load_or_make(tmp_path_factory.mktemp("fas-keys"))


@pytest.fixture
async def fas(keys: Keys, tmp_path: Path) -> AsyncIterator[LocalFas]:
    one = LocalFas(keys=keys, clock=FasClock(), folder=tmp_path)
    yield one
    await one.http.aclose()


class TestHabits:
    async def test_discovery_names_the_paths_of_fas(self, fas: LocalFas):
        read = (await fas.http.get("/fas/oauth2/.well-known/openid-configuration")).json()
        paths = {
            "issuer": "",
            "authorization_endpoint": "/authorize",
            "token_endpoint": "/access_token",
            "userinfo_endpoint": "/userinfo",
            "jwks_uri": "/connect/jwk_uri",
            "end_session_endpoint": "/connect/endSession",
        }
        assert {name: read[name] for name in paths} == {
            name: f"{BASE}/fas/oauth2{path}" for name, path in paths.items()
        }
        assert read["stand_in"] is True

    async def test_the_id_token_tells_the_level_and_userinfo_tells_who(self, fas: LocalFas):
        identity, told = await fas.claims(await fas.log_in("karim:itsme"))
        assert identity["acr"] == f"{LEVEL}450"
        assert identity["amr"] == ["bmid", f"{LEVEL}450"]
        assert identity["nonce"] == "the-nonce"
        assert identity["auth_time"] == fas.clock.second
        assert (identity["iss"], identity["aud"]) == (f"{BASE}/fas/oauth2", CLIENT[0])
        assert (told["iss"], told["aud"], told["sub"]) == (f"{BASE}/fas/oauth2", CLIENT[0], identity["sub"])
        assert (told["givenName"], told["surname"], told["prefLanguage"]) == ("Karim", "Benali", "fr")
        assert told["egovNRN"] == "71000000333"
        assert "egovNRN" not in identity

    async def test_without_the_scope_there_is_no_number(self, fas: LocalFas):
        _, told = await fas.claims(await fas.log_in("karim:eid", scope="openid profile"))
        assert "egovNRN" not in told
        assert told["givenName"] == "Karim"

    async def test_the_subject_is_stable_and_says_nothing(self, fas: LocalFas, keys: Keys, tmp_path: Path):
        one, _ = await fas.claims(await fas.log_in("karim:eid"))
        later = LocalFas(keys=keys, clock=FasClock(), folder=tmp_path)
        two, _ = await later.claims(await later.log_in("karim:totp"))
        await later.http.aclose()
        assert one["sub"] == two["sub"]
        assert "karim" not in one["sub"]


class TestCodes:
    async def test_a_code_is_good_once(self, fas: LocalFas):
        answer = await fas.log_in("karim:eid")
        assert (await fas.redeem(answer)).status_code == 200
        again = await fas.redeem(answer)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")

    async def test_a_code_ends_after_a_minute(self, fas: LocalFas):
        answer = await fas.log_in("karim:eid")
        fas.clock.second += 60
        assert (await fas.redeem(answer)).json()["error"] == "invalid_grant"

    async def test_the_verifier_must_fit_the_challenge(self, fas: LocalFas):
        answer = await fas.redeem(await fas.log_in("karim:eid"), code_verifier="w" * 64)
        assert answer.json()["error"] == "invalid_grant"

    @pytest.mark.parametrize("method", [None, "plain"])
    async def test_a_request_without_s256_is_refused(self, fas: LocalFas, method):
        assert back(await fas.authorize(code_challenge_method=method))["error"] == "invalid_request"
        assert back(await fas.authorize(code_challenge=None))["error"] == "invalid_request"

    async def test_a_wrong_client_secret_is_refused(self, fas: LocalFas):
        answer = await fas.log_in("karim:eid")
        data = {"grant_type": "authorization_code", "code": back(answer)["code"], "redirect_uri": REDIRECT}
        wrong = await fas.http.post("/fas/oauth2/access_token", data=data, auth=(CLIENT[0], "x" * 20))
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")

    @pytest.mark.parametrize(
        "changed",
        [
            {"redirect_uri": f"{REDIRECT}/"},
            {"redirect_uri": "http://evil.example/"},
            {"client_id": "somebody"},
        ],
    )
    async def test_an_unknown_address_or_client_gets_no_redirect(self, fas: LocalFas, changed):
        answer = await fas.authorize(**changed)
        assert answer.status_code == 400
        assert "location" not in answer.headers

    async def test_userinfo_without_a_token_is_refused(self, fas: LocalFas):
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eA=="}):
            assert (await fas.http.get("/fas/oauth2/userinfo", headers=headers)).status_code == 401


class TestSession:
    async def test_a_live_session_answers_without_a_page(self, fas: LocalFas):
        first, _ = await fas.claims(await fas.log_in("karim:eid"))
        fas.clock.second += 60
        second, _ = await fas.claims(await fas.authorize())
        assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])

    async def test_prompt_login_asks_again(self, fas: LocalFas):
        await fas.log_in("karim:eid")
        page = await fas.authorize(prompt="login")
        assert page.status_code == 200
        fas.clock.second += 5
        identity, _ = await fas.claims(await fas.choose(page, "karim:eid"))
        assert identity["auth_time"] == fas.clock.second

    async def test_prompt_none_without_a_session_is_an_answer_not_a_page(self, fas: LocalFas):
        assert back(await fas.authorize(prompt="none"))["error"] == "login_required"
        await fas.log_in("karim:itsme")
        assert "code" in back(await fas.authorize(prompt="none"))
        assert back(await fas.authorize(prompt="none", acr_values=f"{LEVEL}500"))["error"] == "login_required"

    @pytest.mark.parametrize(("age", "asks"), [(99, False), (100, False), (101, True)])
    async def test_max_age_asks_again_when_the_login_is_older(self, fas: LocalFas, age, asks):
        await fas.log_in("karim:eid")
        fas.clock.second += age
        assert ((await fas.authorize(max_age="100")).status_code == 200) is asks

    async def test_max_age_zero_always_asks(self, fas: LocalFas):
        await fas.log_in("karim:eid")
        assert (await fas.authorize(max_age="0")).status_code == 200

    async def test_a_weaker_session_does_not_satisfy_a_stronger_wish(self, fas: LocalFas):
        await fas.log_in("karim:itsme")
        assert (await fas.authorize(acr_values=f"{LEVEL}450")).status_code == 303
        assert (await fas.authorize(acr_values=f"{LEVEL}500")).status_code == 200

    async def test_end_session_goes_back_and_forgets(self, fas: LocalFas):
        tokens = (await fas.redeem(await fas.log_in("karim:eid"))).json()
        address = f"{REDIRECT}/logout_response"
        parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": address, "state": "s"}
        answer = await fas.http.get("/fas/oauth2/connect/endSession", params=parameters)
        assert answer.headers["location"] == f"{address}?state=s"
        assert (await fas.authorize()).status_code == 200

    async def test_end_session_never_redirects_elsewhere(self, fas: LocalFas):
        tokens = (await fas.redeem(await fas.log_in("karim:eid"))).json()
        parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": "http://evil.example/"}
        answer = await fas.http.get("/fas/oauth2/connect/endSession", params=parameters)
        assert "location" not in answer.headers

    async def test_end_session_without_a_hint_asks_first(self, fas: LocalFas):
        await fas.log_in("karim:eid")
        assert (await fas.http.get("/fas/oauth2/connect/endSession")).status_code == 200
        assert (await fas.authorize()).status_code == 303, "still logged in"
        await fas.http.post("/fas/oauth2/connect/endSession", data={"confirmed": "yes"})
        assert (await fas.authorize()).status_code == 200

    async def test_a_forged_hint_ends_nothing(self, fas: LocalFas):
        await fas.log_in("karim:eid")
        answer = await fas.http.get("/fas/oauth2/connect/endSession", params={"id_token_hint": "a.b.c"})
        assert answer.status_code == 400
        assert (await fas.authorize()).status_code == 303, "still logged in"


class TestChoice:
    @pytest.mark.parametrize(
        ("acr_values", "offered"),
        [
            (None, {"eid", "itsme", "totp"}),
            (f"{LEVEL}500", {"eid"}),
            (f"{LEVEL}450", {"eid", "itsme"}),
            (f"{LEVEL}400", {"eid", "itsme", "totp"}),
            (f"{LEVEL}500 {LEVEL}450", {"eid", "itsme"}),
            ("urn:example:other", {"eid", "itsme", "totp"}),
        ],
    )
    async def test_only_what_acr_values_allow_is_offered(self, fas: LocalFas, acr_values, offered):
        assert choices(await fas.authorize(acr_values=acr_values)) == offered

    async def test_a_weaker_key_cannot_be_slipped_in(self, fas: LocalFas):
        answer = await fas.log_in("karim:itsme", acr_values=f"{LEVEL}500")
        assert answer.status_code == 400
        assert "location" not in answer.headers

    @pytest.mark.parametrize("choice", ["nobody:eid", "karim:pigeon", "karim", ""])
    async def test_an_impossible_choice_is_refused(self, fas: LocalFas, choice):
        assert (await fas.log_in(choice)).status_code == 400

    async def test_cancelling_tells_the_client(self, fas: LocalFas):
        answer = back(await fas.log_in("cancel"))
        assert (answer["error"], answer["state"]) == ("access_denied", "the-state")

    async def test_an_old_page_says_that_it_is_old(self, fas: LocalFas):
        page = await fas.authorize()
        fas.clock.second += 1800
        answer = await fas.choose(page, "karim:eid")
        assert answer.status_code == 400
        assert "expiré" in answer.text

    async def test_a_second_click_is_harmless(self, fas: LocalFas):
        page = await fas.authorize()
        assert "code" in back(await fas.choose(page, "karim:eid"))
        assert "code" in back(await fas.choose(page, "karim:eid"))
