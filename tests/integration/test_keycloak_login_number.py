"""The national number: in the session of Keycloak, and shown to one client that asks. In nothing else."""

import base64
import json
import tomllib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.support.login import Browser, LoginFailed, Tokens, introspect
from tests.support.realm import PERSONAS, Fas, Keycloak

pytestmark = [pytest.mark.keycloak, pytest.mark.timeout(300)]

NUMBERS = {
    each["key"]: each["ssin"] for each in tomllib.loads(PERSONAS.read_text(encoding="utf-8"))["persona"]
}


def forms_of(number: str) -> set[str]:
    """Plain, dotted, and in the three alignments of base64 (DOMAIN 7.3 nr 6)."""
    dotted = f"{number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]}"
    shifted = {
        base64.b64encode(b"x" * shift + number.encode()).decode()[4 * (shift > 0) : -4] for shift in range(3)
    }
    return {number, dotted} | shifted


def holds_number(text: str, number: str) -> bool:
    return any(form in text for form in forms_of(number))


def userinfo(keycloak: Keycloak, tokens: Tokens) -> httpx2.Response:
    return httpx2.get(
        f"{keycloak.endpoint}/userinfo",
        headers={"Authorization": f"Bearer {tokens.access_token}"},
        timeout=20.0,
    )


def account(keycloak: Keycloak, subject: str) -> dict[str, Any]:
    with keycloak.administrator() as administrator:
        return administrator.get(f"/users/{subject}").json()


def test_the_scan_of_these_tests_finds_a_number_that_is_there():
    number = NUMBERS["karim"]
    for text in (
        number,
        f"a{number}b",
        "71.00.00-003.33",
        base64.b64encode(f"ab{number}cd".encode()).decode(),
    ):
        assert holds_number(text, number), text


def test_inv_06_only_mandate_exchange_sees_the_number_and_only_by_introspection(
    browser: Browser, keycloak: Keycloak
):
    tokens = browser.log_in("karim", scope="openid profile")
    number = NUMBERS["karim"]
    seen = introspect(keycloak, tokens.access_token)
    assert seen["active"] is True
    assert seen["niss"] == number
    everything_else = {
        "access token": json.dumps(tokens.access) + tokens.access_token,
        "ID token": json.dumps(tokens.identity) + tokens.id_token,
        "refresh token": tokens.refresh_token,
        "userinfo": userinfo(keycloak, tokens).text,
        "addresses": " ".join(browser.seen),
        "account": json.dumps(account(keycloak, tokens.access["sub"])),
    }
    assert [name for name, text in everything_else.items() if holds_number(text, number)] == []


def test_introspection_also_tells_the_names_the_session_and_the_time_of_login(
    browser: Browser, keycloak: Keycloak
):
    tokens = browser.log_in("katrin", client_id="portail-wallonie")
    seen = introspect(keycloak, tokens.access_token)
    assert (seen["given_name"], seen["family_name"], seen["locale"]) == ("Katrin", "Schumacher", "de")
    assert seen["sid"] == tokens.access["sid"]
    assert seen["auth_time"] == tokens.access["auth_time"]
    assert "given_name" not in tokens.access
    assert "given_name" not in tokens.identity, "a portal asks for names with the scope profile, or has none"


def test_names_are_not_swapped(browser: Browser, keycloak: Keycloak):
    tokens = browser.log_in("karim")
    assert (tokens.identity["given_name"], tokens.identity["family_name"]) == ("Karim", "Benali")
    kept = account(keycloak, tokens.access["sub"])
    assert (kept["firstName"], kept["lastName"]) == ("Karim", "Benali")
    assert kept["attributes"] == {"locale": ["fr"]}


def test_the_number_is_still_there_after_a_refresh_and_still_only_by_introspection(
    browser: Browser, keycloak: Keycloak
):
    fresh = browser.refresh(browser.log_in("karim"))
    assert introspect(keycloak, fresh.access_token)["niss"] == NUMBERS["karim"]
    assert not holds_number(json.dumps(fresh.access) + json.dumps(fresh.identity), NUMBERS["karim"])


@pytest.mark.parametrize("caller", ["mon-espace", "portail-wallonie", "habilis-provisioner"])
@pytest.mark.parametrize("holder", ["mon-espace", "portail-wallonie"])
def test_sec_43_every_other_client_is_told_that_the_token_is_not_active(
    browser: Browser, keycloak: Keycloak, holder, caller
):
    tokens = browser.log_in("karim", client_id=holder)
    assert introspect(keycloak, tokens.access_token, caller) == {"active": False}
    assert introspect(keycloak, tokens.access_token)["active"] is True, "the token was good"


def test_no_portal_is_an_audience(browser: Browser):
    assert browser.log_in("karim").access["aud"] == "mandate-exchange"
    portal = browser.log_in_silently(client_id="portail-wallonie")
    assert portal.access["aud"] == "mandate-exchange"
    assert portal.access["azp"] == "portail-wallonie"


def test_a_token_for_machines_has_no_audience_and_tells_nothing(keycloak: Keycloak):
    answer = httpx2.post(
        f"{keycloak.endpoint}/token",
        data={"grant_type": "client_credentials"},
        auth=("habilis-provisioner", keycloak.client_secret("habilis-provisioner")),
    )
    assert introspect(keycloak, answer.json()["access_token"]) == {"active": False}


def test_a_login_without_number_does_not_keep_the_number_of_the_login_before(
    browser: Browser, fas: Fas, keycloak: Keycloak
):
    first = browser.log_in("karim")
    fas.misbehave(persona="karim", egovNRN="00000000000")
    second = browser.log_in("karim", prompt="login")
    assert second.access["sid"] == first.access["sid"]
    assert introspect(keycloak, second.access_token)["niss"] == "00000000000"
    fas.misbehave(persona="karim", without=["egovNRN"])
    third = browser.log_in("karim", prompt="login")
    assert third.access["sid"] == first.access["sid"]
    assert introspect(keycloak, third.access_token)["niss"] == "none"


def test_a_person_whose_number_changed_keeps_his_account(
    browser: Browser, other_browser: Browser, fas: Fas, keycloak: Keycloak
):
    before = browser.log_in("nadia")
    fas.misbehave(persona="nadia", egovNRN="88200001619")
    after = other_browser.log_in("nadia")
    assert after.access["sub"] == before.access["sub"]
    assert introspect(keycloak, after.access_token)["niss"] == "88200001619"


def test_a_person_with_a_new_subject_gets_a_new_account_and_the_number_tells_who_it_is(
    browser: Browser, other_browser: Browser, fas: Fas, keycloak: Keycloak
):
    before = browser.log_in("marc")
    fas.misbehave(persona="marc", generation=1)
    after = other_browser.log_in("marc")
    assert after.access["sub"] != before.access["sub"]
    assert introspect(keycloak, after.access_token)["niss"] == NUMBERS["marc"]


def test_sec_32_accounts_are_never_joined_by_e_mail(browser: Browser, keycloak: Keycloak):
    """nOAuth: FAS tells an address, and it is not even kept."""
    kept = account(keycloak, browser.log_in("karim").access["sub"])
    assert "email" not in kept


def test_the_username_says_nothing(browser: Browser, keycloak: Keycloak):
    tokens = browser.log_in("sophie")
    username = account(keycloak, tokens.access["sub"])["username"]
    assert len(username) == 36
    assert "sophie" not in username
    assert "preferred_username" not in tokens.access


def test_two_persons_at_the_same_time_are_never_mixed(
    browser: Browser, other_browser: Browser, keycloak: Keycloak
):
    one, two = browser.log_in("karim"), other_browser.log_in("jeanne")
    assert introspect(keycloak, one.access_token)["niss"] == NUMBERS["karim"]
    assert introspect(keycloak, two.access_token)["niss"] == NUMBERS["jeanne"]
    assert one.access["sub"] != two.access["sub"]


def test_sec_38_the_answer_names_its_issuer(browser: Browser, keycloak: Keycloak):
    """RFC 9207: a client that knows two servers can tell whose answer it got."""
    back, _ = browser.authorize(choice="karim:eid")
    assert back["iss"] == [keycloak.issuer]


def test_sec_22_an_answer_of_fas_cannot_be_used_twice(
    browser: Browser, other_browser: Browser, keycloak: Keycloak
):
    tokens = browser.log_in("karim")
    answer = next(url for url in tokens.seen if "/broker/fas/endpoint?" in url)
    back = browser.go(answer, until=browser.redirect_uri("mon-espace"))
    told = parse_qs(urlsplit(back).query)
    assert "code" not in told
    assert told["error_description"] == ["authentication_expired"]
    with pytest.raises(LoginFailed, match=r"^400"):
        other_browser.go(answer, until=other_browser.redirect_uri("mon-espace"))


def test_sec_22_a_code_of_keycloak_cannot_be_used_twice(browser: Browser, keycloak: Keycloak):
    back, verifier = browser.authorize(choice="karim:eid")
    data = {
        "grant_type": "authorization_code",
        "code": back["code"][0],
        "redirect_uri": browser.redirect_uri("mon-espace"),
        "code_verifier": verifier,
    }
    answers = [
        httpx2.post(
            f"{keycloak.endpoint}/token",
            data=data,
            auth=("mon-espace", keycloak.client_secret("mon-espace")),
            timeout=20.0,
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 400]
    assert introspect(keycloak, answers[0].json()["access_token"]) == {"active": False}, (
        "the first is taken back"
    )
