"""Tests of the permutation test of mutual information."""

import dataclasses
import pickle
import re
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from recording import recording_entropy, rows_of
from scipy.stats import kstest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.metrics.pairwise import rbf_kernel

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    ShannonEntropy,
    mutual_info_permutation_test,
)
from skdse._measures.partitions import (
    all_partitions,
    count_partitions,
    is_same_partition,
)
from skdse._measures.permutation import _affordable, _enumerable, _recombined
from skdse._measures.subsets import size_nodes

LOCAL = DiffusionSpectralEntropy(bandwidth="adaptive")


class Spread(BaseEstimator):
    """Entropy estimator that knows no more than fit and score."""

    def fit(self, X, y=None):
        return self

    def score(self, X, y=None):
        return float(np.log2(1 + np.var(X)))


def _noise(n=60, n_groups=3, seed=0):
    """Samples, and labels that have nothing to do with them."""
    rng = np.random.RandomState(seed)
    return rng.standard_normal((n, 4)), rng.permutation(np.arange(n) % n_groups)


# Oracles
# -------


def test_an_exact_test_of_four_samples():
    # Two far pairs of samples. Of the three ways to pair them, one has groups of 0
    # bits, and two of 1 bit: the groups that follow the pairs have p = 1/3, and the
    # others p = 1.
    X = 1e3 * np.array([[0.0], [0.0], [1.0], [1.0]])
    dsmi = DiffusionSpectralMI(ShannonEntropy(2), n_repeats=50, random_state=0)
    options = {"n_permutations": 1000, "random_state": 0, "n_jobs": 1}
    test = mutual_info_permutation_test(X, [0, 0, 1, 1], estimator=dsmi, **options)
    assert test.pvalue == 1 / 3
    assert_allclose(test.null_distribution - test.null_distribution[1], [1, 0, 0])
    assert test.statistic == test.null_distribution[0]
    assert test.n_partitions == 3
    test = mutual_info_permutation_test(X, [0, 1, 0, 1], estimator=dsmi, **options)
    assert test.pvalue == 1


@pytest.mark.parametrize("entropy", [None, ShannonEntropy()], ids=["dse", "shannon"])
def test_six_samples_have_ten_partitions(entropy):
    # Two far groups of three: no other of the ten pairs of threes is as tidy.
    X = np.array([[0.0], [1.0], [2.0], [13.0], [14.0], [15.0]])
    dsmi = DiffusionSpectralMI(entropy)
    options = {"estimator": dsmi, "random_state": 0}
    test = mutual_info_permutation_test(X, [0, 0, 0, 1, 1, 1], **options)
    assert test.pvalue == 1 / 10
    assert test.n_partitions == len(test.null_distribution) == 10
    # Fewer partitions or permutations than there are: random ones, and no smaller p.
    for fewer in ({"n_partitions": 4}, {"n_permutations": 9}):
        test = mutual_info_permutation_test(X, [0, 0, 0, 1, 1, 1], **options, **fewer)
        assert test.pvalue >= 1 / 10
        assert test.n_partitions < 10


def test_the_partition_of_y_counts_though_its_value_is_an_estimate():
    # Probes differ each time that a group is measured, and so does its value.
    X = np.r_[np.zeros(4), np.full(4, 9.0)][:, None] + np.arange(8)[:, None] / 8
    entropy = DiffusionSpectralEntropy(eigen_solver="lanczos", tol=0.3)
    options = {"estimator": DiffusionSpectralMI(entropy), "n_permutations": 35}
    for seed in range(3):
        test = mutual_info_permutation_test(
            X, np.arange(8) // 4, random_state=seed, **options
        )
        assert test.n_partitions == 35
        assert test.pvalue >= 1 / 35


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_partitions_are_all_that_exist(sizes):
    # Of all orders of the labels, each set of groups once.
    labels = np.repeat(np.arange(len(sizes)), sizes)[:8]
    sizes = np.bincount(labels)
    expected = {_groups_of(order) for order in set(permutations(labels.tolist()))}
    found = list(all_partitions(sizes))
    assert {_groups_of(one) for one in found} == expected
    assert len(found) == len(expected) == count_partitions(sizes)
    assert all(np.bincount(one).tolist() == sizes.tolist() for one in found)
    same = [is_same_partition(one, labels) for one in found]
    assert sum(same) == 1


def _groups_of(labels):
    """The sets of samples that labels make."""
    labels = np.asarray(labels)
    return frozenset(frozenset(np.flatnonzero(labels == one)) for one in set(labels))


def test_partitions_of_many_samples_are_not_counted():
    assert count_partitions(np.array([30_000, 30_000])) == np.inf
    assert count_partitions(np.array([60_000])) == 1
    assert count_partitions(np.ones(5000, dtype=int)) == 1
    assert count_partitions(np.array([5000, 1])) == 5001
    # So many of so many samples are not worth their time.
    assert _enumerable(np.array([5000, 1])) == 1


@pytest.mark.parametrize("normalize", [False, True])
def test_every_value_of_an_exact_test_by_hand(normalize):
    # All entropies from the estimator of entropies alone, on the rows that were drawn:
    # by the same seed, the same for all entropies. One job measures them in order, the
    # seven partitions last.
    X, y = _noise()
    y = np.where(y == 2, 1, y)  # groups of 20 and 40
    entropy = DiffusionSpectralEntropy(bandwidth=1.5)
    dsmi = DiffusionSpectralMI(entropy, normalize=normalize, random_state=0).fit(X, y)
    options = {"n_permutations": 7, "n_partitions": 9, "random_state": 0}
    test = mutual_info_permutation_test(X, y, estimator=dsmi, **options)
    seen = []
    recording = DiffusionSpectralMI(recording_entropy(seen), random_state=0, n_jobs=1)
    mutual_info_permutation_test(X, y, estimator=recording, **options)
    drawn = rows_of(seen[-14:], X)
    conditional = []
    for groups in zip(drawn[::2], drawn[1::2], strict=True):
        assert [len(rows) for rows in groups] == [20, 40]
        assert sorted(np.concatenate(groups)) == list(range(60))
        values = [entropy.fit(X[rows]).entropy_ for rows in groups]
        conditional.append(np.dot([1 / 3, 2 / 3], values))
    expected = dsmi.entropy_ - np.array(conditional)
    if normalize:
        expected /= dsmi.entropy_
    assert_allclose(test.null_distribution, expected, atol=1e-9)
    n_as_high = np.sum(expected >= dsmi.mutual_info_)
    assert test.pvalue == (1 + n_as_high) / 8
    assert test.n_partitions == 7
    assert test.statistic == dsmi.mutual_info_
    assert test.std_error == dsmi.mutual_info_std_error_


@pytest.mark.parametrize("correlation", [-0.3, 0.0, 0.5])
@pytest.mark.parametrize("K", [4, 12])
def test_recombined_normal_entropies_predict_another_partition(K, correlation):
    # Four groups; the covariance of their entropies makes the variance of T between
    # 0.1 and 2.5 of what independent ones would have.
    weights = np.array([0.4, 0.3, 0.2, 0.1])
    C = np.full((4, 4), correlation) + (1 - correlation) * np.eye(4)
    factor = np.linalg.cholesky(C)
    rng = np.random.RandomState(0)
    pvalues = []
    for _ in range(2000):
        entropies = 5 + rng.standard_normal((K + 1, 4)) @ factor.T
        null = _recombined(entropies[1:], weights, 200, rng)
        pvalues.append((1 + np.sum(null <= entropies[0] @ weights)) / 201)
    # The distance that 2000 uniform values exceed with probability 0.001.
    assert kstest(pvalues, "uniform").statistic < 1.95 / np.sqrt(2000)


def test_recombination_keeps_the_mean_and_what_does_not_vary():
    rng = np.random.RandomState(0)
    # What one group has in excess the other lacks.
    a = rng.standard_normal(50)
    null = _recombined(np.c_[3 + a, 5 - a], np.array([0.5, 0.5]), 100, rng)
    assert_allclose(null, 4)
    null = _recombined(np.full((3, 2), 4.0), np.array([0.5, 0.5]), 100, rng)
    assert_array_equal(null, np.full(100, 4.0))
    # Many partitions leave little open: mean and variance are those of T.
    entropies = rng.standard_normal((4000, 3)) + rng.standard_normal((4000, 1))
    weights = np.array([0.2, 0.3, 0.5])
    T = entropies @ weights
    null = _recombined(entropies, weights, 20_000, rng)
    assert_allclose(null.mean(), T.mean(), atol=4 * T.std() / np.sqrt(20_000))
    assert_allclose(null.std(), T.std(), rtol=0.03)


@pytest.mark.filterwarnings("ignore:Most groups have so few samples")
@pytest.mark.filterwarnings("ignore:y has a single group:UserWarning")
@pytest.mark.parametrize("y", [np.arange(12), np.zeros(12)], ids=["singles", "one"])
@pytest.mark.parametrize("normalize", [False, True])
def test_groups_that_cannot_differ(y, normalize):
    X, _ = _noise(12)
    dsmi = DiffusionSpectralMI(normalize=normalize)
    test = mutual_info_permutation_test(X, y, estimator=dsmi, random_state=0)
    assert test.pvalue == 1
    assert test.statistic == 0
    assert_allclose(test.null_distribution, 0, atol=1e-12)


def test_identical_samples():
    test = mutual_info_permutation_test(np.ones((20, 2)), np.arange(20) % 2)
    assert test.pvalue == 1
    assert test.statistic == 0


# Calibration and power: doc/studies/permutation_calibration.py has more designs
# ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "sizes"),
    [
        (LOCAL, (20, 20, 20)),
        (LOCAL, (30, 12, 6)),
        (DiffusionSpectralEntropy(), (20, 20, 20)),
        (ShannonEntropy(3), (25, 25)),
    ],
)
def test_pvalues_are_uniform_without_dependence(estimator, sizes):
    pvalues = []
    for i in range(200):
        rng = np.random.RandomState(i)
        X = rng.standard_normal((sum(sizes), 3))
        y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
        dsmi = DiffusionSpectralMI(estimator, n_repeats=2, n_jobs=1)
        test = mutual_info_permutation_test(X, y, estimator=dsmi, random_state=i)
        pvalues.append(test.pvalue)
    # One in a hundred of four designs.
    assert kstest(pvalues, "uniform").pvalue > 0.01 / 4
    # Binomial: exceeded with probability 0.001.
    assert np.mean(np.array(pvalues) <= 0.05) < 0.105


def test_independent_draws_of_entropies_would_not_do():
    # Without the correction for what groups of a partition share, p-values crowd
    # around one half.
    rng = np.random.RandomState(0)
    X = rng.standard_normal((120, 5))
    y = np.arange(120) % 4
    entropy = DiffusionSpectralEntropy().fit(X)
    # Entropies of the groups of 40 random partitions, at the scale of all samples.
    partitions = [rng.permutation(y) for _ in range(40)]
    entropies = np.array(
        [[entropy.score(X[one == label]) for label in range(4)] for one in partitions]
    )
    independent = np.var(entropies, axis=0).sum() / 16
    assert np.var(entropies.mean(axis=1)) < 0.4 * independent
    dsmi = DiffusionSpectralMI(DiffusionSpectralEntropy(), random_state=0)
    test = mutual_info_permutation_test(
        X, y, estimator=dsmi, n_partitions=40, random_state=0
    )
    assert np.var(test.null_distribution) < 0.4 * independent


def test_power_on_digits(digits):
    X, y = digits
    test = mutual_info_permutation_test(X, y, random_state=0)
    assert test.pvalue == 1 / 201
    assert test.statistic > test.null_distribution.max() + 0.5
    X, y = load_digits(return_X_y=True)
    for seed in range(10):
        rows = np.random.RandomState(seed).permutation(len(X))[:120]
        test = mutual_info_permutation_test(X[rows], y[rows], random_state=seed)
        assert test.pvalue < 0.01


# Cost
# ----


@given(
    sizes=st.lists(st.integers(1, 1000), min_size=1, max_size=60),
    n_repeats=st.integers(1, 20),
)
def test_the_budget_is_kept(sizes, n_repeats):
    sizes = np.array(sizes)
    groups = np.sum(sizes**2)
    dsmi = groups + n_repeats * np.sum(size_nodes(sizes) ** 2)
    K = _affordable(sizes, n_repeats)
    assert K >= 4
    assert K * groups <= 4 * dsmi < (K + 1) * groups


def test_two_hundred_permutations_measure_few_entropies(digits):
    X, y = digits
    seen = []
    dsmi = DiffusionSpectralMI(recording_entropy(seen, sigma=20))

    def entries():
        return sum(len(one) ** 2 for one in seen)

    dsmi.fit(X, y)
    alone = entries()
    assert alone > 0
    seen.clear()
    mutual_info_permutation_test(X, y, estimator=dsmi, n_permutations=200)
    assert entries() <= 5 * alone


# Parameters and inputs
# ---------------------


def test_attributes_of_the_result():
    X, y = _noise()
    test = mutual_info_permutation_test(X, y, n_permutations=50, random_state=0)
    assert type(test.statistic) is type(test.pvalue) is type(test.std_error) is float
    assert type(test.n_partitions) is int
    assert test.null_distribution.shape == (50,)
    again = pickle.loads(pickle.dumps(test))
    assert_array_equal(again.null_distribution, test.null_distribution)
    with pytest.raises(dataclasses.FrozenInstanceError):
        test.pvalue = 0.0


def test_results_do_not_depend_on_n_jobs():
    X, y = _noise()
    one, two = (
        mutual_info_permutation_test(X, y, random_state=0, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    assert one.statistic == two.statistic
    assert one.pvalue == two.pvalue
    assert_array_equal(one.null_distribution, two.null_distribution)


def test_seeds():
    X, y = _noise()

    def run(random_state, seed=None):
        return mutual_info_permutation_test(
            X,
            y,
            estimator=DiffusionSpectralMI(random_state=seed),
            random_state=random_state,
        )

    assert_array_equal(run(0).null_distribution, run(0).null_distribution)
    # A seed of the test is one of the estimator, unless that has its own.
    assert (
        run(0).statistic == DiffusionSpectralMI(random_state=0).fit(X, y).mutual_info_
    )
    fixed = run(0, seed=1), run(5, seed=1)
    assert fixed[0].statistic == fixed[1].statistic != run(0).statistic
    assert np.any(fixed[0].null_distribution != fixed[1].null_distribution)
    # Two runs on one generator differ.
    rng = np.random.RandomState(0)
    assert np.any(run(rng).null_distribution != run(rng).null_distribution)
    assert np.any(run(None).null_distribution != run(None).null_distribution)


def test_the_estimator_stays_as_it_is():
    X, y = _noise()
    dsmi = DiffusionSpectralMI()
    before = dsmi.get_params()
    mutual_info_permutation_test(
        X, y, estimator=dsmi, random_state=0, n_jobs=1, verbose=1
    )
    assert dsmi.get_params() == before
    assert not hasattr(dsmi, "mutual_info_")


@pytest.mark.parametrize(
    "entropy",
    [
        LOCAL,
        DiffusionSpectralEntropy(affinity="nearest_neighbors", n_neighbors=5),
        DiffusionSpectralEntropy(eigen_solver="lanczos", tol=0.02),
        DiffusionSpectralEntropy(max_samples=15, bandwidth="adaptive"),
        DiffusionSpectralEntropy(t="auto"),
        ShannonEntropy(3),
        Spread(),
    ],
    ids=repr,
)
def test_entropies_of_all_kinds(entropy):
    X, y = _noise(120)
    dsmi = DiffusionSpectralMI(entropy, n_repeats=2)
    chance = mutual_info_permutation_test(X, y, estimator=dsmi, random_state=1)
    assert chance.pvalue > 0.02
    # The other entropies are too coarse, or see each cluster as they see two.
    if entropy.get_params().get("affinity") == "gaussian":
        X = X + 3 * y[:, None]
        test = mutual_info_permutation_test(X, y, estimator=dsmi, random_state=1)
        assert test.pvalue < 0.01
    # The values are around what the statistic is without dependence.
    gap = chance.statistic - chance.null_distribution.mean()
    assert abs(gap) < 5 * chance.null_distribution.std()


def test_a_precomputed_affinity():
    X, y = _noise()
    G = rbf_kernel(X, gamma=0.5)
    entropy = DiffusionSpectralEntropy(affinity="precomputed")
    dsmi = DiffusionSpectralMI(entropy)
    test = mutual_info_permutation_test(G, y, estimator=dsmi, random_state=0)
    on_samples = DiffusionSpectralMI(DiffusionSpectralEntropy(bandwidth=1.0))
    expected = mutual_info_permutation_test(X, y, estimator=on_samples, random_state=0)
    assert_allclose(test.null_distribution, expected.null_distribution, atol=1e-8)
    assert test.pvalue == expected.pvalue


@pytest.mark.parametrize("target", ["values", "vectors", "words"])
def test_targets_of_all_kinds(target, digits):
    X, y = digits
    targets = {
        "values": X[:, 20:40].mean(axis=1),
        "vectors": X[:, 20:40],
        "words": np.array(["even", "odd"])[y % 2],
    }
    frame = pd.DataFrame(X).add_prefix("pixel")
    test = mutual_info_permutation_test(frame, targets[target], random_state=0)
    assert test.pvalue < 0.01


def test_progress(capsys):
    X, y = _noise()
    mutual_info_permutation_test(X, y, random_state=0, verbose=1)
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore:Most groups have so few samples")
@settings(max_examples=20, deadline=None)
@given(
    n=st.integers(2, 25),
    n_groups=st.integers(2, 6),
    n_permutations=st.integers(1, 40),
    n_partitions=st.none() | st.integers(2, 50),
    seed=st.integers(0, 100),
)
@pytest.mark.filterwarnings("ignore:y has a single group:UserWarning")
@pytest.mark.filterwarnings("ignore:Every sample sees:UserWarning")
def test_pvalues_are_what_they_can_be(n, n_groups, n_permutations, n_partitions, seed):
    X, _ = _noise(n, seed=seed)
    y = np.random.RandomState(seed).randint(n_groups, size=n)
    test = mutual_info_permutation_test(
        X,
        y,
        estimator=DiffusionSpectralMI(n_jobs=1),
        n_permutations=n_permutations,
        n_partitions=n_partitions,
        random_state=seed,
    )
    n_all = count_partitions(np.unique(y, return_counts=True)[1])
    assert max(1 / (n_permutations + 1), 1 / n_all) <= test.pvalue <= 1
    n_values = min(n_all, n_permutations)
    if n_partitions is not None and n_partitions < n_all:
        n_values = n_permutations
    assert test.null_distribution.shape == (n_values,)
    assert np.isfinite(test.null_distribution).all()
    assert test.n_partitions <= n_permutations


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"estimator": ShannonEntropy()}, TypeError, "estimator must be a Diffusion"),
        (
            {"estimator": DiffusionSpectralMI},
            TypeError,
            "got <class 'skdse._measures",
        ),
        ({"n_permutations": 0}, ValueError, "n_permutations == 0, must be >= 1."),
        ({"n_permutations": 2.5}, TypeError, "n_permutations must be an instance of"),
        ({"n_partitions": 1}, ValueError, "n_partitions == 1, must be >= 2."),
        ({"n_jobs": 0}, ValueError, "n_jobs must be None or an integer other than 0"),
        ({"verbose": -1}, ValueError, "verbose == -1, must be >= 0."),
        ({"random_state": "a"}, ValueError, "'a' cannot be used to seed"),
        ({"y": None}, ValueError, "requires y to be passed"),
        ({"y": [0, 1]}, ValueError, "inconsistent numbers of samples"),
        ({"X": [[np.nan], [1.0]], "y": [0, 1]}, ValueError, "contains NaN"),
    ],
)
def test_errors(params, error, message):
    X, y = _noise()
    with pytest.raises(error, match=re.escape(message)):
        mutual_info_permutation_test(**({"X": X, "y": y} | params))


def test_one_subsample_is_tested():
    X, y = _noise()
    share, number, whole = (
        mutual_info_permutation_test(
            X,
            y,
            estimator=DiffusionSpectralMI(max_samples=max_samples, n_jobs=1),
            n_permutations=20,
            random_state=0,
        )
        for max_samples in (0.5, len(X) // 2, None)
    )
    assert share.statistic == number.statistic != whole.statistic
    assert_array_equal(share.null_distribution, number.null_distribution)
