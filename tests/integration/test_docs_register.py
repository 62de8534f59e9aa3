"""`docs/operating-the-register.md`: its shell blocks are run in order, and say what stands below them."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.test_provisioning_process import environment
from tests.support.settings import some_settings

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "operating-the-register.md"
# A shell block and, if there is one, the text that comes right after it.
_BLOCK = re.compile(r"^```sh\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
_MARK = "#### end of block"


def blocks():
    return [(sh, text) for sh, text in _BLOCK.findall(PAGE.read_text(encoding="utf-8"))]


def says(shown, said):
    """Whether what is shown was said, line by line; … stands for anything, alone on a line for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else "".join(r".*" if part == "…" else re.escape(part) for part in
                                                   re.split("(…)", line)) + r"[^\n]*\n"
        for line in shown.splitlines()
    )  # fmt: skip
    return re.fullmatch(rf"{pattern}\s*", said) is not None


@pytest.fixture
def shell(database_url, tmp_path):
    """Runs a script in a folder of its own, where `habilis` is the repository's command."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "habilis"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m iam "$@"\n', encoding="utf-8")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    place = tmp_path / "here"
    place.mkdir()
    variables = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        **environment(some_settings(), HABILIS_DATABASE_URL=database_url),
    }

    def run(script):
        return subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=place, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.mark.timeout(300)
def test_every_block_runs_and_says_what_is_shown(shell):
    whole = blocks()
    assert len(whole) == 15
    script = "".join(f"{sh}echo '{_MARK}'\n" for sh, _ in whole)

    done = shell(script)

    said = done.stdout.split(f"{_MARK}\n")
    assert done.returncode == 0, said[-1]
    for (sh, text), answer in zip(whole, said, strict=False):
        assert says(text or "…", answer), f"{sh}\n{answer}"


def test_the_comparison_sees_a_line_that_is_missing_or_other():
    assert says("a\n…\nb…d\n", "a\nx\ny\nb c d\n")
    assert not says("a\n…\nb\n", "a\nx\n")
    assert not says("a\nb\n", "a\nc\n")
    assert not says("a\n", "a\nb\n")
