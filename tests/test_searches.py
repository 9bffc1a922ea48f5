"""Tests of scorers in searches and other tools of scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from by_hand import MEASURES, probed, scores_by_hand, value_by_hand
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.inspection import permutation_importance
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skdse.model_selection import representation_scorer

GRID = {"pca__n_components": [1, 8]}


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(probed(), GRID, cv=2),
        GridSearchCV(probed(), GRID, cv=2, n_jobs=2),
        RandomizedSearchCV(probed(), GRID, cv=2, n_iter=2, random_state=0),
        HalvingGridSearchCV(
            probed(), GRID, cv=2, min_resources=75, factor=2, random_state=0
        ),
        HalvingRandomSearchCV(
            probed(), GRID, cv=2, min_resources=75, factor=2, random_state=0
        ),
    ],
    ids=lambda search: f"{type(search).__name__}-{search.n_jobs}",
)
def test_searches(search, routing, digits):
    X, y = digits
    search = clone(search).set_params(
        scoring=representation_scorer("dsmi"), error_score="raise"
    )
    with config_context(enable_metadata_routing=routing):
        search.fit(X, y)
        score = search.score(X, y)
    # One component keeps less of the labels than eight.
    assert search.best_params_ == {"pca__n_components": 8}
    Z = search.best_estimator_[:-1].transform(X)
    assert score == value_by_hand("dsmi", Z, X, y)


@pytest.mark.parametrize("routing", [False, True])
def test_several_scorers(routing, digits):
    X, y = digits
    cv = StratifiedKFold(2)
    scoring = {"accuracy": "accuracy"} | {
        name: representation_scorer(name) for name in MEASURES
    }
    search = GridSearchCV(
        probed(), GRID, cv=cv, scoring=scoring, refit="dsmi", error_score="raise"
    )
    with config_context(enable_metadata_routing=routing):
        search.fit(X, y)
        # Scikit-learn 1.6 fails with params=None while it routes metadata.
        results = cross_validate(probed(8), X, y, cv=cv, scoring=scoring, params={})
    assert search.best_params_ == {"pca__n_components": 8}
    for name in MEASURES:
        by_hand = scores_by_hand(name, probed(8), X, y, cv)
        assert_array_equal(results[f"test_{name}"], by_hand)
        assert search.cv_results_[f"mean_test_{name}"][1] == np.mean(by_hand)
    one, eight = search.cv_results_["mean_test_accuracy"]
    assert one < eight == results["test_accuracy"].mean()


@pytest.mark.parametrize("routing", [False, True])
def test_sample_weights_go_to_who_takes_them(routing, digits):
    X, y = digits
    pipeline, accuracy = probed(), make_scorer(accuracy_score)
    scoring = {"accuracy": accuracy, "dsmi": representation_scorer()}
    search = GridSearchCV(pipeline, GRID, cv=2, scoring=scoring, refit="dsmi")
    expected = clone(search).fit(X, y).cv_results_["mean_test_dsmi"]
    with config_context(enable_metadata_routing=routing):
        name = "clf__sample_weight"
        if routing:
            name = "sample_weight"
            pipeline["clf"].set_fit_request(sample_weight=True)
            accuracy.set_score_request(sample_weight=True)
        search.fit(X, y, **{name: np.ones(len(X))})
    assert_array_equal(search.cv_results_["mean_test_dsmi"], expected)


@pytest.mark.filterwarnings("ignore:The scoring dsmi=:UserWarning")
def test_sample_weights_of_all_scorers_do_not_reach_it(digits):
    # Scikit-learn 1.9 gives weights to those of several scorers that take them, and
    # warns of the others.
    X, y = digits
    pixels = representation_scorer(representation=lambda estimator, X: X[:, 20:40])
    search = GridSearchCV(
        RidgeClassifier(),
        {"alpha": [1.0]},
        cv=2,
        scoring={"accuracy": "accuracy", "dsmi": pixels},
        refit=False,
        error_score="raise",
    )
    search.fit(X, y, sample_weight=np.ones(len(X)))
    assert search.cv_results_["mean_test_dsmi"][0] > 0


def test_learning_and_validation_curves(digits):
    X, y = digits
    scorer = representation_scorer("dsmi")
    sizes, train, test = learning_curve(
        probed(),
        X,
        y,
        train_sizes=[50, 75],
        cv=2,
        scoring=scorer,
        shuffle=True,
        random_state=0,
        error_score="raise",
    )
    assert sizes.tolist() == [50, 75]
    assert train.shape == test.shape == (2, 2)
    assert (train > 0).all() and (test > 0).all()
    train, test = validation_curve(
        probed(),
        X,
        y,
        param_name="pca__n_components",
        param_range=[1, 8],
        cv=2,
        scoring=scorer,
        error_score="raise",
    )
    assert (test[0] < test[1]).all() and (train[0] < train[1]).all()


def test_other_takers_of_scorers(digits):
    X, y = digits
    scorer = representation_scorer("dsmi")
    pipeline = probed().fit(X, y)
    importance = permutation_importance(
        pipeline, X[:, :64], y, scoring=scorer, n_repeats=1, random_state=0
    )
    # The first pixel is the same in all digits.
    assert importance.importances_mean[0] == 0
    assert importance.importances_mean.max() > 0
    selector = SequentialFeatureSelector(
        make_pipeline(StandardScaler(), RidgeClassifier()),
        n_features_to_select=1,
        scoring=scorer,
        cv=2,
    )
    # Of noise and a copy of the labels, the copy.
    features = np.c_[np.random.default_rng(0).normal(size=len(y)), y]
    assert selector.fit(features, y).get_support().tolist() == [False, True]


def test_a_search_without_labels(digits):
    X, _ = digits
    for measure in ("dse", "dsmi_input"):
        search = GridSearchCV(
            PCA(random_state=0),
            {"n_components": [1, 8]},
            scoring=representation_scorer(measure),
            cv=KFold(2),
            error_score="raise",
        )
        assert search.fit(X).best_params_ == {"n_components": 8}


def test_data_frames_in_a_pipeline(digits):
    X, y = digits
    frame = pd.DataFrame(X).add_prefix("pixel")
    for measure in MEASURES:
        scorer = representation_scorer(measure)
        plain = cross_val_score(
            probed(), X, y, cv=2, scoring=scorer, error_score="raise"
        )
        for output in ("pandas", "polars"):
            pipeline = probed().set_output(transform=output)
            scores = cross_val_score(
                pipeline, frame, y, cv=2, scoring=scorer, error_score="raise"
            )
            assert_allclose(scores, plain, rtol=1e-9)


# The picks
# ---------


def test_the_pick_of_a_grid_on_the_digits():
    # doc/studies/representation_grid.py has a larger grid, other probes and data.
    X, y = load_digits(return_X_y=True)
    pipeline = Pipeline(
        [
            ("scaler", "passthrough"),
            ("pca", PCA(random_state=0)),
            ("kernel", Nystroem(random_state=0)),
            ("probe", KNeighborsClassifier()),
        ]
    )
    grid = {
        "scaler": [StandardScaler(), MinMaxScaler()],
        "pca__n_components": [2, 8, 32],
        "kernel__gamma": [0.001, 0.1, 1.0],
    }
    search = GridSearchCV(
        pipeline,
        grid,
        scoring={"accuracy": "accuracy", "dsmi": representation_scorer("dsmi")},
        cv=StratifiedKFold(2, shuffle=True, random_state=0),
        refit="dsmi",
        error_score="raise",
    ).fit(X, y)
    accuracy = search.cv_results_["mean_test_accuracy"]
    assert accuracy[search.best_index_] > accuracy.max() - 0.01
    # No easy grid: half of it is more than five points below.
    assert np.median(accuracy) < accuracy.max() - 0.05
