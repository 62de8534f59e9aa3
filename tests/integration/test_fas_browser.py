"""The page of personas in a real browser: readable for everybody, narrow, dark, and without a script."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.fas import CHALLENGE
from tests.support.realm import Addresses, Fas

AXE = Path(__file__).parents[1] / "support" / "vendor" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-headless-shell")
        assert found, "a Chromium is needed: see `make deps`"
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


def page_url(addresses: Addresses, language: str) -> str:
    parameters = {
        "client_id": addresses.realm_environment()["REALM_FAS_CLIENT_ID"],
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": f"{addresses.keycloak_url}/realms/monespace/broker/fas/endpoint",
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "acr_values": "urn:be:fedict:iam:fas:Level450",
        "ui_locales": language,
    }
    return f"{addresses.fas_url}/fas/oauth2/authorize?{urlencode(parameters)}"


@pytest.mark.parametrize("language", ["fr", "de", "nl", "en"])
@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "light"), (320, "dark")])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    chromium: Browser, fas: Fas, addresses: Addresses, language, width, scheme
):
    with chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    ) as context:
        context.add_cookies([{"name": "fas_persona", "value": "jeanne", "url": fas.base_url}])
        page = context.new_page()
        page.goto(page_url(addresses, language))
        page.add_script_tag(path=AXE)
        found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
        assert len(found["passes"]) > 10
        assert [(each["id"], each["help"]) for each in found["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_one_click_without_javascript_is_enough(chromium: Browser, fas: Fas, addresses: Addresses):
    with chromium.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(page_url(addresses, "en"))
        # Whether a Keycloak listens there does not matter here: what counts is where the browser is sent.
        with page.expect_request(f"{addresses.keycloak_url}/realms/monespace/broker/fas/endpoint?*") as sent:
            page.get_by_role("button", name="Luc Dupont, itsme").click()
        assert "code=" in sent.value.url
        assert "state=s" in sent.value.url
