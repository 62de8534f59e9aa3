"""The shipped JSON Schema and our reader accept and refuse the same lines."""

import json
from datetime import date, datetime
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from iam.bce.functions.lines import BadLine, FeedKind, read_header, read_line
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.ssin import FingerprintKeys, is_ssin

TODAY = date(2026, 11, 24)
KEYS = FingerprintKeys("1", b"k" * 32)
SCHEMA = json.loads((files("iam.bce") / "reference" / "functions-feed.schema.json").read_text("utf-8"))
FORMATS = FormatChecker(formats=())


@FORMATS.checks("enterprise-number", ValueError)
def _enterprise_number(value):
    return bool(EnterpriseNumber.parse(value)) if isinstance(value, str) else True


@FORMATS.checks("ssin")
def _ssin(value):
    return is_ssin(value, TODAY) if isinstance(value, str) else True


@FORMATS.checks("date", ValueError)
def _date(value):
    return bool(date.fromisoformat(value)) if isinstance(value, str) else True


@FORMATS.checks("date-time", ValueError)
def _instant(value):
    return bool(datetime.fromisoformat(value)) if isinstance(value, str) else True


def validator(name):
    return Draft202012Validator(
        {**{key: SCHEMA[key] for key in ("$schema", "$defs")}, "$ref": f"#/$defs/{name}"},
        format_checker=FORMATS,
    )


READERS = {
    "header": read_header,
    "fullLine": lambda raw: read_line(raw, FeedKind.FULL, KEYS, TODAY),
    "updateLine": lambda raw: read_line(raw, FeedKind.UPDATE, KEYS, TODAY),
}


def reads(name, document):
    try:
        READERS[name](json.dumps(document).encode())
    except BadLine:
        return False
    return True


def test_the_schema_is_one_and_describes_each_kind_of_line():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["oneOf"] == [{"$ref": f"#/$defs/{name}"} for name in READERS]


# Values of another kind, for any place.
ANYTHING = st.sampled_from([None, True, 0, -1, 3, 3.0, 2.5, 1 << 31, "", "x", [], {}, ["full"], 20261231])
GOOD_NUMBER, GOOD_SSIN = "1900000069", "58000000549"
NUMBERS = st.sampled_from(
    [GOOD_NUMBER, "1900.000.069", "1900000070", "BE1900000069", "2000000042", "1900.00.0069"]
)
SSINS = st.sampled_from([GOOD_SSIN, "58000000548", "58.00.00-005.49", "99999999999", 58000000549])
DAYS = st.sampled_from(["2015-04-01", "2015-02-29", "20150401", "2015-W01-1", "01-04-2015"])
LAST_DAYS = st.sampled_from([None, "2026-12-31", "2027-02-30", "31-12-2026", 20261231])
CODES = st.sampled_from(["XADMI", "X", "0", "X ADM", "XADMIN", "É", "", 7])
INSTANTS = st.sampled_from(
    [
        "2026-11-24T05:00:00Z", "2026-11-24T05:00:00.5+01:00", "2026-11-24T05:00:00", "2026-11-24",
        "2026-13-24T05:00:00Z", "20261124T050000Z", 1,
    ]
)  # fmt: skip


@st.composite
def near(draw, good, others):
    """A good object, of which a few members are other values, one is missing, or one is not known."""
    made = dict(good)
    for name in draw(st.lists(st.sampled_from(sorted(good)), max_size=2)):
        made[name] = draw(others[name] | ANYTHING)
    dropped = draw(st.sampled_from([None, None, None, *sorted(good)]))
    made.pop(dropped, None)
    if draw(st.integers(0, 9)) == 9:
        made["more"] = 1
    return made


PERSON = near({"ssin": GOOD_SSIN}, {"ssin": SSINS})
HOLDERS = st.one_of(
    PERSON,
    near({"enterpriseNumber": GOOD_NUMBER}, {"enterpriseNumber": NUMBERS}),
    near(
        {"enterpriseNumber": GOOD_NUMBER, "permanentRepresentative": {"ssin": GOOD_SSIN}},
        {"enterpriseNumber": NUMBERS, "permanentRepresentative": PERSON},
    ),
)
GOOD_FUNCTION = {"function": "XADMI", "holder": {"ssin": GOOD_SSIN}, "from": "2015-04-01", "to": None}
OTHER_FUNCTION = {"function": CODES, "holder": HOLDERS, "from": DAYS, "to": LAST_DAYS}
COUNTS = st.integers(0, 100)
DOCUMENTS = {
    "header": near(
        {
            "feed": "functions", "version": 1, "number": 3, "kind": "full",
            "producedAt": "2026-11-24T05:00:00Z", "functions": 2,
        },
        {
            "feed": st.sampled_from(["appointments", 1]),
            "version": st.sampled_from([2, "1", 1.0, True]),
            "number": COUNTS,
            "kind": st.sampled_from(["update", "incremental"]),
            "producedAt": INSTANTS,
            "functions": COUNTS,
        },
    ),
    "fullLine": near(
        {"enterpriseNumber": GOOD_NUMBER, **GOOD_FUNCTION}, {"enterpriseNumber": NUMBERS, **OTHER_FUNCTION}
    ),
    "updateLine": near(
        {"enterpriseNumber": GOOD_NUMBER, "functions": [GOOD_FUNCTION]},
        {
            "enterpriseNumber": NUMBERS,
            "functions": st.lists(near(GOOD_FUNCTION, OTHER_FUNCTION), max_size=2),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_they_agree_on_every_line(name):
    seen = set()
    schema = validator(name)

    @settings(max_examples=400)
    @given(DOCUMENTS[name] | ANYTHING)
    def agree(document):
        valid = schema.is_valid(document)
        assert reads(name, document) == valid, document
        seen.add(valid)

    agree()
    assert seen == {True, False}, "both were tried"


def test_what_no_schema_can_say_the_reader_still_refuses():
    document = {
        "enterpriseNumber": "1900000069", "function": "XADMI", "holder": {"ssin": "58000000549"},
        "from": "2015-04-01", "to": "2015-03-31",
    }  # fmt: skip
    assert validator("fullLine").is_valid(document)
    assert not reads("fullLine", document)
    assert not reads("fullLine", {**document, "to": "9999-12-31"})
