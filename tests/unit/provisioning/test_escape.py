"""Escaping against the sentences of the RFCs, without a server."""

import pytest

from provisioning.escape import filter_value, name, rdn_value


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("1900000069", "1900000069"),
        ("1900000069:permits-file", "1900000069:permits-file"),
        ('James "Jim" Smith, III', 'James \\"Jim\\" Smith\\, III'),
        ("#start", "\\#start"),
        ("not#start", "not#start"),
        (" ", "\\20"),
        (" a ", "\\20a\\20"),
        ("a b", "a b"),
        ("a=b+c;d<e>f\\g", "a\\=b\\+c\\;d\\<e\\>f\\\\g"),
        ("\x00", "\\00"),
        ("line\nfeed\r\x7f", "line\\0afeed\\0d\\7f"),
        ("Lučić", "Lučić"),
    ],
)
def test_rfc_4514_2_4_a_value_in_a_name(value, escaped):
    assert escaped == rdn_value(value)


def test_an_empty_value_is_no_name():
    with pytest.raises(ValueError, match="empty"):
        rdn_value("")


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        (
            "Parens R Us (for all your parenthetical needs)",
            "Parens R Us \\28for all your parenthetical needs\\29",
        ),
        ("*", "\\2a"),
        ("C:\\MyFile", "C:\\5cMyFile"),
        ("\x00\x00\x00\x04", "\\00\\00\\00\\04"),
        ("Lučić", "Lu\\c4\\8di\\c4\\87"),
        ("", ""),
        ("plain-1.2_3", "plain-1.2_3"),
    ],
)
def test_rfc_4515_4_a_value_in_a_filter(value, escaped):
    assert escaped == filter_value(value)


def test_a_name_is_built_inside_out():
    assert name(("uid", "a,b"), ("ou", "people"), base="dc=x") == "uid=a\\,b,ou=people,dc=x"
