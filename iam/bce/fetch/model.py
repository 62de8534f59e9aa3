"""What a source offers, what has become of a file, and what a run of fetching ended in. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A file that a source lists.

    `size` and `stamp` are None where it does not say; a stamp is whatever changes with the content: a time
    of change, a validator. `sha256` is known early only where the listing itself tells it.
    """

    name: str
    size: int | None = None
    stamp: str | None = None
    sha256: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a source offers now; `passed_over` are names that no file of ours may have."""

    files: tuple[Offered, ...]
    passed_over: tuple[str, ...] = ()


class FileState(StrEnum):
    """What has become of a file that was fetched. Values are permanent: they are stored."""

    FETCHED = "fetched"
    APPLIED = "applied"
    ALREADY_APPLIED = "alreadyApplied"
    REFUSED = "refused"
    REJECTED = "rejected"
    HALTED = "halted"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that was fetched once: what it was at its source, and what it said of itself."""

    name: str
    size: int
    stamp: str | None
    sha256: bytes
    state: FileState
    reason: str | None = None
    number: int | None = None
    full: bool | None = None

    def is_of(self, offered: Offered) -> bool:
        """Whether the file that is offered is the one that was fetched, as far as the source says."""
        return (
            self.name == offered.name
            and offered.size in {None, self.size}
            and offered.stamp in {None, self.stamp}
            and offered.sha256 in {None, self.sha256}
        )


class Outcome(StrEnum):
    """What a run ended in. Values are permanent: they are stored."""

    UP_TO_DATE = "upToDate"
    APPLIED = "applied"
    WOULD_FETCH = "wouldFetch"
    REFUSED = "refused"
    REJECTED = "rejected"
    HALTED = "halted"
    UNAVAILABLE = "unavailable"
    DISTRUSTED = "distrusted"


# What goes away by itself, or is nobody's business but the next run's.
PASSING = frozenset({Outcome.UP_TO_DATE, Outcome.APPLIED, Outcome.WOULD_FETCH, Outcome.UNAVAILABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What a run did with a file, or would do."""

    name: str
    number: int | None
    kind: str | None
    size: int | None
    sha256: str | None = None
    state: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run ended in and why; `reason` is a stable code, `advice` what a person does about it."""

    outcome: Outcome
    source: str
    reason: str | None = None
    detail: str | None = None
    extract: int | None = None
    files: tuple[FileReport, ...] = ()
    warnings: tuple[str, ...] = ()
    advice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that was begun; without an end it is still going on, or was killed."""

    id: UUID
    started_at: datetime
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """How a download goes on: how much of how much, from where it began, for how long."""

    name: str
    total: int | None
    begun_at: int = 0
    have: int = field(default=0)
    seconds: float = 0.0

    @property
    def rate(self) -> float | None:
        """Bytes a second of this download; None before there is one to tell."""
        return (self.have - self.begun_at) / self.seconds if self.seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long it will still take at this rate; None where that cannot be known."""
        return (self.total - self.have) / self.rate if self.total is not None and self.rate else None
