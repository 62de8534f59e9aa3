"""Dates, numbers and lists, in words (SCREENS). Days are Belgian days (DOMAIN 7.3 nr 71)."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal

from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.numbers import format_decimal

from iam.kernel.clock import BRUSSELS, belgian_day
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber, EstablishmentNumber
from iam.kernel.period import Period
from iam.texts.catalogue import translator

LOCALES = {Language.FR: "fr_BE", Language.DE: "de_BE", Language.NL: "nl_BE", Language.EN: "en_GB"}


def day(value: date, language: Language) -> str:
    """A day in words: 31 mars 2027. An instant is shown as its day in Brussels."""
    shown = belgian_day(value) if isinstance(value, datetime) else value
    words = format_date(shown, "long", LOCALES[language])
    if language is Language.FR and shown.day == 1:
        return "1er" + words.removeprefix("1")
    return words


def moment(instant: datetime, language: Language) -> str:
    """An instant with its hour in Brussels: 24 novembre 2026 à 10:00."""
    _ = translator(language).gettext
    time = format_time(instant.astimezone(BRUSSELS), "HH:mm", locale=LOCALES[language])
    return _("%(day)s à %(time)s", day=day(instant, language), time=time)


def until(period: Period, language: Language) -> str:
    """Until when, as a part of a sentence: jusqu'au 31 mars 2027."""
    _ = translator(language).gettext
    last = period.last_day
    return _("sans date de fin") if last is None else _("jusqu'au %(day)s", day=day(last, language))


def period(value: Period, language: Language) -> str:
    """A whole period: du 24 novembre 2026 au 31 mars 2027."""
    _ = translator(language).gettext
    first, last = day(value.start, language), value.last_day
    if last is None:
        return _("à partir du %(day)s, sans date de fin", day=first)
    return _("du %(first)s au %(last)s", first=first, last=day(last, language))


def days(number: int, language: Language) -> str:
    """A number of days: 3 jours."""
    return translator(language).ngettext("%(num)s jour", "%(num)s jours", number)


def waiting(since: datetime, now: datetime, language: Language) -> str:
    """For how long something has waited, in Belgian days: depuis 3 jours."""
    texts = translator(language)
    passed = (belgian_day(now) - belgian_day(since)).days
    if passed <= 0:
        return texts.gettext("depuis aujourd'hui")
    return texts.ngettext("depuis %(num)s jour", "depuis %(num)s jours", passed)


def listed(items: Iterable[str], language: Language, style: Literal["standard", "or"] = "standard") -> str:
    """A list as one speaks it: a, b et c."""
    return format_list(list(items), style=style, locale=LOCALES[language])


def count(number: int, language: Language) -> str:
    """A number with the groups of its language: 12 345."""
    return format_decimal(number, locale=LOCALES[language])


def enterprise_number(value: EnterpriseNumber | EstablishmentNumber | str) -> str:
    """The number for people: 0314.595.348. Raises `InvalidNumber` for a text that is none."""
    return EnterpriseNumber.parse(value).dotted if isinstance(value, str) else value.dotted
