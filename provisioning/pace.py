"""How fast we may ask, and how long we wait after a failure."""

import threading
from collections.abc import Callable

Monotonic = Callable[[], float]
Sleep = Callable[[float], None]
# A number in [0, 1): `random.random`, or what a test wants.
Chance = Callable[[], float]


def backoff(failures: int, *, first: float, longest: float, chance: Chance) -> float:
    """The seconds to wait after so many failures in a row: doubling, bounded, and spread by half.

    The spread keeps those who failed together from coming back together.
    """
    doublings = min(max(failures - 1, 0), 16)
    whole = min(first * (1 << doublings), longest)
    return whole * (0.5 + chance() / 2)


class TokenBucket:
    """So many calls per second at most, with a burst of one second's worth. Safe among threads."""

    def __init__(self, per_second: float, *, monotonic: Monotonic, sleep: Sleep) -> None:
        """A full bucket."""
        self._rate = max(per_second, 0.01)
        self._most = max(self._rate, 1.0)
        self._tokens = self._most
        self._monotonic = monotonic
        self._sleep = sleep
        self._seen = monotonic()
        self._lock = threading.Lock()

    def take(self) -> None:
        """One call may be made now; waits for its turn."""
        with self._lock:
            now = self._monotonic()
            self._tokens = min(self._most, self._tokens + (now - self._seen) * self._rate)
            self._seen = now
            # May go below zero: who comes next waits for those before as well.
            self._tokens -= 1
            wait = -self._tokens / self._rate
        if wait > 0:
            self._sleep(wait)
