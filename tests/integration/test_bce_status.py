"""`habilis bce status`: extract, feed and last run, with their ages and whether that is too old."""

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from iam.bce.cli import app
from iam.kernel.clock import belgian_day, system_clock
from tests.integration.test_provisioning_process import environment
from tests.support.extract import Extract, feed, held
from tests.support.settings import some_settings


@pytest.fixture
def habilis(database_url, monkeypatch):
    for name, value in environment(some_settings(), HABILIS_DATABASE_URL=database_url).items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)

    return run


def loaded(habilis, folder, *, days, hours):
    """An extract of so many days ago, a feed of so many hours ago."""
    now = system_clock()
    snapshot = (belgian_day(now) - timedelta(days=days)).strftime("%d-%m-%Y")
    assert habilis("import", Extract.of(0, snapshot=snapshot).zip(folder)).exit_code == 0
    made = (now - timedelta(hours=hours)).isoformat()
    told = feed(folder, held(0, ssin="58000000549"), produced_at=made)
    assert habilis("functions", told).exit_code == 0


def test_before_anything_is_loaded_both_are_late(habilis):
    document = json.loads(habilis("status", "--json").stdout)
    said = habilis("status")

    assert said.stdout.splitlines() == ["no extract yet", "no feed of functions yet"]
    assert said.exit_code == 8
    assert [(document[each]["late"], document[each]["ageHours"]) for each in ("extract", "functions")] == [
        (True, None)
    ] * 2
    assert document["lastFetch"] is None


def test_new_ones_have_an_age_and_are_not_late(habilis, tmp_path):
    loaded(habilis, tmp_path, days=1, hours=2)
    extract, functions = habilis("status").stdout.splitlines()
    document = json.loads(habilis("status", "--json").stdout)

    assert extract.startswith("extract 0001, of 20")
    assert functions.startswith("functions 1, made 20")
    assert functions.endswith(", 2 hours old")
    assert "LATE" not in extract + functions
    assert (document["extract"]["late"], document["functions"]["late"]) == (False, False)
    assert document["functions"]["ageHours"] == 2
    assert document["extract"]["ageHours"] < 25
    assert habilis("status").exit_code == 0


@pytest.mark.parametrize(("days", "hours"), [(5, 30), (1, 80)])
@pytest.mark.parametrize("how", [(), ("--json",)])
def test_one_that_is_late_is_told_by_the_exit_code_too(habilis, tmp_path, days, hours, how):
    loaded(habilis, tmp_path, days=days, hours=hours)

    assert habilis("status", *how).exit_code == 8


def test_inv_23_old_ones_are_late_each_by_its_limit(habilis, tmp_path, monkeypatch):
    loaded(habilis, tmp_path, days=5, hours=30)
    monkeypatch.setenv("HABILIS_POLICY__REPRESENTATION_STALE_HOURS", "24")
    extract, functions = habilis("status").stdout.splitlines()

    assert extract.endswith("LATE: the limit is 72 hours")
    assert functions.endswith("30 hours old, LATE: the limit is 24 hours")


def test_the_last_run_of_fetching_is_told(habilis, tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    for name, value in {
        "KIND": "folder",
        "FOLDER": tmp_path / "there",
        "WORK_FOLDER": tmp_path / "work",
    }.items():
        monkeypatch.setenv(f"HABILIS_REGISTER__SOURCE__{name}", str(value))
    habilis("fetch")

    assert habilis("status").stdout.splitlines()[-1].endswith(": distrusted: emptyListing")
    last = json.loads(habilis("status", "--json").stdout)["lastFetch"]
    assert (last["outcome"], last["reason"]) == ("distrusted", "emptyListing")
    assert last["endedAt"] >= last["startedAt"]
