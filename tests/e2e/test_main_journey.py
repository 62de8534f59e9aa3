"""The main job as people live it, from "I want to file this form" to a right that has ended (steps 1 to 10)."""

import re
import time
import tomllib
from pathlib import Path

import ldap3
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

NUMBER = "1900000069"
DOTTED = "1900.000.069"
FORM = "Demander une prime à l’investissement"


def ssin_of(key: str) -> str:
    personas = tomllib.loads(Path("demo/personas.toml").read_text(encoding="utf-8"))["persona"]
    return next(persona["ssin"] for persona in personas if persona["key"] == key)


def ask(karim):
    """Steps 1 to 4: a portal's démarche leads to Mon Espace, where he adds his enterprise and asks."""
    karim.goto(karim.world.urls["portal"])
    karim.click(FORM, role="link")
    karim.choose("itsme")
    karim.sees("Pour quelle entreprise")
    karim.click("Choisir une entreprise", role="link")
    karim.page.wait_for_url(re.compile(re.escape(karim.world.urls["monEspace"])))
    karim.goto("/enterprises/add")
    karim.page.get_by_label("Numéro d'entreprise").fill("BE 1900.000.069")
    karim.click("Chercher l'entreprise")
    karim.sees("Menuiserie Dupont SRL")
    karim.click("Oui, continuer", role="link")
    karim.page.get_by_label("Gestion des primes à l'investissement").check()
    karim.page.get_by_label("Je travaille pour l'entreprise").check()
    karim.page.get_by_label("Pourquoi en avez-vous besoin").fill("Je prépare les demandes de primes.")
    karim.page.get_by_label("Votre adresse e-mail professionnelle").fill("karim@exemple.be")
    karim.click("Vérifier ma demande")
    karim.click("Envoyer la demande")
    karim.open_mail("Confirmez votre adresse", "itsme")
    karim.sees("Votre adresse est confirmée")


def appoint(luc, jeanne):
    """Step 5: the representative follows the neutral link and appoints; the appointee accepts."""
    luc.goto(f"/represent?enterprise={NUMBER}")
    luc.click("Se connecter", role="link")
    luc.choose("eid")
    luc.sees("Vous représentez l'entreprise")
    luc.sees("1 demande attend")
    luc.click("Désigner une autre personne", role="link")
    luc.page.get_by_label("Numéro de registre national").fill(ssin_of("jeanne"))
    luc.page.get_by_label("Adresse e-mail professionnelle").fill("jeanne@exemple.be")
    luc.click("Voir le résumé")
    assert ssin_of("jeanne") not in luc.page.content()
    luc.click("Désigner cette personne")
    jeanne.open_mail("On vous propose de gérer les accès")
    jeanne.click("Se connecter", role="link")
    jeanne.choose("itsme")
    jeanne.click("Accepter")
    jeanne.sees("gestionnaire d'accès principal")


def decide(jeanne):
    """Step 6: straight from the mail to the request; accepted."""
    jeanne.open_mail("Une demande attend votre décision", "itsme")
    jeanne.sees("Karim Benali")
    jeanne.sees("Je prépare les demandes de primes.")
    jeanne.click("Accepter", role="link", exact=True)
    jeanne.click("Donner le rôle")
    jeanne.sees("Karim Benali")


def act(karim):
    """Step 7: the enterprise is in his list; the portal opens for it and takes his dossier."""
    karim.world.mail("karim", "Votre demande est acceptée")
    karim.login("/enterprises", "itsme")
    karim.click("Menuiserie Dupont SRL", role="link")
    karim.click(FORM, role="link")
    karim.page.wait_for_url(re.compile(re.escape(karim.world.urls["portal"])))
    karim.sees(DOTTED)
    karim.sees("Un rôle accordé par un gestionnaire d’accès de l’entreprise")
    karim.page.get_by_label("Objet de la demande").fill("Une nouvelle scie")
    karim.click("Envoyer la demande")
    karim.sees("Votre demande est envoyée")
    karim.sees("Preuve de votre droit")


def groups(world, person: str) -> set[str]:
    """The names of the directory's groups that hold somebody of this name."""
    ports = world.urls["ports"]
    secret = (world.folder / "secrets" / "directory-reader").read_text(encoding="utf-8").strip()
    connection = ldap3.Connection(
        ldap3.Server(f"ldap://127.0.0.1:{ports['directory']}"),
        "cn=reader,ou=services,dc=habilis,dc=test", secret, auto_bind=True, client_strategy=ldap3.SAFE_SYNC,
    )  # fmt: skip
    family = person.rsplit(maxsplit=1)[-1]
    _, _, people, _ = connection.search("dc=habilis,dc=test", f"(sn={family})", attributes=["uid"])
    if not people:
        return set()
    dn = people[0]["dn"]
    _, _, found, _ = connection.search("dc=habilis,dc=test", f"(member={dn})", attributes=["cn"])
    connection.unbind()
    return {entry["dn"] for entry in found}


def within(seconds, question):
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)
    return answer


def test_from_a_form_to_a_right_that_has_ended(person, world):
    karim, luc, jeanne = person("karim"), person("luc"), person("jeanne")

    ask(karim)
    appoint(luc, jeanne)
    decide(jeanne)
    assert any(NUMBER in name for name in within(20, lambda: groups(world, "Karim Benali")))
    act(karim)

    # Somebody else's number in the address gives nothing (DESIGN 8).
    karim.goto(f"{world.urls['portal']}/demarches/primes-investissement?enterprise=1900000168")
    assert "Imprimerie Servais" not in karim.page.content()

    # Step 8: the role ends; the portal says no in words, and the groups forget him.
    jeanne.login(f"/desk/{NUMBER}/people", "itsme")
    jeanne.page.get_by_role("link", name=re.compile("Mettre fin")).first.click()
    jeanne.page.get_by_label("Raison").fill("Il change de service.")
    jeanne.click("Mettre fin au rôle")
    within(20, lambda: not groups(world, "Karim Benali"))
    karim.goto(f"{world.urls['portal']}/demarches/primes-investissement?enterprise={NUMBER}")
    assert karim.page.locator("main form button").count() == 0

    # Step 10: out here, at Keycloak and at FAS.
    karim.goto("/")
    karim.click("Se déconnecter")
    karim.goto("/enterprises")
    assert karim.at_fas()
    karim.page.go_back()
    assert DOTTED not in karim.page.content()
