"""Files that hold a secret: written for their owner alone from the first byte on."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """The file holds the text, with mode 0600, whatever stood there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    scratch.replace(path)


def kept_secret(path: Path, length: int = 32) -> str:
    """Returns the secret of this file; the first call makes it."""
    if not path.exists():
        write_private(path, secrets.token_hex(length))
    return path.read_text(encoding="utf-8").strip()
