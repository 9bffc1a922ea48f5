"""Groups, subsets and subsamples of mutual information."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdse._terms import standard_error, stratified_rows


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
