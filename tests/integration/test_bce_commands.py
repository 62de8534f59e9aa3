"""`habilis bce`: what it says and how it exits."""

import json
import secrets

import psycopg
import pytest
from typer.testing import CliRunner

from iam.bce.cli import app
from tests.support.extract import Extract, dotted, feed, held, number

# The commands read the machine's clock: the feed must be older than now, whenever that is.
LONG_AGO = "2020-01-01T05:00:00+00:00"


@pytest.fixture
def habilis(database_url, monkeypatch):
    for name, value in {
        "ENVIRONMENT": "demo",
        "PUBLIC_URL": "http://127.0.0.1:1",
        "DATABASE_URL": database_url,
        "FAS_ISSUER": "http://127.0.0.1:2",
        "SECRETS__FINGERPRINT_KEY": secrets.token_urlsafe(32),
        "SECRETS__WRAPPING_KEY": secrets.token_urlsafe(32),
        "SECRETS__PAIRWISE_KEY": secrets.token_urlsafe(32),
        "KEYCLOAK__BASE_URL": "http://127.0.0.1:3",
        "KEYCLOAK__CONSOLE_CLIENT_SECRET": secrets.token_urlsafe(32),
        "KEYCLOAK__EXCHANGE_CLIENT_SECRET": secrets.token_urlsafe(32),
        "HELPDESK__TELEPHONE": "081 00 00 00",
        "HELPDESK__MAIL": "aide@habilis.test",
    }.items():
        monkeypatch.setenv(f"HABILIS_{name}", value)

    def run(*arguments):
        return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)

    return run


def test_import_says_what_it_did_and_status_on_what_we_stand(habilis, tmp_path):
    before = habilis("status")
    extract = Extract.of(0, 1).zip(tmp_path)

    done, again = habilis("import", extract), habilis("import", extract, "--json")

    assert "no extract yet" in before.output
    assert (done.exit_code, again.exit_code) == (0, 0)
    assert "read enterprise: 2" in done.output
    assert json.loads(again.output)["status"] == "alreadyApplied"
    assert "extract 0001" in habilis("status").output


def test_each_no_has_an_exit_code_of_its_own(habilis, tmp_path):
    habilis("import", Extract.of(*range(5), number=2).zip(tmp_path))

    older = habilis("import", Extract.of(0).zip(tmp_path), "--json")
    nothing = habilis("import", tmp_path / "nothing.zip", "--json")
    bad = Extract.of(0, number=3, snapshot="30-10-2026")
    bad.headers["contact.csv"] = '"EntityNumber"'
    rejected = habilis("import", bad.zip(tmp_path), "--json")
    few = Extract.of(0, 1, number=4, snapshot="30-10-2026").zip(tmp_path)
    halted = habilis("import", few, "--json")
    allowed = habilis("import", few, "--dry-run", "--vanish-floor", "3", "--json")
    confirmed = habilis("confirm", few, "--json")

    assert [each.exit_code for each in (older, nothing, rejected, halted, allowed, confirmed)] == [
        3,
        3,
        4,
        5,
        0,
        0,
    ]
    assert json.loads(older.output)["reason"] == "olderThanApplied"
    assert json.loads(nothing.output)["reason"] == "notFound"
    assert json.loads(rejected.output)["detail"] == "contact.csv: EntityContact"
    assert json.loads(halted.output)["vanishing"] == [number(2), number(3), number(4)]
    assert json.loads(allowed.output)["status"] == "wouldApply"
    assert json.loads(confirmed.output)["status"] == "applied"


def test_a_limit_may_come_from_the_environment(habilis, tmp_path, monkeypatch):
    habilis("import", Extract.of(*range(5)).zip(tmp_path))
    monkeypatch.setenv("HABILIS_REGISTER__VANISH_FLOOR", "3")

    done = habilis("import", Extract.of(0, 1, number=2, snapshot="30-10-2026").zip(tmp_path))

    assert done.exit_code == 0


def test_functions_and_errors(habilis, tmp_path):
    habilis("import", Extract.of(0).zip(tmp_path))
    path = feed(
        tmp_path, held(0, ssin="58000000549"), held(9, ssin="61000001208"), produced_at=LONG_AGO,
    )  # fmt: skip

    done = habilis("functions", path)
    errors, as_json = habilis("errors"), habilis("errors", "--json")

    assert done.exit_code == 0
    assert "began 1, unknownEnterprise 1" in done.output
    assert "functions, line 3" in errors.output
    assert json.loads(as_json.output) == [
        {"attempt": "functions 1", "file": "functions", "line": 3, "reason": "unknownEnterprise"}
    ]
    assert "58000000549" not in done.output + errors.output
    assert "functions 1, made" in habilis("status").output


def test_an_update_follows_the_one_before_and_one_that_halts_waits_for_a_person(
    habilis, tmp_path, database_url
):
    habilis("import", Extract.of(*range(4)).zip(tmp_path))
    habilis(
        "functions",
        feed(tmp_path, *(held(place, ssin="58000000549") for place in range(4)), produced_at=LONG_AGO),
    )
    with psycopg.connect(database_url) as conn:
        conn.execute("INSERT INTO bce_watch SELECT entity_id FROM bce_entity")
    nobody = [{"enterpriseNumber": number(place), "functions": []} for place in (0, 1)]
    update = {"kind": "update", "produced_at": LONG_AGO}

    gap = habilis("functions", feed(tmp_path, number=3, **update), "--json")
    two = feed(tmp_path, *nobody, number=2, **update)
    dry, halted, allowed = (
        habilis("functions", two, "--dry-run", "--loss-floor", "2"),
        habilis("functions", two),
        habilis("functions", two, "--confirm", "--json"),
    )

    assert [each.exit_code for each in (gap, dry, halted, allowed)] == [3, 0, 5, 0]
    assert (json.loads(gap.output)["reason"], json.loads(gap.output)["detail"]) == ("gap", "2")
    assert f"losing their last representative: 2 ({number(0)}, {number(1)})" in halted.output
    assert json.loads(allowed.output)["losing"] == [number(0), number(1)]


def test_a_bad_feed_is_named_by_line_and_field(habilis, tmp_path):
    habilis("import", Extract.of(0).zip(tmp_path))

    rejected = habilis("functions", feed(tmp_path, held(0, ssin="58000000548"), produced_at=LONG_AGO))
    nothing = habilis("functions", tmp_path / "nothing.jsonl")

    assert rejected.exit_code == 4
    assert "functions, line 2: holder.ssin" in rejected.output
    assert "58000000548" not in rejected.output
    assert nothing.exit_code == 3


HEADER = "function,form,represents,controlled,valid_from,valid_to,source\n"


def test_rules_are_loaded_from_a_folder_and_a_wrong_one_is_named(habilis, tmp_path):
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "representation.csv").write_text(f"{HEADER}XADMI,*,alone,no,2020-01-01,,me\n")

    assert [habilis("rules").output.strip() for _ in range(2)] == ["changed", "nothing to change"]
    assert habilis("rules", folder).output.strip() == "changed"
    (folder / "situations.csv").write_text("code,consequence\n000,odd\n")
    for command in (("rules", folder), ("rules", "diff", folder, folder), ("rules", folder, "--dry-run")):
        wrong = habilis(*command)
        assert wrong.exit_code == 4
        assert "situations.csv, line 2" in wrong.output


def test_what_other_rules_would_mean_is_told_before_they_are_loaded(habilis, tmp_path):
    habilis("import", Extract.of(0, 1).zip(tmp_path))
    habilis(
        "functions",
        feed(tmp_path, held(0, ssin="58000000549"), held(1, ssin="61000001208"), produced_at=LONG_AGO),
    )
    strict, none = tmp_path / "strict.csv", tmp_path / "none.csv"
    strict.write_text(f"{HEADER}XADMI,*,jointly,no,2000-01-01,,me\n")
    none.write_text(f"{HEADER}XADMI,*,no,no,2000-01-01,,me\n")

    dry = habilis("rules", strict, "--dry-run")
    as_json = json.loads(habilis("rules", "diff", strict, none, "--json", "--limit", "1").output)

    assert dry.exit_code == 0
    assert "gain: 0 (0 in watched enterprises), lose: 2 (0 in watched enterprises)" in dry.output
    assert f"- {dotted(0)} XADMI alone -> jointly function " in dry.output
    assert (as_json["gaining"], as_json["losing"], as_json["watched"]) == (0, 2, {"gaining": 0, "losing": 0})
    (effect,) = as_json["effects"]
    assert set(effect) == {"enterpriseNumber", "function", "code", "before", "after", "watched"}
    assert (effect["enterpriseNumber"], effect["before"], effect["after"]) == (
        number(0),
        "jointly",
        "nothing",
    )
    assert habilis("rules", strict).output.strip() == "changed", "neither of them had changed anything"


def test_renumber(habilis, tmp_path):
    habilis("import", Extract.of(0, 1).zip(tmp_path))

    done = habilis("renumber", dotted(0), dotted(7), "--since", "2026-11-01")

    assert done.exit_code == 0
    assert habilis("renumber", dotted(0), dotted(8), "--since", "2026-11-01").exit_code == 3
    assert habilis("renumber", dotted(7), dotted(1), "--since", "2026-11-01").exit_code == 3
    assert habilis("renumber", dotted(7), "0123456789", "--since", "2026-11-01").exit_code == 2
    assert habilis("renumber", dotted(7), dotted(8), "--since", "01-11-2026").exit_code == 2


def test_show_says_what_is_known_of_an_enterprise_and_which_functions_represent_it(habilis, tmp_path):
    no_extract_yet = habilis("show", dotted(0))
    habilis("import", Extract.of(0).zip(tmp_path))
    told = feed(tmp_path, held(0, ssin="58000000549"), held(0, "XCURA", ssin="58000000549"), number=1,
                produced_at=LONG_AGO)  # fmt: skip
    habilis("functions", told)

    words = habilis("show", dotted(0)).output
    document = json.loads(habilis("show", number(0), "--at", "2026-11-01", "--json").output)

    assert no_extract_yet.exit_code == 2
    assert "active, situation 000 (normal), form 610\n  name: Entreprise 0\n  represents: XADMI" in words
    assert (document["at"], document["extractNumber"], document["names"]) == (
        "2026-11-01", 1, ["Entreprise 0"],
    )  # fmt: skip
    [power] = document["representatives"]
    assert (power["code"], power["from"], power["to"], power["suspended"]) == (
        "XADMI", "2015-01-01", None, None,
    )  # fmt: skip
    assert "58000000549" not in words + json.dumps(document)


def test_show_says_what_is_wrong_with_a_question(habilis, tmp_path):
    habilis("import", Extract.of(0).zip(tmp_path))

    assert habilis("show", dotted(1)).exit_code == 3
    for wrong in (
        ("0123456789",),
        (dotted(0), "--at", "01-11-2026"),
        (dotted(0), "--at", "2026-10-01"),
        (dotted(0), "--at", "9999-01-01"),
        (dotted(0), "--as-known-on", "2026-10-01"),
    ):
        answer = habilis("show", *wrong)
        assert (answer.exit_code, bool(answer.stderr.strip())) == (2, True), wrong
