"""What may be a message at all."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam.notify.letterhead import Letterhead
from iam.notify.model import Link, UnfitMessage
from tests.support.mail import LETTERHEAD, message

TODAY = date(2026, 11, 24)
# month and day unknown: nobody's number
NUMBER = "71000000333"
BREAKS = ["\r", "\n", "\r\n", "\x00", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("end", BREAKS)
@pytest.mark.parametrize("part", ["key", "address", "subject"])
def test_a_line_break_in_a_header_is_refused(part, end):
    fine = message()

    with pytest.raises(UnfitMessage) as refused:
        message(**{part: f"{getattr(fine, part)}{end}Bcc: all@exemple.be"})

    assert part == refused.value.part
    assert "Bcc" not in str(refused.value)


@pytest.mark.parametrize("end", BREAKS)
def test_a_line_break_in_the_letterhead_is_refused(end):
    with pytest.raises(UnfitMessage):
        Letterhead(sender="a@exemple.be", product=f"Mon{end}Espace", public_url="", telephone="", mail="")
    with pytest.raises(UnfitMessage):
        Letterhead(sender=f"a{end}@exemple.be", product="Mon Espace", public_url="", telephone="", mail="")


@pytest.mark.parametrize(
    "address",
    [
        "", "karim", "@exemple.be", "karim@", "a@b@exemple.be", "a b@exemple.be", "a@exemple .be",
        "a@exemple.be,b@exemple.be", "a@exemple.be;b@exemple.be", "<a@exemple.be>", "A <a@exemple.be>",
        '"a"@exemple.be', "a..b@exemple.be", ".a@exemple.be", "a.@exemple.be", "a(b)@exemple.be",
        "=?utf-8?q?a=0d=0aBcc?=@exemple.be", "a@exemple..be", f"{'a' * 65}@exemple.be",
        f"a@{'b.' * 130}be", "a@[127.0.0.1]", "été@exemple.be",
    ],
)  # fmt: skip
def test_what_is_not_one_plain_address_is_refused(address):
    with pytest.raises(UnfitMessage):
        message(address=address)


@pytest.mark.parametrize("address", ["karim@exemple.be", "a+b_c-d.e@sous.exemple.be", "info@bücher.example"])
def test_a_plain_address_is_accepted(address):
    assert address == message(address=address).address


@pytest.mark.parametrize(
    "path",
    [
        "",
        "x",
        "//evil.example",
        "/\\evil.example",
        "http://evil.example",
        "/a b",
        "/a\r\nb",
        "/a#b",
        "/a\\b",
        "/\u2028",
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(path):
    with pytest.raises(UnfitMessage):
        Link(label="Ouvrir", path=path)


@pytest.mark.parametrize("path", ["/", "/liens", "/demandes/1?onglet=a&b=c"])
def test_a_local_path_is_accepted(path):
    assert path == Link(label="Ouvrir", path=path).path


WRITINGS = [NUMBER, "71.00.00-003.33", "71 00 00 003 33", "71/00/00 003-33", f"x{NUMBER}y"]


@pytest.mark.parametrize("number", WRITINGS)
@pytest.mark.parametrize(
    "changes",
    [
        lambda n: {"subject": f"Pour {n}."},
        lambda n: {"paragraphs": ("Bonjour", f"Motif : {n}")},
        lambda n: {"facts": ((f"Rôle {n}", "x"),)},
        lambda n: {"facts": (("Rôle", n),)},
        lambda n: {"closing": (n,)},
        lambda n: {"link": Link(label=f"Ouvrir {n}", path="/x")},
        lambda n: {"link": Link(label="Ouvrir", path="/x", intent={"who": n})},
        lambda n: {"link": Link(label="Ouvrir", path="/x", intent={n: "who"})},
        lambda n: {"link": Link(label="Ouvrir", path=f"/x?n={n.replace(' ', '')}")},
        lambda n: {"key": f"event:{n}"},
        lambda n: {"address": f"p{n.replace(' ', '').replace('/', '')}@exemple.be"},
    ],
)
def test_inv_70_a_national_number_is_seen_wherever_it_stands(changes, number):
    assert message(**changes(number)).holds_national_number(TODAY)


def test_a_message_without_one_is_clean():
    clean = message(
        key="019b5710-0003-7100-8000-000333000000:karim",
        facts=(("Entreprise", "Menuiserie Dupont SRL (1900.000.069)"), ("Jusqu'au", "31 mars 2027")),
    )

    assert not clean.holds_national_number(TODAY)


def test_the_digits_of_an_identifier_of_ours_are_no_number_of_anybody():
    """The eleven digits below are a valid number when they stand alone."""
    identifier = "aa710000-0033-3abc-8000-00000000000a"

    assert not message(key=identifier).holds_national_number(TODAY)
    assert message(key="aa710000-0033-3").holds_national_number(TODAY)


@given(st.text())
def test_no_text_at_all_gets_a_second_line_into_a_header(subject):
    try:
        made = message(subject=subject)
    except UnfitMessage:
        return
    assert len(made.subject.splitlines()) == 1


def test_the_domain_is_that_of_the_sender():
    assert LETTERHEAD.domain == "habilis.test"
