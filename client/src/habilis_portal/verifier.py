"""Verifying mandate tokens offline, with the issuer's keys kept at hand."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from habilis_portal.errors import InvalidMandate, KeysUnavailable
from habilis_portal.jwt_checks import (
    ALGORITHMS,
    MOST_SKEW,
    Parts,
    PublicKey,
    check_claims,
    check_signature,
    json_object,
    take_apart,
)
from habilis_portal.keys import LONGEST_KEY_SET, KeyCache
from habilis_portal.mandate import Mandate, from_claims

log = logging.getLogger("habilis_portal")
_TIMEOUT = 5.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class _Base:
    """What both verifiers share: the configuration and the checks, without the network."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        *,
        client_id: str | None = None,
        algorithms: Sequence[str] = ("ES256",),
        jwks_uri: str | None = None,
        skew_seconds: int = 30,
        not_before: datetime | None = None,
        cache_seconds: float = 300.0,
        cool_down: float = 30.0,
        outage_seconds: float = 86_400.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Refuse a configuration that would leave a check out (ValueError).

        `not_before`: tokens issued before it are refused, for the day something leaked.
        """
        if not issuer or not audience:
            raise ValueError("issuer and audience are required")
        if not algorithms or not set(algorithms) <= set(ALGORITHMS):
            raise ValueError(f"algorithms must be among {ALGORITHMS}")
        if not 0 <= skew_seconds <= MOST_SKEW:
            raise ValueError(f"skew_seconds must lie between 0 and {MOST_SKEW}")
        if not_before is not None and not_before.tzinfo is None:
            raise ValueError("not_before needs a time zone")
        self.issuer = issuer
        self.audience = audience
        self.client_id = client_id
        self.algorithms = tuple(algorithms)
        self.jwks_uri = safe_url(jwks_uri or f"{issuer.rstrip('/')}/.well-known/jwks.json")
        self._skew = skew_seconds
        self._not_before = not_before
        self._clock = clock
        self._cache = KeyCache(
            algorithms=self.algorithms,
            cache_seconds=cache_seconds,
            cool_down=cool_down,
            outage_seconds=outage_seconds,
        )

    def kept_keys(self) -> dict[str, Any]:
        """The key set as it is kept now, to be stored with the evidence of dossiers."""
        return {"keys": [dict(key.document) for key in self._cache.keys.values()]}

    def _find(self, parts: Parts) -> PublicKey:
        now = self._clock()
        if not self._cache.usable(now):
            raise KeysUnavailable("keysUnavailable")
        key = self._cache.keys.get(parts.kid)
        if key is None:
            raise InvalidMandate("unknownKey")
        return key

    def _check(self, token: str, parts: Parts, key: PublicKey) -> Mandate:
        check_signature(parts, key)
        claims = json_object(parts.payload)
        check_claims(
            claims,
            issuer=self.issuer,
            audience=self.audience,
            client_id=self.client_id,
            now=self._clock(),
            skew=self._skew,
        )
        if self._not_before is not None and claims["iat"] < self._not_before.timestamp():
            raise InvalidMandate("tooOld")
        return from_claims(claims, issuer=self.issuer, audience=self.audience, token=token, key=key.document)

    def _keep(self, body: bytes) -> None:
        try:
            self._cache.keep(json.loads(body), self._clock())
        except (ValueError, RecursionError) as error:
            log.warning("the key set of %s is unusable: %s", self.issuer, type(error).__name__)

    def _missed(self, error: Exception) -> None:
        log.warning("the key set of %s cannot be fetched: %s", self.issuer, type(error).__name__)


class Verifier(_Base):
    """Verifies mandate tokens. One per process; safe to share between threads."""

    def __init__(
        self, issuer: str, audience: str, *, http: httpx2.Client | None = None, **options: Any
    ) -> None:
        """Options: see `_Base`; `http` is a client of yours, for proxies and certificates."""
        super().__init__(issuer, audience, **options)
        self._http = http or httpx2.Client(timeout=_TIMEOUT)
        self._lock = threading.Lock()

    def verify(self, token: str) -> Mandate:
        """The mandate of a token that is one, for this portal, now.

        Raises `InvalidMandate`, or `KeysUnavailable` when the issuer's keys were never had.
        """
        parts = take_apart(token, self.algorithms)
        if self._cache.wants_fetch(parts.kid, self._clock()):
            self._fetch(parts.kid)
        return self._check(token, parts, self._find(parts))

    def _fetch(self, kid: str) -> None:
        with self._lock:
            if not self._cache.wants_fetch(kid, self._clock()):
                return
            self._cache.begin(self._clock())
            try:
                with self._http.stream("GET", self.jwks_uri, follow_redirects=False) as answer:
                    answer.raise_for_status()
                    body = b""
                    for chunk in answer.iter_bytes():
                        body = _longer(body, chunk)
            except (httpx2.HTTPError, ValueError) as error:
                self._missed(error)
                return
            self._keep(body)


class AsyncVerifier(_Base):
    """Verifies mandate tokens in asynchronous code. One per process and event loop."""

    def __init__(
        self, issuer: str, audience: str, *, http: httpx2.AsyncClient | None = None, **options: Any
    ) -> None:
        """Options: see `_Base`; `http` is a client of yours, for proxies and certificates."""
        super().__init__(issuer, audience, **options)
        self._http = http or httpx2.AsyncClient(timeout=_TIMEOUT)
        self._lock = asyncio.Lock()

    async def verify(self, token: str) -> Mandate:
        """The mandate of a token that is one, for this portal, now.

        Raises `InvalidMandate`, or `KeysUnavailable` when the issuer's keys were never had.
        """
        parts = take_apart(token, self.algorithms)
        if self._cache.wants_fetch(parts.kid, self._clock()):
            await self._fetch(parts.kid)
        return self._check(token, parts, self._find(parts))

    async def _fetch(self, kid: str) -> None:
        async with self._lock:
            if not self._cache.wants_fetch(kid, self._clock()):
                return
            self._cache.begin(self._clock())
            try:
                async with self._http.stream("GET", self.jwks_uri, follow_redirects=False) as answer:
                    answer.raise_for_status()
                    body = b""
                    async for chunk in answer.aiter_bytes():
                        body = _longer(body, chunk)
            except (httpx2.HTTPError, ValueError) as error:
                self._missed(error)
                return
            self._keep(body)


def _longer(body: bytes, chunk: bytes) -> bytes:
    if len(body) + len(chunk) > LONGEST_KEY_SET:
        raise ValueError("too long")
    return body + chunk


def safe_url(url: str) -> str:
    """The address, if keys and secrets may travel to it. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("the issuer must be an https address, or on loopback")
    return url
