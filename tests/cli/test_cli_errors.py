"""Bad input to the command line: one line, exit status 2."""

import io
import json
import sys

import numpy as np
import pytest
from commands import error, save_bad_files

from skdse._cli.arguments import main
from skdse._cli.readers.kinds import READERS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("missing.npy", "missing.npy: no such file."),
        ("folder.npy", f"folder.npy: no file of {sorted(READERS)} in this folder."),
        (
            "Z.pkl",
            f"Z.pkl: the extension must be one of {sorted(READERS)}; got '.pkl'.",
        ),
        (
            "flat.npy",
            "flat.npy: expected samples x features; got shape (5,). Labels are "
            "given as --labels FILE; else reshape it: array.reshape(-1, 1) is one "
            "feature.",
        ),
        ("nan.npy", "nan.npy: Input X contains NaN."),
        (
            "none.npy",
            "none.npy: Found array with 0 sample(s) (shape=(0, 3)) while a minimum "
            "of 1 is required by DiffusionSpectralEntropy.",
        ),
        (
            "empty.csv",
            "empty.csv: Found array with 0 sample(s) (shape=(0, 1)) while a minimum "
            "of 1 is required by DiffusionSpectralEntropy.",
        ),
        ("text.npy", "text.npy: representations must be numbers; got dtype <U1."),
        (
            "object.npy",
            "object.npy: holds Python objects, and reading these could run any code. "
            "Write the numbers or the text alone, for instance numpy.save(file, "
            "array.astype(str)).",
        ),
        (
            "fake.npy",
            "fake.npy: the magic string is not correct; expected b'\\x93NUMPY', got "
            "b'1,2\\n3,'",
        ),
        ("fake.npz", "fake.npz: not an archive as numpy.savez writes it."),
        ("flat.npz", "flat.npz: no array of two dimensions among ['a']."),
        (
            "flat.npz:b",
            "flat.npz:b: no array of this name; the archive has ['a'].",
        ),
        (
            "word.csv",
            "word.csv: could not convert string 'x' to float64 at row 1, column 2.",
        ),
        (
            "mixed.parquet",
            "mixed.parquet: columns must be numeric; these are not: ['b']. --labels "
            "NAME takes a column as the labels, and FILE:NAME measures a single one; "
            "leave out a column of other texts, such as names of samples.",
        ),
        (
            "Z.npy --labels q",
            "Z.npy: labels 'q': a .npy file has a single array, without a name.",
        ),
        ("Z.npy --labels y.npz:q", "y.npz: no such file."),
        ("--sample 5", "--sample needs files to measure; got none."),
        ("Z.npy --labels short.npy", "Z.npy: 60 samples, but 3 labels."),
        ("Z.npy --n-jobs 0", "n_jobs: n_jobs == 0 in Parallel has no meaning"),
        ("Z.npy --n-jobs 2 --dask x", "--n-jobs is for this machine, not for --dask."),
        ("Z.npy --out missing/r.csv", "missing/r.csv: No such file or directory"),
        ("--out r.csv", "--out needs files to measure; got none."),
        ("--dask tcp://x:1", "--dask needs files to measure; got none."),
        ("Z.npy --labels missing.txt", "missing.txt: no such file."),
        (
            "Z.npy --labels Z.pkl",
            f"Z.pkl: the extension must be one of {sorted([*READERS, '.txt'])}; got "
            "'.pkl'.",
        ),
        (
            "Z.npy --labels words.csv --target discrete",
            "Z.npy: 60 samples, but 2 labels.",
        ),
        (
            "Z.npy --labels nan_labels.npy",
            "nan_labels.npy: y contains NaN; give every sample a value.",
        ),
        ("--labels y.npy", "--labels needs files to measure; got none."),
        ("--target discrete", "--target needs files to measure; got none."),
        ("Z.npy --target discrete", "--target needs --labels."),
        (
            "Z.npy --labels y.npy --target banana",
            "target must be one of ['auto', 'continuous', 'discrete']; got 'banana'.",
        ),
        (
            "Z.npy --bandwidth -1",
            "bandwidth must be a positive number or one of ['adaptive', 'auto', "
            "'knn', 'median', 'reduced']; got -1.",
        ),
        (
            "Z.npy --n-neighbors 1.5",
            "n_neighbors must be an instance of int, not float.",
        ),
        ("Z.npy --n-groups 1", "n_groups == 1, must be >= 2."),
        (
            "Z.npy --random-state banana",
            "random_state: 'banana' cannot be used to seed a "
            "numpy.random.RandomState instance",
        ),
        ("Z.npy --banana", "unrecognized arguments: --banana"),
        ("Z.npy --alpha", "argument --alpha: expected one argument"),
        ("Z.npy --plot missing/rows.png", "missing/rows.png: no such directory."),
    ],
)
def test_bad_input_is_one_line(capsys, folder, arguments, message):
    save_bad_files()
    assert error(capsys, *arguments.split()) == message


def test_names_that_are_too_long_are_one_line(capsys, folder):
    name = f"{'x' * 300}.npy"
    assert error(capsys, name).startswith(f"{name}: ")


def test_broken_parquet_is_one_line(capsys, folder):
    save_bad_files()
    # The rest of the message is pyarrow's.
    assert error(capsys, "fake.parquet").startswith("fake.parquet: ")


def test_unknown_plot_extension_is_an_error_before_any_work(capsys, folder):
    message = error(capsys, "Z.npy", "--plot", "rows.banana")
    assert message.startswith("rows.banana: the extension of a plot must be one of [")
    assert message.endswith("]; got 'banana'.")


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        (
            "matplotlib.figure",
            "Z.npy --plot rows.png",
            '--plot needs an optional package: pip install "skdse[plot]".',
        ),
        (
            "distributed",
            "Z.npy --dask tcp://127.0.0.1:1",
            '--dask needs an optional package: pip install "skdse[dask]".',
        ),
        (
            "pyarrow",
            "mixed.parquet",
            'reading .parquet needs an optional package: pip install "skdse[report]".',
        ),
    ],
)
def test_missing_extra_is_named(
    capsys, folder, monkeypatch, module, arguments, message
):
    save_bad_files()
    monkeypatch.setitem(sys.modules, module, None)
    assert error(capsys, *arguments.split()) == message


def test_what_does_not_fit_in_memory_is_one_line(capsys, folder):
    # No machine has 87 TiB.
    np.save("Z.npy", np.linspace(0, 1, 2_000_000, dtype=np.float32)[:, None])
    message = error(capsys, "Z.npy", "--eigen-solver", "dense")
    assert message.startswith("Z.npy: A dense 2000000 x 2000000 affinity needs")


def test_rows_before_an_error_are_printed(capsys, folder):
    save_bad_files()
    with pytest.raises(SystemExit) as exit_info:
        main(["report", "Z.npy", "nan.npy", "--json"])
    assert exit_info.value.code == 2
    captured = capsys.readouterr()
    assert [one["name"] for one in json.loads(captured.out)] == ["Z.npy"]
    assert captured.err == "skdse: error: nan.npy: Input X contains NaN.\n"


def test_interruption_is_one_line_and_keeps_what_is_done(capsys, folder, monkeypatch):
    class Interrupting(io.StringIO):
        """Standard error of a user who stops at the note on the second array."""

        def write(self, text):
            if "y.npz:b" in text:
                raise KeyboardInterrupt
            return super().write(text)

    np.savez("y.npz", a=np.eye(5), b=np.ones((5, 2, 2)))
    monkeypatch.setattr(sys, "stderr", Interrupting())
    with pytest.raises(SystemExit) as exit_info:
        main(["report", "y.npz", "--json"])
    assert exit_info.value.code == 130
    captured = capsys.readouterr()
    assert [one["name"] for one in json.loads(captured.out)] == ["y.npz:a"]
    assert sys.stderr.getvalue() == "skdse: interrupted\n"


def test_errors_of_our_own_keep_their_traceback(folder, monkeypatch):
    class Broken(io.StringIO):
        def write(self, text):
            return 1 / 0

    monkeypatch.setattr(sys, "stdout", Broken())
    with pytest.raises(ZeroDivisionError):
        main(["report", "Z.npy"])
