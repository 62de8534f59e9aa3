"""Which addresses are taken: those to which a mail can be sent, and no other."""

from datetime import date

import pytest

from iam.kernel.email import normal_address

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  Anne.Servais@Exemple.BE ", "anne.servais@exemple.be"),
        ("anne+primes@mail.exemple.be", "anne+primes@mail.exemple.be"),
        ("o'neill_1@exemple-sa.be", "o'neill_1@exemple-sa.be"),
        ("a" * 64 + "@exemple.be", "a" * 64 + "@exemple.be"),
        ("a@" + "b" * 63 + ".be", "a@" + "b" * 63 + ".be"),
    ],
)
def test_an_address_is_kept_in_lower_case(text, kept):
    assert normal_address(text, TODAY) == kept


@pytest.mark.parametrize(
    "text",
    [
        "", "anne", "anne@", "@exemple.be", "anne@exemple", "a b@exemple.be", "anne@exemple.be, x@y.be",
        "anne..servais@exemple.be", ".anne@exemple.be", "anne.@exemple.be", "anne@exemple..be", "anne@.be",
        "anne@-exemple.be", "anne@exemple-.be", "andré@exemple.be", "anne@exemplé.be", '"anne"@exemple.be',
        "anne@exemple.be\nBcc: x@y.be", "a\u202e@exemple.be", "a\u200b@exemple.be", "a\x85@exemple.be",
        "<anne@exemple.be>", "a" * 65 + "@exemple.be", "a@" + "b" * 64 + ".be",
        "a@" + ".".join(["b" * 60] * 5) + ".be",
    ],
)  # fmt: skip
def test_what_no_mail_reaches_is_none(text):
    assert normal_address(text, TODAY) is None


@pytest.mark.parametrize("text", ["71000000333@exemple.be", "karim.71.00.00-003.33@exemple.be"])
def test_inv_06_an_address_that_holds_a_national_number_is_none(text):
    assert normal_address(text, TODAY) is None
