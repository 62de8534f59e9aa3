"""A full extract of the made-up country: the official dialect, the real proportions, every quirk."""

import csv
import io
import re
import zipfile
from collections import Counter
from datetime import date
from itertools import groupby

import pytest

from iam.bce import labels
from iam.bce.synthetic import Plan, generate
from iam.kernel.numbers import EnterpriseNumber, EstablishmentNumber
from tests.support import open_data
from tests.support.open_data import day

MANY = 5000
SNAPSHOT = date(2026, 1, 2)
JANUARY = date(2026, 1, 1)


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    made = generate(Plan(enterprises=MANY, seed=11, days=0, month=JANUARY), tmp_path_factory.mktemp("full"))
    (path,) = made.extracts
    return path


@pytest.fixture(scope="module")
def raw(extract):
    with zipfile.ZipFile(extract) as archive:
        return {name.removesuffix(".csv"): archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def table(raw):
    """The rows of each file by the names of their columns."""
    return {
        name: list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))
        for name, data in raw.items()
    }


def natural(table):
    return {row["EnterpriseNumber"] for row in table["enterprise"] if row["TypeOfEnterprise"] == "1"}


# --- the dialect -------------------------------------------------------------------------------------

_N = r'"[01]\d{3}\.\d{3}\.\d{3}"'
_UNIT = r'"[2-8]\.\d{3}\.\d{3}\.\d{3}"'
_BRANCH = r'"9\.\d{3}\.\d{3}\.\d{3}"'
_ANY = f"(?:{_N}|{_UNIT}|{_BRANCH})"
_TEXT = r'"(?:[^"]|"")+"'
_DATE = r"\d\d-\d\d-\d{4}"
LINES = {
    "enterprise": rf'{_N},"AC","\d{{3}}","[012]",(?:"\d{{3}}")?,(?:"\d{{3}}")?,{_DATE}',
    "establishment": rf"{_UNIT},{_DATE},{_N}",
    "branch": rf"{_BRANCH},{_DATE},{_N}",
    "denomination": rf'{_ANY},"[0-4]","00[1-4]",{_TEXT}',
    "address": (
        rf'{_ANY},"(?:REGO|BAET|ABBR)",(?:{_TEXT})?,(?:{_TEXT})?,(?:{_TEXT})?,(?:{_TEXT})?,(?:{_TEXT})?,'
        rf'{_TEXT},{_TEXT},(?:{_TEXT})?,"[^"]*","(?:[^"]|"")*",(?:{_DATE})?'
    ),
    "contact": rf'{_ANY},"(?:ENT|EST|BRA)","[A-Z]+",{_TEXT}',
    "activity": rf'{_ANY},"00\d","(?:2003|2008|2025)","(?:\d{{5}}|\d{{7}})","(?:MAIN|SECO|ANCI)"',
    "code": rf'"\w+","\w+","[A-Z]{{2}}",{_TEXT}',
    "meta": rf'"\w+",{_TEXT}',
}


@pytest.mark.parametrize("name", LINES)
def test_text_is_quoted_and_dates_and_what_is_empty_are_not(raw, name):
    _, *lines, last = raw[name].decode().split("\n")

    assert last == ""
    assert lines
    assert [line for line in lines if not re.fullmatch(LINES[name], line)] == []


def test_files_are_utf_8_without_mark_and_their_lines_end_in_a_line_feed(raw):
    assert not [name for name, data in raw.items() if data.startswith(b"\xef\xbb\xbf") or b"\r" in data]
    assert "é" in raw["denomination"].decode()


def test_the_columns_are_the_official_ones_in_their_order(raw):
    for name, columns in open_data.COLUMNS.items():
        assert raw[name].split(b"\n", 1)[0].decode() == ",".join(f'"{column}"' for column in columns)


def test_the_archive_holds_the_nine_files_and_is_called_as_the_official_ones(extract, raw):
    assert extract.name == "KboOpenData_0001_2026_01_04_Full.zip"
    assert list(raw) == [
        "meta", "code", "enterprise", "establishment", "branch", "denomination", "address", "contact", "activity",
    ]  # fmt: skip


def test_it_is_made_on_the_first_sunday_and_speaks_of_the_friday_before(extract):
    meta = open_data.meta(extract)
    made_on = day(meta["ExtractTimestamp"][:10])

    assert meta == {
        "SnapshotDate": "02-01-2026",
        "ExtractTimestamp": "04-01-2026 08:01:07",
        "ExtractType": "full",
        "ExtractNumber": "1",
        "Version": "1.0.0",
    }
    assert (day(meta["SnapshotDate"]).weekday(), made_on.weekday()) == (4, 6)
    assert made_on.day <= 7


def test_the_month_and_the_first_number_are_as_asked(tmp_path):
    plan = Plan(enterprises=1, seed=1, days=1, month=date(2025, 10, 1), first_extract=140)
    made = generate(plan, tmp_path)

    assert [path.name for path in made.extracts] == [
        "KboOpenData_0140_2025_10_05_Full.zip",
        "KboOpenData_0141_2025_10_06_Update.zip",
    ]
    assert [path.name for path in made.feeds] == ["functions_0140_full.jsonl", "functions_0141_update.jsonl"]


# --- what there is -----------------------------------------------------------------------------------


def test_numbers_are_right_and_each_is_there_once(table):
    enterprises = [row["EnterpriseNumber"] for row in table["enterprise"]]
    units = [row["EstablishmentNumber"] for row in table["establishment"]]

    assert [EnterpriseNumber.parse(each).dotted for each in enterprises] == enterprises
    assert [EstablishmentNumber.parse(each).dotted for each in units] == units
    assert len(set(enterprises)) == len(enterprises) == MANY
    assert len(set(units)) == len(units)


def test_everything_is_about_something_that_is_there(table):
    enterprises = {row["EnterpriseNumber"] for row in table["enterprise"]}
    units = {row["EstablishmentNumber"] for row in table["establishment"]} | {
        row["Id"] for row in table["branch"]
    }

    assert {row["EnterpriseNumber"] for row in table["establishment"] + table["branch"]} <= enterprises
    for name in ("denomination", "address", "contact", "activity"):
        assert {row["EntityNumber"] for row in table[name]} <= enterprises | units


@pytest.mark.parametrize(
    ("name", "real", "tolerance"),
    [("establishment", 0.863, 0.06), ("denomination", 1.708, 0.06), ("address", 1.466, 0.06),
     ("contact", 0.357, 0.04), ("activity", 18.7, 1.6), ("branch", 0.0038, 0.003)],
)  # fmt: skip
def test_there_are_as_many_rows_for_an_enterprise_as_in_the_real_extract(table, name, real, tolerance):
    """Counts of extract 140 (DOMAIN 3.4)."""
    assert len(table[name]) / MANY == pytest.approx(real, abs=tolerance)


def test_languages_of_names_are_mixed_as_in_the_real_extract(table):
    found = Counter(row["Language"] for row in table["denomination"])
    shares = {language: 100 * count / found.total() for language, count in found.items()}

    assert shares == {
        "0": pytest.approx(25, abs=2), "1": pytest.approx(28, abs=2.5), "2": pytest.approx(45, abs=2.5),
        "3": pytest.approx(0.5, abs=0.4), "4": pytest.approx(0.6, abs=0.4),
    }  # fmt: skip


def test_codes_are_those_of_the_official_table(table):
    for row in table["enterprise"]:
        assert labels.knows("JuridicalSituation", row["JuridicalSituation"])
        assert not row["JuridicalForm"] or labels.knows("JuridicalForm", row["JuridicalForm"])
        assert not row["JuridicalFormCAC"] or labels.knows("JuridicalForm", row["JuridicalFormCAC"])
        assert bool(row["JuridicalForm"]) == (row["TypeOfEnterprise"] == "2")
    known = {(row["Category"], row["Code"]) for row in table["code"]}
    for row in table["activity"]:
        assert (f"Nace{row['NaceVersion']}", row["NaceCode"]) in known
        assert ("ActivityGroup", row["ActivityGroup"]) in known
    assert {row["NaceVersion"] for row in table["activity"]} == {"2003", "2008", "2025"}


def test_forms_and_situations_are_many_and_the_usual_ones_most(table):
    forms = Counter(row["JuridicalForm"] for row in table["enterprise"])
    situations = Counter(row["JuridicalSituation"] for row in table["enterprise"])

    assert [form for form, _ in forms.most_common(4)] == ["", "610", "017", "014"]
    assert len(forms) > 20
    assert situations.most_common(1)[0][0] == "000"
    assert {"012", "050", "013", "091"} <= situations.keys()


def test_a_value_is_never_longer_than_its_column_may_hold(table):
    longest = {
        column: max(len(row[column]) for row in table[name])
        for name, columns in open_data.COLUMNS.items()
        for column in columns
        if column in open_data.LONGEST
    }

    assert longest.keys() == open_data.LONGEST.keys()
    assert all(longest[column] <= limit for column, limit in open_data.LONGEST.items())
    assert longest["Denomination"] > 300


# --- the quirks (DOMAIN 3.5) -------------------------------------------------------------------------


def test_quirk_a_every_language_code_occurs_and_natural_persons_have_0(table):
    people = natural(table)
    named = {True: Counter(), False: Counter()}
    for row in table["denomination"]:
        if row["EntityNumber"][0] in "01":
            named[row["EntityNumber"] in people][row["Language"]] += 1

    assert named[True].keys() == {"0"}
    assert named[False].keys() == {"0", "1", "2", "3", "4"}


def test_quirk_b_natural_persons_have_no_address_everybody_has_a_name_a_third_no_main_activity(table):
    people = natural(table)
    everybody = {row["EnterpriseNumber"] for row in table["enterprise"]}
    seated = {row["EntityNumber"] for row in table["address"] if row["TypeOfAddress"] == "REGO"}
    names = Counter(row["EntityNumber"] for row in table["denomination"])
    main = {row["EntityNumber"] for row in table["activity"] if row["Classification"] == "MAIN"}

    assert len(people) / MANY == pytest.approx(0.40, abs=0.03)
    assert seated == everybody - people
    assert everybody <= names.keys()
    assert max(names.values()) == 10
    assert len(everybody - main) / MANY == pytest.approx(0.35, abs=0.03)


@pytest.mark.parametrize("name", ["contact", "activity"])
def test_quirk_c_some_rows_are_there_twice(raw, name):
    lines = raw[name].splitlines()

    assert 0 < len(lines) - len(set(lines)) < len(lines) / 50


def test_quirk_d_both_columns_say_the_same_but_where_two_languages_are_official(table):
    at_home = [row for row in table["address"] if not row["CountryNL"]]
    brussels = [row for row in at_home if "1000" <= row["Zipcode"] <= "1210"]
    elsewhere = [row for row in at_home if not "1000" <= row["Zipcode"] <= "1210"]
    german = [row for row in at_home if "4700" <= row["Zipcode"] <= "4790"]

    assert all(row["StreetNL"] != row["StreetFR"] for row in brussels)
    assert ("Elsene", "Ixelles") in {(row["MunicipalityNL"], row["MunicipalityFR"]) for row in brussels}
    assert all(row["StreetNL"] == row["StreetFR"] for row in elsewhere)
    assert {("Sankt Vith", "Saint-Vith"), ("Namur", "Namur"), ("Gent", "Gent")} <= {
        (row["MunicipalityNL"], row["MunicipalityFR"]) for row in elsewhere
    }
    assert any(row["StreetFR"].endswith(("straße", "weg", "platz")) for row in german)
    assert not any(row["StreetFR"].startswith(("Rue", "Avenue")) for row in german)


def test_quirk_e_addresses_abroad_have_a_country_and_not_always_the_rest(table):
    abroad = [row for row in table["address"] if row["CountryNL"]]

    assert {(row["CountryNL"], row["CountryFR"]) for row in abroad} >= {("Duitsland", "Allemagne")}
    assert {bool(row["Zipcode"]) for row in abroad} == {True, False}
    assert not any(row["HouseNumber"] for row in abroad)
    assert "Stolberg 519 (Rheinland)" in {row["StreetNL"] for row in abroad}
    assert 0 < len(abroad) / MANY < 0.05


def test_quirk_f_some_addresses_were_struck_off(table):
    struck = [row for row in table["address"] if row["DateStrikingOff"]]

    assert 0 < len(struck) < len(table["address"]) / 50
    assert all(day(row["DateStrikingOff"]) <= SNAPSHOT for row in struck)


def test_quirk_g_a_form_to_be_read_as_another_is_rare(table):
    read = [row for row in table["enterprise"] if row["JuridicalFormCAC"]]

    assert 0 < len(read) < MANY / 25
    assert {(row["JuridicalForm"], row["JuridicalFormCAC"]) for row in read} >= {("015", "610")}


def test_quirk_i_the_web_without_scheme_telephones_in_any_writing_and_a_kind_the_table_lacks(table):
    by_kind = {}
    for row in table["contact"]:
        by_kind.setdefault(row["ContactType"], []).append(row["Value"])
    shapes = {re.sub(r"\d+", "9", value) for value in by_kind["TEL"]}

    assert {value.startswith("http") for value in by_kind["WEB"]} == {True, False}
    assert {"9", "9 9 9 9", "9/9.9.9", "+9 9 9 9 9"} <= shapes
    assert by_kind.keys() == {"TEL", "EMAIL", "WEB", "FAX"}
    assert ("ContactType", "FAX") not in {(row["Category"], row["Code"]) for row in table["code"]}
    assert all(value.endswith(".example") for value in by_kind["EMAIL"])


def test_quirk_j_natural_persons_are_called_surname_first_name(table):
    people = natural(table)
    names = [row["Denomination"] for row in table["denomination"] if row["EntityNumber"] in people]

    assert len(names) == len(people)
    assert all(re.fullmatch(r"[^\W\d_]+, [^\W\d_]+( [^\W\d_]+)?", name) for name in names)


def test_quirk_k_some_begin_after_the_snapshot(table):
    to_come = [row for row in table["enterprise"] if day(row["StartDate"]) > SNAPSHOT]

    assert 0 < len(to_come) < MANY / 200


def test_quirk_m_the_misprints_of_the_cookbook_are_in_no_file(raw, table):
    header = next(csv.reader([raw["address"].decode().split("\n", 1)[0]]))

    assert (header.count("MunicipalityNL"), header.count("MunicipalityFR")) == (1, 1)
    assert all(re.fullmatch(_DATE, row["StartDate"]) for row in table["enterprise"])


def test_quotes_within_names_and_blanks_before_them(raw, table):
    names = [row["Denomination"] for row in table["denomination"]]

    assert any('"' in name for name in names)
    assert any(name.startswith(" ") for name in names)
    assert b'""' in raw["denomination"]


# --- a pure function of the seed ---------------------------------------------------------------------


def test_an_enterprise_is_the_same_whatever_the_size_of_the_country(tmp_path, table):
    (path,) = generate(Plan(enterprises=300, seed=11, days=0, month=JANUARY), tmp_path).extracts

    for name in ("enterprise", "denomination", "address", "contact", "activity", "establishment"):
        small = open_data.rows(path, f"{name}.csv")
        assert small == [tuple(row.values()) for row in table[name][: len(small)]], name


def test_another_seed_is_another_country(tmp_path, table):
    (path,) = generate(Plan(enterprises=300, seed=12, days=0, month=JANUARY), tmp_path).extracts

    other = open_data.rows(path, "denomination.csv")
    assert other != [tuple(row.values()) for row in table["denomination"][: len(other)]]


def test_activities_may_be_left_out_and_the_rest_is_the_same(tmp_path, raw):
    plan = Plan(enterprises=MANY, seed=11, days=0, month=JANUARY, activities=False)
    (path,) = generate(plan, tmp_path).extracts

    with zipfile.ZipFile(path) as archive:
        assert {name.removesuffix(".csv"): archive.read(name) for name in archive.namelist()} == {
            name: data for name, data in raw.items() if name != "activity"
        }


def test_rows_of_an_entity_stand_together(raw):
    for name in ("denomination", "address", "contact", "activity"):
        about = [line.split(b",", 1)[0] for line in raw[name].splitlines()[1:]]
        runs = [number for number, _ in groupby(about)]
        assert len(runs) == len(set(runs)), name
