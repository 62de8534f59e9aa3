"""The sources of the small Wallonia: right numbers, the official dialect, the same on every machine."""

import json
import stat
import tomllib
from collections import Counter
from datetime import UTC, date, datetime

from demo.wallonia import enterprises, write, write_folder
from demo.wallonia.write import appointment_lines, extract, function_lines
from demo.world import PERSONAS
from iam.kernel.numbers import EnterpriseNumber, EstablishmentNumber
from iam.kernel.ssin import is_ssin

MADE = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


def test_every_number_is_right_and_improbable():
    for each in enterprises():
        assert EnterpriseNumber(each.number).digits.startswith("1900")
        assert all(EstablishmentNumber(unit) for unit, _ in each.establishments)
        for function in each.functions:
            for ssin in (function.ssin, function.permanent):
                assert ssin is None or (is_ssin(ssin, date(2026, 11, 24)) and ssin[2:6] == "0000")


def test_nobody_else_has_a_personas_number():
    personas = {entry["ssin"] for entry in tomllib.loads(PERSONAS.read_text(encoding="utf-8"))["persona"]}
    others = {
        ssin
        for each in enterprises()
        for function in each.functions
        for ssin in (function.ssin, function.permanent)
        if ssin is not None and ssin not in personas
    }

    assert len(others) > 20
    assert all(ssin.startswith("47") for ssin in others)


def test_there_are_forty_of_many_kinds():
    found = enterprises()

    assert len(found) >= 40
    assert len({each.number for each in found}) == len(found)
    assert {"610", "014", "017", "411", "412", "414", "070", "030", "388", "026", "702", ""} <= {
        each.form for each in found
    }
    assert Counter(each.type for each in found)["1"] >= 3
    assert {"000", "012", "050", "091"} <= {each.situation for each in found}


def test_the_dialect_is_the_official_one():
    files = extract(1)

    assert files["enterprise.csv"].splitlines()[1] == '"1900.000.069","AC","000","2","610",,02-03-1998'
    assert files["enterprise.csv"].splitlines()[5] == '"1900.000.465","AC","000","1",,,01-07-2016'
    assert files["establishment.csv"].splitlines()[1].startswith('"2.900.000.0')
    assert files["address.csv"].splitlines()[1].endswith('"12","","",')
    assert '"Régie communale autonome ""Valmont Sports"""' in files["denomination.csv"]
    assert '"ExtractType","full"' in files["meta.csv"]
    assert all("\r" not in text and text.endswith("\n") for text in files.values())


def test_the_second_extract_lacks_the_one_that_ceased():
    (ceased,) = [each for each in enterprises() if each.vanishes]
    dotted = f"{ceased.number[:4]}.{ceased.number[4:7]}.{ceased.number[7:]}"

    assert dotted in extract(1)["enterprise.csv"]
    assert dotted not in "".join(extract(2).values())


def test_it_is_the_same_everywhere_and_the_feeds_are_for_our_eyes_only(tmp_path):
    one, two = write(tmp_path / "a", MADE), write(tmp_path / "b", MADE)

    for first, second in zip(
        (*one.extracts, one.functions, one.appointments),
        (*two.extracts, two.functions, two.appointments),
        strict=True,
    ):
        assert first.read_bytes() == second.read_bytes()
    for feed in (one.functions, one.appointments):
        assert stat.S_IMODE(feed.stat().st_mode) == 0o600
    assert sorted(path.name for path in write_folder(2, tmp_path / "c").iterdir()) == sorted(extract(2))


def test_the_feed_counts_its_lines_and_a_later_one_has_a_higher_number():
    header, *functions = [json.loads(line) for line in function_lines(MADE)]
    later = json.loads(function_lines(MADE.replace(minute=1))[0])

    assert header["functions"] == len(functions)
    assert later["number"] > header["number"]


def test_the_appointments_are_those_of_the_story():
    known = [json.loads(line) for line in appointment_lines()]

    assert [(line["kind"], line["enterpriseNumber"], line["email"]) for line in known] == [
        ("gap", "1900000168", "paul@exemple.be"),
        ("gap", "1900000762", "katrin@exemple.be"),
        ("role", "1900001356", "hugo@exemple.be"),
        ("role", "1900001356", "ines@exemple.be"),
        ("role", "1900001356", "ruben@exemple.be"),
    ]
