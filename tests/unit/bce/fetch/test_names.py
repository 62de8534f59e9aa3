"""What the name of a file says, in both forms that there are, and what is no name of ours."""

import pytest

from iam.bce.fetch.names import Claim, claim_of, is_plain


@pytest.mark.parametrize(
    ("name", "number", "full"),
    [
        ("KboOpenData_0137_2025_07_Full.zip", 137, True),
        ("KboOpenData_0139_2025_09_Update.zip", 139, False),
        ("KboOpenData_0140_2025_10_05_Full.zip", 140, True),
        ("KboOpenData_0147_2025_10_12_Update.zip", 147, False),
        ("kboopendata_1147_2031_01_02_update.ZIP", 1147, False),
    ],
)
def test_a_name_with_and_without_the_day_tells_number_and_kind(name, number, full):
    assert is_plain(name)
    assert claim_of(name) == Claim(number=number, full=full)


@pytest.mark.parametrize(
    "name", ["extract.zip", "KboOpenData_2025_10_05_Full.zip", "KboOpenData_0147_2025_10_12.zip",
             "KboOpenData_0147_2025_10_12_FullUpdate.zip"],
)  # fmt: skip
def test_a_name_that_says_nothing_clear_says_nothing(name):
    assert is_plain(name)
    assert claim_of(name) is None


@pytest.mark.parametrize(
    "name",
    ["../x.zip", "a/x.zip", "a\\x.zip", ".x.zip", "x.zip.part", "x.csv", "x y.zip", "x\n.zip", "é.zip", ".zip",
     "x\0.zip", "a" * 200 + ".zip"],
)  # fmt: skip
def test_what_is_not_the_plain_name_of_a_zip_is_not_taken(name):
    assert not is_plain(name)
