"""Tables as text, labels in all their forms, and what is skipped in folders."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import error, records
from sklearn.exceptions import EfficiencyWarning

from skdse._cli import report as _report
from skdse._cli.arguments import main
from skdse._spectra import solvers


@pytest.fixture
def frame(blobs):
    """Samples with names of their columns."""
    return pd.DataFrame(blobs[0], columns=list("abcd"))


def values(capsys, *arguments):
    """DSE and DSMI of a single row."""
    (record,) = records(capsys, *arguments)
    return record["dse"], record.get("dsmi_wide")


# Samples
# -------


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("a.csv", {"index": False}),
        ("a.CSV", {"index": False}),
        ("a.csv", {"index": True}),
        ("a.tsv", {"sep": "\t"}),
        ("a.csv", {"sep": ";"}),
        ("a.csv", {"sep": ";", "decimal": ","}),
        ("a.csv", {"sep": ";", "decimal": ",", "header": False, "index": False}),
        ("a.csv", {"sep": "\t", "encoding": "utf-16"}),
        ("a.csv", {"encoding": "utf-8-sig", "quoting": 1}),
        ("a.csv", {"header": False, "index": False}),
        ("a.csv", {"header": list("0123"), "index": False}),
    ],
)
def test_tables_in_all_their_forms(capsys, folder, frame, file, options):
    frame.to_csv(file, **options)
    assert values(capsys, file) == values(capsys, "Z.npy")


@pytest.mark.parametrize("file", ["Z.NPY", "Z.Npz", "Z.PARQUET"])
def test_extensions_in_capitals(capsys, folder, frame, file):
    if file == "Z.PARQUET":
        frame.to_parquet(file)
    else:
        with open(file, "wb") as content:
            save = np.save if file == "Z.NPY" else np.savez
            save(content, frame.to_numpy())
    assert values(capsys, file) == values(capsys, "Z.npy")
    Path("inner").mkdir()
    Path(file).rename(Path("inner", file))
    assert values(capsys, "inner") == values(capsys, "Z.npy")


def test_whole_numbers_from_0_are_samples(capsys, folder):
    pd.DataFrame([[0, 1], [2, 3]]).to_csv("a.csv", header=False, index=False)
    assert records(capsys, "a.csv")[0]["n_samples"] == 2


def test_texts_among_the_samples_have_a_way_out(capsys, folder, frame, blobs):
    frame.assign(label=NAMES[blobs[1]]).to_csv("a.csv", index=False)
    message = error(capsys, "a.csv")
    assert message.startswith("a.csv: could not convert string")
    assert message.endswith(
        "--labels NAME takes a column as the labels; leave out a column of other "
        "texts, such as names of samples."
    )
    message = error(capsys, "a.csv", "--labels", "q")
    assert (
        message == "a.csv: no column 'q'; the file has ['a', 'b', 'c', 'd', 'label']."
    )
    message = error(capsys, "a.csv:q")
    assert message.startswith("a.csv:q: no column 'q'; the file has")
    frame.to_csv("b.csv", index=False, header=False)
    message = error(capsys, "b.csv", "--labels", "label")
    assert (
        message == "b.csv: no column 'label'; the first line has no names, but numbers."
    )


# Labels
# ------

NAMES = np.array(["a cat, black", "b; dog", "c é"])


def save_labels(y, frame):
    """Files of labels, in all their forms, by what follows --labels."""
    names = NAMES[y]
    np.savez("y.npz", y=y, more=np.ones((60, 2)))
    np.save("bytes.npy", y.astype("S"))
    np.save("column.npy", y[:, None])
    np.save("one_hot.npy", y[:, None] == np.unique(y))
    pd.Series(names).to_csv("names.csv", index=False, header=["species"])
    pd.Series(names).to_csv("indexed.csv", header=["any name"])
    pd.Series(names).to_csv("semicolon.csv", sep=";", index=False, header=["label"])
    pd.Series(names).to_csv("wide.csv", index=False, header=False, encoding="utf-16")
    pd.DataFrame({"x": y, "any name": names}).to_csv("two.csv", index=False)
    frame.assign(y=names).to_csv("beside.csv", index=False)
    Path("named.txt").write_text("\n".join(["Label", *names]), encoding="utf-8")
    Path("numbers.txt").write_text("\n".join(["any name", *map(str, y)]))
    Path("wide.txt").write_text("\n".join(names), encoding="utf-16")


@pytest.mark.parametrize(
    "labels",
    [
        *("y.npz:y", "y.npz", "bytes.npy", "column.npy", "names.csv"),
        *("indexed.csv", "semicolon.csv", "wide.csv", "two.csv:any name", "two.csv:x"),
        *("beside.csv:y", "named.txt", "numbers.txt", "wide.txt", "one_hot.npy"),
    ],
)
@pytest.mark.filterwarnings("ignore:y has a single 1 in each row:UserWarning")
def test_labels_in_all_their_forms(capsys, folder, frame, blobs, labels):
    save_labels(blobs[1], frame)
    expected = values(capsys, "Z.npy", "--labels", "y.npy")
    main(["report", "Z.npy", "--json", "--labels", labels])
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["dse"], record["dsmi_wide"]) == expected


@pytest.mark.parametrize("labels", ["y", ":y", "beside.csv:y"])
def test_labels_are_no_features(capsys, folder, frame, blobs, labels):
    frame.insert(1, "y", blobs[1])
    frame.to_csv("beside.csv", index=False)
    expected = values(capsys, "Z.npy", "--labels", "y.npy")
    assert values(capsys, "beside.csv", "--labels", labels) == expected


def test_labels_of_each_file(capsys, folder, blobs):
    Z, y = blobs
    for i in range(2):
        np.savez(f"{i}.npz", Z=Z, y=np.roll(y, i))
        np.save(f"y{i}.npy", np.roll(y, i))
    found = records(capsys, "0.npz", "1.npz", "--labels", "y")
    expected = [values(capsys, "Z.npy", "--labels", f"y{i}.npy")[1] for i in range(2)]
    assert [one["dsmi_wide"] for one in found] == expected
    assert expected[0] != expected[1]


def test_two_columns_of_texts_are_pairs(capsys, folder, blobs):
    y = blobs[1]
    pairs = pd.DataFrame({"label": NAMES[y], "class": np.where(y > 1, "u", "v")})
    pairs.to_csv("pairs.csv", index=False)
    expected = values(capsys, "Z.npy", "--labels", "y.npy")
    assert values(capsys, "Z.npy", "--labels", "pairs.csv") == expected


def test_a_name_that_is_not_known_has_a_way_out(capsys, folder, blobs):
    pd.Series(NAMES[blobs[1]]).to_csv("y.csv", index=False, header=["breed"])
    assert error(capsys, "Z.npy", "--labels", "y.csv") == (
        "Z.npy: 60 samples, but 61 labels. If the first is a name, say so: --labels "
        "FILE:NAME of a .csv file."
    )
    assert values(capsys, "Z.npy", "--labels", "y.csv:breed")
    Path("y.txt").write_text("breed\nx\n")
    assert "a .txt file has labels alone" in error(
        capsys, "Z.npy", "--labels", "y.txt:y"
    )


# Folders
# -------


def test_what_cannot_be_measured_in_a_folder_is_skipped(capsys, folder, blobs):
    Path("run").mkdir()
    np.save("run/epoch1.npy", blobs[0])
    np.save("run/epoch2.npy", blobs[1])
    np.save("run/epoch3.npy", np.full((60, 2), np.nan))
    np.save("run/epoch4.npy", blobs[0][:50])
    Path("run/epoch5.npy").write_bytes(b"")
    np.save("run/epoch6.npy", 2 * blobs[0])
    np.savez("run/labels.npz", y=blobs[1])
    for jobs in ([], ["--n-jobs", "2"]):
        arguments = ["report", "run", "--labels", "y.npy", "--json", "--out", "r.csv"]
        assert main([*arguments, *jobs]) == 3
        captured = capsys.readouterr()
        names = [one["name"] for one in json.loads(captured.out)]
        assert names == ["epoch1.npy", "epoch6.npy"]
        lines = sorted(captured.err.splitlines())
        assert all(line.endswith(" Skipped.") for line in lines)
        assert [line.split()[1] for line in lines] == [
            *(f"epoch{i}.npy:" for i in (2, 3, 4, 5)),
            "labels.npz:",
        ]
        assert "expected samples x features; got shape (60,)." in lines[0]
        assert "Input X contains NaN." in lines[1]
        assert "50 samples, but 60 labels." in lines[2]
    # By their names, the same files are errors; so is a folder of nothing else.
    assert error(capsys, "run/epoch2.npy").startswith(
        "run/epoch2.npy: expected samples"
    )
    message = error(capsys, "run/epoch[2345].npy", "--labels", "y.npy", skipped=4)
    assert message == "nothing is measured: every file was skipped."


# Long jobs
# ---------


def test_long_jobs_are_told_before_the_work(capsys, folder, monkeypatch):
    monkeypatch.setattr(solvers, "LONG", 1e-9)
    said = []

    def solve(*arguments, **options):
        said.append(capsys.readouterr().err)
        raise KeyboardInterrupt

    monkeypatch.setattr("skdse._spectra.spectral_meter.solve", solve)
    with pytest.raises(SystemExit):
        main(["report", "Z.npy", "--max-samples", "50"])
    assert said[0].startswith(
        "skdse: Z.npy: warning: All pairs of 50 samples with --eig"
    )
    assert "or --max-samples is faster." in said[0]


def test_warnings_that_cannot_wait_are_said_at_once(capsys):
    import warnings

    with _report.warnings_as_notes("a", EfficiencyWarning) as notes:
        warnings.warn("max_samples=5 is faster", EfficiencyWarning, stacklevel=1)
        assert capsys.readouterr().err == (
            "skdse: a: warning: --max-samples 5 is faster\n"
        )
        for _ in range(2):
            warnings.warn("pass target='continuous' for t", UserWarning, stacklevel=1)
        assert capsys.readouterr().err == ""
    assert notes == ["skdse: a: warning: pass --target continuous for t"]
