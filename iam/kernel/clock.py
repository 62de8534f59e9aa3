"""Time. Instants are aware and UTC; days are Belgian calendar days (DOMAIN 7.3 nr 71)."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

BRUSSELS = ZoneInfo("Europe/Brussels")


class Clock(Protocol):
    """Tells the present instant, aware and in UTC; injected everywhere time matters."""

    def __call__(self) -> datetime:
        """The present instant."""
        ...


def system_clock() -> datetime:
    """The machine's present instant."""
    return datetime.now(UTC)  # noqa: TID251 - the one place


def belgian_day(instant: datetime) -> date:
    """The calendar day in Brussels at `instant`."""
    return instant.astimezone(BRUSSELS).date()


def start_of_day(day: date) -> datetime:
    """The first instant of a Belgian day, in UTC; right on the days when the clock changes."""
    return datetime.combine(day, time.min, BRUSSELS).astimezone(UTC)


def end_of_day(day: date) -> datetime:
    """The first instant after a Belgian day, in UTC: a right "until 31 March" holds until then."""
    return start_of_day(day + timedelta(days=1))
