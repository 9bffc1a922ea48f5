"""Pipelines of scikit-learn on arrays of a device, and imports, in new processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WITHOUT_TORCH = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "skorch", "cupy", "array_api_strict"):
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Without, sys.meta_path)
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""
IMPORTS = """
import sys
import numpy as np
from skdse import *
import skdse.differentiable, skdse.model_selection, skdse.plotting, skdse.probing

X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
DiffusionSpectralEntropy().fit(X).score(X)
DiffusionSpectralMI(random_state=0).fit(X, y).score(X, y)
libraries = {"torch", "cupy", "jax", "array_api_strict", "dask"}
print(sorted(libraries & {name.partition(".")[0] for name in sys.modules}))
"""


def run(*arguments, **environment):
    """Output of Python in a new process, which must end well."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        cwd=HERE.parent.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_pipelines_and_searches(library):
    pytest.importorskip(library)
    program = str(HERE / "pipelines.py")
    assert "as on NumPy" in run(program, library, SCIPY_ARRAY_API="1")


def test_no_other_library_is_imported():
    assert run("-c", IMPORTS) == "[]\n"


def test_numpy_needs_no_other_library():
    # The tests of NumPy in some of the rooms, where no other library can be imported.
    files = ["measures/test_entropy.py", "probing/test_tracker.py"]
    options = ["-q", "-x", "--no-cov", "-p", "no:cacheprovider"]
    paths = [str(HERE.parent / name) for name in files]
    assert " passed" in run("-c", WITHOUT_TORCH, *options, *paths)
