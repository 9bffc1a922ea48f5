"""Exact neighbours by tiles in float32, against all distances in float64."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from skdse._spectra import paired_tiles as _paired
from skdse._spectra import tiled_search as _tiled
from skdse._spectra.smallest import smallest
from skdse._spectra.tiled_search import TiledSearch, nearest_of, rounding


def brute(Y, X, k):
    """Distances and indices of the k nearest, from all distances in float64."""
    D = cdist(Y.astype(np.float64), X.astype(np.float64))
    indices = np.argsort(D, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(D, indices, axis=1), indices


@pytest.fixture(params=["tiles of rows", "tiles of both sides"])
def small_tiles(monkeypatch, request):
    """Tiles so small that a search has several in both directions."""
    monkeypatch.setattr(_tiled, "TILE_ROWS", 50)
    monkeypatch.setattr(_tiled, "TILE_COLUMNS", 130)
    if request.param == "tiles of both sides":
        monkeypatch.setattr(_paired, "TILE_ROWS", 45)
        monkeypatch.setattr(_paired, "LEAST_FEATURES", 1)
        monkeypatch.setattr(_paired, "LEAST_POINTS", 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [2, 40])
@pytest.mark.parametrize("k", [1, 6, 100, 700])
def test_search_is_exact(small_tiles, dtype, d, k):
    X = np.random.default_rng(0).normal(size=(700, d)).astype(dtype)
    distances, indices = TiledSearch(X).own_neighbors(k)
    expected, nearest = brute(X, X, k)
    # The difference of two float32 rows is rounded to float32, and so are near ties.
    rounding = {"rtol": 4 * np.finfo(dtype).eps}
    assert_allclose(distances, expected, **rounding)
    D = cdist(X.astype(float), X.astype(float))
    assert_allclose(np.take_along_axis(D, indices, axis=1), expected, **rounding)
    assert all(len(set(row)) == k for row in indices)
    if dtype == np.float64:
        assert_array_equal(indices, nearest)


@pytest.mark.parametrize("offset", [0, 1e6])
@pytest.mark.parametrize("spread", [1e-7, 1.0, 1e7])
def test_clusters_too_tight_for_float32(small_tiles, offset, spread):
    # Within a cluster, distances are 1e-6 of those between: float32 cannot tell.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, 5))[np.arange(400) % 8]
    X = offset + spread * (X + 1e-6 * rng.normal(size=X.shape))
    distances, indices = TiledSearch(X).own_neighbors(5)
    expected, nearest = brute(X, X, 5)
    if offset == 0:
        assert_array_equal(indices, nearest)
    assert_allclose(distances, expected, rtol=1e-5, atol=1e-9 * offset)


def test_outliers_leave_the_others_their_digits(small_tiles):
    X = np.random.default_rng(0).normal(size=(500, 6))
    X[:3] *= [[1e8], [1e25], [1e60]]
    distances, indices = TiledSearch(X).own_neighbors(4)
    expected, nearest = brute(X[3:], X, 4)
    assert_array_equal(indices[3:], nearest)
    assert_allclose(distances[3:], expected, rtol=1e-12)


def test_ties_have_the_right_distances(small_tiles):
    # On a lattice most distances are shared by many.
    X = np.stack(np.meshgrid(*3 * [np.arange(7.0)]), axis=-1).reshape(-1, 3)
    distances, indices = TiledSearch(X).own_neighbors(9)
    assert_array_equal(distances, brute(X, X, 9)[0])
    assert all(len(set(row)) == 9 for row in indices)


@pytest.mark.parametrize("crowd", [0, 4, 10**6])
def test_crowds_nearer_than_the_first_tile(small_tiles, monkeypatch, crowd):
    # Rows in the order of their distance from the origin: neighbours of the last lie in
    # other tiles than their own, and all tiles before are within their first limits.
    monkeypatch.setattr(_paired, "CROWD", crowd)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 30)) * np.linspace(0.01, 10, 600)[:, None]
    distances, indices = TiledSearch(X).own_neighbors(7)
    expected, nearest = brute(X, X, 7)
    assert_array_equal(indices, nearest)
    assert_allclose(distances, expected, rtol=1e-12)


def test_many_points_of_many_features_are_searched_by_both_sides():
    # With the real sizes, the last tile a narrow one: as other rows are searched.
    X = np.random.default_rng(0).normal(size=(3 * 1024 + 5, 130))
    search = TiledSearch(X)
    assert _paired.suits_pairs(*X.shape)
    for own, as_others in zip(
        search.own_neighbors(5), search.kneighbors(X, 5), strict=True
    ):
        assert_array_equal(own, as_others)


def test_other_rows(small_tiles):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(300, 20)), 3 + rng.normal(size=(70, 20))
    distances, indices = TiledSearch(X).kneighbors(Y, 4)
    assert_array_equal(indices, brute(Y, X, 4)[1])
    assert_allclose(distances, brute(Y, X, 4)[0], rtol=1e-12)


@pytest.mark.parametrize("d", [2, 50, 800])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_rounding_is_within_its_bound(d, offset):
    rng = np.random.default_rng(0)
    X = (offset + rng.normal(size=(200, d))).astype(np.float32)
    exact = cdist(X.astype(float), X.astype(float), "sqeuclidean")
    norms = np.einsum("ij,ij->i", X, X)
    found = norms[:, None] - 2 * (X @ X.T) + norms
    bound = rounding(d, np.sqrt(norms)[:, None], np.sqrt(exact))
    assert np.all(np.abs(found - exact) <= bound)


def test_few_wide_rows_are_searched_in_float64_at_once(monkeypatch):
    X = np.random.default_rng(0).normal(size=(150, 20_000))
    expected, nearest = brute(X, X, 6)
    monkeypatch.setattr(_tiled, "smallest", None)
    distances, indices = TiledSearch(X).own_neighbors(6)
    assert_array_equal(indices, nearest)
    assert_allclose(distances, expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(3, 5), (4, 64), (5, 999), (2, 4096)])
@pytest.mark.parametrize("n_values", [3, 10**6])
def test_smallest_entries(shape, n_values):
    D = np.random.default_rng(0).integers(n_values, size=shape).astype(np.float32)
    values, columns = smallest(D, 5)
    assert_array_equal(values, np.sort(D, axis=1)[:, :5])
    assert_array_equal(np.take_along_axis(D, columns, axis=1), values)
    assert all(len(set(row)) == 5 for row in columns)


def test_nearest_of_some_in_blocks(monkeypatch):
    monkeypatch.setattr(_tiled, "_BLOCK_BYTES", 5000)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(50, 3)), rng.normal(size=(40, 3))
    some = np.argsort(rng.uniform(size=(40, 50)), axis=1)[:, :20]
    distances, indices = nearest_of(Y, X, some, 7)
    D = np.take_along_axis(cdist(Y, X), some, axis=1)
    assert_allclose(distances, np.sort(D, axis=1)[:, :7], rtol=1e-12)
    assert_allclose(np.take_along_axis(cdist(Y, X), indices, axis=1), distances)
