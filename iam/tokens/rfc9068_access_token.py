"""RFC 9068: the mandate token as a JWT access token. Made by hand: PERFORMANCE 2a, G1."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from iam.portals.model import Portal
from iam.tokens.keyring import KeyRing, Signer
from iam.tokens.model import CLOCK_SKEW_SECONDS, KIND, Issue
from iam.tokens.rfc7517_keys import base64url
from iam.tokens.rfc9396_details import granted

LONGEST_TOKEN = 16 * 1024
_ECDSA = ec.ECDSA(SHA256())
_HALF = 32
# too deep for the decoder is no document either
_NO_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class InvalidToken(ValueError):
    """A text is not a mandate token of ours that holds now. Why is nobody's business (RFC 7662 §2.2)."""


def claims(issue: Issue, sub: str, *, issuer: str, portal: Portal) -> dict[str, Any]:
    """What the token says. RFC 9068 §2.2 demands iss, exp, aud, sub, client_id, iat and jti.

    No national number, no name of a person, no group (DOMAIN 7.3 nr 6, 57).
    """
    issued_at = int(issue.issued_at.timestamp())
    return {
        "iss": issuer,
        # RFC 9068 §3: one resource a token; a single value, so that no reader can pick another one
        "aud": portal.audience,
        "sub": sub,
        "client_id": portal.client_id,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": int(issue.expires_at.timestamp()),
        "jti": str(issue.jti),
        # RFC 9068 §2.2.1: about the login that really happened, not about what was wished (nr 60)
        "acr": issue.level.acr,
        "auth_time": int(issue.authenticated_at.timestamp()),
        "authorization_details": granted(issue, issue.roles, issuer=issuer, portal=portal),
    }


@lru_cache(maxsize=16)
def _header(alg: str, kid: str) -> bytes:
    """The encoded header: RFC 9068 §2.1 demands `at+jwt`, DOMAIN 7.3 nr 56 a `kid`."""
    return _encode({"alg": alg, "kid": kid, "typ": KIND})


def sign(signer: Signer, payload: Mapping[str, Any]) -> str:
    """The compact form (RFC 7515 §7.1), signed."""
    signed = _header(signer.alg.value, signer.kid) + b"." + _encode(payload)
    if isinstance(signer.private, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(signer.private.sign(signed, _ECDSA))
        # RFC 7518 §3.4: the two numbers side by side, not DER
        signature = r.to_bytes(_HALF) + s.to_bytes(_HALF)
    else:
        signature = signer.private.sign(signed, padding.PKCS1v15(), SHA256())
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnToken:
    """A token of ours whose signature and times hold; whether it is still believed is asked elsewhere."""

    jti: UUID
    issued_at: datetime
    payload: Mapping[str, Any]


async def read(token: str, ring: KeyRing, now: datetime, *, issuer: str, portal: Portal) -> OwnToken:
    """The token, if it is ours, meant for this portal, and holds at `now`. Raises `InvalidToken`.

    RFC 8725 §3.1, 3.8, 3.11: the algorithm is the key's, never the header's; the key is bound to us
    and to this kind of token; the type is explicit.
    """
    head_part, payload_part, signature_part = _parts(token)
    head = _decode(head_part)
    if head.keys() != {"alg", "kid", "typ"} or head["typ"] != KIND or not isinstance(head["kid"], str):
        raise InvalidToken
    found = await ring.public(head["kid"])
    if found is None or head["alg"] != found[0].value:
        raise InvalidToken
    _verify(found[1], f"{head_part}.{payload_part}".encode(), _octets(signature_part))
    payload = _decode(payload_part)
    # RFC 9068 §4: issuer identical, audience me; CVE-class 43: and issued to the very portal that asks
    if (payload["iss"], payload["aud"], payload["client_id"]) != (issuer, portal.audience, portal.client_id):
        raise InvalidToken
    at = now.timestamp()
    if not payload["nbf"] - CLOCK_SKEW_SECONDS <= at < payload["exp"]:
        raise InvalidToken
    return OwnToken(
        jti=UUID(payload["jti"]), issued_at=datetime.fromtimestamp(payload["iat"], UTC), payload=payload
    )


def claimed(token: str) -> tuple[UUID, datetime] | None:
    """The id and the time of issue that a text states, unverified: to look it up by, no more."""
    try:
        said = _CLAIMED.decode(_octets(_parts(token)[1]))
        return said.jti, datetime.fromtimestamp(said.iat, UTC)
    except (InvalidToken, ValueError, OverflowError, OSError, *_NO_JSON):
        return None


class _Claimed(msgspec.Struct):
    jti: UUID
    iat: int


_CLAIMED = msgspec.json.Decoder(_Claimed)


def session_hash(session_id: str) -> bytes:
    """What is kept of a Keycloak session's id, so that a record can be matched but not resumed."""
    return hashlib.sha256(session_id.encode()).digest()


def _verify(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, signed: bytes, signature: bytes) -> None:
    try:
        if isinstance(key, ec.EllipticCurvePrivateKey):
            if len(signature) != 2 * _HALF:
                raise InvalidToken
            r, s = int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
            key.public_key().verify(encode_dss_signature(r, s), signed, _ECDSA)
        else:
            key.public_key().verify(signature, signed, padding.PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise InvalidToken from error


def _encode(document: Mapping[str, Any]) -> bytes:
    return base64.urlsafe_b64encode(msgspec.json.encode(document)).rstrip(b"=")


def _parts(token: str) -> tuple[str, str, str]:
    if len(token) > LONGEST_TOKEN or not token.isascii() or token.count(".") != 2:  # noqa: PLR2004 - three parts
        raise InvalidToken
    head, payload, signature = token.split(".")
    return head, payload, signature


def _octets(part: str) -> bytes:
    try:
        octets = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise InvalidToken from error
    # One token, one text: no padding, no signs that are skipped, no loose last bits.
    if base64url(octets) != part:
        raise InvalidToken
    return octets


def _decode(part: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(_octets(part), type=dict[str, Any])
    except _NO_JSON as error:
        raise InvalidToken from error
