"""The environment is what the lock says, and nothing is fetched when it already is."""

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, for a repository that needs no package."""
    spec = importlib.util.spec_from_file_location(
        "bootstrap_under_test", REPOSITORY / "tools" / "bootstrap.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "requirements").mkdir()
    for name in ("demo", "dev"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"# {name}\n")
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "cli.py").write_text("def main():\n    print('the command')\n    return 0\n")
    monkeypatch.setattr(module, "REPOSITORY", tmp_path)
    monkeypatch.setattr(module, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "habilis.json")
    monkeypatch.setattr(module, "SOURCES", (tmp_path,))
    return module


def _installs(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    monkeypatch.setattr(bootstrap, "install", asked.append)
    return asked


def test_an_environment_is_made_and_holds_our_command(bootstrap: ModuleType, tmp_path: Path) -> None:
    assert bootstrap.main(["demo"]) == 0
    answer = subprocess.run(
        [str(tmp_path / ".venv" / "bin" / "habilis")], cwd="/", capture_output=True, text=True, check=True
    )
    assert answer.stdout == "the command\n"


def test_nothing_is_installed_while_the_lock_is_the_same(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _installs(bootstrap, monkeypatch)
    assert bootstrap.main(["demo"]) == 0
    assert bootstrap.main(["demo"]) == 0
    assert asked == ["demo"]

    (tmp_path / "requirements" / "demo.txt").write_text("# demo, changed\n")
    assert bootstrap.main(["demo"]) == 0
    assert asked == ["demo", "demo"]


def test_what_the_tests_need_holds_what_the_demo_needs(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _installs(bootstrap, monkeypatch)
    assert bootstrap.main(["dev"]) == 0
    assert bootstrap.main(["demo"]) == 0
    assert asked == ["dev"]


def test_an_installation_that_failed_is_tried_again(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "requirements" / "demo.txt").write_text("no-such-package-of-ours @ file:///nonexistent.whl\n")
    assert bootstrap.main(["demo"]) == 1
    assert "could not install requirements/demo.txt" in capsys.readouterr().err
    asked = _installs(bootstrap, monkeypatch)
    assert bootstrap.main(["demo"]) == 0
    assert asked == ["demo"]


def test_without_pip_an_ordinary_user_is_told_the_one_command(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "has_ensurepip", lambda: False)
    monkeypatch.setattr(bootstrap, "has_pip", lambda: False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert bootstrap.main(["demo"]) == 1
    assert "apt-get install python3-venv" in capsys.readouterr().err
    assert not (tmp_path / ".venv").exists()


def test_root_installs_what_is_missing(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr(bootstrap, "has_ensurepip", lambda: bool(installed))
    monkeypatch.setattr(bootstrap, "install_venv_package", lambda: installed.append("python3-venv"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    _installs(bootstrap, monkeypatch)
    assert bootstrap.main(["demo"]) == 0
    assert installed == ["python3-venv"]


def test_a_python_that_is_too_old_looks_for_a_newer_one(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PATH", "/nonexistent")
    assert bootstrap.main(["demo"]) == 1
    assert "Python 3.11 or later" in capsys.readouterr().err


def test_an_unknown_lock_is_refused(bootstrap: ModuleType) -> None:
    assert bootstrap.main(["prod"]) == 2
