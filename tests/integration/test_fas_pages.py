"""The pages of the stand-in: four languages, no script, and no doubt about what it is."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from demo.fas.keys import Keys, load_or_make
from demo.fas.texts import LANGUAGES, TEXTS, choose
from tests.support.fas import CONSOLE, FasClock, LocalFas

pytestmark = pytest.mark.anyio

SAME_IN_TWO_LANGUAGES = {("itsme", language) for language in LANGUAGES} | {("totp", "en")}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return load_or_make(tmp_path_factory.mktemp("fas-keys"))


@pytest.fixture
async def fas(keys: Keys, tmp_path: Path) -> AsyncIterator[LocalFas]:
    one = LocalFas(keys=keys, clock=FasClock(), folder=tmp_path)
    yield one
    await one.http.aclose()


def test_inv_69_every_text_exists_in_four_languages():
    assert set(TEXTS) == set(LANGUAGES) == {"fr", "de", "nl", "en"}
    for language, texts in TEXTS.items():
        assert set(texts) == set(TEXTS["fr"]), language
        assert all(text.strip() for text in texts.values()), language


def test_no_text_is_the_french_one_by_mistake():
    same = {
        (key, language)
        for language, texts in TEXTS.items()
        for key, text in texts.items()
        if language != "fr" and text == TEXTS["fr"][key]
    }
    assert same <= SAME_IN_TWO_LANGUAGES


@pytest.mark.parametrize(
    ("ui_locales", "header", "language"),
    [
        (None, None, "fr"),
        ("de", "nl", "de"),
        ("xx nl", None, "nl"),
        ("en-GB", None, "en"),
        (None, "es,de-BE;q=0.8", "de"),
        ("", "*", "fr"),
    ],
)
def test_the_language_is_the_callers_then_the_browsers_then_french(ui_locales, header, language):
    assert choose(ui_locales, header) == language


@pytest.mark.parametrize("language", list(LANGUAGES))
async def test_the_page_says_in_its_language_that_it_is_not_the_real_service(fas: LocalFas, language):
    page = await fas.authorize(ui_locales=language)
    assert f'<html lang="{language}">' in page.text
    assert TEXTS[language]["warning"] in page.text
    assert TEXTS[language]["title"] in page.text


async def test_the_page_links_to_itself_in_the_other_languages(fas: LocalFas):
    page = await fas.authorize(acr_values="urn:be:fedict:iam:fas:Level500")
    link = re.search(r'href="([^"]+)" lang="nl"', page.text)
    assert link
    other = await fas.http.get(link.group(1).replace("&amp;", "&"))
    assert '<html lang="nl">' in other.text
    assert ":itsme" not in other.text, "the level asked for survives the change of language"


async def test_the_page_needs_no_script_and_loads_nothing_from_elsewhere(fas: LocalFas):
    page = await fas.authorize()
    assert "<script" not in page.text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["cache-control"] == "no-store"
    assert (await fas.http.get("/fas/style.css")).headers["content-type"].startswith("text/css")


async def test_no_page_holds_a_national_number(fas: LocalFas):
    page = await fas.authorize()
    assert "71000000333" not in page.text
    assert "Karim Benali" in page.text


async def test_what_a_caller_sends_is_escaped(fas: LocalFas):
    page = await fas.authorize(login_hint='"><b>x')
    assert "<b>x" not in page.text


async def test_a_persona_can_be_preferred_and_stands_first(fas: LocalFas):
    answer = await fas.http.get("/as/jeanne", params={"to": f"{CONSOLE}/mon-espace?x=1"})
    assert answer.headers["location"] == f"{CONSOLE}/mon-espace?x=1"
    page = (await fas.authorize(ui_locales="en")).text
    assert "Continue as Jeanne Dupont" in page
    assert page.index("jeanne:eid") < page.index("karim:eid")
    assert page.count("jeanne:eid") == 1


async def test_preferring_somebody_ends_the_session_of_somebody_else(fas: LocalFas):
    await fas.log_in("karim:eid")
    await fas.http.get("/as/karim", params={"to": CONSOLE})
    assert (await fas.authorize()).status_code == 303, "his own session stays"
    await fas.http.get("/as/jeanne", params={"to": CONSOLE})
    assert (await fas.authorize()).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/relative",
        "http://evil.example/",
        "https://127.0.0.1:23997/",
        f"{CONSOLE}.evil.example/",
        f"{CONSOLE}@evil.example/",
        "http://127.0.0.1:23997\\@evil.example/",
        "http://127.0.0.1:1/",
        f"{CONSOLE}/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "//127.0.0.1:23997/",
    ],
)
async def test_it_sends_a_browser_only_to_addresses_of_ours(fas: LocalFas, target):
    answer = await fas.http.get("/as/karim", params={"to": target})
    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_an_unknown_persona_is_not_found(fas: LocalFas):
    assert (await fas.http.get("/as/nobody", params={"to": CONSOLE})).status_code == 404


async def test_cookies_have_names_of_their_own_and_are_kept_from_scripts(fas: LocalFas):
    answer = await fas.log_in("karim:eid")
    assert answer.headers["set-cookie"].startswith("fas_session=")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]


async def test_a_body_that_is_too_large_is_refused(fas: LocalFas):
    answer = await fas.http.post("/fas/choose", data={"asked": "x" * 70_000})
    assert answer.status_code == 413


async def test_an_unknown_page_is_a_page(fas: LocalFas):
    answer = await fas.http.get("/nothing")
    assert answer.status_code == 404
    assert "<h1>" in answer.text
