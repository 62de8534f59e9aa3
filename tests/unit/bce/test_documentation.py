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


# Who is called with a reason, and where it stands among what is given; None: by its name.
_GIVEN = {
    "UnreadableExtract": 0, "Stop": 0, "_Unusable": 0, "attempt.report": 1, "Decision": None, "replace": None,
    "Report": None, "FeedReport": None,
}  # fmt: skip
_EXITS = {"REFUSED": 3, "REFUSE": 3, "REJECTED": 4, "REJECT": 4, "HALTED": 5}
_OF_FILES = ("archive.py", "importer.py", "extracts/*.py", "functions/*.py")


def constant(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def reasons_of_imports():
    """What extracts and feeds are refused, rejected or halted for: constants of the code that says so."""
    found = set()
    for pattern in _OF_FILES:
        for path in (ROOT / "iam" / "bce").glob(pattern):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and (called := ast.unparse(node.func)) in _GIVEN:
                    place = _GIVEN[called]
                    told = [each.value for each in node.keywords if each.arg == "reason"]
                    told += node.args[place : place + 1] if place is not None else []
                    found |= {constant(each) for each in told} - {None}
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "reasons":
                    found |= {constant(each) for each in node.value.values}
    return found


def shown_for(code):
    """The reasons in the table of an exit code."""
    _, table = OPERATING.split(f"| reason of exit code {code} |")
    lines = table.split("\n\n")[0].splitlines()[2:]
    return {reason for line in lines for reason in re.findall(r"`(\w+)`", line.split("|")[1])}


def test_every_reason_for_which_an_extract_or_feed_is_not_applied_is_shown_and_no_other():
    of_fetching = {"noFull", "workFolder"}
    given = reasons_of_imports()

    assert {"gap", "missing", "pathInName", "lineTooLong", "cut", "tooManyLose", "occupied"} <= given
    assert shown_for(3) | shown_for(4) | shown_for(5) == given | of_fetching


def test_a_reason_stands_under_the_exit_code_that_goes_with_it():
    assert shown_for(5) == {"tooManyVanish", "tooManyLose"}
    assert shown_for(3) & shown_for(4) == {"header"}, "of a feed, and of a file of an extract"
    assert not (shown_for(6) | shown_for(7)) & (shown_for(4) - {"tooLarge"})
    for code, wanted in told_with_their_status().items():
        assert wanted <= shown_for(code), code


def told_with_their_status():
    """The reasons that stand beside their status in one call."""
    found = {code: set() for code in _EXITS.values()}
    for pattern in _OF_FILES:
        for path in (ROOT / "iam" / "bce").glob(pattern):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                given = [*node.args, *(each.value for each in node.keywords)]
                status = {each.attr for each in given if isinstance(each, ast.Attribute)} & _EXITS.keys()
                reasons = {each.value for each in node.keywords if each.arg == "reason"}
                reasons |= set(node.args[1:2]) if ast.unparse(node.func) == "attempt.report" else set()
                for name in status:
                    found[_EXITS[name]] |= {constant(each) for each in reasons} - {None}
    assert found[3] >= {"busy", "notFound", "olderThanApplied"}
    assert found[4] >= {"meta", "producedInFuture", "dateOrder"}
    return found


_REASON_AT = {"SourceUnavailable": 0, "SourceDistrusted": 0, "FileChanged": 0, "_Stop": 1, "_report": 1}


def test_every_exit_code_is_shown():
    shown = {int(code) for code in re.findall(r"^\| ([0-9]) \|", OPERATING, re.MULTILINE)}

    # 1 is the interpreter's own, for what nobody has foreseen.
    assert shown == {0, 1, base.USE, base.LATE, *base.EXIT.values(), *EXITS.values()}


def test_every_event_is_shown():
    for kind, _ in EVENTS._types:
        assert f"`{kind}`" in PAGE or f"`{kind.rsplit('.', 1)[1]}`" in PAGE
