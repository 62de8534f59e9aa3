"""Periods of validity: half-open, [start, end), an absent end is open."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from iam.kernel.clock import belgian_day, end_of_day, start_of_day


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (included) to `end` (excluded), both aware UTC instants."""

    start: datetime
    end: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse naive instants and an end before the start."""
        if self.start.tzinfo is None or (self.end is not None and self.end.tzinfo is None):
            message = "a period needs aware instants"
            raise ValueError(message)
        if self.end is not None and self.end < self.start:
            message = "a period cannot end before it starts"
            raise ValueError(message)

    @classmethod
    def of_days(cls, first: date, last: date | None) -> "Period":
        """From the start of day `first` through the whole of day `last`, Belgian days (nr 71)."""
        return cls(start_of_day(first), None if last is None else end_of_day(last))

    def holds(self, instant: datetime) -> bool:
        """Whether `instant` lies in the period."""
        return self.start <= instant and (self.end is None or instant < self.end)

    def overlaps(self, other: "Period") -> bool:
        """Whether the two periods share an instant."""
        return (self.end is None or other.start < self.end) and (other.end is None or self.start < other.end)

    def cut(self, end: datetime) -> "Period":
        """The same period, ended at `end` at the latest (never before its start)."""
        end = max(end, self.start)
        return self if self.end is not None and self.end <= end else Period(self.start, end)

    @property
    def last_day(self) -> date | None:
        """The last Belgian day on which the period still holds; None when it is open."""
        return None if self.end is None else belgian_day(self.end - timedelta(microseconds=1))
