"""Asking for a role with JavaScript switched off, from the portal to the withdrawal."""

import re

import pytest

from demo.wallonia.source import dotted
from tests.support.steps import NUMBERS, add_enterprise, fill_request, mail_to, send_request

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120, func_only=True)]


def test_asking_and_withdrawing_without_javascript(person):
    vincent = person("vincent", java_script_enabled=False)
    page, urls = vincent.page, vincent.world.urls
    vincent.goto(urls["portal"])
    vincent.click("Demander une prime à l’investissement", "link")
    vincent.choose("itsme")
    vincent.sees("Pour quelle entreprise")
    vincent.click("Choisir une entreprise", "link")
    page.wait_for_url(re.compile(re.escape(urls["monEspace"])))
    vincent.click("Ajouter une entreprise", "link")
    page.get_by_label("Numéro d'entreprise").fill("1900.000.068")
    vincent.click("Chercher l'entreprise")
    page.locator(".ds-error-summary").wait_for()
    vincent.goto("/enterprises")
    add_enterprise(vincent, "fondation")
    vincent.click("Vérifier ma demande")
    assert page.title().startswith("Erreur")
    fill_request(vincent, email="vincent.delvaux@exemple.be")
    path = send_request(vincent)
    assert (
        f"/represent?enterprise={NUMBERS['fondation']}"
        in page.get_by_label("Texte à transmettre").input_value()
    )
    # Back never sends again: the check page has become the list of requests
    page.go_back()
    vincent.goto("/requests")
    assert page.locator(f"main a[href='{path}']").count() == 1
    vincent.goto(path)
    assert page.get_by_role("button", name="Envoyer un nouveau lien").count() == 1
    vincent.goto(mail_to(vincent.world, "vincent.delvaux@exemple.be")["links"][0])
    vincent.sees("Votre adresse est confirmée")
    vincent.goto(path)
    assert page.get_by_role("button", name="Envoyer un nouveau lien").count() == 0
    vincent.click("Retirer la demande")
    vincent.goto(path)
    assert page.get_by_role("button", name="Retirer la demande").count() == 0
    vincent.click("Faire une nouvelle demande", "link")
    assert vincent.heading == "Demander un rôle pour Fondation Mémoire des Carrières"
    page.locator("[data-logout] button").click()
    assert vincent.heading == "Vous êtes déconnecté"


def test_finding_an_enterprise_and_what_the_register_says_of_it_without_javascript(person):
    olivier = person("olivier", java_script_enabled=False)
    page = olivier.page
    olivier.login("/enterprises/add")
    olivier.click("Chercher par nom ou par commune", "link")
    page.locator("main form button").last.click()
    page.locator(".ds-error-summary").wait_for()
    page.get_by_label("Nom de l'entreprise").fill("menuiserie dupont")
    page.locator("main form button").last.click()
    page.get_by_role("link", name="Menuiserie Dupont").first.click()
    olivier.sees(dotted(NUMBERS["dupont"]))
    olivier.click("Ce que dit la BCE", "link")
    assert olivier.heading == "Ce que dit la BCE de Menuiserie Dupont SRL"
    olivier.sees("Source : données ouvertes de la BCE")
    page.locator("a", has_text="Retour").first.click()
    assert page.url.endswith(f"/enterprises/add/{NUMBERS['dupont']}")
