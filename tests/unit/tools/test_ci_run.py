"""`.ci/run` passes when, and only when, every test ran and passed."""

import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


def _run(folder: Path, closing: str, status: int) -> int:
    make = folder / "make"
    make.write_text(f'#!/bin/sh\n[ "$1" = test ] || exit 9\necho "{closing}"\nexit {status}\n')
    make.chmod(0o755)
    answer = subprocess.run(
        [str(REPOSITORY / ".ci" / "run")],
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        check=False,
        timeout=30,
    )
    return answer.returncode


@pytest.mark.parametrize(
    "closing", ["===== 12 passed in 3.45s =====", "12 passed, 2 warnings in 75.10s (0:01:15)"]
)
def test_all_passed(tmp_path: Path, closing: str) -> None:
    assert _run(tmp_path, closing, 0) == 0


@pytest.mark.parametrize(
    ("closing", "status"),
    [
        ("===== 1 failed, 11 passed in 3.45s =====", 1),
        ("===== no tests ran in 0.01s =====", 5),
        ("===== no tests ran in 0.01s =====", 0),
        ("===== 11 passed, 1 skipped in 3.45s =====", 0),
        ("===== 11 passed, 1 xfailed in 3.45s =====", 0),
        ("===== 11 passed, 1 error in 3.45s =====", 1),
        ("killed", 137),
        ("nothing at all", 0),
    ],
)
def test_anything_else_fails(tmp_path: Path, closing: str, status: int) -> None:
    assert _run(tmp_path, closing, status) != 0


def _run_twice(folder: Path, first: str, second: str) -> tuple[int, str]:
    make = folder / "make"
    make.write_text(
        "#!/bin/sh\n"
        f'[ "$2" = "PYTEST_ARGS=--last-failed --numprocesses=0" ] && echo "{second}" && exit 0\n'
        f'echo "{first}"\nexit 1\n'
    )
    make.chmod(0o755)
    answer = subprocess.run(
        [str(REPOSITORY / ".ci" / "run")],
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return answer.returncode, answer.stdout


def test_a_few_failures_are_tried_once_more_and_both_runs_are_told(tmp_path: Path) -> None:
    status, out = _run_twice(tmp_path, "2 failed, 90 passed, 1 error in 9.0s", "3 passed in 1.0s")
    assert status == 0
    assert "2 failed, 90 passed" in out
    assert "3 passed" in out


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("7 failed, 90 passed in 9.0s", "7 passed in 1.0s"),
        ("2 failed, 90 passed in 9.0s", "1 failed, 1 passed in 1.0s"),
        ("2 failed, 90 passed, 1 skipped in 9.0s", "2 passed in 1.0s"),
        ("2 failed in 9.0s", "2 passed in 1.0s"),
    ],
)
def test_more_failures_or_a_second_one_fail(tmp_path: Path, first: str, second: str) -> None:
    assert _run_twice(tmp_path, first, second)[0] != 0


def test_make_alone_says_what_there_is() -> None:
    answer = subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    named = {line.split()[1] for line in answer.stdout.splitlines()}
    assert {"demo", "demo-reset", "test", "deps", "check", "bench", "help"} <= named
