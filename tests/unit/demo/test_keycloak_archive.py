"""Nothing but the pinned Keycloak is unpacked."""

from pathlib import Path

import pytest

from demo.parts import keycloak
from demo.parts.errors import PartUnavailableError


def test_an_archive_with_another_checksum_is_refused_from_every_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = tmp_path / "keycloak.zip"
    forged.write_bytes(b"PK not this one")
    monkeypatch.setenv("HABILIS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HABILIS_KEYCLOAK_ZIP", str(forged))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("JAVA_HOME", "/nonexistent")
    monkeypatch.setattr(keycloak, "RELEASE_URL", forged.as_uri())

    with pytest.raises(PartUnavailableError) as refused:
        keycloak.distribution()

    assert str(refused.value).count("does not have the pinned SHA-256") == 2
    assert "HABILIS_KEYCLOAK_ZIP" in str(refused.value)
    assert forged.exists()
    assert list((tmp_path / "cache" / "keycloak").glob("*/")) == []
