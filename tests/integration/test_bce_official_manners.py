"""Official extracts as they really look, and as hands on the way leave them, through `habilis bce import`."""

import asyncio
import csv
import io
import json
import zipfile
from collections import Counter
from functools import partial

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from iam.bce.cli import app
from iam.bce.queries import find_by_number
from iam.bce.rules import display_name
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import Database
from tests.integration.test_provisioning_process import environment
from tests.support import official, official_manners
from tests.support.official_manners import (
    BRANCH,
    FOREIGN,
    FULL,
    HEADERS,
    NATURAL,
    NEW,
    OLD,
    OTHER,
    SECOND_UNIT,
    UNIT,
    pack,
    texts,
)
from tests.support.settings import some_settings


@pytest.fixture
def habilis(database_url, monkeypatch):
    for name, value in environment(some_settings(), HABILIS_DATABASE_URL=database_url).items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)

    return run


def rows(tables):
    """What the register keeps of lines of the official files: each row once, without blanks around a name."""
    kept = {}
    for file in HEADERS.keys() - {"code"}:
        lines = "\n".join(tables.get(file, []))
        kept[file] = {tuple(row) for row in csv.reader(io.StringIO(lines, newline="")) if row}
    return kept


def registered(database_url):
    """The register read back in the columns of the official files; no row is there twice."""

    async def read():
        db = Database(database_url, pool_size=1)
        try:
            return await official.rows_of(db)
        finally:
            await db.close()

    found = asyncio.run(read())
    assert all(count == 1 for of_file in found.values() for count in of_file.values())
    return {file: set(of_file) for file, of_file in found.items()}


def ask(database_url, work):
    async def answer():
        db = Database(database_url, pool_size=1)
        try:
            async with db.read() as conn:
                return await work(conn)
        finally:
            await db.close()

    return asyncio.run(answer())


def full(folder, tables=FULL, number=140, **manners):
    name = f"KboOpenData_{number:04d}_2025_10_05_Full.zip"
    return pack(folder / name, texts(number, tables, **manners))


def update(folder, tables, number=141, day="05-10-2025", **manners):
    name = f"KboOpenData_{number:04d}_2025_10_{day[:2]}_Update.zip"
    said = texts(number, tables, kind="update", snapshot=day, timestamp=f"{day} 08:00:00", **manners)
    return pack(folder / name, said)


def test_every_row_of_an_official_extract_is_in_the_register(habilis, database_url, tmp_path):
    done = habilis("import", full(tmp_path), "--activities", "--json")

    report = json.loads(done.output)
    assert (done.exit_code, report["status"], report["number"]) == (0, "applied", 140)
    assert (report["badRows"], report["orphans"], report["warnings"]) == (0, 0, [])
    assert registered(database_url) == rows(FULL)


def bom(files):
    return {name: b"\xef\xbb\xbf" + data for name, data in files.items()}


def unended(files):
    return {name: data.rstrip(b"\r\n") for name, data in files.items()}


def blank_at_the_end(files):
    return {name: data + b"\n" for name, data in files.items()}


def shouted(files):
    return {name.upper(): data for name, data in files.items()}


def bare_headers(files):
    return {
        name: (first.replace(b'"', b"") + b"\n" + others if name != "meta.csv" else data)
        for name, data in files.items()
        for first, _, others in [data.partition(b"\n")]
    }


def with_more(files):
    """Columns and files that nobody has told us of."""
    return {
        **files,
        "README.txt": b"...",
        "enterprise.csv": b"".join(
            line + (b',"NewColumn"\n' if place == 0 else b',"x"\n')
            for place, line in enumerate(files["enterprise.csv"].splitlines())
        ),
        "meta.csv": b'"Variable","Value","Remark"\n'
        + b"".join(line + b',""\n' for line in files["meta.csv"].splitlines()[1:]),
    }


@pytest.mark.parametrize(
    "manner",
    [bom, unended, blank_at_the_end, shouted, bare_headers, with_more],
    ids=lambda each: each.__name__,
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_byte_order_mark_line_ends_capitals_and_more_columns_change_nothing(
    habilis, database_url, tmp_path, manner, end
):
    path = pack(tmp_path / "extract.zip", manner(texts(140, FULL, end=end)))

    done = habilis("import", path, "--activities", "--json")

    report = json.loads(done.output)
    assert (done.exit_code, report["status"], report["badRows"]) == (0, "applied", 0), done.output
    assert registered(database_url) == rows(FULL)


@pytest.mark.parametrize(
    "packed",
    [
        partial(pack, within="KboOpenData_0140_2025_10_05_Full"),
        partial(pack, zip64=True),
        partial(pack, within="a", zip64=True),
    ],
    ids=["folder", "zip64", "both"],
)
def test_a_zip_for_large_files_or_with_everything_in_one_folder_is_read_alike(
    habilis, database_url, tmp_path, packed
):
    done = habilis("import", packed(tmp_path / "extract.zip", texts(140, FULL)), "--activities", "--json")

    assert (done.exit_code, json.loads(done.output)["status"]) == (0, "applied")
    assert registered(database_url) == rows(FULL)


def test_updates_delete_by_key_alone_and_leave_what_they_do_not_name(habilis, database_url, tmp_path):
    habilis("import", full(tmp_path), "--activities")
    later = "0671.516.647"
    first = {
        "enterprise_delete": [f'"{OTHER}"', f'"{NEW}"'],
        "enterprise_insert": [
            f'"{OTHER}","AC","012","2","015","610",01-01-1998',
            f'"{later}","AC","000","2","101",,06-10-2025',
        ],
        # Whoever goes is in the deletes of names and in no others.
        "denomination_delete": [f'"{NEW}"', f'"{UNIT}"'],
        "denomination_insert": [f'"{UNIT}","2","003","Nieuwe naam"', f'"{later}","2","001","Nieuw"'],
        "contact_delete": [f'"{OLD}"'],
        "contact_insert": [f'"{OLD}","ENT","EMAIL","info@voorbeeld.test"'],
        "address_delete": [f'"{later}"'],
        "activity_delete": [f'"{UNIT}"'],
    }
    second = {
        "establishment_delete": [f'"{SECOND_UNIT}"'],
        "branch_delete": [f'"{BRANCH}"'],
        "branch_insert": [f'"{BRANCH}",01-01-1987,"{FOREIGN}"'],
    }

    done = [
        habilis("import", update(tmp_path, first), "--json"),
        habilis("import", update(tmp_path, second, number=142, day="06-10-2025", end="\r\n"), "--json"),
    ]

    assert [json.loads(each.output)["status"] for each in done] == ["applied", "applied"]
    assert [json.loads(each.output)["badRows"] for each in done] == [0, 0]
    expected = rows(FULL)
    gone = {
        "enterprise": {OTHER, NEW}, "establishment": {SECOND_UNIT}, "branch": set(),
        "denomination": {NEW, UNIT, SECOND_UNIT}, "contact": {OLD}, "address": {NEW, SECOND_UNIT},
        "activity": {UNIT},
    }  # fmt: skip
    inserted = rows({file: first.get(f"{file}_insert", []) for file in gone})
    assert registered(database_url) == {
        file: {row for row in kept if row[0] not in gone[file]} | inserted[file]
        for file, kept in expected.items()
    }


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_value_of_several_lines_is_one_value(habilis, database_url, tmp_path, end):
    tables = {
        **FULL,
        "denomination": [
            *FULL["denomination"],
            f'"{NEW}","1","002","Atelier{end}d\'Éléonore ""et"",{end}{end}fils"',
            f'"{NEW}","1","003","Éléonore\rŘemeslo"',
        ],
    }

    done = habilis("import", full(tmp_path, tables, end=end), "--activities", "--json")

    report = json.loads(done.output)
    assert (report["status"], report["badRows"]) == ("applied", 0)
    names = registered(database_url)["denomination"] - rows(FULL)["denomination"]
    assert names == {
        (NEW, "1", "002", 'Atelier d\'Éléonore "et", fils'),
        (NEW, "1", "003", "Éléonore Řemeslo"),
    }


def test_a_quote_that_is_never_closed_costs_its_own_line(habilis, database_url, tmp_path):
    tables = {**FULL, "denomination": [*FULL["denomination"], f'"{NEW}","1","002","Atelier']}
    tables["denomination"].insert(2, f'"{OLD}","1","003","Vereniging ""Voorbeeld""')

    done = habilis("import", full(tmp_path, tables), "--activities", "--bad-share", "0.2", "--json")

    report = json.loads(done.output)
    assert report["status"] == "applied"
    assert report["bad"] == [["denomination.csv", 4, "row"], ["denomination.csv", 14, "row"]]
    assert registered(database_url) == rows(FULL)


def test_the_longest_values_are_kept_whole(habilis, database_url, tmp_path):
    """Lengths are counted in characters (DOMAIN 3.4)."""
    tables = {
        **FULL,
        "denomination": [*FULL["denomination"], f'"{NEW}","1","003","{"é" * 320}"'],
        "contact": [*FULL["contact"], f'"{NEW}","ENT","WEB","{"ü" * 254}"'],
    }

    done = habilis("import", full(tmp_path, tables), "--activities", "--json")

    assert json.loads(done.output)["badRows"] == 0
    assert registered(database_url) == rows(tables)


def test_codes_that_the_shipped_table_does_not_know_are_kept_and_told(habilis, database_url, tmp_path):
    tables = {
        **FULL,
        "enterprise": [*FULL["enterprise"], '"0671.516.647","AC","777","2","888","889",06-10-2025'],
        "denomination": [*FULL["denomination"], '"0671.516.647","5","009","Demain"'],
        "address": [*FULL["address"], '"0671.516.647","OBAD",,,"5000","Namen","Namur","X","X","1","","",'],
        "contact": [*FULL["contact"], '"0671.516.647","ENT","FAX","081"'],
        "activity": [*FULL["activity"], '"0671.516.647","008","2031","123456","LAST"'],
    }

    done = habilis("import", full(tmp_path, tables), "--activities", "--json")

    report = json.loads(done.output)
    assert (report["status"], report["badRows"]) == ("applied", 0)
    assert sorted(report["warnings"]) == [
        "unknown code JuridicalForm 888",
        "unknown code JuridicalFormCAC 889",
        "unknown code JuridicalSituation 777",
    ]
    assert registered(database_url) == rows(tables)


def test_an_enterprise_without_any_name_is_called_by_its_number(habilis, database_url, tmp_path):
    tables = {**FULL, "denomination": [row for row in FULL["denomination"] if NATURAL not in row]}

    habilis("import", full(tmp_path, tables))

    found = ask(database_url, lambda conn: find_by_number(conn, EnterpriseNumber.parse(NATURAL)))
    assert found is not None
    assert display_name(found, Language.DE) == NATURAL


def test_a_foreign_address_is_what_the_file_says_of_it(habilis, database_url, tmp_path):
    habilis("import", full(tmp_path))

    seats = ask(
        database_url,
        lambda conn: conn.execute(
            text(
                "SELECT country_fr, postcode, municipality_fr, street_fr FROM bce_address WHERE country_nl IS NOT NULL"
            )
        ),
    ).all()
    assert [tuple(seat) for seat in seats] == [("Allemagne", None, None, "Stolberg 519 (Rheinland)")]


def spoilt(path, method):
    """The same zip, of which it is said that its files were packed by another method."""
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = data.find(mark)
        while at >= 0:
            data[at + place : at + place + 2] = method.to_bytes(2, "little")
            at = data.find(mark, at + 1)
    path.write_bytes(data)
    return path


def cut(path):
    path.write_bytes(path.read_bytes()[:-400])
    return path


def header_gone(path):
    data = bytearray(path.read_bytes())
    data[0:4] = b"XXXX"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(partial(spoilt, method=9), "damaged"), (cut, "damaged"), (header_gone, "damaged")],
    ids=["Deflate64", "cut", "no header"],
)
def test_a_zip_that_cannot_be_unpacked_is_rejected_in_words(habilis, tmp_path, spoil, reason):
    done = habilis("import", spoil(full(tmp_path)), "--json")

    assert done.exit_code == 4
    assert (json.loads(done.output)["status"], json.loads(done.output)["reason"]) == ("rejected", reason)


def test_the_archives_are_as_large_as_they_look(tmp_path):
    """The builder of these tests: what it writes with fields for large files has them."""
    path = pack(tmp_path / "a.zip", texts(1, FULL), zip64=True)

    with zipfile.ZipFile(path) as archive:
        counted = Counter(entry.extract_version for entry in archive.infolist())
    assert counted == {45: len(HEADERS) + 1}


def test_what_is_packed_has_the_files_of_the_cookbook():
    assert set(texts(1, FULL)) == {f"{name}.csv" for name in (*HEADERS, "meta")}
    assert {f"{name}.csv" for name in official_manners.KEYS} < set(texts(1, FULL))
