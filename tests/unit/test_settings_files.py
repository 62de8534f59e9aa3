"""Secrets may come from files named like the variables; the environment is asked first."""

from pathlib import Path

import pytest

from iam.settings import Settings

KEY = "5d1f0c7a9be34826a1b2c3d4e5f60718"
OTHER = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "HABILIS_ENVIRONMENT": "demo",
        "HABILIS_PUBLIC_URL": "http://127.0.0.1:8600",
        "HABILIS_DATABASE_URL": "postgresql://127.0.0.1/habilis",
        "HABILIS_FAS_ISSUER": "http://127.0.0.1:8601/fas/oauth2",
        "HABILIS_SECRETS__WRAPPING_KEY": OTHER,
        "HABILIS_SECRETS__PAIRWISE_KEY": OTHER,
        "HABILIS_KEYCLOAK__BASE_URL": "http://127.0.0.1:8602",
        "HABILIS_KEYCLOAK__CONSOLE_CLIENT_SECRET": OTHER,
        "HABILIS_KEYCLOAK__EXCHANGE_CLIENT_SECRET": OTHER,
        "HABILIS_HELPDESK__TELEPHONE": "081 00 00 00",
        "HABILIS_HELPDESK__MAIL": "aide@habilis.test",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HABILIS_SECRETS__FINGERPRINT_KEY", raising=False)


def _settings(folder: Path) -> Settings:
    return Settings(_secrets_dir=folder)


def test_a_nested_secret_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "HABILIS_SECRETS__FINGERPRINT_KEY").write_text(KEY + "\n")
    assert _settings(tmp_path).secrets.fingerprint_key.get_secret_value() == KEY


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "HABILIS_SECRETS__FINGERPRINT_KEY").write_text(KEY)
    (tmp_path / "HABILIS_SECRETS__WRAPPING_KEY").write_text(KEY)
    assert _settings(tmp_path).secrets.wrapping_key.get_secret_value() == OTHER


def test_a_placeholder_in_a_file_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "HABILIS_SECRETS__FINGERPRINT_KEY").write_text("changeme-changeme-changeme")
    with pytest.raises(ValueError, match="FINGERPRINT_KEY is a placeholder"):
        _settings(tmp_path)


def test_without_any_source_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fingerprint_key"):
        _settings(tmp_path)
