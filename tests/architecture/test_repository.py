"""What the repository holds: the product alone, no trace of the machine it was made on, no secret."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Made of pieces, so that this file does not hold what it looks for.
_HOSTS = (
    ("py", "pi.", "org"), ("files.python", "hosted.", "org"), ("registry.npm", "js.", "org"),
    ("repo.maven.", "apache.", "org"), ("repo1.maven", ".", "org"), ("proxy.golang", ".", "org"),
    ("index.crates", ".", "io"), ("deb.debian", ".", "org"),
)  # fmt: skip
_FOLDERS = (("/wo", "rk/"), ("/ro", "ot/"), ("/home/", r"[a-z]"), ("/Us", "ers/"), ("/tmp/", "w/"))
_LATER = (("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK"))
_KEY = "-----BEGIN " + "(?:[A-Z]+ )?PRIV" + "ATE KEY-----"


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


TRACKED = _tracked()


def _text(path: Path) -> str | None:
    data = path.read_bytes()
    return None if b"\0" in data[:8192] else data.decode("utf-8", errors="replace")


def _holding(pattern: str, *, besides: tuple[str, ...] = ()) -> list[str]:
    wanted = re.compile(pattern)
    return sorted(
        f"{name}:{number}"
        for path in TRACKED
        if not (name := path.relative_to(ROOT).as_posix()).startswith(besides)
        for number, line in enumerate((_text(path) or "").splitlines(), 1)
        if wanted.search(line)
    )


VENDORED = ("iam/console/static/vendor/", "tests/support/vendor/")


def test_the_files_are_looked_at() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in TRACKED}
    assert {"iam/app.py", "pyproject.toml", "requirements/base.txt", "Makefile"} <= names


def test_no_path_of_a_machine() -> None:
    pattern = "|".join(rf"(?<![\w.\-/~}}])({re.escape(first)}{rest})" for first, rest in _FOLDERS)
    assert _holding(pattern, besides=VENDORED) == []


def test_no_host_of_a_package_registry() -> None:
    """Where packages come from is said by the machine's own settings."""
    pattern = "|".join(re.escape("".join(pieces)) for pieces in _HOSTS)
    assert _holding(pattern, besides=VENDORED) == []


def test_nothing_is_left_for_later() -> None:
    pattern = "|".join(rf"\b{first}{rest}\b" for first, rest in _LATER)
    assert _holding(pattern, besides=VENDORED) == []


def test_no_private_key() -> None:
    assert _holding(_KEY, besides=VENDORED) == []


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_a_lock_pins_by_hash_and_names_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(extra-)?index|^\s*--find-links|^\s*-e ", text, re.MULTILINE)
    entries = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", text).strip())
    assert entries
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._\-\[\],]+==\S+", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]


@pytest.mark.parametrize("name", [".demo", ".venv"])
def test_what_the_demo_and_the_tests_make_is_not_tracked(name: str) -> None:
    assert not [path for path in TRACKED if name in path.relative_to(ROOT).parts]
    ignored = subprocess.run(["git", "check-ignore", "-q", f"{name}/x"], cwd=ROOT, check=False)
    assert ignored.returncode == 0
