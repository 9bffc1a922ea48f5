"""Tests of diffusion spectral mutual information: values, errors and scores."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import ATOL, ENTROPIES, clusters, fixed, points
from numpy.testing import assert_allclose, assert_array_equal
from recording import recording_entropy, rows_of

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    ShannonEntropy,
    diffusion_spectral_mutual_info,
)

# --- Oracles ------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("k", [2, 3, 7])
def test_far_clusters_that_are_the_groups(k, alpha):
    # A group is one point k times over: 0 bits. Its far clusters give S one eigenvalue
    # 1 each, and 50 of the 50 k samples miss none of them (probability below
    # k (1 - 1/k)^50, 3e-3 for k = 7): log2 k bits.
    y = np.repeat(np.arange(k), 50)
    dsmi = DiffusionSpectralMI(fixed(alpha=alpha), random_state=0).fit(points(y), y)
    assert_allclose(dsmi.entropy_, np.log2(k), atol=ATOL)
    assert_allclose(dsmi.group_entropies_, np.zeros(k), atol=ATOL)
    assert_allclose(dsmi.conditional_entropy_, 0, atol=ATOL)
    assert_allclose(dsmi.mutual_info_, np.log2(k), atol=ATOL)
    assert_allclose(dsmi.mutual_info_std_error_, 0, atol=ATOL)


def test_a_share_of_little_is_told(recwarn):
    # All but 3 of 300 samples are equal. A random third has one of the 3 in the mean,
    # which is a state by itself: 0 bits without, about one with it.
    X, y = np.zeros((300, 3)), np.repeat([0, 1, 2], 100)
    X[:3] = np.random.default_rng(0).normal(size=(3, 3))
    params = {"n_repeats": 20, "random_state": 0}
    bits = DiffusionSpectralMI(**params).fit(X, y)
    wide = DiffusionSpectralMI(fixed(), normalize=True, **params).fit(X, y)
    assert not recwarn.list
    assert 0 < wide.entropy_ < 1  # states can be few where the scale is not local
    share = DiffusionSpectralMI(normalize=True, **params)
    message = rf"entropy is {bits.entropy_:.2f} bits, of fewer than two states"
    with pytest.warns(UserWarning, match=message):
        share.fit(X, y)
    with pytest.warns(UserWarning, match=message):
        share.score(X, y)
    assert 0 < bits.entropy_ == share.entropy_ < 1


def test_subsets_are_uniform_draws_without_replacement():
    # Two clusters of two samples. A random pair is from one cluster with probability
    # 1/3, and then has 0 bits, else 1 bit: 2/3 of a bit in the mean. With replacement
    # it would be 1/2. The standard deviation of one pair is √(2/9).
    y = np.array([0, 0, 1, 1])
    dsmi = DiffusionSpectralMI(
        ShannonEntropy(), n_repeats=400, random_state=0, n_jobs=1
    )
    dsmi.fit(points(y), y)
    std_error = np.sqrt(2 / 9 / 400)
    assert_allclose(dsmi.mutual_info_std_error_, std_error, rtol=0.1)
    assert abs(dsmi.mutual_info_ - 2 / 3) < 4 * std_error


def test_groups_of_other_sizes_are_weighted_by_size():
    # Groups of 60 and 20 with 2 and 4 far points: 1 and 2 bits, in the mean
    # (60 · 1 + 20 · 2)/80 = 1.25. The subsets of 60 and 20 of the 80 samples see all 6
    # points, as good as always.
    y = np.repeat(["big", "small"], [60, 20])
    X = points(np.r_[np.arange(60) % 2, 2 + np.arange(20) % 4])
    dsmi = DiffusionSpectralMI(fixed(), random_state=3).fit(X, y)
    assert dsmi.groups_.tolist() == ["big", "small"]
    assert_allclose(dsmi.group_entropies_, [1, 2], atol=ATOL)
    assert_allclose(dsmi.conditional_entropy_, 1.25, atol=ATOL)
    assert_allclose(dsmi.entropy_, np.log2(6), atol=0.1)
    assert dsmi.mutual_info_ == dsmi.entropy_ - dsmi.conditional_entropy_


def test_every_term_by_hand():
    # All terms from the estimator of entropies alone, on the rows that were drawn: by
    # the same seed, the same for all entropies. One job measures them in order.
    X, y = clusters()
    seen, params = [], {"n_repeats": 4, "random_state": 0}
    DiffusionSpectralMI(recording_entropy(seen), n_jobs=1, **params).fit(X, y)
    dsmi = DiffusionSpectralMI(fixed(), **params).fit(X, y)
    sizes = np.bincount(y)
    weights = sizes / len(y)
    rows = rows_of(seen, X)
    for label in range(3):
        assert_array_equal(rows[label], np.flatnonzero(y == label))
    drawn = [
        {len(one): one for one in rows[start : start + 3]} for start in (3, 6, 9, 12)
    ]
    assert len(rows) == 15
    for repeat in drawn:
        assert {size: len(set(rows)) for size, rows in repeat.items()} == {
            size: size for size in sizes
        }
    groups = [fixed().fit(X[y == label]).entropy_ for label in range(3)]
    subsets = [
        [fixed().fit(X[repeat[size]]).entropy_ for size in sizes] for repeat in drawn
    ]
    assert_allclose(dsmi.group_entropies_, groups, atol=ATOL)
    assert_allclose(dsmi.conditional_entropy_, weights @ groups, atol=ATOL)
    assert_allclose(dsmi.entropy_, np.mean(subsets, axis=0) @ weights, atol=ATOL)
    assert_allclose(
        dsmi.mutual_info_std_error_,
        np.std(np.array(subsets) @ weights, ddof=1) / np.sqrt(4),
        atol=ATOL,
    )


@pytest.mark.parametrize("estimator", ENTROPIES, ids=repr)
def test_labels_without_meaning(estimator):
    # Groups are then random subsets too. With R repeats and C balanced groups the
    # difference of the two means has the variance s²/R + s²/C at most (groups do not
    # overlap, which lessens the second term), where the standard error is s/√R.
    n_repeats, n_groups = 20, 5
    rng = np.random.RandomState(0)
    X = rng.standard_normal((200, 3))
    y = rng.permutation(np.arange(200) % n_groups)
    dsmi = DiffusionSpectralMI(estimator, n_repeats=n_repeats, random_state=0)
    dsmi.fit(X, y)
    std_error = dsmi.mutual_info_std_error_ * np.sqrt(1 + n_repeats / n_groups)
    assert abs(dsmi.mutual_info_) < 4 * std_error
    assert std_error < 0.1
    if estimator is None or isinstance(estimator, DiffusionSpectralEntropy):
        # With labels that follow X, the same measure is far above that.
        y = np.searchsorted(np.quantile(X[:, 0], [0.2, 0.4, 0.6, 0.8]), X[:, 0])
        assert dsmi.fit(X, y).mutual_info_ > 6 * std_error


@pytest.mark.parametrize("estimator", ENTROPIES, ids=repr)
def test_a_single_group(estimator):
    X, _ = clusters((20,))
    dsmi = DiffusionSpectralMI(estimator)
    message = "y has a single group: the mutual information is 0."
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        dsmi.fit(X, ["a"] * 20)
    assert caught[0].filename == __file__ and len(caught) == 1
    assert dsmi.mutual_info_ == 0.0
    assert dsmi.mutual_info_std_error_ == 0.0
    assert dsmi.entropy_ == dsmi.conditional_entropy_ == dsmi.group_entropies_[0] > 0
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        assert dsmi.score(X, ["b"] * 20) == 0.0


@pytest.mark.filterwarnings("ignore:Most groups have so few samples")
@pytest.mark.parametrize("estimator", ENTROPIES, ids=repr)
def test_groups_of_one_sample(estimator):
    # One sample has no entropy, in a group or in a subset.
    X, _ = clusters((20,))
    dsmi = DiffusionSpectralMI(estimator, normalize=True).fit(X, np.arange(20))
    assert_array_equal(dsmi.group_entropies_, np.zeros(20))
    assert dsmi.entropy_ == 0.0
    assert dsmi.mutual_info_ == 0.0
    assert dsmi.mutual_info_std_error_ == 0.0


def test_one_group_of_one_sample_among_others():
    X, y = clusters((1, 20))
    dsmi = DiffusionSpectralMI(fixed(), random_state=0).fit(X, y)
    assert dsmi.group_entropies_[0] == 0.0
    expected = 20 / 21 * fixed().fit(X[y == 1]).entropy_
    assert_allclose(dsmi.conditional_entropy_, expected, atol=ATOL)


@pytest.mark.parametrize("estimator", ENTROPIES, ids=repr)
def test_identical_samples(estimator):
    y = np.arange(30) % 3
    dsmi = DiffusionSpectralMI(estimator).fit(np.full((30, 2), 0.1), y)
    assert_allclose(dsmi.mutual_info_, 0, atol=ATOL)


def test_one_bandwidth_serves_every_term():
    # The second group is ten times as wide: at its own scale it would look like the
    # first.
    X, y = clusters((30, 30))
    X[y == 1] *= 10
    dsmi = DiffusionSpectralMI(DiffusionSpectralEntropy(), random_state=0).fit(X, y)
    sigma = DiffusionSpectralEntropy().fit(X).bandwidth_
    assert dsmi.estimator_.bandwidth_ == sigma
    expected = [fixed(sigma).fit(X[y == label]).entropy_ for label in (0, 1)]
    assert_allclose(dsmi.group_entropies_, expected, atol=ATOL)
    own = DiffusionSpectralEntropy().fit(X[y == 0]).entropy_
    assert abs(own - expected[0]) > 1


def test_adaptive_bandwidths_are_those_among_all_samples():
    X, y = clusters()
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    D = ((X[:, None] - X) ** 2).sum(axis=-1)  # squared distances by default
    sigma = np.sort(D, axis=1)[:, 5]  # the 5th neighbour; the 0th is the sample
    assert_allclose(dsmi.estimator_.bandwidth_, sigma, rtol=1e-12)
    G = np.exp(-(D**2) / (2 * np.outer(sigma, sigma)))
    precomputed = DiffusionSpectralEntropy(affinity="precomputed")
    expected = [
        precomputed.fit(G[np.ix_(y == label, y == label)]).entropy_
        for label in range(3)
    ]
    assert_allclose(dsmi.group_entropies_, expected, atol=1e-10)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_scale_of_the_data_does_not_matter(scale):
    X, y = clusters()
    expected = DiffusionSpectralMI(random_state=0).fit(X, y).mutual_info_
    scaled = DiffusionSpectralMI(random_state=0).fit(scale * X, y).mutual_info_
    assert_allclose(scaled, expected, atol=1e-10)
    assert expected > 0.1


# --- Standard error -----------------------------------------------------------


def test_the_standard_error_covers_the_truth():
    # R = 5 repeats: (estimate - truth) / standard error follows Student's t with four
    # degrees of freedom, whose 0.975 quantile is 2.776. Of 300 estimates, 95 ± 1.3 %
    # are within that if means of five are normal; the reference stands for the truth.
    X, y = clusters((10, 10, 16))
    reference = DiffusionSpectralMI(
        ShannonEntropy(3), n_repeats=1000, random_state=1000, n_jobs=1
    )
    truth = reference.fit(X, y).mutual_info_
    fits = [
        DiffusionSpectralMI(ShannonEntropy(3), random_state=seed, n_jobs=1).fit(X, y)
        for seed in range(300)
    ]
    errors = np.array([fit.mutual_info_ - truth for fit in fits])
    std_errors = np.array([fit.mutual_info_std_error_ for fit in fits])
    covered = np.mean(np.abs(errors) < 2.776 * std_errors)
    assert 0.91 <= covered <= 0.98
    # Not by being too wide: their mean square is the estimates' variance.
    assert_allclose(np.sqrt(np.mean(std_errors**2)), np.std(errors), rtol=0.2)
    # And it falls with √R.
    expected = np.sqrt(np.mean(std_errors**2) * 5 / 1000)
    assert_allclose(reference.mutual_info_std_error_, expected, rtol=0.2)


def test_the_standard_error_of_one_repeat_is_unknown():
    X, y = clusters()
    dsmi = DiffusionSpectralMI(n_repeats=1, random_state=0).fit(X, y)
    assert np.isnan(dsmi.mutual_info_std_error_)
    assert np.isfinite(dsmi.mutual_info_)


def test_errors_of_the_solver_are_part_of_the_standard_error():
    X, y = clusters((40, 40))
    dense = DiffusionSpectralMI(fixed(eigen_solver="dense"), random_state=0)
    rough = DiffusionSpectralMI(
        fixed(eigen_solver="arpack", n_components=3), random_state=0
    )
    exact, error = dense.fit(X, y).mutual_info_, dense.mutual_info_std_error_
    rough.fit(X, y)
    assert rough.mutual_info_std_error_ > 2 * error
    assert abs(rough.mutual_info_ - exact) < 2 * rough.mutual_info_std_error_


# --- score --------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ENTROPIES, ids=repr)
@pytest.mark.parametrize("normalize", [False, True])
def test_score_of_the_fitted_samples_is_their_mutual_info(estimator, normalize):
    X, y = clusters()
    dsmi = DiffusionSpectralMI(estimator, normalize=normalize, random_state=0)
    dsmi.fit(X, y)
    assert_allclose(dsmi.score(X, y), dsmi.mutual_info_, rtol=1e-12, atol=1e-13)


def test_score_of_others_keeps_the_bandwidth_and_the_bins():
    X, _ = clusters()
    others, _ = clusters(seed=1)
    others *= 2
    dsmi = DiffusionSpectralMI(
        DiffusionSpectralEntropy(), n_groups=3, random_state=0
    ).fit(X, X[:, 0])
    bins = np.digitize(others[:, 0], np.quantile(X[:, 0], [1 / 3, 2 / 3]))
    anew = DiffusionSpectralMI(fixed(dsmi.estimator_.bandwidth_), random_state=0)
    expected = anew.fit(others, bins).mutual_info_
    assert_allclose(dsmi.score(others, others[:, 0]), expected, rtol=1e-12)
    refitted = DiffusionSpectralMI(
        DiffusionSpectralEntropy(), n_groups=3, random_state=0
    ).fit(others, others[:, 0])
    assert abs(refitted.mutual_info_ - expected) > 0.01


def test_score_of_others_takes_adaptive_bandwidths_to_the_fitted_samples():
    X, y = clusters()
    others, labels = clusters((10, 15), seed=1)
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    to_fitted = ((others[:, None] - X) ** 2).sum(axis=-1)  # squared by default
    sigma = np.sort(to_fitted, axis=1)[:, 4]
    D = ((others[:, None] - others) ** 2).sum(axis=-1)
    G = np.exp(-(D**2) / (2 * np.outer(sigma, sigma)))
    precomputed = DiffusionSpectralEntropy(affinity="precomputed")
    expected = DiffusionSpectralMI(precomputed, random_state=0).fit(G, labels)
    assert_allclose(dsmi.score(others, labels), expected.mutual_info_, atol=1e-10)


def test_score_takes_labels_that_fit_did_not_see():
    X, y = clusters()
    dsmi = DiffusionSpectralMI(fixed(), random_state=0).fit(X, y)
    assert_allclose(dsmi.score(X, y + 7), dsmi.mutual_info_, rtol=1e-12)


def test_normalize_is_the_share_of_the_entropy():
    X, y = clusters()
    bits = DiffusionSpectralMI(random_state=0).fit(X, y)
    share = DiffusionSpectralMI(normalize=True, random_state=0).fit(X, y)
    assert share.entropy_ == bits.entropy_
    assert_allclose(share.mutual_info_, bits.mutual_info_ / bits.entropy_, rtol=1e-14)
    assert_allclose(
        share.mutual_info_std_error_,
        bits.mutual_info_std_error_ / bits.entropy_,
        rtol=1e-14,
    )
    # Far clusters without extent: labels explain all.
    full = DiffusionSpectralMI(fixed(), normalize=True).fit(points(y), y)
    assert_allclose(full.mutual_info_, 1, atol=ATOL)


def test_the_function_is_the_estimator():
    X, y = clusters()
    params = {"normalize": True, "n_repeats": 2, "random_state": 0}
    value = diffusion_spectral_mutual_info(X, y, **params)
    assert value == DiffusionSpectralMI(**params).fit(X, y).mutual_info_


@pytest.mark.filterwarnings("ignore:Most groups have so few samples")
@pytest.mark.parametrize("estimator", [fixed(), ShannonEntropy()], ids=repr)
@given(
    labels=st.lists(st.sampled_from("abcd"), min_size=2, max_size=25),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=15, deadline=None)
@pytest.mark.filterwarnings("ignore:y has a single group:UserWarning")
@pytest.mark.filterwarnings("ignore:Every sample sees:UserWarning")
def test_mutual_info_is_at_most_the_entropy(estimator, labels, seed):
    X = np.random.RandomState(seed).standard_normal((len(labels), 2))
    dsmi = DiffusionSpectralMI(estimator, n_repeats=2, random_state=seed)
    dsmi.fit(X, labels)
    sizes = np.bincount(dsmi.labels_)
    assert dsmi.mutual_info_ <= dsmi.entropy_ + ATOL
    assert dsmi.entropy_ <= sizes @ np.log2(sizes) / len(labels) + ATOL
    assert (dsmi.group_entropies_ <= np.log2(sizes) + ATOL).all()
    renamed = [{"a": 9, "b": 2, "c": 5, "d": 1}[label] for label in labels]
    again = DiffusionSpectralMI(estimator, n_repeats=2, random_state=seed)
    assert_allclose(again.fit(X, renamed).mutual_info_, dsmi.mutual_info_, atol=ATOL)
