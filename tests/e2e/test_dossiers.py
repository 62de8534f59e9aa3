"""Representing by papers: from a dead end over two reviewers to an access manager, and every page of it."""

import re

import pytest

from demo.wallonia.source import dotted
from tests.support.axe import faults
from tests.support.dossiers import PDF, PNG, SCRIPT
from tests.support.journey import Visitor
from tests.support.steps import NUMBERS, Wording, main_text

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300, func_only=True)]


def choose(visitor: Visitor, name: str, content: bytes) -> None:
    """A file is chosen and sent."""
    visitor.page.set_input_files(
        "input[type=file]", files=[{"name": name, "mimeType": "application/pdf", "buffer": content}]
    )
    visitor.click("Ajouter ce document")


def fill(visitor: Visitor, motivation: str = "Le conseil m'a nommée.") -> None:
    page = visitor.page
    page.get_by_label(re.compile("^Pouvoir de signer seul")).check()
    page.get_by_label("Depuis quel jour ?").fill("2020-01-01")
    page.get_by_label("D'où vient votre pouvoir ?").fill(motivation)
    page.get_by_label("Votre adresse e-mail professionnelle").fill(
        visitor.world.persona(visitor.key)["email"]
    )
    visitor.click("Continuer vers les documents")


def claim(visitor: Visitor, key: str) -> None:
    """From the page that says what to do, to the dossier that waits for its documents."""
    visitor.login("/")
    visitor.goto(f"/represent?enterprise={NUMBERS[key]}")
    visitor.click("Ouvrir un dossier", "link")
    visitor.page.get_by_label("Numéro d'entreprise").fill(dotted(NUMBERS[key]))
    visitor.click("Continuer")
    fill(visitor)
    visitor.sees("Ajoutez vos documents")


def send(visitor: Visitor) -> str:
    """The dossier is sent; its path."""
    visitor.click("Vérifier et envoyer", "link")
    visitor.click("Envoyer le dossier")
    visitor.sees("Votre dossier est envoyé")
    visitor.click("Suivre mon dossier", "link")
    return re.sub(r".*(/dossiers/[0-9a-f-]{36}).*", r"\1", visitor.page.url)


def review(visitor: Visitor, key: str, language: str) -> None:
    """From the list of dossiers: taken up, its document opened as a file, accepted."""
    say = Wording(language)
    visitor.login("/")
    visitor.page.locator("main a[href='/review']").click()
    visitor.page.get_by_role("link", name=dotted(NUMBERS[key])).click()
    assert visitor.world.persona("agathe")["name"] not in main_text(visitor)
    visitor.click(say("Commencer l'examen"))
    assert visitor.world.persona("agathe")["name"] in main_text(visitor)
    with visitor.page.expect_download() as begun:
        visitor.page.locator("main a[href*='/documents/']").first.click()
    assert begun.value.path().read_bytes() == PDF
    visitor.click(say("Accepter"), "link", exact=True)
    visitor.page.get_by_label(say("Ce que vous avez vérifié")).fill("Le procès-verbal la nomme.")
    visitor.click(say("Accepter le dossier"))
    visitor.page.wait_for_url(re.compile(r"/review/[0-9a-f-]{36}$"))


def test_a_church_gets_its_access_manager_by_two_reviewers_without_javascript(person, world):
    agathe = person("agathe", java_script_enabled=False)
    claim(agathe, "fabrique")
    choose(agathe, "pv.pdf", SCRIPT)
    agathe.page.locator(".ds-error-summary").wait_for()
    choose(agathe, "pv.pdf", PDF)
    agathe.sees("Document 1 (PDF")
    path = send(agathe)
    agathe.open_mail("Votre dossier est envoyé")
    agathe.sees("Votre adresse est confirmée pour cette entreprise.")

    ines = person("ines")
    review(ines, "fabrique", "fr")
    agathe.open_mail("Votre dossier passe au deuxième examen")
    agathe.sees("Deuxième examen")
    ines.goto("/review")
    assert ines.page.get_by_role("link", name=dotted(NUMBERS["fabrique"])).count() == 0
    review(person("ruben", language="nl"), "fabrique", "nl")

    agathe.open_mail("Votre dossier est accepté")
    assert agathe.page.url.endswith(f"/represent/{NUMBERS['fabrique']}")
    for who in ("ines", "ruben"):
        for mail in world.mails("agathe"):
            assert world.persona(who)["name"] not in str(mail)
    agathe.click("Me désigner", "link")
    agathe.page.get_by_label("Votre adresse e-mail professionnelle").fill("agathe@exemple.be")
    agathe.click("Voir le résumé")
    agathe.click("Me désigner")
    agathe.sees("Vous êtes gestionnaire d'accès principal (GAP)")
    agathe.goto(path)
    agathe.sees("Vous représentez l'entreprise en ligne.")


def test_every_page_of_a_dossier_can_be_used_by_everybody(person):
    sophie, found = person("sophie"), []
    page = sophie.page

    def look(visitor: Visitor = sophie, language: str = "fr") -> None:
        found.extend(faults(visitor.page, language))

    sophie.login("/dossiers", "itsme")
    look()
    sophie.goto("/dossiers/new")
    look()
    sophie.click("Continuer")
    page.locator(".ds-error-summary").wait_for()
    look()
    sophie.goto(f"/dossiers/new/{NUMBERS['dupont']}")
    look()
    sophie.goto(f"/dossiers/new/{NUMBERS['police']}")
    look()  # the eID is asked for
    sophie.click("Se connecter de nouveau", "link")
    sophie.choose("eid")
    page.get_by_label("D'où vient votre pouvoir ?").wait_for()
    look()
    sophie.click("Continuer vers les documents")
    page.locator(".ds-error-summary").wait_for()
    look()
    fill(sophie)
    sophie.sees("Il n'y a pas encore de document.")
    look()
    choose(sophie, "a.pdf", SCRIPT)
    page.locator(".ds-error-summary").wait_for()
    look()
    choose(sophie, "a.png", PNG)
    sophie.sees("Document 1 (PNG")
    look()
    sophie.click("Vérifier et envoyer", "link")
    page.get_by_role("button", name="Envoyer le dossier").wait_for()
    look()
    sophie.click("Envoyer le dossier")
    sophie.sees("Votre dossier est envoyé")
    look()
    sophie.click("Suivre mon dossier", "link")
    page.get_by_role("link", name="Retirer ce dossier").wait_for()
    look()
    place = re.sub(r".*(/dossiers/[0-9a-f-]{36}).*", r"\1", page.url)
    sophie.goto(f"{place}/withdraw")
    look()

    ruben, start = person("ruben", language="nl"), Wording("nl")("Commencer l'examen")
    ruben.login("/review")
    look(ruben, "nl")
    ruben.page.get_by_role("link", name=dotted(NUMBERS["police"])).click()
    ruben.page.get_by_role("button", name=start).wait_for()
    look(ruben, "nl")
    ruben.click(start)
    ruben.page.locator("main a[href*='/documents/']").wait_for()
    look(ruben, "nl")
    for wanted in ("accept", "refuse"):
        ruben.goto(f"{place.replace('/dossiers/', '/review/')}/{wanted}")
        look(ruben, "nl")
        ruben.page.locator("main form button").last.click()
        ruben.page.locator(".ds-error-summary").wait_for()
        look(ruben, "nl")
    ruben.page.locator("textarea").fill("Het document ontbreekt.")
    ruben.page.locator("main form button").last.click()
    ruben.page.wait_for_url(re.compile(r"/review/[0-9a-f-]{36}$"))
    look(ruben, "nl")
    sophie.goto(place)
    sophie.sees("Het document ontbreekt.")
    look()
    assert found == []


def test_a_claimant_whose_login_is_too_weak_is_asked_for_the_eid_and_comes_back(person):
    marc = person("marc")
    marc.login(f"/dossiers/new/{NUMBERS['province']}", "itsme")
    marc.sees("demande votre carte d'identité électronique (eID)")
    marc.click("Se connecter de nouveau", "link")
    marc.choose("eid")
    assert marc.heading == "Montrer que vous représentez une entreprise"
    marc.page.get_by_label("D'où vient votre pouvoir ?").wait_for()
