"""The budget of the tracker: few rows, and a standard error that holds."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs
from sklearn.neural_network import MLPClassifier

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse.probing import RepresentationTracker, layer_activations
from skdse.probing._budget import (
    MOST_REPEATS,
    MOST_SAMPLES,
    STD_ERROR,
    SteadyMutualInfo,
    let_go,
)


@pytest.fixture(scope="module")
def many():
    """More samples than are measured by default, their labels, and a perceptron."""
    X, y = make_blobs(4000, 6, centers=4, random_state=0)
    return X, y, MLPClassifier((5,), max_iter=1).partial_fit(X, y, classes=range(4))


# Repeats


@pytest.mark.parametrize("n", [60, 150, 600])
def test_repeats_are_raised_until_the_error_is_small(n):
    X, y = load_digits(return_X_y=True)
    X, y = X[:n], y[:n]
    found = SteadyMutualInfo(random_state=0).fit(X, y)
    assert 0 < found.mutual_info_std_error_ <= STD_ERROR
    # It is the plain estimator with so many repeats, and no fewer than it has.
    plain = DiffusionSpectralMI(n_repeats=found.n_repeats, random_state=0).fit(X, y)
    assert found.mutual_info_ == plain.mutual_info_
    assert found.mutual_info_std_error_ == plain.mutual_info_std_error_
    few = DiffusionSpectralMI(random_state=0).fit(X, y)
    if few.mutual_info_std_error_ <= STD_ERROR:
        assert found.n_repeats == few.n_repeats
    else:
        assert found.n_repeats > few.n_repeats


def test_an_error_that_stays_large_ends(rng):
    X = np.concatenate([rng.normal(size=(6, 2)), 50 + rng.normal(size=(6, 2))])
    found = SteadyMutualInfo(random_state=0).fit(X, np.repeat([0, 1], 6))
    assert found.n_repeats <= MOST_REPEATS


def test_stated_error_covers_other_subsets():
    X, y = load_digits(return_X_y=True)
    X, y = X[:200], y[:200]
    found = [SteadyMutualInfo(random_state=seed).fit(X, y) for seed in range(12)]
    spread = np.std([one.mutual_info_ for one in found], ddof=1)
    # The standard deviation of 12 values errs by a fifth: three of these.
    assert spread < STD_ERROR * (1 + 3 / np.sqrt(2 * 11))


def test_one_group_is_measured_once():
    X = load_digits().data[:40]
    with pytest.warns(UserWarning, match="single group") as caught:
        found = SteadyMutualInfo().fit(X, np.zeros(40))
    assert (found.mutual_info_, len(caught)) == (0, 1)


# The tracker


def test_records_have_small_errors(digits):
    mlp = MLPClassifier((8,), random_state=0).partial_fit(*digits, classes=range(10))
    for record in RepresentationTracker(X=digits[0], y=digits[1])(mlp):
        for name in ("dse", "dsmi_wide"):
            assert 0 <= record[f"{name}_std_error"] <= STD_ERROR
        # DSMI is a share of an entropy of at least a bit here.
        assert 0 <= record["dsmi_share_std_error"] <= STD_ERROR


def test_the_error_of_a_share_counts_in_bits():
    X, y = load_digits(return_X_y=True)
    X, y = X[:200], y[:200]
    bits, share = (
        SteadyMutualInfo(random_state=0, normalize=normalize).fit(X, y)
        for normalize in (False, True)
    )
    # The same subsets, drawn until the same error is small enough.
    assert bits.n_repeats == share.n_repeats > 5
    std_error = share.mutual_info_std_error_ * share.entropy_
    assert std_error == pytest.approx(bits.mutual_info_std_error_)


def test_many_samples_are_measured_in_part(many):
    X, y, mlp = many
    tracker = RepresentationTracker("dse", 1, X, y)
    first, second = (tracker(mlp, epoch)[0] for epoch in range(2))
    assert first["n_samples"] == MOST_SAMPLES
    assert first["dse"] == second["dse"]  # the same rows
    assert first["dse_std_error"] <= STD_ERROR
    Z = layer_activations(mlp, X, 1, max_samples=MOST_SAMPLES)["hidden_1"]
    exact = DiffusionSpectralEntropy(eigen_solver="dense").fit(Z).entropy_
    assert abs(first["dse"] - exact) < 3 * STD_ERROR


def test_so_many_as_are_asked_for_are_measured(many):
    X, y, mlp = many
    for max_samples, n in ((None, 4000), (3000, 3000), (50, 50)):
        tracker = RepresentationTracker(
            {"dse": DiffusionSpectralEntropy(max_samples=40)},
            1,
            X,
            y,
            max_samples=max_samples,
        )
        assert tracker(mlp)[0]["n_samples"] == n


def test_ones_own_measures_stay_as_they_are(digits):
    mlp = MLPClassifier((8,), random_state=0).partial_fit(*digits, classes=range(10))
    measures = {"few": DiffusionSpectralMI(n_repeats=2, random_state=0)}
    (record,) = RepresentationTracker(measures, 1, *digits)(mlp)
    Z = layer_activations(mlp, digits[0], 1)["hidden_1"]
    plain = DiffusionSpectralMI(n_repeats=2, random_state=0).fit(Z, digits[1])
    assert record["few"] == pytest.approx(plain.mutual_info_, abs=1e-12)
    assert record["few_std_error"] > STD_ERROR


@pytest.mark.parametrize(
    ("max_samples", "error", "message"),
    [
        ("all", ValueError, "max_samples must be one of ['auto']; got 'all'."),
        (0, ValueError, "max_samples == 0, must be >= 1."),
        (0.5, TypeError, "max_samples must be"),
    ],
)
def test_bad_max_samples(digits, max_samples, error, message):
    tracker = RepresentationTracker("dse", X=digits[0], max_samples=max_samples)
    with pytest.raises(error, match=re.escape(message)):
        tracker.initialize()


def test_other_rows_are_not_mixed(many, tmp_path):
    X, _, mlp = many
    params = {"measures": "dse", "layers": 1, "X": X, "path": tmp_path / "run.csv"}
    (before,) = RepresentationTracker(**params)(mlp, 0)
    for max_samples in (None, 2000):
        tracker = RepresentationTracker(**params, max_samples=max_samples)
        with pytest.raises(ValueError, match="other samples or parameters"):
            tracker.initialize()
    # The same rows, however they are asked for.
    for max_samples in ("auto", MOST_SAMPLES):
        tracker = RepresentationTracker(**params, max_samples=max_samples)
        (found,) = tracker.initialize().records_
        assert (found["dse"], found["seconds"]) == (before["dse"], before["seconds"])


def test_layers_are_let_go_when_the_next_is_asked_for():
    activations = {"first": 1, "second": 2}
    left = [(*pair, list(activations)) for pair in let_go(activations)]
    assert left == [("first", 1, ["first", "second"]), ("second", 2, ["second"])]
    assert not activations
