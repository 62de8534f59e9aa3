"""`habilis bce fetch`: what it says, how it exits, and that it says no credential."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from iam.bce.cli import app
from tests.integration.test_provisioning_process import environment
from tests.support.extract import Extract
from tests.support.settings import some_settings

REPOSITORY = Path(__file__).parents[2]
PASSWORD = secrets.token_hex(8)


@pytest.fixture
def there(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def habilis(database_url, tmp_path, monkeypatch):
    for name, value in environment(some_settings(), HABILIS_DATABASE_URL=database_url).items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)

    return run


@pytest.fixture
def source(there, tmp_path, monkeypatch):
    """The folder is the source."""

    def told(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"HABILIS_REGISTER__SOURCE__{name}", str(value))

    told(KIND="folder", FOLDER=there, WORK_FOLDER=tmp_path / "work", PAUSE_SECONDS=0)
    return told


def put(there, extract):
    return extract.zip(there).rename(
        there / f"KboOpenData_{extract.number:04d}_2026_10_{extract.number:02d}_{extract.kind.title()}.zip"
    )


def test_without_a_source_it_says_which_setting_is_missing(habilis):
    done = habilis("fetch")

    assert done.exit_code == 2
    assert "HABILIS_REGISTER__SOURCE__KIND" in done.stderr


def test_a_setting_that_is_missing_or_not_known_is_named_as_it_is_set_and_its_value_is_not_shown():
    told = environment(
        some_settings(),
        HABILIS_REGISTER__SOURCE__KIND="portal",
        HABILIS_REGISTER__SOURCE__USERNAME="habilis",
        HABILIS_REGISTER__SOURCE__PASWORD=PASSWORD,
        HABILIS_REGISTER__SOURCE__WORK_FOLDER="work",
    )
    done = subprocess.run(
        [sys.executable, "-m", "iam", "bce", "fetch"],
        cwd=REPOSITORY, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **told},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert sorted(line.partition(":")[0] for line in done.stderr.splitlines()) == [
        "HABILIS_REGISTER__SOURCE__PASSWORD", "HABILIS_REGISTER__SOURCE__PASWORD",
    ]  # fmt: skip
    assert PASSWORD not in done.stdout + done.stderr


def test_it_says_what_it_fetched_and_on_which_extract_the_register_stands(habilis, source, there):
    path = put(there, Extract.of(0, 1))
    before = habilis("fetch", "--dry-run")
    done, again = habilis("fetch"), habilis("fetch", "--json", "--quiet")

    assert [each.exit_code for each in (before, done, again)] == [0, 0, 0]
    assert before.stdout.splitlines()[0].startswith("wouldFetch (no extract yet, from folder:")
    assert f"{path.name}, full 0001, {path.stat().st_size} bytes: wouldFetch" in before.stdout
    assert done.stdout.splitlines()[0].startswith("applied (extract 0001, from folder:")
    assert f"{path.name}, full 0001, {path.stat().st_size} bytes: applied" in done.stdout
    assert f"{path.name}: 100 %" in done.stderr
    assert "extract 0001 is being applied" in done.stderr
    assert again.stderr == ""
    assert json.loads(again.stdout) == {
        "outcome": "upToDate", "source": f"folder:{there}", "reason": None, "detail": None, "extract": 1,
        "files": [], "warnings": [], "advice": None,
    }  # fmt: skip


def test_nothing_to_start_from_is_refused_with_3(habilis, source, there):
    put(there, Extract(number=2, kind="update"))
    done = habilis("fetch")

    assert done.exit_code == 3
    assert done.stdout.startswith("refused: noFull")
    assert "what to do: the first extract must be a full one" in done.stdout


def test_a_bad_file_is_rejected_with_4(habilis, source, there):
    path = put(there, Extract.of(0))
    path.write_bytes(path.read_bytes()[:-50])
    done = habilis("fetch", "--json")

    assert done.exit_code == 4
    assert json.loads(done.stdout)["reason"] == "damaged"


def test_too_many_that_vanish_halt_with_5_until_the_file_is_confirmed(habilis, source, there):
    put(there, Extract.of(*range(9)))
    habilis("fetch")
    put(there, Extract.of(0, number=2, snapshot="03-10-2026"))
    halted, again = habilis("fetch", "--json"), habilis("fetch")
    path = json.loads(halted.stdout)["detail"]

    assert (halted.exit_code, again.exit_code) == (5, 5)
    assert f"halted: tooManyVanish: {path}" in again.stdout
    assert habilis("confirm", path).exit_code == 0
    assert habilis("fetch").stdout.startswith("upToDate (extract 0002")


def test_a_limit_is_the_same_option_as_of_import(habilis, source, there):
    put(there, Extract.of(*range(9)))
    habilis("fetch")
    put(there, Extract.of(0, number=2, snapshot="03-10-2026"))

    assert habilis("fetch", "--vanish-floor", "8").exit_code == 0


def test_a_source_that_is_away_ends_with_6_and_shows_no_credential(habilis, source, there, unused_tcp_port):
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    source(KIND="sftp", HOST="127.0.0.1", PORT=unused_tcp_port, USERNAME="habilis", PASSWORD=PASSWORD)
    source(HOST_KEYS=json.dumps([key]), FOLDER="opendata")
    done = habilis("fetch")

    assert done.exit_code == 6
    assert done.stdout.startswith("unavailable: unreachable (no extract yet, from sftp://127.0.0.1")
    assert PASSWORD not in done.output


def test_a_source_that_is_not_to_be_believed_ends_with_7(habilis, source, there):
    done = habilis("fetch")

    assert done.exit_code == 7
    assert done.stdout.startswith("distrusted: emptyListing")
    assert "what to do: the source lists no extract at all" in done.stdout


@pytest.fixture
def unused_tcp_port():
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_its_way_is_told_to_a_machine_from_the_download_to_the_commit(habilis, source, there):
    put(there, Extract.of(0, 1))

    done = habilis("fetch", "--progress", "json", "--json")

    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert json.loads(done.stdout)["outcome"] == "applied"
    assert (told[0]["phase"], told[-1]["phase"]) == ("download", "commit")
    assert told[-1]["done"] == told[-1]["total"] == 1
    assert {frozenset(each) for each in told} == {frozenset(told[0])}


def test_it_takes_every_option_of_import_but_the_file(habilis):
    commands = get_command(app).commands
    of_import, of_fetch = (
        {option for each in commands[name].params for option in each.opts if option.startswith("--")}
        for name in ("import", "fetch")
    )

    assert of_import - of_fetch == set()


@pytest.mark.parametrize("command", ["fetch", "import", "confirm", "functions"])
def test_rules_that_are_wrong_are_told_before_anything_is_done(habilis, source, there, tmp_path, command):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "situations.csv").write_text("code,consequence\n000,normal\n001,odd\n", encoding="utf-8")
    path = put(there, Extract.of(0))

    done = habilis(command, *([] if command == "fetch" else [path]), "--rules", rules)

    assert done.exit_code == 4
    assert done.stderr.startswith("situations.csv, line 3: ")
    assert "no extract yet" in habilis("status").output
    assert not (tmp_path / "work").exists()
