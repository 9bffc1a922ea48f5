"""Tests of the kinds of targets: told apart, one-hot labels, few distinct vectors."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score

from skdse import DiffusionSpectralMI, mutual_info_permutation_test
from skdse._measures.grouping import group_target

LETTERS = np.array(list("abc"))
CODES = np.array([2, 0, 1, 0, 2, 1, 0, 0])

# --- Another kind of target than the fitted one --------------------------------

# What each kind of target is scored with in place of its own.
FITTED = {
    "whole": CODES,
    "text": LETTERS[CODES],
    "values": CODES + 0.5,
    "vectors": np.c_[CODES, CODES**2] / 3,
    "pairs of text": np.c_[LETTERS[CODES], LETTERS[CODES]],
    "dates": np.datetime64("2024-01-01") + CODES,
    "one-hot": np.eye(3)[CODES],
}
OTHERS = FITTED | {
    "infinite": np.where(CODES == 2, np.inf, CODES),
    "wider vectors": np.ones((8, 3)) / 3,
    "several types": np.array([*CODES[:-1], "a"], dtype=object),
}
# Values and vectors may be whole by chance.
SAME = {(name, name) for name in FITTED} | {("values", "whole"), ("values", "infinite")}


@pytest.mark.filterwarnings("ignore:y has a single 1 in each row:UserWarning")
@pytest.mark.parametrize("fitted", FITTED)
@pytest.mark.parametrize("other", OTHERS)
def test_regroup_of_another_kind_of_target(fitted, other):
    is_discrete = fitted in ("pairs of text", "dates")
    grouping = group_target(
        FITTED[fitted], "discrete" if is_discrete else "auto", n_groups=3
    )
    if (fitted, other) not in SAME:
        with pytest.raises(
            ValueError, match=r"^y must be as the fitted y, .*; got .*fit"
        ):
            grouping.regroup(OTHERS[other])
    elif other == "infinite":
        with pytest.raises(ValueError, match=r"^Input y contains infinity"):
            grouping.regroup(OTHERS[other])
    else:
        again = grouping.regroup(OTHERS[other])
        if fitted == other:
            np.testing.assert_array_equal(again.labels, grouping.labels)


def test_the_message_of_another_kind_of_target():
    message = (
        "y must be as the fitted y, whole numbers of shape (n_samples,); got text of "
        "shape (n_samples, 2). Bring it to that kind, or fit again."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        group_target(CODES).regroup(np.c_[LETTERS[CODES], LETTERS[CODES]])


def test_kinds_do_not_depend_on_types_of_numbers():
    grouping = group_target(CODES)
    for same in (CODES / 1, CODES.astype(object), CODES.astype(np.uint8), CODES > 0):
        assert set(grouping.regroup(same).groups) <= {0, 1, 2}
    images = np.random.default_rng(0).integers(0, 9, size=(20, 2, 2))
    clusters = group_target(images, n_groups=3, random_state=0)
    np.testing.assert_array_equal(clusters.regroup(images / 1).labels, clusters.labels)


def test_regroup_of_missing_values():
    with pytest.raises(ValueError, match=r"^y contains NaN; give every"):
        group_target([0.5, 1.5, 2.5], n_groups=2).regroup([0.5, np.nan])


def test_dates_in_bins_are_dates_of_the_same_unit():
    days = np.datetime64("2024-01-01") + np.arange(20)
    grouping = group_target(days, "continuous", n_groups=4)
    np.testing.assert_array_equal(grouping.regroup(days).labels, np.arange(20) // 5)
    for other in (days.astype("M8[s]"), np.arange(20)):
        with pytest.raises(ValueError, match=r"fitted y, datetime64\[D\] of shape"):
            grouping.regroup(other)


# --- One-hot labels, and few vectors ------------------------------------------

ONE_HOT = (
    "y has a single 1 in each row, and is taken for one-hot labels of 3 classes. Pass "
    "y.argmax(axis=1) if they are, or target='continuous' to cluster the rows."
)


@pytest.mark.parametrize(
    "y",
    [
        np.eye(3)[CODES],
        np.eye(3, dtype=np.float16)[CODES],
        np.eye(3, dtype=bool)[CODES],
        np.eye(3, dtype=int)[CODES].tolist(),
        pd.get_dummies(pd.Series(LETTERS[CODES])),
        pd.get_dummies(pd.Series(CODES), dtype="Int64"),
        pl.Series(CODES).to_dummies(),
    ],
    ids=lambda y: type(y).__module__ + str(getattr(y, "dtype", "")),
)
def test_one_hot_labels_are_their_classes(y):
    with pytest.warns(UserWarning, match=f"^{re.escape(ONE_HOT)}$"):
        grouping = group_target(y)
    assert grouping.groups.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(grouping.labels, CODES)
    # A class that is not there keeps the numbers of the others.
    regrouped = grouping.regroup(np.eye(3)[[2, 0, 2]])
    assert regrouped.groups[regrouped.labels].tolist() == [2, 0, 2]
    # Rows of which some have no class, or two.
    for row in ([0, 0, 0], [1, 1, 0], [0, 2, 0]):
        with pytest.raises(ValueError, match="fitted y, one-hot rows of shape"):
            grouping.regroup(np.array([row, [0, 1, 0]]))


@pytest.mark.parametrize("row", [[0, 0, 0], [1, 1, 0], [0, 2, 0], [0.5, 0.5, 0]])
def test_rows_with_more_or_less_than_a_one_are_vectors(row):
    y = np.concatenate([np.eye(3)[CODES], [row]])
    grouping = group_target(y, n_groups=5)  # a warning would be an error
    assert grouping.labels.tolist() == [*pd.factorize(CODES)[0], 3]


@pytest.mark.parametrize(
    "target, clusterer", [("discrete", None), ("continuous", None)]
)
def test_whoever_says_what_one_hot_labels_are_is_not_told(target, clusterer):
    labels = group_target(np.eye(3)[CODES], target, 5, clusterer).labels
    assert adjusted_rand_score(labels, CODES) == 1


@pytest.mark.parametrize("n_distinct", [1, 3, 5, 6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_vectors_of_which_few_differ_are_groups(n_distinct, dtype):
    # Five groups of at most five vectors; of six, two are in one.
    rng = np.random.default_rng(0)
    vectors = rng.integers(0, 1000, size=(n_distinct, 4))
    codes = rng.permutation(np.arange(600) % n_distinct)
    # The last ones come late.
    codes = np.r_[np.zeros(300, int), codes]
    grouping = group_target(vectors[codes].astype(dtype), n_groups=5, random_state=0)
    assert len(grouping.groups) == min(n_distinct, 5)
    if n_distinct <= 5:
        assert adjusted_rand_score(grouping.labels, codes) == 1
        near = grouping.regroup(vectors[codes] + 0.25)
        np.testing.assert_array_equal(near.labels, grouping.labels)


@pytest.mark.filterwarnings("ignore:y has a single 1 in each row:UserWarning")
def test_mutual_information_with_one_hot_labels_is_that_with_labels():
    r = np.random.default_rng(0)
    y = np.arange(90) % 3
    X = 4 * r.normal(size=(3, 8))[y] + r.normal(size=(90, 8))
    expected = DiffusionSpectralMI(random_state=0).fit(X, y)
    test = mutual_info_permutation_test(X, y, random_state=0)
    for same in (np.eye(3)[y], pd.get_dummies(pd.Series(LETTERS[y])), y[:, None]):
        dsmi = DiffusionSpectralMI(random_state=0).fit(X, same)
        assert dsmi.mutual_info_ == dsmi.score(X, same) == expected.mutual_info_
        assert mutual_info_permutation_test(X, same, random_state=0).pvalue == (
            test.pvalue
        )
    with pytest.raises(ValueError, match="y must be as the fitted y, whole numbers"):
        expected.score(X, LETTERS[y])
