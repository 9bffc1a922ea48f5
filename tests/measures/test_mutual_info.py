"""Tests of diffusion spectral mutual information."""

import pickle
import re
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
    diffusion_spectral_mutual_info,
)
from skdse._measures import mutual_info as _mutual_info
from skdse._measures.subsets import stratified_rows

ATOL = 1e-12
ENTROPIES = [
    None,
    DiffusionSpectralEntropy(),
    DiffusionSpectralEntropy(affinity="nearest_neighbors", n_neighbors=5),
    DiffusionSpectralEntropy(bandwidth="knn", alpha=0, t=2),
    ShannonEntropy(3),
    ShannonEntropy(bin_range="each"),
    MatrixEntryEntropy(),
    AdjacencySpectralEntropy("anisotropic"),
    AdjacencySpectralEntropy("nearest_neighbors", n_neighbors=4),
]


def _fixed(sigma=1.0, **params):
    """Entropy with a fixed bandwidth."""
    return DiffusionSpectralEntropy(bandwidth=sigma, **params)


def _clusters(sizes=(12, 20, 31), spread=1.0, seed=0):
    """Clusters in four dimensions that touch, and the label of each sample."""
    rng = np.random.RandomState(seed)
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centers = 2 * rng.standard_normal((len(sizes), 4))
    return centers[y] + spread * rng.standard_normal((len(y), 4)), y


def _points(labels):
    """A point for each label, far from all others: a cluster without extent."""
    return 1e3 * np.asarray(labels, dtype=float)[:, None]


@pytest.fixture
def one_by_one(monkeypatch):
    """Run tasks in a loop: to limit threads takes longer than a small entropy."""

    def run_tasks(function, tasks, *args, **kwargs):
        return [function(*task) for task in tasks]

    monkeypatch.setattr(_mutual_info, "run_tasks", run_tasks)


# --- Oracles ------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("k", [2, 3, 7])
def test_far_clusters_that_are_the_groups(k, alpha):
    # A group is one point k times over: 0 bits. Its far clusters give S one eigenvalue
    # 1 each, and 50 of the 50 k samples miss none of them (probability below
    # k (1 - 1/k)^50, 3e-3 for k = 7): log2 k bits.
    y = np.repeat(np.arange(k), 50)
    dsmi = DiffusionSpectralMI(_fixed(alpha=alpha), random_state=0).fit(_points(y), y)
    assert_allclose(dsmi.entropy_, np.log2(k), atol=ATOL)
    assert_allclose(dsmi.group_entropies_, np.zeros(k), atol=ATOL)
    assert_allclose(dsmi.conditional_entropy_, 0, atol=ATOL)
    assert_allclose(dsmi.mutual_info_, np.log2(k), atol=ATOL)
    assert_allclose(dsmi.mutual_info_std_error_, 0, atol=ATOL)


@pytest.mark.usefixtures("one_by_one")
def test_subsets_are_uniform_draws_without_replacement():
    # Two clusters of two samples. A random pair is from one cluster with probability
    # 1/3, and then has 0 bits, else 1 bit: 2/3 of a bit in the mean. With replacement
    # it would be 1/2. The standard deviation of one pair is √(2/9).
    y = np.array([0, 0, 1, 1])
    dsmi = DiffusionSpectralMI(ShannonEntropy(), n_repeats=400, random_state=0)
    dsmi.fit(_points(y), y)
    std_error = np.sqrt(2 / 9 / 400)
    assert_allclose(dsmi.mutual_info_std_error_, std_error, rtol=0.1)
    assert abs(dsmi.mutual_info_ - 2 / 3) < 4 * std_error


def test_groups_of_other_sizes_are_weighted_by_size():
    # Groups of 60 and 20 with 2 and 4 far points: 1 and 2 bits, in the mean
    # (60 · 1 + 20 · 2)/80 = 1.25. The subsets of 60 and 20 of the 80 samples see all 6
    # points, as good as always.
    y = np.repeat(["big", "small"], [60, 20])
    X = _points(np.r_[np.arange(60) % 2, 2 + np.arange(20) % 4])
    dsmi = DiffusionSpectralMI(_fixed(), random_state=3).fit(X, y)
    assert dsmi.groups_.tolist() == ["big", "small"]
    assert_allclose(dsmi.group_entropies_, [1, 2], atol=ATOL)
    assert_allclose(dsmi.conditional_entropy_, 1.25, atol=ATOL)
    assert_allclose(dsmi.entropy_, np.log2(6), atol=0.1)
    assert dsmi.mutual_info_ == dsmi.entropy_ - dsmi.conditional_entropy_


def test_every_term_by_hand():
    # All terms from the estimator of entropies alone, on the rows that were drawn.
    X, y = _clusters()
    dsmi = DiffusionSpectralMI(_fixed(), n_repeats=4, random_state=0)
    drawn = []

    def draw(*args):
        drawn.extend(_draw(*args))
        return drawn

    _draw = _mutual_info.draw_subsets
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_mutual_info, "draw_subsets", draw)
        dsmi.fit(X, y)
    sizes = np.bincount(y)
    weights = sizes / len(y)
    for repeat in drawn:
        assert {size: len(set(rows)) for size, rows in repeat.items()} == {
            size: size for size in sizes
        }
    groups = [_fixed().fit(X[y == label]).entropy_ for label in range(3)]
    subsets = [
        [_fixed().fit(X[repeat[size]]).entropy_ for size in sizes] for repeat in drawn
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
    X, _ = _clusters((20,))
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


@pytest.mark.parametrize("estimator", ENTROPIES, ids=repr)
def test_groups_of_one_sample(estimator):
    # One sample has no entropy, in a group or in a subset.
    X, _ = _clusters((20,))
    dsmi = DiffusionSpectralMI(estimator, normalize=True).fit(X, np.arange(20))
    assert_array_equal(dsmi.group_entropies_, np.zeros(20))
    assert dsmi.entropy_ == 0.0
    assert dsmi.mutual_info_ == 0.0
    assert dsmi.mutual_info_std_error_ == 0.0


def test_one_group_of_one_sample_among_others():
    X, y = _clusters((1, 20))
    dsmi = DiffusionSpectralMI(_fixed(), random_state=0).fit(X, y)
    assert dsmi.group_entropies_[0] == 0.0
    expected = 20 / 21 * _fixed().fit(X[y == 1]).entropy_
    assert_allclose(dsmi.conditional_entropy_, expected, atol=ATOL)


@pytest.mark.parametrize("estimator", ENTROPIES, ids=repr)
def test_identical_samples(estimator):
    y = np.arange(30) % 3
    dsmi = DiffusionSpectralMI(estimator).fit(np.full((30, 2), 0.1), y)
    assert_allclose(dsmi.mutual_info_, 0, atol=ATOL)


def test_one_bandwidth_serves_every_term():
    # The second group is ten times as wide: at its own scale it would look like the
    # first.
    X, y = _clusters((30, 30))
    X[y == 1] *= 10
    dsmi = DiffusionSpectralMI(DiffusionSpectralEntropy(), random_state=0).fit(X, y)
    sigma = DiffusionSpectralEntropy().fit(X).bandwidth_
    assert dsmi.estimator_.bandwidth_ == sigma
    expected = [_fixed(sigma).fit(X[y == label]).entropy_ for label in (0, 1)]
    assert_allclose(dsmi.group_entropies_, expected, atol=ATOL)
    own = DiffusionSpectralEntropy().fit(X[y == 0]).entropy_
    assert abs(own - expected[0]) > 1


def test_adaptive_bandwidths_are_those_among_all_samples():
    X, y = _clusters()
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
    X, y = _clusters()
    expected = DiffusionSpectralMI(random_state=0).fit(X, y).mutual_info_
    scaled = DiffusionSpectralMI(random_state=0).fit(scale * X, y).mutual_info_
    assert_allclose(scaled, expected, atol=1e-10)
    assert expected > 0.1


# --- Standard error -----------------------------------------------------------


@pytest.mark.usefixtures("one_by_one")
def test_the_standard_error_covers_the_truth():
    # R = 5 repeats: (estimate - truth) / standard error follows Student's t with four
    # degrees of freedom, whose 0.975 quantile is 2.776. Of 300 estimates, 95 ± 1.3 %
    # are within that if means of five are normal; the reference stands for the truth.
    X, y = _clusters((10, 10, 16))
    reference = DiffusionSpectralMI(
        ShannonEntropy(3), n_repeats=1000, random_state=1000
    )
    truth = reference.fit(X, y).mutual_info_
    fits = [
        DiffusionSpectralMI(ShannonEntropy(3), random_state=seed).fit(X, y)
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
    X, y = _clusters()
    dsmi = DiffusionSpectralMI(n_repeats=1, random_state=0).fit(X, y)
    assert np.isnan(dsmi.mutual_info_std_error_)
    assert np.isfinite(dsmi.mutual_info_)


def test_errors_of_the_solver_are_part_of_the_standard_error():
    X, y = _clusters((40, 40))
    dense = DiffusionSpectralMI(_fixed(eigen_solver="dense"), random_state=0)
    rough = DiffusionSpectralMI(
        _fixed(eigen_solver="arpack", n_components=3), random_state=0
    )
    exact, error = dense.fit(X, y).mutual_info_, dense.mutual_info_std_error_
    rough.fit(X, y)
    assert rough.mutual_info_std_error_ > 2 * error
    assert abs(rough.mutual_info_ - exact) < 2 * rough.mutual_info_std_error_


# --- Work: each size once, in any number of jobs ------------------------------


@pytest.fixture
def calls(monkeypatch):
    """Sizes of the sets whose entropy was evaluated, in no order."""
    sizes, lock = [], threading.Lock()
    entropies_of = _mutual_info.entropies_of

    def counted(estimator, X, scale, sets, seed):
        with lock:
            sizes.extend(map(len, sets))
        return entropies_of(estimator, X, scale, sets, seed)

    monkeypatch.setattr(_mutual_info, "entropies_of", counted)
    return sizes


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ((15, 15, 15, 15), [15] * 4 + [15] * 3),  # C + R
        ((12, 15, 12), [12, 15, 12] + [12, 15] * 3),
        ((10, 11, 12), [10, 11, 12] + [10, 11, 12] * 3),
    ],
)
def test_each_size_is_evaluated_once_a_repeat(calls, sizes, expected):
    X, y = _clusters(sizes)
    DiffusionSpectralMI(n_repeats=3).fit(X, y)
    assert sorted(calls) == sorted(expected)


def test_max_samples_of_the_entropy_limits_groups_and_subsets(calls):
    X, y = _clusters((15, 30, 50))
    dsmi = DiffusionSpectralMI(_fixed(max_samples=20), n_repeats=3, random_state=0).fit(
        X, y
    )
    assert sorted(calls) == [15] * (1 + 3) + [20] * (2 + 3)
    assert (dsmi.group_entropies_ <= np.log2([15, 20, 20])).all()
    again = DiffusionSpectralMI(_fixed(max_samples=20), n_repeats=3, random_state=0)
    assert again.fit(X, y).mutual_info_ == dsmi.mutual_info_
    assert again.score(X, y) == dsmi.mutual_info_


def test_max_samples_may_be_a_share(calls):
    X, y = _clusters((20, 40))
    all_samples = DiffusionSpectralMI(_fixed(), random_state=0).fit(X, y)
    share = DiffusionSpectralMI(_fixed(max_samples=1.0), random_state=0).fit(X, y)
    assert share.mutual_info_ == all_samples.mutual_info_
    calls.clear()
    DiffusionSpectralMI(_fixed(max_samples=0.5), n_repeats=2).fit(X, y)
    assert sorted(calls) == [10] * 3 + [20] * 3


@pytest.mark.parametrize("estimator", ENTROPIES, ids=repr)
def test_n_jobs_does_not_change_a_bit(estimator):
    X, y = _clusters((20, 30, 30))
    X = np.repeat(X, 10, axis=1)  # wide enough for BLAS to share the work

    def results(n_jobs):
        dsmi = DiffusionSpectralMI(estimator, random_state=0, n_jobs=n_jobs).fit(X, y)
        terms = dsmi.mutual_info_, dsmi.mutual_info_std_error_, dsmi.score(X, y)
        return [float(term).hex() for term in (*terms, *dsmi.group_entropies_)]

    expected = results(1)
    assert results(2) == expected
    assert results(None) == expected
    assert results(-1) == expected


@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
def test_the_backend_does_not_change_a_bit(backend):
    X, y = _clusters((20, 30, 30))
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
    X, y = _clusters((30,) * 12)
    with warnings.catch_warnings():
        before = list(warnings.filters)
        for _ in range(5):
            DiffusionSpectralMI(estimator, n_repeats=20, n_jobs=4).fit(X, y)
        assert warnings.filters == before


def test_random_state_decides_the_subsets():
    X, y = _clusters()
    values = [
        DiffusionSpectralMI(random_state=seed).fit(X, y).mutual_info_
        for seed in (0, 0, 1)
    ]
    assert values[0] == values[1] != values[2]
    rng = np.random.RandomState(0)
    dsmi = DiffusionSpectralMI(random_state=rng)
    assert dsmi.fit(X, y).mutual_info_ == values[0]
    assert dsmi.fit(X, y).mutual_info_ != values[0]


# --- Targets ------------------------------------------------------------------

NAMES = np.array(["ant", "bee", "cat"])
TARGETS = {
    "strings": lambda y: NAMES[y],
    "list": lambda y: y.tolist(),
    "other integers": lambda y: (7 * y - 3).astype(np.int16),
    "floats": lambda y: y.astype(np.float64),
    "objects": lambda y: NAMES[y].astype(object),
    "a column": lambda y: y[:, None],
    "Categorical": lambda y: pd.Categorical(NAMES[y], categories=NAMES[::-1]),
    "Series": lambda y: pd.Series(NAMES[y], index=np.arange(len(y))[::-1]),
    "category Series": lambda y: pd.Series(NAMES[y], dtype="category"),
    "DataFrame": lambda y: pd.DataFrame({"animal": NAMES[y]}),
    "polars": lambda y: pl.Series(NAMES[y].tolist()),
    "polars Categorical": lambda y: pl.Series(NAMES[y].tolist(), dtype=pl.Categorical),
    "other order": lambda y: 2 - y,
    "permuted": lambda y: NAMES[[1, 2, 0]][y],
}


@pytest.mark.parametrize("target", TARGETS)
def test_the_type_and_names_of_labels_do_not_matter(target):
    X, y = _clusters()
    expected = DiffusionSpectralMI(random_state=0).fit(X, y)
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, TARGETS[target](y))
    assert_allclose(dsmi.mutual_info_, expected.mutual_info_, rtol=1e-13)
    assert_allclose(dsmi.score(X, TARGETS[target](y)), expected.mutual_info_, rtol=1e-9)
    order = np.argsort([dsmi.labels_[y == label][0] for label in range(3)])
    assert_array_equal(dsmi.group_entropies_, expected.group_entropies_[order])
    assert (dsmi.labels_ == np.argsort(order)[y]).all()


def test_booleans_are_labels():
    X, y = _clusters((20, 30))
    expected = DiffusionSpectralMI(random_state=0).fit(X, y)
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y == 1)
    assert dsmi.mutual_info_ == expected.mutual_info_
    assert dsmi.groups_.tolist() == [False, True]


@pytest.mark.parametrize("clusterer", [None, "quantile", "uniform"])
def test_continuous_scalars_are_binned(clusterer):
    X, _ = _clusters()
    y = np.exp(X[:, 0])
    dsmi = DiffusionSpectralMI(n_groups=4, clusterer=clusterer, random_state=0)
    dsmi.fit(X, y)
    if clusterer == "uniform":
        edges = y.min() + np.ptp(y) * np.array([0.25, 0.5, 0.75])
    else:
        edges = np.quantile(y, [0.25, 0.5, 0.75])
    bins = np.digitize(y, edges)
    assert_array_equal(dsmi.groups_[dsmi.labels_], bins)
    expected = DiffusionSpectralMI(random_state=0).fit(X, bins)
    assert dsmi.mutual_info_ == expected.mutual_info_ > 0.1
    # Groups once found serve other representations of the same samples.
    again = DiffusionSpectralMI(random_state=0).fit(X, dsmi.labels_)
    assert again.mutual_info_ == expected.mutual_info_


def test_whole_numbers_are_binned_where_target_says_so():
    X, _ = _clusters()
    y = np.round(10 * X[:, 0])
    labels = DiffusionSpectralMI().fit(X, y)
    bins = DiffusionSpectralMI(target="continuous", n_groups=5).fit(X, y)
    assert len(labels.groups_) == len(set(y)) > 20
    assert len(bins.groups_) == 5


def test_vectors_and_images_are_clustered():
    X, y = _clusters()
    rng = np.random.RandomState(0)
    images = 0.1 * rng.uniform(size=(len(y), 8, 8))
    for label in range(3):  # a bright column apiece
        images[y == label, :, 2 * label] += 1
    params = {"n_groups": 3, "random_state": 0}
    dsmi = DiffusionSpectralMI(**params).fit(X, images)
    flat = DiffusionSpectralMI(**params).fit(X, images.reshape(-1, 64))
    by_kmeans = DiffusionSpectralMI(clusterer=KMeans(3, n_init=2), **params)
    by_kmeans.fit(X, images)
    expected = DiffusionSpectralMI(random_state=0).fit(X, y).mutual_info_
    assert dsmi.mutual_info_ == flat.mutual_info_
    # The clusters are the labels, in another order.
    assert_allclose(dsmi.mutual_info_, expected, rtol=1e-13)
    assert_allclose(by_kmeans.mutual_info_, expected, rtol=1e-13)
    assert_allclose(dsmi.score(X, images), expected, rtol=1e-9)


@pytest.mark.parametrize("target", ["labels", "values", "vectors"])
def test_a_fitted_estimator_can_be_pickled(target):
    X, labels = _clusters()
    y = {"labels": labels, "values": X[:, 0], "vectors": X[:, :2]}[target]
    dsmi = DiffusionSpectralMI(n_groups=3, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(dsmi))
    assert again.score(X, y) == dsmi.score(X, y)


# --- score --------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ENTROPIES, ids=repr)
@pytest.mark.parametrize("normalize", [False, True])
def test_score_of_the_fitted_samples_is_their_mutual_info(estimator, normalize):
    X, y = _clusters()
    dsmi = DiffusionSpectralMI(estimator, normalize=normalize, random_state=0)
    dsmi.fit(X, y)
    assert_allclose(dsmi.score(X, y), dsmi.mutual_info_, rtol=1e-12, atol=1e-13)


def test_score_of_others_keeps_the_bandwidth_and_the_bins():
    X, _ = _clusters()
    others, _ = _clusters(seed=1)
    others *= 2
    dsmi = DiffusionSpectralMI(
        DiffusionSpectralEntropy(), n_groups=3, random_state=0
    ).fit(X, X[:, 0])
    bins = np.digitize(others[:, 0], np.quantile(X[:, 0], [1 / 3, 2 / 3]))
    fixed = DiffusionSpectralMI(_fixed(dsmi.estimator_.bandwidth_), random_state=0)
    expected = fixed.fit(others, bins).mutual_info_
    assert_allclose(dsmi.score(others, others[:, 0]), expected, rtol=1e-12)
    refitted = DiffusionSpectralMI(
        DiffusionSpectralEntropy(), n_groups=3, random_state=0
    ).fit(others, others[:, 0])
    assert abs(refitted.mutual_info_ - expected) > 0.01


def test_score_of_others_takes_adaptive_bandwidths_to_the_fitted_samples():
    X, y = _clusters()
    others, labels = _clusters((10, 15), seed=1)
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    to_fitted = ((others[:, None] - X) ** 2).sum(axis=-1)  # squared by default
    sigma = np.sort(to_fitted, axis=1)[:, 4]
    D = ((others[:, None] - others) ** 2).sum(axis=-1)
    G = np.exp(-(D**2) / (2 * np.outer(sigma, sigma)))
    precomputed = DiffusionSpectralEntropy(affinity="precomputed")
    expected = DiffusionSpectralMI(precomputed, random_state=0).fit(G, labels)
    assert_allclose(dsmi.score(others, labels), expected.mutual_info_, atol=1e-10)


def test_score_takes_labels_that_fit_did_not_see():
    X, y = _clusters()
    dsmi = DiffusionSpectralMI(_fixed(), random_state=0).fit(X, y)
    assert_allclose(dsmi.score(X, NAMES[y]), dsmi.mutual_info_, rtol=1e-12)


def test_normalize_is_the_share_of_the_entropy():
    X, y = _clusters()
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
    full = DiffusionSpectralMI(_fixed(), normalize=True).fit(_points(y), y)
    assert_allclose(full.mutual_info_, 1, atol=ATOL)


def test_the_function_is_the_estimator():
    X, y = _clusters()
    params = {"normalize": True, "n_repeats": 2, "random_state": 0}
    value = diffusion_spectral_mutual_info(X, y, **params)
    assert value == DiffusionSpectralMI(**params).fit(X, y).mutual_info_


@pytest.mark.parametrize("estimator", [_fixed(), ShannonEntropy()], ids=repr)
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


# --- Entropy estimators of all kinds ------------------------------------------


class LogVolume(BaseEstimator):
    """A third party's entropy: log2 of the extent of the first feature, plus 1."""

    def fit(self, X, y=None):
        self.width_ = np.ptp(X[:, 0])
        return self

    def score(self, X, y=None):
        return np.log2(1 + np.ptp(X[:, 0]) / self.width_)


def test_an_estimator_of_a_third_party():
    # Groups [0, 2] and [4, 8] of [0, 8] by hand, each of two samples.
    X = np.array([[0.0], [2.0], [4.0], [8.0]])
    inner = LogVolume()
    dsmi = DiffusionSpectralMI(inner, random_state=0).fit(X, [0, 0, 1, 1])
    assert_allclose(dsmi.group_entropies_, np.log2([1.25, 1.5]), atol=ATOL)
    assert 0 < dsmi.entropy_ <= 1
    assert dsmi.score(X, [0, 0, 1, 1]) == dsmi.mutual_info_
    assert dsmi.estimator_.width_ == 8
    assert not hasattr(inner, "width_")


@pytest.mark.parametrize(
    "entropy", [DiffusionSpectralEntropy(), _fixed(0.5), ShannonEntropy(3)], ids=repr
)
def test_a_pipeline_as_the_entropy(entropy):
    X, y = _clusters()
    X = X * [1, 10, 100, 1000] + 5
    pipeline = make_pipeline(StandardScaler(), entropy)
    dsmi = DiffusionSpectralMI(pipeline, random_state=0).fit(X, y)
    scaled = StandardScaler().fit_transform(X)
    expected = DiffusionSpectralMI(entropy, random_state=0).fit(scaled, y)
    assert_allclose(dsmi.mutual_info_, expected.mutual_info_, atol=1e-10)
    assert_allclose(dsmi.score(X, y), dsmi.mutual_info_, atol=1e-10)


@pytest.mark.parametrize("alpha", [0, 0.5])
def test_a_precomputed_affinity(alpha):
    X, y = _clusters()
    A = np.exp(-((X[:, None] - X) ** 2).sum(axis=-1) / (2 * 1.3**2))
    precomputed = DiffusionSpectralEntropy(affinity="precomputed", alpha=alpha)
    dsmi = DiffusionSpectralMI(precomputed, random_state=0).fit(A, y)
    expected = DiffusionSpectralMI(_fixed(1.3, alpha=alpha), random_state=0).fit(X, y)
    assert_allclose(dsmi.mutual_info_, expected.mutual_info_, atol=1e-10)
    assert_allclose(dsmi.group_entropies_, expected.group_entropies_, atol=1e-10)
    assert_allclose(dsmi.score(A, y), dsmi.mutual_info_, rtol=1e-12)
    some = np.arange(0, len(y), 2)
    assert_allclose(
        dsmi.score(A[np.ix_(some, some)], y[some]),
        expected.score(X[some], y[some]),
        atol=1e-10,
    )


def test_a_callable_affinity():
    X, y = _clusters()
    entropy = DiffusionSpectralEntropy(
        affinity=lambda X: np.exp(-((X[:, None] - X) ** 2).sum(axis=-1) / 2)
    )
    dsmi = DiffusionSpectralMI(entropy, random_state=0).fit(X, y)
    expected = DiffusionSpectralMI(_fixed(), random_state=0).fit(X, y).mutual_info_
    assert_allclose(dsmi.mutual_info_, expected, atol=1e-10)


def test_the_time_is_chosen_once():
    X, y = _clusters((30, 30, 40))
    dsmi = DiffusionSpectralMI(_fixed(t="auto"), random_state=0).fit(X, y)
    t = dsmi.estimator_.t_
    assert 1 < t < 100
    expected = DiffusionSpectralMI(_fixed(t=t), random_state=0).fit(X, y)
    assert dsmi.mutual_info_ == expected.mutual_info_
    assert dsmi.score(X, y) == dsmi.mutual_info_


def test_the_estimator_given_is_not_fitted():
    X, y = _clusters()
    entropy = DiffusionSpectralEntropy()
    dsmi = DiffusionSpectralMI(entropy).fit(X, y)
    assert not hasattr(entropy, "bandwidth_")
    assert dsmi.estimator is entropy
    assert dsmi.estimator_.bandwidth_ > 0
    # The entropy of all samples is not needed, and not computed.
    assert not hasattr(dsmi.estimator_, "entropy_")


@pytest.mark.parametrize("sigma, kind", [(1e-4, "only itself"), (1e4, "all others")])
def test_saturation_is_warned_of_once(sigma, kind):
    X, y = _clusters()
    with pytest.warns(UserWarning, match=f"^Every sample sees {kind}") as caught:
        dsmi = DiffusionSpectralMI(_fixed(sigma)).fit(X, y)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert_allclose(dsmi.mutual_info_, 0, atol=1e-4)
    with pytest.warns(UserWarning, match=f"^Every sample sees {kind}") as caught:
        dsmi.score(X, y)
    assert len(caught) == 1 and caught[0].filename == __file__


# --- Bad input ----------------------------------------------------------------


@pytest.mark.parametrize(
    "y, message",
    [
        (
            None,
            "DiffusionSpectralMI requires y to be passed, but the target y is None.",
        ),
        ([0.5, np.nan] * 10, "y contains NaN; give every sample a value."),
        (
            np.array(["a", None] * 10, dtype=object),
            "y contains None; give every sample a value.",
        ),
        (
            np.array(["a", 1] * 10, dtype=object),
            "y must hold labels that can be ordered, of one type; got ['int', 'str'].",
        ),
    ],
    ids=repr,
)
def test_bad_targets(y, message):
    X, labels = _clusters((10, 10))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        DiffusionSpectralMI().fit(X, y)
    if y is None or y[1] != 1:  # labels alone are ordered
        dsmi = DiffusionSpectralMI().fit(X, labels)
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            dsmi.score(X, y)


def test_lengths_must_agree():
    X, y = _clusters((10, 10))
    message = r"^Found input variables with inconsistent numbers of samples: \[20, 19\]"
    with pytest.raises(ValueError, match=message):
        DiffusionSpectralMI().fit(X, y[:-1])
    dsmi = DiffusionSpectralMI().fit(X, y)
    with pytest.raises(ValueError, match=message):
        dsmi.score(X, y[:-1])


@pytest.mark.parametrize(
    "params, error, message",
    [
        (
            {"target": "label"},
            ValueError,
            "target must be one of ['auto', 'continuous', 'discrete']; got 'label'.",
        ),
        ({"n_groups": 1}, ValueError, "n_groups == 1, must be >= 2."),
        (
            {"n_groups": 2.5},
            TypeError,
            "n_groups must be an instance of int, not float.",
        ),
        (
            {"target": "continuous", "n_groups": 21},
            ValueError,
            "n_groups must be at most the number of samples; got n_groups=21 and "
            "n_samples=20.",
        ),
        ({"n_repeats": 0}, ValueError, "n_repeats == 0, must be >= 1."),
        (
            {"n_repeats": True},
            TypeError,
            "n_repeats must be an integer, not a bool; got True.",
        ),
        (
            {"clusterer": "kmeans"},
            ValueError,
            "clusterer must be one of ['quantile', 'uniform']; got 'kmeans'.",
        ),
        (
            {"clusterer": 3},
            TypeError,
            "clusterer must be None, one of ['quantile', 'uniform'] or a clusterer "
            "with fit_predict; got 3.",
        ),
        (
            {"estimator": StandardScaler()},
            TypeError,
            "estimator must be an entropy estimator with fit and score; "
            "got StandardScaler().",
        ),
        (
            {"estimator": _fixed(-1)},
            ValueError,
            "bandwidth must be a positive number or one of ['adaptive', 'auto', "
            "'knn', 'median', 'reduced']; got -1.",
        ),
        ({"estimator": ShannonEntropy(0)}, ValueError, "n_bins == 0, must be >= 1."),
    ],
    ids=repr,
)
def test_bad_parameters(params, error, message):
    X, y = _clusters((10, 10))
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        DiffusionSpectralMI(**params).fit(X, y)


def test_normalize_must_be_a_flag():
    with pytest.raises(TypeError, match=r"^normalize must be an instance of "):
        DiffusionSpectralMI(normalize=1).fit(*_clusters())


def test_bad_samples():
    X, y = _clusters()
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match=r"^Input X contains NaN"):
        DiffusionSpectralMI().fit(X, y)
    dsmi = DiffusionSpectralMI().fit(*_clusters())
    with pytest.raises(
        ValueError, match=r"^X has 3 features, but DiffusionSpectralMI "
    ):
        dsmi.score(np.ones((5, 3)), np.arange(5))


def test_float32_data_are_measured_in_float64():
    X, y = _clusters()
    X = X.astype(np.float32)
    expected = DiffusionSpectralMI(_fixed(), random_state=0)
    expected = expected.fit(X.astype(np.float64), y).mutual_info_
    dsmi = DiffusionSpectralMI(_fixed(), random_state=0).fit(X, y)
    assert_allclose(dsmi.mutual_info_, expected, atol=1e-10)


# Subsamples of one size
# ----------------------


def test_subsamples_are_measured_by_themselves_and_averaged():
    X, y = _clusters((30, 60, 90))
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
    X, y = _clusters()
    whole = DiffusionSpectralMI(random_state=0).fit(X, y)
    dsmi = DiffusionSpectralMI(max_samples=max_samples, random_state=0).fit(X, y)
    assert dsmi.mutual_info_ == whole.mutual_info_
    assert dsmi.score(X, y) == whole.score(X, y)


def test_one_subsample_has_no_standard_error():
    X, y = _clusters()
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
    X, y = _clusters()
    if getattr(estimator, "affinity", "") == "precomputed":
        X = np.exp(-(np.linalg.norm(X[:, None] - X, axis=2) ** 2) / 2)
    share = DiffusionSpectralMI(
        estimator, max_samples=30, normalize=True, random_state=0
    ).fit(X, y)
    assert -1 < share.mutual_info_ <= 1
    assert np.isfinite(share.score(X, y))


def test_subsamples_of_a_target_that_is_clustered():
    X, _ = _clusters()
    dsmi = DiffusionSpectralMI(
        target="continuous", n_groups=3, max_samples=30, random_state=0
    ).fit(X, X)
    assert len(dsmi.group_entropies_) == 3
    assert np.isfinite(dsmi.score(X[:40], X[:40]))


def test_sets_of_different_sizes_compare_at_one_size():
    few, many = _clusters((40, 40, 40)), _clusters((300, 300, 300))
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
        DiffusionSpectralMI(max_samples=max_samples).fit(*_clusters())


def test_too_few_samples_for_the_groups():
    with pytest.raises(ValueError, match="got 2 samples for 3 groups"):
        DiffusionSpectralMI(max_samples=2).fit(*_clusters())


def test_the_default_estimator_takes_squared_distances():
    X, y = _clusters()
    entropy = DiffusionSpectralEntropy(bandwidth="adaptive", metric="sqeuclidean")
    named = DiffusionSpectralMI(entropy, random_state=0).fit(X, y)
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    assert dsmi.mutual_info_ == named.mutual_info_
