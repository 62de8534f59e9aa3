"""Numbers of enterprises, establishment units and branches. Vectors: DOMAIN 8."""

import pytest

from iam.kernel.numbers import EnterpriseNumber, EstablishmentNumber, InvalidNumber

ENTERPRISES = (
    "0200065765",
    "0314595348",
    "0671516647",
    "0123456749",
    "1000000021",
    "1999999943",
    "0000009797",
)
ESTABLISHMENTS = ("2000000042", "2123456791", "8999999993")
BRANCH = "9000006626"


@pytest.mark.parametrize("digits", ENTERPRISES)
def test_inv_01_a_right_enterprise_number_is_accepted(digits):
    assert EnterpriseNumber.parse(digits).digits == digits


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("0123456789", "checksum"),
        ("0200065766", "checksum"),
        ("0123456700", "checksum"),
        ("2123456791", "establishment"),
        (BRANCH, "branch"),
        ("2123456792", "shape"),
        ("", "shape"),
        ("31459534", "shape"),
        ("03145953481", "shape"),
        ("0314595348 0", "shape"),
        ("NL0314595348", "shape"),
        ("0314.595.34x", "shape"),
        ("٠٣١٤٥٩٥٣٤٨", "shape"),
    ],
)
def test_inv_01_a_wrong_one_is_refused_and_says_in_which_way(text, fault):
    with pytest.raises(InvalidNumber) as refused:
        EnterpriseNumber.parse(text)

    assert refused.value.fault == fault


def test_inv_01_the_refusal_does_not_repeat_what_was_typed():
    with pytest.raises(InvalidNumber) as refused:
        EnterpriseNumber.parse("85073003328")

    assert "85073003328" not in str(refused.value)


@pytest.mark.parametrize("digits", ESTABLISHMENTS)
def test_inv_02_a_right_establishment_number_is_accepted(digits):
    number = EstablishmentNumber.parse(digits)

    assert number.digits == digits
    assert EstablishmentNumber.parse(number.dotted) == number


@pytest.mark.parametrize("text", [BRANCH, "9.000.006.626", "0314595348", "2123456792", "212345679", ""])
def test_inv_02_what_is_no_establishment_number_is_refused(text):
    """A branch id passes the checksum and is refused all the same."""
    with pytest.raises(InvalidNumber):
        EstablishmentNumber.parse(text)


def test_inv_02_a_branch_is_told_as_such():
    with pytest.raises(InvalidNumber) as refused:
        EstablishmentNumber.parse(BRANCH)

    assert refused.value.fault == "branch"


@pytest.mark.parametrize(
    "text",
    [
        "BE 0314.595.348", "be0314595348", "BE0314595348", "0314595348", "314595348", "BE314.595.348",
        " 0314 595 348 ", "0314-595-348", "0314/595/348", "0314\u00a0595\u202f348",
    ],
)  # fmt: skip
def test_inv_03_every_usual_writing_means_one_number(text):
    number = EnterpriseNumber.parse(text)

    assert number == EnterpriseNumber("0314595348")
    assert str(number) == "0314.595.348"


def test_the_canonical_form_alone_makes_a_number():
    with pytest.raises(InvalidNumber):
        EnterpriseNumber("0314.595.348")
