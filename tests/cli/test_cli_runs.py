"""Folders, results that are kept, and files in parallel."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
from commands import error, records
from threadpoolctl import threadpool_limits

from skdse._cli.arguments import main


def run_of_checkpoints(blobs, epochs=(1, 2, 10)):
    """Folder of checkpoints; a file of results and labels lie in it, too."""
    Path("run").mkdir(exist_ok=True)
    for epoch in epochs:
        np.save(f"run/epoch{epoch}.npy", epoch * blobs[0] + epoch)
    np.save("run/y.npy", blobs[1])
    return ("run", "--labels", "run/y.npy", "--out", "run/results.csv")


def rows_of(file):
    """Values of each row in a file of results but its seconds, by name."""
    table = pd.read_csv(file, dtype=str).set_index("name")
    assert table.index.is_unique
    return table.drop(columns="seconds").to_dict("index")


def test_rerun_measures_what_is_left_and_gives_the_same(capsys, folder, blobs):
    arguments = run_of_checkpoints(blobs)
    whole = records(capsys, *arguments)
    assert [one["name"] for one in whole] == ["epoch1.npy", "epoch2.npy", "epoch10.npy"]
    results = folder / "run" / "results.csv"
    written, of_whole = results.read_text(), rows_of(results)
    # The second row was being written when the power went.
    # (Not by skdse, which writes whole files.)
    results.write_text("".join(written.splitlines(keepends=True)[:3])[:-9])
    again = records(capsys, *arguments)
    assert again[0] == whole[0]
    assert rows_of(results) == of_whole
    assert again[1]["seconds"] != whole[1]["seconds"]
    # Nothing is left: not a byte changes.
    before = results.read_bytes()
    assert records(capsys, *arguments, "--verbose") == again
    assert results.read_bytes() == before


def test_other_parameters_labels_and_samples_are_other_rows(capsys, folder, blobs):
    arguments = run_of_checkpoints(blobs, epochs=[1])
    records(capsys, *arguments)
    (of_other_t,) = records(capsys, *arguments, "--t", "3")
    np.save("run/y.npy", blobs[1][::-1])
    (of_other_labels,) = records(capsys, *arguments)
    assert len((folder / "run" / "results.csv").read_text().splitlines()) == 4
    np.save("run/epoch1.npy", blobs[0])
    os.utime("run/epoch1.npy", (1, 1))
    (of_other_samples,) = records(capsys, *arguments)
    assert of_other_t["dse"] != of_other_labels["dse"] != of_other_samples["dse"]
    # The rows of the first run are still known.
    assert records(capsys, *arguments, "--t", "3", "--verbose")
    assert len((folder / "run" / "results.csv").read_text().splitlines()) == 6


def test_row_is_known_with_or_without_labels(capsys, folder):
    arguments = ["Z.npy", "--out", "r.csv", "--affinity", "precomputed"]
    np.save("Z.npy", np.eye(60))
    assert records(capsys, *arguments) == records(capsys, *arguments)


def test_files_in_parallel_give_the_same_rows(capsys, folder, blobs):
    run_of_checkpoints(blobs)
    np.save("run/epoch3.npy", np.zeros((60, 2, 2)))
    arguments = ["run", "--labels", "run/y.npy"]
    with threadpool_limits(1):
        one = records(capsys, *arguments)
    assert main(["report", *arguments, "--json", "--n-jobs", "2"]) == 0
    captured = capsys.readouterr()
    for by_one, by_two in zip(one, json.loads(captured.out), strict=True):
        assert {**by_one, "seconds": 0} == {**by_two, "seconds": 0}
    assert captured.err.startswith("skdse: epoch3.npy: warning: shape (60, 2, 2) flat")


def test_error_in_a_worker_is_one_line(capsys, folder):
    np.save("nan.npy", [[1.0, np.nan], [2.0, 3.0]])
    message = error(capsys, "nan.npy", "--n-jobs", "2")
    assert message == "nan.npy: Input X contains NaN."
