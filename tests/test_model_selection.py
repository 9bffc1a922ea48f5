"""Tests of scorers of representations and of their ranking."""

import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score, check_scoring, make_scorer
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
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    ShannonEntropy,
    mutual_info_permutation_test,
)
from skdse.model_selection import representation_scorer, select_representation

MEASURES = ("dse", "dsmi", "dsmi_input")


def _pipeline(n_components=5):
    """Components and a probe."""
    return Pipeline(
        [
            ("scale", MinMaxScaler()),
            ("pca", PCA(n_components, random_state=0)),
            ("clf", LogisticRegression(max_iter=1000)),
        ]
    )


def _ready(**params):
    """Mutual information as the ready measures have it."""
    return DiffusionSpectralMI(**params)


def _by_hand(measure, Z, X, y):
    """Value of a ready measure from the estimators themselves."""
    if measure == "dse":
        return DiffusionSpectralEntropy(random_state=0).fit(Z).entropy_
    if measure == "dsmi":
        return _ready(random_state=0).fit(Z, y).mutual_info_
    return _ready(target="continuous", random_state=0).fit(Z, X).mutual_info_


def _scores_by_hand(measure, estimator, X, y, cv):
    """Value on each test fold of the representation fitted to the rest."""
    scores = []
    for train, test in cv.split(X, y):
        fitted = clone(estimator).fit(X[train], y[train])
        scores.append(
            _by_hand(measure, fitted[:-1].transform(X[test]), X[test], y[test])
        )
    return scores


# Scorers: what they return
# -------------------------


@pytest.mark.parametrize("measure", MEASURES)
def test_a_score_is_the_measure_of_the_representation(measure, digits):
    X, y = digits
    pipeline = _pipeline().fit(X, y)
    score = representation_scorer(measure)(pipeline, X, y)
    assert type(score) is float
    assert score == _by_hand(measure, pipeline[:-1].transform(X), X, y)


@pytest.mark.parametrize("measure", MEASURES)
def test_cross_validation_measures_held_out_samples(measure, digits):
    X, y = digits
    cv = StratifiedKFold(2)
    scores = cross_val_score(
        _pipeline(),
        X,
        y,
        cv=cv,
        scoring=representation_scorer(measure),
        error_score="raise",
    )
    assert_array_equal(scores, _scores_by_hand(measure, _pipeline(), X, y, cv))


@pytest.mark.parametrize(
    "measure",
    [
        DiffusionSpectralMI(n_repeats=2, normalize=True, random_state=3),
        DiffusionSpectralMI(ShannonEntropy(4), random_state=3),
    ],
)
def test_a_measure_of_ones_own_with_y(measure, digits):
    X, y = digits
    pca = PCA(2).fit(X)
    score = representation_scorer(measure)(pca, X, y)
    assert score == clone(measure).fit(pca.transform(X), y).mutual_info_
    assert not hasattr(measure, "mutual_info_")


@pytest.mark.parametrize(
    "measure", [DiffusionSpectralEntropy(normalize=True), ShannonEntropy(4)]
)
def test_an_entropy_of_ones_own(measure, digits):
    X, _ = digits
    pca = PCA(2).fit(X)
    score = representation_scorer(measure)(pca, X)
    assert score == clone(measure).fit(pca.transform(X)).entropy_


def test_any_estimator_with_fit_and_score_measures(digits):
    X, y = digits
    pca = PCA(2).fit(X)
    Z = pca.transform(X)
    density = representation_scorer(KernelDensity(bandwidth=2.0))
    assert density(pca, X) == KernelDensity(bandwidth=2.0).fit(Z).score(Z)
    probe = representation_scorer(RidgeClassifier())
    assert probe(pca, X, y) == RidgeClassifier().fit(Z, y).score(Z, y)


def test_mutual_information_with_the_input_for_a_measure_of_ones_own(digits):
    X, y = digits
    dsmi = DiffusionSpectralMI(n_groups=4, target="continuous")
    pca = PCA(2).fit(X)
    score = representation_scorer(dsmi, against="X")(pca, X, y)
    fitted = dsmi.set_params(random_state=0).fit(pca.transform(X), X)
    assert len(fitted.groups_) == 4
    assert score == fitted.mutual_info_


def test_against_overrides_the_ready_measures(digits):
    X, y = digits
    pca = PCA(2).fit(X)
    swapped = representation_scorer("dsmi_input", against="y")
    expected = _ready(random_state=0).fit(pca.transform(X), y)
    assert swapped(pca, X, y) != representation_scorer("dsmi_input")(pca, X, y)
    assert_allclose(
        representation_scorer("dsmi", against="y")(pca, X, y), expected.mutual_info_
    )


def test_input_may_be_images(digits):
    X, _ = digits

    class Flatten(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X.reshape(len(X), -1)

    scorer = representation_scorer("dsmi_input")
    flat = scorer(PCA(64).fit(X), X)
    assert_allclose(scorer(Flatten(), X.reshape(-1, 8, 8)), flat, atol=0.1)


def test_layers_methods_and_steps(digits):
    X, y = digits
    scaled = MinMaxScaler().fit_transform(X)
    mlp = MLPClassifier((8, 4), solver="lbfgs", max_iter=500, random_state=0)
    mlp.fit(scaled, y)
    hidden = np.maximum(scaled @ mlp.coefs_[0] + mlp.intercepts_[0], 0)
    for representation, Z in (
        (1, hidden),
        ("predict_proba", mlp.predict_proba(scaled)),
    ):
        score = representation_scorer("dsmi", representation=representation)
        assert_allclose(score(mlp, scaled, y), _by_hand("dsmi", Z, scaled, y))
    pipeline = _pipeline().fit(X, y)
    score = representation_scorer("dse", representation="scale")
    assert score(pipeline, X) == _by_hand("dse", pipeline["scale"].transform(X), X, y)


# Scorers: seeds
# --------------


def test_a_score_is_the_same_each_time_by_default(digits):
    X, y = digits
    pca = PCA(2).fit(X)
    scorer = representation_scorer("dsmi")
    assert scorer(pca, X, y) == scorer(pca, X, y)
    free = representation_scorer("dsmi", random_state=None)
    assert free(pca, X, y) != free(pca, X, y)
    running = representation_scorer("dsmi", random_state=np.random.RandomState(0))
    assert running(pca, X, y) != running(pca, X, y)


def test_seeds_reach_what_is_inside_and_keep_those_that_are_set(digits):
    X, y = digits
    dsmi = DiffusionSpectralMI(
        ShannonEntropy(random_state=5),
        target="continuous",
        clusterer=KMeans(3, n_init=1),
        random_state=7,
    )
    seen = []

    class Spy(DiffusionSpectralMI):
        def fit(self, X, y):
            seen.append(self.get_params())
            return super().fit(X, y)

    spy = Spy(**dsmi.get_params(deep=False))
    representation_scorer(spy, against="X", random_state=3)(PCA(2).fit(X), X, y)
    assert seen[0]["random_state"] == 7
    assert seen[0]["estimator__random_state"] == 5
    assert seen[0]["clusterer__random_state"] == 3
    assert spy.clusterer.random_state is None


# Scorers as objects
# ------------------

SCORERS = [
    representation_scorer(),
    representation_scorer("dse", representation="pca"),
    representation_scorer(DiffusionSpectralMI(n_repeats=2), against="X"),
]


@pytest.mark.parametrize("scorer", SCORERS, ids=repr)
def test_pickled_and_cloned_scorers_score_alike(scorer, digits):
    X, y = digits
    pipeline = _pipeline().fit(X, y)
    score = scorer(pipeline, X, y)
    assert pickle.loads(pickle.dumps(scorer))(pipeline, X, y) == score
    assert clone(scorer)(pipeline, X, y) == score
    search = clone(GridSearchCV(_pipeline(), {}, scoring=scorer))
    assert search.scoring(pipeline, X, y) == score


@pytest.mark.parametrize("scorer", SCORERS, ids=repr)
def test_the_representation_of_a_scorer_makes_it_again(scorer):
    names = {
        "representation_scorer": representation_scorer,
        "DiffusionSpectralMI": DiffusionSpectralMI,
    }
    again = eval(repr(scorer), names)
    assert repr(again) == repr(scorer)
    assert repr(scorer).startswith("representation_scorer(")


def test_scikit_learn_takes_it_for_a_scorer():
    scorer = representation_scorer()
    assert check_scoring(_pipeline(), scorer) is scorer


# Searches
# --------

GRID = {"pca__n_components": [1, 8]}


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(_pipeline(), GRID, cv=2),
        GridSearchCV(_pipeline(), GRID, cv=2, n_jobs=2),
        RandomizedSearchCV(_pipeline(), GRID, cv=2, n_iter=2, random_state=0),
        HalvingGridSearchCV(
            _pipeline(), GRID, cv=2, min_resources=75, factor=2, random_state=0
        ),
        HalvingRandomSearchCV(
            _pipeline(), GRID, cv=2, min_resources=75, factor=2, random_state=0
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
    assert score == _by_hand("dsmi", Z, X, y)


@pytest.mark.parametrize("routing", [False, True])
def test_several_scorers(routing, digits):
    X, y = digits
    cv = StratifiedKFold(2)
    scoring = {"accuracy": "accuracy"} | {
        name: representation_scorer(name) for name in MEASURES
    }
    search = GridSearchCV(
        _pipeline(), GRID, cv=cv, scoring=scoring, refit="dsmi", error_score="raise"
    )
    with config_context(enable_metadata_routing=routing):
        search.fit(X, y)
        # Scikit-learn 1.6 fails with params=None while it routes metadata.
        results = cross_validate(_pipeline(8), X, y, cv=cv, scoring=scoring, params={})
    assert search.best_params_ == {"pca__n_components": 8}
    for name in MEASURES:
        by_hand = _scores_by_hand(name, _pipeline(8), X, y, cv)
        assert_array_equal(results[f"test_{name}"], by_hand)
        assert search.cv_results_[f"mean_test_{name}"][1] == np.mean(by_hand)
    one, eight = search.cv_results_["mean_test_accuracy"]
    assert one < eight == results["test_accuracy"].mean()


@pytest.mark.parametrize("routing", [False, True])
def test_sample_weights_go_to_who_takes_them(routing, digits):
    X, y = digits
    pipeline, accuracy = _pipeline(), make_scorer(accuracy_score)
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
        _pipeline(),
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
        _pipeline(),
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
    pipeline = _pipeline().fit(X, y)
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
            _pipeline(), X, y, cv=2, scoring=scorer, error_score="raise"
        )
        for output in ("pandas", "polars"):
            pipeline = _pipeline().set_output(transform=output)
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


# Errors of scorers
# -----------------


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"measure": "mi"}, ValueError, "measure must be one of ['dse', 'dsmi', 'dsmi"),
        ({"measure": 3}, TypeError, "measure must be one of"),
        ({"measure": DiffusionSpectralMI}, TypeError, "fit and score; got <class"),
        ({"measure": MinMaxScaler()}, TypeError, "got MinMaxScaler()."),
        ({"representation": None}, ValueError, "representation must be 'auto'"),
        ({"against": "Z"}, ValueError, "against must be one of ['X', 'y']; got 'Z'."),
        ({"random_state": "a"}, ValueError, "'a' cannot be used to seed"),
    ],
)
def test_parameters_are_checked_at_once(params, error, message):
    with pytest.raises(error, match=re.escape(message)):
        representation_scorer(**params)


def test_mutual_information_needs_y(digits):
    X, _ = digits
    message = "measure='dsmi' needs y; got y=None. Without labels, use measure='dse'"
    with pytest.raises(ValueError, match=re.escape(message)):
        representation_scorer("dsmi")(PCA(2).fit(X), X)


@pytest.mark.parametrize("X", [sp.eye_array(6).tocsr(), [["a"], ["b"]], [[np.nan]] * 3])
def test_mutual_information_with_an_input_that_is_no_matrix(X):
    scorer = representation_scorer("dsmi_input")
    with pytest.raises(ValueError, match="mutual information with the input needs"):
        scorer(PCA(1), X)


def test_the_error_of_a_representation_arrives(digits):
    X, y = digits
    with pytest.raises(ValueError, match="got 'umap'"):
        representation_scorer("dsmi", representation="umap")(PCA(2).fit(X), X, y)


# Ranking representations
# -----------------------


def _candidates(X):
    """Four representations, from best to worst."""
    rng = np.random.default_rng(0)
    return {
        "noise": rng.normal(size=(len(X), 5)),
        "components": PCA(8, random_state=0),
        "one": PCA(1, random_state=0),
        "pipeline": make_pipeline(MinMaxScaler(), PCA(3), RidgeClassifier()),
    }


def test_ranking(digits):
    X, y = digits
    candidates = _candidates(X)
    ranking = select_representation(candidates, X, y, random_state=0)
    assert ranking.name.tolist() == ["components", "pipeline", "one", "noise"]
    assert ranking.rank.tolist() == [1, 2, 3, 4]
    assert (np.diff(ranking.dsmi) < 0).all()
    assert ranking.n_features.tolist() == [8, 3, 1, 5]
    assert (ranking.pvalue[:3] < 0.01).all() and ranking.pvalue[3] > 0.05
    assert (ranking.fit_time[:3] > 0).all() and (ranking.score_time > 0).all()
    # Candidates stay as they are.
    assert not hasattr(candidates["components"], "components_")


def test_values_of_the_ranking_are_those_of_the_parts(digits):
    X, y = digits
    ranking = select_representation(_candidates(X), X, y, random_state=3)
    fitted = PCA(8, random_state=0).fit(X)
    dsmi = _ready(random_state=3).fit(fitted.transform(X), y)
    test = mutual_info_permutation_test(
        fitted.transform(X), y, estimator=dsmi, random_state=3
    )
    assert ranking.dsmi[0] == test.statistic == dsmi.mutual_info_
    assert ranking.std_error[0] == test.std_error == dsmi.mutual_info_std_error_
    assert ranking.pvalue[0] == test.pvalue


def test_the_ranking_is_a_table(digits):
    X, y = digits
    ranking = select_representation(_candidates(X), X, y, n_permutations=0)
    columns = "rank name dsmi std_error pvalue n_features fit_time score_time".split()
    table = pd.DataFrame(ranking)
    assert table.columns.tolist() == list(ranking) == columns
    assert len(table) == 4
    assert pl.DataFrame(dict(ranking)).columns == columns
    assert np.isnan(ranking.pvalue).all()


def test_equal_candidates_have_one_rank(digits):
    X, y = digits
    ranking = select_representation(
        {"a": X[:, :9], "b": X, "c": X}, X, y, n_permutations=0
    )
    assert ranking.name.tolist() == ["b", "c", "a"]
    assert ranking.rank.tolist() == [1, 1, 3]


@pytest.mark.parametrize(
    ("measure", "target"),
    [("dsmi_input", "X"), (_ready(n_groups=4), "vectors")],
)
def test_targets_are_grouped_once(measure, target, digits):
    X, y = digits
    y = None if target == "X" else X[:, 20:30]
    candidates = {"a": PCA(4, random_state=0), "b": PCA(2, random_state=0)}
    ranking = select_representation(
        candidates, X, y, measure=measure, n_permutations=0, random_state=0
    )
    n_groups = 10 if target == "X" else 4
    dsmi = _ready(target="continuous", n_groups=n_groups, random_state=0)
    for name, value in zip(ranking.name, ranking.dsmi, strict=True):
        Z = clone(candidates[name]).fit_transform(X)
        # PCA gives the samples that it was fitted to back with other last digits.
        expected = dsmi.fit(Z, X if target == "X" else y).mutual_info_
        assert_allclose(value, expected, rtol=1e-6)


def test_results_do_not_depend_on_n_jobs(digits):
    X, y = digits
    one, two = (
        select_representation(
            {"a": X, "b": X[:, :9]},
            X,
            y,
            n_permutations=20,
            random_state=0,
            n_jobs=n_jobs,
        )
        for n_jobs in (1, 2)
    )
    for column in ("name", "dsmi", "std_error", "pvalue"):
        assert_array_equal(one[column], two[column])


def test_seeds_of_the_ranking(digits):
    X, y = digits
    candidates = {"a": X, "b": X.copy()}
    for seed in (None, 0, np.random.RandomState(0)):
        ranking = select_representation(
            candidates, X, y, n_permutations=5, random_state=seed
        )
        # The same subsets and permutations for all candidates.
        assert ranking.dsmi[0] == ranking.dsmi[1]
        assert ranking.pvalue[0] == ranking.pvalue[1]


def test_a_frozen_candidate_is_not_fitted_again(digits):
    X, y = digits
    mlp = MLPClassifier((8,), solver="lbfgs", max_iter=500, random_state=0)
    train, test = slice(0, 75), slice(75, None)
    mlp.fit(X[train], y[train])
    ranking = select_representation(
        {"mlp": FrozenEstimator(mlp), "input": X[test]},
        X[test],
        y[test],
        n_permutations=0,
        random_state=0,
    )
    hidden = np.maximum(X[test] @ mlp.coefs_[0] + mlp.intercepts_[0], 0)
    expected = _ready(random_state=0).fit(hidden, y[test]).mutual_info_
    assert_allclose(ranking.dsmi[ranking.name == "mlp"], expected)


def test_progress_of_the_ranking(capsys, digits):
    X, y = digits
    for verbose in (0, 1):
        select_representation({"a": X}, X, y, n_permutations=0, verbose=verbose)
        out, err = capsys.readouterr()
        assert out == err == ""  # too short for a line


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"candidates": [PCA(2)]}, TypeError, "candidates must be a dict of names to"),
        ({"candidates": {}}, ValueError, "candidates must have at least one entry"),
        ({"candidates": {"a": PCA}}, TypeError, "candidates['a'] must be an array or"),
        (
            {"candidates": {"a": np.zeros((3, 2))}},
            ValueError,
            "candidates['a'] must give an array of shape (n_samples, n_features) with "
            "n_samples=150; got shape (3, 2).",
        ),
        ({"candidates": {"a": np.full((150, 1), np.nan)}}, ValueError, "contains NaN"),
        ({"y": None}, ValueError, "measure='dsmi' needs y"),
        ({"y": [0, 1]}, ValueError, "inconsistent numbers of samples"),
        ({"measure": "dse"}, ValueError, "measure must be one of ['dsmi', 'dsmi_inp"),
        ({"measure": ShannonEntropy()}, TypeError, "or a DiffusionSpectralMI; got Sh"),
        (
            {"measure": DiffusionSpectralMI(n_repeats=0)},
            ValueError,
            "n_repeats == 0, must be >= 1.",
        ),
        ({"n_permutations": -1}, ValueError, "n_permutations == -1, must be >= 0."),
        ({"n_jobs": 0}, ValueError, "n_jobs must be None or an integer other than 0"),
        ({"random_state": "a"}, ValueError, "'a' cannot be used to seed"),
    ],
)
def test_errors_of_the_ranking(params, error, message, digits):
    X, y = digits

    class Untouched(PCA):
        def fit(self, X, y=None):
            raise AssertionError("work before the check")

    params = {"candidates": {}, "X": X, "y": y} | params
    if "must have at least one" not in message and isinstance(
        params["candidates"], dict
    ):
        params["candidates"] = {"work": Untouched(), **params["candidates"]}
    with pytest.raises(error, match=re.escape(message)):
        select_representation(**params)


def test_the_candidate_is_named_in_its_errors(digits):
    X, y = digits
    with pytest.raises(ValueError, match="n_components") as caught:
        select_representation({"fine": X, "wide": PCA(1000)}, X, y, n_permutations=0)
    assert caught.value.__notes__ == ["The candidate: 'wide'."]
