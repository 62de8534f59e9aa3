"""One frozen tree of settings; the process refuses to start on a missing or placeholder secret.

Read from the environment (`HABILIS_` and `__` for nesting, HABILIS_KEYCLOAK__BASE_URL) and, for
secrets, from files named like the variables in the folder HABILIS_SECRETS_DIR.
"""

import os
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from iam.kernel.language import Language
from iam.kernel.ssin import FingerprintKeys

_PLACEHOLDERS = ("changeme", "change-me", "secret", "password", "placeholder", "example", "${", "todo")
_SHORTEST_SECRET = 24


class UnsafeSettings(ValueError):
    """The settings would make the service unsafe; the message names the setting, never its value."""


class Environment(StrEnum):
    """Where the process runs. Only the demo may use the stand-in of the federal login."""

    DEMO = "demo"
    PRODUCTION = "production"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))


class Secrets(_Part):
    """Keys of our own. Each at least 24 characters; none has a default."""

    fingerprint_key_id: str = "1"
    fingerprint_key: SecretStr
    fingerprint_previous_key_id: str | None = None
    fingerprint_previous_key: SecretStr | None = None
    wrapping_key: SecretStr
    pairwise_key: SecretStr


class KeycloakSettings(_Part):
    """The identity server, its realm and our two clients there."""

    base_url: str
    realm: str = "monespace"
    console_client_id: str = "mon-espace"
    console_client_secret: SecretStr
    exchange_client_id: str = "mandate-exchange"
    exchange_client_secret: SecretStr
    provider: str = "fas"
    timeout_seconds: float = 5.0

    @property
    def issuer(self) -> str:
        """The realm's issuer, as its tokens say it."""
        return f"{self.base_url.rstrip('/')}/realms/{self.realm}"


class ProvisionerSettings(_Part):
    """The least-privileged account that makes groups in Keycloak. Only `habilis provision` has it."""

    client_id: str = "habilis-provisioner"
    client_secret: SecretStr | None = None
    group_parent: str = "enterprises"
    requests_per_second: float = 50.0
    sweep_seconds: float = 3600.0
    deletion_guard: int = 500


class DirectorySettings(_Part):
    """The LDAP directory that receives the same groups; without a URL it is off."""

    url: str | None = None
    base_dn: str = "dc=habilis,dc=test"
    bind_dn: str = "cn=provisioner,dc=habilis,dc=test"
    password: SecretStr | None = None
    names: bool = True


class MailSettings(_Part):
    """Where mails leave from."""

    host: str = "127.0.0.1"
    port: int = 25
    sender: str = "ne-pas-repondre@habilis.test"
    sender_name: str = "Mon Espace"
    username: str | None = None
    password: SecretStr | None = None
    start_tls: bool = False


class HelpdeskSettings(_Part):
    """How people reach a person."""

    telephone: str
    mail: str


class Policy(_Part):
    """Limits that the operator may set. Defaults are those of DOMAIN 7.3."""

    appointment_level: int = 500
    appointment_fresh_seconds: int = 600
    decision_level: int = 450
    activation_level: int = 450
    activation_days: int = 30
    request_days: int = 60
    requests_per_day: int = 20
    link_hours: int = 72
    session_idle_seconds: int = 1800
    session_max_seconds: int = 8 * 3600
    token_seconds: int = Field(default=300, le=300)
    register_stale_hours: int = 72
    representation_stale_hours: int = 72


class Settings(BaseSettings):
    """Everything the processes of the service are told from outside."""

    model_config = SettingsConfigDict(
        env_prefix="HABILIS_",
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
        secrets_dir=os.environ.get("HABILIS_SECRETS_DIR") or None,
        secrets_nested_delimiter="__",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then files of secrets, nested as the variables are; no `.env` file."""
        del settings_cls, dotenv_settings
        if not isinstance(file_secret_settings, SecretsSettingsSource):
            return init_settings, env_settings, file_secret_settings
        return init_settings, env_settings, NestedSecretsSettingsSource(file_secret_settings)

    environment: Environment = Environment.PRODUCTION
    public_url: str
    host: str = "127.0.0.1"
    port: int = 8600
    database_url: SecretStr
    fas_issuer: str
    secrets: Secrets
    keycloak: KeycloakSettings
    provisioner: ProvisionerSettings = ProvisionerSettings()
    directory: DirectorySettings = DirectorySettings()
    mail: MailSettings = MailSettings()
    helpdesk: HelpdeskSettings
    policy: Policy = Policy()
    default_language: Annotated[Language, Field(default=Language.FR)]
    staff_enterprise: str | None = None
    log_level: str = "info"

    @property
    def issuer(self) -> str:
        """The issuer of our tokens: the public address without a final slash."""
        return self.public_url.rstrip("/")

    @property
    def fingerprint_keys(self) -> FingerprintKeys:
        """The keys under which national numbers are hashed."""
        previous = self.secrets.fingerprint_previous_key
        return FingerprintKeys(
            self.secrets.fingerprint_key_id,
            self.secrets.fingerprint_key.get_secret_value().encode(),
            self.secrets.fingerprint_previous_key_id,
            None if previous is None else previous.get_secret_value().encode(),
        )

    @model_validator(mode="after")
    def _refuse_unsafe(self) -> Self:
        for name, secret in self._secrets():
            _refuse_placeholder(name, secret)
        if self.environment is Environment.PRODUCTION:
            for name, url in (
                ("PUBLIC_URL", self.public_url),
                ("KEYCLOAK__BASE_URL", self.keycloak.base_url),
                ("FAS_ISSUER", self.fas_issuer),
            ):
                _refuse_open_url(name, url)
        return self

    def _secrets(self) -> list[tuple[str, SecretStr]]:
        found: list[tuple[str, SecretStr | None]] = [
            ("SECRETS__FINGERPRINT_KEY", self.secrets.fingerprint_key),
            ("SECRETS__FINGERPRINT_PREVIOUS_KEY", self.secrets.fingerprint_previous_key),
            ("SECRETS__WRAPPING_KEY", self.secrets.wrapping_key),
            ("SECRETS__PAIRWISE_KEY", self.secrets.pairwise_key),
            ("KEYCLOAK__CONSOLE_CLIENT_SECRET", self.keycloak.console_client_secret),
            ("KEYCLOAK__EXCHANGE_CLIENT_SECRET", self.keycloak.exchange_client_secret),
            ("PROVISIONER__CLIENT_SECRET", self.provisioner.client_secret),
            ("DIRECTORY__PASSWORD", self.directory.password),
            ("MAIL__PASSWORD", self.mail.password),
        ]
        return [(name, secret) for name, secret in found if secret is not None]


def _refuse_placeholder(name: str, secret: SecretStr) -> None:
    value = secret.get_secret_value()
    lowered = value.lower()
    if len(value) < _SHORTEST_SECRET or any(word in lowered for word in _PLACEHOLDERS):
        message = f"HABILIS_{name} is a placeholder or shorter than {_SHORTEST_SECRET} characters"
        raise UnsafeSettings(message)
    if len(set(value)) < 8:  # noqa: PLR2004 - "aaaaaaaa…" is no secret either
        message = f"HABILIS_{name} repeats too few characters to be a secret"
        raise UnsafeSettings(message)


def _refuse_open_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" or (parts.hostname or "") in {"localhost", "127.0.0.1", "::1"}:
        message = f"HABILIS_{name} must be an https address of the outside world; only the demo uses loopback"
        raise UnsafeSettings(message)


def load() -> Settings:
    """The settings of this process. Raises `pydantic.ValidationError` naming what is missing or unsafe."""
    return Settings()
