"""The main job as people live it, from "I want to file this form" to a right that has ended (steps 1 to 10).

Twice: as most people's browsers are, and with JavaScript switched off; by other people for another enterprise.
"""

import re
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import httpx2
import ldap3
import psycopg
import pytest

from demo.wallonia.source import dotted
from tests.support.steps import NUMBERS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420, func_only=True)]

FORM = "Demander une prime à l’investissement"
SIGNATURE = "Signer une déclaration d’aides publiques"
OTHER_ENTERPRISE = NUMBERS["servais"]


@dataclass(frozen=True)
class Cast:
    """Who plays the journey, and for which enterprise."""

    employee: str
    representative: str
    manager: str
    enterprise: str
    name: str
    javascript: bool = True

    @property
    def number(self) -> str:
        return NUMBERS[self.enterprise]


CASTS = {
    "with JavaScript": Cast("karim", "luc", "jeanne", "dupont", "Menuiserie Dupont SRL"),
    "without JavaScript": Cast("lea", "denis", "yvan", "hardy", "Ferronnerie Hardy", javascript=False),
}


def ssin_of(key: str) -> str:
    personas = tomllib.loads(Path("demo/personas.toml").read_text(encoding="utf-8"))["persona"]
    return next(persona["ssin"] for persona in personas if persona["key"] == key)


def ask(employee, cast):
    """Steps 1 to 4: a portal's démarche leads to Mon Espace, where he adds his enterprise and asks."""
    page = employee.page
    employee.goto(employee.world.urls["portal"])
    employee.click(FORM, role="link")
    employee.choose("itsme")
    employee.sees("Pour quelle entreprise")
    employee.click("Choisir une entreprise", role="link")
    page.wait_for_url(re.compile(re.escape(employee.world.urls["monEspace"])))
    employee.goto("/enterprises/add")
    page.get_by_label("Numéro d'entreprise").fill(f"BE {dotted(cast.number)}")
    employee.click("Chercher l'entreprise")
    employee.sees(cast.name)
    employee.click("Oui, continuer", role="link")
    page.get_by_label("Gestion des primes à l'investissement").check()
    page.get_by_label("Signature des déclarations d'aides").check()
    page.get_by_label("Je travaille pour l'entreprise").check()
    page.get_by_label("Pourquoi en avez-vous besoin").fill("Je prépare les demandes de primes.")
    page.get_by_label("Votre adresse e-mail professionnelle").fill(f"{cast.employee}@exemple.be")
    employee.click("Vérifier ma demande")
    employee.click("Envoyer la demande")
    employee.open_mail("Confirmez votre adresse", "itsme")
    employee.sees("Votre adresse est confirmée")


def appoint(representative, manager, cast):
    """Step 5: the representative follows the neutral link and appoints; the appointee accepts."""
    page, number = representative.page, ssin_of(cast.manager)
    representative.goto(f"/represent?enterprise={cast.number}")
    representative.click("Se connecter", role="link")
    representative.choose("eid")
    representative.sees("Vous représentez l'entreprise")
    representative.sees("1 demande attend")
    representative.click("Désigner une autre personne", role="link")
    page.get_by_label("Numéro de registre national").fill(number)
    page.get_by_label("Adresse e-mail professionnelle").fill(f"{cast.manager}@exemple.be")
    representative.click("Voir le résumé")
    assert number not in page.content()
    representative.click("Désigner cette personne")
    manager.open_mail("On vous propose de gérer les accès")
    manager.click("Se connecter", role="link")
    manager.choose("itsme")
    manager.click("Accepter")
    manager.sees("gestionnaire d'accès principal")


def decide(manager, employee):
    """Step 6: straight from the mail to the request; accepted."""
    manager.open_mail("Une demande attend votre décision", "itsme")
    manager.sees(employee.name)
    manager.sees("Je prépare les demandes de primes.")
    manager.click("Accepter", role="link", exact=True)
    manager.click("Donner le rôle")
    manager.sees(employee.name)
    manager.world.mail(manager.key, "Votre décision est enregistrée")


def act(employee, cast):
    """Step 7: the enterprise is in his list; the portal opens for it and takes his dossier."""
    employee.world.mail(cast.employee, "Votre demande est acceptée")
    employee.login("/enterprises", "itsme")
    employee.click(cast.name, role="link")
    employee.click(FORM, role="link")
    employee.page.wait_for_url(re.compile(re.escape(employee.world.urls["portal"])))
    employee.sees(dotted(cast.number))
    employee.sees("Un rôle accordé par un gestionnaire d’accès de l’entreprise")
    employee.page.get_by_label("Objet de la demande").fill("Une nouvelle scie")
    employee.click("Envoyer la demande")
    employee.sees("Votre demande est envoyée")
    employee.sees("Preuve de votre droit")


def step_up(employee, cast):
    """Step 1: a démarche that wants the eID asks for it with one button, and opens; nothing was an error."""
    address = f"{employee.world.urls['portal']}/demarches/declaration-aides?enterprise={cast.number}"
    employee.goto(address)
    employee.sees("Cette démarche demande votre carte d’identité")
    employee.click("Se connecter avec l’eID", role="link")
    assert employee.page.locator(f"button[value='{cast.employee}:itsme']").count() == 0, "too weak to offer"
    employee.choose("eid")
    employee.page.wait_for_url(address)
    employee.sees("Carte d’identité (eID)")


def groups_in_directory(world, person: str) -> set[str]:
    """The groups of the directory that hold somebody of this name."""
    ports = world.urls["ports"]
    secret = (world.folder / "secrets" / "directory-reader").read_text(encoding="utf-8").strip()
    connection = ldap3.Connection(
        ldap3.Server(f"ldap://127.0.0.1:{ports['directory']}"),
        "cn=reader,ou=services,dc=habilis,dc=test", secret, auto_bind=True, client_strategy=ldap3.SAFE_SYNC,
    )  # fmt: skip
    try:
        given, family = person.split(maxsplit=1)
        about = f"(&(givenName={given})(sn={family}))"
        _, _, people, _ = connection.search("dc=habilis,dc=test", about, attributes=["uid"])
        return {
            entry["dn"]
            for each in people
            for entry in connection.search("dc=habilis,dc=test", f"(member={each['dn']})", attributes=["cn"])[
                2
            ]
        }
    finally:
        plug = connection.socket
        connection.unbind()
        plug.close()  # ldap3 leaves it open when the server was faster to end the session


def groups_in_keycloak(world, person: str) -> set[str]:
    """The paths of Keycloak's groups that hold somebody of this name, as an administrator sees them."""
    base, given = world.urls["keycloak"], person.split(maxsplit=1)[0]
    secret = (world.folder / "secrets" / "keycloak-admin").read_text(encoding="utf-8").strip()
    with httpx2.Client(base_url=base, timeout=20) as http:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": secret}
        token = http.post("/realms/master/protocol/openid-connect/token", data=form).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        users = http.get(
            "/admin/realms/monespace/users",
            params={"firstName": given, "lastName": person.removeprefix(given).strip(), "exact": "true"},
        ).json()
        return {
            group["path"]
            for user in users
            for group in http.get(f"/admin/realms/monespace/users/{user['id']}/groups").json()
        }


def journal_of(world, number: str) -> list[str]:
    """The kinds of the sealed entries of an enterprise, in their order."""
    address = next(
        line.partition("=")[2].strip().strip("'\"")
        for line in (world.folder / "environment").read_text(encoding="utf-8").splitlines()
        if line.startswith("HABILIS_DATABASE_URL=")
    )
    with psycopg.connect(address) as connection:
        rows = connection.execute(
            "SELECT e.kind FROM journal_entry e JOIN journal_seal s ON s.entry_id = e.id"
            "  JOIN bce_number n ON n.entity_id = e.head_id"
            " WHERE e.head_kind = 'enterprise' AND n.number = %s ORDER BY s.seq",
            [number],
        ).fetchall()
    return [kind for (kind,) in rows]


def within(seconds, question):
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)
    return answer


@pytest.mark.parametrize("cast", CASTS.values(), ids=CASTS.keys())
def test_from_a_form_to_a_right_that_has_ended(person, world, cast):
    options = {} if cast.javascript else {"java_script_enabled": False}
    employee, representative, manager = (
        person(key, **options) for key in (cast.employee, cast.representative, cast.manager)
    )
    portal, number = world.urls["portal"], cast.number

    ask(employee, cast)
    employee.goto(f"/enterprises/{number}")
    employee.sees("Vous n'avez pas de rôle en cours pour cette entreprise.")
    appoint(representative, manager, cast)
    decide(manager, employee)
    within(20, lambda: any(number in name for name in groups_in_directory(world, employee.name)))
    within(20, lambda: any(number in path for path in groups_in_keycloak(world, employee.name)))
    # A refresh of the page shows it, without a new login (step 7).
    employee.page.reload()
    assert not employee.at_fas()
    assert employee.page.get_by_role("link", name=FORM).count() == 1
    act(employee, cast)
    step_up(employee, cast)

    # From a bookmark without an enterprise he chooses one; somebody else's number gives nothing (DESIGN 8).
    employee.goto(f"{portal}/demarches/primes-investissement")
    employee.click("Choisir une entreprise", role="link")
    employee.click(cast.name, role="link")
    employee.page.wait_for_url(f"{portal}/demarches/primes-investissement?enterprise={number}")
    employee.goto(f"{portal}/demarches/primes-investissement?enterprise={OTHER_ENTERPRISE}")
    employee.sees("Vous n’avez pas de rôle pour cette démarche")
    assert "Imprimerie Servais" not in employee.page.content()

    # Step 8: the role ends while he fills the form; the portal says so in words, and the groups forget him.
    employee.goto(f"{portal}/demarches/primes-investissement?enterprise={number}")
    employee.page.get_by_label("Objet de la demande").fill("Une deuxième scie")
    for _ in range(2):
        manager.login(f"/desk/{number}/people", "itsme")
        manager.page.get_by_role("link", name=re.compile("Mettre fin")).first.click()
        manager.page.get_by_label("Raison").fill("Il change de service.")
        manager.click("Mettre fin au rôle")
        manager.sees("Ce rôle a pris fin")
    employee.click("Envoyer la demande")
    employee.sees("Votre droit a pris fin entre-temps")
    within(20, lambda: not groups_in_directory(world, employee.name))
    within(20, lambda: not groups_in_keycloak(world, employee.name))

    # Step 9: every step is in the journal.
    wanted = [
        "request.submitted", "request.confirmed", "office.appointed", "office.activated", "request.routed",
        "request.approved", "role.granted", "role.granted", "grant.ended", "grant.ended",
    ]  # fmt: skip
    within(20, lambda: journal_of(world, number) == [f"delegation.{kind}" for kind in wanted])

    # Step 10: out here, at Keycloak and at FAS.
    employee.goto("/")
    employee.page.locator("[data-logout] button").click()
    assert employee.heading == "Vous êtes déconnecté"
    employee.goto("/enterprises")
    assert employee.at_fas()
    employee.page.go_back()
    assert dotted(number) not in employee.page.content()
