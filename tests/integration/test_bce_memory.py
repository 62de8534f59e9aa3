"""An import holds a chunk of a file at a time, whatever the file's size (DOMAIN 7.3 nr 15)."""

import random
import tracemalloc
import zipfile

import pytest

from iam.bce.importer import Status, apply_extract
from tests.support.extract import Extract, dotted

pytestmark = pytest.mark.anyio
FEW, MANY = 500, 40_000
_MIB = 1 << 20


async def peak(db, clock, path):
    """The most that the import held at once, of what Python allots."""
    clock.advance(hours=1)
    tracemalloc.start()
    try:
        report = await apply_extract(db, path, clock)
        return report, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def country(number, names):
    """Few enterprises, one of which has very many long names."""
    extract = Extract.of(*range(20), number=number, snapshot=f"{number + 1:02d}-10-2026")
    draw = random.Random(number)
    for _ in range(names):
        extract.add("denomination.csv", dotted(7), "1", "003", f"{draw.getrandbits(1000):0300x}")
    return extract


async def test_inv_15_a_file_eighty_times_as_large_is_not_held_in_memory(db, clock, tmp_path):
    small, large = country(1, FEW).zip(tmp_path), country(2, MANY).zip(tmp_path)
    with zipfile.ZipFile(large) as archive:
        size = archive.getinfo("denomination.csv").file_size
    first, held = await peak(db, clock, small)

    second, held_of_large = await peak(db, clock, large)

    assert (first.status, second.status) == (Status.APPLIED, Status.APPLIED)
    assert second.read["denomination"] == MANY + 40
    assert size > 12 * _MIB
    assert held_of_large < held + 2 * _MIB, "what is held does not grow with the file"


async def test_inv_15_activities_that_nobody_wants_are_not_even_read(db, clock, tmp_path):
    """They are most of an extract: here they could not be read without a word."""
    path = Extract.of(0, 1).zip(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("activity.csv", b"\xff\x00 no file of ours")

    unread = await apply_extract(db, path, clock, dry_run=True)
    read = await apply_extract(db, path, clock, activities=True, dry_run=True)

    assert (unread.status, "activity" in unread.read) == (Status.WOULD_APPLY, False)
    assert read.status is Status.REJECTED
