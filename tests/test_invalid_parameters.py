"""Invalid parameters: each is named in the exact message."""

import re

import numpy as np
import pytest
from messages import exactly, starts
from sklearn.preprocessing import StandardScaler

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
)

RULE_OF_BANDWIDTH = (
    "bandwidth must be a positive number or one of ['adaptive', 'auto', 'knn', "
    "'median', 'reduced']; got {}."
)
WORK_CASES = [
    ("n_jobs", "two", TypeError, "n_jobs must be an instance of int, not str."),
    ("n_jobs", 0, ValueError, "n_jobs must be None or an integer other than 0; got 0."),
    ("verbose", -1, ValueError, "verbose == -1, must be >= 0."),
    ("verbose", "no", TypeError, "verbose must be an instance of int, not str."),
]
COMMON_CASES = [
    ("normalize", "yes", TypeError, starts("normalize must be an instance of {bool")),
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
        starts("metric must be a callable or one of ['braycurtis', 'canberra', "),
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
            starts("affinity must be ") + ".*got 'rbf'.$",
        ),
        *(
            (
                "t",
                value,
                ValueError,
                "t must be a positive number or one of ['auto', 'matched']; got "
                f"{value!r}.",
            )
            for value in (0, -1, np.nan, np.inf, "knee", [1, 2])
        ),
        (
            "eigen_solver",
            "magic",
            ValueError,
            starts("eigen_solver must be one of ['arpack', 'auto', 'dense'")
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
            "t must be a positive number or one of ['auto', 'matched']; got 0.",
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
    pattern = message if is_pattern else exactly(message)
    with pytest.raises(error, match=pattern):
        estimator(**{name: value}).fit(X, y)


@pytest.mark.parametrize("estimator", CASES)
def test_every_parameter_has_an_invalid_value(estimator):
    assert {name for name, *_ in CASES[estimator]} == set(estimator().get_params())


@pytest.mark.parametrize("times", [[0.0, 1.0], [[1.0]], [-2.0]])
def test_times_of_a_curve_are_checked(times, X):
    dse = DiffusionSpectralEntropy().fit(X)
    message = f"t must be a 1d array of positive times; got {times!r}."
    with pytest.raises(ValueError, match=exactly(message)):
        dse.entropy_curve(times)
