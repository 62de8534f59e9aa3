"""When extracts are made (DOMAIN 3.2): a full one on the first Sunday of a month, an update every day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache

from iam.bce.synthetic.draw import SIZE

_SUNDAY = 6
_FRIDAY_BEFORE = timedelta(days=2)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """An extract's number and days; day 0 is the first full extract, day n the n-th update."""

    number: int
    made_on: date
    snapshot_on: date

    def name(self, kind: str) -> str:
        """The name of its archive."""
        return f"KboOpenData_{self.number:04d}_{self.made_on:%Y_%m_%d}_{kind}"

    @property
    def made_at(self) -> datetime:
        """The instant of the feed of functions that goes with it."""
        return datetime(self.made_on.year, self.made_on.month, self.made_on.day, 5, tzinfo=UTC)

    def meta(self, kind: str) -> str:
        """What meta.csv says."""
        made_at = f"{dated(self.made_on)} 08:{self.number % 60:02d}:{self.number * 7 % 60:02d}"
        return (
            '"Variable","Value"\n'
            f'"SnapshotDate","{dated(self.snapshot_on)}"\n'
            f'"ExtractTimestamp","{made_at}"\n'
            f'"ExtractType","{kind}"\n'
            f'"ExtractNumber","{self.number}"\n'
            '"Version","1.0.0"\n'
        )


def edition(first_number: int, month: date, day: int) -> Edition:
    """The extract of a day. The full one speaks of the Friday before, an update of the day before."""
    first = month.replace(day=1)
    sunday = first + _DAY * (_SUNDAY - first.weekday())
    made_on = sunday + _DAY * day
    return Edition(
        number=first_number + day,
        made_on=made_on,
        snapshot_on=made_on - (_DAY if day else _FRIDAY_BEFORE),
    )


def dated(day: date) -> str:
    """A day as the official files write it."""
    return f"{day:%d-%m-%Y}"


@cache
def starts(snapshot_on: date) -> tuple[str, ...]:
    """A table of days on which enterprises began: more of late than of old, a few only to come (quirk k)."""
    longest, to_come = 28_000, 64
    days = [snapshot_on - _DAY * (longest - round(longest * (place / SIZE) ** 0.35)) for place in range(SIZE)]
    days[-to_come:] = [snapshot_on + _DAY * (1 + after) for after in range(to_come)]
    return tuple(dated(day) for day in days)
