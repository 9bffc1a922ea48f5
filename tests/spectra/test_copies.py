"""Copies in the kNN graph: joined, and never each other's only neighbours."""

import time

import numpy as np
import pytest
from affinities import neighbors_affinity
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import NearestNeighbors as Brute

from skdse import AdjacencySpectralEntropy, DiffusionSpectralEntropy
from skdse._spectra import neighbors as _neighbors
from skdse._spectra.affinity import NearestNeighbors
from skdse._spectra.cell_search import CellSearch
from skdse._spectra.diffusion import diffusion_operator
from skdse._spectra.matrices import CopiesMatrix, DenseMatrix, SparseMatrix
from skdse._spectra.neighbors import NeighborIndex
from skdse._spectra.searches import DescentSearch

SOLVERS = ["dense", "arpack", "lanczos"]


def repeated(n_points, n_copies, d=5, seed=0):
    points = np.random.default_rng(seed).normal(size=(n_points, d))
    rows = np.repeat(np.arange(n_points), n_copies)
    return points[np.random.default_rng(seed).permutation(rows)]


def graph(solver="auto", **params):
    return DiffusionSpectralEntropy(
        affinity="nearest_neighbors", eigen_solver=solver, random_state=0, **params
    )


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("bandwidth", ["auto", "median", "knn", "adaptive", 1.0])
def test_entropy_is_at_most_that_of_the_points(solver, bandwidth):
    X = repeated(20, 30)
    dse = graph(solver, bandwidth=bandwidth).fit(X)
    assert dse.entropy_ <= np.log2(20) + 1e-4
    assert dse.score(X) == pytest.approx(dse.entropy_, abs=1e-9)
    dense = graph("dense", bandwidth=bandwidth).fit(X)
    low, high = dse.entropy_interval_
    assert low - 1e-4 <= dense.entropy_ <= high + 1e-4
    assert (np.abs(dense.eigenvalues_) > 1e-12).sum() <= 20


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("bandwidth", ["median", 0.7])
def test_equal_numbers_of_copies_change_nothing(alpha, bandwidth):
    # G of the copies is that of the points times a block of ones: q and degrees are n
    # times as large for all, and the eigenvalues are the same beside zeros.
    points = np.random.default_rng(0).normal(size=(40, 3))
    sigma = bandwidth
    if bandwidth == "median":
        sigma = graph(bandwidth=bandwidth).fit(np.repeat(points, 7, axis=0)).bandwidth_
    params = {"bandwidth": sigma, "alpha": alpha, "n_neighbors": 6}
    expected = graph("dense", **params).fit(points)
    found = graph("dense", **params).fit(np.repeat(points, 7, axis=0))
    assert_allclose(found.eigenvalues_[:40], expected.eigenvalues_, atol=1e-12)
    assert_allclose(found.eigenvalues_[40:], 0, atol=1e-12)
    assert found.entropy_ == pytest.approx(expected.entropy_, abs=1e-9)


def test_edges_by_hand():
    # 0 twice, 1 three times, 3 and 7: each sees its nearest other point, in all of its
    # copies, and its own copies. 3 sees 1, 7 sees 3.
    X = np.array([0.0, 1.0, 3.0, 1.0, 7.0, 0.0, 1.0])[:, None]
    affinity = NearestNeighbors(bandwidth=1.0, n_neighbors=1)
    G = affinity.matrix(X, affinity.fit(X), "dense").toarray()
    point = X.ravel()
    near = {(0, 1), (1, 0), (3, 1), (1, 3), (7, 3), (3, 7)}
    expected = [
        [np.exp(-((a - b) ** 2) / 2) * (a == b or (a, b) in near) for b in point]
        for a in point
    ]
    assert_allclose(G, expected, atol=1e-15)


def test_operator_of_copies_is_that_of_points_with_multiplicities():
    # With c copies of each point, q = W c, and the eigenvalues are those of
    # diag(√c) S diag(√c) of the points.
    rng = np.random.default_rng(0)
    points, c = rng.normal(size=(30, 3)), rng.integers(1, 6, size=30)
    X = np.repeat(points, c, axis=0)
    W = neighbors_affinity(points, 5, 0.8).toarray()
    q = W @ c
    degree = (W @ (c / np.sqrt(q))) / np.sqrt(q)
    s = np.sqrt(c) / np.sqrt(q * degree)
    expected = np.sort(np.linalg.eigvalsh(s[:, None] * W * s))
    found = graph("dense", bandwidth=0.8, n_neighbors=5).fit(X).eigenvalues_
    found = found[np.abs(found) > 1e-12]
    kept = expected[np.abs(expected) > 1e-12]
    assert_allclose(np.sort(found), kept, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrix_of_copies_is_that_of_its_entries(dtype):
    rng = np.random.default_rng(0)
    affinity = NearestNeighbors(bandwidth=1.0, n_neighbors=4)
    points = rng.normal(size=(20, 2))
    G = affinity.matrix(points, affinity.fit(points), "dense").G.astype(dtype)
    G = CopiesMatrix.of(G, np.append(np.arange(20), rng.integers(20, size=50)))
    dense = DenseMatrix(G.toarray().astype(float))
    found, expected = diffusion_operator(G), diffusion_operator(dense)
    assert found.trace == pytest.approx(expected.trace, rel=1e-5)
    assert found.squared_norm == pytest.approx(expected.squared_norm, rel=1e-5)
    V = rng.normal(size=(70, 3)).astype(dtype)
    assert found.matmat(V).dtype == dtype
    assert_allclose(found.matmat(V), expected.matmat(V), atol=1e-5)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "sqeuclidean", "chebyshev"])
@pytest.mark.parametrize("d", [2, 20])
def test_neighbors_of_samples_count_copies(metric, d):
    # As a search among samples finds them.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(25, d))[rng.integers(25, size=60)]
    index = NeighborIndex(X, metric, 7)
    assert index.has_copies
    D = Brute(algorithm="brute", n_neighbors=8, metric=metric).fit(X)
    expected = D.kneighbors(X)[0][:, 1:]
    found, indices = index.kneighbors(7)
    assert_allclose(found, expected, atol=1e-6)
    assert not (indices == np.arange(60)[:, None]).any()
    assert all(len(set(row)) == 7 for row in indices)
    exact = np.sqrt(np.square(X[indices] - X[:, None]).sum(axis=2))
    if metric == "euclidean":
        assert_allclose(exact, found, atol=1e-12)
    assert_allclose(index.query(X, 5), found[:, :5], atol=1e-12)
    others = rng.normal(size=(9, d))
    expected = D.kneighbors(others, 5)[0]
    assert_allclose(index.query(others, 5), expected, atol=1e-6)


def test_without_copies_the_graph_is_that_of_the_samples():
    X = np.random.default_rng(0).normal(size=(50, 3))
    affinity = NearestNeighbors()
    bandwidth = affinity.fit(X)
    G = affinity.matrix(X, bandwidth, "dense")
    assert isinstance(G, SparseMatrix)
    expected = neighbors_affinity(X, 15, bandwidth.sigma)
    assert_array_equal(G.toarray(), expected.toarray())


def test_one_point_twice_and_another():
    X = np.array([[0.0], [0.0], [1.0]])
    dse = graph(bandwidth=1.0).fit(X)
    assert 0 < dse.entropy_ < 1
    assert graph().fit(X[:2]).entropy_ == 0


def test_many_copies_take_seconds():
    X = repeated(200, 200)
    begin = time.perf_counter()
    dse = graph().fit(X)
    assert time.perf_counter() - begin < 60  # 1 s; without joining, minutes
    assert dse.entropy_ <= np.log2(200) + 1e-3
    few = graph("dense", bandwidth=dse.bandwidth_[0]).fit(np.unique(X, axis=0))
    assert dse.entropy_ == pytest.approx(few.entropy_, abs=5e-3)


@pytest.mark.parametrize("search", [CellSearch, DescentSearch])
def test_approximate_search_among_points(monkeypatch, search):
    monkeypatch.setattr(_neighbors, "search_for", lambda *shape: search)
    X = repeated(300, 4)
    index = NeighborIndex(X, "euclidean", 6, random_state=0)
    distances, indices = index.kneighbors(6)
    assert_allclose(distances[:, :3], 0, atol=1e-6)
    assert_allclose(X[indices[:, :3]], np.repeat(X[:, None], 3, axis=1))
    assert np.all(distances[:, 3:] > 0)


def test_adjacency_of_copies_is_that_of_their_points():
    # A of the copies is that of the points times a block of ones.
    points = np.random.default_rng(0).normal(size=(30, 3))
    expected = AdjacencySpectralEntropy("nearest_neighbors").fit(points).entropy_
    copies = np.repeat(points, 20, axis=0)
    found = AdjacencySpectralEntropy("nearest_neighbors").fit(copies).entropy_
    assert found == pytest.approx(expected, abs=1e-6)
