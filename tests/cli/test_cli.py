"""Tests of the command line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import share, wide
from commands import FILE_KEYS, LABEL_KEYS, PNG, error, records

import skdse
from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._cli.arguments import main

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
    assert (record["n_samples"], record["n_features"]) == Z.shape
    assert record["dse"] == dse.entropy_
    assert record["dse_std_error"] == dse.entropy_std_error_
    assert record["effective_rank"] == dse.effective_rank_
    assert record["bandwidth"] == dse.bandwidth_
    for name, form in {"dsmi_share": share, "dsmi_wide": wide}.items():
        dsmi = form().fit(Z, y)
        assert record[name] == dsmi.mutual_info_
        assert record[f"{name}_std_error"] == dsmi.mutual_info_std_error_
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
    assert record["dse"] == dse.fit(Z).entropy_
    for name, form in {"dsmi_share": share, "dsmi_wide": wide}.items():
        dsmi = form(of_entropy=params, n_repeats=3, random_state=7)
        assert record[name] == dsmi.fit(Z, y).mutual_info_


def test_laplacian_measures_both_with_its_own_metric(capsys, folder, blobs):
    Z, y = blobs
    arguments = ["Z.npy", "--labels", "y.npy", "--affinity", "laplacian"]
    (record,) = records(capsys, *arguments)
    dse = DiffusionSpectralEntropy(affinity="laplacian", random_state=0)
    local = {"affinity": "laplacian", "metric": dse.metric}
    assert record["dse"] == dse.fit(Z).entropy_
    assert record["dsmi_share"] == share(of_entropy=local).fit(Z, y).mutual_info_
    assert record["dsmi_wide"] == wide(of_entropy=local).fit(Z, y).mutual_info_
    assert "got 'cosine'" in error(capsys, *arguments, "--metric", "cosine")


def test_normalize_gives_shares_of_both_entropies(capsys, folder, blobs):
    Z, y = blobs
    (record,) = records(capsys, "Z.npy", "--labels", "y.npy", "--normalize")
    dse = DiffusionSpectralEntropy(normalize=True, random_state=0).fit(Z)
    assert record["dse"] == dse.entropy_
    assert record["dsmi_share"] == share().fit(Z, y).mutual_info_
    assert record["dsmi_wide"] == wide(normalize=True).fit(Z, y).mutual_info_
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
    first, blank, *lines = capsys.readouterr().out.splitlines()
    assert "DSMI share (to compare representations)" in first and not blank
    assert lines[0].split("  ")[0] == "name"
    assert lines[0].count("± s.e.") == 3
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1


def test_values_without_a_number_are_null_or_a_dash(capsys, folder):
    arguments = ["Z.npy", "--labels", "y.npy", "--n-repeats", "1"]
    (record,) = records(capsys, *arguments)
    assert record["dsmi_share_std_error"] is record["dsmi_wide_std_error"] is None
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
    assert record["dsmi_share"] == share().fit(Z, y).mutual_info_


def test_continuous_target_is_grouped_as_by_the_estimator(capsys, folder, blobs):
    Z, _ = blobs
    np.savetxt("angle.csv", Z[:, 0])
    expected = wide(n_groups=4).fit(Z, Z[:, 0]).mutual_info_
    for target in ("auto", "continuous"):
        arguments = ["--labels", "angle.csv", "--target", target, "--n-groups", "4"]
        assert records(capsys, "Z.npy", *arguments)[0]["dsmi_wide"] == expected


def test_columns_of_numbers_are_clustered_as_by_the_estimator(capsys, folder, blobs):
    Z, _ = blobs
    np.savetxt("pose.csv", Z[:, :2], delimiter=",")
    (record,) = records(capsys, "Z.npy", "--labels", "pose.csv", "--n-groups", "4")
    for name, form in {"dsmi_share": share, "dsmi_wide": wide}.items():
        assert record[name] == form(n_groups=4).fit(Z, Z[:, :2]).mutual_info_


# Plots


@pytest.mark.parametrize("labels", [(), ("--labels", "y.npy")])
def test_plot_of_files(capsys, folder, labels):
    assert main(["report", *["Z.npy"] * 12, *labels, "--plot", "rows.png"]) == 0
    assert (folder / "rows.png").read_bytes().startswith(PNG)


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
