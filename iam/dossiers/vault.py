"""Documents at rest: each under a key of its own, which is kept under a key from the settings.

AES-256-GCM (NIST SP 800-38D), a fresh key and nonce for each document. What a key opens is bound to its
document and dossier: a row that was moved opens nothing.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from iam.kernel.ids import DocumentId, DossierId
from iam.settings import Settings, UnsafeSettings

_NONCE = 12
_KEY_BITS = 256


class LostKey(RuntimeError):
    """Documents are kept under a key that the settings do not have; names the key's id, never a key."""


class UnreadableDocument(ValueError):
    """A document cannot be opened: its key is gone, or the row was changed."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A document as it is stored."""

    content: bytes
    wrapped_key: bytes
    key_id: str

    def __repr__(self) -> str:
        """The key's id only."""
        return f"Sealed({self.key_id})"


class Vault:
    """Seals and opens documents."""

    def __init__(self, current: str, keys: Mapping[str, bytes]) -> None:
        """Keep the keys by their ids; `current` seals."""
        self._current = current
        self._wrappers = {
            key_id: HKDF(SHA256(), 32, None, b"habilis dossier_key").derive(key)
            for key_id, key in keys.items()
        }

    def __repr__(self) -> str:
        """The ids only."""
        return f"Vault({sorted(self._wrappers)})"

    @classmethod
    def of(cls, settings: Settings) -> "Vault":
        """The vault of the settings. Raises `UnsafeSettings` without a key: nothing is kept in clear."""
        own = settings.secrets
        if own.dossier_key is None:
            raise UnsafeSettings("HABILIS_SECRETS__DOSSIER_KEY is missing")
        keys = {own.dossier_key_id: own.dossier_key.get_secret_value().encode()}
        if own.dossier_previous_key is not None and own.dossier_previous_key_id is not None:
            keys[own.dossier_previous_key_id] = own.dossier_previous_key.get_secret_value().encode()
        return cls(own.dossier_key_id, keys)

    def seal(self, content: bytes, document: DocumentId, dossier: DossierId) -> Sealed:
        """The content under a key that nothing else has, and that key under ours."""
        bound = _bound(document, dossier)
        key = AESGCM.generate_key(_KEY_BITS)
        return Sealed(
            _encrypt(key, content, bound),
            _encrypt(self._wrappers[self._current], key, bound),
            self._current,
        )

    def has_key_of(self, sealed: Sealed, document: DocumentId, dossier: DossierId) -> bool:
        """Whether the document's own key can be had; its content is not looked at."""
        try:
            _decrypt(self._wrappers[sealed.key_id], sealed.wrapped_key, _bound(document, dossier))
        except (InvalidTag, KeyError, ValueError):
            return False
        return True

    def open(self, sealed: Sealed, document: DocumentId, dossier: DossierId) -> bytes:
        """What was sealed for this document of this dossier. Raises `UnreadableDocument`."""
        bound = _bound(document, dossier)
        try:
            key = _decrypt(self._wrappers[sealed.key_id], sealed.wrapped_key, bound)
            return _decrypt(key, sealed.content, bound)
        except (InvalidTag, KeyError, ValueError) as error:
            raise UnreadableDocument(str(document)) from error


def _bound(document: DocumentId, dossier: DossierId) -> bytes:
    return document.bytes + dossier.bytes


def _encrypt(key: bytes, clear: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, clear, bound)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
