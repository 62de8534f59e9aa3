"""A skipped test fails the run."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


def _run(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_probe.py").write_text(f"import pytest\n\n{body}\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.no_skips", "-c", "/dev/null",
         "--rootdir", str(folder), "-p", "no:cacheprovider", "-p", "no:randomly", str(folder)],
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        "def test_it():\n    pytest.skip('no such server')",
        "pytest.skip('no such server', allow_module_level=True)",
        "@pytest.mark.skipif(True, reason='no such server')\ndef test_it():\n    pass\n\ndef test_other():\n    pass",
    ],
    ids=["inside", "module", "marker"],
)
def test_a_skip_fails_and_is_named(tmp_path: Path, body: str) -> None:
    answer = _run(tmp_path, body)
    assert answer.returncode != 0
    assert "no such server): a part that the tests need" in answer.stdout


def test_an_expected_failure_fails_too(tmp_path: Path) -> None:
    answer = _run(tmp_path, "@pytest.mark.xfail\ndef test_it():\n    assert False")
    assert answer.returncode == 1
    assert "test_probe.py::test_it was skipped (it was expected to fail)" in answer.stdout


def test_a_run_without_skips_passes(tmp_path: Path) -> None:
    answer = _run(tmp_path, "def test_it():\n    assert True")
    assert answer.returncode == 0
    assert "1 passed" in answer.stdout


def test_a_real_failure_keeps_its_own_status(tmp_path: Path) -> None:
    answer = _run(tmp_path, "def test_it():\n    assert False")
    assert answer.returncode == 1
    assert "was skipped" not in answer.stdout
