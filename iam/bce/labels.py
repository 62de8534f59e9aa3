"""Words for codes, from the official code table.

The official table has French and Dutch for all codes, German for forms and situations only, English
for none (DOMAIN 3.4).
"""

import csv
import gzip
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from iam.kernel.language import Language

# Twenty thousand lines of activities that nothing here shows.
_LEFT_OUT = ("Nace", "Activity")
_ORDER: Mapping[Language, tuple[Language, ...]] = {
    Language.FR: (Language.FR, Language.NL, Language.DE),
    Language.NL: (Language.NL, Language.FR, Language.DE),
    Language.DE: (Language.DE, Language.FR, Language.NL),
    Language.EN: (Language.EN, Language.FR, Language.NL, Language.DE),
}


@cache
def _table() -> Mapping[tuple[str, str], Mapping[str, str]]:
    packed = (files("iam.bce") / "reference" / "code.csv.gz").read_bytes()
    labels: dict[tuple[str, str], dict[str, str]] = {}
    for row in csv.DictReader(gzip.decompress(packed).decode().splitlines(), strict=True):
        if not row["Category"].startswith(_LEFT_OUT):
            # One description of the official table begins with a blank (DOMAIN 3.3).
            labels.setdefault((row["Category"], row["Code"]), {})[row["Language"].lower()] = row[
                "Description"
            ].strip()
    return labels


def label(category: str, code: str, language: Language) -> str:
    """The official word for a code, in the reader's language or the next best; else the code itself."""
    words = _table().get((category, code), {})
    return next((words[each.value] for each in _ORDER[language] if each.value in words), code)


def knows(category: str, code: str) -> bool:
    """Whether the official table has this code."""
    return (category, code) in _table()
