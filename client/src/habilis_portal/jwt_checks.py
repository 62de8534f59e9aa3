"""Reading a JWT access token strictly: RFC 8725, RFC 9068 §4. No network, no clock of its own."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from habilis_portal.errors import InvalidMandate

ALGORITHMS = ("ES256", "RS256")
LONGEST_TOKEN = 16 * 1024
LONGEST_LIFE = 300
MOST_SKEW = 60
_TYPES = frozenset({"at+jwt", "application/at+jwt"})
# A header that brings or points at a key, changes how the token is read, or hides it (RFC 8725 §3.10).
_REFUSED = frozenset({"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc"})
_SMALLEST_RSA = 2048
_MOST_KEYS = 20
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A token taken apart; nothing of it is believed yet."""

    alg: str
    kid: str
    signed: bytes
    signature: bytes
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key of the issuer, bound to one algorithm."""

    kid: str
    alg: str
    key: jwt.PyJWK
    document: Mapping[str, Any]


def take_apart(token: str, algorithms: Sequence[str]) -> Parts:
    """The parts of a token whose header is sound. Raises `InvalidMandate`."""
    if not isinstance(token, str) or not token.isascii():
        raise InvalidMandate("malformed")
    if len(token) > LONGEST_TOKEN:
        raise InvalidMandate("size")
    pieces = token.split(".")
    if len(pieces) != 3:  # noqa: PLR2004 - RFC 7515 §7.1: header, payload, signature
        raise InvalidMandate("malformed")
    header = json_object(octets(pieces[0]))
    if not _REFUSED.isdisjoint(header):
        raise InvalidMandate("header")
    # RFC 8725 §3.11, RFC 9068 §4: an ID token or any other kind is not an access token
    typ = header.get("typ")
    if not isinstance(typ, str) or typ.lower() not in _TYPES:
        raise InvalidMandate("type")
    # RFC 8725 §3.1: what we accept is configured; `none` and HMAC are never among it
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms:
        raise InvalidMandate("algorithm")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise InvalidMandate("header")
    return Parts(
        alg=alg,
        kid=kid,
        signed=f"{pieces[0]}.{pieces[1]}".encode(),
        signature=octets(pieces[2]),
        payload=octets(pieces[1]),
    )


def check_signature(parts: Parts, key: PublicKey) -> None:
    """The signature holds under this key and its own algorithm. Raises `InvalidMandate`."""
    if parts.alg != key.alg:
        raise InvalidMandate("algorithm")
    if not key.key.Algorithm.verify(parts.signed, key.key.key, parts.signature):
        raise InvalidMandate("signature")


def check_claims(
    claims: Mapping[str, Any], *, issuer: str, audience: str, client_id: str | None, now: float, skew: int
) -> None:
    """The claims are there, of the right kind, for us, and hold now. Raises `InvalidMandate`."""
    for name in ("exp", "iat", "nbf"):
        if type(claims.get(name)) is not int:
            raise InvalidMandate("claims", name)
    for name in ("sub", "jti", "client_id"):
        if not isinstance(claims.get(name), str) or not claims[name]:
            raise InvalidMandate("claims", name)
    # identical, not "starts with" (CVE-2024-53861), and exactly one audience
    if claims.get("iss") != issuer or not isinstance(claims["iss"], str):
        raise InvalidMandate("issuer")
    if claims.get("aud") not in (audience, [audience]):
        raise InvalidMandate("audience")
    if client_id is not None and claims["client_id"] != client_id:
        raise InvalidMandate("client")
    if now >= claims["exp"] + skew:
        raise InvalidMandate("expired")
    if claims["nbf"] > now + skew or claims["iat"] > now + skew:
        raise InvalidMandate("notYetValid")
    if not 0 < claims["exp"] - claims["iat"] <= LONGEST_LIFE:
        raise InvalidMandate("lifetime")


def keys_of(document: object, algorithms: Sequence[str]) -> dict[str, PublicKey]:
    """The usable keys of a key set (RFC 7517 §5: those that are not understood are passed over).

    Raises ValueError for something that is no key set, or one that holds a private key.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise ValueError("not a key set")
    found: dict[str, PublicKey] = {}
    for each in listed:
        if not isinstance(each, dict):
            raise ValueError("not a key set")  # noqa: TRY004 - one error for one fault
        if not _PRIVATE.isdisjoint(each):
            raise ValueError("a key set with private or shared keys")
        key = _key(each, algorithms)
        if key is not None:
            if key.kid in found:
                raise ValueError("two keys of one name")
            found[key.kid] = key
    return found


def _key(document: dict[str, Any], algorithms: Sequence[str]) -> PublicKey | None:
    kid, alg = document.get("kid"), document.get("alg")
    # A key is bound to its purpose and algorithm (CVE-2022-29217: HMAC with a public key).
    if not isinstance(kid, str) or alg not in algorithms or document.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(document, alg)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    match alg, key.key:
        case "ES256", EllipticCurvePublicKey(curve=SECP256R1()):
            pass
        case "RS256", RSAPublicKey(key_size=size) if size >= _SMALLEST_RSA:
            pass
        case _:
            return None
    return PublicKey(kid=kid, alg=alg, key=key, document=dict(document))


def octets(text: str) -> bytes:
    """The bytes of base64url text, of which there is exactly one spelling. Raises `InvalidMandate`."""
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise InvalidMandate("malformed") from error
    # Python passes over foreign signs and loose bits; a token is compared, kept and revoked by its text.
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != text:
        raise InvalidMandate("malformed")
    return decoded


def json_object(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`, in which no name is repeated. Raises `InvalidMandate`."""
    try:
        found = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidMandate("malformed") from error
    if not isinstance(found, dict):
        raise InvalidMandate("malformed")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _refuse(_constant: str) -> None:
    raise ValueError
