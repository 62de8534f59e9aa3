"""Days of the made-up country: what its updates say, and what they leave out."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections import Counter
from datetime import date, timedelta
from hashlib import sha256

import pytest

from iam.bce.synthetic import Plan, generate, numbers
from iam.bce.synthetic.country import Country
from iam.bce.synthetic.days import live
from iam.bce.synthetic.files import ESTABLISHMENT
from iam.bce.synthetic.files import FILES as PARTS
from iam.bce.synthetic.update import Update
from tests.support import open_data
from tests.support.open_data import day

MANY, DAYS = 2000, 8
SNAPSHOT = date(2026, 1, 2)
JANUARY = date(2026, 1, 1)
TABLES = open_data.FILES


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    plan = Plan(enterprises=MANY, seed=5, days=DAYS, month=JANUARY, full_after=True)
    return generate(plan, tmp_path_factory.mktemp("days"))


@pytest.fixture(scope="module")
def updates(made):
    return [path for path in made.extracts if path.name.endswith("_Update.zip")]


@pytest.fixture(scope="module")
def states(made):
    """What the full extract of each day says, the first one's before."""
    return [open_data.full(path) for path in made.extracts if path.name.endswith("_Full.zip")]


@pytest.fixture(scope="module")
def said(updates):
    """For each day and file the numbers that are deleted and the rows that are inserted."""
    return [
        {
            file: (
                [number for (number,) in open_data.rows(path, f"{file}_delete.csv")],
                open_data.rows(path, f"{file}_insert.csv"),
            )
            for file in TABLES
        }
        for path in updates
    ]


@pytest.fixture(scope="module")
def days(states, said):
    """State before, state after, what was said."""
    return list(zip(states, states[1:], said, strict=False))


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def enterprise(state, number):
    (row,) = state["enterprise"][number]
    return row


def units(state, number):
    return {unit for unit, rows in state["establishment"].items() for row in rows if row[2] == number}


# --- the form of an update ---------------------------------------------------------------------------


def test_updates_are_daily_and_numbered_one_after_the_other(updates):
    metas = [open_data.meta(path) for path in updates]

    assert [meta["ExtractNumber"] for meta in metas] == [str(number) for number in range(2, DAYS + 2)]
    assert {meta["ExtractType"] for meta in metas} == {"update"}
    assert [day(meta["SnapshotDate"]) for meta in metas] == [date(2026, 1, 4 + each) for each in range(DAYS)]
    assert all(
        day(meta["ExtractTimestamp"][:10]) == day(meta["SnapshotDate"]) + timedelta(days=1) for meta in metas
    )
    assert updates[0].name == "KboOpenData_0002_2026_01_05_Update.zip"


def test_the_full_extract_after_a_day_has_the_number_and_the_snapshot_of_its_update(made):
    by_number = {}
    for path in made.extracts[1:]:
        meta = open_data.meta(path)
        by_number.setdefault(meta["ExtractNumber"], set()).add((meta["ExtractType"], meta["SnapshotDate"]))

    assert [sorted(kind for kind, _ in each) for each in by_number.values()] == [["full", "update"]] * DAYS
    assert all(len({snapshot for _, snapshot in each}) == 1 for each in by_number.values())


def test_an_update_has_the_whole_code_table_and_two_files_for_each_other(made, updates):
    whole = members(made.extracts[0])["code.csv"]
    for path in updates:
        files = members(path)
        assert files["code.csv"] == whole
        for name, data in files.items():
            if name in {"code.csv", "meta.csv"}:
                continue
            table, part = name.removesuffix(".csv").split("_")
            columns = open_data.COLUMNS[table][:1] if part == "delete" else open_data.COLUMNS[table]
            assert data.split(b"\n", 1)[0].decode() == ",".join(f'"{column}"' for column in columns)


def test_quirk_h_a_file_of_which_there_is_nothing_to_tell_has_its_header_only_or_is_absent(updates):
    expected = {f"{table}_{part}.csv" for table in TABLES for part in ("delete", "insert")}
    absent, bare = Counter(), Counter()
    for path in updates:
        files = members(path)
        absent.update(expected - files.keys())
        bare.update(name for name, data in files.items() if data.count(b"\n") == 1)

    assert absent
    assert bare
    assert {"branch_delete.csv", "branch_insert.csv"} & absent.keys() & bare.keys()


def test_a_number_is_deleted_once_and_inserted_rows_are_all_the_entity_has(days):
    for _, after, said in days:
        for file, (deleted, inserted) in said.items():
            assert len(set(deleted)) == len(deleted)
            for number, rows in open_data.grouped(inserted).items():
                assert rows == after[file][number], file


def test_nothing_is_said_of_what_is_as_it_was_but_for_a_few(days):
    again = 0
    for before, after, said in days:
        for file, (deleted, inserted) in said.items():
            both = set(deleted) & {row[0] for row in inserted}
            again += sum(before[file][number] == after[file][number] for number in both)
            assert set(deleted) <= before[file].keys()

    assert 0 < again <= 5 * DAYS


# --- what happens ------------------------------------------------------------------------------------


def test_files_have_deletes_without_inserts_and_inserts_without_deletes(said):
    for file in TABLES[:-1]:
        gone = set().union(*(set(d) - {row[0] for row in i} for d, i in (each[file] for each in said)))
        new = set().union(*({row[0] for row in i} - set(d) for d, i in (each[file] for each in said)))
        assert gone, file
        assert new, file


def test_enterprises_are_founded_with_all_they_have(days):
    for before, after, said in days:
        new = after["enterprise"].keys() - before["enterprise"].keys()
        assert new == {row[0] for row in said["enterprise"][1]} - set(said["enterprise"][0])
        assert all(number in {row[0] for row in said["denomination"][1]} for number in new)


def test_quirk_k_some_of_the_new_begin_after_the_snapshot(tmp_path):
    made = generate(Plan(enterprises=200, seed=3, days=20, month=JANUARY, activities=False), tmp_path)
    to_come = 0
    for path in made.extracts[1:]:
        snapshot = day(open_data.meta(path)["SnapshotDate"])
        deleted = {number for (number,) in open_data.rows(path, "enterprise_delete.csv")}
        new = [row for row in open_data.rows(path, "enterprise_insert.csv") if row[0] not in deleted]
        to_come += sum(day(row[6]) > snapshot for row in new)

    assert to_come


def test_inv_12_of_an_enterprise_that_is_gone_its_names_are_deleted_and_the_rest_mostly_is_not(days):
    gone, left, mentioned = set(), Counter(), Counter()
    for number_of_day, (before, after, said) in enumerate(days):
        for number in before["enterprise"].keys() - after["enterprise"].keys():
            gone.add((number_of_day, number))
            assert number in said["enterprise"][0]
            assert number in said["denomination"][0]
            for file in ("contact", "address", "activity"):
                if number in before[file]:
                    left[file] += 1
                    mentioned[file] += number in said[file][0]
                assert number not in after[file]
            for unit in units(before, number) - after["establishment"].keys():
                left["establishment"] += 1
                mentioned["establishment"] += unit in said["establishment"][0]
                assert not any(unit in after[file] for file in TABLES)

    assert len(gone) > DAYS
    assert mentioned.total() < left.total() / 4
    assert left["activity"] > mentioned["activity"]
    assert left["establishment"] > mentioned["establishment"]


def test_quirk_l_a_natural_person_is_back_under_the_same_number_from_another_day_on(days, states):
    back = 0
    for at, (before, after, _) in enumerate(days):
        for number in after["enterprise"].keys() - before["enterprise"].keys():
            earlier = [state for state in states[:at] if number in state["enterprise"]]
            if earlier:
                back += 1
                assert enterprise(after, number)[3] == "1"
                assert day(enterprise(after, number)[6]) > day(enterprise(earlier[-1], number)[6])
                assert units(after, number) == units(earlier[-1], number)

    assert back


def test_inv_05_a_number_is_replaced_in_one_update_and_what_belonged_to_it_goes_along(days):
    replaced = 0
    for before, after, said in days:
        new = after["enterprise"].keys() - before["enterprise"].keys()
        for number in (each for each in new if enterprise(after, each)[2] == "003"):
            replaced += 1
            (name, *_) = {row[1:] for row in after["denomination"][number]}
            (old,) = {
                each
                for each in before["enterprise"].keys() - after["enterprise"].keys()
                if name in {row[1:] for row in before["denomination"][each]}
            }
            assert old in said["enterprise"][0]
            assert units(before, old) == units(after, number)
            assert {row[1:] for row in before["address"][old]} == {
                row[1:] for row in after["address"][number]
            }

    assert replaced >= DAYS // 2


def test_inv_37_a_merger_is_announced_and_the_day_after_its_units_are_another_s(days):
    announced = {
        number
        for before, after, _ in days[:-1]
        for number in after["enterprise"]
        if enterprise(after, number)[2] == "021" and number in before["enterprise"]
    }
    moved = 0
    for before, after, said in days:
        absorbed = {
            number
            for number in before["enterprise"].keys() - after["enterprise"].keys()
            if enterprise(before, number)[2] == "021"
        }
        announced -= absorbed
        for number in absorbed:
            for unit in units(before, number):
                moved += 1
                assert unit in said["establishment"][0]
                assert after["establishment"][unit]
                assert after["denomination"].get(unit) == before["denomination"].get(unit)
                assert unit not in said["denomination"][0]

    assert not announced
    assert moved


def test_units_are_handed_over_opened_and_closed(days):
    happened = Counter()
    for before, after, _ in days:
        then, now = before["establishment"], after["establishment"]
        for unit in then.keys() & now.keys():
            ((*_, owner),), ((*_, other),) = then[unit], now[unit]
            happened["handed over"] += owner != other and owner in after["enterprise"]
        happened["opened"] += sum(
            owner in before["enterprise"] for unit in now.keys() - then.keys() for (*_, owner) in now[unit]
        )
        happened["closed"] += sum(
            owner in after["enterprise"] for unit in then.keys() - now.keys() for (*_, owner) in then[unit]
        )

    assert all(happened[what] >= DAYS // 2 for what in ("handed over", "opened", "closed")), happened


def test_names_seats_contacts_situations_and_forms_change(days):
    changed = Counter()
    for before, after, _ in days:
        for number in before["enterprise"].keys() & after["enterprise"].keys():
            then, now = enterprise(before, number), enterprise(after, number)
            changed["situation"] += then[2] != now[2]
            changed["form"] += then[4:6] != now[4:6]
            for file in ("denomination", "address", "contact", "activity"):
                changed[file] += before[file].get(number) != after[file].get(number)
        changed["struck off"] += sum(
            row[12] != "" and day(row[12]) > SNAPSHOT for rows in after["address"].values() for row in rows
        )

    assert all(changed[what] >= DAYS // 2 for what in (
        "situation", "form", "denomination", "address", "contact", "activity", "struck off",
    )), changed  # fmt: skip


def test_on_one_day_activities_are_told_anew_for_a_fifth_of_the_country(said, states):
    inserted = [len(each["activity"][1]) for each in said]
    newest = [
        sum("2025" in {row[2] for row in rows} for rows in state["activity"].values()) for state in states
    ]

    assert inserted[1] > MANY
    assert all(count < MANY / 10 for at, count in enumerate(inserted) if at != 1)
    assert newest[1] < newest[2] * 0.9


# --- how much ----------------------------------------------------------------------------------------


def test_an_ordinary_day_of_a_country_of_the_real_size_changes_some_eleven_thousand_rows():
    country = Country(seed=1, enterprises=1_940_000, snapshot_on=SNAPSHOT, migrates_on=9)
    update = Update(country, live(country, 1))
    changed = 0
    for part in PARTS:
        told = update.told(part)
        changed += sum(text.count("\n") for lines in (told.deleted, told.inserted) for text in lines)

    assert 9_000 < changed < 15_000
    assert len(country.touched) < 5_000, "nobody is kept to whom nothing has happened"


def test_a_small_country_has_a_handful_every_day(said):
    for each in said:
        assert sum(len(deleted) + len(inserted) for deleted, inserted in each.values()) >= 30


@pytest.mark.parametrize("enterprises", [1, 2, 7, 256, 257])
def test_a_country_of_any_size_lives(tmp_path, enterprises):
    made = generate(Plan(enterprises=enterprises, seed=2, days=6, month=JANUARY, full_after=True), tmp_path)
    last = open_data.full(made.extracts[-1])

    assert len(last["enterprise"]) >= enterprises / 2
    assert last["denomination"].keys() >= last["enterprise"].keys()


def test_the_full_extract_of_the_last_day_alone_is_the_one_of_that_day(tmp_path):
    each, last = (
        generate(Plan(enterprises=50, seed=2, days=3, month=JANUARY, **asked), tmp_path / name)
        for name, asked in (("each", {"full_after": True}), ("last", {"full_last": True}))
    )

    names = [[path.name for path in made.extracts] for made in (each, last)]
    assert names[1] == [
        name for name in names[0] if "Full" not in name or name in (names[0][0], names[0][-1])
    ]
    assert last.extracts[-1].read_bytes() == each.extracts[-1].read_bytes()
    assert last.feeds[-1].read_bytes() == each.feeds[-1].read_bytes()


def test_inv_02_no_enterprise_opens_more_units_than_there_are_numbers_for_it():
    country = Country(seed=1, enterprises=3, snapshot_on=SNAPSHOT, migrates_on=9)
    for number in range(1, 200):
        live(country, number)

    held = [
        number
        for being in country.touched.values()
        if being.alive
        for number, _ in ESTABLISHMENT.texts(country, being, being.who)
    ]
    assert len(set(held)) == len(held)
    assert max(country.opened(being) for being in country.touched.values()) <= numbers.UNITS


def test_there_must_be_numbers_for_all():
    Plan(enterprises=numbers.MOST - 500, seed=1, days=1, month=JANUARY)
    with pytest.raises(ValueError, match="numbers"):
        Plan(enterprises=numbers.MOST - 500, seed=1, days=3, month=JANUARY)


# --- the same each time ------------------------------------------------------------------------------

_RUN = (
    "import sys; from datetime import date; from pathlib import Path; from iam.bce.synthetic import Plan, generate;"
    "generate(Plan(enterprises=400, seed=9, days=4, month=date(2026, 1, 1), full_after=True), Path(sys.argv[1]))"
)


def test_two_processes_make_the_same_bytes_whatever_their_hashes(tmp_path):
    for hashing in ("1", "2"):
        folder = tmp_path / hashing
        subprocess.run(
            [sys.executable, "-c", _RUN, str(folder)],
            check=True,
            env={"PYTHONHASHSEED": hashing},
            timeout=100,
        )
    first, second = (
        {path.name: sha256(path.read_bytes()).hexdigest() for path in (tmp_path / each).iterdir()}
        for each in ("1", "2")
    )

    assert first == second
    assert len(first) == 1 + 1 + 4 * 4


def test_members_of_an_archive_have_no_time_of_their_own(updates):
    with zipfile.ZipFile(updates[0]) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_more_days_begin_with_the_same_days(tmp_path, updates):
    made = generate(Plan(enterprises=MANY, seed=5, days=3, month=JANUARY), tmp_path)

    assert [path.read_bytes() for path in made.extracts[1:]] == [path.read_bytes() for path in updates[:3]]


def test_a_file_that_was_there_is_replaced_and_nothing_half_written_is_left(tmp_path):
    plan = Plan(enterprises=20, seed=5, days=1, month=JANUARY)
    made = generate(plan, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    made.extracts[0].write_bytes(b"something else")
    generate(plan, tmp_path)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_it_is_told_how_many_rows_each_file_has(made):
    for path in made.extracts[:3]:
        for name, data in members(path).items():
            told = len(list(csv.reader(io.StringIO(data.decode(), newline="")))) - 1
            counted = made.rows[path.name][name.removesuffix(".csv")]
            assert counted == told + (name in {"meta.csv", "code.csv"}), name
    assert (
        json.loads(made.feeds[0].read_text().split("\n", 1)[0])["functions"]
        == (made.rows[made.feeds[0].name]["functions"])
    )
