"""The work folder: parts are not files, one process at a time, no more files than agreed."""

import os

import pytest

from iam.bce.fetch.work import FolderBusy, WorkFolder, append_to


@pytest.fixture
def work(tmp_path):
    with WorkFolder(tmp_path / "work").locked() as folder:
        yield folder


def whole(work, name, *, age=0):
    work.begin(name, size=1, stamp="s")
    path = work.finish(name)
    os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    return path


def test_a_part_knows_what_is_here_and_what_the_whole_is(work):
    with append_to(work.begin("x.zip", size=5, stamp="one")) as file:
        file.write(b"abc")
    part = work.part("x.zip")

    assert (part.size, part.whole, part.stamp, part.complete) == (3, 5, "one", False)
    assert not work.file("x.zip").exists()

    with append_to(part.path) as file:
        file.write(b"de")
    assert work.part("x.zip").complete
    assert work.finish("x.zip").read_bytes() == b"abcde"
    assert work.part("x.zip") is None


def test_a_part_without_its_note_or_with_a_torn_one_is_nothing_to_go_on_with(work, tmp_path):
    path = work.begin("x.zip", size=5, stamp="one")
    note = path.with_name("x.zip.part.json")
    note.write_text('{"size": 5')
    torn = work.part("x.zip")
    note.unlink()

    assert torn is None
    assert work.part("x.zip") is None


def test_a_new_beginning_takes_away_what_was_here(work):
    with append_to(work.begin("x.zip", size=5, stamp="one")) as file:
        file.write(b"abc")
    work.begin("x.zip", size=7, stamp="two")

    assert (work.part("x.zip").size, work.part("x.zip").stamp) == (0, "two")


def test_the_newest_files_are_kept_and_those_that_are_spared(work):
    for age, name in enumerate(["a.zip", "b.zip", "c.zip", "d.zip"]):
        whole(work, name, age=age)
    work.begin("e.zip", size=1, stamp="s")

    work.tidy(2, sparing=frozenset({"d.zip"}))

    assert [work.file(name).exists() for name in ("a.zip", "b.zip", "c.zip", "d.zip")] == [
        True,
        True,
        False,
        True,
    ]
    assert work.part("e.zip") is not None


def test_parts_of_what_is_offered_no_more_are_gone(work):
    for name in ("a.zip", "b.zip"):
        work.begin(name, size=1, stamp="s")

    work.forget_parts(besides=frozenset({"b.zip"}))

    assert work.part("a.zip") is None
    assert work.part("b.zip") is not None


def test_the_folder_is_for_one_process_at_a_time_and_for_its_owner(work, tmp_path):
    with pytest.raises(FolderBusy), WorkFolder(tmp_path / "work").locked():
        pytest.fail("two at once")
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_left_is_free_again(tmp_path):
    for _ in range(2):
        with WorkFolder(tmp_path / "work").locked() as folder:
            assert folder.file("x.zip").parent == tmp_path / "work"
