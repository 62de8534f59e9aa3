"""When the next run is due. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Self

from iam.bce.fetch.model import Outcome, Run
from iam.kernel.clock import BRUSSELS, belgian_day
from iam.settings import ScheduleSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """At which times of the Belgian day, or how often; `retry` is the rest after a run that could not be."""

    times: Sequence[time]
    every: timedelta | None
    jitter: float
    retry: timedelta

    @classmethod
    def of(cls, settings: ScheduleSettings) -> Self:
        """The schedule of the settings."""
        every = settings.every_minutes
        return cls(
            times=() if every is not None else tuple(sorted(settings.times)),
            every=None if every is None else timedelta(minutes=every),
            jitter=settings.jitter,
            retry=timedelta(minutes=settings.retry_minutes),
        )


def due_at(schedule: Schedule, last: Run | None, now: datetime) -> datetime:
    """The instant of the next run: at once when there never was one.

    A run that found its source away, or was killed, is made up for after a rest. The times of day are those
    of a Belgian clock, whatever the season.
    """
    if last is None:
        return now
    regular = _regular(schedule, last)
    if last.outcome is None or last.outcome is Outcome.UNAVAILABLE:
        return min(regular, (last.ended_at or last.started_at) + schedule.retry)
    return regular


def _regular(schedule: Schedule, last: Run) -> datetime:
    if schedule.every is not None:
        # From the run's own id: the same whenever it is asked, and another each time, for each of us.
        chance = last.id.int % 1000 / 1000
        return last.started_at + schedule.every * (1 + schedule.jitter * (2 * chance - 1))
    day = belgian_day(last.started_at)
    return min(
        instant
        for days in (0, 1)
        for moment in schedule.times
        if (instant := datetime.combine(day + timedelta(days=days), moment, BRUSSELS)) > last.started_at
    )
