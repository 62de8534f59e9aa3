"""The lines of a feed of functions: what is understood, and that a refusal never repeats a value."""

import json
from datetime import UTC, date, datetime

import pytest

from iam.bce.functions.lines import BadLine, FeedKind, read_header, read_line
from iam.bce.functions.port import Mark
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.kernel.ssin import FingerprintKeys, Ssin

FULL, UPDATE = FeedKind.FULL, FeedKind.UPDATE
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
FUNCTION = {name: value for name, value in LINE.items() if name != "enterpriseNumber"}
HEADER = {
    "feed": "functions", "version": 1, "number": 3, "kind": "full", "producedAt": "2026-11-24T05:00:00Z",
    "functions": 2,
}  # fmt: skip


def line(**changes):
    return json.dumps({**LINE, **changes}).encode()


def update(*functions, number="1900000069"):
    return json.dumps({"enterpriseNumber": number, "functions": functions}).encode()


def one(raw, keys=KEYS):
    told = read_line(raw, FULL, keys, TODAY)
    (held,) = told.functions
    return told, held


def test_a_function_of_a_person():
    told, held = one(line())

    (fingerprint,) = KEYS.of(Ssin(CANARY, TODAY))
    assert told.number == EnterpriseNumber("1900000069")
    assert held.by_number == Mark(current=fingerprint)
    assert held.by_enterprise is held.permanent is held.by_person is None
    assert held.period == Period.of_days(date(2015, 4, 1), date(2026, 12, 31))


def test_a_function_of_an_enterprise_with_its_permanent_representative():
    holder = {"enterpriseNumber": "1900000168", "permanentRepresentative": {"ssin": CANARY}}

    _, held = one(line(holder=holder, to=None))

    assert held.by_number is None
    assert held.by_enterprise == EnterpriseNumber("1900000168")
    assert held.permanent == Mark(current=KEYS.of(Ssin(CANARY, TODAY))[0])
    assert held.period.end is None


def test_both_keys_of_a_rotation_are_told():
    _, held = one(line(), FingerprintKeys("2", b"n" * 32, "1", b"k" * 32))

    assert held.by_number.current.key_id == "2"
    assert held.by_number.before == KEYS.of(Ssin(CANARY, TODAY))[0]


def test_an_update_tells_all_functions_of_an_enterprise_at_once():
    told = read_line(update(FUNCTION, {**FUNCTION, "function": "XPRES"}), UPDATE, KEYS, TODAY, 7)

    assert (told.number, told.line) == (EnterpriseNumber("1900000069"), 7)
    assert [held.code for held in told.functions] == ["XADMI", "XPRES"]
    assert read_line(update(), UPDATE, KEYS, TODAY).functions == ()


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"holder": {"ssin": "58000000549"}, ', "json"),
        (b'["58000000549"]', "members"),
        (b"\xff\xfe58000000549", "json"),
        (json.dumps(LINE).encode("utf-16"), "json"),
        (b"[" * 100_000, "json"),
        (line(name="58000000549"), "members"),
        (line(**{"58000000549": 1}), "members"),
        (line(holder={"ssin": "58000000548"}), "holder.ssin"),
        (line(holder={"ssin": 58000000549}), "holder.ssin"),
        (line(holder={"ssin": CANARY, "name": "Luc"}), "holder"),
        (line(holder=CANARY), "holder"),
        (line(holder={"permanentRepresentative": {"ssin": CANARY}}), "holder"),
        (line(holder={"enterpriseNumber": CANARY}), "holder.enterpriseNumber"),
        (line(holder={}), "holder"),
        (line(holder={"enterpriseNumber": "1900000168", "name": "Luc"}), "holder"),
        (
            line(
                holder={"enterpriseNumber": "1900000168", "permanentRepresentative": {"ssin": "58000000548"}}
            ),
            "holder.permanentRepresentative.ssin",
        ),
        (line(holder={"enterpriseNumber": "1900000168", "permanentRepresentative": CANARY}), "holder"),
        (line(enterpriseNumber=CANARY), "enterpriseNumber"),
        (line(enterpriseNumber="BE 1900.000.069"), "enterpriseNumber"),
        (line(enterpriseNumber="1900000070"), "enterpriseNumber"),
        (line(holder={"ssin": "58.00.00-005.49"}), "holder.ssin"),
        (line(function="X ADMI"), "function"),
        (line(function="X" * 6), "function"),
        (line(function=CANARY), "function"),
        (line(**{"from": "01-04-2015"}), "from"),
        (line(**{"from": "20150401"}), "from"),
        (line(**{"from": "2015-02-29"}), "from"),
        (line(to="2015-03-01"), "to"),
        (line(to=CANARY), "to"),
        (line(to=20261231), "to"),
        (line(to="9999-12-31"), "to"),
    ],
)
def test_inv_06_a_bad_line_is_told_by_its_field_alone(raw, field):
    with pytest.raises(BadLine) as refused:
        read_line(raw, FULL, KEYS, TODAY)

    assert str(refused.value) == field
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (line(), "members"),
        (update("58000000549"), "functions[0]"),
        (update(FUNCTION, {**FUNCTION, "holder": {"ssin": "58000000548"}}), "functions[1].holder.ssin"),
        (update({**FUNCTION, "name": CANARY}), "functions[0].members"),
        (update(LINE), "functions[0].members"),
        (b'{"enterpriseNumber": "1900000069"}', "functions"),
        (b'{"enterpriseNumber": "1900000069", "functions": {}}', "functions"),
    ],
)
def test_inv_06_a_bad_enterprise_of_an_update_is_told_by_its_field_alone(raw, field):
    with pytest.raises(BadLine) as refused:
        read_line(raw, UPDATE, KEYS, TODAY)

    assert str(refused.value) == field
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_bad_line_still_says_which_enterprise_it_is_about_where_that_can_be_read():
    """So that the enterprise can be left as it is."""
    for raw, number in (
        (line(to="2015-03-01"), EnterpriseNumber("1900000069")),
        (line(more=1), EnterpriseNumber("1900000069")),
        (line(enterpriseNumber="1900000070"), None),
        (b"{", None),
    ):
        with pytest.raises(BadLine) as refused:
            read_line(raw, FULL, KEYS, TODAY)
        assert refused.value.number == number


def test_the_header_says_what_the_feed_is():
    header = read_header(json.dumps(HEADER).encode())

    assert (header.kind, header.number, header.lines) == (FULL, 3, 2)
    assert header.produced_at == datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"feed": "appointments"}, "feed"),
        ({"version": 2}, "version"),
        ({"version": True}, "version"),
        ({"kind": "incremental"}, "kind"),
        ({"number": "3"}, "number"),
        ({"number": True}, "number"),
        ({"kind": ["full"]}, "kind"),
        ({"functions": -1}, "functions"),
        ({"functions": 1 << 31}, "functions"),
        ({"number": 2.5}, "number"),
        ({"producedAt": "2026-11-24T05:00:00"}, "producedAt"),
        ({"producedAt": "yesterday"}, "producedAt"),
        ({"producedAt": "2026-11-24"}, "producedAt"),
        ({"producedAt": "2026-13-24T05:00:00Z"}, "producedAt"),
        ({"more": 1}, "members"),
    ],
)
def test_a_bad_header_is_told_by_its_field(changes, field):
    with pytest.raises(BadLine, match=field):
        read_header(json.dumps({**HEADER, **changes}).encode())
