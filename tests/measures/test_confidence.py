"""Confidence interval of mutual information by subsampling."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    ShannonEntropy,
    mutual_info_confidence_interval,
)
from skdse._measures.confidence import ConfidenceInterval
from skdse._measures.subsets import stratified_rows

FAST = DiffusionSpectralMI(n_jobs=1)


def clusters(seed, n=90, distance=3.0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return distance * np.eye(3, 5)[y] + rng.normal(size=(n, 5)), y


def test_the_interval_is_the_jackknife_by_definition():
    # With halves the factor m / (n - m) is 1: the standard error is the standard
    # deviation over halves, the interval ± 1.96 of them.
    X, y = clusters(0)
    found = mutual_info_confidence_interval(X, y, n_subsamples=8, random_state=0)
    rng = np.random.RandomState(0)
    values = []
    for _ in range(8):
        rows = stratified_rows(y, 45, rng)
        half = DiffusionSpectralMI(random_state=rng.randint(2**31 - 1))
        values.append(half.fit(X[rows], y[rows]).mutual_info_)
    error = np.std(values, ddof=1)
    assert found.statistic == DiffusionSpectralMI(random_state=0).fit(X, y).mutual_info_
    assert found.std_error == pytest.approx(error)
    assert found.high - found.statistic == pytest.approx(1.959964 * error)
    assert found.statistic - found.low == pytest.approx(1.959964 * error)
    assert found.n_samples_each == 45


def test_the_standard_error_is_that_of_samples_drawn_anew():
    # The oracle: the spread of DSMI over independent samples.
    drawn = [clusters(seed) for seed in range(40)]
    fitted = [DiffusionSpectralMI(random_state=0, n_jobs=1).fit(*one) for one in drawn]
    spread = np.std([one.mutual_info_ for one in fitted], ddof=1)
    stated = [
        mutual_info_confidence_interval(
            *one, estimator=FAST, n_subsamples=20, random_state=0
        ).std_error
        for one in drawn[:8]
    ]
    assert 0.6 * spread < np.mean(stated) < 2 * spread


def test_a_higher_level_gives_a_wider_interval():
    X, y = clusters(1)
    few = {"estimator": FAST, "n_subsamples": 5, "random_state": 0}
    narrow = mutual_info_confidence_interval(X, y, confidence_level=0.5, **few)
    wide = mutual_info_confidence_interval(X, y, confidence_level=0.99, **few)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert wide.std_error == narrow.std_error


def test_the_seed_decides():
    X, y = clusters(2)
    first, again, other = (
        mutual_info_confidence_interval(X, y, n_subsamples=3, random_state=seed)
        for seed in (0, 0, 1)
    )
    assert first == again != other
    assert isinstance(first, ConfidenceInterval)


@pytest.mark.parametrize(
    "entropy",
    [
        ShannonEntropy(),
        DiffusionSpectralEntropy(bandwidth="median", max_samples=10),
        DiffusionSpectralEntropy(affinity="precomputed"),
    ],
)
def test_other_entropies_and_shares(entropy):
    X, y = clusters(3)
    if getattr(entropy, "affinity", "") == "precomputed":
        X = np.exp(-np.square(X[:, None] - X).sum(axis=2) / 8)
    estimator = DiffusionSpectralMI(entropy, normalize=True, n_jobs=1)
    found = mutual_info_confidence_interval(
        X, y, estimator=estimator, n_subsamples=4, random_state=0
    )
    assert found.low < found.statistic < found.high < 1.5
    assert estimator.random_state is None


def test_a_continuous_target_is_grouped_once():
    X, _ = load_digits(return_X_y=True)
    found = mutual_info_confidence_interval(
        X[:80],
        X[:80, 20] + 0.1 * np.arange(80),
        estimator=DiffusionSpectralMI(n_groups=4),
        n_subsamples=3,
        random_state=0,
    )
    assert found.n_samples_each == 40


@pytest.mark.filterwarnings("ignore:Most groups have so few samples")
def test_groups_of_one_sample_have_no_error():
    found = mutual_info_confidence_interval(
        np.arange(6.0)[:, None], np.arange(6), n_subsamples=2, random_state=0
    )
    assert found.statistic == found.low == found.high == 0
    assert found.std_error == 0


@pytest.mark.parametrize("level", [0, 1, -0.1, 95, True, "0.95", None])
def test_bad_levels(level):
    with pytest.raises(ValueError, match="confidence_level must be a number between"):
        mutual_info_confidence_interval(*clusters(0), confidence_level=level)


def test_bad_parameters():
    X, y = clusters(0)
    with pytest.raises(ValueError, match="n_subsamples"):
        mutual_info_confidence_interval(X, y, n_subsamples=1)
    with pytest.raises(TypeError, match="estimator must be a DiffusionSpectralMI"):
        mutual_info_confidence_interval(X, y, estimator=ShannonEntropy())
    with pytest.raises(ValueError, match=r"without max_samples; got max_samples=0\.5"):
        mutual_info_confidence_interval(
            X, y, estimator=DiffusionSpectralMI(max_samples=0.5)
        )
