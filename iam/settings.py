"""One frozen tree of settings; the process refuses to start on a missing or placeholder secret.

Read from the environment (`HABILIS_` and `__` for nesting, HABILIS_KEYCLOAK__BASE_URL) and, for
secrets, from files named like the variables in the folder HABILIS_SECRETS_DIR.
"""

import os
import re
from datetime import time
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, model_validator
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
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST_KEY = re.compile(r"(?:\S+ )?(?:ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]{32,}={0,2}(?: .*)?")


class UnsafeSettings(ValueError):
    """The settings would make the service unsafe; the message names the setting, never its value."""


class Environment(StrEnum):
    """Where the process runs. Only the demo may use the stand-in of the federal login."""

    DEMO = "demo"
    PRODUCTION = "production"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))


class Secrets(_Part):
    """Keys of our own. Each at least 24 characters; none has a default.

    The key of the documents of dossiers may be absent from a demo, whose service then refuses to start.
    """

    fingerprint_key_id: str = "1"
    fingerprint_key: SecretStr
    fingerprint_previous_key_id: str | None = None
    fingerprint_previous_key: SecretStr | None = None
    wrapping_key: SecretStr
    pairwise_key: SecretStr
    dossier_key_id: str = "1"
    dossier_key: SecretStr | None = None
    dossier_previous_key_id: str | None = None
    dossier_previous_key: SecretStr | None = None


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


class OperatorSettings(_Part):
    """Whom the service writes to when the operator must look; without an address only the log says so."""

    mail: str | None = None
    language: Language | None = None


class _SourceSettings(_Part):
    """What every source of extracts has: where its files are kept meanwhile, and how patient we are.

    `keep_files` bounds the work folder, `largest_bytes` a single file (a full extract is some 300 MB).
    """

    work_folder: Path
    keep_files: int = Field(default=3, ge=1)
    largest_bytes: int = Field(default=4 << 30, ge=1)
    tries: int = Field(default=3, ge=1)
    pause_seconds: float = Field(default=5.0, ge=0)
    timeout_seconds: float = Field(default=60.0, gt=0)


class FolderSource(_SourceSettings):
    """Somebody else puts the files into a folder of this machine."""

    kind: Literal["folder"]
    folder: Path

    @model_validator(mode="after")
    def _refuse_itself(self) -> Self:
        if self.folder.absolute() == self.work_folder.absolute():
            raise UnsafeSettings("HABILIS_REGISTER__SOURCE__FOLDER and __WORK_FOLDER must not be the same")
        return self


class SftpSource(_SourceSettings):
    """An SFTP server. Its host keys are pinned, as lines of `ssh-keyscan`; any of them is accepted."""

    kind: Literal["sftp"]
    host: str
    port: int = 22
    folder: str = "."
    username: str
    password: SecretStr | None = None
    key: SecretStr | None = None
    key_passphrase: SecretStr | None = None
    host_keys: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _refuse_open_door(self) -> Self:
        if (self.password is None) == (self.key is None):
            raise UnsafeSettings("HABILIS_REGISTER__SOURCE needs either a PASSWORD or a KEY")
        for line in self.host_keys:
            if not _HOST_KEY.fullmatch(line.strip()):
                raise UnsafeSettings(
                    "HABILIS_REGISTER__SOURCE__HOST_KEYS holds lines like `ssh-ed25519 AAAA...`"
                )
        return self


class PortalSource(_SourceSettings):
    """The official site, behind its login form. Its addresses and fields are not promised anywhere.

    Paths are below `base_url`. `ca_file` is for an authority that this machine does not know; `proxy` for the
    way out.
    """

    kind: Literal["portal"]
    base_url: str = "https://kbopub.economie.fgov.be/kbo-open-data/"
    login_path: str = "static/j_spring_security_check"
    listing_path: str = "affiliation/xml/?files"
    files_path: str = "affiliation/xml/files/"
    username_field: str = "j_username"
    password_field: str = "j_password"  # noqa: S105 - the name of a field
    username: str
    password: SecretStr
    ca_file: Path | None = None
    proxy: str | None = None

    @model_validator(mode="after")
    def _refuse_open_line(self) -> Self:
        parts = urlsplit(self.base_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise UnsafeSettings("HABILIS_REGISTER__SOURCE__BASE_URL must be an https address")
        return self


class ScheduleSettings(_Part):
    """When the worker fetches: at times of the Belgian day, or every so many minutes (then give no times).

    `jitter` is the share by which an interval varies; `retry_minutes` the rest after a run that could not be.
    """

    times: tuple[time, ...] = (time(6, 30),)
    every_minutes: int | None = Field(default=None, ge=1)
    jitter: float = Field(default=0.1, ge=0, le=0.5)
    retry_minutes: int = Field(default=15, ge=1)

    @model_validator(mode="after")
    def _refuse_both(self) -> Self:
        if not self.times and self.every_minutes is None:
            raise UnsafeSettings("HABILIS_REGISTER__SCHEDULE needs TIMES or EVERY_MINUTES")
        if "times" in self.model_fields_set and self.every_minutes is not None:
            raise UnsafeSettings("HABILIS_REGISTER__SCHEDULE takes either TIMES or EVERY_MINUTES")
        return self


class RegisterSettings(BaseModel):
    """Where new extracts come from, and when; without a source nothing is fetched.

    The limits of the importers (`HABILIS_REGISTER__BAD_SHARE` and the like) are options of their commands.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: Annotated[FolderSource | SftpSource | PortalSource, Field(discriminator="kind")] | None = None
    schedule: ScheduleSettings = ScheduleSettings()


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
    dossier_unsent_days: int = Field(default=14, ge=1)
    dossier_days: int = Field(default=60, ge=1)
    dossier_longest_days: int = Field(default=365, ge=1)
    dossier_retention_days: int = Field(default=90, ge=0)
    dossier_documents: int = Field(default=5, ge=1, le=20)
    dossier_document_bytes: int = Field(default=5 << 20, ge=1 << 20, le=20 << 20)
    dossiers_at_once: int = Field(default=3, ge=1)
    dossiers_per_day: int = Field(default=5, ge=1)


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
    operator: OperatorSettings = OperatorSettings()
    # Called `register` from outside; that name belongs to the base class.
    of_register: RegisterSettings = Field(
        default=RegisterSettings(), validation_alias=AliasChoices("of_register", "HABILIS_REGISTER")
    )
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
        for name, secret in self._given_by_others():
            _refuse_unset(name, secret)
        if self.environment is Environment.PRODUCTION:
            if self.secrets.dossier_key is None:
                raise UnsafeSettings("HABILIS_SECRETS__DOSSIER_KEY is missing: documents are kept under it")
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
            ("SECRETS__DOSSIER_KEY", self.secrets.dossier_key),
            ("SECRETS__DOSSIER_PREVIOUS_KEY", self.secrets.dossier_previous_key),
            ("KEYCLOAK__CONSOLE_CLIENT_SECRET", self.keycloak.console_client_secret),
            ("KEYCLOAK__EXCHANGE_CLIENT_SECRET", self.keycloak.exchange_client_secret),
            ("PROVISIONER__CLIENT_SECRET", self.provisioner.client_secret),
            ("DIRECTORY__PASSWORD", self.directory.password),
            ("MAIL__PASSWORD", self.mail.password),
        ]
        return [(name, secret) for name, secret in found if secret is not None]

    def _given_by_others(self) -> list[tuple[str, SecretStr]]:
        """Credentials whose length somebody else decides."""
        source = self.of_register.source
        found = {
            "PASSWORD": getattr(source, "password", None),
            "KEY": getattr(source, "key", None),
            "KEY_PASSPHRASE": getattr(source, "key_passphrase", None),
        }
        return [(f"REGISTER__SOURCE__{name}", secret) for name, secret in found.items() if secret is not None]


def _refuse_placeholder(name: str, secret: SecretStr) -> None:
    value = secret.get_secret_value()
    lowered = value.lower()
    if len(value) < _SHORTEST_SECRET or any(word in lowered for word in _PLACEHOLDERS):
        message = f"HABILIS_{name} is a placeholder or shorter than {_SHORTEST_SECRET} characters"
        raise UnsafeSettings(message)
    if len(set(value)) < 8:  # noqa: PLR2004 - "aaaaaaaa…" is no secret either
        message = f"HABILIS_{name} repeats too few characters to be a secret"
        raise UnsafeSettings(message)


def _refuse_unset(name: str, secret: SecretStr) -> None:
    value = secret.get_secret_value().strip()
    if not value or "${" in value or value.lower() in _PLACEHOLDERS:
        message = f"HABILIS_{name} is a placeholder"
        raise UnsafeSettings(message)


def _refuse_open_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" or (parts.hostname or "") in _LOOPBACK:
        message = f"HABILIS_{name} must be an https address of the outside world; only the demo uses loopback"
        raise UnsafeSettings(message)


def variable(place: tuple[int | str, ...]) -> str:
    """The name under which a place in the tree of settings is set: what an error calls it."""
    parts = ["register" if part == "of_register" else str(part) for part in place]
    if parts[:2] == ["register", "source"]:
        # Which kind of source it is stands in the place, and in no name.
        del parts[2:3]
    return "HABILIS_" + "__".join(part.upper() for part in parts)


def load() -> Settings:
    """The settings of this process. Raises `pydantic.ValidationError` naming what is missing or unsafe."""
    return Settings()
