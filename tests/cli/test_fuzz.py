"""Damaged files of every kind are read or refused in one line, with little memory.

SKDSE_FUZZ is the number of inputs of each kind; 1200 make more than 20,000.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from samples_on_disk import KINDS

N_INPUTS = int(os.environ.get("SKDSE_FUZZ", 20))
NEEDS = {
    "pt": "torch",
    "hdf5": "h5py",
    "h5ad": "h5py",
    "zarr": "zarr",
    "parquet": "pyarrow",
}
NEEDS |= dict.fromkeys(("feather", "arrow", "data set"), "pyarrow")


def is_there(kind):
    """Whether the packages that write a kind of files are installed."""
    return all(find_spec(NEEDS[one]) for one in NEEDS if one in kind)


def test_damaged_files_are_read_or_refused(tmp_path):
    kinds = list(filter(is_there, KINDS))
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, here / "fuzzing.py", "0", str(N_INPUTS), *kinds],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [here.parents[1]]))},
    )
    # A library that crashed would have ended the process: the last line says where.
    assert done.returncode == 0, done.stderr[-1000:]
    counts, wrong = json.loads(done.stdout)
    assert wrong == []
    assert list(counts) == kinds
    for kind, found in counts.items():
        assert sum(found.values()) == N_INPUTS
        assert found["refused"] > 0, kind
