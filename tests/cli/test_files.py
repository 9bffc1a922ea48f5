"""Files that the command line reads."""

import os

import numpy as np
import pytest

from skdse._cli.errors import InputError
from skdse._cli.files import Source, find_labels, find_sources, read_samples


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def save(*names):
    for name in names:
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        np.save(name, np.eye(3))


def names(*arguments):
    return [source.name for source in find_sources(*arguments)]


# Sources


def test_numbers_in_names_sort_as_numbers():
    save("runs/epoch10.npy", "runs/epoch2.npy", "runs/a/epoch3.npy", "runs/1.npy")
    assert names(["runs"]) == ["1.npy", "a/epoch3.npy", "epoch2.npy", "epoch10.npy"]


def test_archives_in_folders_and_whatever_else_lies_there():
    save("runs/b.npy", "runs/.hidden.npy", "runs/.cache/c.npy", "runs/c.txt.npy")
    os.rename("runs/c.txt.npy", "runs/c.txt")
    np.savez("runs/a.npz", x=np.eye(2), y=np.ones(2), z=np.eye(3))
    assert names(["runs"]) == ["a.npz:x", "a.npz:z", "b.npy"]


def test_other_files_of_the_command_are_left_out():
    save("runs/y.npy", "runs/b.npy")
    assert names(["runs"], (None, "runs/y.npy")) == ["b.npy"]


def test_files_and_folders_in_the_order_given():
    save("z.npy", "runs/a.npy", "b/c.npy")
    assert names(["z.npy", "runs", "b"]) == ["z.npy", "a.npy", "c.npy"]


def test_names_are_told_apart_by_their_folders():
    save("run1/a.npy", "run2/a.npy")
    assert names(["run1", "run2"]) == ["run1/a.npy", "run2/a.npy"]


def test_folder_without_files():
    os.mkdir("empty")
    with pytest.raises(
        InputError, match=r"empty: no file of \['.arrow', .*in this folder"
    ):
        find_sources(["empty"])


def test_sources_do_not_depend_on_the_current_directory(tmp_path, monkeypatch):
    save("runs/a.npy")
    np.savez_compressed("runs/b.npz", x=2 * np.eye(3))
    found = find_sources(["runs"])
    monkeypatch.chdir("runs")
    for scale, source in enumerate(found, 1):
        np.testing.assert_array_equal(read_samples(source)[0], scale * np.eye(3))


def test_npy_is_not_read_before_it_is_used(tmp_path):
    save("a.npy")
    assert isinstance(read_samples(Source("a", tmp_path / "a.npy"))[0], np.memmap)


def test_array_with_names_of_its_columns_is_no_matrix():
    np.savez("a.npz", table=np.zeros(3, dtype=[("é", float)]), Z=np.eye(2))
    assert names(["a.npz"]) == ["a.npz:Z"]


def test_labels_must_be_there():
    with pytest.raises(InputError, match=r"y.npy: no such file\."):
        find_labels("y.npy")
