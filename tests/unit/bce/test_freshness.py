"""How old the extract and the feed are, and from when on that is too old."""

from datetime import UTC, date, datetime, timedelta

from iam.bce.freshness import ExtractState, Limits, Subject, ages
from iam.bce.model import FeedState

LIMITS = Limits(extract=timedelta(days=3), feed=timedelta(hours=36))
# 21 November ends in Belgium at 23:00 UTC.
END_OF_SNAPSHOT = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
EXTRACT = ExtractState(number=147, snapshot_on=date(2026, 11, 21))


def test_an_extract_is_as_old_as_the_end_of_its_snapshot_day_in_belgium():
    extract, _ = ages(EXTRACT, None, LIMITS, END_OF_SNAPSHOT + timedelta(hours=7))

    assert (extract.subject, extract.number, extract.age) == (Subject.EXTRACT, 147, timedelta(hours=7))
    assert extract.true_at == END_OF_SNAPSHOT


def test_the_limit_itself_is_not_late_and_a_second_more_is():
    on_time, _ = ages(EXTRACT, None, LIMITS, END_OF_SNAPSHOT + timedelta(days=3))
    late, _ = ages(EXTRACT, None, LIMITS, END_OF_SNAPSHOT + timedelta(days=3, seconds=1))

    assert (on_time.late, late.late) == (False, True)


def test_a_feed_has_a_limit_of_its_own():
    made = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
    state = FeedState(number=12, produced_at=made)

    _, on_time = ages(EXTRACT, state, LIMITS, made + timedelta(hours=36))
    _, late = ages(EXTRACT, state, LIMITS, made + timedelta(hours=37))

    assert (on_time.subject, on_time.number, on_time.late, late.late) == (Subject.FEED, 12, False, True)


def test_none_at_all_is_late():
    for age in ages(None, None, LIMITS, END_OF_SNAPSHOT):
        assert (age.late, age.number, age.age) == (True, None, None)


def test_a_source_whose_clock_is_ahead_is_new_and_not_younger_than_that():
    extract, feed = ages(
        EXTRACT,
        FeedState(number=1, produced_at=END_OF_SNAPSHOT),
        LIMITS,
        END_OF_SNAPSHOT - timedelta(hours=1),
    )

    assert (extract.age, feed.age) == (timedelta(0), timedelta(0))
