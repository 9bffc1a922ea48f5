"""Tests of representations that fitted estimators have."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder

from skdse import DiffusionSpectralMI
from skdse.probing._representation import (
    ACTIVATIONS,
    check_representation,
    hidden_activations,
    represent,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few steps are enough here
)


def scale(X):
    """Pixels from 0 to 1."""
    return X / 16


def _mlp(**params):
    """Perceptron with two hidden layers."""
    params = {"hidden_layer_sizes": (6, 5), "max_iter": 5, "random_state": 0} | params
    return MLPClassifier(**params)


def _forward(mlp, X):
    """Hidden layers of a perceptron, each sample by itself."""
    f = {
        "identity": lambda z: z,
        "logistic": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
        "relu": lambda z: np.where(z > 0, z, 0),
    }[mlp.activation]
    first, second = [], []
    for x in X:
        first.append(f(mlp.coefs_[0].T @ x + mlp.intercepts_[0]))
        second.append(f(mlp.coefs_[1].T @ first[-1] + mlp.intercepts_[1]))
    return np.array(first), np.array(second)


# What "auto" is
# --------------


def test_auto_is_what_a_transformer_gives(digits):
    X, y = digits
    for transformer in (PCA(3), KMeans(3, random_state=0, n_init=1)):
        transformer.fit(X)
        assert_array_equal(represent(transformer, X), transformer.transform(X))
    lda = LinearDiscriminantAnalysis(n_components=2).fit(X, y)
    assert_array_equal(represent(lda, X), lda.transform(X))


@pytest.mark.parametrize(
    "last",
    [
        LogisticRegression(max_iter=1000),
        LinearDiscriminantAnalysis(),  # it also transforms
        KMeans(3, random_state=0, n_init=1),
        "passthrough",
        GridSearchCV(RidgeClassifier(), {"alpha": [1, 2]}, cv=2),
        TransformedTargetRegressor(Ridge()),
        _mlp(hidden_layer_sizes=()),
    ],
    ids=str,
)
def test_auto_is_all_steps_but_a_predictor_at_the_end(last, digits):
    X, y = digits
    pipeline = make_pipeline(FunctionTransformer(scale), PCA(4), last).fit(X, y)
    assert_array_equal(represent(pipeline, X), pipeline[:2].transform(X))


@pytest.mark.parametrize("last", [PCA(4), DiffusionSpectralMI(random_state=0)])
def test_auto_is_all_steps_where_the_last_transforms(last, digits):
    X, y = digits
    pipeline = make_pipeline(FunctionTransformer(scale), last).fit(X, y)
    assert_array_equal(represent(pipeline, X), pipeline.transform(X))


def test_auto_of_a_pipeline_with_a_predictor_alone_is_its_input(digits):
    X, y = digits
    pipeline = make_pipeline(RidgeClassifier()).fit(X, y)
    assert_array_equal(represent(pipeline, X), X)


def test_auto_goes_through_pipelines_in_pipelines(digits):
    X, y = digits
    inner = make_pipeline(PCA(4), RidgeClassifier())
    pipeline = make_pipeline(FunctionTransformer(scale), inner).fit(X, y)
    expected = pipeline[1][0].transform(X / 16)
    assert_array_equal(represent(pipeline, X), expected)
    pipeline = make_pipeline(FunctionTransformer(scale), make_pipeline(PCA(4))).fit(X)
    assert_array_equal(represent(pipeline, X), pipeline.transform(X))


def test_auto_is_the_last_hidden_layer_of_a_perceptron(digits):
    X, y = digits
    mlp = _mlp().fit(X / 16, y)
    pipeline = make_pipeline(FunctionTransformer(scale), _mlp()).fit(X, y)
    _, expected = _forward(mlp, X / 16)
    assert_allclose(represent(mlp, X / 16), expected)
    assert_array_equal(represent(pipeline, X), represent(mlp, X / 16))
    nested = make_pipeline(FunctionTransformer(scale), make_pipeline(_mlp())).fit(X, y)
    assert_array_equal(represent(nested, X), represent(mlp, X / 16))


def test_a_search_stands_for_its_best_estimator(digits):
    X, y = digits
    pipeline = Pipeline([("pca", PCA(3)), ("clf", RidgeClassifier())])
    search = GridSearchCV(pipeline, {"pca__n_components": [2, 5]}, cv=2).fit(X, y)
    best = search.best_estimator_
    for representation in ("auto", "pca"):
        Z = represent(search, X, representation)
        assert_array_equal(Z, best["pca"].transform(X))
    Z = represent(search, X, "decision_function")
    assert_array_equal(Z, best.decision_function(X))


def test_frozen_and_target_transforming_estimators_are_unwrapped(digits):
    X, y = digits
    pipeline = make_pipeline(PCA(3), Ridge())
    expected = pipeline.fit(X, y)[0].transform(X)
    assert_array_equal(represent(FrozenEstimator(pipeline), X), expected)
    wrapped = TransformedTargetRegressor(pipeline).fit(X, y)
    assert_array_equal(represent(wrapped, X), expected)
    assert_array_equal(represent(FrozenEstimator(wrapped), X, "pca"), expected)


# What else there is
# ------------------


def test_a_step_is_all_steps_up_to_it(digits):
    X, y = digits
    steps = [("a", MinMaxScaler()), ("b", PCA(3)), ("c", RidgeClassifier())]
    pipeline = Pipeline(steps).fit(X, y)
    assert_array_equal(represent(pipeline, X, "a"), pipeline["a"].transform(X))
    expected = pipeline["b"].transform(pipeline["a"].transform(X))
    assert_array_equal(represent(pipeline, X, "b"), expected)
    pipeline = Pipeline([*steps[:2], ("c", "passthrough"), ("d", None)]).fit(X, y)
    for name in ("b", "c", "d"):
        assert_allclose(represent(pipeline, X, name), expected)


def test_methods(digits):
    X, y = digits
    pipeline = make_pipeline(PCA(3), LinearDiscriminantAnalysis()).fit(X, y)
    for method in ("transform", "decision_function", "predict_proba"):
        if method != "transform" or hasattr(pipeline, method):
            Z = represent(pipeline, X, method)
            assert_array_equal(Z, getattr(pipeline, method)(X))
    binary = RidgeClassifier().fit(X, y < 5)
    Z = represent(binary, X, "decision_function")
    assert_array_equal(Z, binary.decision_function(X)[:, None])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hidden_layers(activation, digits):
    X, y = digits
    for pipeline in (
        make_pipeline(FunctionTransformer(scale), _mlp(activation=activation)),
        make_pipeline(
            FunctionTransformer(scale),
            MLPRegressor(
                hidden_layer_sizes=(6, 5),
                activation=activation,
                max_iter=5,
                random_state=0,
            ),
        ),
    ):
        mlp = pipeline.fit(X, y)[-1]
        first, second = _forward(mlp, X / 16)
        for layer in (1, -2, np.int64(1)):
            assert_allclose(represent(pipeline, X, layer), first, atol=1e-12)
        for layer in (2, -1):
            assert_allclose(represent(pipeline, X, layer), second, atol=1e-12)


def test_the_layers_lead_to_the_prediction(digits):
    X, y = digits
    mlp = _mlp().fit(X, y)
    *_, last = hidden_activations(mlp, X)
    logits = last @ mlp.coefs_[-1] + mlp.intercepts_[-1]
    assert_allclose(softmax(logits, axis=1), mlp.predict_proba(X))


def test_layers_keep_float32_and_take_sparse_input(digits):
    X, y = digits
    mlp = _mlp().fit(X.astype(np.float32), y)
    assert represent(mlp, X.astype(np.float32)).dtype == np.float32
    mlp = _mlp().fit(X, y)
    assert_allclose(represent(mlp, sp.csr_array(X)), represent(mlp, X))


def test_no_hidden_layer_is_computed_by_an_unfitted_perceptron(digits):
    X, _ = digits
    with pytest.raises(NotFittedError):
        represent(_mlp(), X)
    with pytest.raises(NotFittedError):
        hidden_activations(_mlp(), X)


def test_a_callable_gets_the_estimator_as_it_is(digits):
    X, y = digits
    search = GridSearchCV(PCA(), {"n_components": [2]}, cv=2).fit(X, y)

    def first_component(estimator, samples):
        assert estimator is search and samples is X
        return estimator.transform(samples)[:, 0].tolist()

    Z = represent(search, X, first_component)
    assert_array_equal(Z, search.transform(X)[:, :1])


def test_data_frames_come_and_go(digits):
    X, y = digits
    X = pd.DataFrame(X).add_prefix("pixel")
    pipeline = make_pipeline(MinMaxScaler(), PCA(3), RidgeClassifier())
    pipeline.set_output(transform="pandas").fit(X, y)
    Z = represent(pipeline, X)
    assert type(Z) is np.ndarray
    assert_array_equal(Z, pipeline[:2].transform(X).to_numpy())


# Errors
# ------


@pytest.mark.parametrize(
    ("estimator", "representation", "options"),
    [
        (RidgeClassifier(), "auto", ["decision_function"]),
        (PCA(2), "pca", ["auto", "transform"]),
        (PCA(2), 1, ["auto", "transform"]),
        (
            make_pipeline(PCA(2), RidgeClassifier()),
            "ridgeclassifier",
            ["auto", "decision_function", "pca"],
        ),
        (_mlp(), 3, ["auto", "predict_proba", 1, -2, 2, -1]),
    ],
)
def test_what_an_estimator_does_not_have(estimator, representation, options, digits):
    X, y = digits
    message = f"one of {options}; got {representation!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        represent(estimator.fit(X, y), X, representation)


def test_nothing_is_left_to_choose():
    class Nothing(BaseEstimator):
        pass

    with pytest.raises(ValueError, match=r"of Nothing\(\), one of \[\]; got 'auto'"):
        represent(Nothing(), np.zeros((3, 2)))


@pytest.mark.parametrize("representation", [0, True, None, 1.5, ["pca"], b"pca"])
def test_what_is_no_representation(representation):
    message = (
        f"representation must be 'auto', the .* got {re.escape(f'{representation!r}')}"
    )
    with pytest.raises(ValueError, match=message):
        check_representation(representation)


@pytest.mark.parametrize("representation", ["auto", "step", 1, -2, np.int32(1), len])
def test_what_may_be_a_representation(representation):
    check_representation(representation)


def test_a_sparse_representation_is_refused(digits):
    X, y = digits
    pipeline = make_pipeline(OneHotEncoder(), RidgeClassifier()).fit(X, y)
    message = "representation='auto' gives a sparse matrix; make it dense, with a step"
    with pytest.raises(ValueError, match=message):
        represent(pipeline, X)
    pipeline = make_pipeline(OneHotEncoder(), TruncatedSVD(2), RidgeClassifier())
    assert represent(pipeline.fit(X, y), X).shape == (150, 2)


@pytest.mark.parametrize(
    ("Z", "message"),
    [
        (np.zeros((5, 2)), "n_samples=150; got shape (5, 2)."),
        (np.zeros((150, 2, 2)), "n_samples=150; got shape (150, 2, 2)."),
        (np.full((150, 2), np.nan), "NaN"),
        (np.full((150, 2), "a"), "strings"),
    ],
)
def test_what_is_no_matrix_of_the_samples(Z, message, digits):
    X, _ = digits
    with pytest.raises(ValueError, match=re.escape(message)):
        represent(PCA(), X, lambda estimator, X: Z)


def test_probabilities_of_several_outputs_are_refused(digits):
    X, y = digits
    several = MultiOutputClassifier(LogisticRegression(max_iter=1000))
    several.fit(X, np.c_[y < 5, y % 2])
    with pytest.raises(ValueError, match="representation='predict_proba' must give"):
        represent(several, X, "predict_proba")
