"""Tests of the grouping of targets."""

import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN, KMeans, MiniBatchKMeans, SpectralClustering
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import kneighbors_graph

from skdse._measures import grouping as _grouping
from skdse._measures.device_clusters import FACTORISED_SAMPLES
from skdse._measures.grouping import as_target, group_target
from skdse._tools.pools import limits_kept

LETTERS = np.array(list("abc"))
CODES = np.array([2, 0, 1, 0, 2, 1, 0, 0])


def _blobs(sizes=(10, 14, 18), spread=0.1, seed=0):
    """Far blobs in three dimensions and the number of each sample's blob."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.RandomState(seed)
    rng.shuffle(labels)
    centers = 10.0 * np.eye(3)[: len(sizes)]
    return centers[labels] + spread * rng.randn(len(labels), 3), labels


# --- Labels are groups as they are --------------------------------------------


@pytest.mark.parametrize(
    "y, names",
    [
        (CODES, [0, 1, 2]),
        (CODES.tolist(), [0, 1, 2]),
        (CODES - 7, [-7, -6, -5]),
        (CODES.astype(np.uint8), [0, 1, 2]),
        (CODES.astype(np.float32), [0.0, 1.0, 2.0]),
        (CODES.astype(object), [0, 1, 2]),
        (CODES[:, None], [0, 1, 2]),
        (LETTERS[CODES], ["a", "b", "c"]),
        (LETTERS[CODES].tolist(), ["a", "b", "c"]),
        (LETTERS[CODES].astype(object), ["a", "b", "c"]),
        (pd.Series(LETTERS[CODES]), ["a", "b", "c"]),
        (pd.Series(LETTERS[CODES], dtype="string"), ["a", "b", "c"]),
        (pd.Series(CODES, dtype="Int64"), [0, 1, 2]),
        (pd.Categorical(LETTERS[CODES]), ["a", "b", "c"]),
        # The order of categories is not that of their names.
        (pd.Categorical(LETTERS[CODES], categories=list("cab")), ["a", "b", "c"]),
        (pd.Series(pd.Categorical(LETTERS[CODES])), ["a", "b", "c"]),
        (pd.DataFrame({"label": CODES}), [0, 1, 2]),
        (pl.Series(LETTERS[CODES].tolist()), ["a", "b", "c"]),
        (pl.Series(LETTERS[CODES].tolist(), dtype=pl.Categorical), ["a", "b", "c"]),
        (pl.Series(CODES), [0, 1, 2]),
    ],
    ids=repr,
)
def test_labels_of_any_type_are_groups(y, names):
    grouping = group_target(y)
    assert grouping.groups.tolist() == names
    np.testing.assert_array_equal(grouping.labels, CODES)


@pytest.mark.parametrize("dtype", [bool, object, "boolean"])
def test_booleans_are_two_groups(dtype):
    grouping = group_target(pd.Series(CODES > 0, dtype=dtype))
    assert grouping.groups.tolist() == [False, True]
    np.testing.assert_array_equal(grouping.labels, CODES > 0)


def test_dates_are_labels_where_target_says_so():
    days = np.array(["2024-02-01", "2023-05-02", "2023-05-03"], dtype="M8[D]")
    grouping = group_target(days[CODES], target="discrete")
    np.testing.assert_array_equal(grouping.groups, np.sort(days))
    # Code 0 is the latest day, 1 the earliest.
    np.testing.assert_array_equal(grouping.labels, np.array([2, 0, 1])[CODES])


def test_discrete_rows_are_joint_labels():
    # (0, 0), (0, 1) and (1, 0) occur; (1, 1) does not.
    y = np.array([[0, 1], [1, 0], [0, 0], [0, 1]])
    grouping = group_target(y, target="discrete")
    assert grouping.groups.tolist() == [[0, 0], [0, 1], [1, 0]]
    assert grouping.labels.tolist() == [1, 2, 0, 1]


def test_discrete_floats_are_labels_where_target_says_so():
    grouping = group_target([0.5, 1.5, 0.5, 2.25], target="discrete")
    assert grouping.groups.tolist() == [0.5, 1.5, 2.25]
    assert grouping.labels.tolist() == [0, 1, 0, 2]


def test_discrete_regroups_labels_that_fit_did_not_see():
    regrouped = group_target(["b", "a", "a"]).regroup(["z", "a", "z"])
    assert regrouped.groups.tolist() == ["a", "z"]
    assert regrouped.labels.tolist() == [1, 0, 1]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_labels_and_groups_give_the_target_back(y):
    grouping = group_target(y)
    assert grouping.groups[grouping.labels].tolist() == y
    assert np.bincount(grouping.labels).min() >= 1


# --- "auto" follows type_of_target --------------------------------------------


@pytest.mark.parametrize(
    "y, kind",
    [
        ([0, 1, 0, 1], "discrete"),  # binary
        (["a", "b", "c", "a"], "discrete"),  # multiclass
        ([3.0, 1.0, 2.0, 1.0], "discrete"),  # floats that are whole numbers
        (np.arange(40), "discrete"),  # multiclass, and every label occurs once
        (np.array([1, 2.5, "a", "a"], dtype=object), "discrete"),  # unknown
        (np.array(["a", 1, 2.5, "a"], dtype=object), "discrete"),  # a TypeError
        ([0.5, 1.0, 2.0, 3.0], "continuous"),  # continuous
        ([1e30, 0.0, 2.0, 3.0], "continuous"),  # does not fit into an integer
        (np.array([0.5, 1.0, 2.0], dtype=object), "continuous"),
        ([[0.5, 1.0], [1.0, 2.0]], "continuous"),  # continuous-multioutput
        ([[3, 1], [1, 2], [0, 1]], "continuous"),  # multiclass-multioutput
        ([[0, 1], [1, 0], [1, 1]], "continuous"),  # multilabel-indicator
        (np.zeros((4, 8, 8)), "continuous"),  # images
    ],
)
def test_auto_follows_type_of_target(y, kind):
    y = as_target(y)
    assert _grouping._discrete_or_continuous(y, "auto") == kind
    other = {"discrete": "continuous", "continuous": "discrete"}[kind]
    assert _grouping._discrete_or_continuous(y, other) == other


def test_auto_of_whole_numbers_and_continuous_differ():
    y = np.arange(20.0)
    assert len(group_target(y).groups) == 20
    assert len(group_target(y, "continuous", n_groups=4).groups) == 4


# --- Scalars: bins ------------------------------------------------------------


def test_quantile_bins_by_hand():
    # Quartiles of 0.5, 1.5, ..., 7.5 are 2.25, 4 and 5.75.
    y = np.arange(8) + 0.5
    grouping = group_target(y[::-1], n_groups=4)
    assert grouping.labels.tolist() == [3, 3, 2, 2, 1, 1, 0, 0]
    assert grouping.groups.tolist() == [0, 1, 2, 3]


def test_uniform_bins_by_hand():
    # Edges of five bins of [0, 10] are 2, 4, 6 and 8. A value on an edge belongs to
    # the upper bin, the largest to the last; nothing is in [2, 4).
    y = [0.0, 1.9, 4.0, 5.5, 6.0, 7.9, 8.0, 10.0]
    grouping = group_target(y, n_groups=5, clusterer="uniform")
    assert grouping.groups.tolist() == [0, 2, 3, 4]
    assert grouping.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_quantile_bins_keep_ties_together():
    # Three of the quartiles' four positions fall on the tie 0.5: one edge is left
    # there, none between its copies.
    y = np.array([0.5] * 7 + [0.25, 1.5])
    grouping = group_target(y, n_groups=4)
    assert grouping.labels.tolist() == [1] * 7 + [0, 1]


@pytest.mark.parametrize("clusterer", ["quantile", "uniform"])
def test_a_constant_target_is_one_bin(clusterer):
    grouping = group_target(np.full(6, 0.3), n_groups=3, clusterer=clusterer)
    assert grouping.labels.tolist() == [0] * 6


def test_quantile_is_the_default_for_scalars():
    y = np.random.RandomState(0).standard_normal(50) ** 3
    default = group_target(y, n_groups=5)
    quantile = group_target(y, n_groups=5, clusterer="quantile")
    uniform = group_target(y, n_groups=5, clusterer="uniform")
    np.testing.assert_array_equal(default.labels, quantile.labels)
    assert np.bincount(default.labels).tolist() == [10] * 5
    assert (default.labels != uniform.labels).any()


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40),
    st.integers(2, 8),
    st.sampled_from(["quantile", "uniform"]),
)
def test_bins_follow_the_order_of_the_values(y, n_groups, clusterer):
    n_groups = min(n_groups, len(y))
    labels = group_target(y, "continuous", n_groups, clusterer).labels
    assert labels.max() < n_groups
    assert (np.diff(labels[np.argsort(y)]) >= 0).all()
    assert len({(value, label) for value, label in zip(y, labels, strict=True)}) == len(
        set(y)
    )


def test_regroup_keeps_the_edges():
    # The edge is 5, not that of the new values; values beyond the range fall into the
    # outer bins.
    grouping = group_target([0.0, 1.5, 10.0], "continuous", 2, "uniform")
    regrouped = grouping.regroup([4.9, 5.0, 4.0, -100.0, 100.0])
    assert regrouped.labels.tolist() == [0, 1, 0, 0, 1]
    assert regrouped.regroup([4.9, 5.0]).labels.tolist() == [0, 1]


def test_regroup_names_the_bins_that_occur():
    grouping = group_target(np.arange(10) + 0.5, n_groups=5)
    regrouped = grouping.regroup([9.5, 0.5])
    assert regrouped.groups.tolist() == [0, 4]
    assert regrouped.labels.tolist() == [1, 0]


def test_a_column_is_a_scalar():
    y = np.random.RandomState(0).standard_normal(30)
    np.testing.assert_array_equal(
        group_target(y[:, None, None], n_groups=4).labels,
        group_target(y, n_groups=4).labels,
    )


# --- Vectors: clusters --------------------------------------------------------


@pytest.mark.parametrize(
    "clusterer",
    [None, KMeans(3, n_init=3, random_state=0), DBSCAN(eps=2.0)],
    ids=["spectral", "KMeans", "DBSCAN"],
)
def test_clusters_of_far_blobs_are_the_blobs(clusterer):
    Y, blobs = _blobs()
    grouping = group_target(Y, n_groups=3, clusterer=clusterer, random_state=0)
    assert adjusted_rand_score(blobs, grouping.labels) == 1.0
    # New samples join the cluster of their blob, by predict or by the nearest sample.
    others, other_blobs = _blobs((7, 5, 3), seed=1)
    regrouped = grouping.regroup(others)
    name_of = dict(zip(blobs, grouping.groups[grouping.labels], strict=True))
    assert regrouped.groups[regrouped.labels].tolist() == [
        name_of[blob] for blob in other_blobs
    ]


def test_regroup_of_the_same_vectors_changes_nothing():
    Y = np.random.RandomState(0).standard_normal((60, 2))
    grouping = group_target(Y, n_groups=4, random_state=0)
    np.testing.assert_array_equal(grouping.regroup(Y).labels, grouping.labels)


def test_images_are_clustered_as_their_pixels():
    images = np.random.RandomState(0).uniform(size=(40, 4, 4))
    grouping = group_target(images, n_groups=3, random_state=0)
    flat = group_target(images.reshape(40, 16), n_groups=3, random_state=0)
    np.testing.assert_array_equal(grouping.labels, flat.labels)
    np.testing.assert_array_equal(grouping.regroup(images).labels, grouping.labels)


def test_a_clusterer_takes_scalars_too():
    # Quantile bins of these would cut the first cluster in two.
    y = [0.1, 0.2, 0.3, 0.4, 0.5, 9.5]
    grouping = group_target(y, n_groups=2, clusterer=KMeans(2, n_init=1))
    assert len(set(grouping.labels[:5])) == 1
    assert grouping.labels[5] != grouping.labels[0]
    assert grouping.regroup([9.0, 0.9]).labels.tolist() == [
        grouping.labels[5],
        grouping.labels[0],
    ]


def test_the_clusterer_given_is_not_fitted():
    clusterer = KMeans(3, n_init=1, random_state=0)
    group_target(_blobs()[0], clusterer=clusterer)
    assert not hasattr(clusterer, "labels_")


def test_noise_of_a_clusterer_is_a_group():
    Y = np.concatenate([_blobs()[0], [[1000.0, 0.0, 0.0]]])
    grouping = group_target(Y, clusterer=DBSCAN(eps=2.0))
    assert grouping.groups.tolist() == [-1, 0, 1, 2]
    assert grouping.labels[-1] == 0


def test_random_state_decides_the_clusters():
    Y = np.random.RandomState(0).uniform(size=(80, 3))
    labels = [
        group_target(Y, n_groups=5, random_state=seed).labels for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(labels[0], labels[1])
    assert (labels[0] != labels[2]).any()


# As many vectors as columns are not taken for an affinity matrix either.
@pytest.mark.parametrize("n_samples, n_groups", [(2, 2), (3, 2), (11, 10)])
def test_few_vectors(n_samples, n_groups):
    Y = np.random.RandomState(0).standard_normal((n_samples, 2))
    grouping = group_target(Y, n_groups=n_groups, random_state=0)
    assert len(grouping.groups) == n_groups


def test_large_targets_are_clustered_by_mini_batches():
    most = _grouping.SPECTRAL_MAX_SAMPLES
    chosen = _grouping._default_clusterer
    assert isinstance(chosen(1000, 3, 0), SpectralClustering)
    assert isinstance(chosen(most, 3, 0), SpectralClustering)
    # Graphs of many are not factorised.
    assert chosen(FACTORISED_SAMPLES, 3, 0).eigen_solver == "arpack"
    assert chosen(FACTORISED_SAMPLES + 1, 3, 0).eigen_solver == "lobpcg"
    clusterer = chosen(most + 1, 3, 0)
    assert isinstance(clusterer, MiniBatchKMeans)
    assert clusterer.n_clusters == 3 and clusterer.random_state == 0
    Y, blobs = _blobs((most - 5000, 3000, 2001))
    grouping = group_target(Y, n_groups=3, random_state=0)
    assert adjusted_rand_score(blobs, grouping.labels) == 1.0
    np.testing.assert_array_equal(grouping.regroup(Y).labels, grouping.labels)


def test_clusters_without_a_factorisation_cut_as_few_edges():
    Y = np.random.default_rng(0).normal(size=(FACTORISED_SAMPLES + 1, 20))
    Y = Y.astype(np.float32)
    found = group_target(Y, n_groups=4, random_state=0).labels
    graph = kneighbors_graph(Y, 10, include_self=True)
    graph = (graph + graph.T).toarray()
    degrees = graph.sum(axis=0)

    def cut(labels):  # the normalised cut, which spectral clustering seeks
        groups = labels == np.unique(labels)[:, None]
        return sum(1 - graph[g][:, g].sum() / degrees[g].sum() for g in groups)

    params = {"affinity": "nearest_neighbors", "random_state": 0}
    with limits_kept():
        factorised = SpectralClustering(4, **params).fit_predict(Y)
    assert cut(found) <= 1.02 * cut(factorised)
    assert cut(found) < 0.95 * cut(np.random.default_rng(0).permutation(found))


@pytest.mark.parametrize(
    "y", [["a", "b", "a"], [0.5, 1.5, 2.5], [[0.5, 1.0], [9.0, 9.5], [9.5, 9.5]]]
)
def test_a_grouping_can_be_pickled(y):
    grouping = group_target(y, n_groups=2, random_state=0)
    again = pickle.loads(pickle.dumps(grouping))
    np.testing.assert_array_equal(again.regroup(y).labels, grouping.labels)


# --- Bad targets --------------------------------------------------------------

NAN_MESSAGE = "y contains NaN; give every sample a value."
NONE_MESSAGE = "y contains None; give every sample a value."


@pytest.mark.parametrize(
    "y, message",
    [
        ([0.5, np.nan, 1.0], NAN_MESSAGE),
        ([[0.5, np.nan], [1.0, 2.0]], NAN_MESSAGE),
        (np.array([np.nan, "a", "b"], dtype=object), NAN_MESSAGE),
        (np.array(["2024-01-01", "NaT"], dtype="M8[D]"), NAN_MESSAGE),
        (pd.Series([pd.NA, "a", "b"], dtype=object), NAN_MESSAGE),
        (pd.Series([None, "a", "b"], dtype="string"), NAN_MESSAGE),
        (pd.Series([None, 1, 2], dtype="Int64"), NAN_MESSAGE),
        (pd.Categorical(["a", None, "b"]), NAN_MESSAGE),
        (pl.Series([1, None, 2]), NAN_MESSAGE),
        (np.array(["a", None], dtype=object), NONE_MESSAGE),
        ([None, None], NONE_MESSAGE),
        (pl.Series(["a", None]), NONE_MESSAGE),
        (3, "y must have a value for each sample; got array(3)."),
        (
            np.array([1, "a", 2.5], dtype=object),
            "y must hold labels that can be ordered, of one type; "
            "got ['float', 'int', 'str'].",
        ),
        (
            [{1, 2}, {3}, {1, 2}],
            "y must hold labels that can be ordered, of one type; got ['set'].",
        ),
        (
            [0.5, np.inf],
            "Input y contains infinity or a value too large for dtype('float64').",
        ),
    ],
    ids=repr,
)
def test_bad_targets(y, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        group_target(y, n_groups=2)


@pytest.mark.parametrize(
    "y, params, message",
    [
        (
            [0.5, 1.5],
            {"n_groups": 3},
            "n_groups must be at most the number of samples; got n_groups=3 and "
            "n_samples=2.",
        ),
        (
            np.eye(2) / 2,
            {"n_groups": 3},
            "n_groups must be at most the number of samples; got n_groups=3 and "
            "n_samples=2.",
        ),
        (
            np.eye(4) / 2,
            {"n_groups": 2, "clusterer": "uniform"},
            "clusterer='uniform' bins a y of shape (n_samples,); for a y of several "
            "columns pass a clusterer or None.",
        ),
    ],
)
def test_targets_that_do_not_fit_the_parameters(y, params, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        group_target(y, **params)


def test_names_are_not_continuous():
    with pytest.raises(
        ValueError, match=r"^y must hold numbers for target='continuous'; "
    ):
        group_target(["1", "a"], "continuous", n_groups=2)
