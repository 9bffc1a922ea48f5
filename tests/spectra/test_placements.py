"""Distances that are Euclidean ones of other points: by closed forms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import pdist, squareform

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._spectra.distances import distances, distances_of_pairs
from skdse._spectra.neighbors import NeighborIndex
from skdse._spectra.placements import placement_of

ANGLES = np.array([0.0, 1e-5, 3e-5, 4e-5, 9e-5, 1.5e-4])


def rows_at(angles, dtype=np.float64):
    """Rows of different lengths in a plane, near one direction."""
    lengths = np.array([1.0, 3.0, 1e-3, 1e200 if dtype == np.float64 else 1e30, 7, 2])
    rows = np.column_stack([np.ones(len(angles)), np.tan(angles)])
    return (lengths[:, None] * rows).astype(dtype)


def between(X):
    """1 - cos of the angles between rows: 2 sin²(a/2), which has digits."""
    angles = np.arctan2(X[:, 1].astype(float), X[:, 0].astype(float))
    return 2 * np.sin((angles[:, None] - angles) / 2) ** 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_angles_have_their_digits(dtype):
    X = rows_at(ANGLES, dtype)
    expected = between(X)  # 5e-11 to 1e-8: 1 - cos in float32 is 0
    rtol = 1e-6 if dtype == np.float32 else 1e-9
    assert_allclose(distances(X, metric="cosine"), expected, rtol=rtol)
    i, j = np.triu_indices(len(X), 1)
    found = distances_of_pairs(X[i], X[j], "cosine")
    assert_allclose(found, expected[i, j], rtol=rtol)
    nearest, indices = NeighborIndex(X, "cosine", 5).kneighbors(5)
    assert_allclose(nearest, np.sort(expected, axis=1)[:, 1:], rtol=rtol)
    assert_allclose(np.take_along_axis(expected, indices, axis=1), nearest, rtol=rtol)


def test_correlation_sees_what_is_beside_an_offset():
    rng = np.random.default_rng(0)
    X = rng.integers(-8, 9, size=(30, 6)).astype(float)
    # Whole numbers, so that offsets leave their differences as they are.
    offsets = 2.0 ** rng.integers(30, 48, size=(30, 1))
    expected = squareform(pdist(X, "correlation"))
    assert_allclose(distances(X + offsets, metric="correlation"), expected, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("affinity", ["gaussian", "nearest_neighbors"])
def test_narrow_embeddings_by_the_cosine(affinity, dtype):
    # Far along a further axis, angles are distances over its length.
    Z = np.random.default_rng(0).normal(size=(200, 4)) @ np.diag([3, 2, 1, 1])
    X = np.column_stack([Z, np.full(200, 1e4)]).astype(dtype)
    params = {"affinity": affinity, "bandwidth": "adaptive"}
    by_angle = DiffusionSpectralEntropy(metric="cosine", **params).fit(X)
    expected = DiffusionSpectralEntropy(metric="sqeuclidean", **params).fit(Z)
    assert by_angle.entropy_ == pytest.approx(expected.entropy_, abs=1e-3)


@pytest.mark.parametrize("metric", ["seuclidean", "mahalanobis"])
def test_points_have_the_distances_of_the_metric(metric):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4)) * [1, 10, 100, 1000] + 50
    expected = squareform(pdist(X, metric))
    points = placement_of(X, metric).points(X)
    assert_allclose(squareform(pdist(points)), expected, rtol=1e-9)
    found, _ = NeighborIndex(X, metric, 5).kneighbors(5)
    assert_allclose(found, np.sort(expected, axis=1)[:, 1:6], rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
@pytest.mark.parametrize("affinity", ["gaussian", "nearest_neighbors"])
@pytest.mark.parametrize(
    "metric", ["seuclidean", "mahalanobis", "cosine", "correlation"]
)
def test_scale_does_not_matter(metric, affinity, scale):
    X = np.random.default_rng(0).normal(size=(50, 4))
    dse = DiffusionSpectralEntropy(
        affinity=affinity, metric=metric, bandwidth="adaptive"
    )
    expected = dse.fit(X).entropy_
    assert dse.fit(X * scale).entropy_ == pytest.approx(expected, abs=1e-9)


def test_standardised_neighbors_take_the_deviations_of_all_samples():
    # Ten copies of one of two rows: distinct rows alone would have other deviations.
    X = np.array([[0.0, 0.0]] * 10 + [[1.0, 4.0]])
    dse = DiffusionSpectralEntropy(metric="seuclidean", bandwidth="knn").fit(X)
    assert dse.bandwidth_ == pytest.approx(pdist(X, "seuclidean").max())


def test_neighbors_of_samples_that_were_not_fitted():
    X = np.random.default_rng(0).normal(size=(80, 3)) * [1, 10, 100]
    dse = DiffusionSpectralEntropy(metric="seuclidean", bandwidth="adaptive")
    dse.fit(X[:60])
    deviations = X[:60].std(axis=0, ddof=1)
    D = squareform(pdist(X / deviations))[60:, :60]
    sigma = np.sort(D, axis=1)[:, 4]
    found = dse.scale_.at(X[60:]).bandwidth.sigma
    assert_allclose(found, sigma, rtol=1e-9)


@pytest.mark.parametrize("make", [DiffusionSpectralEntropy, DiffusionSpectralMI])
@pytest.mark.parametrize("rank", ["few samples", "one feature twice"])
def test_covariance_without_full_rank_is_refused(make, rank):
    X = np.random.default_rng(0).normal(size=(40, 3))
    X = X[:3] if rank == "few samples" else X[:, [0, 1, 2, 0]]
    dse = DiffusionSpectralEntropy(metric="mahalanobis")
    estimator = dse if make is DiffusionSpectralEntropy else make(dse)
    with pytest.raises(ValueError, match=r"metric='mahalanobis'.*'seuclidean'.*PCA"):
        estimator.fit(X, np.arange(len(X)) % 2)
