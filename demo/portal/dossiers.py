"""The dossiers that were filed here, each with the evidence of who was allowed to file it."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A filed dossier. `sub` is the person's name at this portal; `evidence` is a text of the library."""

    id: str
    demarche: str
    sub: str
    filed_at: str
    enterprise_number: str | None
    enterprise_name: str | None
    roles: tuple[str, ...]
    capacity: str
    basis: str
    subject: str
    details: str
    evidence: str
    keys: dict[str, Any]

    @property
    def reference(self) -> str:
        """What a person can read out on the telephone."""
        return f"PW-{self.filed_at[:4]}-{self.id[:8].upper()}"


class Dossiers:
    """One file a dossier, written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "dossiers"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def find(self, dossier_id: str) -> Dossier | None:
        """The dossier of an id; None for anything else."""
        if not _ID.fullmatch(dossier_id):
            return None
        try:
            text = (self._folder / f"{dossier_id}.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        document = json.loads(text)
        return Dossier(**{**document, "roles": tuple(document["roles"])})

    def keep(self, dossier: Dossier) -> bool:
        """The dossier is kept; False when one of this id already was, which then stands."""
        target = self._folder / f"{dossier.id}.json"
        draft = self._folder / f".{dossier.id}.{os.getpid()}.draft"
        with open(draft, "w", encoding="utf-8", opener=_private) as file:
            json.dump(asdict(dossier), file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, target)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True


def is_id(text: str) -> bool:
    """Whether a text may be the id of a dossier."""
    return _ID.fullmatch(text) is not None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
