"""The words of the pages, in the four languages."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

LANGUAGES = {"fr": "Français", "de": "Deutsch", "nl": "Nederlands", "en": "English"}

TEXTS: Mapping[str, Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("texts.toml").read_text(encoding="utf-8")
)


def choose(ui_locales: str | None, accept_language: str | None) -> str:
    """The first language of ours that the caller or the browser names; French when none is."""
    wishes = (ui_locales or "").split() + [
        each.partition(";")[0].strip() for each in (accept_language or "").split(",")
    ]
    for wish in wishes:
        language = wish.partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return "fr"
