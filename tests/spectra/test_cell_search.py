"""Approximate neighbours within the nearest cells."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial import KDTree
from sklearn.metrics import pairwise_distances
from threadpoolctl import threadpool_limits

from skdse import DiffusionSpectralEntropy
from skdse._spectra import cell_search as _cells
from skdse._spectra import neighbors as _neighbors
from skdse._spectra.cell_search import CellSearch, shared
from skdse._spectra.drift import Misses
from skdse._spectra.neighbors import ERROR, NeighborIndex
from skdse._spectra.searches import DescentSearch

K = 11


@pytest.fixture(scope="module")
def X():
    """Clusters of other densities on a sheet of 3 dimensions in 20."""
    rng = np.random.default_rng(0)
    u = rng.normal(size=(5, 3))[rng.integers(5, size=9000)]
    u += rng.uniform(0.01, 1, size=5)[rng.integers(5, size=9000), None] * rng.normal(
        size=u.shape
    )
    return np.sin(u @ rng.normal(size=(3, 20)) / 2)


@pytest.fixture(scope="module")
def search(X):
    return CellSearch(X, K, 0)


@pytest.fixture(scope="module")
def exact(X):
    return KDTree(X).query(X, k=K)


def test_cells_part_the_points(X, search):
    members, centers = _cells._cells(X.astype(np.float32), np.random.RandomState(0))
    assert_array_equal(np.sort(np.concatenate(members)), np.arange(len(X)))
    assert len(members) == len(centers) <= 1.2 * len(X) / _cells.CELL_POINTS
    assert min(map(len, members)) > 0


def test_it_finds_the_neighbors(X, search, exact):
    distances, indices = search.own_neighbors(K)
    assert_array_equal(indices[:, 0], np.arange(len(X)))
    found = shared(indices[:, 1:], exact[1][:, 1:])
    assert found >= 0.995
    # What is told comes from a sample: 4000 neighbours, which miss in clusters.
    assert search.recall == pytest.approx(found, abs=0.005)
    to_found = np.linalg.norm(X[indices] - X[:, None], axis=2)
    assert_allclose(distances, to_found, rtol=1e-12, atol=1e-15)
    assert np.all(np.diff(distances, axis=1) >= 0)
    assert all(len(set(row)) == K for row in indices)


def test_query_of_other_rows(X, search):
    Y = X[:300] + 0.01 * np.random.default_rng(1).normal(size=(300, 20))
    distances, indices = search.kneighbors(Y, 5)
    assert_allclose(
        distances, np.linalg.norm(X[indices] - Y[:, None], axis=2), rtol=1e-12
    )
    assert shared(indices, KDTree(X).query(Y, k=5)[1]) >= 0.99


def test_few_cells_find_less_and_say_so(X, exact, monkeypatch):
    monkeypatch.setattr(_cells, "MOST_POINTS", 1)
    monkeypatch.setattr(_cells, "FIRST_POINTS", 1)
    search = CellSearch(X, K, 0)
    assert search.n_cells == 1
    found = shared(search.own_neighbors(K)[1][:, 1:], exact[1][:, 1:])
    assert found < 0.9
    assert search.recall == pytest.approx(found, abs=0.03)


def test_more_neighbors_than_a_cell_has(X):
    few = X[:600]
    distances, indices = CellSearch(few, 400, 0).own_neighbors(400)
    assert distances.shape == indices.shape == (600, 400)
    assert all(len(set(row)) == 400 for row in indices)


def test_clusters_too_tight_for_float32_about_the_mean():
    # Distances are taken about the centre of a cell.
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(10, 12)), 400, axis=0)
    X += 1e-5 * rng.normal(size=X.shape)[:, :1] * np.ones(12)
    X += 1e-6 * rng.normal(size=X.shape)
    found = CellSearch(X, 6, 0).own_neighbors(6)[1]
    assert shared(found, KDTree(X).query(X, k=6)[1]) > 0.95


def test_rows_equal_in_float32_and_outliers():
    # No warning of k-means, and an outlier leaves the others their digits.
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(30, 4)), 20, axis=0)
    X += 1e-12 * rng.normal(size=X.shape)
    X[0] = 1e60
    distances, _ = CellSearch(X, 4, 0).own_neighbors(4)
    assert distances[1:].max() < 1e-10


def test_the_same_bits_with_any_number_of_threads(X, search):
    found = search.own_neighbors(K)
    with threadpool_limits(1):
        alone = CellSearch(X, K, 0)
        expected = alone.own_neighbors(K)
    assert alone.recall == search.recall
    assert_array_equal(found[0], expected[0])
    assert_array_equal(found[1], expected[1])


def test_another_seed_makes_other_cells(X, search):
    assert not np.array_equal(CellSearch(X, K, 1)._centers, search._centers)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_entropy_of_an_approximate_graph(X, metric, monkeypatch):
    dse = DiffusionSpectralEntropy(
        affinity="nearest_neighbors",
        metric=metric,
        eigen_solver="dense",
        random_state=0,
    )
    expected = dse.fit(X[:1200]).entropy_
    monkeypatch.setattr(_neighbors, "search_for", lambda *shape: CellSearch)
    monkeypatch.setattr(_cells, "CELL_POINTS", 20)
    monkeypatch.setattr(_cells, "FIRST_POINTS", 60)
    found = dse.fit(X[:1200]).entropy_
    assert found != expected
    assert found == pytest.approx(expected, abs=1e-3)


def test_warning_of_a_poor_search(X, monkeypatch):
    monkeypatch.setattr(_cells, "MOST_POINTS", 1)
    monkeypatch.setattr(_cells, "FIRST_POINTS", 1)
    monkeypatch.setattr(_neighbors, "search_for", lambda *shape: CellSearch)
    with pytest.warns(UserWarning, match=r"found \d\d\.\d% of the nearest"):
        recall = NeighborIndex(X, "euclidean", 10, random_state=0).recall
    assert recall < 0.9


@pytest.mark.parametrize("share", [1.0, 0.9])
def test_error_of_missed_neighbours_is_in_the_standard_error(share):
    # What is in the meter's hand: a spectrum whose search found a share of them.
    X = np.random.default_rng(0).normal(size=(300, 5))
    exact = DiffusionSpectralEntropy(affinity="nearest_neighbors").fit(X)
    error = ERROR * (1 - share)
    found = replace(exact.spectrum_, drift=Misses(error)).entropy(1)
    assert found.value == exact.entropy_
    assert found.std_error == pytest.approx(error)
    assert found.upper - found.lower == pytest.approx(4 * error)


@pytest.mark.parametrize("metric", ["cosine", "manhattan"])
def test_descent_measures_its_recall(metric):
    X = np.random.default_rng(0).normal(size=(1500, 6)).astype(np.float32)
    search = DescentSearch(X, metric, 11, 0)
    exact = pairwise_distances(X, metric=metric)
    nearest = np.sort(exact, axis=1)[:, :11]
    found, _ = search.own_neighbors(11)
    recall = np.mean(found[:, 1:] <= nearest[:, -1:] * (1 + 1e-3))
    assert search.recall == pytest.approx(recall, abs=0.01)
    assert search.recall > 0.9
