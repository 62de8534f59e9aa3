"""National numbers: which are accepted, and that they stay where they are. Vectors: DOMAIN 8."""

import copy
import pickle
from datetime import date

import pytest

from iam.kernel.ssin import FingerprintKeys, InvalidSsin, Ssin, holds_ssin, is_ssin

TODAY = date(2026, 11, 24)
GOOD = (
    "85073003328", "00010100105", "85473003317", "85273003371", "00000000196", "00400100184", "24022900164",
)  # fmt: skip
NUMBER = "85073003328"


@pytest.mark.parametrize("digits", GOOD)
def test_inv_04_a_right_number_is_accepted(digits):
    assert is_ssin(digits, TODAY)
    assert (
        Ssin(f"{digits[:2]}.{digits[2:4]}.{digits[4:6]}-{digits[6:9]}.{digits[9:]}", TODAY).reveal() == digits
    )


def _checked(nine: str, prefix: str = "") -> str:
    return f"{nine}{97 - int(prefix + nine) % 97:02d}"


@pytest.mark.parametrize(
    "digits",
    [
        "23022900143",
        "85073003329",
        _checked("850730000"),
        _checked("850730999"),
        _checked("851330033"),
        _checked("855330033"),
        _checked("850732033"),
        _checked("261125001", "2"),
        "8507300332",
        "850730033288",
        "8507300332a",
        "",
    ],
)
def test_inv_04_a_wrong_one_is_refused(digits):
    assert not is_ssin(digits, TODAY)
    with pytest.raises(InvalidSsin):
        Ssin(digits, TODAY)


def test_inv_04_counters_that_are_no_persons_are_fine_for_a_bis_number():
    assert is_ssin(_checked("852730000"), TODAY)
    assert is_ssin(_checked("852730999"), TODAY)


def test_inv_04_the_first_day_of_a_life_is_the_last_one_that_counts():
    born = _checked("261124001", "2")

    assert is_ssin(born, date(2026, 11, 24))
    assert not is_ssin(born, date(2026, 11, 23))


def test_inv_06_a_number_is_not_printed_pickled_copied_or_told_by_an_error():
    number = Ssin(NUMBER, TODAY)

    assert NUMBER not in repr(number) + str(number) + f"{number}"
    with pytest.raises(TypeError):
        pickle.dumps(number)
    with pytest.raises(TypeError):
        copy.copy(number)
    with pytest.raises(InvalidSsin) as refused:
        Ssin("85073003329", TODAY)
    assert "8507" not in str(refused.value)


def test_a_fingerprint_depends_on_the_key_and_shows_nothing():
    number = Ssin(NUMBER, TODAY)
    keys = FingerprintKeys("2", b"b" * 32, "1", b"a" * 32)

    now, before = keys.of(number)

    assert (now.key_id, before.key_id) == ("2", "1")
    assert now.digest != before.digest
    assert (before,) == FingerprintKeys("1", b"a" * 32).of(number)
    assert now.digest.hex() not in repr(now)
    assert "bbbb" not in repr(keys)


@pytest.mark.parametrize(
    "text",
    [
        "mon numéro est 85.07.30-033.28",
        "85073003328",
        "85 07 30 033 28.",
        "réf. 12 85.07.30-033.28",
        "1 85073003328",
        "85.07.30-033.28 5",
        "nr:85/07/30 033-28",
    ],
)
def test_inv_06_a_number_is_found_in_a_text_however_it_is_written(text):
    assert holds_ssin(text, TODAY)


@pytest.mark.parametrize("text", ["", "0314.595.348", "le 24/11/2026 à 9 h", "850730033281", "185073003328"])
def test_inv_06_other_figures_are_not_taken_for_one(text):
    assert not holds_ssin(text, TODAY)
