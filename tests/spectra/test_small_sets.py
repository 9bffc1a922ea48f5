"""Many small sets at once: the same as one after the other."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._measures.meters import BUNDLE_SAMPLES, bundled, make_meter
from skdse._spectra.meter import SimpleMeter
from skdse._spectra.small_sets import SMALL_SET
from skdse._spectra.spectral_meter import SpectralMeter

SIZES = (1, 2, 3, 2, 5, 1, 8, 3, SMALL_SET, SMALL_SET + 1, 60)
SETTINGS = [
    {},
    {"bandwidth": "adaptive", "metric": "sqeuclidean"},
    {"bandwidth": "adaptive", "alpha": 0},
    {"bandwidth": "knn", "alpha": 1, "t": 2.5},
    {"bandwidth": "reduced"},
    {"affinity": "laplacian"},
    {"affinity": "laplacian", "bandwidth": "adaptive"},
    {"bandwidth": 1e-3},
    {"bandwidth": 1e5},
    {"metric": "chebyshev"},
    {"affinity": "nearest_neighbors", "n_neighbors": 4},
    {"eigen_solver": "arpack"},
]


@pytest.fixture
def X():
    X = np.random.default_rng(0).normal(size=(200, 6))
    X[:4] = X[0]
    return X


@pytest.fixture
def sets(X):
    rng = np.random.default_rng(1)
    drawn = [rng.permutation(len(X))[:size] for size in SIZES]
    # Samples that are all the same, and some that are.
    return [*drawn, np.array([0, 1]), np.arange(4), np.arange(5)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_they_agree_with_one_after_the_other(params, dtype, X, sets):
    X = X.astype(dtype)
    meter = make_meter(DiffusionSpectralEntropy(**params))
    scale = meter.fit(X, 0)
    found = meter.measure_many(X, scale, sets, 0)
    expected = SimpleMeter.measure_many(meter, X, scale, sets, 0)
    assert [one.saturation for one in found] == [one.saturation for one in expected]
    # A bandwidth tiny against the data: alone, exponents are rounded by up to 1e-9.
    atol = 1e-9 if params.get("bandwidth") == 1e-3 else 1e-12
    for name in ("value", "std_error", "lower", "upper"):
        assert_allclose(
            [getattr(one, name) for one in found],
            [getattr(one, name) for one in expected],
            rtol=0,
            atol=atol,
        )


def test_nested_small_sizes_are_those_sets(X):
    meter = make_meter(DiffusionSpectralEntropy())
    scale = meter.fit(X, 0)
    nested = meter.measure_nested(X, scale, [2, 7, 90], 0)
    heads = [np.arange(size) for size in (2, 7, 90)]
    assert nested == meter.measure_many(X, scale, heads, 0)


@pytest.mark.parametrize("alpha", [0, 0.5, 1])
def test_two_samples_in_closed_form(alpha):
    # Eigenvalues 1 and (1 - g) / (1 + g), with g = exp(-2² / 2) at bandwidth 1.
    meter = make_meter(DiffusionSpectralEntropy(bandwidth=1.0, alpha=alpha))
    X = np.array([[0.0], [2.0], [9.0], [9.0]])
    found = meter.measure_many(X, meter.fit(X, 0), [[0, 1], [2, 3], [2]], 0)
    g = np.exp(-2.0)
    p = np.array([1, (1 - g) / (1 + g)])
    p /= p.sum()
    assert_allclose([one.value for one in found], [-p @ np.log2(p), 0, 0], rtol=1e-14)


def test_what_is_identical_everywhere_has_entropy_0():
    meter = make_meter(DiffusionSpectralEntropy())
    X = np.ones((9, 2))
    found = meter.measure_many(X, meter.fit(X, 0), [[0, 1], [2, 3, 4], [5]], 0)
    assert [one.value for one in found] == [0, 0, 0]


def test_small_sets_are_few_tasks():
    meter = make_meter(DiffusionSpectralEntropy())
    n = BUNDLE_SAMPLES // 2
    families = [[[0, 1]]] * (2 * n) + [[[0] * 99]] + [[[0, 1], [0]]] + [[[0]]] * 2
    bundles = bundled(meter, families)
    assert [len(one) for one in bundles] == [n, n, 1, 1, 2]
    assert [family for one in bundles for family in one] == families
    graph = make_meter(DiffusionSpectralEntropy(affinity="nearest_neighbors"))
    assert len(bundled(graph, families)) == len(families)


def test_ten_thousand_groups_are_not_measured_one_by_one(monkeypatch):
    alone = []

    def measure(self, X, scale, seed):
        alone.append(len(X))

    monkeypatch.setattr(SpectralMeter, "measure", measure)
    X = np.random.default_rng(0).normal(size=(30_000, 2))
    y = np.arange(30_000) % 10_000
    with pytest.warns(UserWarning, match=r"so few samples \(median 3\)"):
        dsmi = DiffusionSpectralMI(target="discrete", random_state=0).fit(X, y)
    assert alone == []
    assert dsmi.group_entropies_.shape == (10_000,)
    assert 0 <= dsmi.conditional_entropy_ <= np.log2(3)


@pytest.mark.filterwarnings("ignore:Most groups have so few samples")
@pytest.mark.parametrize("n_jobs", [2, -1])
def test_n_jobs_does_not_change_a_bit(n_jobs, X):
    y = np.arange(200) % 50
    found = [
        DiffusionSpectralMI(target="discrete", random_state=0, n_jobs=n)
        .fit(X, y)
        .group_entropies_.tobytes()
        for n in (1, n_jobs)
    ]
    assert found[0] == found[1]
