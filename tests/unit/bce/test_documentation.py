"""What the pages about the register show is what the code accepts and says."""

import ast
import re
from datetime import date
from pathlib import Path

import pytest
from typer.main import get_command

from iam.bce.cli import app, base
from iam.bce.cli.fetch import EXITS
from iam.bce.events import EVENTS
from iam.bce.fetch.advice import _REASONS
from iam.bce.functions.lines import FeedKind, read_header, read_line
from iam.kernel.ssin import FingerprintKeys
from iam.settings import (
    FolderSource,
    OperatorSettings,
    Policy,
    PortalSource,
    ScheduleSettings,
    SftpSource,
)

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "register.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs" / "operating-the-register.md").read_text(encoding="utf-8")


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
    shown = set(re.findall(r"^\| `habilis bce (\w+)", OPERATING, re.MULTILINE))

    assert shown == set(get_command(app).commands)


@pytest.mark.parametrize("part", [FolderSource, SftpSource, PortalSource, ScheduleSettings, OperatorSettings])
def test_every_setting_of_fetching_and_of_the_operator_is_shown(part):
    for name in part.model_fields:
        prefix = "HABILIS_OPERATOR__" if part is OperatorSettings else ""
        assert f"`{prefix}{name.upper()}`" in OPERATING, name


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (PortalSource, "base_url"), (PortalSource, "login_path"), (PortalSource, "listing_path"),
        (PortalSource, "files_path"), (PortalSource, "username_field"), (PortalSource, "password_field"),
        (FolderSource, "keep_files"), (FolderSource, "largest_bytes"), (ScheduleSettings, "retry_minutes"),
        (ScheduleSettings, "jitter"), (Policy, "register_stale_hours"), (Policy, "representation_stale_hours"),
    ],
)  # fmt: skip
def test_a_default_is_shown_as_it_is(part, name):
    [line] = [
        line
        for line in OPERATING.splitlines()
        if line.startswith("|") and f"{name.upper()}`" in line.split("|")[1]
    ]

    assert str(part.model_fields[name].default) in line.split("|")[2]


def test_every_reason_for_which_fetching_stops_is_shown_and_no_advice_is_for_another():
    given = {
        node.args[place].value
        for path in (ROOT / "iam" / "bce" / "fetch").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for name, place in _REASON_AT.items()
        if ast.unparse(node.func).endswith(name) and len(node.args) > place
        if isinstance(node.args[place], ast.Constant) and isinstance(node.args[place].value, str)
    }

    assert {"hostKey", "emptyListing", "cutOff", "gap", "sha256", "workFolder"} <= given
    assert {each for each in given if f"`{each}`" not in OPERATING} == set()
    assert set(_REASONS) - given == {"busy", "tooManyVanish"}  # the importer gives these


_REASON_AT = {"SourceUnavailable": 0, "SourceDistrusted": 0, "FileChanged": 0, "_Stop": 1, "_report": 1}


def test_every_exit_code_is_shown():
    shown = {int(code) for code in re.findall(r"^\| ([0-9]) \|", OPERATING, re.MULTILINE)}

    assert shown == {0, base.USE, base.LATE, *base.EXIT.values(), *EXITS.values()}


def test_every_event_is_shown():
    for kind, _ in EVENTS._types:
        assert f"`{kind}`" in PAGE or f"`{kind.rsplit('.', 1)[1]}`" in PAGE
