"""Names of companies, people and streets, put together from `words.toml`.

Tables have 4 096 entries (first words 256, first names 100), written as the official files write them: a
quote twice.
"""

import tomllib
import unicodedata
from collections.abc import Mapping
from importlib.resources import files

_WORDS = tomllib.loads((files("iam.bce.synthetic.vocabulary") / "words.toml").read_text(encoding="utf-8"))


def _joined(starts: str, ends: str) -> tuple[str, ...]:
    return tuple(f"{start}{end}" for start in _WORDS[starts].split() for end in _WORDS[ends].split())


def _first(words: list[str]) -> tuple[str, ...]:
    """First words of companies: as they are, in capitals, and one that begins with a blank."""
    table = words * (256 // len(words))
    table[64:128] = [word.upper() for word in table[64:128]]
    table[0] = f" {table[0]}"
    return tuple(table)


def _second(word: str, place: int) -> str:
    """What follows the first word: a coined one, at times in quotes, in capitals, with something to it."""
    match place % 64:
        case 7:
            return f'""{word}""'
        case 11 | 23:
            return f"{word} & Co"
        case 31 | 32 | 33 | 34:
            return word.upper()
        case 47:
            return f"{word} {1900 + place % 120}"
        case 53:
            return f"d'{word}"
        case _:
            return word


def _streets(word: str, place: int) -> tuple[str, str, str]:
    """A street called after a word, in French, Dutch and German."""
    kind = place * 7 % 16
    return (
        f"{_WORDS['french_streets'][kind]} {word}",
        f"{word}{_WORDS['dutch_streets'].split()[kind]}",
        f"{word}{_WORDS['german_streets'].split()[kind]}",
    )


def _plain(word: str) -> str:
    """A word as it stands in an address of the internet."""
    apart = unicodedata.normalize("NFKD", word.replace("œ", "oe"))
    return apart.encode("ascii", "ignore").decode().lower()


COINED = _joined("starts", "ends")
SURNAMES = _joined("surname_starts", "surname_ends")
FIRST_NAMES = tuple(_WORDS["first_names"].split())
SECOND = tuple(_second(word, place) for place, word in enumerate(COINED))
STREETS = tuple(_streets(word, place) for place, word in enumerate(COINED))
DOMAINS = tuple(_plain(word) for word in COINED)
ABBREVIATIONS = tuple(
    f"{start[:2]}{end[:2]}".upper() for start in _WORDS["starts"].split() for end in _WORDS["ends"].split()
)
_KNOWN = {language: _first(words.split()) for language, words in _WORDS["trades"].items()}
# A name whose language the register does not know is French or Dutch.
FIRST: Mapping[str, tuple[str, ...]] = {"0": _KNOWN["1"][:128] + _KNOWN["2"][128:], **_KNOWN}
