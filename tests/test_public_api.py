"""What users import, how it is called, and what importing it does."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import skdse
import skdse._cli
import skdse.datasets

PACKAGE = Path(skdse.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


def _name(path):
    """Module that a file holds, below skdse; "skdse" itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts) or "skdse"


def _imports(path):
    """(module, name) of each import in a file, nested ones too, absolute."""
    folder = ("skdse", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) + 1 - node.level] if node.level else ()
            module = ".".join([*above, *filter(None, [node.module])])
            yield from ((module, alias.name) for alias in node.names)


# Names and signatures
# --------------------


def test_public_names():
    assert skdse.__all__ == [
        "AdjacencySpectralEntropy",
        "DiffusionSpectralEntropy",
        "DiffusionSpectralMI",
        "MatrixEntryEntropy",
        "ShannonEntropy",
        "__version__",
        "diffusion_spectral_entropy",
        "diffusion_spectral_mutual_info",
        "mutual_info_confidence_interval",
        "mutual_info_permutation_test",
        "show_versions",
    ]
    assert skdse.__all__ == sorted(skdse.__all__)


def test_public_names_of_datasets():
    assert skdse.datasets.__all__ == ["corrupt_labels", "make_manifold", "make_tree"]


def test_no_other_name_is_public():
    public = {name for name in vars(skdse) if not name.startswith("_")}
    modules = {_name(path).partition(".")[0] for path in MODULES}
    assert public - modules == set(skdse.__all__) - {"__version__"}


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        (
            "DiffusionSpectralEntropy",
            "(*, affinity='gaussian', bandwidth='auto', bandwidth_scale=1.0, "
            "bandwidth_neighbors=5, n_neighbors=15, metric='euclidean', alpha=0.5, "
            "t=1, eigen_solver='auto', n_components=None, tol=0.001, "
            "max_samples=None, n_repeats=1, normalize=False, random_state=None, "
            "n_jobs=None, verbose=0)",
        ),
        (
            "DiffusionSpectralMI",
            "(estimator=None, *, target='auto', n_groups=10, clusterer=None, "
            "n_repeats=5, max_samples=None, normalize=False, random_state=None, "
            "n_jobs=None, verbose=0)",
        ),
        ("diffusion_spectral_entropy", "(X, **params)"),
        ("diffusion_spectral_mutual_info", "(X, y, **params)"),
        (
            "mutual_info_confidence_interval",
            "(X, y, *, estimator=None, confidence_level=0.95, n_subsamples=50, "
            "random_state=None, n_jobs=None, verbose=0)",
        ),
        (
            "mutual_info_permutation_test",
            "(X, y, *, estimator=None, n_permutations=200, n_partitions=None, "
            "random_state=None, n_jobs=None, verbose=0)",
        ),
        ("DiffusionSpectralEntropy.fit", "(self, X, y=None)"),
        ("DiffusionSpectralEntropy.score", "(self, X, y=None)"),
        ("DiffusionSpectralEntropy.transform", "(self, X)"),
        ("DiffusionSpectralEntropy.entropy_curve", "(self, t)"),
        ("DiffusionSpectralMI.fit", "(self, X, y)"),
        ("DiffusionSpectralMI.score", "(self, X, y)"),
        ("DiffusionSpectralMI.transform", "(self, X)"),
    ],
)
def test_signatures_are_the_documented_ones(name, signature):
    owner, _, method = name.partition(".")
    callable_ = getattr(skdse, owner)
    if method:
        callable_ = getattr(callable_, method)
    bare = inspect.signature(callable_)
    parameters = [one.replace(annotation=one.empty) for one in bare.parameters.values()]
    bare = bare.replace(parameters=parameters, return_annotation=bare.empty)
    assert str(bare) == signature


# Import
# ------


def _run(code):
    """Standard output of a fresh Python that runs the code."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGE.parent,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


# What skdse needs is imported first: what that does is not ours to change. (Where
# pandas is installed, scikit-learn imports it.)
NEEDS = sorted(
    {
        module
        for path in MODULES
        if _name(path).partition(".")[0] in ("_tools", "_spectra", "_measures")
        for module, _ in _imports(path)
        if module.partition(".")[0] in ("joblib", "numpy", "scipy", "sklearn")
    }
)


def test_import_loads_no_optional_or_slow_package():
    optional = {
        *("matplotlib", "pandas", "plotly", "polars", "pyarrow", "rich"),
        *("torch", "skorch", "numba", "pynndescent", "dask"),
    }
    code = f"""
import sys, {", ".join(NEEDS)}
before = set(sys.modules)
import skdse
print(sorted((set(sys.modules) - before) & {optional}))
print(sorted(set(sys.modules) & {optional - {"pandas", "pyarrow", "rich"}}))
"""
    assert _run(code) == "[]\n[]\n"


def test_import_is_silent_and_leaves_global_state_alone():
    code = f"""
import random, warnings, threadpoolctl, {", ".join(NEEDS)}
def state():
    name, keys, *rest = numpy.random.get_state()
    return name, keys.tolist(), *rest, random.getstate(), list(warnings.filters)
before = state()
import skdse
print(state() == before)
"""
    assert _run(code) == "True\n"


# Structure
# ---------


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_nothing_private_of_scikit_learn_is_imported(path):
    private = [
        (module, name)
        for module, name in _imports(path)
        if module.partition(".")[0] == "sklearn"
        and any(part.startswith("_") for part in [*module.split("."), name])
    ]
    assert private == []


def test_the_scan_sees_imports():
    # The test above would pass if it saw none.
    base = PACKAGE / "_measures" / "base.py"
    assert ("sklearn.base", "BaseEstimator") in _imports(base)


def test_the_module_runs_the_command_line():
    assert importlib.import_module("skdse.__main__").main is skdse._cli.main
