"""Every page that people reach, at two widths: no violation, nothing sticks out, one heading, its language."""

import re

import pytest

from tests.support.axe import faults
from tests.support.steps import (
    NUMBERS,
    Wording,
    add_enterprise,
    fill_request,
    in_language,
    main_text,
    send_request,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240, func_only=True)]

BEGIN = (
    "/",
    "/citizen",
    "/enterprises",
    "/enterprises/add",
    "/enterprises/add/search",
    "/requests",
    "/address",
    "/desk",
    "/dossiers",
    "/dossiers/new",
    "/represent",
    "/help",
)
AWAY = ("/login", "/logout", "/static", "/open", "/choose")
# Ids, numbers and references make one page into many of a kind.
_ID = re.compile(r"/(\d{10}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=/|$)")
MOST_PAGES = 45
# Pages that are the same for everybody: looked at once.
SAME = {
    "/",
    "/citizen",
    "/dossiers",
    "/dossiers/new",
    "/enterprises/add",
    "/enterprises/add/search",
    "/requests",
    "/help",
    "/accessibility",
    "/privacy",
    "/enterprises/*/request",
}


def kind(path: str) -> str:
    return _ID.sub("/*", path)


def crawl(visitor, begin, others):
    """The pages of Mon Espace to which links lead, one of each kind, shown in the browser."""
    home = visitor.world.urls["monEspace"]
    waiting, known = list(begin), {kind(path) for path in begin} | set(others)
    visitor.login("/")
    shown = 0
    while waiting and shown < MOST_PAGES:
        path = waiting.pop(0)
        visitor.goto(path)
        assert visitor.page.url.startswith(home), visitor.page.url
        shown += 1
        yield path
        for link in visitor.page.locator("a[href^='/']").evaluate_all(
            "links => links.map(a => a.getAttribute('href'))"
        ):
            found = re.sub(r"[?#].*", "", link)
            if kind(found) not in known and not found.startswith(AWAY):
                known.add(kind(found))
                waiting.append(found)
    assert not waiting, "the bound on pages is too low"


@pytest.fixture(scope="module", autouse=True)
def asked(world, chrome):
    """Somebody has asked Katrin for a role, so that her pages have something on them; where he was."""
    from tests.support.journey import Visitor

    vincent, found = Visitor(world, chrome, "vincent"), []
    page = vincent.page

    def look():
        found.extend(faults(page, "fr"))

    vincent.login("/enterprises")
    vincent.click("Ajouter une entreprise", "link")
    page.get_by_label("Numéro d'entreprise").fill("1900.000.068")
    vincent.click("Chercher l'entreprise")
    page.locator(".ds-error-summary").wait_for()
    look()
    vincent.goto("/enterprises")
    add_enterprise(vincent, "schumacher")
    page.go_back()
    look()  # the confirmation
    page.go_forward()
    vincent.click("Vérifier ma demande")
    page.locator(".ds-error-summary").wait_for()
    look()
    fill_request(vincent)
    page.get_by_role("button", name="Envoyer la demande").wait_for()
    look()
    path = send_request(vincent)
    look()
    vincent.open_mail("Confirmez votre adresse pour envoyer votre demande")
    look()
    for each in (path, "/requests", f"/enterprises/{NUMBERS['schumacher']}", "/no-such-page"):
        vincent.goto(each)
        look()
    vincent.close()
    return found


def test_the_pages_of_asking(asked):
    assert asked == []


@pytest.mark.parametrize(
    ("key", "language", "begin"),
    [
        ("sophie", "fr", BEGIN),
        ("katrin", "de", ("/", "/enterprises", "/desk", "/address")),
        ("marc", "fr", ("/enterprises",)),
        ("thierry", "fr", ("/enterprises", f"/represent/{NUMBERS['masson']}")),
        ("hugo", "nl", ("/helpdesk", f"/helpdesk/enterprises/{NUMBERS['schumacher']}")),
        ("ines", "fr", ("/review", f"/dossiers/new/{NUMBERS['regie']}")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_page_that_links_lead_to(person, key, language, begin):
    someone = person(key, language=language)
    found, seen = [], []
    for path in crawl(someone, begin, set() if key in {"sophie", "katrin"} else SAME):
        found += faults(someone.page, language)
        seen.append(kind(path))
    assert found == []
    if key == "katrin":
        assert {"/desk/*", "/desk/*/people", "/desk/*/own"} <= set(seen)
        assert any("/requests/" in path for path in seen), "the page of a decision is among them"


@pytest.mark.parametrize("language", ["fr", "de"])
def test_finding_an_enterprise_and_what_the_register_says_of_it(person, language):
    """The question, its mistakes, its answers, nobody; one with units, one natural, one gone, one curated."""
    someone, found, say = person("olivier", language=language), [], Wording(language)
    page = someone.page

    def look():
        found.extend(faults(page, language))

    someone.login("/")
    in_language(someone, language)
    try:
        someone.goto("/enterprises/add/search")
        look()
        page.locator("main form button").last.click()
        page.locator(".ds-error-summary").wait_for()
        look()
        for asked in ("name=menuiserie", "place=Namur", "name=qwrtzx"):
            someone.goto(f"/enterprises/add/search?{asked}")
            look()
        for key in ("dupont", "haddad", "vesdre", "masson", "aachen", "polyglotte"):
            someone.goto(f"/enterprises/{NUMBERS[key]}/register")
            assert say("Unités d'établissement") in main_text(someone)
            look()
    finally:
        someone.goto("/")
        in_language(someone, someone.world.persona("olivier")["language"])
    assert found == []


def test_naming_somebody_step_by_step(person):
    """The forms of an appointment, up to the last page before the act."""
    marc, found = person("marc"), []
    place = f"/represent/{NUMBERS['lejeune-toitures']}"
    marc.goto(f"/represent?enterprise={NUMBERS['lejeune-toitures']}")
    found += faults(marc.page, "fr")
    marc.login(f"{place}/appoint/other", "itsme")
    marc.sees("Vous revenez ensuite à cette page")
    found += faults(marc.page, "fr")
    marc.click("Se connecter de nouveau", "link")
    marc.choose("eid")
    marc.click("Voir le résumé")
    marc.page.locator(".ds-error-summary").wait_for()
    found += faults(marc.page, "fr")
    marc.goto(f"{place}/appoint/me")
    marc.page.get_by_label("Votre adresse e-mail professionnelle").fill("marc@exemple.be")
    marc.click("Voir le résumé")
    marc.page.get_by_role("button", name="Me désigner").wait_for()
    found += faults(marc.page, "fr")
    assert found == []


def test_the_pages_before_and_after_a_login(person, world):
    sophie, found = person("sophie", language="en"), []
    for path in ("/represent?enterprise=1900000069", "/help", "/accessibility", "/privacy", "/"):
        sophie.goto(path)  # the last one leads to the stand-in for the authentication service
        found += faults(sophie.page, "en")
    assert sophie.at_fas()
    sophie.choose("itsme")
    sophie.page.locator("[data-logout] button").click()
    sophie.page.wait_for_url("**/logout/done")
    found += faults(sophie.page, "en")
    assert found == []


@pytest.mark.parametrize("language", ["fr", "de"])
def test_the_pages_of_the_sample_portal(person, world, language):
    sophie, found = person("sophie", language=language), []
    page, portal = sophie.page, world.urls["portal"]
    page.goto(portal)
    found += faults(page, language)
    page.goto(f"{portal}/demarches/primes-investissement")
    sophie.choose("eid")
    page.locator("main a.button").wait_for()
    found += faults(page, language)
    page.locator("main a.button").click()
    page.wait_for_url(f"{world.urls['monEspace']}/choose*")
    page.goto(f"{portal}/demarches/primes-investissement?enterprise={NUMBERS['coop']}")
    page.locator("main").wait_for()
    found += faults(page, language)
    page.goto(f"{portal}/demarches/prime-energie")
    found += faults(page, language)
    page.locator("main form button").click()
    page.locator("[role=alert]").wait_for()
    found += faults(page, language)
    page.locator("#subject").fill("Le toit")
    page.locator("main form button").click()
    page.wait_for_url("**/dossiers/*")
    found += faults(page, language)
    assert found == []


def test_the_page_of_a_choice_for_a_portal(person, world):
    sophie = person("sophie")
    sophie.login("/")
    sophie.goto(
        f"/choose?portal=portail-wallonie&demarche=primes-investissement"
        f"&return={world.urls['portal']}/demarches/primes-investissement"
    )
    assert sophie.page.get_by_role("heading", level=1).count() == 1
    assert faults(sophie.page, "fr") == []


def test_the_mailbox_and_the_mails_themselves(person, world, asked):
    vincent, found = person("vincent"), []
    subject = Wording("fr")("Confirmez votre adresse pour envoyer votre demande")
    mail = world.mail("vincent", subject)
    for address in ("/", "/boxes/vincent", f"/messages/{mail['id']}"):
        vincent.page.goto(world.urls["mailbox"] + address)
        found += faults(vincent.page, "fr")
    # The mailbox shows a mail in a frame without scripts, where axe cannot run.
    vincent.page.goto("about:blank")
    vincent.page.set_content(mail["html"])
    found += faults(vincent.page, "fr")
    assert found == []


def test_it_would_see_what_is_wrong(person):
    sophie = person("sophie")
    sophie.login("/enterprises/add")
    sophie.page.evaluate("document.querySelector('label').remove()")
    sophie.page.evaluate("document.querySelector('main').style.width = '2000px'")
    sophie.page.evaluate("document.querySelector('main').append(document.createElement('h1'))")
    found = " ".join(faults(sophie.page, "de"))
    for fault in ("label", "wide", "2 h1", "lang is fr, not de"):
        assert fault in found
