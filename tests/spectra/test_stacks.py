"""Stacks of sets on a device: the same as on the host, and as dense algebra has it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from skdse import DiffusionSpectralEntropy
from skdse._measures.meters import make_meter
from skdse._spectra.affinity import Gaussian, Laplacian
from skdse._spectra.bandwidth import fit_bandwidth
from skdse._spectra.small_sets import small_spectra
from skdse._spectra.spectrum import entropy_of, weights_of
from skdse._spectra.stacks import bandwidth_of_distances, eigenvalues
from skdse._tools.arrays import to_host

strict = pytest.importorskip("array_api_strict")

DEVICE = strict.Device("device1")
SETTINGS = [
    {},
    {"bandwidth": "adaptive", "metric": "sqeuclidean"},
    {"bandwidth": "adaptive"},
    {"bandwidth": "knn", "alpha": 1},
    {"bandwidth": "reduced", "metric": "sqeuclidean"},
    {"bandwidth": "reduced", "alpha": 0},
    {"affinity": "laplacian"},
    {"affinity": "laplacian", "bandwidth": "adaptive"},
    {"bandwidth": 0.3},
]


@pytest.fixture
def X():
    X = np.random.default_rng(0).normal(size=(90, 5))
    X[:4] = X[0]
    return X


def _rows(m):
    """Rows of five sets of m samples, and of one with copies."""
    rng = np.random.default_rng(1)
    return np.array([rng.permutation(90)[:m] for _ in range(5)] + [np.arange(m)])


def _dense(X, sigma, params):
    """Eigenvalues by definition, of P itself, which is not symmetric."""
    s, r = np.broadcast_to(sigma, len(X))[:, None], np.broadcast_to(sigma, len(X))
    if params.get("affinity") == "laplacian":
        G = np.exp(-cdist(X, X, "cityblock") / np.sqrt(s * r))
    elif np.ndim(sigma) and "metric" not in params:  # Gibbs' Gaussian, p = 8
        ratios = 2 * s * r / (s**2 + r**2)
        G = ratios**4 * np.exp(-(cdist(X, X) ** 2) / (s**2 + r**2))
    else:
        D = cdist(X, X, params.get("metric", "euclidean"))
        G = np.exp(-(D**2) / (2 * s * r))
    q = G.sum(axis=1) ** -params.get("alpha", 0.5)
    K = q[:, None] * G * q
    return np.sort(np.linalg.eigvals(K / K.sum(axis=1, keepdims=True)).real)


@pytest.mark.parametrize("m", [2, 3, 20, 40])
@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_a_device_has_the_eigenvalues_of_the_host(params, m, X):
    meter, rows = make_meter(DiffusionSpectralEntropy(**params)), _rows(m)
    bandwidth = meter.fit(X, 0).bandwidth
    how, on_device = (meter.affinity, meter.alpha), strict.asarray(X, device=DEVICE)
    found = small_spectra(*how, on_device, bandwidth, rows)
    expected = small_spectra(*how, X, bandwidth, rows)
    for one, other in zip(found, expected, strict=True):
        assert isinstance(one.eigenvalues, np.ndarray)
        assert_allclose(one.eigenvalues, other.eigenvalues, rtol=0, atol=1e-12)
        assert one.trace == pytest.approx(other.trace, abs=1e-12)
        assert one.squared_norm == pytest.approx(other.squared_norm, abs=1e-12)
        assert one.positive_semidefinite == other.positive_semidefinite
        assert one.eigenvalue_error == 0


@pytest.mark.parametrize("m", [3, 20])
@pytest.mark.parametrize(
    "params", [one for one in SETTINGS if one.get("bandwidth") != "reduced"], ids=str
)
def test_eigenvalues_by_definition(params, m, X):
    meter, rows = make_meter(DiffusionSpectralEntropy(**params)), _rows(m)[:5]
    bandwidth = meter.fit(X, 0).bandwidth
    for Y in (X, strict.asarray(X, device=DEVICE)):
        found = small_spectra(meter.affinity, meter.alpha, Y, bandwidth, rows)
        for one, part in zip(found, rows, strict=True):
            expected = _dense(X[part], bandwidth.take(part).sigma, params)
            assert_allclose(np.sort(one.eigenvalues), expected, rtol=0, atol=1e-12)


def test_sets_of_one_sample_and_of_copies(X):
    Y, affinity = strict.asarray(X, device=DEVICE), Gaussian()
    bandwidth = affinity.fit(X)
    for rows in ([[5], [6]], [[0, 1], [2, 3]], [[0, 1, 2, 3]]):
        for one in small_spectra(affinity, 0.5, Y, bandwidth, rows):
            assert_allclose(one.eigenvalues, np.eye(1, len(rows[0]))[0], atol=0)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_far_samples_keep_their_digits(metric, X):
    # Products would round squares of 1e12 by 1e-4; differences do not.
    X[50:, 0] += 1e6
    meter = make_meter(DiffusionSpectralEntropy(bandwidth=1.0, metric=metric))
    bandwidth, rows = meter.fit(X, 0).bandwidth, np.array([np.arange(30, 70)])
    Y = strict.asarray(X, device=DEVICE)
    (found,) = small_spectra(meter.affinity, 0.5, Y, bandwidth, rows)
    expected = _dense(X[rows[0]], 1.0, {"metric": metric})
    assert_allclose(np.sort(found.eigenvalues), expected, rtol=0, atol=1e-11)


def test_without_float64_there_is_an_error(X):
    device = strict.Device("no_float64")
    meter, rows = make_meter(DiffusionSpectralEntropy()), _rows(20)
    bandwidth = meter.fit(X, 0).bandwidth
    Y = strict.asarray(X.astype(np.float32), device=device)
    found = small_spectra(meter.affinity, 0.5, Y, bandwidth, rows)
    expected = small_spectra(meter.affinity, 0.5, X, bandwidth, rows)
    for one, other in zip(found, expected, strict=True):
        assert one.eigenvalues.dtype == np.float64
        assert 0 < one.eigenvalue_error < 1e-6
        assert one.entropy().value == pytest.approx(other.entropy().value, abs=1e-3)


def test_two_samples_in_closed_form_to_the_bit():
    # Eigenvalues 1 and (1 - g) / (1 + g): with g = exp(-2² / 2) at bandwidth 1.
    X, rows = np.array([[0.0], [2.0], [4.0]]), np.array([[0, 1], [1, 2]])
    affinity = Gaussian(bandwidth=1.0)
    for Y in (X, strict.asarray(X, device=DEVICE)):
        for one in small_spectra(affinity, 0, Y, affinity.fit(X), rows):
            g = np.exp(-2.0)
            assert_allclose(one.eigenvalues, [1, (1 - g) / (1 + g)], rtol=1e-15)


def test_stacks_are_cut_where_memory_is_short(X, monkeypatch):
    meter, rows = make_meter(DiffusionSpectralEntropy()), _rows(20)
    how = meter.affinity, 0.5, strict.asarray(X, device=DEVICE)
    bandwidth = meter.fit(X, 0).bandwidth
    whole = small_spectra(*how, bandwidth, rows)
    monkeypatch.setattr("skdse._spectra.small_sets.DEVICE_BLOCK_BYTES", 1)
    for one, other in zip(small_spectra(*how, bandwidth, rows), whole, strict=True):
        assert_allclose(one.eigenvalues, other.eigenvalues, rtol=0, atol=1e-14)


def test_eigenvalues_are_ordered_by_modulus():
    S = np.diag([0.2, -0.7, 0.5])[None]
    for given in (S, strict.asarray(S, device=DEVICE)):
        assert_allclose(to_host(eigenvalues(given))[0], [-0.7, 0.5, 0.2])


@pytest.mark.parametrize("kind", [Gaussian, Laplacian])
@pytest.mark.parametrize("rule", ["median", "knn", "adaptive", 2.0])
@pytest.mark.parametrize("n", [2, 31, 32])
def test_bandwidths_of_all_distances_are_those_of_the_rules(rule, kind, n, X):
    affinity, X = kind(bandwidth=rule), X[4 : n + 4]
    D = cdist(X, X, "cityblock" if kind is Laplacian else "euclidean")
    share = affinity.median_share
    metric = affinity.distance
    expected = fit_bandwidth(X, rule, median_share=share, metric=metric).sigma
    for given in (D, strict.asarray(D, device=DEVICE)):
        found = to_host(bandwidth_of_distances(given, affinity))
        assert_allclose(found, expected, rtol=1e-12)


def test_identical_samples_have_no_bandwidth():
    assert bandwidth_of_distances(np.zeros((3, 3)), Gaussian()) is None


@pytest.mark.parametrize("t", [0.5, 1, 3, 1e3, 1e300])
def test_entropy_of_eigenvalues_on_a_device(t):
    # By hand: weights are powers, at long times of shares of the largest.
    moduli = np.array([0.9, 0.9, 0.5, 1e-17])
    weights = np.array([1, 1, 0]) if t >= 1e3 else moduli[:3] ** t
    p = weights[weights > 0] / weights.sum()
    expected = -p @ np.log2(p)
    for given in (moduli, strict.asarray(moduli, device=DEVICE)):
        found = entropy_of(weights_of(given, t, 1e-15))
        assert float(found) == pytest.approx(expected, abs=1e-12)
