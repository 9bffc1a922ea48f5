"""Fitted estimators are saved and loaded, with pickle and with skops."""

import importlib
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
)
from skdse.datasets import make_tree

X, LABELS = make_tree(60, 3, random_state=0)
VALUES, VECTORS = X[:, 0], X[:, :3]
GUIDE = Path(__file__).parent.parent / "doc" / "guide" / "saving.rst"
DSE, DSMI = DiffusionSpectralEntropy, partial(DiffusionSpectralMI, random_state=0)
KD_TREE = {
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
}
# Estimator, its y, and the types in its file that are not of skdse.
CASES = {
    "DSE, all eigenvalues": (DSE(), None, set()),
    "DSE, Lanczos": (DSE(eigen_solver="lanczos", random_state=0), None, set()),
    "DSE, ARPACK": (DSE(eigen_solver="arpack", random_state=0), None, set()),
    "DSE, Laplacian": (DSE(affinity="laplacian"), None, set()),
    "DSE, kNN graph": (DSE(affinity="nearest_neighbors"), None, set()),
    "DSE, t": (DSE(t="auto", max_samples=40, n_repeats=2, random_state=0), None, set()),
    "Shannon": (ShannonEntropy(), None, set()),
    "matrix entries": (MatrixEntryEntropy(), None, set()),
    "adjacency": (AdjacencySpectralEntropy(), None, set()),
    "DSMI, labels": (DSMI(), LABELS, set()),
    "DSMI, names": (DSMI(ShannonEntropy()), LABELS.astype(str), set()),
    "DSMI, values": (DSMI(), VALUES, {"functools.partial"}),
    "DSMI, vectors": (
        DSMI(),
        VECTORS,
        {"functools.partial", "numpy.dtype"} | KD_TREE,
    ),
    "pipeline": (make_pipeline(StandardScaler(), DSMI()), LABELS, set()),
}


def _with_skops(estimator):
    """Estimator after a round trip through skops, and the types that it asked for."""
    io = pytest.importorskip("skops.io")
    data = io.dumps(estimator)
    types = io.get_untrusted_types(data=data)
    return io.loads(data, trusted=types), types


def _assert_same(ours, loaded, y):
    target = () if y is None else (y,)
    assert loaded.score(X, *target) == ours.score(X, *target)
    # Not of the fitted samples, whose value could have been kept.
    part = np.arange(0, len(X), 2)
    target = () if y is None else (y[part],)
    assert loaded.score(X[part], *target) == ours.score(X[part], *target)


@pytest.fixture(scope="module", params=CASES)
def fitted(request):
    """A fitted estimator, its y, and the foreign types of its file."""
    estimator, y, foreign = CASES[request.param]
    return estimator.fit(X, y), y, foreign


def test_pickle_gives_the_same_bits(fitted):
    estimator, y, _ = fitted
    _assert_same(estimator, pickle.loads(pickle.dumps(estimator)), y)


def test_skops_gives_the_same_bits_with_the_documented_types(fitted):
    estimator, y, foreign = fitted
    loaded, types = _with_skops(estimator)
    _assert_same(estimator, loaded, y)
    assert {one for one in types if not one.startswith("skdse.")} == foreign
    page = GUIDE.read_text(encoding="utf-8")
    assert all(f"``{one}``" in page for one in foreign)


def test_types_of_skdse_run_nothing_as_they_are_loaded(fitted):
    _, types = _with_skops(fitted[0])
    for name in types:
        if name.startswith("skdse."):
            module, _, member = name.rpartition(".")
            found = getattr(importlib.import_module(module), member)
            assert found.__module__ == module
            # What pickle and skops would call; that of a named tuple is Python's own.
            hooks = {"__setstate__", "__reduce__", "__reduce_ex__"} & set(vars(found))
            assert hooks == set()


def test_skops_loads_nothing_that_is_not_trusted():
    io = pytest.importorskip("skops.io")
    data = io.dumps(DSE().fit(X))
    with pytest.raises(io.exceptions.UntrustedTypesFoundException, match="skdse"):
        io.loads(data, trusted=[])
