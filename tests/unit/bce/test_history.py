"""What is asked for when a day or an instant is asked for."""

from datetime import UTC, date, datetime

import pytest

from iam.bce.history import InvalidAsOf, as_of
from iam.bce.model import AsOf

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_without_either_it_is_no_question_of_the_past():
    assert as_of("", "", NOW) is None


@pytest.mark.parametrize(
    ("at", "as_known_on", "day", "known_on"),
    [
        ("2026-11-24", "", date(2026, 11, 24), NOW),
        ("2026-03-01", "", date(2026, 3, 1), NOW),
        ("", "2026-11-24", date(2026, 11, 24), NOW),
        ("", "2026-03-01", date(2026, 3, 1), datetime(2026, 3, 1, 22, 59, 59, 999999, tzinfo=UTC)),
        ("", "2026-03-01T23:30:00Z", date(2026, 3, 2), datetime(2026, 3, 1, 23, 30, tzinfo=UTC)),
        ("2026-05-01", "2026-03-01T00:00:00+01:00", date(2026, 5, 1), datetime(2026, 2, 28, 23, tzinfo=UTC)),
    ],
)
def test_one_alone_gives_the_other_and_a_day_counts_in_full(at, as_known_on, day, known_on):
    assert as_of(at, as_known_on, NOW) == AsOf(day=day, known_on=known_on)


@pytest.mark.parametrize(
    ("day", "last"),
    [
        (date(2026, 3, 29), datetime(2026, 3, 29, 21, 59, 59, 999999, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 22, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_inv_71_a_day_ends_at_belgian_midnight_also_when_the_clock_changes(day, last):
    assert AsOf(day=day, known_on=NOW).instant == last


@pytest.mark.parametrize(
    ("at", "as_known_on", "field", "fault"),
    [
        ("2026-11-25", "", "at", "future"),
        ("2026-W11-1", "", "at", "shape"),
        ("2026-02-29", "", "at", "shape"),
        ("٢٠٢٦-٠٢-٠١", "", "at", "shape"),
        ("", "2026-11-24 08:00:00Z", "asKnownOn", "shape"),
        ("", "2026-11-24T08:00:00", "asKnownOn", "shape"),
        ("", "2026-11-24T09:00:00.000001Z", "asKnownOn", "future"),
    ],
)
def test_what_is_no_day_or_has_not_been_yet_is_told_apart_and_not_repeated(at, as_known_on, field, fault):
    with pytest.raises(InvalidAsOf) as wrong:
        as_of(at, as_known_on, NOW)

    assert (wrong.value.field, wrong.value.fault) == (field, fault)
    assert str(wrong.value) == f"{field}: {fault}"
