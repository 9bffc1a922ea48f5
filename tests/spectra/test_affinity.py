"""Affinities."""

import numpy as np
import pytest
from affinities import gaussian_affinity, gaussian_tiles, neighbors_affinity
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn import config_context

from skdse import DiffusionSpectralEntropy
from skdse._spectra import tiles
from skdse._spectra.bandwidth import Bandwidth
from skdse._spectra.gibbs import gaussian_entries


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(150, 4))


def by_definition(X, sigma, metric="euclidean"):
    if np.ndim(sigma) == 0 or metric != "euclidean":
        return self_tuning(cdist(X, X, metric), sigma)
    sums = np.add.outer(sigma**2, sigma**2)
    return (2 * np.outer(sigma, sigma) / sums) ** 4 * np.exp(-(cdist(X, X) ** 2) / sums)


def self_tuning(D, sigma):
    return np.exp(-(D**2) / (2 * np.outer(*2 * [np.broadcast_to(sigma, len(D))])))


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan", "chebyshev"])
@pytest.mark.parametrize("adaptive", [False, True])
def test_gaussian_by_definition(X, metric, adaptive):
    sigma = np.linspace(0.5, 2, len(X)) if adaptive else 0.8
    named = {"manhattan": "cityblock"}.get(metric, metric)
    np.testing.assert_allclose(
        gaussian_affinity(X, sigma, metric), by_definition(X, sigma, named), atol=1e-14
    )


@pytest.mark.parametrize("adaptive", [False, True])
def test_tiles_do_not_show(X, adaptive):
    sigma = np.linspace(0.5, 2, len(X)) if adaptive else 0.8
    whole = gaussian_affinity(X, sigma)
    with config_context(working_memory=1):  # 64 rows a tile
        np.testing.assert_allclose(gaussian_affinity(X, sigma), whole, atol=1e-15)


def test_gaussian_is_symmetric_with_unit_diagonal(X):
    G = gaussian_affinity(X, 0.8)
    np.testing.assert_array_equal(G, G.T)
    np.testing.assert_array_equal(np.diag(G), 1)


def test_gaussian_far_from_the_origin(X):
    np.testing.assert_allclose(
        gaussian_affinity(X + 1e6, 0.8), gaussian_affinity(X, 0.8), atol=1e-9
    )


def test_gaussian_of_float32_is_computed_in_float64(X):
    X = X.astype(np.float32)
    np.testing.assert_allclose(
        gaussian_affinity(X, 0.8), by_definition(X.astype(float), 0.8), atol=1e-14
    )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_complete_graph_is_the_gaussian(X, metric):
    G = neighbors_affinity(X, len(X) - 1, 0.8, metric).toarray()
    np.testing.assert_allclose(G, gaussian_affinity(X, 0.8, metric), atol=1e-10)


def test_graph_joins_who_lists_or_is_listed(X):
    k, sigma = 6, np.linspace(0.5, 2, len(X))
    order = np.argsort(cdist(X, X), axis=1)
    listed = np.zeros((len(X), len(X)), dtype=bool)
    np.put_along_axis(listed, order[:, : k + 1], True, axis=1)
    expected = np.where(listed | listed.T, self_tuning(cdist(X, X), sigma), 0)
    G = neighbors_affinity(X, k, sigma)
    np.testing.assert_allclose(G.toarray(), expected, atol=1e-14)
    assert (G != G.T).nnz == 0


def test_underflown_edges_are_not_stored():
    X = np.array([[0.0], [1.0], [1000.0], [1001.0]])
    G = neighbors_affinity(X, 2, 1.0)
    np.testing.assert_array_equal(G.indices, [0, 1, 0, 1, 2, 3, 2, 3])
    assert np.all(G.data > 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("keep", [False, True])
def test_tiled_products_are_of_the_matrix(X, dtype, metric, adaptive, keep):
    sigma = np.linspace(0.5, 2, len(X)) if adaptive else 0.8
    with config_context(working_memory=dtype().itemsize / 8):  # 64 rows a tile
        tiled = gaussian_tiles(X, sigma, metric, dtype, keep)
    assert [rows.stop for rows in tiled.blocks] == [64, 128, 150]
    G = by_definition(X, sigma, metric)
    V = np.random.default_rng(1).normal(size=(len(X), 3))
    atol = (2e-6 if dtype == np.float32 else 1e-12) * G.sum(axis=1).max()
    for product, expected in [
        (tiled.matmat(V), G @ V),
        (tiled.matmat(V[:, 0]), G @ V[:, 0]),
        (tiled.matvec(V[:, 0]), G @ V[:, 0]),
        (tiled.squares_matvec(V[:, 0]), G**2 @ V[:, 0]),
    ]:
        np.testing.assert_allclose(product, expected, atol=atol)
    np.testing.assert_array_equal(tiled.diagonal(), 1)


def test_float32_exponents_only_where_they_suffice(X):
    near, far = (gaussian_tiles(X, sigma, "euclidean") for sigma in (0.8, 1e-3))
    assert near.entries.exponent_dtype == np.float32
    assert far.entries.exponent_dtype == np.float64
    assert near.dtype == far.dtype == np.float32


def test_tiles_stay_within_the_working_memory(X):
    X = np.tile(X, (20, 1))
    with config_context(working_memory=1):
        tiled = gaussian_tiles(X, 0.8)
        rows = max(rows.stop - rows.start for rows, _ in tiled.pairs)
        # N_PARTS tiles of float32, with the copies that their exponents take.
        assert tiles.N_PARTS * rows**2 * 4 * 4 <= 2**20


def test_metrics_of_the_whole_data_are_not_tiled(X):
    # Its variances are those of all samples, not of a tile's.
    G = np.exp(-(squareform(pdist(X, "seuclidean")) ** 2) / (2 * 0.8**2))
    np.testing.assert_allclose(gaussian_affinity(X, 0.8, "seuclidean"), G, atol=1e-14)


def test_tiny_bandwidths_lose_no_digits():
    # Two tight clusters far apart: |x|² - 2 x·y + |y|² is off by 1e-16 · 1e6, as much
    # as the squared distances within a cluster.
    near = 1e-5 * np.random.default_rng(0).normal(size=(40, 3))
    X = np.concatenate([near, near + 1e3])
    sigma = np.full(80, 1e-5)
    # 1e3 + 1e-5 has 11 digits after the point: distances to 1e-8 of the bandwidth.
    np.testing.assert_allclose(
        gaussian_affinity(X, sigma), by_definition(X, sigma), atol=1e-12
    )


@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("n", [1, 64, 100, 128, 150])
def test_head_is_the_affinity_of_the_first_samples(X, made, n):
    sigma = np.linspace(0.5, 2, len(X))
    with config_context(working_memory=1):  # 64 rows a tile
        tiled = gaussian_tiles(X, sigma, dtype=np.float64, keep=True)
    if made:
        tiled.matvec(np.ones(len(X)))
    head = tiled.head(n)
    V = np.random.default_rng(1).normal(size=(n, 2))
    expected = by_definition(X, sigma)[:n, :n] @ V
    np.testing.assert_allclose(head.matmat(V), expected, atol=1e-12)
    assert len(tiled.kept) == (6 if made else 0)
    assert head.n_samples == n


@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "seuclidean"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_shared_distance_is_taken_off_by_definition(X, metric, dtype):
    D = squareform(pdist(X, metric))
    r = np.median(np.sort(D, axis=1)[:, 3])
    expected = np.exp(-np.maximum(D**2 - r**2, 0) / (2 * 0.8**2))
    G = gaussian_affinity(X, 0.8, metric, dtype, shared=r)
    assert_allclose(G, expected, atol=1e-5 if dtype == np.float32 else 1e-12)
    assert G.max() == 1


def test_a_shared_distance_survives_tiny_bandwidths(rng):
    # Bandwidths so small against the spread that near pairs go by differences.
    X = np.repeat(1e4 * rng.normal(size=(10, 3)), 4, axis=0)
    X += 1e-3 * rng.normal(size=X.shape)
    D = cdist(X, X)
    r = np.median(np.sort(D, axis=1)[:, 1])
    expected = np.exp(-np.maximum(D**2 - r**2, 0) / (2 * 1e-3**2))
    G = gaussian_affinity(X, 1e-3, shared=r)
    assert_allclose(G, expected, atol=1e-5)


def test_squared_distances_far_from_the_origin(rng):
    X = rng.normal(size=(50, 4))
    expected = gaussian_affinity(X, 2.0, "sqeuclidean")
    assert_allclose(expected, np.exp(-(cdist(X, X) ** 4) / 8), atol=1e-12)
    shifted = gaussian_affinity(X + 2.0**20, 2.0, "sqeuclidean")
    assert_allclose(shifted, expected, atol=1e-6)


def test_lanczos_takes_the_variances_of_all_samples(rng):
    # Sorted by their spread, so that a tile's variances are not those of all.
    X = rng.normal(size=(500, 6)) * np.linspace(0.1, 3, 500)[:, None]
    exact, found = (
        DiffusionSpectralEntropy(
            metric="seuclidean", bandwidth=1.5, eigen_solver=solver, random_state=0
        )
        for solver in ("dense", "lanczos")
    )
    with config_context(working_memory=1):  # 64 rows a tile
        difference = found.fit(X).entropy_ - exact.fit(X).entropy_
    assert abs(difference) <= 2 * found.tol


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "cosine"])
def test_features_that_do_not_vary_count_where_they_matter(rng, metric, dtype):
    # Of ten features three are constant, far off: in angles they count.
    X = np.full((50, 10), 3.0)
    X[:, [0, 1, 2, 4, 5, 7, 8]] = rng.normal(size=(50, 7))
    entries = gaussian_entries(X, Bandwidth(0.7), metric, dtype)
    n_used = 7 if metric in ("euclidean", "sqeuclidean") else 10
    assert entries.X.shape == (50, n_used) and entries.X.flags.c_contiguous
    expected = np.exp(-(squareform(pdist(X, metric)) ** 2) / (2 * 0.7**2))
    found = entries.tile(slice(0, 50), slice(0, 50))
    assert_allclose(found, expected, atol=1e-5 if dtype == np.float32 else 1e-12)
    all_alike = gaussian_entries(np.ones((5, 3)), Bandwidth(0.7), metric, dtype)
    assert_allclose(all_alike.tile(slice(0, 5), slice(0, 2)), 1)
