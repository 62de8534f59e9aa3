"""Steps that several journeys take, each by the links and buttons that the pages offer."""

import json
import time
import urllib.request

from demo.wallonia.source import dotted, enterprises
from iam.kernel.language import Language
from iam.texts import translator
from tests.support.journey import Visitor, World

NUMBERS = {each.key: each.number for each in enterprises()}
PRIMES = "primes.deposer"
MOTIVATION = "Je prépare les dossiers."
LANGUAGE_LINKS = {"fr": "FR Français", "de": "DE Deutsch", "nl": "NL Nederlands", "en": "EN English"}


class Wording:
    """The texts of the pages in one language; a text that nobody uses fails nothing here but finds nothing."""

    def __init__(self, language: str = "fr") -> None:
        self.language = Language(language)

    def __call__(self, text: str, **values: str) -> str:
        """The French source text in this language."""
        return translator(self.language).gettext(text, **values)

    def of_role(self, role: str) -> str:
        """The label of a role of the demo."""
        return _LABELS[role][self.language.value]


_LABELS = {
    PRIMES: {
        "fr": "Gestion des primes à l'investissement",
        "de": "Verwaltung der Investitionsprämien",
        "nl": "Beheer van investeringspremies",
        "en": "Investment grants",
    }
}


def in_language(visitor: Visitor, language: str) -> None:
    """The person has chosen the language in the header: the pages are in it from now on."""
    visitor.page.get_by_role("link", name=LANGUAGE_LINKS[language], exact=True).click()
    visitor.page.wait_for_selector(f"html[lang={language}]")


def main_text(visitor: Visitor) -> str:
    """What the page says between its header and its footer, with spaces made simple."""
    text = visitor.page.get_by_role("main").inner_text()
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


def forms(visitor: Visitor) -> list[str]:
    """Where the forms of the page's content would be sent, with their method."""
    found: list[str] = visitor.page.locator("main form").evaluate_all(
        "forms => forms.map(form => `${form.method} ${new URL(form.action).pathname}`)"
    )
    return found


def add_enterprise(
    visitor: Visitor, key: str, typed: str | None = None, words: Wording | None = None
) -> None:
    """From the list of enterprises to the form of the request, by the number."""
    say = words or Wording()
    visitor.click(say("Ajouter une entreprise"), "link")
    visitor.page.get_by_label(say("Numéro d'entreprise")).fill(typed or dotted(NUMBERS[key]))
    visitor.click(say("Chercher l'entreprise"))
    visitor.sees(dotted(NUMBERS[key]))
    visitor.click(say("Oui, continuer"), "link")


def fill_request(
    visitor: Visitor, words: Wording | None = None, role: str = PRIMES, email: str | None = None
) -> None:
    """The form of the request is filled and leads to its check page."""
    say, page = words or Wording(), visitor.page
    page.get_by_label(say.of_role(role)).check()
    page.get_by_label(say("Je travaille pour l'entreprise")).check()
    page.get_by_label(say("Pourquoi en avez-vous besoin ?")).fill(MOTIVATION)
    page.get_by_label(say("Votre adresse e-mail professionnelle")).fill(
        email or visitor.world.persona(visitor.key)["email"]
    )
    visitor.click(say("Vérifier ma demande"))


def send_request(visitor: Visitor, words: Wording | None = None) -> str:
    """The request is sent; returns the path of its page."""
    say = words or Wording()
    visitor.click(say("Envoyer la demande"))
    visitor.page.wait_for_url("**/requests/*/sent")
    path: str = visitor.page.evaluate("location.pathname")
    return path.removesuffix("/sent")


def appoint_oneself(visitor: Visitor, key: str, words: Wording | None = None) -> None:
    """From the list of enterprises: a representative with a weaker login makes herself chief access manager."""
    say, page = words or Wording(), visitor.page
    page.locator(f"main a.ds-button[href='/represent/{NUMBERS[key]}']").click()
    visitor.sees(say("Désigner un GAP"))
    visitor.click(say("Me désigner"), "link")
    if page.get_by_role("link", name=say("Se connecter de nouveau")).count():
        visitor.click(say("Se connecter de nouveau"), "link")
        visitor.choose("eid")
    page.get_by_label(say("Votre adresse e-mail professionnelle")).fill(
        visitor.world.persona(visitor.key)["email"]
    )
    visitor.click(say("Voir le résumé"))
    visitor.click(say("Me désigner"))
    visitor.sees(say("Vous êtes gestionnaire d'accès principal (GAP)"))


def take_role(visitor: Visitor, role: str = PRIMES, words: Wording | None = None) -> None:
    """From the page of the desk that offers it: a chief access manager with a confirmed address takes a role."""
    say, page = words or Wording(), visitor.page
    visitor.click(say("Me donner un rôle"), "link")
    page.get_by_role("heading", level=1, name=say("Me donner un rôle")).wait_for()
    page.get_by_label(say.of_role(role)).check()
    visitor.click(say("Voir le résumé"))
    visitor.sees(say("Le journal des actes signalera que vous vous êtes donné ce rôle vous-même."))
    visitor.click(say("Me donner ce rôle"))
    visitor.sees(say("Vous avez ce rôle"))


def mails_to(world: World, address: str) -> list[dict]:
    """The mails that came to this address, the newest first."""
    with urllib.request.urlopen(f"{world.urls['mailbox']}/api/messages?to={address}", timeout=10) as answer:
        found: list[dict] = json.load(answer)["messages"]
    return found


def mail_to(world: World, address: str, seconds: float = 20.0) -> dict:
    """The newest mail that came to this address, waited for."""
    deadline = time.monotonic() + seconds
    while not (found := mails_to(world, address)):
        assert time.monotonic() < deadline, f"no mail came to {address}"
        time.sleep(0.1)
    return found[0]
