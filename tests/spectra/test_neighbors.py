"""Nearest neighbours: exact and approximate search."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.spatial.distance import cdist

from skdse._spectra import neighbors as _neighbors
from skdse._spectra.cell_search import CellSearch
from skdse._spectra.neighbors import NeighborIndex
from skdse._spectra.searches import BruteSearch, DescentSearch, TreeSearch
from skdse._spectra.tiled_search import TiledSearch


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(300, 6))


def sorted_distances(Y, X):
    return np.sort(cdist(Y, X), axis=1)


def test_a_sample_is_not_its_own_neighbor(X):
    distances, indices = NeighborIndex(X, "euclidean", 7).kneighbors(7)
    # Column 0 of all sorted distances is the sample itself.
    np.testing.assert_allclose(distances, sorted_distances(X, X)[:, 1:8], rtol=1e-12)
    assert not (indices == np.arange(300)[:, None]).any()


def test_fewer_neighbors_are_the_first_of_more(X):
    index = NeighborIndex(X, "euclidean", 7)
    np.testing.assert_array_equal(index.kneighbors(3)[0], index.kneighbors(7)[0][:, :3])


def test_query_of_other_samples(X):
    Y = np.random.default_rng(1).normal(size=(20, 6))
    distances = NeighborIndex(X, "euclidean", 4).query(Y, 4)
    np.testing.assert_allclose(distances, sorted_distances(Y, X)[:, :4], rtol=1e-12)


def test_query_of_fitted_samples_leaves_themselves_out(X):
    index = NeighborIndex(X, "euclidean", 4)
    np.testing.assert_array_equal(index.query(X[:20], 4), index.kneighbors(4)[0][:20])


def test_neighbors_are_at_most_all_others(X):
    distances, _ = NeighborIndex(X[:5], "euclidean", 50).kneighbors(50)
    assert distances.shape == (5, 4)


@pytest.mark.parametrize(("metric", "offset"), [("euclidean", 1000), ("cosine", 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_duplicates_have_distance_zero(metric, offset, dtype):
    # Far from the origin |x|² - 2 x·y + |y|² leaves noise, and so does 1 - cos.
    half = offset + np.random.default_rng(0).normal(size=(40, 5))
    X = np.concatenate([half, half]).astype(dtype)
    distances, indices = NeighborIndex(X, metric, 2).kneighbors(2)
    np.testing.assert_array_equal(distances[:, 0], 0)
    np.testing.assert_array_equal(indices[:, 0], (np.arange(80) + 40) % 80)


@pytest.mark.parametrize(
    ("shape", "metric", "search"),
    [
        ((1_000_000, 3), "euclidean", TreeSearch),
        ((100_000, 8), "euclidean", TreeSearch),
        ((40_000, 12), "l2", TiledSearch),
        ((10_000, 784), "euclidean", TiledSearch),
        ((20_000, 784), "euclidean", CellSearch),
        ((1_000_000, 8), "euclidean", CellSearch),
        ((60_000, 784), "euclidean", CellSearch),
        ((5_000, 12), "manhattan", TreeSearch),
        ((5_000, 64), "manhattan", BruteSearch),
        ((5_000, 3), "cosine", BruteSearch),
        ((5_000, 3), abs, BruteSearch),
        ((200_000, 64), "cosine", DescentSearch),
    ],
)
def test_search_that_suits(shape, metric, search):
    assert _neighbors.search_for(*shape, metric) is search


@pytest.fixture(scope="module")
def descent():
    """Points and their index by pynndescent; numba compiles for a minute."""
    X = np.random.default_rng(0).normal(size=(3000, 4)).astype(np.float32)
    X += 3  # so that cosines are those of a patch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_neighbors, "search_for", lambda *shape: DescentSearch)
        index = NeighborIndex(X, "cosine", 10, random_state=0, n_jobs=1)
        return X, index, index.kneighbors(10)


def cosines(Y, X):
    return np.sort(cdist(Y, X, "cosine"), axis=1)


def test_descent_finds_the_neighbors(descent):
    X, _, (distances, indices) = descent
    assert distances.shape == indices.shape == (3000, 10)
    assert not (indices == np.arange(3000)[:, None]).any()
    assert np.isclose(distances, cosines(X, X)[:, 1:11], atol=1e-6).mean() > 0.99


def test_descent_query_of_other_samples(descent):
    X, index, _ = descent
    Y = 3 + np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    found = index.query(Y, 5)
    assert np.isclose(found, cosines(Y, X)[:, :5], atol=1e-6).mean() > 0.95


def test_descent_query_of_fitted_samples(descent):
    X, index, (distances, _) = descent
    found = index.query(X[:50], 5)
    assert np.isclose(found, distances[:50, :5], atol=1e-6).mean() > 0.95


def test_descent_does_not_depend_on_n_jobs(descent, monkeypatch):
    X, _, (distances, indices) = descent
    monkeypatch.setattr(_neighbors, "search_for", lambda *shape: DescentSearch)
    other = NeighborIndex(X, "cosine", 10, random_state=0, n_jobs=2)
    assert_array_equal(other.kneighbors(10)[1], indices)
    assert_array_equal(other.kneighbors(10)[0], distances)


def test_own_index_missing_from_the_list_costs_the_farthest():
    # Row 1 does not list itself, so its last neighbour goes.
    indices = np.array([[0, 1, 2], [2, 0, 3], [2, 1, 0]])
    distances = np.array([[0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [0.0, 1.0, 2.0]])
    kept, columns = _neighbors.without_self(distances, indices)
    np.testing.assert_array_equal(columns, [[1, 2], [2, 0], [1, 0]])
    np.testing.assert_array_equal(kept, [[1, 2], [1, 2], [1, 2]])


@pytest.mark.parametrize("d", [3, 40])
def test_squared_distances_are_those_of_the_distances(d):
    X = np.random.default_rng(0).normal(size=(60, d)) + 1e4
    X[:10] = X[10:20]
    squared, plain = (NeighborIndex(X, m, 4) for m in ("sqeuclidean", "euclidean"))
    distances, indices = squared.kneighbors(4)
    assert_array_equal(distances, plain.kneighbors(4)[0] ** 2)
    assert_array_equal(indices, plain.kneighbors(4)[1])
    assert_array_equal(distances[:10, 0], 0)
    assert_array_equal(squared.query(X[5:9], 4), distances[5:9])
