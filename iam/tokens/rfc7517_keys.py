"""RFC 7517, 7638: our signing keys, how they are kept, and how their public halves are published."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from iam.portals.model import SigningAlg

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_RSA_BITS = 3072
_NONCE = 12
_THUMBPRINT = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}


class UnreadableKey(ValueError):
    """A stored key cannot be opened: another wrapping key, or a row that somebody changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A fresh key: its name, what is published, and what is stored."""

    kid: str
    alg: SigningAlg
    public: dict[str, Any]
    wrapped: bytes


def make(alg: SigningAlg, *, kind: str, issuer: str, wrapping_key: bytes) -> NewKey:
    """A fresh key for one kind of token of one issuer; it opens for nothing else."""
    private: PrivateKey
    match alg:
        case SigningAlg.ES256:
            private = ec.generate_private_key(ec.SECP256R1())
        case SigningAlg.RS256:
            private = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    members = _public(private)
    kid = thumbprint(members)
    public = {**members, "kid": kid, "alg": alg.value, "use": "sig"}
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    nonce = os.urandom(_NONCE)
    sealed = AESGCM(_wrapper(wrapping_key)).encrypt(nonce, der, _bound(kid, alg, kind, issuer))
    return NewKey(kid=kid, alg=alg, public=public, wrapped=nonce + sealed)


def unwrap(
    wrapped: bytes, *, kid: str, alg: SigningAlg, kind: str, issuer: str, wrapping_key: bytes
) -> PrivateKey:
    """The private key behind a stored row. Costs milliseconds: once per process (PERFORMANCE 2a).

    Raises `UnreadableKey`; also for a row moved to another kind of token, issuer or algorithm.
    """
    try:
        der = AESGCM(_wrapper(wrapping_key)).decrypt(
            wrapped[:_NONCE], wrapped[_NONCE:], _bound(kid, alg, kind, issuer)
        )
    except (InvalidTag, ValueError) as error:
        raise UnreadableKey(kid) from error
    private = load_der_private_key(der, None)
    wanted = ec.EllipticCurvePrivateKey if alg is SigningAlg.ES256 else rsa.RSAPrivateKey
    if not isinstance(private, wanted) or thumbprint(_public(private)) != kid:
        raise UnreadableKey(kid)
    return private


def thumbprint(members: Mapping[str, Any]) -> str:
    """RFC 7638 §3: SHA-256 over the required members alone, in the order of their names."""
    names = _THUMBPRINT[members["kty"]]
    canonical = json.dumps({name: members[name] for name in names}, separators=(",", ":"), sort_keys=True)
    return base64url(hashlib.sha256(canonical.encode()).digest())


def base64url(octets: bytes) -> str:
    """RFC 7515 §2: base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _public(private: PrivateKey) -> dict[str, Any]:
    if isinstance(private, ec.EllipticCurvePrivateKey):
        point = private.public_key().public_numbers()
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": base64url(point.x.to_bytes(32)),
            "y": base64url(point.y.to_bytes(32)),
        }
    numbers = private.public_key().public_numbers()
    return {
        "kty": "RSA",
        "n": base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)),
        "e": base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8)),
    }


def _wrapper(wrapping_key: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, b"habilis tokens_key").derive(wrapping_key)


def _bound(kid: str, alg: SigningAlg, kind: str, issuer: str) -> bytes:
    # A key serves one issuer and one kind of token (Storm-0558): the wrapping says so too.
    return json.dumps([kid, alg.value, kind, issuer]).encode()
