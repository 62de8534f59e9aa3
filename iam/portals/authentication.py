"""How a portal proves itself: `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1).

A secret is 256 random bits made by `habilis portals new-secret`, so one SHA-256 is enough: a slow
hash defends words that people choose, and would cost every call what it costs an attacker.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from iam.portals.model import Portal

_NOBODY = hashlib.sha256(b"nobody").digest()
_LONGEST = 1024


class AmbiguousCredentials(ValueError):
    """More than one way to authenticate was used in one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a caller sent to prove itself."""

    client_id: str
    secret: str

    def __repr__(self) -> str:
        """Nothing of the secret."""
        return "Credentials(***)"


def new_secret() -> str:
    """A fresh secret of 256 random bits, in URL-safe text."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def credentials(authorization: str | None, form: Mapping[str, str]) -> Credentials | None:
    """The credentials of a request; None when there are none or they cannot be read.

    Raises `AmbiguousCredentials`: RFC 6749 §2.3 allows one method per request.
    """
    if authorization is not None:
        if "client_secret" in form:
            raise AmbiguousCredentials
        basic = _basic(authorization)
        if basic is not None and form.get("client_id", basic.client_id) != basic.client_id:
            raise AmbiguousCredentials
        return basic
    if "client_id" in form and "client_secret" in form:
        return _credentials(form["client_id"], form["client_secret"])
    return None


def _basic(authorization: str) -> Credentials | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > _LONGEST:
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    client_id, colon, secret = text.partition(":")
    # RFC 6749 §2.3.1: both are form-encoded before they go into the Basic header.
    return _credentials(unquote_plus(client_id), unquote_plus(secret)) if colon else None


def _credentials(client_id: str, secret: str) -> Credentials | None:
    # No client has such a name, and a database cannot even be asked for it.
    return None if "\x00" in client_id else Credentials(client_id=client_id, secret=secret)


def proven(portal: Portal | None, shown: Credentials) -> Portal | None:
    """The portal of this client id, if it is active and this its secret; else None, after the same work."""
    proof = hash_of(shown.secret)
    expected = (_NOBODY,) if portal is None else portal.secret_hashes
    matches = [hmac.compare_digest(proof, each) for each in expected]
    return portal if portal is not None and portal.active and any(matches) else None
