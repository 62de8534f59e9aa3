"""Numbers, whatever they are."""

import contextlib
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from iam.kernel.numbers import EnterpriseNumber, EstablishmentNumber, InvalidNumber
from iam.kernel.ssin import FingerprintKeys, InvalidSsin, Ssin, holds_ssin, is_ssin

TODAY = date(2026, 11, 24)
KEYS = FingerprintKeys("1", b"k" * 32)


def checked(eight: int) -> str:
    return f"{eight:08d}{97 - eight % 97:02d}"


enterprise_numbers = st.integers(0, 19_999_999).map(checked)
establishment_numbers = st.integers(20_000_000, 89_999_999).map(checked)
digits = st.text("0123456789", min_size=10, max_size=10)


@given(digits)
def test_inv_01_a_number_is_accepted_if_and_only_if_the_rule_holds(text):
    rule = text[0] in "01" and int(text[8:]) == 97 - int(text[:8]) % 97

    try:
        accepted = EnterpriseNumber(text).digits == text
    except InvalidNumber:
        accepted = False

    assert accepted == rule


@given(enterprise_numbers, st.integers(0, 9), st.integers(1, 9))
def test_inv_01_one_wrong_digit_is_always_noticed(number, place, shift):
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]

    try:
        accepted = EnterpriseNumber(wrong)
    except InvalidNumber:
        return
    raise AssertionError(accepted)


@given(establishment_numbers)
def test_inv_02_an_establishment_is_no_enterprise(number):
    assert EstablishmentNumber.parse(EstablishmentNumber(number).dotted).digits == number
    with pytest.raises(InvalidNumber, match="establishment"):
        EnterpriseNumber.parse(number)


@given(
    enterprise_numbers,
    st.lists(st.sampled_from(["", " ", ".", "-", "/", "\u00a0", "\u202f"]), min_size=10, max_size=10),
    st.sampled_from(["", "BE", "be ", "Be."]),
)
def test_inv_03_writing_and_reading_again_is_identity(number, marks, prefix):
    written = prefix + "".join(mark + digit for mark, digit in zip(marks, number, strict=True))

    assert EnterpriseNumber.parse(written) == EnterpriseNumber(number)
    assert EnterpriseNumber.parse(EnterpriseNumber(number).dotted).digits == number


@given(enterprise_numbers.filter(lambda number: number[0] == "0"))
def test_inv_03_the_old_nine_digits_mean_the_same(number):
    assert EnterpriseNumber.parse(number[1:]) == EnterpriseNumber(number)


@given(st.text(max_size=40))
def test_inv_01_any_text_is_a_number_or_refused(text):
    with contextlib.suppress(InvalidNumber):
        number = EnterpriseNumber.parse(text)
        assert EnterpriseNumber.parse(number.dotted) == number


births = st.dates(date(1900, 1, 1), TODAY)


@st.composite
def ssins(draw):
    """A number of somebody born on a real day, NRN or BIS."""
    born = draw(births)
    month = born.month + draw(st.sampled_from([0, 20, 40]))
    counter = draw(st.integers(1, 998))
    nine = f"{born.year % 100:02d}{month:02d}{born.day:02d}{counter:03d}"
    prefix = "2" if born.year >= 2000 else ""
    return f"{nine}{97 - int(prefix + nine) % 97:02d}"


@given(ssins())
def test_inv_04_every_number_that_can_be_given_out_is_accepted(number):
    assert is_ssin(number, TODAY)


@given(ssins(), st.integers(9, 10), st.integers(1, 9))
def test_inv_04_a_wrong_check_digit_is_noticed(number, place, shift):
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    # The other century may make it right by chance.
    assume(int(wrong[9:]) != 97 - int("2" + wrong[:9]) % 97)
    assume(int(wrong[9:]) != 97 - int(wrong[:9]) % 97)

    assert not is_ssin(wrong, TODAY)


@given(ssins())
def test_inv_06_neither_repr_nor_fingerprint_shows_the_number(number):
    ssin = Ssin(number, TODAY)
    (fingerprint,) = KEYS.of(ssin)

    assert number not in repr(ssin) + repr(fingerprint) + fingerprint.digest.hex()
    assert KEYS.of(Ssin(number, TODAY)) == (fingerprint,)


@given(ssins(), st.lists(st.sampled_from(["", " ", ".", "-", "/"]), min_size=11, max_size=11))
def test_inv_06_a_number_in_a_text_is_found(number, marks):
    written = "".join(digit + mark for digit, mark in zip(number, marks, strict=True))

    assert holds_ssin(f"Bonjour, 3 {written} merci", TODAY)


@given(st.text(max_size=30))
def test_inv_04_any_text_is_a_number_or_refused_without_being_repeated(text):
    with contextlib.suppress(InvalidSsin):
        assert is_ssin(Ssin(text, TODAY).reveal(), TODAY)
        return
    with pytest.raises(InvalidSsin, match=r"^not a national number$"):
        Ssin(text, TODAY)
