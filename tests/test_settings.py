"""Settings of scikit-learn change no value: sparse containers, array dispatch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import scipy
import sklearn

SCRIPT = Path(__file__).parent / "under_settings.py"
JOBS = {"entropies", "graphs", "affinities", "texts", "mutual_information", "searches"}


def _numbers(name, value):
    """The sparse interface under a setting, and what each job computes, by its name."""
    done = subprocess.run(
        [sys.executable, SCRIPT, name, value],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
    )
    assert done.returncode == 0, done.stderr
    first, *lines = (line.split() for line in done.stdout.splitlines())
    return first, {job: [float(one) for one in values] for job, *values in lines}


@pytest.fixture(scope="module")
def usual():
    """What each job computes without a setting."""
    interface, found = _numbers("array_api_dispatch", "False")
    assert interface == ["interface", "spmatrix"]
    assert set(found) == JOBS
    return found


def test_sparse_arrays_of_scikit_learn_change_no_bit(usual):
    if "sparse_interface" not in sklearn.get_config():
        pytest.skip("this version of scikit-learn makes sparse matrices alone")
    interface, found = _numbers("sparse_interface", "sparray")
    assert interface == ["interface", "sparray"]  # the setting has come through
    assert found == usual


def test_array_dispatch_changes_no_bit_of_ours(usual):
    if tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 14):
        pytest.skip("scikit-learn dispatches with SciPy 1.14 or newer alone")
    _, found = _numbers("array_api_dispatch", "True")
    # PCA, in the searches, rounds otherwise where scikit-learn dispatches.
    assert found.pop("searches") == pytest.approx(usual["searches"], rel=1e-12)
    assert found == {job: values for job, values in usual.items() if job != "searches"}
