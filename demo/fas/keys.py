"""The keys of the stand-in: made at the first start, kept for their owner alone."""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import RSAKey

_KEY = "signing-key.json"
_SUBJECTS = "subject-secret"


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The signing key (RS256, as FAS) and the secret from which subjects are made."""

    signing: RSAKey
    subjects: bytes

    @property
    def kid(self) -> str:
        return str(self.signing.kid)

    def public(self) -> dict[str, Any]:
        """The JWK set that anybody may read."""
        return {"keys": [self.signing.as_dict(private=False)]}

    def subject(self, persona: str, generation: int) -> str:
        """An opaque subject; another generation is another account of the same person (DOMAIN 4.2)."""
        return hmac.digest(self.subjects, f"{persona}/{generation}".encode(), hashlib.sha256).hex()[:32]


def load_or_make(folder: Path) -> Keys:
    """The folder holds the keys, mode 0600, and they are returned."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / _KEY).exists():
        kid = secrets.token_hex(8)
        made = RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"}, private=True)
        _write(folder / _KEY, json.dumps(made.as_dict(private=True)))
    if not (folder / _SUBJECTS).exists():
        _write(folder / _SUBJECTS, secrets.token_hex(32))
    return Keys(
        RSAKey.import_key(json.loads((folder / _KEY).read_text(encoding="utf-8"))),
        bytes.fromhex((folder / _SUBJECTS).read_text(encoding="utf-8").strip()),
    )


def _write(path: Path, text: str) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    handle = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    scratch.replace(path)
