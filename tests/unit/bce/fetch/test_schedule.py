"""When the next run is due: by the Belgian clock, or after an interval that varies."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from iam.bce.fetch.model import Outcome, Run
from iam.bce.fetch.schedule import Schedule, due_at
from iam.settings import ScheduleSettings

TWICE = Schedule(times=(time(6, 30), time(13)), every=None, jitter=0, retry=timedelta(minutes=15))
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def at(*when):
    return datetime(*when, tzinfo=UTC)


def run(started, *, ended=True, outcome=Outcome.UP_TO_DATE, key=0):
    return Run(
        id=UUID(int=key),
        started_at=started,
        ended_at=started + timedelta(minutes=1) if ended else None,
        outcome=outcome if ended else None,
    )


def test_the_first_run_is_due_at_once():
    assert due_at(TWICE, None, NOW) == NOW


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (at(2026, 11, 24, 5, 30), at(2026, 11, 24, 12, 0)),
        (at(2026, 11, 24, 12, 0), at(2026, 11, 25, 5, 30)),
        (at(2026, 11, 24, 9, 0), at(2026, 11, 24, 12, 0)),
        # A quarter past midnight in Belgium: this very day is meant.
        (at(2026, 11, 24, 23, 15), at(2026, 11, 25, 5, 30)),
    ],
)
def test_the_times_of_day_are_those_of_a_belgian_clock(before, after):
    assert due_at(TWICE, run(before), NOW) == after


def test_inv_71_half_past_six_stays_half_past_six_when_the_clock_changes():
    # Summer time ends on 25 October 2026 and begins on 28 March 2027.
    assert due_at(TWICE, run(at(2026, 10, 24, 11, 0)), NOW) == at(2026, 10, 25, 5, 30)
    assert due_at(TWICE, run(at(2027, 3, 27, 12, 0)), NOW) == at(2027, 3, 28, 4, 30)


def test_a_source_that_was_away_is_asked_again_after_a_rest():
    away = run(at(2026, 11, 24, 5, 30), outcome=Outcome.UNAVAILABLE)

    assert due_at(TWICE, away, NOW) == at(2026, 11, 24, 5, 46)


def test_a_run_that_was_killed_is_made_up_for_after_a_rest():
    assert due_at(TWICE, run(at(2026, 11, 24, 5, 30), ended=False), NOW) == at(2026, 11, 24, 5, 45)


@pytest.mark.parametrize("outcome", [Outcome.HALTED, Outcome.REJECTED, Outcome.REFUSED, Outcome.DISTRUSTED])
def test_what_only_a_person_can_mend_is_not_hurried(outcome):
    assert due_at(TWICE, run(at(2026, 11, 24, 5, 30), outcome=outcome), NOW) == at(2026, 11, 24, 12, 0)


def test_an_interval_varies_within_its_share_and_is_the_same_whenever_it_is_asked():
    hourly = Schedule(times=(), every=timedelta(hours=1), jitter=0.1, retry=timedelta(minutes=15))
    started = at(2026, 11, 24, 5, 0)
    rests = [due_at(hourly, run(started, key=key), NOW) - started for key in range(1000)]

    assert min(rests) == timedelta(minutes=54)
    assert timedelta(minutes=65) < max(rests) <= timedelta(minutes=66)
    assert due_at(hourly, run(started, key=7), NOW) == due_at(hourly, run(started, key=7), NOW + timedelta(1))


def test_an_interval_takes_the_place_of_the_times_of_day():
    schedule = Schedule.of(ScheduleSettings(every_minutes=30, jitter=0))

    assert due_at(schedule, run(NOW), NOW) == NOW + timedelta(minutes=30)
    assert Schedule.of(ScheduleSettings(times=(time(13), time(6)))).times == (time(6), time(13))
