"""Verifying what Keycloak signed. One function, every check spelled out, none left to a default.

Source: RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725 §3, OpenID Connect Core §3.1.3.7. By hand, because the hot
routes verify a token a call and a library for every kind of token costs four times as much (ADR 0012).
"""

import base64
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from iam.kernel.clock import Clock
from iam.realms.errors import InvalidToken
from iam.realms.keys import ALGORITHM, RealmKeys

LEEWAY = timedelta(seconds=30)
_LONGEST_TOKEN = 16 * 1024
_PADDING, _DIGEST = PKCS1v15(), SHA256()
# too deep for the decoder is no document either
_NO_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What one kind of token must say of itself, so that none can pass for another (RFC 8725 §3.12).

    `header` are the allowed `typ` of the header, `claim` the allowed `typ` among the claims.
    """

    header: frozenset[str]
    claim: frozenset[str | None]
    longest: timedelta


ID_TOKEN = Kind(header=frozenset({"jwt"}), claim=frozenset({"ID"}), longest=timedelta(hours=1))
ACCESS_TOKEN = Kind(
    header=frozenset({"jwt", "at+jwt"}), claim=frozenset({"Bearer"}), longest=timedelta(hours=1)
)
LOGOUT_TOKEN = Kind(
    header=frozenset({"jwt", "logout+jwt"}), claim=frozenset({"Logout"}), longest=timedelta(hours=1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Who must have said it and to whom."""

    kind: Kind
    issuer: str
    audience: str


class Verifier:
    """Verifies tokens of the realm with its keys, at the time of our clock."""

    def __init__(self, keys: RealmKeys, clock: Clock) -> None:
        """Keep both."""
        self._keys = keys
        self._clock = clock

    async def claims(self, token: str, expected: Expected) -> Mapping[str, Any]:
        """The claims of a token that is what it must be. Raises InvalidToken, KeycloakUnavailable."""
        head, payload, signature = _parts(token)
        key = await self._keys.key(_kid(_object(head), expected.kind))
        if key is None:
            raise InvalidToken("kid")
        try:
            # RFC 7515 §5.2, with the one algorithm there is (RFC 8725 §3.1)
            key.verify(_octets(signature), f"{head}.{payload}".encode(), _PADDING, _DIGEST)
        except InvalidSignature:
            raise InvalidToken("signature") from None
        claims = _object(payload)
        _times(claims, expected.kind, self._clock())
        if claims.get("iss") != expected.issuer:
            raise InvalidToken("iss")
        if expected.audience not in _audiences(claims.get("aud")):
            raise InvalidToken("aud")
        # a list, because what is said may be anything, also what no set can be asked for
        if claims.get("typ") not in list(expected.kind.claim):
            raise InvalidToken("typ")
        return claims


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(".", 3) if len(token) <= _LONGEST_TOKEN and token.isascii() else []
    if len(parts) != 3:  # noqa: PLR2004 - a JWS has three parts
        raise InvalidToken("form")
    head, payload, signature = parts
    return head, payload, signature


def _octets(part: str) -> bytes:
    try:
        octets = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise InvalidToken("form") from None
    # one token, one text: no padding, no signs that are skipped, no loose last bits
    if base64.urlsafe_b64encode(octets).rstrip(b"=") != part.encode():
        raise InvalidToken("form")
    return octets


def _object(part: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(_octets(part), type=dict[str, Any])
    except _NO_JSON:
        raise InvalidToken("form") from None


def _audiences(said: object) -> list[Any]:
    """Whom it is for: Keycloak writes a list when there are several (RFC 7519 §4.1.3)."""
    return said if isinstance(said, list) else [said]


def _kid(header: Mapping[str, Any], kind: Kind) -> str:
    if header.get("alg") != ALGORITHM:
        raise InvalidToken("alg")
    if "crit" in header or "b64" in header:
        raise InvalidToken("crit")
    typ = header.get("typ")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in kind.header:
        raise InvalidToken("typ")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise InvalidToken("kid")
    return kid


class _Claimed(msgspec.Struct):
    sid: str


_CLAIMED = msgspec.json.Decoder(_Claimed)


def claimed_session(token: str) -> str | None:
    """The session that a token names, before anything of it is verified: to look something up by, no more."""
    try:
        session_id = _CLAIMED.decode(_octets(_parts(token)[1])).sid
    except (InvalidToken, *_NO_JSON):
        return None
    # A database holds no NUL and no half of a character, and Keycloak makes none.
    return session_id if session_id.isprintable() else None


def instant(claims: Mapping[str, Any], name: str) -> datetime:
    """A claim that is a time (RFC 7519 §2, NumericDate). Raises InvalidToken."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken(name)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidToken(name) from None


def text(claims: Mapping[str, Any], name: str) -> str:
    """A claim that is a text and not empty. Raises InvalidToken."""
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidToken(name)
    return value


def _times(claims: Mapping[str, Any], kind: Kind, now: datetime) -> None:
    issued, expires = instant(claims, "iat"), instant(claims, "exp")
    if expires <= now - LEEWAY:
        raise InvalidToken("exp")
    if issued > now + LEEWAY:
        raise InvalidToken("iat")
    if "nbf" in claims and instant(claims, "nbf") > now + LEEWAY:
        raise InvalidToken("nbf")
    if expires - issued > kind.longest:
        raise InvalidToken("lifetime")


def same(one: str, other: str) -> bool:
    """Whether two texts are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def is_party(claims: Mapping[str, Any], parties: Collection[str]) -> bool:
    """Whether the token was issued to one of these clients (`azp`)."""
    return claims.get("azp") in parties
