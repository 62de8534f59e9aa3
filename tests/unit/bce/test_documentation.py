"""What docs/register.md shows is what the code accepts and says."""

import re
from datetime import date
from pathlib import Path

from typer.main import get_command

from iam.bce.cli import app
from iam.bce.events import EVENTS
from iam.bce.functions import read_header, read_line
from iam.kernel.ssin import FingerprintKeys

PAGE = (Path(__file__).parents[3] / "docs" / "register.md").read_text(encoding="utf-8")


def test_the_feed_that_is_shown_is_understood():
    header, functions = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    keys = FingerprintKeys("1", b"k" * 32)

    lines = [read_line(line.encode(), keys, date(2026, 11, 24)) for line in functions.splitlines()]

    assert read_header(header.encode()).functions == len(lines) == 3
    assert [held.holder_number is None for held in lines] == [True, False, False]


def test_the_commands_that_are_shown_are_those_there_are():
    shown = set(re.findall(r"^\| `habilis bce (\w+)", PAGE, re.MULTILINE))

    assert shown == set(get_command(app).commands)


def test_every_event_is_shown():
    for kind, _ in EVENTS._types:
        assert f"`{kind}`" in PAGE or f"`{kind.rsplit('.', 1)[1]}`" in PAGE
