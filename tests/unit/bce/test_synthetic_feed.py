"""Feeds of functions of the made-up country: who holds what, and what an update says of it."""

import json
import stat
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from iam.bce import reference
from iam.bce.synthetic import Plan, generate
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.ssin import is_ssin
from tests.support import open_data

MANY, DAYS = 2000, 6
SNAPSHOT = date(2026, 1, 2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    plan = Plan(enterprises=MANY, seed=5, days=DAYS, month=SNAPSHOT, activities=False, full_after=True)
    return generate(plan, tmp_path_factory.mktemp("feeds"))


@pytest.fixture(scope="module")
def enterprises(made):
    """Kind and situation by number, of the first full extract."""
    return {
        row[0].replace(".", ""): {"kind": row[3], "situation": row[2], "start": row[6]}
        for row in open_data.rows(made.extracts[0], "enterprise.csv")
    }


@pytest.fixture(scope="module")
def functions(made):
    return open_data.lines(made.feeds[0])[1]


def numbers_in(holder):
    """National numbers of a holder."""
    return [each["ssin"] for each in (holder, holder.get("permanentRepresentative", {})) if "ssin" in each]


def test_a_feed_says_what_it_is_and_how_many_lines_follow(made):
    heads = [open_data.lines(path) for path in made.feeds]

    assert [(head["number"], head["kind"]) for head, _ in heads] == [
        (1, "full"),
        *((number, kind) for number in range(2, DAYS + 2) for kind in ("update", "full")),
    ]
    for head, lines in heads:
        assert head.keys() == {"feed", "version", "number", "kind", "producedAt", "functions"}
        assert (head["feed"], head["version"], head["functions"]) == ("functions", 1, len(lines))
    assert datetime.fromisoformat(heads[0][0]["producedAt"]) == datetime(2026, 1, 4, 5, tzinfo=UTC)


def test_nobody_else_may_read_a_feed(made):
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.feeds} == {0o600}


def test_a_line_of_a_full_feed_is_a_function_and_of_an_update_an_enterprise(made, functions):
    for line in functions:
        assert line.keys() == {"enterpriseNumber", "function", "holder", "from", "to"}
    for path in made.feeds[1::2]:
        for line in open_data.lines(path)[1]:
            assert line.keys() == {"enterpriseNumber", "functions"}
            assert all(each.keys() == {"function", "holder", "from", "to"} for each in line["functions"])


def test_inv_04_holders_are_people_with_valid_numbers_that_nobody_has_or_enterprises_that_are_there(
    enterprises, functions
):
    for line in functions:
        assert EnterpriseNumber(line["enterpriseNumber"]).digits in enterprises
        for ssin in numbers_in(line["holder"]):
            assert is_ssin(ssin, SNAPSHOT)
            assert (int(ssin[2:4]) % 20, ssin[4:6] != "00") == (0, True)
        if "enterpriseNumber" in line["holder"]:
            assert enterprises[line["holder"]["enterpriseNumber"]]["kind"] == "2"
            assert line["holder"]["enterpriseNumber"] != line["enterpriseNumber"]


def test_codes_are_those_of_the_reference_data(functions):
    codes = Counter(line["function"] for line in functions)

    assert codes.keys() <= {each.code for each in reference.read().functions}
    assert {
        "XADMI",
        "XADMD",
        "XGERA",
        "XPRES",
        "XASSO",
        "XTITU",
        "XSYND",
        "XREPB",
        "XDELG",
        "XCOMM",
    } <= codes.keys()


def test_inv_22_natural_persons_represent_themselves_from_the_day_they_began(enterprises, functions):
    owners = {}
    for line in functions:
        if line["function"] == "XTITU":
            assert line["enterpriseNumber"] not in owners
            owners[line["enterpriseNumber"]] = line["holder"]["ssin"]
            began = enterprises[line["enterpriseNumber"]]["start"]
            assert line["from"] == f"{began[6:]}-{began[3:5]}-{began[:2]}"

    assert owners.keys() == {number for number, each in enterprises.items() if each["kind"] == "1"}
    assert len(set(owners.values())) == len(owners)


def test_legal_persons_have_two_or_three_functions(enterprises, functions):
    legal = {number for number, each in enterprises.items() if each["kind"] == "2"}
    held = Counter(line["enterpriseNumber"] for line in functions if line["enterpriseNumber"] in legal)

    assert 2 <= held.total() / len(legal) <= 3
    assert legal - held.keys(), "some have nobody"


def test_inv_20_some_holders_are_enterprises_with_and_without_a_permanent_representative(functions):
    by = Counter(
        ("enterpriseNumber" in line["holder"], "permanentRepresentative" in line["holder"])
        for line in functions
    )

    assert 0.03 < by[True, True] / by.total() < 0.10
    assert 0.002 < by[True, False] / by.total() < 0.03


def test_people_hold_functions_in_more_than_one_enterprise(functions):
    held = {}
    for line in functions:
        for ssin in numbers_in(line["holder"]):
            held.setdefault(ssin, set()).add(line["enterpriseNumber"])

    assert sum(len(each) > 1 for each in held.values()) > len(held) / 10


def test_inv_19_some_functions_have_ended_some_will_and_some_are_to_begin(functions):
    today = SNAPSHOT.isoformat()
    when = Counter(
        "ended" if line["to"] and line["to"] < today else "ends" if line["to"] else
        "begins" if line["from"] > today else "open"
        for line in functions
    )  # fmt: skip

    assert all(line["to"] is None or line["from"] <= line["to"] for line in functions)
    assert when["open"] > len(functions) * 0.8
    assert all(when[each] for each in ("ended", "ends", "begins"))


def test_inv_24_a_trustee_or_liquidator_is_where_the_situation_says_so(enterprises, functions):
    situations = {"XCURA": {"013", "048", "049", "050"}, "XLIQU": {"010", "012", "112"}}
    for code, wanted in situations.items():
        with_one = {line["enterpriseNumber"] for line in functions if line["function"] == code}
        assert with_one == {number for number, each in enterprises.items() if each["situation"] in wanted}
        assert with_one


def test_the_full_feed_after_a_day_is_the_first_one_and_the_updates(made):
    held = open_data.functions(made.feeds[0])
    for update, full in zip(made.feeds[1::2], made.feeds[2::2], strict=True):
        open_data.apply_functions(held, update)
        assert held == open_data.functions(full), update.name


def test_an_update_names_whoever_changed_and_nobody_else(made):
    before = open_data.functions(made.feeds[0])
    for update, full in zip(made.feeds[1::2], made.feeds[2::2], strict=True):
        after = open_data.functions(full)
        named = [line["enterpriseNumber"] for line in open_data.lines(update)[1]]
        changed = {number for number in before | after if before.get(number) != after.get(number)}
        assert len(set(named)) == len(named)
        assert set(named) == changed
        before = after


def test_a_function_that_changes_hands_ends_the_day_before_the_next_begins(made):
    before = open_data.functions(made.feeds[0])
    handed = 0
    for update in made.feeds[1::2]:
        for line in open_data.lines(update)[1]:
            then, now = before.get(line["enterpriseNumber"], []), line["functions"]
            new = [each for each in now if each["from"] > "2026-01-02" and each not in then]
            ended = [each for each in now if each["to"] and each not in then]
            if len(new) == len(ended) == 1 and new[0]["function"] == ended[0]["function"]:
                first, last = date.fromisoformat(new[0]["from"]), date.fromisoformat(ended[0]["to"])
                handed += (first - last).days == 1
        open_data.apply_functions(before, update)

    assert handed >= DAYS // 2


def test_of_an_enterprise_that_is_gone_no_function_is_left_and_a_new_number_has_them(made):
    gone = [line for path in made.feeds[1::2] for line in open_data.lines(path)[1] if not line["functions"]]
    last = {row[0].replace(".", "") for row in open_data.rows(made.extracts[-1], "enterprise.csv")}
    held = open_data.functions(made.feeds[-1])

    assert gone
    assert held.keys() <= last
    replaced = {
        row[0].replace(".", "")
        for row in open_data.rows(made.extracts[-1], "enterprise.csv")
        if row[2] == "003" and int(row[0][2:8].replace(".", "")) > 0
    } - {row[0].replace(".", "") for row in open_data.rows(made.extracts[0], "enterprise.csv")}
    assert replaced
    assert replaced & held.keys()


def test_a_line_of_a_feed_is_a_line_of_json(made):
    for raw in made.feeds[0].read_bytes().splitlines()[:50]:
        assert json.loads(raw)
