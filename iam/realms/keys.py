"""The public keys of the realm: fetched when needed, kept, and never fetched because somebody asks often.

A token's `kid` chooses among the realm's own keys and nothing else: `jku`, `jwk`, `x5u` and `x5c` are not
looked at (RFC 8725 §3.10). Of many unknown ids one fetch a cool-down follows (STANDARDS 5 nr 25).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from iam.kernel.clock import Clock
from iam.realms.errors import KeycloakUnavailable

log = structlog.get_logger(__name__)

ALGORITHM = "RS256"
COOL_DOWN = timedelta(seconds=30)
_AFTER_FAILURE = timedelta(seconds=2)
_FRESH = timedelta(minutes=10)
_USABLE = timedelta(hours=24)
_SMALLEST_KEY = 2048
_MOST_KEYS = 20


class RealmKeys:
    """The realm's keys for RS256, by key id."""

    def __init__(self, fetch: Callable[[], Awaitable[Mapping[str, Any]]], clock: Clock) -> None:
        """Keep how to fetch the JWK Set; nothing is fetched yet."""
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, RSAPublicKey] = {}
        self._fetched_at: datetime | None = None
        self._not_before: datetime | None = None
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The key under this id; None when the realm has none.

        Raises KeycloakUnavailable when no keys are known that are young enough to be believed.
        """
        if self._is_due(kid):
            async with self._lock:
                if self._is_due(kid):
                    await self._refresh()
        age = None if self._fetched_at is None else self._clock() - self._fetched_at
        if age is None or age > _USABLE:
            raise KeycloakUnavailable
        return self._keys.get(kid)

    def _is_due(self, kid: str) -> bool:
        now = self._clock()
        if self._not_before is not None and now < self._not_before:
            return False
        return self._fetched_at is None or now - self._fetched_at > _FRESH or kid not in self._keys

    async def _refresh(self) -> None:
        self._not_before = self._clock() + COOL_DOWN
        try:
            document = await self._fetch()
        except KeycloakUnavailable:
            self._not_before = self._clock() + _AFTER_FAILURE
            # known keys stay good for a while: verifying needs no running Keycloak
            log.warning("realms.keys.unavailable")
            return
        self._keys = _read(document)
        self._fetched_at = self._clock()


def _read(document: Mapping[str, Any]) -> dict[str, RSAPublicKey]:
    entries = document.get("keys")
    found: dict[str, RSAPublicKey] = {}
    for entry in entries[:_MOST_KEYS] if isinstance(entries, list) else []:
        key = _rsa(entry)
        if key is not None:
            found[str(entry["kid"])] = key
    return found


def _rsa(entry: Any) -> RSAPublicKey | None:
    """A key for signatures under RS256: an encryption key or one of another kind is never one (nr 31)."""
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("kty") != "RSA" or entry.get("use") != "sig" or entry.get("alg") != ALGORITHM:
        return None
    try:
        key = RSAAlgorithm.from_jwk(entry)
    except (jwt.InvalidKeyError, ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= _SMALLEST_KEY else None
