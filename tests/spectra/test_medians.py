"""The median distance of all pairs is exact, whatever the seed."""

import numpy as np
import pytest
from medians import median_distance
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from skdse import DiffusionSpectralEntropy
from skdse._spectra.bandwidth import MEDIAN_ALL_PAIRS
from skdse._spectra.medians import (
    Sample,
    _middle,
    counted,
    exact_median,
    nearest_distances,
)


@pytest.mark.parametrize(("n", "d"), [(2500, 2), (2501, 30)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_median_is_that_of_all_pairs(n, d, dtype):
    X = np.random.default_rng(0).normal(size=(n, d)).astype(dtype)
    assert n > MEDIAN_ALL_PAIRS
    exact = np.median(pdist(X.astype(float)))
    for seed in range(3):
        assert median_distance(X, "euclidean", seed) == pytest.approx(exact, rel=1e-6)
    squared = median_distance(X, "sqeuclidean", 0)
    assert squared == pytest.approx(exact**2, rel=2e-6)


@pytest.mark.parametrize("shift", [0.0, 3.0, 100.0])
def test_bounds_that_miss_the_median_are_widened(shift):
    # Pairs that were drawn by somebody who means ill.
    X = np.random.default_rng(0).normal(size=(600, 4))
    exact = np.median(pdist(X))
    misleading = np.linspace(exact + shift, exact + shift + 1e-3, 100)
    assert exact_median(X, Sample(misleading, 0.001)).value == pytest.approx(
        exact, rel=1e-6
    )


def test_median_of_clusters_lies_in_a_gap():
    # Three pairs of ten are within a cluster, the others 1000 apart and more: no pair
    # is near the median of a sample by chance.
    X = np.random.default_rng(0).normal(size=(1000, 2))
    X[::2] += 1000
    sampled = pdist(X[:200])
    expected = np.median(pdist(X))
    assert exact_median(X, Sample(sampled, 0.002)).value == pytest.approx(
        expected, rel=1e-6
    )


def test_too_many_pairs_are_sampled():
    # Uniform on [0, 1]: half of all |x - y| are below 1 - 1/√2. A million pairs err by
    # 0.5 / (√1e6 f) = 3.5e-4, f = √2 the density there.
    X = np.random.default_rng(0).uniform(size=(300_000, 1))
    found = median_distance(X, "euclidean", 0)
    assert found == pytest.approx(1 - 0.5**0.5, abs=5 * 3.5e-4)


def test_mostly_copies_have_a_positive_distance():
    X = np.zeros((2400, 2))
    X[:100] = np.random.default_rng(0).normal(size=(100, 2))
    found = median_distance(X, "euclidean", 0)
    assert 0 < found < np.median(pdist(X[:100]))
    assert np.abs(pdist(X[:101]) - found).min() < 1e-12


def test_seeds_move_the_default_entropy_no_farther_than_its_error():
    X = np.random.default_rng(0).uniform(size=(2600, 6))
    fitted = [
        DiffusionSpectralEntropy(random_state=seed, tol=5e-3).fit(X)
        for seed in range(10)
    ]
    values = np.array([one.entropy_ for one in fitted])
    errors = np.array([one.entropy_std_error_ for one in fitted])
    assert np.ptp([one.bandwidth_ for one in fitted]) < 1e-6
    assert values.std(ddof=1) <= 1.5 * errors.mean()


@pytest.mark.parametrize("metric", ["chebyshev", "manhattan", "cosine", "canberra"])
def test_other_metrics_are_exact_too(metric):
    X = np.random.default_rng(0).normal(size=(2200, 3))
    exact = np.median(pdist(X, "cityblock" if metric == "manhattan" else metric))
    for seed in range(2):
        assert median_distance(X, metric, seed) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("metric", ["seuclidean", "mahalanobis"])
def test_parameters_of_a_metric_are_those_of_all_samples(metric):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2200, 3)) @ rng.normal(size=(3, 3)) * [1, 10, 100]
    exact = np.median(pdist(X, metric))
    assert median_distance(X, metric, 0) == pytest.approx(exact, rel=1e-6)


def test_constant_feature_is_no_part_of_a_standardised_distance():
    X = np.random.default_rng(0).normal(size=(2200, 3))
    wide = np.column_stack([X, np.full(len(X), 7.0)])
    expected = median_distance(X, "seuclidean", 0)
    assert median_distance(wide, "seuclidean", 0) == pytest.approx(expected)


def test_function_as_metric_is_exact():
    X = np.random.default_rng(0).normal(size=(2060, 2))
    found = median_distance(X, lambda x, y: abs(x[0] - y[0]), 0)
    assert found == pytest.approx(np.median(pdist(X[:, :1])), rel=1e-9)


def test_distances_that_are_not_a_number_are_refused():
    def tile(rows, columns):
        return np.full((rows.stop - rows.start, columns.stop - columns.start), np.nan)

    with pytest.raises(ValueError, match="not a number"):
        _middle(tile, np.zeros((50, 1)), np.linspace(0, 1, 50), 0.01)


def test_nearest_distances_are_those_of_a_tree():
    X = np.random.default_rng(0).normal(size=(1500, 3))
    X[7] = X[1300]
    expected = cKDTree(X).query(X, k=2)[0][:, 1]
    found = nearest_distances(X, 2.0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("is_diagonal", [False, True])
def test_values_of_a_tile_are_counted_by_its_rows(is_diagonal):
    values = np.random.default_rng(0).normal(size=(150, 150))
    n_below, inside = counted(values, -0.3, 0.2, is_diagonal)
    every = values[np.tril_indices(150, -1)] if is_diagonal else values.ravel()
    assert n_below == np.sum(every < -0.3)
    expected = every[(every >= -0.3) & (every <= 0.2)]
    np.testing.assert_array_equal(inside, expected)
