"""Files that the command line reads and writes."""

import os

import numpy as np
import pytest

from skdse._cli.files import (
    InputError,
    Results,
    Source,
    find_sources,
    read_labels,
    read_samples,
)

TYPES = {"name": str, "n": int, "x": float, "y": float}
HEADER = "name,n,x,y,size,modified,parameters\n"


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
    with pytest.raises(InputError, match=r"empty: no file of \['.csv', .*in this fold"):
        find_sources(["empty"])


def test_sources_do_not_depend_on_the_current_directory(tmp_path, monkeypatch):
    save("runs/a.npy")
    np.savez_compressed("runs/b.npz", x=2 * np.eye(3))
    found = find_sources(["runs"])
    monkeypatch.chdir("runs")
    for scale, source in enumerate(found, 1):
        np.testing.assert_array_equal(read_samples(source), scale * np.eye(3))


def test_npy_is_not_read_before_it_is_used(tmp_path):
    save("a.npy")
    assert isinstance(read_samples(Source("a", tmp_path / "a.npy")), np.memmap)


def test_array_with_names_of_its_columns_is_no_matrix():
    np.savez("a.npz", table=np.zeros(3, dtype=[("é", float)]), Z=np.eye(2))
    assert names(["a.npz"]) == ["a.npz:Z"]


def test_labels_must_be_there():
    with pytest.raises(InputError, match=r"y.npy: no such file\."):
        read_labels("y.npy")


# Results


def results(parameters="abc"):
    return Results("r.csv", tuple(TYPES), TYPES, parameters)


def source():
    if not os.path.exists("a.npy"):
        save("a.npy")
    (found,) = find_sources(["a.npy"])
    return found


RECORD = {"name": "a.npy", "n": 3, "x": 0.1 + 0.2, "y": None}


def write(text=None):
    """Write a row, or a text that is there."""
    if text is not None:
        with open("r.csv", "w", newline="") as file:
            file.write(text)
        return
    with results() as out:
        out.add(out.key(source()), RECORD)


def test_rows_are_read_as_they_were_written():
    write()
    assert results().known == {results().key(source()): RECORD}


def test_rows_are_written_at_once():
    with results() as out:
        out.add(out.key(source()), RECORD)
        with open("r.csv") as file:
            assert file.read().count("\n") == 2


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_interrupted_line_is_dropped(cut):
    write()
    with open("r.csv") as file:
        text = file.read()
    write(text + text.splitlines(keepends=True)[1][:-cut])
    assert len(results().known) == 1
    with open("r.csv") as file:
        assert file.read() == text


@pytest.mark.parametrize("text", ["", HEADER[:5], HEADER])
def test_interrupted_header_is_written_again(text):
    write(text)
    with results():
        pass
    with open("r.csv") as file:
        assert file.read() == HEADER


def test_other_parameters_are_not_known():
    write()
    assert results("xyz").known == {}
    assert len(results().known) == 1


def test_changed_file_is_not_known():
    write()
    before = results().key(source())
    os.utime("a.npy", ns=(0, 0))
    (after,) = find_sources(["a.npy"])
    assert before in results().known
    assert results().key(after) not in results().known


def test_names_with_commas_and_line_ends():
    one = {**RECORD, "name": 'a,"b"\nc'}
    with results() as out:
        out.add((one["name"], "1", "2", "abc"), one)
    assert list(results().known.values()) == [one]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "thesis", "name,n\n"])
def test_other_files_are_not_touched(text):
    write(text)
    with pytest.raises(InputError, match=r"r.csv: these are not results of skdse"):
        results()
    with open("r.csv") as file:
        assert file.read() == text


def test_results_are_csv():
    with pytest.raises(InputError, match=r"r.txt: the extension must be one of"):
        Results("r.txt", (), {}, "")


def test_without_a_path_nothing_is_written():
    with Results(None, (), {}, "") as out:
        out.add(("a",), RECORD)
    assert os.listdir() == []
