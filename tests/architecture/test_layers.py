"""Who may import whom: the contracts hold, and they speak of every room that exists."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
LAYERS = next(contract for contract in CONFIG["contracts"] if contract["type"] == "layers")["layers"]


def rooms(package: str) -> set[str]:
    """The rooms of a package: its folders with code, and its modules."""
    home = ROOT / package
    folders = {path.parent.name for path in home.glob("*/*.py")}
    modules = {path.stem for path in home.glob("*.py")} - {"__init__", "__main__"}
    return {f"{package}.{name}" for name in folders | modules}


@pytest.mark.timeout(300)
def test_every_contract_of_the_house_is_kept() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"{len(CONFIG['contracts'])} kept, 0 broken" in answer.stdout


def test_the_layers_name_every_room_and_no_other() -> None:
    named = {name.strip() for layer in LAYERS for name in layer.split("|")}
    assert named == rooms("iam")


def test_the_contracts_look_at_every_distribution() -> None:
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench", "tools"}
    assert {"habilis_portal", *ours} <= set(CONFIG["root_packages"])
    assert (ROOT / "client" / "src" / "habilis_portal" / "__init__.py").is_file()


@pytest.mark.parametrize(
    ("importing", "allowed"),
    [
        ("provisioning", {"delegation.desired", "realms", "journal", "storage", "settings", "kernel", "web.logging", "worker"}),
        ("demo", set()),
        ("client", set()),
    ],
)  # fmt: skip
def test_who_stands_outside_imports_no_more_of_the_service_than_agreed(
    importing: str, allowed: set[str]
) -> None:
    imported = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in (ROOT / importing).rglob("*.py")
        for name in _imports(path)
        if name == "iam" or name.startswith("iam.")
    }
    beyond = {
        (path, name)
        for path, name in imported
        if not any(name.startswith(f"iam.{room}.") or name == f"iam.{room}" for room in allowed)
    }
    assert beyond == set()


@pytest.mark.parametrize(
    ("library", "file"), [("keycloak", "provisioning/keycloak.py"), ("ldap3", "provisioning/directory.py")]
)
def test_a_library_of_bad_habits_is_imported_by_one_file(library: str, file: str) -> None:
    """Their faults are worked round in one place (DESIGN 3)."""
    found = {
        path.relative_to(ROOT).as_posix()
        for package in ("iam", "provisioning", "demo")
        for path in (ROOT / package).rglob("*.py")
        for name in _imports(path)
        if name.split(".")[0] == library
    }
    assert found == {file}


def _imports(path: Path) -> set[str]:
    """Every module imported anywhere in the file, inside functions too, and names taken from packages."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found
