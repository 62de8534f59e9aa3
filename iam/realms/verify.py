"""Verifying what Keycloak signed. One function, every check spelled out, none left to a default.

Source: RFC 7519 §7.2, RFC 8725 §3, OpenID Connect Core §3.1.3.7.
"""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from iam.kernel.clock import Clock
from iam.realms.errors import InvalidToken
from iam.realms.keys import ALGORITHM, RealmKeys

LEEWAY = timedelta(seconds=30)
_LONGEST_TOKEN = 16 * 1024


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
        key = await self._keys.key(_kid(token, expected.kind))
        if key is None:
            raise InvalidToken("kid")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=expected.audience,
                issuer=expected.issuer,
                options={
                    "require": ["iss", "aud", "exp", "iat"],
                    "verify_signature": True,
                    "verify_aud": True,
                    "strict_aud": False,  # Keycloak writes a list when there are several
                    "verify_iss": True,
                    # times below, by our own clock
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_sub": False,
                    "verify_jti": False,
                    "enforce_minimum_key_length": True,
                },
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(type(error).__name__) from None
        _times(claims, expected.kind, self._clock())
        if claims.get("iss") != expected.issuer:
            raise InvalidToken("iss")
        if claims.get("typ") not in expected.kind.claim:
            raise InvalidToken("typ")
        return claims


def _kid(token: str, kind: Kind) -> str:
    if len(token) > _LONGEST_TOKEN or token.count(".") != 2:  # noqa: PLR2004 - a JWS has three parts
        raise InvalidToken("form")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise InvalidToken("form") from None
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
