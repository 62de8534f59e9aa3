"""What we ship of others is what we say it is, and all of it is named."""

import hashlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTS = (ROOT / "iam/console/static/vendor/VENDORED.toml", ROOT / "tests/support/vendor/VENDORED.toml")
ENTRIES = [
    (path.parent, entry)
    for path in LISTS
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["file"]
]


@pytest.mark.parametrize(("folder", "entry"), ENTRIES, ids=[entry["name"] for _, entry in ENTRIES])
def test_a_vendored_file_is_unchanged_and_has_its_licence(folder: Path, entry: dict[str, str]) -> None:
    assert hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert (folder / entry["licence_file"]).read_text(encoding="utf-8").strip()
    assert entry["licence"]
    assert entry["version"]


@pytest.mark.parametrize("path", LISTS, ids=lambda p: p.relative_to(ROOT).parts[0])
def test_no_vendored_file_goes_unnamed(path: Path) -> None:
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["file"]
    named = {(path.parent / entry["file"]).resolve() for entry in entries}
    licences = {(path.parent / entry["licence_file"]).resolve() for entry in entries}
    others = (
        {p.resolve() for p in path.parent.rglob("*") if p.is_file()} - named - licences - {path.resolve()}
    )
    assert {p.name for p in others} <= {"axe-core-LICENSE-3RD-PARTY.txt"}
