"""The four languages of the service."""

from enum import StrEnum


class Language(StrEnum):
    """A language in which everything a person reads exists. Source: DOMAIN 7.3 nr 69."""

    FR = "fr"
    DE = "de"
    NL = "nl"
    EN = "en"
