"""What the demo chose at its first start and keeps: folders, ports, secrets, addresses."""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from demo.parts.ports import LOOPBACK, free_ports
from demo.parts.private import kept_secret

REPOSITORY = Path(__file__).parents[1]
PERSONAS = REPOSITORY / "demo" / "personas.toml"

PORT_NAMES = (
    "postgres",
    "keycloak",
    "keycloak_management",
    "directory",
    "smtp",
    "mailbox",
    "fas",
    "service",
    "portal",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """A person of the small Wallonia, as the table of addresses shows them."""

    key: str
    name: str
    language: str
    email: str
    kind: str
    says: str


@dataclass(frozen=True)
class World:
    """One demo in one folder. Everything is on loopback; nothing here is secret but what `secret` returns."""

    folder: Path
    ports: Mapping[str, int]

    @classmethod
    def open(cls, folder: Path) -> "World":
        """Returns the world of this folder; the first call chooses its ports, later calls keep them."""
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name in ("secrets", "log"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        file = folder / "ports.json"
        known: dict[str, int] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        lacking = [name for name in PORT_NAMES if name not in known]
        if lacking:
            chosen = free_ports(len(lacking), avoid=known.values())
            known.update(zip(lacking, chosen, strict=True))
            file.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
        return cls(folder=folder, ports=known)

    def secret(self, name: str) -> str:
        """Returns a secret of this demo, made at the first call and kept with mode 0600."""
        return kept_secret(self.folder / "secrets" / name)

    def url(self, part: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[part]}"

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    @property
    def keycloak_issuer(self) -> str:
        return f"{self.url('keycloak')}/realms/monespace"

    @property
    def fas_issuer(self) -> str:
        return f"{self.url('fas')}/fas/oauth2"

    @cached_property
    def personas(self) -> tuple[Persona, ...]:
        entries = tomllib.loads(PERSONAS.read_text(encoding="utf-8"))["persona"]
        return tuple(
            Persona(
                key=entry["key"],
                name=f"{entry['given_name']} {entry['family_name']}",
                language=entry["language"],
                email=entry["email"],
                kind=entry["kind"],
                says=entry["says"],
            )
            for entry in entries
        )

    @property
    def bootstrap_file(self) -> Path:
        """Where the one-time link of the first operator stands, while nobody took it."""
        return self.folder / "bootstrap-link"

    def persona_url(self, persona: Persona) -> str:
        """Returns where this person begins: made known to the stand-in for FAS, then on their first page."""
        begins = self.url("portal" if persona.kind in {"employee", "none"} else "service") + "/"
        if persona.kind == "operator" and self.bootstrap_file.exists():
            begins = self.bootstrap_file.read_text(encoding="utf-8").strip()
        return f"{self.url('fas')}/as/{persona.key}?to={quote(begins, safe='')}"

    def mailbox_url(self, persona: Persona) -> str:
        """Returns the page with this person's mail."""
        return f"{self.url('mailbox')}/boxes/{persona.key}"


def demo_folder() -> Path:
    """Returns where the demo keeps its state: HABILIS_DEMO_DIR, else `.demo` of the repository."""
    return Path(os.environ.get("HABILIS_DEMO_DIR") or REPOSITORY / ".demo").absolute()
