"""What is marked pure imports no framework, does no I/O and knows no clock (DESIGN 3)."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRAWERS = ("model", "rules", "events", "evolve", "commands", "facts_model", "definition")
SLICES = ("bce", "people", "portals", "delegation", "dossiers", "tokens", "decisions", "journal", "notify")
# Not the drawers of that name in a slice where it holds something else: people's and portals'
# `commands` are acts on the database, not values.
NOT_PURE = {
    "iam/people/commands.py",
    "iam/portals/commands.py",
    "iam/tokens/commands.py",
}

# Libraries of values: they open nothing and know no time of their own.
LIBRARIES = {"msgspec"}
STANDARD = {
    "abc", "base64", "collections", "dataclasses", "datetime", "decimal", "email", "enum", "functools", "hashlib",
    "hmac", "itertools", "operator", "re", "string",
    "tomllib", "types", "typing", "unicodedata", "urllib", "uuid", "zoneinfo",
}  # fmt: skip
# The kernel makes ids and tells the machine's time in one place each; both are injected everywhere else.
MAKERS = {"iam/kernel/ids.py": {"secrets", "time"}}
CLOCK = "iam/kernel/clock.py"


def _pure_files() -> list[Path]:
    found = set((ROOT / "iam" / "kernel").glob("*.py"))
    for slice_ in SLICES:
        home = ROOT / "iam" / slice_
        for drawer in DRAWERS:
            found.update(home.glob(f"{drawer}.py"))
            found.update(home.glob(f"{drawer}/*.py"))
        # a drawer that is a folder may have a model of its own
        found.update(home.glob("*/model.py"))
    return sorted(path for path in found if _name(path) not in NOT_PURE)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


FILES = _pure_files()


def test_the_heart_is_among_them() -> None:
    names = {_name(path) for path in FILES}
    assert {
        "iam/delegation/rules/requests.py", "iam/delegation/evolve.py", "iam/delegation/facts_model.py",
        "iam/delegation/commands.py", "iam/delegation/events.py", "iam/bce/rules.py", "iam/kernel/ssin.py",
        "iam/people/rules.py", "iam/delegation/mails/model.py",
    } <= names  # fmt: skip
    assert all((ROOT / name).is_file() for name in NOT_PURE), "an exception that is not needed"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_pure_module_imports_values_only(path: Path) -> None:
    pure = {_name(each) for each in FILES} | {"iam/journal/codec.py", "iam/__init__.py"}
    for module in _imported(path):
        top = module.split(".")[0]
        if top == "iam":
            assert _file_of(module) in pure, f"{module} is not pure"
        elif top in sys.stdlib_module_names:
            assert top in STANDARD | MAKERS.get(_name(path), set()), module
        else:
            assert top in LIBRARIES, module


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_pure_module_neither_waits_nor_prints_nor_asks_the_time(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"line {node.lineno}"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"open", "print", "input", "exec", "eval"}, called
            if _name(path) != CLOCK:
                assert called not in {"datetime.now", "datetime.utcnow", "date.today"}, called


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # a name may be a module of that package
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole.startswith("iam.") and _is_module(whole) else node.module)
    return found


def _is_module(name: str) -> bool:
    place = ROOT / Path(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def _file_of(module: str) -> str:
    place = ROOT / Path(*module.split("."))
    return _name(place.with_suffix(".py") if place.with_suffix(".py").is_file() else place / "__init__.py")
