"""Tests of the work that mutual information takes: sizes, jobs, seeds, subsamples."""

import warnings

import joblib
import numpy as np
import pytest
from labelled import ENTROPIES, clusters, fixed
from numpy.testing import assert_allclose, assert_array_equal
from recording import recording_entropy

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI, ShannonEntropy
from skdse._measures.subsets import stratified_rows

# --- Work: each size once, in any number of jobs ------------------------------


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ((15, 15, 15, 15), [15] * 4 + [15] * 3),  # C + R
        ((12, 15, 12), [12, 15, 12] + [12, 15] * 3),
        ((10, 11, 12), [10, 11, 12] + [10, 11, 12] * 3),
    ],
)
def test_each_size_is_evaluated_once_a_repeat(sizes, expected):
    X, y = clusters(sizes)
    seen = []
    DiffusionSpectralMI(recording_entropy(seen), n_repeats=3).fit(X, y)
    assert sorted(map(len, seen)) == sorted(expected)


def test_max_samples_of_the_entropy_limits_groups_and_subsets():
    X, y = clusters((15, 30, 50))
    seen = []
    DiffusionSpectralMI(recording_entropy(seen, max_samples=20), n_repeats=3).fit(X, y)
    assert sorted(map(len, seen)) == [15] * (1 + 3) + [20] * (2 + 3)
    dsmi = DiffusionSpectralMI(fixed(max_samples=20), n_repeats=3, random_state=0).fit(
        X, y
    )
    assert (dsmi.group_entropies_ <= np.log2([15, 20, 20])).all()
    again = DiffusionSpectralMI(fixed(max_samples=20), n_repeats=3, random_state=0)
    assert again.fit(X, y).mutual_info_ == dsmi.mutual_info_
    assert again.score(X, y) == dsmi.mutual_info_


def test_max_samples_may_be_a_share():
    X, y = clusters((20, 40))
    all_samples = DiffusionSpectralMI(fixed(), random_state=0).fit(X, y)
    share = DiffusionSpectralMI(fixed(max_samples=1.0), random_state=0).fit(X, y)
    assert share.mutual_info_ == all_samples.mutual_info_
    seen = []
    half = recording_entropy(seen, max_samples=0.5)
    DiffusionSpectralMI(half, n_repeats=2).fit(X, y)
    assert sorted(map(len, seen)) == [10] * 3 + [20] * 3


@pytest.mark.parametrize("estimator", ENTROPIES, ids=repr)
def test_n_jobs_does_not_change_a_bit(estimator):
    X, y = clusters((20, 30, 30))
    X = np.repeat(X, 10, axis=1)  # wide enough for BLAS to share the work

    def results(n_jobs):
        dsmi = DiffusionSpectralMI(estimator, random_state=0, n_jobs=n_jobs).fit(X, y)
        terms = dsmi.mutual_info_, dsmi.mutual_info_std_error_, dsmi.score(X, y)
        return [float(term).hex() for term in (*terms, *dsmi.group_entropies_)]

    expected = results(1)
    assert results(2) == expected
    assert results(None) == expected
    assert results(-1) == expected


@pytest.mark.parametrize(
    "backend", ["loky", "threading", "sequential", "multiprocessing"]
)
def test_the_backend_does_not_change_a_bit(backend):
    X, y = clusters((20, 30, 30))
    expected = DiffusionSpectralMI(random_state=0, n_jobs=1).fit(X, y)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
        assert dsmi.mutual_info_ == expected.mutual_info_
        assert dsmi.mutual_info_std_error_ == expected.mutual_info_std_error_
        assert dsmi.score(X, y) == expected.score(X, y)


@pytest.mark.parametrize(
    "estimator",
    [None, DiffusionSpectralEntropy(affinity="nearest_neighbors", n_neighbors=5)],
    ids=repr,
)
def test_threads_leave_the_warning_filters_alone(estimator):
    X, y = clusters((30,) * 12)
    with warnings.catch_warnings():
        before = list(warnings.filters)
        for _ in range(5):
            DiffusionSpectralMI(estimator, n_repeats=20, n_jobs=4).fit(X, y)
        assert warnings.filters == before


def test_random_state_decides_the_subsets():
    X, y = clusters()
    values = [
        DiffusionSpectralMI(random_state=seed).fit(X, y).mutual_info_
        for seed in (0, 0, 1)
    ]
    assert values[0] == values[1] != values[2]
    rng = np.random.RandomState(0)
    dsmi = DiffusionSpectralMI(random_state=rng)
    assert dsmi.fit(X, y).mutual_info_ == values[0]
    assert dsmi.fit(X, y).mutual_info_ != values[0]


# Subsamples of one size
# ----------------------


def test_subsamples_are_measured_by_themselves_and_averaged():
    X, y = clusters((30, 60, 90))
    dsmi = DiffusionSpectralMI(max_samples=60, n_repeats=4, random_state=0).fit(X, y)
    # By hand: the same draws, one subsample at a time.
    rng = np.random.RandomState(0)
    rng.randint(2**31 - 1)
    values, entropies = [], []
    for _ in range(4):
        rows = stratified_rows(y, 60, rng)
        assert_array_equal(np.bincount(y[rows]), [10, 20, 30])
        seed = rng.randint(2**31 - 1)
        one = DiffusionSpectralMI(n_repeats=1, random_state=seed).fit(X[rows], y[rows])
        values.append(one.mutual_info_)
        entropies.append(one.group_entropies_)
    assert dsmi.mutual_info_ == pytest.approx(np.mean(values))
    assert dsmi.mutual_info_std_error_ == pytest.approx(np.std(values, ddof=1) / 2)
    assert_allclose(dsmi.group_entropies_, np.mean(entropies, axis=0))
    assert dsmi.mutual_info_ == pytest.approx(dsmi.entropy_ - dsmi.conditional_entropy_)
    assert len(dsmi.labels_) == 180
    assert 0 < dsmi.score(X, y) < dsmi.entropy_


@pytest.mark.parametrize("max_samples", [None, 63, 1.0, 1000])
def test_all_samples_are_no_subsample(max_samples):
    X, y = clusters()
    whole = DiffusionSpectralMI(random_state=0).fit(X, y)
    dsmi = DiffusionSpectralMI(max_samples=max_samples, random_state=0).fit(X, y)
    assert dsmi.mutual_info_ == whole.mutual_info_
    assert dsmi.score(X, y) == whole.score(X, y)


def test_one_subsample_has_no_standard_error():
    X, y = clusters()
    dsmi = DiffusionSpectralMI(max_samples=0.5, n_repeats=1, random_state=0).fit(X, y)
    assert np.isnan(dsmi.mutual_info_std_error_)
    assert np.isfinite(dsmi.mutual_info_)


@pytest.mark.parametrize(
    "estimator",
    [
        ShannonEntropy(),
        DiffusionSpectralEntropy(affinity="precomputed"),
        DiffusionSpectralEntropy(max_samples=5),
        DiffusionSpectralEntropy(t="auto"),
    ],
)
def test_subsamples_with_any_entropy(estimator):
    X, y = clusters()
    if getattr(estimator, "affinity", "") == "precomputed":
        X = np.exp(-(np.linalg.norm(X[:, None] - X, axis=2) ** 2) / 2)
    share = DiffusionSpectralMI(
        estimator, max_samples=30, normalize=True, random_state=0
    ).fit(X, y)
    assert -1 < share.mutual_info_ <= 1
    assert np.isfinite(share.score(X, y))


def test_subsamples_of_a_target_that_is_clustered():
    X, _ = clusters()
    dsmi = DiffusionSpectralMI(
        target="continuous", n_groups=3, max_samples=30, random_state=0
    ).fit(X, X)
    assert len(dsmi.group_entropies_) == 3
    assert np.isfinite(dsmi.score(X[:40], X[:40]))


def test_sets_of_different_sizes_compare_at_one_size():
    few, many = clusters((40, 40, 40)), clusters((300, 300, 300))
    at = [
        DiffusionSpectralMI(max_samples=90, n_repeats=8, random_state=0).fit(*data)
        for data in (few, many)
    ]
    alone = [DiffusionSpectralMI(random_state=0).fit(*data) for data in (few, many)]
    gap_alone = abs(alone[1].mutual_info_ - alone[0].mutual_info_)
    gap_at = abs(at[1].mutual_info_ - at[0].mutual_info_)
    assert gap_at < gap_alone


@pytest.mark.parametrize("max_samples", [0, -1, 1.5, "half", True])
def test_bad_max_samples(max_samples):
    with pytest.raises((TypeError, ValueError), match="max_samples"):
        DiffusionSpectralMI(max_samples=max_samples).fit(*clusters())


def test_too_few_samples_for_the_groups():
    with pytest.raises(ValueError, match="got 2 samples for 3 groups"):
        DiffusionSpectralMI(max_samples=2).fit(*clusters())


def test_the_default_estimator_takes_squared_distances():
    X, y = clusters()
    entropy = DiffusionSpectralEntropy(bandwidth="adaptive", metric="sqeuclidean")
    named = DiffusionSpectralMI(entropy, random_state=0).fit(X, y)
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    assert dsmi.mutual_info_ == named.mutual_info_
