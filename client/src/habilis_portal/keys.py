"""The issuer's keys as this process keeps them: when to fetch, when to go on with what one has."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from habilis_portal.jwt_checks import PublicKey, keys_of

LONGEST_KEY_SET = 64 * 1024


@dataclass(slots=True, kw_only=True)
class KeyCache:
    """What was fetched, and when. Times are seconds of one steady source; no network here.

    A key set is fetched again after `cache_seconds`, or for an unknown key, but never more often than
    once in `cool_down` seconds: random key names cannot make a portal attack its issuer
    (CVE-2026-48524). While the issuer is down the kept set serves for `outage_seconds`.
    """

    algorithms: Sequence[str]
    cache_seconds: float = 300.0
    cool_down: float = 30.0
    outage_seconds: float = 86_400.0
    keys: dict[str, PublicKey] = field(default_factory=dict)
    fetched_at: float | None = None
    tried_at: float | None = None

    def wants_fetch(self, kid: str, now: float) -> bool:
        """Whether to ask the issuer before looking for this key."""
        if self.tried_at is not None and now - self.tried_at < self.cool_down:
            return False
        old = self.fetched_at is None or now - self.fetched_at >= self.cache_seconds
        return old or kid not in self.keys

    def begin(self, now: float) -> None:
        """A fetch begins; whatever becomes of it, the next waits for the cool-down."""
        self.tried_at = now

    def keep(self, document: object, now: float) -> None:
        """The issuer's present set is kept in place of the former. Raises ValueError, keeping the former."""
        self.keys = keys_of(document, self.algorithms)
        self.fetched_at = now

    def usable(self, now: float) -> bool:
        """Whether what is kept may still serve."""
        return self.fetched_at is not None and now - self.fetched_at < self.outage_seconds
