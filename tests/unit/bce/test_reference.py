"""The reference data, shipped and replaced; words for codes."""

import hashlib

import pytest

from iam.bce.labels import knows, label
from iam.bce.model import Consequence
from iam.bce.reference import InvalidReference, read
from iam.kernel.language import Language

GROUPS = {
    Consequence.NORMAL: "000 001 002 003 090 100",
    Consequence.WATCH: "020 030 031 040 041 042 043 091",
    Consequence.CONTROLLED: "010 012 013 048 049 050 112",
    Consequence.TERMINAL: "006 011 014 015 016 017 018 019 021 022 023 024 025 026 051 052 053 111 999",
}


def test_every_official_situation_has_its_consequence():
    situations = read().situations

    for consequence, codes in GROUPS.items():
        assert {situations[code] for code in codes.split()} == {consequence}
    assert all(knows("JuridicalSituation", code) for code in situations if code != "*")
    assert len(situations) == 40 + 1


def test_a_situation_unheard_of_suspends_directors():
    assert read().situations["*"] is Consequence.CONTROLLED


def test_shipped_codes_are_marked_as_ours_and_every_rule_has_its_function():
    book = read()

    codes = {each.code for each in book.functions}
    assert all(code.startswith("X") and len(code) == 5 for code in codes)
    assert {rule.function for rule in book.rules} <= codes
    assert all(
        set(each.labels) == {"fr", "de", "nl", "en"} and all(each.labels.values()) for each in book.functions
    )
    assert all(rule.source for rule in book.rules)
    assert all(knows("JuridicalForm", rule.form) for rule in book.rules if rule.form.isdigit())


def test_a_folder_replaces_the_files_it_holds(tmp_path):
    (tmp_path / "situations.csv").write_text("code,consequence\n000,normal\n")

    book = read(tmp_path)

    assert dict(book.situations) == {"000": Consequence.NORMAL}
    assert book.rules == read().rules


@pytest.mark.parametrize(
    "row", ["XADMI,*,perhaps,no,2000-01-01,,me", "XADMI,*,alone,no,01-01-2000,,me", "XADMI,*,alone"]
)
def test_a_wrong_line_is_named(tmp_path, row):
    (tmp_path / "representation.csv").write_text(
        f"function,form,represents,controlled,valid_from,valid_to,source\n{row}\n"
    )

    with pytest.raises(InvalidReference, match=r"representation.csv, line 2"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("category", "code", "language", "expected"),
    [
        ("JuridicalForm", "610", Language.FR, "Société à responsabilité limitée"),
        ("JuridicalForm", "610", Language.NL, "Besloten Vennootschap"),
        ("JuridicalForm", "610", Language.DE, "Gesellschaft mit beschränkter Haftung"),
        ("JuridicalForm", "610", Language.EN, "Société à responsabilité limitée"),
        ("TypeOfDenomination", "001", Language.DE, "Dénomination"),
        ("TypeOfDenomination", "004", Language.FR, "Dénomination de la succursale"),
        ("Language", "0", Language.FR, "inconnu"),
        ("Language", "1", Language.FR, "français"),
        ("Language", "2", Language.FR, "néerlandais"),
        ("Language", "3", Language.FR, "allemand"),
        ("Language", "4", Language.FR, "anglais"),
        ("JuridicalForm", "no such", Language.FR, "no such"),
    ],
)
def test_inv_07_the_official_words_in_the_language_or_the_next_best(category, code, language, expected):
    assert label(category, code, language) == expected


HEADER = "function,form,represents,controlled,valid_from,valid_to,source\n"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["XADMI,*,alone,no,2020-01-01,2020-12-31,a", "XADMI,*,no,no,2020-12-31,,b"], "on 2020-12-31"),
        (["XADMI,*,alone,no,2020-01-01,,a", "XADMI,*,no,no,2026-01-01,,b"], "on 2026-01-01"),
        (["12345,*,alone,no,2020-01-01,,a"], "12345 is not in functions.csv"),
    ],
)
def test_a_table_that_answers_twice_or_about_a_function_nobody_knows_is_refused(tmp_path, rows, said):
    (tmp_path / "representation.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))

    with pytest.raises(InvalidReference, match=said):
        read(tmp_path)


def test_days_that_meet_and_forms_apart_are_no_contradiction(tmp_path):
    (tmp_path / "representation.csv").write_text(
        f"{HEADER}XADMI,*,alone,no,2020-01-01,2020-12-31,a\nXADMI,*,no,no,2021-01-01,,b\n"
        "XADMI,017,jointly,no,2020-01-01,,c\n"
    )

    assert len(read(tmp_path).rules) == 3


def test_one_file_is_a_rule_table_and_each_file_is_known_by_its_digest(tmp_path):
    table = tmp_path / "any-name.csv"
    table.write_text(f"{HEADER}XADMI,*,alone,no,2020-01-01,,a\n")

    book, shipped = read(table), read()

    assert len(book.rules) == 1
    assert book.functions == shipped.functions
    assert book.files["representation.csv"] == hashlib.sha256(table.read_bytes()).hexdigest()
    assert book.files["situations.csv"] == shipped.files["situations.csv"]
    assert (book.named, shipped.named) == (True, False)
