"""The catalogues: read from .po files, merged, kept in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from iam.kernel.language import Language

LOCALE = Path(__file__).parent / "locale"
SOURCE = Language.FR
TRANSLATIONS = tuple(language for language in Language if language is not SOURCE)

Key = tuple[str | None, str]


def N_(message: str) -> str:  # noqa: N802 - the name that gettext tools know
    """The message itself, marked so that the extraction finds it; translate it where it is shown."""
    return message


def messages(path: Path) -> Iterator[Message]:
    """Every message of a .po file but its heading."""
    with path.open("rb") as file:
        catalogue = read_po(file, abort_invalid=True)
    return (message for message in catalogue if message.id)


def key_of(message: Message) -> Key:
    """What a message is found by: its context and its (singular) id."""
    return message.context or None, message.id if isinstance(message.id, str) else message.id[0]


def files(language: Language) -> list[Path]:
    """The .po files of a language, one a room, in order of their names."""
    return sorted((LOCALE / language.value).glob("*.po"))


def _forms(message: Message) -> tuple[str, ...]:
    found = message.string
    return (found,) if isinstance(found, str) else tuple(found or ())


@cache
def _merged(language: Language) -> Mapping[Key, tuple[str, ...]]:
    merged: dict[Key, tuple[str, ...]] = {}
    for path in files(language):
        for message in messages(path):
            forms = _forms(message)
            if all(forms) and not message.fuzzy:
                merged.setdefault(key_of(message), forms)
    return merged


def _is_singular(language: Language, number: int) -> bool:
    return abs(number) < 2 if language is Language.FR else number == 1  # noqa: PLR2004 - French 0 and 1


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language. Placeholders are `%(name)s`, a percent sign is written `%%`.

    A message without a translation is shown in French rather than not at all; the tests see to it
    that there is none.
    """

    language: Language
    translations: Mapping[Key, tuple[str, ...]]

    def gettext(self, message: str, /, **facts: object) -> str:
        """The message in this language with the facts in their places."""
        return self.find(None, message) % facts

    def pgettext(self, context: str, message: str, /, **facts: object) -> str:
        """The same for a word that means two things; `context` tells which."""
        return self.find(context, message) % facts

    def ngettext(self, singular: str, plural: str, num: int, /, **facts: object) -> str:
        """The form that goes with a count, which is itself the fact `num`."""
        return self.find_plural(None, singular, plural, num) % {"num": num, **facts}

    def npgettext(self, context: str, singular: str, plural: str, num: int, /, **facts: object) -> str:
        """The form that goes with a count, for a word that means two things."""
        return self.find_plural(context, singular, plural, num) % {"num": num, **facts}

    def find(self, context: str | None, message: str) -> str:
        """The message in this language, its placeholders untouched."""
        return self.translations.get((context, message), (message,))[0]

    def find_plural(self, context: str | None, singular: str, plural: str, num: int) -> str:
        """The form for a count in this language, its placeholders untouched."""
        forms = self.translations.get((context, singular), (singular, plural))
        return forms[0] if _is_singular(self.language, num) else forms[-1]


@cache
def translator(language: Language) -> Texts:
    """The texts of a language, read once for each process."""
    return Texts(language, {} if language is SOURCE else _merged(language))
