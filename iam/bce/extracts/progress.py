"""How far an import is: told to whoever wants to know. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Phase(StrEnum):
    """What an import does. Values are permanent: `--json` has them."""

    COPY = "copy"
    JUDGE = "judge"
    RESOLVE = "resolve"
    COMPARE = "compare"
    BUILD = "build"
    MERGE = "merge"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """In a phase, so much of so much is done: bytes while files are copied, pieces of work later.

    `what` is what was done, or is being done where nothing is yet.
    """

    phase: Phase
    what: str
    done: int
    total: int


Watcher = Callable[[Moment], None]


def nobody(_moment: Moment) -> None:
    """Nobody watches."""


# What the phases of a whole country cost, compared with each other.
_WEIGHTS: Mapping[Phase, int] = {
    Phase.COPY: 20, Phase.JUDGE: 12, Phase.RESOLVE: 15, Phase.COMPARE: 25, Phase.BUILD: 40, Phase.MERGE: 5,
    Phase.COMMIT: 1,
}  # fmt: skip


@dataclass(slots=True)
class Meter:
    """How far the whole is, and how long it still takes, going by how long it took so far."""

    parts: dict[Phase, float] = field(default_factory=dict)
    copied: int = 0
    copying_seconds: float = 0.0

    def read(self, moment: Moment, seconds: float) -> None:
        """Something has happened, so many seconds after the beginning."""
        self.parts[moment.phase] = moment.done / moment.total if moment.total else 1.0
        if moment.phase is Phase.COPY:
            self.copied, self.copying_seconds = moment.done, seconds

    @property
    def share(self) -> float:
        """How much of the whole is done: of those phases that there are, as far as we have heard."""
        always = {Phase.COPY, Phase.JUDGE, Phase.RESOLVE, Phase.COMPARE, Phase.MERGE, Phase.COMMIT}
        phases = always | self.parts.keys()
        done = sum(_WEIGHTS[phase] * self.parts.get(phase, 0.0) for phase in phases)
        return done / sum(_WEIGHTS[phase] for phase in phases)

    @property
    def bytes_per_second(self) -> float | None:
        """How fast files are copied."""
        return self.copied / self.copying_seconds if self.copied and self.copying_seconds else None

    def seconds_left(self, seconds: float) -> float | None:
        """How long it still takes; None while too little is done to say."""
        share = self.share
        return seconds * (1 - share) / share if share >= _TELLING else None


_TELLING = 0.03
