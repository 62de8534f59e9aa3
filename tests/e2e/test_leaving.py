"""Leaving: the session ends here, at Keycloak and at FAS; the next person at the same browser sees nothing."""

import re

import pytest

from tests.support.steps import NUMBERS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120, func_only=True)]

NAME = "Marc Lejeune"
ENTERPRISE = "Lejeune Immo"


def leave(marc) -> None:
    marc.page.locator("[data-logout] button").click()
    marc.page.wait_for_url("**/logout/done")
    marc.sees("Vous êtes déconnecté")


def test_a_log_out_ends_the_session_here_at_keycloak_and_at_fas(person):
    marc = person("marc")
    urls = marc.world.urls
    marc.login("/enterprises")
    marc.sees(ENTERPRISE)
    marc.page.goto(f"{urls['portal']}/demarches/prime-energie")
    marc.sees("Vous agissez pour vous-même.")  # in silence: Keycloak knows him
    marc.goto("/enterprises")
    leave(marc)
    assert NAME not in marc.page.content()
    names = {cookie["name"] for cookie in marc.context.cookies()}
    assert "habilis-session" not in names
    assert not {"KEYCLOAK_IDENTITY", "KEYCLOAK_SESSION"} & names
    # asked again: FAS wants to know who it is
    marc.goto("/enterprises")
    assert marc.at_fas()
    assert ENTERPRISE not in marc.page.content()


def test_the_cookie_of_an_ended_session_opens_nothing(person):
    marc = person("marc")
    marc.login("/enterprises")
    kept = marc.context.cookies()
    leave(marc)
    marc.context.add_cookies([cookie for cookie in kept if cookie["name"] == "habilis-session"])
    marc.goto("/enterprises")
    assert marc.at_fas()


def test_the_next_person_at_the_same_browser_sees_nothing_of_the_one_before(person):
    marc = person("marc")
    marc.login(f"/enterprises/{NUMBERS['lejeune-immo']}")
    marc.sees(ENTERPRISE)
    leave(marc)
    for _ in range(2):
        marc.page.go_back()
        marc.page.wait_for_load_state()
        assert ENTERPRISE not in marc.page.content()
        # the stand-in names everybody of the demo, whoever asks
        assert marc.at_fas() or NAME not in marc.page.content()
    marc.goto("/enterprises")
    marc.page.locator("button[value='sophie:eid']").first.click()
    marc.sees("Sophie Lambert")
    assert ENTERPRISE not in marc.page.content()
    assert NAME not in marc.page.content()
    answer = marc.page.goto(f"{marc.world.urls['monEspace']}/enterprises/{NUMBERS['lejeune-immo']}")
    assert answer is not None
    assert answer.status == 404
    assert ENTERPRISE not in marc.page.content()


def test_no_page_of_a_person_is_kept_by_the_browser(person):
    marc = person("marc")
    kept = []
    home = marc.world.urls["monEspace"]
    marc.page.on(
        "response",
        lambda answer: (
            kept.append(answer.url)
            if answer.url.startswith(home)
            and "/static/" not in answer.url
            and "no-store" not in answer.headers.get("cache-control", "")
            else None
        ),
    )
    marc.login("/")
    for path in (
        "/enterprises",
        f"/enterprises/{NUMBERS['lejeune-immo']}",
        "/requests",
        "/address",
        "/no-such-page",
    ):
        marc.goto(path)
    leave(marc)
    assert kept == []


def test_a_second_tab_is_told_and_emptied(person):
    marc = person("marc")
    marc.login("/enterprises")
    second = marc.context.new_page()
    second.goto(f"{marc.world.urls['monEspace']}/enterprises/{NUMBERS['lejeune-immo']}")
    second.get_by_role("heading", level=1).wait_for()
    leave(marc)
    second.get_by_text("Votre connexion a pris fin dans un autre onglet.").wait_for()
    assert ENTERPRISE not in second.locator("body").inner_text()
    assert NAME not in second.locator("body").inner_text()
    second.get_by_role("link", name="Se connecter de nouveau").click()
    second.wait_for_url(re.compile(r"/fas/"))


def test_another_person_in_another_browser_stays(person):
    marc, anne = person("marc"), person("anne")
    marc.login("/enterprises")
    anne.login("/enterprises")
    leave(marc)
    anne.page.reload()
    anne.sees("Imprimerie Servais SA")
    assert not anne.at_fas()
