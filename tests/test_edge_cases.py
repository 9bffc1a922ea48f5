"""Bad input and edge cases: the exact message, or the exact value."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from messages import ISOLATED, UNIFORM, exactly
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
)

NEAREST = {"affinity": "nearest_neighbors"}
RULES = ("auto", "median", "reduced", "knn", "adaptive", 1.0)
GAUSSIAN_RULES = [
    make(bandwidth=rule)
    for make in (
        DiffusionSpectralEntropy,
        lambda bandwidth: DiffusionSpectralEntropy(bandwidth=bandwidth, **NEAREST),
        AdjacencySpectralEntropy,
    )
    for rule in RULES
]
ENTROPIES = [
    *GAUSSIAN_RULES,
    DiffusionSpectralEntropy(eigen_solver="arpack", n_components=2),
    DiffusionSpectralEntropy(t="auto", normalize=True),
    AdjacencySpectralEntropy("anisotropic"),
    AdjacencySpectralEntropy("nearest_neighbors"),
    ShannonEntropy(),
    ShannonEntropy(bin_range="each", normalize=True),
]
ONE_OF_EACH = [
    DiffusionSpectralEntropy(),
    DiffusionSpectralEntropy(**NEAREST),
    DiffusionSpectralMI(n_repeats=2),
    ShannonEntropy(),
    MatrixEntryEntropy(),
    AdjacencySpectralEntropy(),
]


# Samples
# -------


@pytest.mark.parametrize("estimator", ONE_OF_EACH, ids=str)
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda X: np.where(X == X[3, 1], np.nan, X), "Input X contains NaN."),
        (lambda X: np.where(X == X[3, 1], np.inf, X), "Input X contains infinity"),
        (lambda X: X[:, 0], "Expected 2D array, got 1D array instead"),
        (lambda X: X[:, :, None], "Found array with dim 3"),
        (lambda X: 3.0, "Expected 2D array, got scalar array instead"),
        (lambda X: X[:0], "Found array with 0 sample(s)"),
        (lambda X: X[:, :0], "Found array with 0 feature(s)"),
        (sp.csr_array, "Sparse data was passed"),
        (lambda X: X.astype(str).astype(object) + "?", "could not convert string"),
        (lambda X: X + 1j, "Complex data not supported"),
    ],
    ids=["nan", "inf", "1d", "3d", "0d", "empty", "flat", "sparse", "text", "complex"],
)
def test_bad_samples_are_refused(estimator, spoil, message, X, y):
    spoiled = spoil(X)
    labels = y[: np.shape(spoiled)[0]] if np.ndim(spoiled) else y
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        clone(estimator).fit(spoiled, labels)
    fitted = clone(estimator).fit(X, y)
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        fitted.score(spoiled, labels)


@pytest.mark.parametrize("estimator", ONE_OF_EACH, ids=str)
def test_numbers_held_as_objects_are_numbers(estimator, X, y):
    expected = clone(estimator).set_params(random_state=0).fit(X, y).score(X, y)
    fitted = clone(estimator).set_params(random_state=0).fit(X.astype(object), y)
    assert fitted.score(X, y) == expected


@pytest.mark.parametrize(
    "estimator", [*ENTROPIES, MatrixEntryEntropy(), MatrixEntryEntropy(normalize=True)]
)
def test_one_sample_has_no_entropy(estimator):
    fitted = clone(estimator).fit([[1.0, 2.0]])
    assert fitted.entropy_ == 0
    assert fitted.score([[3.0, 4.0]]) == 0


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_a_few_samples(n, X):
    # At equal distances all other eigenvalues are (1 - a) / (1 + (n - 1) a), with the
    # affinity a of two samples: exp(-2) at half the median distance.
    a = np.exp(-2)
    shares = np.array([1, *[(1 - a) / (1 + (n - 1) * a)] * (n - 1)])
    shares /= shares.sum()
    expected = -shares @ np.log2(shares)
    dse = DiffusionSpectralEntropy(bandwidth="median").fit(3 * np.eye(n))
    assert dse.entropy_ == pytest.approx(expected, abs=1e-9)
    # On the kNN graph, all are neighbours at the same distance: once more as above.
    near = DiffusionSpectralEntropy(bandwidth=dse.bandwidth_, **NEAREST)
    assert near.fit(3 * np.eye(n)).entropy_ == pytest.approx(expected, abs=1e-9)
    dsmi = DiffusionSpectralMI(random_state=0)
    with pytest.warns(UserWarning, match="so few samples"):
        dsmi.fit(X[:n], np.arange(n))
    assert dsmi.mutual_info_ == 0


def test_one_sample_has_one_state():
    dse = DiffusionSpectralEntropy().fit([[1.0, 2.0]])
    assert dse.effective_rank_ == 1
    assert dse.entropy_interval_ == (0, 0)
    assert_array_equal(dse.eigenvalues_, [1.0])
    assert_array_equal(dse.entropy_curve([1, 10]), [0, 0])


@pytest.mark.parametrize("estimator", ENTROPIES, ids=str)
@pytest.mark.parametrize("value", [0.0, 0.1, -1e8])
def test_identical_samples_have_no_entropy(estimator, value):
    X = np.full((20, 3), value)
    fitted = clone(estimator).fit(X)  # a warning would be an error
    assert fitted.entropy_ == 0
    assert fitted.score(X) == 0


@pytest.mark.parametrize("rule", RULES)
def test_identical_samples_fill_the_diffusion_matrix_evenly(rule):
    fitted = MatrixEntryEntropy(bandwidth=rule).fit(np.full((20, 3), 0.1))
    assert fitted.entropy_ == pytest.approx(2 * np.log2(20), rel=1e-12)


@pytest.mark.parametrize("rule", ["auto", "median", "reduced", "knn", "adaptive"])
@pytest.mark.parametrize("affinity", ["gaussian", "nearest_neighbors"])
def test_samples_of_one_direction_are_identical_by_the_cosine(rule, affinity):
    X = np.outer(np.arange(1, 31), [1.0, 2.0, 3.0])
    dse = DiffusionSpectralEntropy(affinity=affinity, metric="cosine", bandwidth=rule)
    dse.fit(X)  # a warning would be an error
    assert dse.entropy_ == 0
    assert dse.bandwidth_ == 0


def test_identical_groups_share_nothing_but_their_state():
    X = np.ones((20, 3))
    dsmi = DiffusionSpectralMI().fit(X, np.arange(20) % 2)
    assert dsmi.mutual_info_ == dsmi.entropy_ == dsmi.conditional_entropy_ == 0


# Ten copies of each of three points on a line, 3 and 5 apart: no sample has a
# neighbour at a positive distance among its nearest five.
COPIES = np.repeat([[0.0], [3.0], [8.0]], 10, axis=0)


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("affinity", ["gaussian", "nearest_neighbors"])
def test_copies_take_the_smallest_positive_distance(affinity, scale):
    options = {"affinity": affinity, "bandwidth_scale": scale}
    dse = DiffusionSpectralEntropy(bandwidth="knn", **options).fit(COPIES)
    assert dse.bandwidth_ == 3 * scale
    dse = DiffusionSpectralEntropy(bandwidth="adaptive", **options).fit(COPIES)
    assert_array_equal(dse.bandwidth_, np.full(30, 3 * scale))
    assert dse.score(COPIES) == dse.entropy_


def test_copies_beside_others_take_the_smallest_positive_distance():
    # Eight copies of 0; their fifth neighbour is at 0. The others, at 2, 4, 6, ..., see
    # their fifth neighbour at distances that follow by hand.
    X = np.array([0.0] * 8 + [2.0, 4.0, 6.0, 8.0])[:, None]
    dse = DiffusionSpectralEntropy(bandwidth="adaptive").fit(X)
    assert_array_equal(dse.bandwidth_, [2] * 8 + [2, 4, 6, 8])


@pytest.mark.parametrize("n_neighbors", [29, 30, 500])
def test_graph_of_too_many_neighbors_is_complete(n_neighbors, X):
    complete = DiffusionSpectralEntropy(bandwidth=1.0).fit(X)
    graph = DiffusionSpectralEntropy(
        bandwidth=1.0, n_neighbors=n_neighbors, **NEAREST
    ).fit(X)
    assert_allclose(graph.eigenvalues_, complete.eigenvalues_, atol=1e-10)
    assert graph.entropy_ == pytest.approx(complete.entropy_, abs=1e-10)


@pytest.mark.parametrize("rule", ["knn", "adaptive"])
def test_too_many_bandwidth_neighbors_are_all_others(rule, X):
    farthest = np.linalg.norm(X[:, None] - X, axis=2).max(axis=1)
    expected = np.median(farthest) if rule == "knn" else farthest
    dse = DiffusionSpectralEntropy(bandwidth=rule, bandwidth_neighbors=500).fit(X)
    assert_allclose(dse.bandwidth_, expected, rtol=1e-12)


def test_each_component_of_a_disconnected_graph_has_the_eigenvalue_one(rng):
    X = np.concatenate([rng.normal(size=(20, 2)) + 1e4 * i for i in range(3)])
    dse = DiffusionSpectralEntropy(n_neighbors=4, **NEAREST).fit(X)
    assert_allclose(dse.eigenvalues_[:3], 1, atol=1e-10)
    assert abs(dse.eigenvalues_[3]) < 1 - 1e-6
    # In the long run only the components are told apart.
    assert dse.entropy_curve([1e6])[0] == pytest.approx(np.log2(3), abs=1e-6)
    # Lanczos may miss a copy of a repeated eigenvalue; its interval allows for that.
    arpack = clone(dse).set_params(eigen_solver="arpack", n_components=10).fit(X)
    lower, upper = arpack.entropy_interval_
    assert lower <= dse.entropy_ <= upper < np.log2(60)


# Dtypes and memory layout
# ------------------------


@pytest.mark.parametrize(
    "estimator",
    [
        DiffusionSpectralEntropy(),
        DiffusionSpectralEntropy(bandwidth="adaptive"),
        DiffusionSpectralEntropy(**NEAREST),
        DiffusionSpectralMI(random_state=0),
        ShannonEntropy(),
        MatrixEntryEntropy(),
        AdjacencySpectralEntropy(),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "convert",
    [
        lambda X: X.astype(np.int8),
        lambda X: X.astype(np.uint16),
        lambda X: X.astype(np.int64),
        lambda X: X.astype(np.float16),
        lambda X: X.astype(np.float32),
        np.asfortranarray,
        lambda X: np.repeat(X, 2, axis=0)[::2],
    ],
    ids=["int8", "uint16", "int64", "float16", "float32", "fortran", "strided"],
)
def test_dtypes_and_layouts_agree(estimator, convert, digits):
    # Pixels are integers from 0 to 16, exact in each of these types.
    X, y = digits
    expected = clone(estimator).fit(X, y)
    converted = convert(X)
    before = converted.copy()
    fitted = clone(estimator).fit(converted, y)
    assert fitted.entropy_ == pytest.approx(expected.entropy_, rel=1e-5)
    assert fitted.score(X, y) == pytest.approx(expected.score(X, y), rel=1e-5)
    assert_array_equal(converted, before)  # and nobody wrote to it


def test_bandwidth_of_huge_and_tiny_values_is_finite(X):
    entropies = [
        DiffusionSpectralEntropy(bandwidth="adaptive").fit(X * scale).entropy_
        for scale in (1e-100, 1.0, 1e100)
    ]
    assert_allclose(entropies, entropies[1], rtol=1e-10)


# Targets
# -------


def test_lengths_of_samples_and_labels_must_agree(X, y):
    message = "Found input variables with inconsistent numbers of samples: [30, 29]"
    with pytest.raises(ValueError, match=exactly(message)):
        DiffusionSpectralMI().fit(X, y[:-1])
    with pytest.raises(ValueError, match=exactly(message)):
        DiffusionSpectralMI().fit(X, y).score(X, y[:-1])


def test_mutual_information_needs_a_target(X, y):
    message = "DiffusionSpectralMI requires y to be passed, but the target y is None."
    with pytest.raises(ValueError, match=exactly(message)):
        DiffusionSpectralMI().fit(X, None)
    with pytest.raises(ValueError, match=exactly(message)):
        DiffusionSpectralMI().fit(X, y).score(X, None)


@pytest.mark.parametrize("target", ["auto", "discrete", "continuous"])
def test_missing_labels_are_refused(target, X):
    y = np.where(np.arange(30) == 7, np.nan, np.arange(30) / 8)
    message = "y contains NaN; give every sample a value."
    with pytest.raises(ValueError, match=exactly(message)):
        DiffusionSpectralMI(target=target).fit(X, y)


def test_single_group_has_no_mutual_information(X):
    message = "y has a single group: the mutual information is 0."
    with pytest.warns(UserWarning, match=exactly(message)) as caught:
        dsmi = DiffusionSpectralMI().fit(X, np.zeros(30))
    assert [warning.filename for warning in caught] == [__file__]
    assert dsmi.mutual_info_ == dsmi.mutual_info_std_error_ == 0
    assert_array_equal(dsmi.groups_, [0])


@pytest.mark.filterwarnings("ignore:.*single group:UserWarning")
@pytest.mark.filterwarnings("ignore:Every sample sees all:UserWarning")
def test_folds_of_one_class_have_no_mutual_information(X):
    y = np.repeat([0, 1, 2], 10)
    assert_array_equal(cross_val_score(DiffusionSpectralMI(), X, y, cv=KFold(3)), 0)


def test_groups_of_one_sample_have_no_mutual_information(X):
    with pytest.warns(UserWarning, match=r"so few samples \(median 1\)"):
        dsmi = DiffusionSpectralMI(target="discrete").fit(X, np.arange(30))
    assert dsmi.mutual_info_ == dsmi.entropy_ == 0
    assert_array_equal(dsmi.group_entropies_, np.zeros(30))


def test_more_groups_than_samples_are_refused(X):
    message = (
        "n_groups must be at most the number of samples; got n_groups=31 and "
        "n_samples=30."
    )
    with pytest.raises(ValueError, match=exactly(message)):
        DiffusionSpectralMI(target="continuous", n_groups=31).fit(X, X[:, 0])


# Saturation
# ----------


@pytest.mark.parametrize(
    ("bandwidth", "message", "entropy"),
    [(1e-9, ISOLATED, np.log2(30)), (1e9, UNIFORM, 0)],
)
@pytest.mark.parametrize("affinity", ["gaussian", "nearest_neighbors"])
def test_saturated_entropy_warns_where_it_was_called(
    affinity, bandwidth, message, entropy, X
):
    dse = DiffusionSpectralEntropy(
        affinity=affinity, bandwidth=bandwidth, n_neighbors=29
    )
    with pytest.warns(UserWarning, match=exactly(message)) as caught:
        dse.fit(X)
        dse.score(X)
    assert [warning.filename for warning in caught] == [__file__] * 2
    assert dse.entropy_ == pytest.approx(entropy, abs=1e-9)


@pytest.mark.parametrize(("bandwidth", "message"), [(1e-9, ISOLATED), (1e9, UNIFORM)])
def test_saturated_mutual_information_warns_once(bandwidth, message, X, y):
    dsmi = DiffusionSpectralMI(DiffusionSpectralEntropy(bandwidth=bandwidth))
    with pytest.warns(UserWarning, match=exactly(message)) as caught:
        dsmi.fit(X, y)
    assert [warning.filename for warning in caught] == [__file__]
    assert dsmi.mutual_info_ == pytest.approx(0, abs=1e-9)
    with pytest.warns(UserWarning, match=exactly(message)) as caught:
        dsmi.score(X, y)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("rule", ["auto", "median", "reduced", "knn", "adaptive"])
def test_rules_do_not_saturate(rule, X, y):
    for scale in (1e-6, 1e6):  # a warning would be an error
        dse = DiffusionSpectralEntropy(bandwidth=rule).fit(X * scale)
        assert 0.1 < dse.entropy_ < np.log2(30) - 0.1


# Subsamples
# ----------


@pytest.mark.parametrize(
    ("max_samples", "expected"),
    [(12, 12), (1, 1), (0.4, 12), (1.0, 30), (1e-9, 1), (30, 30), (31, 30), (99, 30)],
)
def test_max_samples_is_the_number_of_samples_measured(max_samples, expected, X):
    dse = DiffusionSpectralEntropy(
        bandwidth="adaptive", max_samples=max_samples, random_state=0
    ).fit(X)
    assert len(dse.eigenvalues_) == expected
    assert np.size(dse.bandwidth_) == expected
    assert dse.score(X) == pytest.approx(dse.entropy_, rel=1e-13)
    if expected == 30:
        whole = DiffusionSpectralEntropy(bandwidth="adaptive").fit(X)
        assert dse.entropy_ == whole.entropy_
