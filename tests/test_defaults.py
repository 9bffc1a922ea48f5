"""What the defaults promise: the same in other units, no false alarm, right alarms."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse.model_selection import MEASURES, representation_scorer

SCALES = [1e-6, 3.7e-5, 0.01, 7.3, 1e4, 1e6]
DTYPES = [np.float64, np.float32]


def _digits(n=300):
    X, y = load_digits(return_X_y=True)
    return X[:n], y[:n]


# Other units: at most 1e-6 bits
# ------------------------------


@pytest.mark.parametrize("c", SCALES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_units_do_not_change_the_entropy(c, dtype):
    X, _ = _digits()
    X = X.astype(dtype)
    for params in ({}, {"bandwidth": "reduced"}, {"bandwidth": "adaptive"}):
        plain = DiffusionSpectralEntropy(**params).fit(X)
        scaled = DiffusionSpectralEntropy(**params).fit(dtype(c) * X)
        assert scaled.entropy_ == pytest.approx(plain.entropy_, abs=1e-6)
        assert plain.score(X) == pytest.approx(scaled.score(dtype(c) * X), abs=1e-6)


@pytest.mark.parametrize("c", SCALES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_units_do_not_change_the_mutual_information(c, dtype):
    X, y = _digits()
    X = X.astype(dtype)
    plain = DiffusionSpectralMI(random_state=0, n_jobs=1).fit(X, y)
    scaled = DiffusionSpectralMI(random_state=0, n_jobs=1).fit(dtype(c) * X, y)
    assert scaled.mutual_info_ == pytest.approx(plain.mutual_info_, abs=1e-6)
    assert scaled.entropy_ == pytest.approx(plain.entropy_, abs=1e-6)


@pytest.mark.parametrize("c", [1e-6, 7.3, 1e6])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_units_do_not_change_a_ready_scorer(measure, dtype, c):
    X, y = _digits(150)
    X = X.astype(dtype)
    scorer = representation_scorer(measure, representation="transform")
    plain, scaled = (scorer(_Times(one).fit(X), X, y) for one in (dtype(1), dtype(c)))
    assert scaled == pytest.approx(plain, abs=1e-6)


class _Times(PCA):
    """Whole PCA, its result in other units."""

    def __init__(self, c=1.0):
        self.c = c
        super().__init__()

    def transform(self, X):
        return self.c * super().transform(X)


@pytest.mark.parametrize("dtype", DTYPES)
def test_units_do_not_change_a_lanczos_estimate(dtype):
    X, _ = _digits(400)
    X = X.astype(dtype)
    params = {"eigen_solver": "lanczos", "random_state": 0}
    plain = DiffusionSpectralEntropy(**params).fit(X).entropy_
    found = [
        DiffusionSpectralEntropy(**params).fit(dtype(c) * X).entropy_ for c in SCALES
    ]
    assert_allclose(found, plain, rtol=0, atol=1e-6)


# Alarms
# ------


def _separated_clusters(seed=0):
    """Ten separated clusters in 64 dimensions, of standard deviation 4."""
    rng = np.random.default_rng(seed)
    y = np.arange(500) % 10
    return 40 * rng.normal(size=(10, 64))[y] + 4 * rng.normal(size=(500, 64)), y


@pytest.mark.parametrize("seed", range(3))
def test_a_fixed_bandwidth_of_10_warns_where_it_fails(seed):
    X, y = _separated_clusters(seed)
    fixed = DiffusionSpectralEntropy(bandwidth=10.0)
    with pytest.warns(UserWarning, match="sees only itself"):
        entropy = fixed.fit(X).entropy_
    assert entropy > np.log2(500) - 0.02
    with pytest.warns(UserWarning, match="sees only itself"):
        dsmi = DiffusionSpectralMI(fixed, random_state=0).fit(X, y)
    assert abs(dsmi.mutual_info_) < 0.005


@pytest.mark.parametrize("scale", [1e-3, 1e3])
@pytest.mark.parametrize("bandwidth", [10.0, 8.0])  # 8 is the root of 64 features
def test_fixed_bandwidths_warn_in_other_units(scale, bandwidth):
    X, y = _digits()
    fixed = DiffusionSpectralEntropy(bandwidth=bandwidth)
    message = "sees only itself" if scale > 1 else "sees all others alike"
    with pytest.warns(UserWarning, match=message):
        fixed.fit(scale * X)
    with pytest.warns(UserWarning, match=message):
        dsmi = DiffusionSpectralMI(fixed, random_state=0).fit(scale * X, y)
    assert dsmi.mutual_info_ == pytest.approx(0, abs=0.005)


def test_the_defaults_do_not_warn():
    rng = np.random.default_rng(0)
    X, y = _digits()
    for Z in (
        X,
        PCA(1).fit_transform(X),
        PCA(20, whiten=True).fit_transform(X),
        rng.normal(size=(300, 2000)),
        np.hstack([X, 1e3 * rng.normal(size=(300, 5))]),
        _separated_clusters()[0][:300],
        np.eye(10)[y] + 1e-3 * rng.normal(size=(300, 10)),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            dse = DiffusionSpectralEntropy().fit(Z)
            DiffusionSpectralMI(random_state=0).fit(Z, y)
        assert 0.1 < dse.entropy_ < np.log2(300)


# Dimension
# ---------


def _toy(d, noise, seed, n=200, ambient=512):
    """Uniform in the first d of many coordinates, noise in all."""
    rng = np.random.default_rng([d, seed])
    X = np.full((n, ambient), 0.3)
    X[:, :d] = rng.uniform(-1, 1, size=(n, d))
    X += noise * rng.uniform(-1, 1, size=X.shape)
    return X * 10 ** rng.uniform(-3, 3)


def _in_order(values):
    return all(np.diff(values) > 0)


def test_entropy_rises_with_dimension():
    dimensions = (13, 51, 128, 512)
    values = [
        DiffusionSpectralEntropy().fit(_toy(d, 0.1, 0)).entropy_ for d in dimensions
    ]
    assert _in_order(values)


def test_reduced_distances_see_dimension_through_noise():
    # Noise with more variance than a signal of 51 dimensions has.
    data = [
        [_toy(d, 0.5, seed, n=300, ambient=1024) for seed in range(2)]
        for d in (51, 205, 614, 1024)
    ]
    plain, reduced = (
        [
            np.mean(
                [DiffusionSpectralEntropy(bandwidth=rule).fit(X).entropy_ for X in Xs]
            )
            for Xs in data
        ]
        for rule in ("median", "reduced")
    )
    assert not _in_order(plain)
    assert _in_order(reduced)


# Choice
# ------


def test_a_search_by_mutual_information_picks_what_a_probe_likes():
    # A small form of doc/studies/representation_grid.py.
    X, y = _digits(600)
    pipeline = Pipeline(
        [
            ("scaler", "passthrough"),
            ("pca", PCA(random_state=0)),
            ("kernel", Nystroem(n_components=100, random_state=0)),
            ("probe", LogisticRegression(max_iter=1000)),
        ]
    )
    search = GridSearchCV(
        pipeline,
        {
            "scaler": ["passthrough", MinMaxScaler()],
            "pca__n_components": [2, 8, 32],
            "kernel": [
                "passthrough",
                Nystroem(gamma=0.05, n_components=100, random_state=0),
            ],
        },
        scoring={"accuracy": "accuracy", "dsmi": representation_scorer("dsmi")},
        refit="dsmi",
        cv=2,
    ).fit(X, y)
    accuracy = search.cv_results_["mean_test_accuracy"]
    assert np.ptp(accuracy) > 0.3
    assert accuracy[search.best_index_] > accuracy.max() - 0.01
