"""`habilis bce generate`: what it writes, says, and refuses."""

import json

import pytest
from typer.testing import CliRunner

from iam.bce.cli import app
from iam.bce.synthetic import numbers


def run(*arguments):
    return CliRunner().invoke(app, ["generate", *map(str, arguments)], catch_exceptions=False)


def test_it_says_what_it_wrote_and_needs_no_settings(tmp_path, monkeypatch):
    monkeypatch.delenv("HABILIS_DATABASE_URL", raising=False)

    done = run("--enterprises", 30, "--seed", 4, "--days", 2, "--out", tmp_path / "new" / "folder")

    assert done.exit_code == 0
    assert sorted(line.split("/")[-1].split(":")[0] for line in done.output.splitlines()) == sorted(
        path.name for path in (tmp_path / "new" / "folder").iterdir()
    )
    assert len(done.output.splitlines()) == 6


def test_as_json_it_tells_the_files_in_their_order_with_their_rows(tmp_path):
    done = run(
        "--enterprises", 30, "--days", 1, "--out", tmp_path, "--month", "2025-10", "--first-extract", 140,
        "--full-after", "--without-activities", "--json",
    )  # fmt: skip
    told = json.loads(done.output)

    assert [path.rsplit("/", 1)[1] for path in told["extracts"]] == [
        "KboOpenData_0140_2025_10_05_Full.zip",
        "KboOpenData_0141_2025_10_06_Update.zip",
        "KboOpenData_0141_2025_10_06_Full.zip",
    ]
    assert [path.rsplit("/", 1)[1] for path in told["feeds"]] == [
        "functions_0140_full.jsonl", "functions_0141_update.jsonl", "functions_0141_full.jsonl",
    ]  # fmt: skip
    rows = told["rows"]["KboOpenData_0140_2025_10_05_Full.zip"]
    assert rows["enterprise"] == 30
    assert "activity" not in rows


@pytest.mark.parametrize(
    "wrong",
    [
        ("--enterprises", 0),
        ("--enterprises", numbers.MOST),
        ("--days", -1),
        ("--month", "2026-13"),
        ("--month", "january"),
        ("--first-extract", 0),
    ],
)
def test_wrong_use_exits_with_2_and_writes_nothing(tmp_path, wrong):
    arguments = {"--enterprises": 5, "--days": 1, "--out": tmp_path / "made"} | dict([wrong])

    done = run(*(each for pair in arguments.items() for each in pair))

    assert done.exit_code == 2
    assert not (tmp_path / "made").exists()
