"""Tests of what mutual information takes: targets, entropies, bad input."""

import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from labelled import ATOL, NAMES, clusters, fixed
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI, ShannonEntropy

TARGETS = {
    "strings": lambda y: NAMES[y],
    "list": lambda y: y.tolist(),
    "other integers": lambda y: (7 * y - 3).astype(np.int16),
    "floats": lambda y: y.astype(np.float64),
    "objects": lambda y: NAMES[y].astype(object),
    "a column": lambda y: y[:, None],
    "Categorical": lambda y: pd.Categorical(NAMES[y], categories=NAMES[::-1]),
    "Series": lambda y: pd.Series(NAMES[y], index=np.arange(len(y))[::-1]),
    "category Series": lambda y: pd.Series(NAMES[y], dtype="category"),
    "DataFrame": lambda y: pd.DataFrame({"animal": NAMES[y]}),
    "polars": lambda y: pl.Series(NAMES[y].tolist()),
    "polars Categorical": lambda y: pl.Series(NAMES[y].tolist(), dtype=pl.Categorical),
    "other order": lambda y: 2 - y,
    "permuted": lambda y: NAMES[[1, 2, 0]][y],
}


@pytest.mark.parametrize("target", TARGETS)
def test_the_type_and_names_of_labels_do_not_matter(target):
    X, y = clusters()
    expected = DiffusionSpectralMI(random_state=0).fit(X, y)
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, TARGETS[target](y))
    assert_allclose(dsmi.mutual_info_, expected.mutual_info_, rtol=1e-13)
    assert_allclose(dsmi.score(X, TARGETS[target](y)), expected.mutual_info_, rtol=1e-9)
    order = np.argsort([dsmi.labels_[y == label][0] for label in range(3)])
    assert_array_equal(dsmi.group_entropies_, expected.group_entropies_[order])
    assert (dsmi.labels_ == np.argsort(order)[y]).all()


def test_booleans_are_labels():
    X, y = clusters((20, 30))
    expected = DiffusionSpectralMI(random_state=0).fit(X, y)
    dsmi = DiffusionSpectralMI(random_state=0).fit(X, y == 1)
    assert dsmi.mutual_info_ == expected.mutual_info_
    assert dsmi.groups_.tolist() == [False, True]


@pytest.mark.parametrize("clusterer", [None, "quantile", "uniform"])
def test_continuous_scalars_are_binned(clusterer):
    X, _ = clusters()
    y = np.exp(X[:, 0])
    dsmi = DiffusionSpectralMI(n_groups=4, clusterer=clusterer, random_state=0)
    dsmi.fit(X, y)
    if clusterer == "uniform":
        edges = y.min() + np.ptp(y) * np.array([0.25, 0.5, 0.75])
    else:
        edges = np.quantile(y, [0.25, 0.5, 0.75])
    bins = np.digitize(y, edges)
    assert_array_equal(dsmi.groups_[dsmi.labels_], bins)
    expected = DiffusionSpectralMI(random_state=0).fit(X, bins)
    assert dsmi.mutual_info_ == expected.mutual_info_ > 0.1
    # Groups once found serve other representations of the same samples.
    again = DiffusionSpectralMI(random_state=0).fit(X, dsmi.labels_)
    assert again.mutual_info_ == expected.mutual_info_


def test_whole_numbers_are_binned_where_target_says_so():
    X, _ = clusters()
    y = np.round(10 * X[:, 0])
    with (
        pytest.warns(UserWarning, match="looks continuous: pass target='continuous'"),
        pytest.warns(UserWarning, match="so few samples"),
    ):
        labels = DiffusionSpectralMI().fit(X, y)
    bins = DiffusionSpectralMI(target="continuous", n_groups=5).fit(X, y)
    assert len(labels.groups_) == len(set(y)) > 20
    assert len(bins.groups_) == 5


def test_vectors_and_images_are_clustered():
    X, y = clusters()
    rng = np.random.RandomState(0)
    images = 0.1 * rng.uniform(size=(len(y), 8, 8))
    for label in range(3):  # a bright column apiece
        images[y == label, :, 2 * label] += 1
    params = {"n_groups": 3, "random_state": 0}
    dsmi = DiffusionSpectralMI(**params).fit(X, images)
    flat = DiffusionSpectralMI(**params).fit(X, images.reshape(-1, 64))
    by_kmeans = DiffusionSpectralMI(clusterer=KMeans(3, n_init=2), **params)
    by_kmeans.fit(X, images)
    expected = DiffusionSpectralMI(random_state=0).fit(X, y).mutual_info_
    assert dsmi.mutual_info_ == flat.mutual_info_
    # The clusters are the labels, in another order.
    assert_allclose(dsmi.mutual_info_, expected, rtol=1e-13)
    assert_allclose(by_kmeans.mutual_info_, expected, rtol=1e-13)
    assert_allclose(dsmi.score(X, images), expected, rtol=1e-9)


@pytest.mark.parametrize("target", ["labels", "values", "vectors"])
def test_a_fitted_estimator_can_be_pickled(target):
    X, labels = clusters()
    y = {"labels": labels, "values": X[:, 0], "vectors": X[:, :2]}[target]
    dsmi = DiffusionSpectralMI(n_groups=3, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(dsmi))
    assert again.score(X, y) == dsmi.score(X, y)


# --- Entropy estimators of all kinds ------------------------------------------


class LogVolume(BaseEstimator):
    """A third party's entropy: log2 of the extent of the first feature, plus 1."""

    def fit(self, X, y=None):
        self.width_ = np.ptp(X[:, 0])
        return self

    def score(self, X, y=None):
        return np.log2(1 + np.ptp(X[:, 0]) / self.width_)


def test_an_estimator_of_a_third_party():
    # Groups [0, 2] and [4, 8] of [0, 8] by hand, each of two samples.
    X = np.array([[0.0], [2.0], [4.0], [8.0]])
    inner = LogVolume()
    dsmi = DiffusionSpectralMI(inner, random_state=0).fit(X, [0, 0, 1, 1])
    assert_allclose(dsmi.group_entropies_, np.log2([1.25, 1.5]), atol=ATOL)
    assert 0 < dsmi.entropy_ <= 1
    assert dsmi.score(X, [0, 0, 1, 1]) == dsmi.mutual_info_
    assert dsmi.estimator_.width_ == 8
    assert not hasattr(inner, "width_")


@pytest.mark.parametrize(
    "entropy", [DiffusionSpectralEntropy(), fixed(0.5), ShannonEntropy(3)], ids=repr
)
def test_a_pipeline_as_the_entropy(entropy):
    X, y = clusters()
    X = X * [1, 10, 100, 1000] + 5
    pipeline = make_pipeline(StandardScaler(), entropy)
    dsmi = DiffusionSpectralMI(pipeline, random_state=0).fit(X, y)
    scaled = StandardScaler().fit_transform(X)
    expected = DiffusionSpectralMI(entropy, random_state=0).fit(scaled, y)
    assert_allclose(dsmi.mutual_info_, expected.mutual_info_, atol=1e-10)
    assert_allclose(dsmi.score(X, y), dsmi.mutual_info_, atol=1e-10)


@pytest.mark.parametrize("alpha", [0, 0.5])
def test_a_precomputed_affinity(alpha):
    X, y = clusters()
    A = np.exp(-((X[:, None] - X) ** 2).sum(axis=-1) / (2 * 1.3**2))
    precomputed = DiffusionSpectralEntropy(affinity="precomputed", alpha=alpha)
    dsmi = DiffusionSpectralMI(precomputed, random_state=0).fit(A, y)
    expected = DiffusionSpectralMI(fixed(1.3, alpha=alpha), random_state=0).fit(X, y)
    assert_allclose(dsmi.mutual_info_, expected.mutual_info_, atol=1e-10)
    assert_allclose(dsmi.group_entropies_, expected.group_entropies_, atol=1e-10)
    assert_allclose(dsmi.score(A, y), dsmi.mutual_info_, rtol=1e-12)
    some = np.arange(0, len(y), 2)
    assert_allclose(
        dsmi.score(A[np.ix_(some, some)], y[some]),
        expected.score(X[some], y[some]),
        atol=1e-10,
    )


def test_a_callable_affinity():
    X, y = clusters()
    entropy = DiffusionSpectralEntropy(
        affinity=lambda X: np.exp(-((X[:, None] - X) ** 2).sum(axis=-1) / 2)
    )
    dsmi = DiffusionSpectralMI(entropy, random_state=0).fit(X, y)
    expected = DiffusionSpectralMI(fixed(), random_state=0).fit(X, y).mutual_info_
    assert_allclose(dsmi.mutual_info_, expected, atol=1e-10)


def test_the_time_is_chosen_once():
    X, y = clusters((30, 30, 40))
    dsmi = DiffusionSpectralMI(fixed(t="auto"), random_state=0).fit(X, y)
    t = dsmi.estimator_.t_
    assert 1 < t < 100
    expected = DiffusionSpectralMI(fixed(t=t), random_state=0).fit(X, y)
    assert dsmi.mutual_info_ == expected.mutual_info_
    assert dsmi.score(X, y) == dsmi.mutual_info_


def test_the_estimator_given_is_not_fitted():
    X, y = clusters()
    entropy = DiffusionSpectralEntropy()
    dsmi = DiffusionSpectralMI(entropy).fit(X, y)
    assert not hasattr(entropy, "bandwidth_")
    assert dsmi.estimator is entropy
    assert dsmi.estimator_.bandwidth_ > 0
    # The entropy of all samples is not needed, and not computed.
    assert not hasattr(dsmi.estimator_, "entropy_")


@pytest.mark.parametrize("sigma, kind", [(1e-4, "only itself"), (1e4, "all others")])
def test_saturation_is_warned_of_once(sigma, kind):
    X, y = clusters()
    with pytest.warns(UserWarning, match=f"^Every sample sees {kind}") as caught:
        dsmi = DiffusionSpectralMI(fixed(sigma)).fit(X, y)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert_allclose(dsmi.mutual_info_, 0, atol=1e-4)
    with pytest.warns(UserWarning, match=f"^Every sample sees {kind}") as caught:
        dsmi.score(X, y)
    assert len(caught) == 1 and caught[0].filename == __file__


# --- Bad input ----------------------------------------------------------------


@pytest.mark.parametrize(
    "y, message",
    [
        (
            None,
            "DiffusionSpectralMI requires y to be passed, but the target y is None.",
        ),
        ([0.5, np.nan] * 10, "y contains NaN; give every sample a value."),
        (
            np.array(["a", None] * 10, dtype=object),
            "y contains None; give every sample a value.",
        ),
        (
            np.array(["a", 1] * 10, dtype=object),
            "y must hold labels that can be ordered, of one type; got ['int', 'str'].",
        ),
    ],
    ids=repr,
)
def test_bad_targets(y, message):
    X, labels = clusters((10, 10))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        DiffusionSpectralMI().fit(X, y)
    if y is None or y[1] != 1:  # labels alone are ordered
        dsmi = DiffusionSpectralMI().fit(X, labels)
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            dsmi.score(X, y)


def test_lengths_must_agree():
    X, y = clusters((10, 10))
    message = r"^Found input variables with inconsistent numbers of samples: \[20, 19\]"
    with pytest.raises(ValueError, match=message):
        DiffusionSpectralMI().fit(X, y[:-1])
    dsmi = DiffusionSpectralMI().fit(X, y)
    with pytest.raises(ValueError, match=message):
        dsmi.score(X, y[:-1])


@pytest.mark.parametrize(
    "params, error, message",
    [
        (
            {"target": "label"},
            ValueError,
            "target must be one of ['auto', 'continuous', 'discrete']; got 'label'.",
        ),
        ({"n_groups": 1}, ValueError, "n_groups == 1, must be >= 2."),
        (
            {"n_groups": 2.5},
            TypeError,
            "n_groups must be an instance of int, not float.",
        ),
        (
            {"target": "continuous", "n_groups": 21},
            ValueError,
            "n_groups must be at most the number of samples; got n_groups=21 and "
            "n_samples=20.",
        ),
        ({"n_repeats": 0}, ValueError, "n_repeats == 0, must be >= 1."),
        (
            {"n_repeats": True},
            TypeError,
            "n_repeats must be an integer, not a bool; got True.",
        ),
        (
            {"clusterer": "kmeans"},
            ValueError,
            "clusterer must be one of ['quantile', 'uniform']; got 'kmeans'.",
        ),
        (
            {"clusterer": 3},
            TypeError,
            "clusterer must be None, one of ['quantile', 'uniform'] or a clusterer "
            "with fit_predict; got 3.",
        ),
        (
            {"estimator": StandardScaler()},
            TypeError,
            "estimator must be an entropy estimator with fit and score; "
            "got StandardScaler().",
        ),
        (
            {"estimator": fixed(-1)},
            ValueError,
            "bandwidth must be a positive number or one of ['adaptive', 'auto', "
            "'knn', 'median', 'reduced']; got -1.",
        ),
        ({"estimator": ShannonEntropy(0)}, ValueError, "n_bins == 0, must be >= 1."),
    ],
    ids=repr,
)
def test_bad_parameters(params, error, message):
    X, y = clusters((10, 10))
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        DiffusionSpectralMI(**params).fit(X, y)


def test_normalize_must_be_a_flag():
    with pytest.raises(TypeError, match=r"^normalize must be an instance of "):
        DiffusionSpectralMI(normalize=1).fit(*clusters())


def test_bad_samples():
    X, y = clusters()
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match=r"^Input X contains NaN"):
        DiffusionSpectralMI().fit(X, y)
    dsmi = DiffusionSpectralMI().fit(*clusters())
    with pytest.raises(
        ValueError, match=r"^X has 3 features, but DiffusionSpectralMI "
    ):
        dsmi.score(np.ones((5, 3)), np.arange(5))


def test_float32_data_are_measured_in_float64():
    X, y = clusters()
    X = X.astype(np.float32)
    expected = DiffusionSpectralMI(fixed(), random_state=0)
    expected = expected.fit(X.astype(np.float64), y).mutual_info_
    dsmi = DiffusionSpectralMI(fixed(), random_state=0).fit(X, y)
    assert_allclose(dsmi.mutual_info_, expected, atol=1e-10)
