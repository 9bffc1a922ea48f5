"""What tests of the command line share."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

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
FORMS = ("dsmi_share", "dsmi_wide")
LABEL_KEYS = {key for name in FORMS for key in (name, f"{name}_std_error")}


def records(capsys, *arguments):
    """Records that ``skdse report --json`` prints, and nothing beside them."""
    assert main(["report", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def error(capsys, *arguments, skipped=0):
    """The line of an error, after exit status 2, below those of what was skipped."""
    with pytest.raises(SystemExit) as exit_info:
        main(["report", *arguments])
    assert exit_info.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    *lines, last = captured.err.splitlines()
    assert len(lines) == skipped
    assert last.startswith("skdse: error: ")
    return last.removeprefix("skdse: error: ")


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
    Path("empty.csv").write_text("")
    Path("words.csv").write_text("a,b\nc,d\n")
    Path("folder.npy").mkdir()
    pd.DataFrame({"a": [1.0], "b": ["x"]}).to_parquet("mixed.parquet")
