"""How surely somebody logged in: what FAS said, never what was asked, never what was left from before."""

import json
import time

import httpx2
import pytest

from tests.support.login import EID, ITSME, TOTP, Browser, LoginFailed, introspect
from tests.support.realm import Fas, Keycloak

pytestmark = [pytest.mark.keycloak, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("means", "level"), [("eid", EID), ("itsme", ITSME), ("totp", TOTP)])
def test_inv_60_the_acr_of_the_tokens_is_the_level_really_used(
    browser: Browser, keycloak: Keycloak, means, level
):
    tokens = browser.log_in("karim", means)
    assert tokens.access["acr"] == level
    assert tokens.identity["acr"] == level
    assert introspect(keycloak, tokens.access_token)["acr"] == level


def test_inv_60_a_weaker_login_than_asked_is_told_as_it_was(browser: Browser, fas: Fas):
    fas.misbehave(persona="karim", acr=TOTP)
    tokens = browser.log_in("karim", "eid", acr_values=EID)
    assert tokens.access["acr"] == TOTP


def test_a_login_without_acr_does_not_keep_the_level_of_the_login_before(
    browser: Browser, fas: Fas, keycloak: Keycloak
):
    first = browser.log_in("karim", "eid")
    fas.misbehave(persona="karim", acr="none")
    second = browser.log_in("karim", "eid", prompt="login")
    assert second.access["sid"] == first.access["sid"], "the same session, otherwise this test shows nothing"
    assert second.access["acr"] == "none"
    assert introspect(keycloak, second.access_token)["acr"] == "none"


def test_an_acr_that_is_not_of_fas_is_not_taken(browser: Browser, fas: Fas):
    fas.misbehave(persona="karim", acr="urn:example:Level500")
    assert browser.log_in("karim").access["acr"] == "none"


def test_acr_values_reach_fas_and_the_page_offers_only_what_satisfies_them(browser: Browser):
    tokens = browser.log_in("karim", "itsme", acr_values=ITSME)
    assert tokens.asked_of_fas()[0]["acr_values"] == [ITSME]
    assert {choice.partition(":")[2] for choice in browser.choices} == {"eid", "itsme"}


def test_prompt_login_reaches_fas_and_gives_a_new_time_of_login(browser: Browser):
    first = browser.log_in("karim", "itsme")
    _wait_for_the_next_second()
    second = browser.log_in("karim", "itsme", prompt="login")
    assert second.asked_of_fas()[0]["prompt"] == ["login"]
    assert browser.choices, "the person was asked again"
    assert second.access["auth_time"] > first.access["auth_time"]


def test_max_age_reaches_fas_and_gives_a_new_time_of_login(browser: Browser):
    first = browser.log_in("karim", "itsme")
    _wait_for_the_next_second()
    second = browser.log_in("karim", "itsme", max_age="0")
    assert second.asked_of_fas()[0]["max_age"] == ["0"]
    assert browser.choices, "FAS did not answer from its own session"
    assert second.access["auth_time"] > first.access["auth_time"]


def test_step_up_raises_the_level_of_the_session(browser: Browser):
    first = browser.log_in("karim", "itsme")
    stronger = browser.log_in("karim", "eid", acr_values=EID, prompt="login")
    assert (first.access["acr"], stronger.access["acr"]) == (ITSME, EID)
    assert stronger.access["sid"] == first.access["sid"]


def test_a_second_client_is_logged_in_silently_with_the_same_level_and_time(browser: Browser):
    first = browser.log_in("karim", "itsme")
    portal = browser.log_in_silently(client_id="portail-wallonie")
    assert portal.asked_of_fas() == []
    assert portal.access["acr"] == ITSME
    assert portal.access["auth_time"] == first.access["auth_time"]
    assert portal.access["sub"] == first.access["sub"]


def test_acr_values_alone_step_up_a_live_session(browser: Browser):
    first = browser.log_in("karim", "itsme")
    stronger = browser.log_in("karim", "eid", acr_values=EID)
    assert stronger.access["acr"] == EID
    assert stronger.access["sid"] == first.access["sid"]


def test_acr_values_ask_nobody_again_when_fas_already_knows_him_that_well(browser: Browser):
    first = browser.log_in("karim", "eid")
    _wait_for_the_next_second()
    again = browser.log_in_silently(acr_values=ITSME)
    assert again.asked_of_fas(), "Keycloak does not judge the levels of FAS, FAS does"
    assert again.access["acr"] == EID
    assert again.access["auth_time"] == first.access["auth_time"], "no new login is pretended"


def test_a_login_that_is_younger_than_max_age_is_left_alone(browser: Browser):
    first = browser.log_in("karim", "itsme")
    again = browser.log_in_silently(max_age="1000")
    assert again.asked_of_fas() == []
    assert again.access["auth_time"] == first.access["auth_time"]


def test_an_essential_acr_is_refused_by_keycloak(browser: Browser):
    """It knows no level of FAS: who needs one asks with `acr_values` and judges the answer himself."""
    claims = json.dumps({"id_token": {"acr": {"essential": True, "values": [EID]}}})
    with pytest.raises(LoginFailed, match=r"^400"):
        browser.log_in("karim", "eid", claims=claims)


def test_the_level_belongs_to_the_session_and_not_to_the_token(browser: Browser):
    older = browser.log_in("karim", "itsme")
    browser.log_in("karim", "eid", acr_values=EID, prompt="login")
    assert browser.refresh(older).access["acr"] == EID
    browser.log_in("karim", "totp", prompt="login")
    assert browser.refresh(older).access["acr"] == TOTP


def test_a_person_who_cancels_at_fas_gets_no_code_and_a_way_back(browser: Browser, keycloak: Keycloak):
    with pytest.raises(LoginFailed) as failed:
        browser.authorize(choice="cancel")
    assert f'href="{keycloak.environment["REALM_MON_ESPACE_POST_LOGOUT_REDIRECT_URI"]}"' in failed.value.page


def test_somebody_else_cannot_take_over_a_live_session(browser: Browser, keycloak: Keycloak):
    tokens = browser.log_in("karim", "itsme")
    with pytest.raises(LoginFailed, match=r"^400"):
        browser.log_in("jeanne", "eid", prompt="login")
    seen = introspect(keycloak, tokens.access_token)
    assert (seen["given_name"], seen["acr"]) == ("Karim", ITSME)


def test_when_fas_is_down_nobody_is_logged_in(browser: Browser, fas: Fas):
    fas.misbehave(down=True)
    with pytest.raises(LoginFailed, match="503"):
        browser.log_in("karim")


def test_there_is_no_login_by_password(keycloak: Keycloak):
    for client_id in ("mon-espace", "portail-wallonie", "mandate-exchange", "habilis-provisioner"):
        answer = httpx2.post(
            f"{keycloak.endpoint}/token",
            data={"grant_type": "password", "username": "karim", "password": "karim"},
            auth=(client_id, keycloak.client_secret(client_id)),
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize("client_id", ["mon-espace", "portail-wallonie"])
@pytest.mark.parametrize("method", [None, "plain"])
def test_a_code_request_without_pkce_by_s256_is_refused(browser: Browser, client_id, method):
    challenge = {"code_challenge": "c" * 43} if method else {"code_challenge": None}
    back, _ = browser.authorize(client_id, choice="karim:eid", code_challenge_method=method, **challenge)
    assert back["error"] == ["invalid_request"]
    assert "code" not in back


@pytest.mark.parametrize(
    "client_id", ["mandate-exchange", "habilis-provisioner", "account-console", "admin-cli"]
)
def test_a_client_that_logs_nobody_in_gets_no_code(browser: Browser, keycloak: Keycloak, client_id):
    url = f"{keycloak.endpoint}/auth?client_id={client_id}&response_type=code&scope=openid&redirect_uri=http://127.0.0.1/"
    with pytest.raises(LoginFailed, match=r"^400"):
        browser.go(url, until="http://127.0.0.1/", choice="karim:eid")


def _wait_for_the_next_second() -> None:
    """Times of login are whole seconds: two logins in the same one could not be told apart."""
    started, deadline = int(time.time()), time.monotonic() + 3
    while int(time.time()) == started and time.monotonic() < deadline:
        time.sleep(0.02)
