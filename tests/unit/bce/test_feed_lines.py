"""The lines of a feed of functions: what is understood, and that a refusal never repeats a value."""

import json
from datetime import UTC, date, datetime

import pytest

from iam.bce.functions import BadLine, read_header, read_line
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.kernel.ssin import FingerprintKeys, Ssin

TODAY = date(2026, 11, 24)
KEYS = FingerprintKeys("1", b"k" * 32)
CANARY = "58000000549"
LINE = {
    "enterpriseNumber": "1900.000.069",
    "function": "XADMI",
    "holder": {"ssin": CANARY},
    "from": "2015-04-01",
    "to": "2026-12-31",
}
HEADER = {
    "feed": "functions", "version": 1, "number": 3, "kind": "full", "producedAt": "2026-11-24T05:00:00Z",
    "functions": 2,
}  # fmt: skip


def line(**changes):
    return json.dumps({**LINE, **changes}).encode()


def test_a_function_of_a_person():
    held = read_line(line(), KEYS, TODAY)

    (fingerprint,) = KEYS.of(Ssin(CANARY, TODAY))
    assert held.number == EnterpriseNumber("1900000069")
    assert held.holder == ("1", fingerprint.digest, None, None)
    assert held.holder_number is None
    assert held.permanent == (None, None, None, None)
    assert held.period == Period.of_days(date(2015, 4, 1), date(2026, 12, 31))


def test_a_function_of_an_enterprise_with_its_permanent_representative():
    holder = {"enterpriseNumber": "1900000168", "permanentRepresentative": {"ssin": CANARY}}

    held = read_line(line(holder=holder, to=None), KEYS, TODAY)

    assert held.holder == (None, None, None, None)
    assert held.holder_number == EnterpriseNumber("1900000168")
    assert held.permanent[0] == "1"
    assert held.period.end is None


def test_both_keys_of_a_rotation_are_told():
    held = read_line(line(), FingerprintKeys("2", b"n" * 32, "1", b"k" * 32), TODAY)

    assert held.holder[0] == "2"
    assert held.holder[2:] == ("1", KEYS.of(Ssin(CANARY, TODAY))[0].digest)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"holder": {"ssin": "58000000549"}, ', "json"),
        (b'["58000000549"]', "members"),
        (b"\xff\xfe58000000549", "json"),
        (b"[" * 100_000, "json"),
        (line(name="58000000549"), "members"),
        (line(**{"58000000549": 1}), "members"),
        (line(holder={"ssin": "58000000548"}), "holder.ssin"),
        (line(holder={"ssin": 58000000549}), "holder.ssin"),
        (line(holder={"ssin": CANARY, "name": "Luc"}), "holder"),
        (line(holder=CANARY), "holder"),
        (line(holder={"permanentRepresentative": {"ssin": CANARY}}), "holder"),
        (line(holder={"enterpriseNumber": CANARY}), "enterpriseNumber"),
        (
            line(
                holder={"enterpriseNumber": "1900000168", "permanentRepresentative": {"ssin": "58000000548"}}
            ),
            "holder.permanentRepresentative.ssin",
        ),
        (line(holder={"enterpriseNumber": "1900000168", "permanentRepresentative": CANARY}), "holder"),
        (line(enterpriseNumber=CANARY), "enterpriseNumber"),
        (line(function="X ADMI"), "function"),
        (line(function="X" * 6), "function"),
        (line(function=CANARY), "function"),
        (line(**{"from": "01-04-2015"}), "from"),
        (line(to="2015-03-01"), "to"),
        (line(to=CANARY), "to"),
        (line(to=20261231), "to"),
        (line(to="9999-12-31"), "to"),
    ],
)
def test_inv_06_a_bad_line_is_told_by_its_field_alone(raw, field):
    with pytest.raises(BadLine) as refused:
        read_line(raw, KEYS, TODAY)

    assert str(refused.value) == field
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_header_says_what_the_feed_is():
    header = read_header(json.dumps(HEADER).encode())

    assert (header.number, header.functions) == (3, 2)
    assert header.produced_at == datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"feed": "appointments"}, "feed"),
        ({"version": 2}, "feed"),
        ({"kind": "incremental"}, "kind"),
        ({"number": "3"}, "number"),
        ({"number": True}, "number"),
        ({"functions": -1}, "functions"),
        ({"producedAt": "2026-11-24T05:00:00"}, "producedAt"),
        ({"producedAt": "yesterday"}, "producedAt"),
        ({"more": 1}, "members"),
    ],
)
def test_a_bad_header_is_told_by_its_field(changes, field):
    with pytest.raises(BadLine, match=field):
        read_header(json.dumps({**HEADER, **changes}).encode())
