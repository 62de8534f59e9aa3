"""The pages of asking in the four languages: said in the language of the page, no French left, mails too (nr 69)."""

import re

import pytest

from iam.kernel.language import Language
from iam.texts import translator
from tests.support.steps import (
    MOTIVATION,
    NUMBERS,
    Wording,
    add_enterprise,
    fill_request,
    in_language,
    mail_to,
    mails_to,
    main_text,
    send_request,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180, func_only=True)]

LANGUAGES = ("fr", "de", "nl", "en")
PATHS = (
    "/", "/citizen", "/enterprises", "/enterprises/add", f"/enterprises/add/{NUMBERS['ourthe']}",
    "/enterprises/add/search", f"/enterprises/{NUMBERS['ourthe']}/register", "/dossiers", "/dossiers/new",
    f"/enterprises/{NUMBERS['ourthe']}/request", "/requests", "/address", "/desk", "/represent", "/help",
    "/accessibility", "/privacy", "/no-such-page",
)  # fmt: skip
# Words that only a French sentence has; names of people, places and enterprises have none of them.
FRENCH = re.compile(
    r"\b(vous|votre|vos|nous|les|une|est|sont|avez|pouvez|demande|demandes|entreprise|entreprises|rôles?|"
    r"accès|gestionnaire|adresse|retour|aide|envoyer|choisir|choisissez|modifier|annuler|jusqu'au|depuis|"
    r"connecter|déconnecter|personne|représente[rz]?|qui|pour|avec|dans|cette)\b",
    re.IGNORECASE,
)
# What another language writes like a French word.
ALIKE = {"de": {"adresse"}, "nl": set(), "en": set()}


def french_in(visitor, language: str) -> list[str]:
    """French words in what the page says, without names, the person's own words and what says itself in another language."""
    said = visitor.page.evaluate(
        """() => {
          const copy = document.body.cloneNode(true);
          copy.querySelectorAll('script, [lang]').forEach(part => part.remove());
          const walker = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
          const texts = [];
          while (walker.nextNode()) texts.push(walker.currentNode.textContent.trim());
          copy.querySelectorAll('[aria-label], [title], [placeholder]').forEach(part =>
            texts.push(part.getAttribute('aria-label') || part.getAttribute('title') || part.placeholder));
          return texts.filter(Boolean); }"""
    )
    names = re.compile(rf"\S+@\S+|https?://\S+|Mon Espace|{re.escape(MOTIVATION)}")
    return [
        text
        for text in said
        if {word.lower() for word in FRENCH.findall(names.sub("", text))} - ALIKE.get(language, set())
    ]


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_inv_69_no_page_of_asking_speaks_french_to_somebody_else(person, language):
    olivier, faults = person("olivier", language=language), []
    olivier.login("/")
    in_language(olivier, "fr")
    french = {}
    for path in PATHS:
        olivier.goto(f"{path}?lang=fr")
        french[path] = olivier.heading
        assert french_in(olivier, "fr"), f"{path}: the words that are looked for are there in French"
        olivier.goto(f"{path}?lang={language}")
        if olivier.page.locator("html").get_attribute("lang") != language:
            faults.append(f"{path}: lang")
        if olivier.heading == french[path]:
            faults.append(f"{path}: {french[path]}")
        faults += [f"{path}: {text}" for text in french_in(olivier, language)]
    assert faults == []


@pytest.mark.parametrize(
    ("key", "language", "enterprise"),
    [
        ("isabelle", "fr", "cpas"),
        ("vincent", "de", "polyglotte"),
        ("emma", "nl", "vlaams"),
        ("thierry", "en", "aisbl"),
    ],
    ids=LANGUAGES,
)
def test_inv_69_a_request_and_its_mails_are_in_the_language_of_the_person(person, key, language, enterprise):
    someone, say = person(key, language=language), Wording(language)
    someone.login("/enterprises", "itsme")
    in_language(someone, language)
    try:
        add_enterprise(someone, enterprise, words=say)
        fill_request(someone, say, email=f"{key}@bureau.exemple.be")
        someone.page.get_by_role("button", name=say("Envoyer la demande")).wait_for()
        grant = main_text(someone)
        assert translator(Language(language)).gettext("Vérifiez votre demande, puis envoyez-la") in grant
        path = send_request(someone, say)
        assert someone.page.locator("html").get_attribute("lang") == language
        assert say("Il reste une chose à faire : confirmer votre adresse").replace(
            "\u00a0", " "
        ) in main_text(someone)
        if language != "fr":
            assert french_in(someone, language) == []
        mail = mail_to(someone.world, f"{key}@bureau.exemple.be")
        assert mail["language"] == language
        assert mail["subject"] == say("Confirmez votre adresse pour envoyer votre demande")
        someone.goto(mail["links"][0])
        assert someone.heading == say("Votre adresse est confirmée")
        someone.goto(path)
        assert someone.page.locator("html").get_attribute("lang") == language
        if language != "fr":
            assert french_in(someone, language) == []
        someone.click(say("Retirer la demande"))
        someone.page.get_by_role("link", name=say("Faire une nouvelle demande")).wait_for()
        received = mails_to(someone.world, f"{key}@bureau.exemple.be")
        assert {mail["language"] for mail in received} == {language}
    finally:
        someone.goto("/")
        in_language(someone, someone.world.persona(key)["language"])
