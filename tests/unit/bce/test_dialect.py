"""The official dialect: meta data and headers."""

from datetime import UTC, date, datetime

import pytest

from iam.bce.dialect import BadMeta, HeaderMismatch, read_header, read_meta, whole_rows

META = (
    '"Variable","Value"\n"SnapshotDate","11-10-2025"\n"ExtractTimestamp","12-10-2025 08:11:52"\n'
    '"ExtractType","full"\n"ExtractNumber","147"\n"Version","1.0.0"\n'
)
WANTED = ("Id", "StartDate", "EnterpriseNumber")


def test_meta_says_what_the_extract_is():
    meta = read_meta(META)

    assert (meta.number, meta.kind, meta.snapshot_on) == (147, "full", date(2025, 10, 11))
    assert meta.extracted_at == datetime(2025, 10, 12, 6, 11, 52, tzinfo=UTC)


def test_the_version_is_not_looked_at():
    assert read_meta(META.replace('"Version","1.0.0"\n', "")) == read_meta(META.replace("1.0.0", "9"))


@pytest.mark.parametrize(
    ("old", "new", "variable"),
    [
        ("147", "14x", "ExtractNumber"),
        ("full", "half", "ExtractType"),
        ("11-10-2025", "2025-10-11", "SnapshotDate"),
        ("11-10-2025", "31-02-2025", "SnapshotDate"),
        ("08:11:52", "8h11", "ExtractTimestamp"),
    ],
)
def test_inv_08_bad_meta_data_is_named(old, new, variable):
    with pytest.raises(BadMeta, match=variable):
        read_meta(META.replace(old, new))


def test_inv_08_columns_are_found_by_name_in_any_order_and_unknown_ones_are_left_aside():
    header = read_header(b'\xef\xbb\xbf"EnterpriseNumber","Colour","Id",StartDate\r\n', "branch.csv", WANTED)

    assert header.columns == ("EnterpriseNumber", None, "Id", "StartDate")
    assert (header.unknown, header.others) == (1, ("Colour",))


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (b'"Id","EnterpriseNumber"\n', "StartDate"),
        (b'"Id","Id","StartDate","EnterpriseNumber"\n', "Id"),
        (b'"id","StartDate","EnterpriseNumber"\n', "Id"),
        (b"", "Id"),
        (b"\xff\xfe\n", "Id"),
    ],
)
def test_inv_08_a_header_without_a_column_names_it(line, column):
    with pytest.raises(HeaderMismatch) as refused:
        read_header(line, "branch.csv", WANTED)

    assert (refused.value.file, refused.value.column) == ("branch.csv", column)


def test_more_columns_of_meta_are_left_aside():
    told = "\n".join(f'"x",{line}' for line in META.splitlines())

    assert read_meta(told) == read_meta(META)


def rows(*lines):
    return [(line, row) for line, _, row in whole_rows(enumerate(lines, start=2), 3)]


def test_a_value_of_several_lines_is_one_value_in_one_line():
    assert rows('"a","b', "", 'c ""d""', '",e', '"f","g","h"') == [
        (2, ["a", 'b c "d" ', "e"]),
        (6, ["f", "g", "h"]),
    ]


@pytest.mark.parametrize(
    "damaged",
    ['"a","b,"c"', '"a","b","c', "a,b", '"a","b","c","d"', '"a","b"x,"c"', '"a",""b","c"', '"'],
)  # fmt: skip
def test_a_damaged_line_damages_none_after_it(damaged):
    assert rows(damaged, '"f","g","h"', "i,j,k") == [(2, None), (3, ["f", "g", "h"]), (4, ["i", "j", "k"])]


def test_a_quote_that_is_never_closed_is_not_looked_for_without_end():
    lines = ['"a","b', *['"f","g","h"'] * 30, 'c","e"']
    assert rows(*lines) == [(2, None), *((place, ["f", "g", "h"]) for place in range(3, 33)), (33, None)]

    long = ['"a","b', *["x"] * 30, 'c","e"']
    assert [row for _, row in rows(*long)] == [None] * 32
