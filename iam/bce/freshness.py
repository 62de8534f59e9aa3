"""How old what the register says is, and whether that is older than it should be. Pure.

One computation for `habilis bce status`, the worker's alarm and whoever else asks (DOMAIN 7.3 nr 17, 23, 62).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Self

from iam.bce.model import FeedState
from iam.kernel.clock import end_of_day


class Subject(StrEnum):
    """What can be too old."""

    EXTRACT = "extract"
    FEED = "functions"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractState:
    """The newest extract that was applied, full or update."""

    number: int
    snapshot_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How old each may become before somebody is told."""

    extract: timedelta
    feed: timedelta

    @classmethod
    def of_hours(cls, extract: int, feed: int) -> Self:
        """The limits as the settings give them."""
        return cls(extract=timedelta(hours=extract), feed=timedelta(hours=feed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """How old the newest of a subject is: `number` and `true_at` are None before the first.

    `true_at` is the instant of which it speaks: the end of an extract's snapshot day, the moment at which a
    feed was made.
    """

    subject: Subject
    limit: timedelta
    number: int | None = None
    true_at: datetime | None = None
    age: timedelta | None = None

    @property
    def late(self) -> bool:
        """Whether somebody must look: it is older than it should be, or there is none at all."""
        return self.age is None or self.age > self.limit


def ages(
    extract: ExtractState | None, feed: FeedState | None, limits: Limits, now: datetime
) -> tuple[Age, Age]:
    """The age of the extract and of the feed of functions that the answers stand on."""
    return (
        Age(subject=Subject.EXTRACT, limit=limits.extract)
        if extract is None
        else _aged(Subject.EXTRACT, extract.number, end_of_day(extract.snapshot_on), limits.extract, now),
        Age(subject=Subject.FEED, limit=limits.feed)
        if feed is None
        else _aged(Subject.FEED, feed.number, feed.produced_at, limits.feed, now),
    )


def _aged(subject: Subject, number: int, true_at: datetime, limit: timedelta, now: datetime) -> Age:
    # A clock of theirs that is ahead of ours makes nothing younger than new.
    age = max(now - true_at, timedelta(0))
    return Age(subject=subject, limit=limit, number=number, true_at=true_at, age=age)
