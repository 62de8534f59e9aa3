"""The official dialect: meta data and headers."""

from datetime import UTC, date, datetime

import pytest

from iam.bce.dialect import BadMeta, HeaderMismatch, read_header, read_meta

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
