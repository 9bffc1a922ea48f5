"""Warnings on the command line: one plain line each."""

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest

from skdse._cli import arguments
from skdse._cli.arguments import main
from skdse._spectra import solvers

ROWS = {
    "--bandwidth 1e-6": "skdse: Z.npy: warning: Every sample sees only itself",
    "--metric cosine": "skdse: Z.npy: warning: 1 of 60 samples are rows of zeros",
    "--t matched": "skdse: Z.npy: warning: --t matched is the time of",
    "--eigen-solver lanczos --tol 1e-9 --t 0.01": "skdse: Z.npy: warning: --eigen-sol",
    "--affinity nearest_neighbors --n-neighbors 1 --labels other.npy": "skdse: Z.npy: "
    "warning: 87% of the samples have no edge of the graph",
    "--labels same.npy": "skdse: Z.npy: warning: y has a single group",
    "--labels one_hot.npy": "skdse: one_hot.npy: warning: y has a single 1 in each",
    "--labels values.npy": "skdse: values.npy: warning: y has 30 groups of median",
    "--labels Z.npz:one_hot": "skdse: Z.npz:one_hot: warning: y has a single 1",
}


@pytest.fixture
def targets(folder, blobs):
    """Samples with a zero row, and labels of the kinds that are warned of."""
    Z, y = blobs
    Z = Z.copy()
    Z[0] = 0
    np.save("Z.npy", Z)
    np.save("same.npy", np.zeros(60))
    np.save("one_hot.npy", np.eye(3)[y])
    np.save("values.npy", 3 * (np.arange(60) // 2))
    np.save("other.npy", np.arange(60) % 30 // 3)
    np.savez("Z.npz", Z=Z, one_hot=np.eye(3)[y])


def said(capsys, *arguments):
    """Lines on standard error, each a warning."""
    assert main([*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    json.loads(captured.out)
    lines = captured.err.splitlines()
    assert all(one.startswith("skdse: ") and ": warning: " in one for one in lines)
    return lines


@pytest.mark.parametrize("given", ROWS)
@pytest.mark.parametrize("n_jobs", [None, 1])
def test_warnings_of_rows_are_lines_with_their_name(capsys, targets, given, n_jobs):
    jobs = [] if n_jobs is None else ["--n-jobs", str(n_jobs)]
    lines = said(capsys, "report", "Z.npy", *given.split(), *jobs)
    assert any(one.startswith(ROWS[given]) for one in lines)
    assert len(lines) == len(set(lines))


def test_warnings_that_a_process_prints_are_lines(targets):
    command = [sys.executable, "-m", "skdse", "report", "Z.npy"]
    command += ["--labels", "one_hot.npy", "--bandwidth", "1e-6", "--n-jobs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert [one.partition(": warning: ")[0] for one in lines] == [
        "skdse: one_hot.npy",
        "skdse: Z.npy",
    ]


def test_warnings_of_the_digits_are_lines_with_their_state(capsys, monkeypatch):
    monkeypatch.setattr("skdse._cli.digits.EPOCHS", (0,))
    lines = said(capsys, "report", "--bandwidth", "1e-6")
    states = [one.partition(", epoch 0: warning: Every sample")[0] for one in lines]
    assert states == ["skdse: right labels", "skdse: permuted labels"]


def test_warnings_of_a_plot_are_lines(capsys, targets, monkeypatch):
    # The font of matplotlib has no such letter.
    np.save("\N{HANGUL SYLLABLE GAG}.npy", np.eye(5))
    given = ["\N{HANGUL SYLLABLE GAG}.npy", "--bandwidth", "1", "--plot", "rows.png"]
    (line,) = said(capsys, "report", *given)
    assert line.startswith("skdse: warning: Glyph 44033 ")


@pytest.mark.parametrize("command", ["compare a.csv b.csv", "report Z.npy"])
@pytest.mark.parametrize("category", [UserWarning, RuntimeWarning, FutureWarning])
def test_warnings_of_other_packages_are_lines(capsys, monkeypatch, command, category):
    def warn(args):
        warnings.warn("two\nlines\x1b[1m", category, stacklevel=1)
        return 0

    for name in ("_compare", "_report"):
        monkeypatch.setattr(arguments, name, warn)
    with warnings.catch_warnings(action="default"):
        assert main(command.split()) == 0
    assert capsys.readouterr().err == "skdse: warning: two lines\ufffd[1m\n"


def test_warnings_as_errors_are_still_errors_of_other_packages(monkeypatch):
    def warn(args):
        warnings.warn("to come", FutureWarning, stacklevel=1)

    monkeypatch.setattr(arguments, "_report", warn)
    with pytest.raises(FutureWarning):
        main(["report"])


def test_long_jobs_are_lines(capsys, targets, monkeypatch):
    monkeypatch.setattr(solvers, "LONG", 1e-9)
    lines = said(capsys, "report", "Z.npy", "--labels", "y.npy")
    starts = [one.removeprefix("skdse: Z.npy: warning: ")[:12] for one in lines]
    assert "All pairs of" in starts
    assert "8 groups and" in starts  # 3, and 5 random subsets
