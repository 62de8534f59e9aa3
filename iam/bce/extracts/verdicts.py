"""When an extract is not believed, and when a person must look first (nr 8, 14). Pure."""

from dataclasses import dataclass, field

from iam.bce.archive import Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When an extract is not believed, and when a person must look first.

    `bad_share` and `orphan_share` are of all rows; an orphan, a row about something that the extract does
    not hold, concerns nobody. `vanish_floor` enterprises may vanish whatever share they are: in a small
    register one of them is more than any share worth naming. Both shares of those that vanish are of the
    enterprises present before: of all of them, and of those that are watched.
    """

    bad_share: float = 0.001
    orphan_share: float = 0.01
    vanish_share: float = 0.005
    vanish_watched_share: float = 0.01
    vanish_floor: int = 1
    bounds: Bounds = field(default_factory=Bounds)


class Stop(Exception):
    """The extract is not applied: rejected, or, if it `halts`, not before a person has looked."""

    def __init__(self, reason: str, detail: str, *, halts: bool = False) -> None:
        """Keep why."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.halts = halts


def too_many(some: int, share: float, of_all: int, *, floor: int = 0) -> bool:
    """Whether some are more than this share of all; not if they are no more than the floor."""
    return some > floor and some > share * of_all
