"""Subsamples that the tests of mutual information draw: rows, columns, shares."""

import numpy as np
import pytest
import scipy.sparse as sp
from recording import recording_entropy, rows_of
from sklearn.base import BaseEstimator
from sklearn.datasets import make_blobs
from sklearn.metrics.pairwise import rbf_kernel

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    mutual_info_confidence_interval,
    mutual_info_permutation_test,
)


@pytest.fixture
def blobs():
    return make_blobs(120, 3, centers=3, cluster_std=0.5, random_state=0)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("max_samples", [60, 0.5])
def test_subsample_of_an_affinity_has_rows_and_columns(blobs, kind, max_samples):
    X, y = blobs
    dse = DiffusionSpectralEntropy(affinity="precomputed")
    result = mutual_info_permutation_test(
        kind(rbf_kernel(X)),
        y,
        estimator=DiffusionSpectralMI(dse, max_samples=max_samples),
        n_permutations=19,
        random_state=0,
    )
    # The same samples, seen through the kernel itself: σ of exp(-‖x - y‖² / 3).
    same = DiffusionSpectralEntropy(bandwidth=1.5**0.5)
    expected = mutual_info_permutation_test(
        X,
        y,
        estimator=DiffusionSpectralMI(same, max_samples=max_samples),
        n_permutations=19,
        random_state=0,
    )
    assert result.statistic == pytest.approx(expected.statistic, abs=1e-9)
    assert result.pvalue == expected.pvalue


def test_subsample_keeps_the_shares_of_the_groups(rng):
    X, y = rng.normal(size=(100, 3)), np.repeat([0, 1, 2], [70, 20, 10])
    seen = []
    dsmi = DiffusionSpectralMI(
        recording_entropy(seen), max_samples=30, n_repeats=2, n_jobs=1
    )
    mutual_info_permutation_test(X, y, estimator=dsmi, n_permutations=3, random_state=0)
    groups = rows_of(seen[:3], X)
    assert [len(rows) for rows in groups] == [21, 6, 3]
    assert [np.unique(y[rows]).tolist() for rows in groups] == [[0], [1], [2]]


def test_subsample_of_a_continuous_target_is_in_bins_of_all(rng):
    X, y = rng.normal(size=(100, 3)), rng.normal(size=100)
    seen = []
    dsmi = DiffusionSpectralMI(
        recording_entropy(seen), n_groups=4, max_samples=40, n_repeats=2, n_jobs=1
    )
    mutual_info_permutation_test(X, y, estimator=dsmi, n_permutations=3, random_state=0)
    bins = np.searchsorted(np.quantile(y, [0.25, 0.5, 0.75]), y, side="right")
    groups = rows_of(seen[:4], X)
    assert [len(rows) for rows in groups] == [10, 10, 10, 10]
    assert [np.unique(bins[rows]).tolist() for rows in groups] == [[0], [1], [2], [3]]


def test_interval_of_a_sparse_affinity(blobs):
    X, y = blobs
    dense = rbf_kernel(X)
    dsmi = DiffusionSpectralMI(DiffusionSpectralEntropy(affinity="precomputed"))
    found, expected = (
        mutual_info_confidence_interval(
            G, y, estimator=dsmi, n_subsamples=4, random_state=0
        )
        for G in (sp.csr_array(dense), dense)
    )
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)


class PairwiseEntropy(BaseEstimator):
    """Entropy of somebody else, of the eigenvalues of a matrix between samples."""

    def fit(self, X, y=None):
        return self

    def score(self, X, y=None):
        assert X.shape[0] == X.shape[1]
        p = np.linalg.eigvalsh(X) / np.trace(X)
        return -np.sum(p[p > 1e-12] * np.log2(p[p > 1e-12]))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = True
        return tags


def test_groups_of_a_foreign_pairwise_entropy_are_square(blobs):
    X, y = blobs
    G = rbf_kernel(X)
    dsmi = DiffusionSpectralMI(PairwiseEntropy(), random_state=0).fit(G, y)
    expected = [PairwiseEntropy().score(G[y == i][:, y == i]) for i in range(3)]
    np.testing.assert_allclose(dsmi.group_entropies_, expected)


# The subsets of `score`


@pytest.mark.parametrize("random_state", [0, None, np.random.RandomState(0)])
def test_score_of_the_fitted_samples_has_the_subsets_of_fit(blobs, random_state):
    # Whoever draws from the same generator between the two does not matter.
    X, y = blobs
    dsmi = DiffusionSpectralMI(n_repeats=2, random_state=random_state).fit(X, y)
    np.random.default_rng(0).normal()
    if isinstance(random_state, np.random.RandomState):
        random_state.uniform(size=7)
    assert dsmi.score(X, y) == dsmi.mutual_info_
    assert dsmi.score(X, y) == dsmi.mutual_info_


def test_subsamples_of_score_are_those_of_fit(blobs):
    X, y = blobs
    seen = []
    dsmi = DiffusionSpectralMI(
        recording_entropy(seen), max_samples=30, n_repeats=3, random_state=0, n_jobs=1
    ).fit(X, y)
    fitted = [set(np.concatenate(rows)) for rows in _groups(seen, X)]
    seen.clear()
    dsmi.score(X, y)
    scored = [set(np.concatenate(rows)) for rows in _groups(seen, X)]
    assert fitted == scored


def _groups(seen, X):
    """Rows of the groups of each of three subsamples."""
    n = len(seen) // 3
    return [rows_of(seen[i * n : i * n + 3], X) for i in range(3)]
