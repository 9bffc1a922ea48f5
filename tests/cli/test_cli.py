"""Tests of the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs
from threadpoolctl import threadpool_limits

import skdse
from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._cli import arguments as _cli
from skdse._cli import report as _report
from skdse._cli.arguments import main

PNG = b"\x89PNG\r\n"
FILE_KEYS = {
    "name",
    "n_samples",
    "n_features",
    "dse",
    "dse_std_error",
    "effective_rank",
    "bandwidth",
    "seconds",
}
LABEL_KEYS = {"dsmi_y", "dsmi_y_std_error"}


@pytest.fixture(scope="module")
def blobs():
    """Samples and labels that they tell."""
    return make_blobs(60, n_features=4, centers=3, random_state=0)


@pytest.fixture
def folder(tmp_path, monkeypatch, blobs):
    """Current directory with Z.npy and its labels y.npy."""
    monkeypatch.chdir(tmp_path)
    np.save("Z.npy", blobs[0])
    np.save("y.npy", blobs[1])
    return tmp_path


def records(capsys, *arguments):
    """Records that ``skdse report --json`` prints, and nothing beside them."""
    assert main(["report", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def error(capsys, *arguments):
    """The one line of an error, after exit status 2."""
    with pytest.raises(SystemExit) as exit_info:
        main(["report", *arguments])
    assert exit_info.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("skdse: error: ")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("skdse: error: ").rstrip("\n")


# Files


def write_npz(Z):
    np.savez("Z.npz", Z=Z)
    return "Z.npz", "Z.npz:Z"


def write_csv(Z):
    pd.DataFrame(Z).to_csv("Z.csv", index=False, header=False)
    return "Z.csv", "Z.csv"


def write_csv_with_names(Z):
    names = ['"a"', "b", "c", "d"]
    np.savetxt("Z.csv", Z, delimiter=",", header=",".join(names), comments="")
    return "Z.csv", "Z.csv"


def write_parquet(Z):
    pd.DataFrame(Z, columns=list("abcd")).to_parquet("Z.parquet")
    return "Z.parquet", "Z.parquet"


@pytest.mark.parametrize(
    "write", [write_npz, write_csv, write_csv_with_names, write_parquet]
)
def test_each_file_type_gives_the_values_of_npy(capsys, folder, blobs, write):
    file, name = write(blobs[0])
    of_npy, of_file = records(capsys, "Z.npy", file, "--labels", "y.npy")
    assert of_npy["name"] == "Z.npy"
    assert of_file["name"] == name
    for key in FILE_KEYS - {"name", "seconds"} | LABEL_KEYS:
        assert of_file[key] == pytest.approx(of_npy[key], rel=1e-9)


def test_npz_has_a_row_for_each_matrix_or_for_the_key(capsys, folder, blobs):
    Z, y = blobs
    np.savez("runs.npz", first=Z, y=y, second=2 * Z)
    names = [one["name"] for one in records(capsys, "runs.npz")]
    assert names == ["runs.npz:first", "runs.npz:second"]
    (record,) = records(capsys, "runs.npz:second")
    assert record["name"] == "runs.npz:second"


def test_json_agrees_with_the_estimators(capsys, folder, blobs):
    Z, y = blobs
    (record,) = records(capsys, "Z.npy", "--labels", "y.npy")
    assert set(record) == FILE_KEYS | LABEL_KEYS
    dse = DiffusionSpectralEntropy(random_state=0).fit(Z)
    dsmi = DiffusionSpectralMI(random_state=0).fit(Z, y)
    assert (record["n_samples"], record["n_features"]) == Z.shape
    assert record["dse"] == dse.entropy_
    assert record["dse_std_error"] == dse.entropy_std_error_
    assert record["effective_rank"] == dse.effective_rank_
    assert record["bandwidth"] == dse.bandwidth_
    assert record["dsmi_y"] == dsmi.mutual_info_
    assert record["dsmi_y_std_error"] == dsmi.mutual_info_std_error_
    assert 0 < record["seconds"] < 60


def test_options_reach_the_estimators(capsys, folder, blobs):
    Z, y = blobs
    (record,) = records(
        capsys,
        *("Z.npy", "--labels", "y.npy", "--bandwidth", "3", "--alpha", "1"),
        *("--t", "2.5", "--metric", "manhattan", "--n-repeats", "3"),
        *("--random-state", "7"),
    )
    params = {"bandwidth": 3, "alpha": 1, "t": 2.5, "metric": "manhattan"}
    dse = DiffusionSpectralEntropy(**params, random_state=7)
    dsmi = DiffusionSpectralMI(dse, n_repeats=3, random_state=7)
    assert record["dse"] == dse.fit(Z).entropy_
    assert record["dsmi_y"] == dsmi.fit(Z, y).mutual_info_


def test_normalize_gives_shares_of_both_entropies(capsys, folder, blobs):
    Z, y = blobs
    (record,) = records(capsys, "Z.npy", "--labels", "y.npy", "--normalize")
    dse = DiffusionSpectralEntropy(normalize=True, random_state=0).fit(Z)
    dsmi = DiffusionSpectralMI(normalize=True, random_state=0).fit(Z, y)
    assert record["dse"] == dse.entropy_
    assert record["dsmi_y"] == dsmi.mutual_info_
    main(["report", "Z.npy", "--normalize"])
    assert "DSE [share]" in capsys.readouterr().out


def test_every_parameter_of_the_estimators_is_an_option(capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(["report", "--help"])
    assert exit_info.value.code == 0
    text = capsys.readouterr().out
    names = set(DiffusionSpectralEntropy().get_params())
    names |= set(DiffusionSpectralMI().get_params()) - {"estimator", "clusterer"}
    for name in names:
        assert f"--{name.replace('_', '-')}" in text
    assert "(default: 0.5)" in text


def test_table_is_aligned_and_has_errors_of_both_measures(capsys, folder):
    np.save("longer_name.npy", np.eye(60, 2))
    main(["report", "Z.npy", "longer_name.npy", "--labels", "y.npy"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "name"
    assert lines[0].count("± s.e.") == 2
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1


def test_values_without_a_number_are_null_or_a_dash(capsys, folder):
    arguments = ["Z.npy", "--labels", "y.npy", "--n-repeats", "1"]
    assert records(capsys, *arguments)[0]["dsmi_y_std_error"] is None
    main(["report", *arguments])
    assert " - " in capsys.readouterr().out


def test_adaptive_bandwidth_is_shown_by_its_median(capsys, folder, blobs):
    (record,) = records(capsys, "Z.npy", "--bandwidth", "adaptive")
    dse = DiffusionSpectralEntropy(bandwidth="adaptive").fit(blobs[0])
    assert record["bandwidth"] == np.median(dse.bandwidth_)


def test_precomputed_affinity_has_no_bandwidth(capsys, folder):
    np.save("G.npy", np.eye(60))
    (record,) = records(capsys, "G.npy", "--affinity", "precomputed")
    assert record["bandwidth"] is None
    assert record["dse"] == pytest.approx(np.log2(60))


def test_none_is_a_value(capsys, folder):
    assert records(capsys, "Z.npy", "--max-samples", "none", "--random-state", "none")


def test_more_dimensions_than_two_are_flattened(capsys, folder):
    np.save("maps.npy", np.random.default_rng(0).normal(size=(10, 3, 2, 2)))
    assert main(["report", "maps.npy", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)[0]["n_features"] == 12
    assert captured.err == (
        "skdse: maps.npy: warning: shape (10, 3, 2, 2) flattened to (10, 12).\n"
    )


def test_warnings_are_one_line_each(capsys, folder):
    assert main(["report", "Z.npy", "--bandwidth", "1e-6"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("skdse: Z.npy: warning: Every sample sees only its")
    assert captured.err.count("\n") == 1


def test_progress_on_a_terminal_is_one_line_cleared_in_the_end(
    capsys, folder, monkeypatch
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    main(["report", "Z.npy"])
    shown = capsys.readouterr().err.split("\r\033[K")
    assert shown[:2] == ["", "measuring: 0 % (0 s)"]
    assert shown[-1] == ""


# Folders and results that are kept


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


# Labels


def write_strings_npy(names):
    np.save("names.npy", names)
    return "names.npy"


def write_strings_csv(names):
    pd.Series(names).to_csv("names.csv", index=False, header=False)
    return "names.csv"


def write_strings_txt(names):
    Path("names.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    return "names.txt"


def write_numbers_csv_with_name(names):
    pd.Series(np.unique(names, return_inverse=True)[1], name="y").to_csv(
        "numbers.csv", index=False
    )
    return "numbers.csv"


def write_numbers_txt(names):
    np.savetxt("numbers.txt", np.unique(names, return_inverse=True)[1])
    return "numbers.txt"


@pytest.mark.parametrize(
    "write",
    [
        write_strings_npy,
        write_strings_csv,
        write_strings_txt,
        write_numbers_csv_with_name,
        write_numbers_txt,
    ],
)
def test_labels_of_any_type_are_groups(capsys, folder, blobs, write):
    Z, y = blobs
    file = write(np.array(["a cat, black", "b dog", "c é"])[y])
    (record,) = records(capsys, "Z.npy", "--labels", file)
    expected = DiffusionSpectralMI(random_state=0).fit(Z, y).mutual_info_
    assert record["dsmi_y"] == expected


def test_continuous_target_is_grouped_as_by_the_estimator(capsys, folder, blobs):
    Z, _ = blobs
    np.savetxt("angle.csv", Z[:, 0])
    dsmi = DiffusionSpectralMI(random_state=0, n_groups=4)
    expected = dsmi.fit(Z, Z[:, 0]).mutual_info_
    for target in ("auto", "continuous"):
        arguments = ["--labels", "angle.csv", "--target", target, "--n-groups", "4"]
        assert records(capsys, "Z.npy", *arguments)[0]["dsmi_y"] == expected


def test_columns_of_numbers_are_clustered_as_by_the_estimator(capsys, folder, blobs):
    Z, _ = blobs
    np.savetxt("pose.csv", Z[:, :2], delimiter=",")
    expected = DiffusionSpectralMI(random_state=0, n_groups=4).fit(Z, Z[:, :2])
    (record,) = records(capsys, "Z.npy", "--labels", "pose.csv", "--n-groups", "4")
    assert record["dsmi_y"] == expected.mutual_info_


# Plots


@pytest.mark.parametrize("labels", [(), ("--labels", "y.npy")])
def test_plot_of_files(capsys, folder, labels):
    assert main(["report", *["Z.npy"] * 12, *labels, "--plot", "rows.png"]) == 0
    assert (folder / "rows.png").read_bytes().startswith(PNG)


# Bad input: one line, exit status 2


def save_bad_files():
    """Files that cannot be measured, in the current directory."""
    np.save("flat.npy", np.ones(5))
    np.save("nan.npy", [[1.0, np.nan], [2.0, 3.0]])
    np.save("none.npy", np.ones((0, 3)))
    np.save("text.npy", np.array([["a", "b"], ["c", "d"]]))
    np.save("object.npy", np.array([[None, 1], [2, 3]]), allow_pickle=True)
    np.save("short.npy", [0, 1, 0])
    np.save("nan_labels.npy", np.full(60, np.nan))
    np.savez("flat.npz", a=np.ones(3))
    for name in ("fake.npy", "fake.npz", "fake.parquet", "Z.pkl", "word.csv"):
        Path(name).write_text("1,2\n3,x\n")
    Path("index.csv").write_text(",a,b\n0,1,2\n1,3,4\n")
    Path("empty.csv").write_text("")
    Path("words.csv").write_text("a,b\nc,d\n")
    Path("folder.npy").mkdir()
    pd.DataFrame({"a": [1.0], "b": ["x"]}).to_parquet("mixed.parquet")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("missing.npy", "missing.npy: no such file."),
        (
            "folder.npy",
            "folder.npy: no file of ['.csv', '.npy', '.npz', '.parquet'] in this "
            "folder.",
        ),
        (
            "Z.pkl",
            "Z.pkl: the extension must be one of ['.csv', '.npy', '.npz', "
            "'.parquet']; got '.pkl'.",
        ),
        (
            "flat.npy",
            "flat.npy: expected samples x features; got shape (5,). Reshape it: "
            "array.reshape(-1, 1) is one feature, array.reshape(1, -1) one sample.",
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
            "object.npy: Array can't be memory-mapped: Python objects in dtype.",
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
            "index.csv",
            "index.csv: the first column has no name, like an index that pandas has "
            "written; write the file with index=False.",
        ),
        (
            "mixed.parquet",
            "mixed.parquet: columns must be numeric; these are not: ['b'].",
        ),
        ("Z.npy --labels short.npy", "Z.npy: 60 samples, but 3 labels."),
        ("Z.npy --n-jobs 0", "n_jobs: n_jobs == 0 in Parallel has no meaning"),
        ("Z.npy --n-jobs 2 --dask x", "--n-jobs is for this machine, not for --dask."),
        ("Z.npy --out missing/r.csv", "missing/r.csv: No such file or directory"),
        ("--out r.csv", "--out needs files to measure; got none."),
        ("--dask tcp://x:1", "--dask needs files to measure; got none."),
        ("Z.npy --labels missing.txt", "missing.txt: no such file."),
        (
            "Z.npy --labels Z.pkl",
            "Z.pkl: the extension must be one of ['.csv', '.npy', '.txt']; got '.pkl'.",
        ),
        (
            "Z.npy --labels words.csv",
            "words.csv: labels that are not numbers must be in one column; got 2.",
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
            "pandas",
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


def test_what_does_not_fit_in_memory_is_one_line(capsys, folder, monkeypatch):
    monkeypatch.setattr("skdse._tools.validation.available_memory", lambda: 1)
    assert error(capsys, "Z.npy").startswith("Z.npy: A dense 60 x 60 affinity needs")


def test_rows_before_an_error_are_printed(capsys, folder):
    save_bad_files()
    with pytest.raises(SystemExit) as exit_info:
        main(["report", "Z.npy", "nan.npy", "--json"])
    assert exit_info.value.code == 2
    captured = capsys.readouterr()
    assert [one["name"] for one in json.loads(captured.out)] == ["Z.npy"]
    assert captured.err == "skdse: error: nan.npy: Input X contains NaN.\n"


def test_interruption_is_one_line_and_keeps_what_is_done(capsys, folder, monkeypatch):
    measure = _report.measure

    def interrupted(name, *rest):
        if name == "y.npz:b":
            raise KeyboardInterrupt
        return measure(name, *rest)

    np.savez("y.npz", a=np.eye(5), b=np.eye(5))
    monkeypatch.setattr(_report, "measure", interrupted)
    with pytest.raises(SystemExit) as exit_info:
        main(["report", "y.npz", "--json"])
    assert exit_info.value.code == 130
    captured = capsys.readouterr()
    assert [one["name"] for one in json.loads(captured.out)] == ["y.npz:a"]
    assert captured.err == "skdse: interrupted\n"


def test_errors_of_our_own_keep_their_traceback(folder, monkeypatch):
    monkeypatch.setattr(_cli, "as_text", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["report", "Z.npy"])


# The program


def test_version_of_the_module():
    done = subprocess.run(
        [sys.executable, "-m", "skdse", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"skdse {skdse.__version__}\n"
    assert done.stderr == ""


def test_arguments_are_those_of_the_process(capsys, folder, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["skdse", "report", "Z.npy"])
    assert main() == 0
    assert "Z.npy" in capsys.readouterr().out
