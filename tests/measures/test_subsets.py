"""Tests of the terms of mutual information."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._measures.meters import entropies_of, make_meter
from skdse._measures.subsets import (
    ALIKE,
    SMOOTH_SIZE,
    draw_subsets,
    size_nodes,
    size_weights,
    standard_error,
    stratified_rows,
)


@pytest.mark.parametrize(
    "sizes",
    [
        [500],
        [500, 500, 500, 500],
        [400, 410, 420],
        [5, 6, 7, 8, 9],  # too small to be smooth
        [SMOOTH_SIZE - 1, 310, 320, 330],
        [1000, 1100, 1200, int(ALIKE * 1000) + 1],  # too far apart
    ],
)
def test_sizes_are_measured_each_once(sizes):
    assert_array_equal(size_nodes(np.array(sizes)), np.unique(sizes))


def test_many_sizes_alike_are_measured_at_three():
    sizes = np.array([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
    assert_array_equal(size_nodes(sizes), [892, 1009, 1135])


def test_weights_of_sizes_are_those_of_their_groups():
    sizes, weights = np.array([7, 9, 7, 30]), np.array([0.2, 0.3, 0.1, 0.4])
    found = size_weights(np.unique(sizes), sizes, weights)
    assert_allclose(found, [0.3, 0.3, 0.4], rtol=1e-12)


def test_interpolation_is_exact_for_a_parabola_in_the_logarithm_of_the_size():
    sizes = np.array([400, 431, 500, 517, 555, 600])
    weights = sizes / sizes.sum()
    nodes = size_nodes(sizes)

    def expected(m):
        return 3 + 0.9 * np.log2(m) - 0.05 * np.log2(m) ** 2

    at_nodes = size_weights(nodes, sizes, weights)
    assert len(nodes) == 3
    assert_allclose(at_nodes.sum(), 1, rtol=1e-12)
    assert_allclose(at_nodes @ expected(nodes), weights @ expected(sizes), rtol=1e-12)


@pytest.mark.parametrize("bandwidth", ["adaptive", "median"])
def test_interpolation_errs_by_chance_alone(bandwidth):
    X = load_digits().data
    sizes = np.array([340, 391, 420, 500, 540])
    weights = sizes / sizes.sum()
    nodes = size_nodes(sizes)
    at_nodes = size_weights(nodes, sizes, weights)
    meter = make_meter(DiffusionSpectralEntropy(bandwidth=bandwidth))
    scale = meter.fit(X, 0)
    errors = []
    for subset in draw_subsets(len(X), sizes, 12, np.random.RandomState(0)):
        found = entropies_of(meter, X, scale, list(subset.values()), 0)
        values = np.array([one.value for one in found])
        chosen = values[np.searchsorted(sizes, nodes)]
        errors.append(at_nodes @ chosen - weights @ values)
    assert len(nodes) == 3
    assert abs(np.mean(errors)) < 3 * np.std(errors, ddof=1) / np.sqrt(len(errors))
    # ... which is small against what the subsets themselves differ by: some 0.01 bits.
    assert np.std(errors) < 5e-3


@pytest.mark.parametrize("seed", range(3))
def test_mutual_info_by_lanczos_is_within_the_tolerance(seed):
    X, y = load_digits(return_X_y=True)
    X, y = X[:1200], y[:1200] % 3
    tol = 5e-3
    results = [
        DiffusionSpectralMI(
            DiffusionSpectralEntropy(bandwidth=20.0, eigen_solver=solver, tol=tol),
            n_repeats=3,
            random_state=seed,
        ).fit(X, y)
        for solver in ("dense", "lanczos")
    ]
    exact, estimate = (one.mutual_info_ for one in results)
    assert 0 < abs(estimate - exact) < 2 * tol


@pytest.mark.parametrize(
    ("sizes", "n_rows", "counts"),
    [
        ([10, 10], 10, [5, 5]),
        ([50, 30, 20], 10, [5, 3, 2]),
        ([1, 2, 3, 94], 4, [1, 1, 1, 1]),
        ([1, 2, 3, 94], 10, [1, 1, 1, 7]),
        ([1, 2, 3, 94], 100, [1, 2, 3, 94]),
        ([6, 5], 6, [3, 3]),
        ([99, 1], 2, [1, 1]),
    ],
)
def test_every_group_has_its_share_and_one_at_least(sizes, n_rows, counts):
    rng = np.random.RandomState(0)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = stratified_rows(labels, n_rows, rng)
    assert len(set(rows)) == n_rows
    assert_array_equal(np.bincount(labels[rows]), counts)


def test_rows_are_drawn_uniformly():
    rng = np.random.RandomState(0)
    labels = np.repeat([0, 1], [8, 4])
    counts = sum(
        np.bincount(stratified_rows(labels, 6, rng), minlength=12) for _ in range(4000)
    )
    # Binomial(4000, 1/2): a standard deviation of 32.
    assert abs(counts - 2000).max() < 5 * 32


def test_too_few_rows_for_the_groups():
    with pytest.raises(ValueError, match="got 2 samples for 3 groups"):
        stratified_rows(np.array([0, 1, 2]), 2, np.random.RandomState(0))


def test_standard_error_of_the_mean():
    assert standard_error([1.0, 3.0]) == pytest.approx(1.0)
    assert np.isnan(standard_error([1.0]))
