"""Bad input and edge cases: the exact message, or the exact value."""

import re
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

import skdse._tools.validation
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
ISOLATED = (
    "Every sample sees only itself: the entropy is log2(n) whatever the data. "
    "Increase bandwidth (or bandwidth_scale), or use a rule such as 'auto'."
)
UNIFORM = (
    "Every sample sees all others alike: the entropy is 0 whatever the data. "
    "Decrease bandwidth (or bandwidth_scale), or use a rule such as 'auto'."
)
RULE_OF_BANDWIDTH = (
    "bandwidth must be a positive number or one of ['adaptive', 'auto', 'knn', "
    "'median', 'reduced']; got {}."
)


def _exactly(message):
    """Pattern that matches this message and nothing else."""
    return f"^{re.escape(message)}$"


def _starts(message):
    """Pattern of a message whose end differs with the versions of others."""
    return f"^{re.escape(message)}"


@pytest.fixture
def X(rng):
    """30 Gaussian samples in three dimensions."""
    return rng.normal(size=(30, 3))


@pytest.fixture
def y():
    """Labels of the 30 samples."""
    return np.arange(30) % 2


# Parameters
# ----------

WORK_CASES = [
    ("n_jobs", "two", TypeError, "n_jobs must be an instance of int, not str."),
    ("n_jobs", 0, ValueError, "n_jobs must be None or an integer other than 0; got 0."),
    ("verbose", -1, ValueError, "verbose == -1, must be >= 0."),
    ("verbose", "no", TypeError, "verbose must be an instance of int, not str."),
]
COMMON_CASES = [
    ("normalize", "yes", TypeError, _starts("normalize must be an instance of {bool")),
    (
        "random_state",
        "seed",
        ValueError,
        "'seed' cannot be used to seed a numpy.random.RandomState instance",
    ),
]
SAMPLE_CASES = [
    *COMMON_CASES,
    ("max_samples", 0, ValueError, "max_samples == 0, must be >= 1."),
    *(
        (
            "max_samples",
            value,
            ValueError,
            "max_samples must be None, an integer of at least 1 or a fraction in "
            f"(0, 1]; got {value!r}.",
        )
        for value in (0.0, 1.5, -0.5, np.nan, True, "all")
    ),
]
REPEAT_CASES = [
    ("n_repeats", 0, ValueError, "n_repeats == 0, must be >= 1."),
    ("n_repeats", 2.0, TypeError, "n_repeats must be an instance of int, not float."),
]
KERNEL_CASES = [
    *SAMPLE_CASES,
    *(
        ("bandwidth", value, ValueError, RULE_OF_BANDWIDTH.format(repr(value)))
        for value in (0, -1, np.nan, np.inf, True, None, "silverman")
    ),
    ("bandwidth_scale", 0, ValueError, "bandwidth_scale == 0, must be > 0."),
    (
        "bandwidth_scale",
        np.inf,
        ValueError,
        "bandwidth_scale must be a finite number; got inf.",
    ),
    (
        "bandwidth_scale",
        "2",
        TypeError,
        "bandwidth_scale must be an instance of float, not str.",
    ),
    ("bandwidth_neighbors", 0, ValueError, "bandwidth_neighbors == 0, must be >= 1."),
    (
        "bandwidth_neighbors",
        2.5,
        TypeError,
        "bandwidth_neighbors must be an instance of int, not float.",
    ),
    (
        "bandwidth_neighbors",
        True,
        TypeError,
        "bandwidth_neighbors must be an integer, not a bool; got True.",
    ),
    (
        "metric",
        "far",
        ValueError,
        _starts("metric must be a callable or one of ['braycurtis', 'canberra', "),
    ),
    (
        "metric",
        "precomputed",
        ValueError,
        re.escape(
            "got 'precomputed'. For distances or affinities of your own, pass the "
            "affinity matrix as X with affinity='precomputed'."
        )
        + "$",
    ),
]
ALPHA_CASES = [
    ("alpha", -0.1, ValueError, "alpha == -0.1, must be >= 0."),
    ("alpha", 1.5, ValueError, "alpha == 1.5, must be <= 1."),
    ("alpha", np.nan, ValueError, "alpha must be a number from 0 to 1; got nan."),
    ("alpha", "half", TypeError, "alpha must be an instance of float, not str."),
]
NEIGHBOR_CASES = [
    ("n_neighbors", 0, ValueError, "n_neighbors == 0, must be >= 1."),
    (
        "n_neighbors",
        3.0,
        TypeError,
        "n_neighbors must be an instance of int, not float.",
    ),
]
CASES = {
    DiffusionSpectralEntropy: [
        *KERNEL_CASES,
        *REPEAT_CASES,
        *ALPHA_CASES,
        *NEIGHBOR_CASES,
        *WORK_CASES,
        (
            "affinity",
            "rbf",
            ValueError,
            _starts("affinity must be ") + ".*got 'rbf'.$",
        ),
        *(
            (
                "t",
                value,
                ValueError,
                f"t must be a positive number or one of ['auto']; got {value!r}.",
            )
            for value in (0, -1, np.nan, np.inf, "knee", [1, 2])
        ),
        (
            "eigen_solver",
            "magic",
            ValueError,
            _starts("eigen_solver must be one of ['arpack', 'auto', 'dense'")
            + ".*; got 'magic'.$",
        ),
        ("n_components", 0, ValueError, "n_components == 0, must be >= 1."),
        (
            "n_components",
            0.5,
            TypeError,
            "n_components must be an instance of int, not float.",
        ),
        ("tol", 0, ValueError, "tol == 0, must be > 0."),
    ],
    DiffusionSpectralMI: [
        *SAMPLE_CASES,
        *WORK_CASES,
        *(
            (
                "estimator",
                value,
                TypeError,
                "estimator must be an entropy estimator with fit and score; "
                f"got {value!r}.",
            )
            for value in ("dse", DiffusionSpectralEntropy, StandardScaler())
        ),
        (
            "estimator",
            DiffusionSpectralEntropy(t=0),
            ValueError,
            "t must be a positive number or one of ['auto']; got 0.",
        ),
        (
            "target",
            "labels",
            ValueError,
            "target must be one of ['auto', 'continuous', 'discrete']; got 'labels'.",
        ),
        ("n_groups", 1, ValueError, "n_groups == 1, must be >= 2."),
        ("n_groups", 3.0, TypeError, "n_groups must be an instance of int, not float."),
        (
            "clusterer",
            "kmeans",
            ValueError,
            "clusterer must be one of ['quantile', 'uniform']; got 'kmeans'.",
        ),
        (
            "clusterer",
            3,
            TypeError,
            "clusterer must be None, one of ['quantile', 'uniform'] or a clusterer "
            "with fit_predict; got 3.",
        ),
        *REPEAT_CASES,
    ],
    ShannonEntropy: [
        *SAMPLE_CASES,
        ("n_bins", 0, ValueError, "n_bins == 0, must be >= 1."),
        ("n_bins", "auto", TypeError, "n_bins must be an instance of int, not str."),
        (
            "bin_range",
            "all",
            ValueError,
            "bin_range must be one of ['each', 'fitted']; got 'all'.",
        ),
    ],
    MatrixEntryEntropy: [*KERNEL_CASES, *ALPHA_CASES],
    AdjacencySpectralEntropy: [
        *KERNEL_CASES,
        *NEIGHBOR_CASES,
        (
            "adjacency",
            "knn",
            ValueError,
            "adjacency must be one of ['anisotropic', 'gaussian', "
            "'nearest_neighbors']; got 'knn'.",
        ),
    ],
}


@pytest.mark.parametrize(
    ("estimator", "name", "value", "error", "message"),
    [(estimator, *case) for estimator, cases in CASES.items() for case in cases],
)
def test_invalid_parameter_is_named(estimator, name, value, error, message, X, y):
    is_pattern = message.startswith("^") or message.endswith("$")
    pattern = message if is_pattern else _exactly(message)
    with pytest.raises(error, match=pattern):
        estimator(**{name: value}).fit(X, y)


@pytest.mark.parametrize("estimator", CASES)
def test_every_parameter_has_an_invalid_value(estimator):
    assert {name for name, *_ in CASES[estimator]} == set(estimator().get_params())


@pytest.mark.parametrize("times", [[0.0, 1.0], [[1.0]], [-2.0]])
def test_times_of_a_curve_are_checked(times, X):
    dse = DiffusionSpectralEntropy().fit(X)
    message = f"t must be a 1d array of positive times; got {times!r}."
    with pytest.raises(ValueError, match=_exactly(message)):
        dse.entropy_curve(times)


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


# Precomputed affinities
# ----------------------

PRECOMPUTED = DiffusionSpectralEntropy(affinity="precomputed")
BAD_AFFINITIES = [
    (
        np.ones((3, 4)),
        "{} must be a square matrix; got shape (3, 4).",
    ),
    (
        np.array([[1.0, 0.5], [0.25, 1.0]]),
        "{} must be symmetric; it differs from its transpose by up to 0.25. "
        "Symmetrise it, for instance with (A + A.T) / 2.",
    ),
    (
        np.array([[1.0, -0.5], [-0.5, 1.0]]),
        "Negative values in data: {} must have none; its smallest is -0.5.",
    ),
]


@pytest.mark.parametrize(("affinity", "message"), BAD_AFFINITIES)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_bad_precomputed_affinity_is_refused(affinity, message, container):
    message = message.format("X, the precomputed affinity,")
    with pytest.raises(ValueError, match=_exactly(message)):
        clone(PRECOMPUTED).fit(container(affinity))
    dsmi = DiffusionSpectralMI(PRECOMPUTED)
    with pytest.raises(ValueError, match=_exactly(message)):
        dsmi.fit(container(affinity), np.zeros(len(affinity)))


@pytest.mark.parametrize(("affinity", "message"), BAD_AFFINITIES)
def test_bad_affinity_of_a_callable_is_refused(affinity, message):
    message = message.format("the result of the affinity callable")
    dse = DiffusionSpectralEntropy(affinity=lambda X: affinity)
    with pytest.raises(ValueError, match=_exactly(message)):
        dse.fit(np.arange(len(affinity))[:, None])


def test_callable_must_return_an_affinity_of_all_samples(X):
    dse = DiffusionSpectralEntropy(affinity=lambda X: np.eye(4))
    message = (
        "the result of the affinity callable must have shape (30, 30); got (4, 4)."
    )
    with pytest.raises(ValueError, match=_exactly(message)):
        dse.fit(X)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csr_matrix])
def test_zero_row_of_an_affinity_is_an_isolated_sample(container):
    # Two samples with P = [[2, 1], [1, 2]] / 3, so λ = 1 and 1/3; and one alone, λ = 1.
    G = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.0]])
    given = container(G)
    dse = clone(PRECOMPUTED).fit(given)
    assert_allclose(dse.eigenvalues_, [1, 1, 1 / 3], rtol=1e-12)
    p = np.array([3, 3, 1]) / 7
    assert dse.entropy_ == pytest.approx(-p @ np.log2(p))
    assert given[2, 2] == 0  # the caller's matrix stays


@pytest.mark.parametrize("n", [2, 5])
def test_precomputed_affinity_of_other_samples_is_scored(n):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=re.escape(ISOLATED))
        dse = clone(PRECOMPUTED).fit(np.eye(4))
        assert dse.score(np.eye(n)) == pytest.approx(np.log2(n))


# Targets
# -------


def test_lengths_of_samples_and_labels_must_agree(X, y):
    message = "Found input variables with inconsistent numbers of samples: [30, 29]"
    with pytest.raises(ValueError, match=_exactly(message)):
        DiffusionSpectralMI().fit(X, y[:-1])
    with pytest.raises(ValueError, match=_exactly(message)):
        DiffusionSpectralMI().fit(X, y).score(X, y[:-1])


def test_mutual_information_needs_a_target(X, y):
    message = "DiffusionSpectralMI requires y to be passed, but the target y is None."
    with pytest.raises(ValueError, match=_exactly(message)):
        DiffusionSpectralMI().fit(X, None)
    with pytest.raises(ValueError, match=_exactly(message)):
        DiffusionSpectralMI().fit(X, y).score(X, None)


@pytest.mark.parametrize("target", ["auto", "discrete", "continuous"])
def test_missing_labels_are_refused(target, X):
    y = np.where(np.arange(30) == 7, np.nan, np.arange(30) / 8)
    message = "y contains NaN; give every sample a value."
    with pytest.raises(ValueError, match=_exactly(message)):
        DiffusionSpectralMI(target=target).fit(X, y)


def test_single_group_has_no_mutual_information(X):
    message = "y has a single group: the mutual information is 0."
    with pytest.warns(UserWarning, match=_exactly(message)) as caught:
        dsmi = DiffusionSpectralMI().fit(X, np.zeros(30))
    assert [warning.filename for warning in caught] == [__file__]
    assert dsmi.mutual_info_ == dsmi.mutual_info_std_error_ == 0
    assert_array_equal(dsmi.groups_, [0])


def test_groups_of_one_sample_have_no_mutual_information(X):
    dsmi = DiffusionSpectralMI(target="discrete").fit(X, np.arange(30))
    assert dsmi.mutual_info_ == dsmi.entropy_ == 0
    assert_array_equal(dsmi.group_entropies_, np.zeros(30))


def test_more_groups_than_samples_are_refused(X):
    message = (
        "n_groups must be at most the number of samples; got n_groups=31 and "
        "n_samples=30."
    )
    with pytest.raises(ValueError, match=_exactly(message)):
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
    with pytest.warns(UserWarning, match=_exactly(message)) as caught:
        dse.fit(X)
        dse.score(X)
    assert [warning.filename for warning in caught] == [__file__] * 2
    assert dse.entropy_ == pytest.approx(entropy, abs=1e-9)


@pytest.mark.parametrize(("bandwidth", "message"), [(1e-9, ISOLATED), (1e9, UNIFORM)])
def test_saturated_mutual_information_warns_once(bandwidth, message, X, y):
    dsmi = DiffusionSpectralMI(DiffusionSpectralEntropy(bandwidth=bandwidth))
    with pytest.warns(UserWarning, match=_exactly(message)) as caught:
        dsmi.fit(X, y)
    assert [warning.filename for warning in caught] == [__file__]
    assert dsmi.mutual_info_ == pytest.approx(0, abs=1e-9)
    with pytest.warns(UserWarning, match=_exactly(message)) as caught:
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


@pytest.mark.parametrize("container", [np.array, sp.csr_array])
def test_subset_of_a_graph_may_have_isolated_samples(container):
    # A star of leaves without edges among them, and of four that have all: there
    # P = (J - I) / 3, so λ = 1 and three times -1/3.
    G = np.zeros((9, 9))
    G[0, 1:] = G[1:, 0] = 1
    G[5:, 5:] = 1 - np.eye(4)
    y = [0, 1, 1, 1, 1, 2, 2, 2, 2]
    dsmi = DiffusionSpectralMI(PRECOMPUTED, random_state=0).fit(container(G), y)
    expected = [0, 2, 0.5 + 0.5 * np.log2(6)]
    assert_allclose(dsmi.group_entropies_, expected, atol=1e-12)
    assert np.isfinite(dsmi.mutual_info_)


def test_subsample_of_a_precomputed_affinity_takes_rows_and_columns(X):
    G = np.exp(-(np.linalg.norm(X[:, None] - X, axis=2) ** 2) / 2)
    options = {"max_samples": 12, "random_state": 0}
    whole = DiffusionSpectralEntropy(bandwidth=1.0, **options).fit(X)
    dse = clone(PRECOMPUTED).set_params(**options)
    for given in (G, sp.csr_array(G)):
        assert dse.fit(given).entropy_ == pytest.approx(whole.entropy_, rel=1e-9)


# Memory
# ------


@pytest.fixture
def one_gibibyte(monkeypatch):
    """Let one GiB be what the machine has left."""
    monkeypatch.setattr(skdse._tools.validation, "available_memory", lambda: 2**30)


@pytest.mark.parametrize(
    "estimator",
    [
        DiffusionSpectralEntropy(bandwidth=1.0, eigen_solver="arpack"),
        DiffusionSpectralEntropy(bandwidth=1.0, eigen_solver="dense"),
        MatrixEntryEntropy(bandwidth=1.0),
        AdjacencySpectralEntropy(bandwidth=1.0),
        AdjacencySpectralEntropy("nearest_neighbors", bandwidth=1.0),
    ],
    ids=str,
)
def test_dense_problem_that_does_not_fit_names_the_way_out(estimator, one_gibibyte):
    X = np.linspace(0, 1, 20_000)[:, None]
    tracemalloc.start()
    try:
        with pytest.raises(MemoryError) as caught:
            clone(estimator).fit(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**24  # nothing of 20,000 x 20,000 was made
    match = re.fullmatch(
        r"A dense 20000 x 20000 affinity needs (\S+) GiB with its working copies, "
        r"1\.0 GiB are available\. Use .*max_samples=(\d+) would fit\.",
        str(caught.value),
    )
    n_matrices = float(match[1]) / (20_000**2 * 8 / 2**30)
    assert n_matrices == pytest.approx(round(n_matrices), rel=0.05)
    assert round(n_matrices) * int(match[2]) ** 2 * 8 <= 2**30


def test_what_is_said_to_fit_does(monkeypatch, X):
    monkeypatch.setattr(skdse._tools.validation, "available_memory", lambda: 5000)
    dse = DiffusionSpectralEntropy(eigen_solver="dense")
    with pytest.raises(MemoryError) as caught:
        dse.fit(X)
    fitting = int(re.search(r"max_samples=(\d+)", str(caught.value))[1])
    assert len(dse.set_params(max_samples=fitting).fit(X).eigenvalues_) == fitting
    with pytest.raises(MemoryError):
        dse.set_params(max_samples=fitting + 1).fit(X)


@pytest.mark.parametrize("eigen_solver", ["auto", "arpack"])
def test_graph_of_many_samples_makes_no_dense_matrix(eigen_solver, rng):
    n = 6000
    X = rng.normal(size=(n, 4)).astype(np.float32)
    dse = DiffusionSpectralEntropy(
        eigen_solver=eigen_solver, n_components=4, tol=0.1, random_state=0, **NEAREST
    )
    tracemalloc.start()
    try:
        dse.fit(X)
        dse.score(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < n * n * 8 / 4
    lower, upper = dse.entropy_interval_
    assert 0 < lower < dse.entropy_ < upper < np.log2(n)
