"""Tests of the command line."""

import json
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

import skdse
from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI, _cli
from skdse._cli import main

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


# The bundled digits


@pytest.fixture(scope="module")
def report_of_digits():
    """Lines printed without arguments, and the records and the job behind them."""
    seen = []
    as_text = _cli._as_text
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out:
        patch.setattr(_cli, "_as_text", lambda *a: seen.append(a) or as_text(*a))
        assert main([]) == 0
    ((records, job, _),) = seen
    return out.getvalue().splitlines(), records, job


def test_no_argument_measures_the_digits_layer_by_layer(report_of_digits):
    lines, records, _ = report_of_digits
    header = next(i for i, line in enumerate(lines) if "DSE [bits]" in line)
    columns = ["DSE [bits]", "DSMI(Z;Y) [bits]", "DSMI(Z;X) [bits]", "effective rank"]
    assert lines[header].split(maxsplit=2)[2].split("  ") == columns
    rows = [line.rsplit(maxsplit=5) for line in lines[header + 1 : header + 5]]
    names = ["input", "hidden 1", "hidden 2", "output"]
    assert [row[0].strip() for row in rows] == names
    for row, record, width in zip(rows, records, (64, 64, 32, 10), strict=True):
        measures = [record[key] for key in ("dse", "dsmi_y", "dsmi_x")]
        shown = [f"{value:.3f}" for value in measures]
        assert row[1:] == [str(width), *shown, f"{record['effective_rank']:.1f}"]
    assert lines[-1] == f"Test accuracy: {records[0]['test_accuracy']:.3f}"


def test_perceptron_learns_and_gathers_the_digits(report_of_digits):
    _, records, _ = report_of_digits
    assert records[0]["test_accuracy"] > 0.95
    entropies = [one["dse"] for one in records]
    assert entropies == sorted(entropies, reverse=True)
    for_labels = [one["dsmi_y"] for one in records]
    assert for_labels == sorted(for_labels)


def test_layers_agree_with_the_estimators(report_of_digits):
    _, records, _ = report_of_digits
    # One thread, as the command takes: the network depends on it in the last digits.
    with threadpool_limits(1):
        mlp, X, y = _cli._train_perceptron()
        name, Z = list(_cli._layers(mlp, X))[2]
        dse = DiffusionSpectralEntropy(random_state=0).fit(Z)
        by_label = DiffusionSpectralMI(random_state=0).fit(Z, y)
        by_input = DiffusionSpectralMI(target="continuous", random_state=0).fit(X, X)
        by_input.set_params(target="discrete").fit(Z, by_input.labels_)
    assert records[2]["name"] == name
    # Trained anew, and yet the same bits.
    assert records[2]["dse"] == dse.entropy_
    assert records[2]["dsmi_y"] == by_label.mutual_info_
    assert records[2]["dsmi_x"] == by_input.mutual_info_
    assert records[2]["test_accuracy"] == mlp.score(X, y)


def test_plot_of_the_layers(report_of_digits, tmp_path):
    _, records, job = report_of_digits
    _cli._plot(tmp_path / "profile.png", records, job.title, "bits")
    assert (tmp_path / "profile.png").read_bytes().startswith(PNG)


def test_layers_end_in_the_logits_of_the_network(blobs):
    X, y = blobs
    mlp = MLPClassifier((5, 3), solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    layers = dict(_cli._layers(mlp, X))
    assert list(layers) == ["input", "hidden 1", "hidden 2", "output"]
    shares = np.exp(layers["output"])
    shares /= shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, mlp.predict_proba(X), atol=1e-12)


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
        "skdse: maps.npy: shape (10, 3, 2, 2) flattened to (10, 12).\n"
    )


def test_npy_is_not_read_before_it_is_used(folder):
    assert isinstance(_cli.READERS[".npy"](folder / "Z.npy"), np.memmap)


def test_warnings_are_one_line_each(capsys, folder):
    assert main(["report", "Z.npy", "--bandwidth", "1e-6"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("skdse: Z.npy: warning: Every sample sees only its")
    assert captured.err.count("\n") == 1


def test_verbose_says_what_is_measured(capsys, folder):
    main(["report", "Z.npy", "--verbose"])
    assert capsys.readouterr().err == "skdse: Z.npy: 60 x 4\n"


def test_progress_on_a_terminal_is_one_line_cleared_in_the_end(
    capsys, folder, monkeypatch
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    main(["report", "Z.npy"])
    assert capsys.readouterr().err == "\r\033[KZ.npy: 60 x 4\r\033[K"


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
        ("folder.npy", "folder.npy: not a file."),
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
        (
            "Z.npy --labels short.npy",
            "Z.npy: 60 samples, but short.npy has 3 labels.",
        ),
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
            "'knn', 'median']; got -1.",
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
    monkeypatch.setattr("skdse._validation.available_memory", lambda: 1)
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
    measure = _cli._measure

    def interrupted(name, *rest):
        if name == "y.npz:b":
            raise KeyboardInterrupt
        return measure(name, *rest)

    np.savez("y.npz", a=np.eye(5), b=np.eye(5))
    monkeypatch.setattr(_cli, "_measure", interrupted)
    with pytest.raises(SystemExit) as exit_info:
        main(["report", "y.npz", "--json"])
    assert exit_info.value.code == 130
    captured = capsys.readouterr()
    assert [one["name"] for one in json.loads(captured.out)] == ["y.npz:a"]
    assert captured.err == "skdse: interrupted\n"


def test_errors_of_our_own_keep_their_traceback(folder, monkeypatch):
    monkeypatch.setattr(_cli, "_as_text", lambda *_: 1 / 0)
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
