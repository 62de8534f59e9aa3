"""Every habit of the official files and every rule of the register has a test that carries its letter or number.

A test of the made-up country does not count: it says what is in its files, and nothing of what is made of them.
"""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
QUIRKS = {
    "a": "languages of names: 0 unknown, 1 French, 2 Dutch, 3 German, 4 English",
    "b": "no seat for natural persons, no main activity for many, at least one name, up to ten",
    "c": "rows that are there twice",
    "d": "one text in both columns of an address, in whatever language",
    "e": "addresses abroad without postcode or house number",
    "f": "an address struck off ex officio is kept",
    "g": "the form as to be read goes before the registered one",
    "h": "files that are absent or hold their header only",
    "i": "ways to reach somebody in any writing, of kinds that the code table lacks",
    "j": "natural persons are found by number alone",
    "k": "a start after the snapshot",
    "l": "a natural person's enterprise that returns under its number with another start",
    "m": "the misprints of the cookbook: a column twice, the form of dates",
}
RULES = {
    1: "an enterprise number: ten digits, first 0 or 1, its check digits",
    2: "an establishment number; that of a branch chooses nothing",
    3: "the usual writings are one number, written dotted",
    4: "a national number, and none that cannot be",
    5: "one number an entity and one entity a number; a change of number keeps offices and grants",
    6: "random keys, and a national number nowhere",
    7: "the name to show, by the official codes of languages",
    8: "empty is absent, dates in one form, bad rows set aside, too many or a wrong header reject",
    9: "deletes before inserts, one transaction, a crash leaves one extract whole",
    10: "an update onto the one before only, a replay changes nothing, a gap stops",
    11: "a full extract is an earlier one and the updates between",
    12: "what belongs to whoever goes, goes too",
    13: "vanishing and returning once each, nothing of the past deleted",
    14: "too many that vanish wait for a person",
    15: "memory does not grow with the file",
    16: "the same row twice neither raises nor shows twice",
    17: "nobody waits for an import, and an answer says on which extract it stands",
    18: "a legal function that represents for the form, or a dossier",
    19: "days begin and end it without anybody's write",
    20: "an enterprise in a function is its permanent representative in it, and nobody further",
    21: "a name alone makes nobody a representative",
    22: "the natural person alone represents his own enterprise",
    23: "a source that is silent too long: those known stay, nobody new is appointed",
    24: "in a controlled situation the liquidator or curator takes over",
}


def _names() -> list[str]:
    return [
        each.name
        for path in sorted(TESTS.rglob("test_*.py"))
        if not path.name.startswith("test_synthetic_")
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name.startswith("test_")
    ]


NAMES = _names()
LETTERS = {letter for name in NAMES for letter in re.findall(r"quirk_([a-z])(?=_)", name)}
NUMBERS = {int(number) for name in NAMES for number in re.findall(r"inv_(\d+)(?=_)", name)}


def test_letters_and_numbers_are_those_there_are():
    assert "".join(QUIRKS) == "abcdefghijklm"
    assert list(RULES) == list(range(1, 25))
    assert set(QUIRKS) >= LETTERS, "a letter that stands for nothing"
    assert max(NUMBERS) <= 74, "a number that stands for nothing"


@pytest.mark.parametrize("letter", QUIRKS)
def test_every_habit_of_the_files_has_a_test_that_carries_its_letter(letter):
    assert letter in LETTERS, QUIRKS[letter]


@pytest.mark.parametrize("number", RULES)
def test_every_rule_of_the_register_has_a_test_that_carries_its_number(number):
    assert number in NUMBERS, RULES[number]
