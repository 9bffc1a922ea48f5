"""What does not fit in memory is refused, and what fits takes little."""

import re
import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone

import skdse._tools.validation
from skdse import AdjacencySpectralEntropy, DiffusionSpectralEntropy, MatrixEntryEntropy


@pytest.fixture
def one_gibibyte(monkeypatch):
    """Let one GiB be what the machine has left."""
    monkeypatch.setattr(skdse._tools.validation, "available_memory", lambda: 2**30)


@pytest.mark.parametrize(
    "estimator",
    [
        DiffusionSpectralEntropy(bandwidth=1.0, eigen_solver="arpack"),
        DiffusionSpectralEntropy(bandwidth=1.0, eigen_solver="dense"),
        MatrixEntryEntropy(bandwidth=1.0),
        AdjacencySpectralEntropy(bandwidth=1.0),
        AdjacencySpectralEntropy("nearest_neighbors", bandwidth=1.0),
    ],
    ids=str,
)
def test_dense_problem_that_does_not_fit_names_the_way_out(estimator, one_gibibyte):
    X = np.linspace(0, 1, 20_000)[:, None]
    tracemalloc.start()
    try:
        with pytest.raises(MemoryError) as caught:
            clone(estimator).fit(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**24  # nothing of 20,000 x 20,000 was made
    match = re.fullmatch(
        r"A dense 20000 x 20000 affinity needs (\S+) GiB with its working copies, "
        r"1\.0 GiB are available\. Use .*max_samples=(\d+) would fit\.",
        str(caught.value),
    )
    n_matrices = float(match[1]) / (20_000**2 * 8 / 2**30)
    assert n_matrices == pytest.approx(round(n_matrices), rel=0.05)
    assert round(n_matrices) * int(match[2]) ** 2 * 8 <= 2**30


def test_what_is_said_to_fit_does(monkeypatch, X):
    monkeypatch.setattr(skdse._tools.validation, "available_memory", lambda: 5000)
    dse = DiffusionSpectralEntropy(eigen_solver="dense")
    with pytest.raises(MemoryError) as caught:
        dse.fit(X)
    fitting = int(re.search(r"max_samples=(\d+)", str(caught.value))[1])
    assert len(dse.set_params(max_samples=fitting).fit(X).eigenvalues_) == fitting
    with pytest.raises(MemoryError):
        dse.set_params(max_samples=fitting + 1).fit(X)


@pytest.mark.parametrize("eigen_solver", ["auto", "arpack"])
def test_graph_of_many_samples_makes_no_dense_matrix(eigen_solver, rng):
    n = 6000
    X = rng.normal(size=(n, 4)).astype(np.float32)
    dse = DiffusionSpectralEntropy(
        eigen_solver=eigen_solver,
        n_components=4,
        tol=0.1,
        random_state=0,
        affinity="nearest_neighbors",
    )
    tracemalloc.start()
    try:
        dse.fit(X)
        dse.score(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < n * n * 8 / 4
    lower, upper = dse.entropy_interval_
    assert 0 < lower < dse.entropy_ < upper < np.log2(n)
