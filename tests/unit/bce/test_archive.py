"""What we accept as the files of an extract."""

import warnings
import zipfile

import pytest

from iam.bce.archive import Bounds, ExtractFiles, UnreadableExtract


def zipped(path, *members):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members:
                archive.writestr(name, data)
    return path


def reason(path, bounds=None):
    with pytest.raises(UnreadableExtract) as refused:
        with ExtractFiles(path, bounds) as files, files.open("meta.csv") as file:
            file.read()
    return refused.value.reason


def test_a_zip_and_a_folder_read_alike(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "Meta.csv").write_bytes(b"abc")
    for path in (zipped(tmp_path / "a.zip", ("META.CSV", b"abc")), folder):
        with ExtractFiles(path) as files:
            assert "meta.csv" in files
            assert "code.csv" not in files
            assert len(files.sha256()) == 32
            with files.open("meta.csv") as file:
                assert file.readline() == b"abc"


@pytest.mark.parametrize(
    "name",
    [
        "../meta.csv", "/etc/meta.csv", "a/b/meta.csv", "./../meta.csv", "a\\meta.csv", "c:meta.csv", "/", "a/b/",
        "a/..", "../",
    ],
)  # fmt: skip
def test_a_name_that_is_a_path_condemns_the_zip(tmp_path, name):
    assert reason(zipped(tmp_path / "a.zip", (name, b"x"))) == "pathInName"


def test_one_folder_with_everything_in_it_is_left_off(tmp_path):
    path = zipped(tmp_path / "a.zip", ("Full/", b""), ("Full/META.csv", b"abc"), ("Full/code.csv", b"x"))
    with ExtractFiles(path) as files, files.open("meta.csv") as file:
        assert file.read() == b"abc"
        assert "code.csv" in files


@pytest.mark.parametrize("second", ["meta.csv", "b/code.csv"])
def test_files_in_several_folders_condemn_it(tmp_path, second):
    assert reason(zipped(tmp_path / "a.zip", ("a/meta.csv", b"x"), (second, b"y"))) == "pathInName"


def test_two_files_of_one_name_condemn_it(tmp_path):
    assert reason(zipped(tmp_path / "a.zip", ("meta.csv", b"x"), ("META.csv", b"y"))) == "twice"


def test_a_bomb_is_not_unpacked(tmp_path):
    assert reason(zipped(tmp_path / "a.zip", ("meta.csv", bytes(8 << 20)))) == "tooLarge"


def test_no_more_is_read_than_the_bound(tmp_path):
    """In a folder nothing tells the size beforehand."""
    (tmp_path / "meta.csv").write_bytes(b"x" * 100)

    assert reason(tmp_path, Bounds(file_bytes=99)) == "tooLarge"
    assert reason(zipped(tmp_path / "a.zip", ("meta.csv", b"x" * 100)), Bounds(file_bytes=99)) == "tooLarge"


def test_a_cut_or_spoilt_zip_is_noticed(tmp_path):
    path = zipped(tmp_path / "a.zip", ("meta.csv", b"0123456789" * 1000))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert reason(path) == "damaged"
    path.write_bytes(whole[:45] + bytes([whole[45] ^ 0xFF]) + whole[46:])
    assert reason(path) == "damaged"


def test_what_is_not_there_is_said(tmp_path):
    assert reason(tmp_path / "nothing.zip") == "notFound"
    assert reason(zipped(tmp_path / "a.zip", ("code.csv", b"x"))) == "missing"
