"""What the sample portal must be told, from the environment. A missing value stops the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_SECRET_LENGTH = 16


class BadSettings(ValueError):
    """A variable is missing or cannot be used; the message names it and never repeats its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the portal is told."""

    port: int
    base_url: str
    client_id: str
    client_secret: str
    keycloak_issuer: str
    habilis_issuer: str
    habilis_secret: str
    mon_espace_url: str
    state_dir: Path

    def __repr__(self) -> str:
        """The address only: the rest holds secrets."""
        return f"Settings({self.base_url})"

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https:")

    @property
    def callback_url(self) -> str:
        return f"{self.base_url}/login/callback"

    @property
    def after_logout_url(self) -> str:
        return f"{self.base_url}/"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """The settings hold every variable `PORTAL_*`. Raises BadSettings."""

    def value(name: str) -> str:
        found = environment.get(name, "").strip()
        if not found:
            raise BadSettings(f"{name} is not set")
        return found

    def secret(name: str) -> str:
        found = value(name)
        if len(found) < _SECRET_LENGTH:
            raise BadSettings(f"{name} is shorter than {_SECRET_LENGTH} characters")
        return found

    def address(name: str) -> str:
        found = value(name).rstrip("/")
        parts = urlsplit(found)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise BadSettings(f"{name} is not an address")
        return found

    port = value("PORTAL_PORT")
    if not port.isascii() or not port.isdigit():
        raise BadSettings("PORTAL_PORT is not a number")
    return Settings(
        port=int(port),
        base_url=address("PORTAL_BASE_URL"),
        client_id=value("PORTAL_CLIENT_ID"),
        client_secret=secret("PORTAL_CLIENT_SECRET"),
        keycloak_issuer=address("PORTAL_KEYCLOAK_ISSUER"),
        habilis_issuer=address("PORTAL_HABILIS_ISSUER"),
        habilis_secret=secret("PORTAL_HABILIS_SECRET"),
        mon_espace_url=address("PORTAL_MON_ESPACE_URL"),
        state_dir=Path(value("PORTAL_STATE_DIR")),
    )
