"""What the stand-in must be told, from the environment. A missing value stops the start."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_PATH = "/fas/oauth2"
_SECRET_LENGTH = 16


class BadSettings(ValueError):
    """A variable is missing or cannot be used; the message names it and never repeats its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the stand-in is told. `origins` are where `/as/{persona}` may send a browser."""

    port: int
    base_url: str
    client_id: str
    client_secret: str
    redirect_uri: str
    control_secret: str
    state_dir: Path
    personas: Path
    origins: frozenset[str]

    def __repr__(self) -> str:
        """The address only: the rest holds secrets."""
        return f"Settings({self.base_url})"

    @property
    def issuer(self) -> str:
        """The issuer, under the path that FAS uses (DOMAIN 4.1)."""
        return self.base_url + _PATH

    @property
    def post_logout_redirect_uri(self) -> str:
        """Where Keycloak's broker wants the browser back after a log-out."""
        return self.redirect_uri + "/logout_response"

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https:")


def from_environment(environment: Mapping[str, str]) -> Settings:
    """The settings hold every variable `FAS_*`. Raises BadSettings."""

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

    port = value("FAS_PORT")
    if not port.isascii() or not port.isdigit():
        raise BadSettings("FAS_PORT is not a number")
    return Settings(
        port=int(port),
        base_url=_origin("FAS_BASE_URL", environment.get("FAS_BASE_URL") or f"http://127.0.0.1:{port}"),
        client_id=value("FAS_CLIENT_ID"),
        client_secret=secret("FAS_CLIENT_SECRET"),
        redirect_uri=value("FAS_REDIRECT_URI"),
        control_secret=secret("FAS_CONTROL_SECRET"),
        state_dir=Path(value("FAS_STATE_DIR")),
        personas=Path(value("FAS_PERSONAS")),
        origins=frozenset(
            _loopback_origin("FAS_ALLOWED_ORIGINS", each)
            for each in environment.get("FAS_ALLOWED_ORIGINS", "").split()
        ),
    )


def _origin(name: str, text: str) -> str:
    parts = urlsplit(text.rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise BadSettings(f"{name} is not an address")
    if parts.path or parts.query or parts.fragment:
        raise BadSettings(f"{name} is more than scheme, host and port")
    return f"{parts.scheme}://{parts.netloc}"


def _loopback_origin(name: str, text: str) -> str:
    origin = _origin(name, text)
    host = urlsplit(origin).hostname or ""
    if host != "localhost":
        try:
            loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise BadSettings(f"{name} names an address that is not of this machine")
    return origin
