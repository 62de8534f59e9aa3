"""The words of the pages, in the four languages. A word that one language lacks stops the start."""

import re
import string
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

LANGUAGES = {"fr": "Français", "nl": "Nederlands", "de": "Deutsch", "en": "English"}
_BRUSSELS = ZoneInfo("Europe/Brussels")


def load(path: Path) -> Mapping[str, Mapping[str, str]]:
    """The words of every language by name. Raises ValueError where the languages do not match."""
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    for language in LANGUAGES:
        if read[language].keys() != read["fr"].keys():
            missing = sorted(read["fr"].keys() ^ read[language].keys())
            raise ValueError(f"{language} differs: {', '.join(missing)}")
        for name, text in read[language].items():
            if _places(text) != _places(read["fr"][name]):
                raise ValueError(f"{language}.{name}: other places to fill than in French")
    return read


def _places(text: str) -> set[str | None]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


TEXTS = load(Path(__file__).with_name("texts.toml"))


class Words:
    """The words of one language, and how it writes dates and numbers."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = TEXTS[language]

    def __call__(self, name: str, **values: str) -> str:
        """The text of a name, its places filled."""
        return self._texts[name].format(**values)

    def day(self, instant: datetime) -> str:
        """A day in Brussels, in words."""
        local = instant.astimezone(_BRUSSELS)
        number = "1er" if self.language == "fr" and local.day == 1 else str(local.day)
        if self.language == "de":
            number += "."
        return f"{number} {self._texts['months'].split()[local.month - 1]} {local.year}"

    def last_day(self, end: datetime) -> str:
        """The last day of a right that ends at `end`."""
        return self.day(end - timedelta(microseconds=1))

    def moment(self, instant: datetime) -> str:
        """A day and the time of it."""
        return self("moment", day=self.day(instant), time=f"{instant.astimezone(_BRUSSELS):%H:%M}")


def choose(chosen: str | None, kept: str | None, accept_language: str | None) -> str:
    """What was just chosen, else what was kept, else the browser's first language of ours, else French."""
    accepted = [re.split(r"[-;]", each.strip(), maxsplit=1)[0] for each in (accept_language or "").split(",")]
    return next((each for each in (chosen, kept, *accepted) if each in LANGUAGES), "fr")


def dotted(number: str) -> str:
    """An enterprise number as people read it."""
    return f"{number[:4]}.{number[4:7]}.{number[7:]}"
