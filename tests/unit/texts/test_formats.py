from datetime import UTC, date, datetime

import pytest

from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.kernel.period import Period
from iam.texts import formats

FR, DE, NL, EN = Language.FR, Language.DE, Language.NL, Language.EN
END = date(2027, 3, 31)
START = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("language", "words"),
    [(FR, "31 mars 2027"), (DE, "31. März 2027"), (NL, "31 maart 2027"), (EN, "31 March 2027")],
)
def test_a_day_is_in_words(language, words) -> None:
    assert formats.day(END, language) == words


def test_the_first_of_a_month_in_french() -> None:
    assert formats.day(date(2027, 3, 1), FR) == "1er mars 2027"
    assert formats.day(date(2027, 3, 11), FR) == "11 mars 2027"


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        (datetime(2026, 11, 24, 23, 30, tzinfo=UTC), "25 novembre 2026"),
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), "28 mars 2026"),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), "29 mars 2026"),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), "25 octobre 2026"),
    ],
)
def test_inv_71_the_day_of_an_instant_is_the_day_in_brussels(instant, words) -> None:
    assert formats.day(instant, FR) == words


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (FR, "24 novembre 2026 à 10:05"),
        (DE, "24. November 2026 um 10:05 Uhr"),
        (NL, "24 november 2026 om 10:05"),
        (EN, "24 November 2026 at 10:05"),
    ],
)
def test_a_moment_has_its_hour_in_brussels(language, words) -> None:
    assert formats.moment(datetime(2026, 11, 24, 9, 5, tzinfo=UTC), language) == words


@pytest.mark.parametrize(
    ("language", "until", "whole"),
    [
        (FR, "jusqu'au 31 mars 2027", "du 24 novembre 2026 au 31 mars 2027"),
        (DE, "bis zum 31. März 2027", "vom 24. November 2026 bis zum 31. März 2027"),
        (NL, "tot en met 31 maart 2027", "van 24 november 2026 tot en met 31 maart 2027"),
        (EN, "until 31 March 2027", "from 24 November 2026 to 31 March 2027"),
    ],
)
def test_inv_71_a_period_names_its_last_day(language, until, whole) -> None:
    period = Period.of_days(START, END)
    assert formats.until(period, language) == until
    assert formats.period(period, language) == whole


def test_a_period_without_end() -> None:
    period = Period.of_days(START, None)
    assert formats.until(period, FR) == "sans date de fin"
    assert formats.period(period, EN) == "from 24 November 2026, with no end date"


@pytest.mark.parametrize(
    ("number", "language", "words"),
    [
        (0, FR, "0 jour"),
        (1, FR, "1 jour"),
        (2, FR, "2 jours"),
        (0, DE, "0 Tage"),
        (1, NL, "1 dag"),
        (0, EN, "0 days"),
    ],
)
def test_counts_follow_the_plural_of_their_language(number, language, words) -> None:
    assert formats.days(number, language) == words


def test_waiting_counts_belgian_days() -> None:
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert formats.waiting(now, now, FR) == "depuis aujourd'hui"
    assert formats.waiting(datetime(2026, 11, 23, 22, 30, tzinfo=UTC), now, FR) == "depuis 1 jour"
    assert formats.waiting(datetime(2026, 11, 21, 9, tzinfo=UTC), now, DE) == "seit 3 Tagen"


@pytest.mark.parametrize(
    ("language", "words"), [(FR, "a, b et c"), (DE, "a, b und c"), (NL, "a, b en c"), (EN, "a, b and c")]
)
def test_a_list_is_spoken(language, words) -> None:
    assert formats.listed(["a", "b", "c"], language) == words


def test_a_list_of_one_and_a_choice() -> None:
    assert formats.listed(["a"], FR) == "a"
    assert formats.listed(["a", "b"], NL, "or") == "a of b"


def test_numbers_are_grouped_as_the_language_does() -> None:
    assert formats.count(12345, DE) == "12.345"
    assert formats.count(12345, FR) == "12\u202f345"


def test_inv_3_an_enterprise_number_is_dotted() -> None:
    assert formats.enterprise_number("1900000069") == "1900.000.069"
    assert formats.enterprise_number(EnterpriseNumber("1900000069")) == "1900.000.069"
    with pytest.raises(InvalidNumber):
        formats.enterprise_number("1900000068")
