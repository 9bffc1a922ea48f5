"""Rules for the bandwidth."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from skdse._spectra.bandwidth import (
    MEDIAN_ALL_PAIRS,
    fit_bandwidth,
)
from skdse._spectra.medians import MOST_PAIRS, sampled_distances

RULES = ["median", "reduced", "knn", "adaptive"]


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(200, 5))


def neighbor_distance(X, k):
    return np.sort(squareform(pdist(X)), axis=1)[:, k]


def test_rules_by_definition(X):
    # Half the median of all pairs; median and value of the 5th neighbour distance,
    # where column 0 of the sorted distances is the sample itself.
    assert fit_bandwidth(X, "median").sigma == pytest.approx(np.median(pdist(X)) / 2)
    fifth = neighbor_distance(X, 5)
    assert fit_bandwidth(X, "knn").sigma == pytest.approx(np.median(fifth))
    np.testing.assert_allclose(fit_bandwidth(X, "adaptive").sigma, fifth)


def test_number_is_taken_as_it_is(X):
    assert fit_bandwidth(X, 3, scale=10.0).sigma == 3.0


@pytest.mark.parametrize("rule", RULES)
def test_scale_multiplies_what_a_rule_finds(X, rule):
    plain, scaled = (fit_bandwidth(X, rule, scale=c).sigma for c in (1.0, 2.5))
    np.testing.assert_allclose(scaled, 2.5 * plain)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("c", [1e-6, 1e6])
def test_rules_follow_the_units_of_the_data(X, rule, c):
    np.testing.assert_allclose(
        fit_bandwidth(c * X, rule).sigma, c * fit_bandwidth(X, rule).sigma, rtol=1e-9
    )


def test_adaptive_of_other_samples_looks_at_the_fitted_ones(X):
    Y = np.random.default_rng(1).normal(size=(30, 5))
    sigma = fit_bandwidth(X, "adaptive", scale=2.0, n_neighbors=3).at(Y).sigma
    distances = np.linalg.norm(Y[:, None] - X, axis=2)
    np.testing.assert_allclose(sigma, 2 * np.sort(distances, axis=1)[:, 2])


def test_adaptive_of_the_fitted_samples_is_as_fitted(X):
    bandwidth = fit_bandwidth(X, "adaptive")
    np.testing.assert_array_equal(bandwidth.at(X).sigma, bandwidth.sigma)


def test_pairs_are_of_different_samples():
    # A sampled pair of equal rows would put zeros among the distances, all 1 here.
    rng = np.random.RandomState(0)
    distances = sampled_distances(np.array([[0.0], [1.0]]), "euclidean", rng, 1000)
    assert np.all(distances == 1)


def test_duplicates_leave_the_smallest_positive_distance():
    # Each of 0, 3, 10 four times: all distances to the 3rd neighbour are 0, and the
    # smallest distance between samples that differ is 3.
    X = np.repeat([[0.0], [3.0], [10.0]], 4, axis=0)
    assert fit_bandwidth(X, "knn", n_neighbors=3).sigma == 3
    adaptive = fit_bandwidth(X, "adaptive", n_neighbors=3)
    np.testing.assert_array_equal(adaptive.sigma, 3)
    np.testing.assert_array_equal(adaptive.at(X[::4]).sigma, 3)


def test_duplicated_samples_keep_their_own_positive_distances():
    # 0 three times, then 5 and 7: 2nd neighbours at 0, 0, 0, 5 and 7; the zeros are
    # replaced by the smallest positive distance to a neighbour, 2.
    X = np.array([[0.0], [0.0], [0.0], [5.0], [7.0]])
    sigma = fit_bandwidth(X, "adaptive", n_neighbors=2).sigma
    np.testing.assert_array_equal(sigma, [2, 2, 2, 5, 7])


def test_median_of_mostly_duplicates_is_the_smallest_positive_distance():
    # 28 of 36 pairs are equal, so the median is 0; positive distances are all 4.
    X = np.array([[0.0]] * 8 + [[4.0]])
    assert fit_bandwidth(X, "median").sigma == 2


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "X", [np.ones((7, 2)), np.ones((1, 2)), np.ones((MEDIAN_ALL_PAIRS + 1, 2))]
)
def test_no_two_samples_differ(rule, X):
    assert fit_bandwidth(X, rule).sigma == 0


def test_reduced_by_definition(X):
    # r is the median distance to the first neighbour; σ half the median of
    # sqrt(max(d² - r², 0)).
    squares = np.square(squareform(pdist(X)))
    r = np.median(neighbor_distance(X, 1))
    reduced = np.sqrt(np.maximum(squares - r**2, 0))
    found = fit_bandwidth(X, "reduced")
    assert found.shared == pytest.approx(r)
    sigma = np.median(reduced[np.triu_indices(len(X), 1)]) / 2
    assert found.sigma == pytest.approx(sigma, rel=1e-4)
    assert found.at(X[:3]).sigma == found.sigma


@pytest.mark.parametrize("metric", ["cityblock", "cosine", "seuclidean", "chebyshev"])
def test_reduced_with_other_metrics(X, metric):
    D = squareform(pdist(X, metric))
    found = fit_bandwidth(X, "reduced", metric=metric)
    np.fill_diagonal(D, np.inf)
    assert found.shared == pytest.approx(np.median(D.min(axis=1)))


@pytest.mark.parametrize("metric", ["euclidean", "seuclidean", "cityblock"])
def test_reduced_of_many_samples_looks_at_all(metric):
    X = np.random.default_rng(1).normal(size=(MEDIAN_ALL_PAIRS + 100, 3))
    # By definition, from all pairs; parameters of the metric are those of all samples.
    D = squareform(pdist(X, metric))
    shared = np.median(np.sort(D, axis=1)[:, 1])
    squares = np.square(D[np.triu_indices(len(X), 1)])
    sigma = np.median(np.sqrt(np.maximum(squares - shared**2, 0))) / 2
    found = fit_bandwidth(X, "reduced", metric=metric, random_state=0)
    assert found.sigma == pytest.approx(sigma, rel=1e-5)
    assert found.shared == pytest.approx(shared, rel=1e-5)
    assert found.log_error == 0


def test_reduced_of_too_many_samples_tells_its_error():
    # Uniform on [0, 1]: half of all |x - y| are below m = 1 - 1/√2, where their density
    # is √2; neighbours are 1/n apart, so that ln σ errs as ln m does: by
    # 1 / (2 √2 m √N), of N sampled pairs.
    X = np.random.default_rng(0).uniform(size=(260_000, 1))
    found = fit_bandwidth(X, "reduced", random_state=0)
    m = 1 - 0.5**0.5
    error = 1 / (8**0.5 * m * MOST_PAIRS**0.5)
    assert found.log_error == pytest.approx(error, rel=0.15)
    assert found.sigma == pytest.approx(m / 2, rel=5 * error)


def test_reduced_takes_equal_distances_as_they_are():
    found = fit_bandwidth(np.eye(20), "reduced")
    assert found.shared == 0
    assert found.sigma == pytest.approx(2**0.5 / 2)


def test_reduced_of_copies_is_half_the_median():
    X = np.repeat(np.random.default_rng(0).normal(size=(20, 3)), 2, axis=0)
    found = fit_bandwidth(X, "reduced")
    assert found.shared == pytest.approx(0, abs=1e-6)
    assert found.sigma == pytest.approx(fit_bandwidth(X, "median").sigma)
