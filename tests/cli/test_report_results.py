"""Rows in a file: known again, whole at any moment, of one report at a time."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import error, records

import skdse
from skdse._cli.arguments import main
from skdse._cli.errors import InputError
from skdse._cli.files import find_sources
from skdse._cli.locks import locked
from skdse._cli.results import Results, Settings, read_rows

TYPES = {"name": str, "n": int, "x": float, "y": float}
HEADER = "name,n,x,y,size,modified,content,parameters,settings,versions\n"
RECORD = {"name": "a.npy", "n": 3, "x": 0.1 + 0.2, "y": None}
FILES = pytest.mark.parametrize("file", ["r.csv", "r.parquet"])


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def results(parameters="abc", file="r.csv"):
    found = Results(file, TYPES, Settings(parameters, "{}", "{}"), list(TYPES))
    return found


def source(name="a.npy"):
    if not os.path.exists(name):
        np.save(name, np.eye(3))
    (found,) = find_sources([name])
    return found


def write(file="r.csv", content="digest", **changes):
    """Write a row."""
    with results(file=file) as out:
        out.add(out.key(source()), RECORD | changes, content)


# Rows
# ----


@FILES
def test_rows_are_read_as_they_were_written(file):
    write(file)
    again = results(file=file)
    assert again.known == {again.key(source()): RECORD}
    assert again.contents_of(source()) == {"digest"}


@FILES
def test_rows_are_written_at_once(file):
    with results(file=file) as out:
        assert len(read_rows(file)) == 0
        for n in (1, 2):
            out.add(out.key(source()), RECORD, f"digest {n}")
            assert len(read_rows(file)) == n


@FILES
def test_a_digest_that_is_known_is_the_same_row(file):
    write(file)
    os.utime("a.npy", ns=(0, 0))
    with results(file=file) as out:
        assert out.key(source()) not in out.known
        assert out.add(out.key(source()), None, "digest") == RECORD
    assert len(read_rows(file)) == 1
    assert results(file=file).known == {out.key(source()): RECORD}
    write(file, content="other")
    assert len(read_rows(file)) == 2


@FILES
def test_other_parameters_are_not_known(file):
    write(file)
    assert results("xyz", file).known == {}
    with results("xyz", file) as out:
        out.add(out.key(source()), RECORD, "digest")
    assert len(read_rows(file)) == 2
    assert len(results(file=file).known) == 1


@pytest.mark.parametrize("cut", [1, 20, 40])
def test_interrupted_line_is_dropped(cut):
    write()
    text = Path("r.csv").read_text()
    Path("r.csv").write_text(text + text.splitlines(keepends=True)[1][:-cut])
    assert len(results().known) == 1
    with results():
        pass
    write()
    assert Path("r.csv").read_text() == text


@pytest.mark.parametrize("text", ["", HEADER[:5], HEADER])
def test_interrupted_header_is_written_again(text):
    Path("r.csv").write_text(text)
    with results():
        pass
    assert Path("r.csv").read_text() == HEADER


def test_changed_file_is_not_known():
    write()
    before = results().key(source())
    os.utime("a.npy", ns=(0, 0))
    assert before in results().known
    assert results().key(source()) not in results().known


@FILES
def test_names_with_commas_and_line_ends(file):
    one = {**RECORD, "name": 'a,"b"\nc'}
    with results(file=file) as out:
        out.add((one["name"], 1, 2), one, "digest")
    assert list(results(file=file).known.values()) == [one]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "thesis", "name,n\n"])
def test_other_files_are_not_touched(text):
    Path("r.csv").write_text(text)
    with pytest.raises(InputError, match=r"r.csv: these are not results of skdse"):
        results()
    assert Path("r.csv").read_text() == text
    pd.DataFrame({"a": [1]}).to_parquet("r.parquet")
    with pytest.raises(InputError, match=r"r.parquet: these are not results of skdse"):
        results(file="r.parquet")


@FILES
def test_results_of_other_columns_are_not_touched(file):
    columns = TYPES | {"dse": float, "old": float}
    of_old = Results(file, columns, Settings("abc", "{}", "{}"), list(columns))
    with of_old as out:
        row = RECORD | {"dse": 1.0, "old": 2.0}
        out.add(out.key(source()), row, "digest")
    content = Path(file).read_bytes()
    with pytest.raises(InputError, match="are of another version of skdse"):
        results(file=file)
    assert Path(file).read_bytes() == content


def test_results_have_a_format():
    with pytest.raises(
        InputError, match=r"r.txt: the extension must be one of \['.csv'"
    ):
        results(file="r.txt")


def test_without_a_path_nothing_is_written():
    with results(file=None) as out:
        out.add(("a", 1, 2), RECORD, "digest")
    assert os.listdir() == []


def test_large_files_are_written_less_often(monkeypatch):
    with results() as out:
        out.add(out.key(source()), RECORD, "0")
        monkeypatch.setattr("skdse._cli.results.SHORT", 0)
        monkeypatch.setattr("skdse._cli.results.SHARE", 1e-9)
        for n in range(1, 4):
            out.add(out.key(source()), RECORD, str(n))
        assert len(read_rows("r.csv")) == 1
    assert len(read_rows("r.csv")) == 4


def test_links_lead_to_the_same_file():
    write()
    try:
        os.symlink("r.csv", "link.csv")
    except OSError:
        pytest.skip("needs links")
    write("link.csv", content="other")
    assert os.path.islink("link.csv")
    assert len(read_rows("r.csv")) == 2


# What a report writes
# --------------------


def save_run(n=3):
    """Folder of checkpoints and labels."""
    Path("run").mkdir(exist_ok=True)
    r = np.random.default_rng(0)
    for i in range(n):
        np.save(f"run/epoch{i}.npy", r.normal(size=(60, 4)))
    np.save("y.npy", np.arange(60) % 3)


@FILES
def test_rows_have_all_that_made_them(capsys, file):
    save_run()
    arguments = [
        "run",
        "--labels",
        "y.npy",
        "--t",
        "2",
        "--sample",
        "50",
        "--out",
        file,
    ]
    printed = records(capsys, *arguments)
    rows = read_rows(file, None)
    assert [row["name"] for row in rows] == [one["name"] for one in printed]
    for row, one in zip(rows, printed, strict=True):
        assert {key: row[key] for key in one} == one
    settings, versions = (
        json.loads(rows[0]["settings"]),
        json.loads(rows[0]["versions"]),
    )
    assert settings["dse"]["t"] == settings["dsmi_wide"]["estimator__t"] == 2
    assert (settings["sample"], settings["labels"]) == ([50, 0], "y.npy")
    assert versions["skdse"] == skdse.__version__
    assert versions["numpy"] == np.__version__
    assert len({row["content"] for row in rows}) == 3


@FILES
@pytest.mark.parametrize("jobs", [[], ["--n-jobs", "2"]])
def test_what_is_not_changed_is_not_measured_again(capsys, file, jobs, monkeypatch):
    save_run()
    arguments = ["run", "--labels", "y.npy", "--out", file, *jobs]
    first = records(capsys, *arguments)
    # Copied anew; and one with other numbers.
    for i in range(3):
        os.utime(f"run/epoch{i}.npy", ns=(i, i))
    np.save("run/epoch1.npy", np.eye(60))
    again = records(capsys, *arguments)
    assert again[::2] == first[::2]
    assert again[1]["dse"] != first[1]["dse"]
    assert len(read_rows(file)) == 4
    # Nothing is left: not a byte is written.
    before = os.stat(file)
    monkeypatch.setattr("skdse._cli.results.replace_file", None)
    assert records(capsys, *arguments) == again
    assert os.stat(file) == before
    assert sorted(os.listdir()) == sorted(["run", "y.npy", file])


@FILES
def test_labels_beside_are_a_part_of_what_is_measured(capsys, file):
    Z, y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3
    np.savez("a.npz", Z=Z, y=y)
    (first,) = records(capsys, "a.npz", "--labels", "y", "--out", file)
    np.savez("a.npz", Z=Z, y=np.arange(60) // 20)
    (other,) = records(capsys, "a.npz", "--labels", "y", "--out", file)
    assert (first["dse"], len(read_rows(file))) == (other["dse"], 2)
    assert first["dsmi_share"] != other["dsmi_share"]


# Real processes
# --------------


def start(*arguments):
    """Start a report as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "skdse", "report", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(skdse.__file__).parents[1])},
    )


def rows_in(file):
    """Number of whole rows of a file that is there."""
    try:
        return len(read_rows(file))
    except FileNotFoundError:
        return 0


@FILES
def test_two_reports_of_one_file_wait_for_each_other(file):
    save_run(8)
    both = [start("run", "--out", file, "--json") for _ in range(2)]
    outputs = [one.communicate(timeout=120) for one in both]
    assert [one.returncode for one in both] == [0, 0], outputs
    first, second = (json.loads(out) for out, _ in outputs)
    # Even the seconds: what one has measured, the other takes from the file.
    assert first == second
    names = [row["name"] for row in read_rows(file)]
    assert sorted(names) == [f"epoch{i}.npy" for i in range(8)]
    assert {err for _, err in outputs} <= {
        "",
        f"skdse: waiting for another report, which writes {file}.\n",
    }


def test_who_waits_is_told_and_gets_the_file(capsys):
    save_run(1)
    with locked("r.csv"):
        waiting = start("run", "--out", "r.csv")
        line = waiting.stderr.readline()
        assert line == "skdse: waiting for another report, which writes r.csv.\n"
        assert waiting.poll() is None
    assert waiting.communicate(timeout=60)[1] == ""
    assert waiting.returncode == 0
    assert not re.search(r"lock|part", " ".join(os.listdir()))


@FILES
def test_a_report_that_is_killed_leaves_a_whole_file(file):
    save_run(8)
    r = np.random.default_rng(0)
    n_before = n_kills = 0
    while n_before < 8:
        one = start("run", "--out", file)
        while one.poll() is None and rows_in(file) < min(n_before + 2, 8):
            time.sleep(0.002)
        time.sleep(r.uniform(0, 0.02))
        if one.poll() is None:
            n_kills += 1
            one.kill()
        one.communicate(timeout=60)
        rows = read_rows(file)
        assert [row["name"] for row in rows] == [
            f"epoch{i}.npy" for i in range(len(rows))
        ]
        assert all(isinstance(row["dse"], float) for row in rows)
        assert len(rows) > n_before
        n_before = len(rows)
    assert n_kills > 0
    # The lock of a process that is no more is free.
    assert main(["report", "run", "--out", file, "--json"]) == 0
    assert not Path(f".{file}.lock").exists()


def test_a_file_that_cannot_be_locked_is_an_error(capsys):
    np.save("Z.npy", np.eye(3))
    assert error(capsys, "Z.npy", "--out", "no/r.csv") == (
        "no/r.csv: No such file or directory"
    )
