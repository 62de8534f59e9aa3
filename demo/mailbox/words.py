"""The words of the mailbox, in four languages; French first."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

LANGUAGES = {"fr": "Français", "de": "Deutsch", "nl": "Nederlands", "en": "English"}

_LOCALES = {"fr": "fr_BE", "de": "de_BE", "nl": "nl_BE", "en": "en_GB"}
_BRUSSELS = ZoneInfo("Europe/Brussels")

WORDS: Mapping[str, Mapping[str, str]] = {
    "fr": {
        "skip": "Aller au contenu",
        "product": "Messagerie de la démonstration",
        "languages": "Langues",
        "home": "Toutes les boîtes",
        "home_title": "Les boîtes de la démonstration",
        "home_lead": "Chaque message que le service envoie arrive ici. Aucun ne quitte cette machine.",
        "people": "Personnes",
        "others": "Autres adresses",
        "none": "aucun message",
        "one": "1 message",
        "many": "{n} messages",
        "box_title": "Messages pour {name}",
        "box_lead": "Le plus récent d'abord. L'adresse de cette boîte : {address}.",
        "empty": "Cette boîte est vide. Les prochains messages pour {name} apparaîtront ici.",
        "refresh": "Relire la boîte",
        "no_subject": "(sans objet)",
        "back": "Retour à la boîte",
        "from": "De",
        "to": "À",
        "received": "Reçu le",
        "as_text": "Le message en texte",
        "as_html": "Le message mis en page",
        "no_text": "Ce message n'a pas de partie en texte.",
        "missing_title": "Cette page n'existe pas",
        "missing_lead": "Le message a peut-être laissé la place à de plus récents.",
    },
    "de": {
        "skip": "Zum Inhalt",
        "product": "Postfächer der Demonstration",
        "languages": "Sprachen",
        "home": "Alle Postfächer",
        "home_title": "Die Postfächer der Demonstration",
        "home_lead": "Jede Nachricht des Dienstes kommt hier an. Keine verlässt diesen Rechner.",
        "people": "Personen",
        "others": "Andere Adressen",
        "none": "keine Nachricht",
        "one": "1 Nachricht",
        "many": "{n} Nachrichten",
        "box_title": "Nachrichten für {name}",
        "box_lead": "Die neueste zuerst. Die Adresse dieses Postfachs: {address}.",
        "empty": "Dieses Postfach ist leer. Die nächsten Nachrichten für {name} erscheinen hier.",
        "refresh": "Postfach neu lesen",
        "no_subject": "(ohne Betreff)",
        "back": "Zurück zum Postfach",
        "from": "Von",
        "to": "An",
        "received": "Empfangen am",
        "as_text": "Die Nachricht als Text",
        "as_html": "Die Nachricht mit Gestaltung",
        "no_text": "Diese Nachricht hat keinen Textteil.",
        "missing_title": "Diese Seite gibt es nicht",
        "missing_lead": "Vielleicht hat die Nachricht neueren Platz gemacht.",
    },
    "nl": {
        "skip": "Naar de inhoud",
        "product": "Postvakken van de demonstratie",
        "languages": "Talen",
        "home": "Alle postvakken",
        "home_title": "De postvakken van de demonstratie",
        "home_lead": "Elk bericht dat de dienst verstuurt, komt hier aan. Geen enkel verlaat deze machine.",
        "people": "Personen",
        "others": "Andere adressen",
        "none": "geen berichten",
        "one": "1 bericht",
        "many": "{n} berichten",
        "box_title": "Berichten voor {name}",
        "box_lead": "Het nieuwste eerst. Het adres van dit postvak: {address}.",
        "empty": "Dit postvak is leer. De volgende berichten voor {name} komen hier.",
        "refresh": "Postvak opnieuw lezen",
        "no_subject": "(geen onderwerp)",
        "back": "Terug naar het postvak",
        "from": "Van",
        "to": "Aan",
        "received": "Ontvangen op",
        "as_text": "Het bericht als tekst",
        "as_html": "Het bericht met opmaak",
        "no_text": "Dit bericht heeft geen tekstgedeelte.",
        "missing_title": "Deze pagina bestaat niet",
        "missing_lead": "Misschien heeft het bericht plaatsgemaakt voor nieuwere.",
    },
    "en": {
        "skip": "Skip to the content",
        "product": "Mailboxes of the demonstration",
        "languages": "Languages",
        "home": "All mailboxes",
        "home_title": "The mailboxes of the demonstration",
        "home_lead": "Every message that the service sends arrives here. None leaves this machine.",
        "people": "People",
        "others": "Other addresses",
        "none": "no messages",
        "one": "1 message",
        "many": "{n} messages",
        "box_title": "Messages for {name}",
        "box_lead": "The newest first. The address of this mailbox: {address}.",
        "empty": "This mailbox is empty. The next messages for {name} will appear here.",
        "refresh": "Read the mailbox again",
        "no_subject": "(no subject)",
        "back": "Back to the mailbox",
        "from": "From",
        "to": "To",
        "received": "Received on",
        "as_text": "The message as text",
        "as_html": "The message with its layout",
        "no_text": "This message has no text part.",
        "missing_title": "This page does not exist",
        "missing_lead": "The message may have made room for newer ones.",
    },
}


def counted(language: str, number: int) -> str:
    """A number of messages: 3 messages."""
    name = {0: "none", 1: "one"}.get(number, "many")
    return WORDS[language][name].format(n=number)


def moment(language: str, instant: datetime) -> str:
    """An instant in Brussels, in words."""
    pattern = {
        "fr": "d MMMM yyyy 'à' HH:mm",
        "de": "d. MMMM yyyy, HH:mm 'Uhr'",
        "nl": "d MMMM yyyy 'om' HH:mm",
    }
    return format_datetime(
        instant, pattern.get(language, "d MMMM yyyy 'at' HH:mm"), tzinfo=_BRUSSELS, locale=_LOCALES[language]
    )
