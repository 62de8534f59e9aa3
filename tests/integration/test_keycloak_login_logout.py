"""The end of a session: here, at Keycloak and at the stand-in."""

import pytest

from tests.support.login import Browser, LoginFailed, introspect
from tests.support.realm import Keycloak

pytestmark = [pytest.mark.keycloak, pytest.mark.timeout(300)]


def test_log_out_ends_the_session_of_keycloak_and_of_fas(browser: Browser, keycloak: Keycloak):
    tokens = browser.log_in("karim", "itsme")
    portal = browser.log_in_silently(client_id="portail-wallonie")
    browser.log_out(tokens)
    assert any("/fas/oauth2/connect/endSession" in url for url in browser.seen)
    assert introspect(keycloak, tokens.access_token) == {"active": False}
    assert introspect(keycloak, portal.access_token) == {"active": False}
    with pytest.raises(LoginFailed):
        # Nobody chooses: were a session left anywhere, this would pass in silence.
        browser.log_in_silently()


def test_without_a_log_out_the_same_silent_login_passes(browser: Browser):
    browser.log_in("karim", "itsme")
    assert browser.log_in_silently().access["acr"].endswith("Level450")


def test_a_portal_can_log_the_person_out_too(browser: Browser, keycloak: Keycloak):
    tokens = browser.log_in("karim", client_id="portail-wallonie")
    browser.log_out(tokens)
    assert introspect(keycloak, tokens.access_token) == {"active": False}
    with pytest.raises(LoginFailed):
        browser.log_in_silently()


def test_the_next_person_at_the_same_computer_is_asked_who_he_is(browser: Browser):
    first = browser.log_in("karim")
    browser.log_out(first)
    second = browser.log_in("jeanne")
    assert browser.choices
    assert second.access["sub"] != first.access["sub"]
    assert second.access["sid"] != first.access["sid"]
