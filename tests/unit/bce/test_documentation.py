"""What docs/register.md shows is what the code accepts and says."""

import re
from datetime import date
from pathlib import Path

from typer.main import get_command

from iam.bce.cli import app
from iam.bce.events import EVENTS
from iam.bce.functions.lines import FeedKind, read_header, read_line
from iam.kernel.ssin import FingerprintKeys

PAGE = (Path(__file__).parents[3] / "docs" / "register.md").read_text(encoding="utf-8")


def test_the_feeds_that_are_shown_are_understood():
    header, functions, update = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    keys = FingerprintKeys("1", b"k" * 32)
    today = date(2026, 11, 24)

    told = [read_line(line.encode(), FeedKind.FULL, keys, today) for line in functions.splitlines()]

    assert read_header(header.encode()).lines == len(told) == 3
    assert [held.by_enterprise is None for each in told for held in each.functions] == [True, False, False]

    first, *changed = update.splitlines()
    said = read_header(first.encode())
    assert (said.kind, said.lines) == (FeedKind.UPDATE, len(changed))
    all_of_them = [read_line(line.encode(), FeedKind.UPDATE, keys, today) for line in changed]
    assert [len(each.functions) for each in all_of_them] == [2, 0]


def test_the_commands_that_are_shown_are_those_there_are():
    shown = set(re.findall(r"^\| `habilis bce (\w+)", PAGE, re.MULTILINE))

    assert shown == set(get_command(app).commands)


def test_every_event_is_shown():
    for kind, _ in EVENTS._types:
        assert f"`{kind}`" in PAGE or f"`{kind.rsplit('.', 1)[1]}`" in PAGE
