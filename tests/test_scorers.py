"""Tests of scorers of representations."""

import pickle
import re

import numpy as np
import pytest
import scipy.sparse as sp
from by_hand import MEASURES, probed, scores_by_hand, value_by_hand
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KernelDensity
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI, ShannonEntropy
from skdse.model_selection import representation_scorer

# Scorers: what they return
# -------------------------


@pytest.mark.parametrize("measure", MEASURES)
def test_a_score_is_the_measure_of_the_representation(measure, digits):
    X, y = digits
    pipeline = probed().fit(X, y)
    score = representation_scorer(measure)(pipeline, X, y)
    assert type(score) is float
    assert score == value_by_hand(measure, pipeline[:-1].transform(X), X, y)


@pytest.mark.parametrize("measure", MEASURES)
def test_cross_validation_measures_held_out_samples(measure, digits):
    X, y = digits
    cv = StratifiedKFold(2)
    scores = cross_val_score(
        probed(),
        X,
        y,
        cv=cv,
        scoring=representation_scorer(measure),
        error_score="raise",
    )
    assert_array_equal(scores, scores_by_hand(measure, probed(), X, y, cv))


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
    expected = DiffusionSpectralMI(random_state=0).fit(pca.transform(X), y)
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
        assert_allclose(score(mlp, scaled, y), value_by_hand("dsmi", Z, scaled, y))
    pipeline = probed().fit(X, y)
    score = representation_scorer("dse", representation="scale")
    assert score(pipeline, X) == value_by_hand(
        "dse", pipeline["scale"].transform(X), X, y
    )


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
    pipeline = probed().fit(X, y)
    score = scorer(pipeline, X, y)
    assert pickle.loads(pickle.dumps(scorer))(pipeline, X, y) == score
    assert clone(scorer)(pipeline, X, y) == score
    search = clone(GridSearchCV(probed(), {}, scoring=scorer))
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
    assert check_scoring(probed(), scorer) is scorer


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
