"""Activations of layers: against forward passes by hand; hooks that leave no trace."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdse.probing import layer_activations

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few steps are enough here
)


def _mlp(digits, **params):
    """Fitted perceptron with two hidden layers."""
    return MLPClassifier((8, 6), max_iter=3, random_state=0, **params).fit(*digits)


# Perceptrons of scikit-learn


def test_layers_of_a_perceptron(digits):
    X, _ = digits
    mlp = _mlp(digits)
    layers = layer_activations(mlp, X)
    first = np.maximum(0, X @ mlp.coefs_[0] + mlp.intercepts_[0])
    second = np.maximum(0, first @ mlp.coefs_[1] + mlp.intercepts_[1])
    assert list(layers) == ["hidden_1", "hidden_2", "output"]
    assert_allclose(layers["hidden_1"], first)
    assert_allclose(layers["hidden_2"], second)
    # The softmax of the output is what the perceptron predicts.
    odds = np.exp(layers["output"] - layers["output"].max(axis=1, keepdims=True))
    assert_allclose(odds / odds.sum(axis=1, keepdims=True), mlp.predict_proba(X))


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        (1, ["hidden_1"]),
        (-1, ["hidden_2"]),
        ([2, "hidden_1", -1], ["hidden_2", "hidden_1"]),
        ("hidden_*", ["hidden_1", "hidden_2"]),
        (["output", "*"], ["output", "hidden_1", "hidden_2"]),
    ],
)
def test_layers_of_a_perceptron_by_name_pattern_and_number(digits, layers, names):
    every = layer_activations(_mlp(digits), digits[0])
    chosen = layer_activations(_mlp(digits), digits[0], layers)
    assert list(chosen) == names
    for name in names:
        assert_array_equal(chosen[name], every[name])


def test_perceptron_in_a_pipeline_and_in_what_wraps_it(digits):
    X, y = digits
    pipeline = make_pipeline(
        StandardScaler(), MLPRegressor(hidden_layer_sizes=(5,), max_iter=3)
    ).fit(X, y)
    expected = layer_activations(pipeline[-1], pipeline[:-1].transform(X))
    for model in (pipeline, FrozenEstimator(pipeline)):
        layers = layer_activations(model, X)
        assert_array_equal(layers["hidden_1"], expected["hidden_1"])
        assert_allclose(layers["output"].ravel(), pipeline.predict(X))


def test_perceptron_without_hidden_layers_has_its_output(digits):
    X, y = digits
    mlp = MLPClassifier((), max_iter=3).fit(X, y)
    layers = layer_activations(mlp, X)
    assert list(layers) == ["output"]
    assert_allclose(layers["output"], X @ mlp.coefs_[0] + mlp.intercepts_[0])


def test_single_precision_stays(digits):
    X = digits[0].astype(np.float32)
    layers = layer_activations(_mlp((X, digits[1])), X)
    assert {Z.dtype for Z in layers.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        (0, ValueError, "layers must be numbers from 1 to 2, or from the last, -1, "),
        (3, ValueError, "to -2; got 3."),
        ("hidden", ValueError, "'hidden' matches none of 'hidden_1', 'hidden_2', "),
        (["hidden_1", "x*"], ValueError, "'x*' matches none of"),
        ([], ValueError, "layers must have at least one entry; got []."),
        ([1.5], TypeError, "layers must be names or patterns; got 1.5."),
    ],
)
def test_layers_that_a_perceptron_does_not_have(digits, layers, error, message):
    with pytest.raises(error, match=re.escape(message)):
        layer_activations(_mlp(digits), digits[0], layers)


def test_models_without_layers(digits):
    X, y = digits
    with pytest.raises(NotFittedError):
        layer_activations(MLPClassifier(), X)
    for model in (LogisticRegression().fit(X[:50, :2], y[:50]), object, 3):
        with pytest.raises(TypeError, match="model must be an MLPClassifier or"):
            layer_activations(model, X)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"pooling": "sum"}, ValueError, "pooling must be one of ['cls', 'flatten',"),
        ({"channels": "both"}, ValueError, "channels must be one of ['auto', 'first',"),
        ({"max_samples": 0}, ValueError, "max_samples == 0, must be >= 1."),
        ({"batch_size": 0}, ValueError, "batch_size == 0, must be >= 1."),
        ({"batch_size": True}, TypeError, "batch_size must be an integer"),
    ],
)
def test_bad_parameters(digits, params, error, message):
    with pytest.raises(error, match=re.escape(message)):
        layer_activations(_mlp(digits), digits[0], **params)
