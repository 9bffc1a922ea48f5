"""The Gaussian of Gibbs: samples with bandwidths of their own in a Euclidean space."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.datasets import load_digits, make_blobs, make_swiss_roll

from skdse import DiffusionSpectralEntropy
from skdse._spectra.affinities import make_affinity
from skdse._spectra.bandwidth import Bandwidth
from skdse._spectra.gibbs import SQUARINGS, GibbsEntries, gaussian_entries
from skdse._spectra.kernels import MAX_ROUNDING32, GaussianEntries

POWER = 2 * 2**SQUARINGS
ADAPTIVE = make_affinity("gaussian", bandwidth="adaptive")


def by_definition(X, sigma, p=8):
    """(2 σ_i σ_j / (σ_i² + σ_j²))^(p/2) exp(-d² / (σ_i² + σ_j²)), by differences."""
    sums = np.add.outer(sigma**2, sigma**2)
    squares = cdist(X.astype(float), X.astype(float), "sqeuclidean")
    return (2 * np.outer(sigma, sigma) / sums) ** (p / 2) * np.exp(-squares / sums)


def negative_share(G):
    """Share of the eigenvalues' moduli that is negative, of the diffusion operator."""
    q = G.sum(axis=1) ** -0.5
    A = q[:, None] * G * q
    s = A.sum(axis=1) ** -0.5
    eigenvalues = np.linalg.eigvalsh(s[:, None] * A * s)
    return np.maximum(-eigenvalues, 0).sum() / np.abs(eigenvalues).sum()


def samples(kind, n=400):
    rng = np.random.default_rng(0)
    if kind == "blobs":  # of spreads from 0.3 to 3
        spreads = np.geomspace(0.3, 3, 10)
        return make_blobs(n, 20, centers=10, cluster_std=spreads, random_state=0)[0]
    if kind == "heavy tails":
        return rng.standard_t(2, size=(n, 30))
    if kind == "swiss roll":
        return make_swiss_roll(n, random_state=0)[0]
    if kind == "many features":
        return rng.normal(size=(n, 300)) * rng.lognormal(size=(n, 1))
    return load_digits().data[:n]


KINDS = ["blobs", "heavy tails", "swiss roll", "many features", "digits"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", KINDS)
def test_tiles_and_pairs_are_the_definition(kind, dtype):
    X = samples(kind).astype(dtype)
    bandwidth = ADAPTIVE.fit(X, 0)
    expected = by_definition(X, bandwidth.sigma)
    with config_context(working_memory=1):  # 64 rows a tile, one strip each
        assert_allclose(ADAPTIVE.array(X, bandwidth), expected, atol=1e-12)
    assert_allclose(ADAPTIVE.array(X, bandwidth), expected, atol=1e-12)
    tiles = ADAPTIVE.matrix(X, bandwidth, "lanczos").toarray()
    assert tiles.dtype == np.float32
    assert_allclose(tiles, expected, atol=MAX_ROUNDING32)
    left, right = np.triu_indices(len(X), k=1)
    pairs = ADAPTIVE.pairs.of_pairs(X, bandwidth, left, right)
    assert_allclose(pairs, expected[left, right], atol=1e-13)


def test_equal_bandwidths_are_the_plain_gaussian(rng):
    X = rng.normal(size=(150, 4))
    rows, columns = slice(0, 100), slice(40, 150)
    for dtype, rtol in ((np.float64, 1e-14), (np.float32, 1e-5)):
        local, plain = (
            gaussian_entries(X, Bandwidth(sigma), "euclidean", dtype)
            for sigma in (np.full(150, 0.8), 0.8)
        )
        assert type(local) is GibbsEntries
        assert type(plain) is GaussianEntries
        assert_allclose(local.tile(rows, columns), plain.tile(rows, columns), rtol)
        exponents = (one.exponents(rows, columns) for one in (local, plain))
        assert_allclose(*exponents, atol=rtol)


@pytest.mark.parametrize("metric", ["sqeuclidean", "cosine", "manhattan"])
def test_other_distances_keep_the_product_of_bandwidths(rng, metric):
    X, sigma = rng.normal(size=(60, 4)), rng.uniform(0.5, 2, size=60)
    affinity = make_affinity("gaussian", bandwidth="adaptive", metric=metric)
    D = cdist(X, X, {"manhattan": "cityblock"}.get(metric, metric))
    expected = np.exp(-(D**2) / (2 * np.outer(sigma, sigma)))
    assert_allclose(affinity.array(X, Bandwidth(sigma)), expected, atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(
    d=st.integers(1, POWER),
    n=st.integers(2, 60),
    spread=st.floats(0, 3),
    seed=st.integers(0, 2**16),
)
def test_no_eigenvalue_is_negative_with_as_many_features_as_the_power(
    d, n, spread, seed
):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    sigma = np.exp(spread * rng.normal(size=n))  # whatever they are
    G = ADAPTIVE.array(X, Bandwidth(sigma))
    assert np.linalg.eigvalsh(G).min() >= -1e-12 * n


def test_the_power_has_a_part_in_it(rng):
    # Wide samples between narrow ones see them all, who do not see each other.
    X = rng.normal(size=(60, 8))
    sigma = np.exp(rng.normal(size=60))
    assert np.linalg.eigvalsh(by_definition(X, sigma, p=1)).min() < -1e-3
    assert np.linalg.eigvalsh(by_definition(X, sigma, p=POWER)).min() > -1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_next_to_nothing_is_negative(kind):
    X = samples(kind)
    bandwidth = ADAPTIVE.fit(X, 0)
    assert negative_share(ADAPTIVE.array(X, bandwidth)) < 1e-6


@pytest.mark.parametrize("exponent", [-40, -7, 8, 40])
def test_a_unit_that_is_a_power_of_two_changes_no_bit(exponent):
    X = samples("blobs", 200)
    scaled = np.ldexp(X, exponent)
    for solver in ("dense", "lanczos"):
        plain, other = (
            ADAPTIVE.matrix(one, ADAPTIVE.fit(one, 0), solver).toarray()
            for one in (X, scaled)
        )
        assert_array_equal(plain, other)


@pytest.mark.parametrize("rule", ["adaptive", "median"])
@pytest.mark.parametrize("exponent", [-200, -70, 62, 200])
def test_units_that_float32_has_no_room_for(rule, exponent):
    affinity = make_affinity("gaussian", bandwidth=rule)
    X = samples("blobs", 200)
    plain, scaled = (
        affinity.matrix(one, affinity.fit(one, 0), "lanczos").toarray()
        for one in (X, np.ldexp(X, exponent))
    )
    assert_allclose(scaled, plain, atol=MAX_ROUNDING32)


@pytest.mark.parametrize("solver", ["dense", "lanczos"])
def test_bandwidths_of_all_magnitudes(solver):
    # Clusters from 1e-30 to 1e6 wide: float32 has no room for their ratios.
    rng = np.random.default_rng(0)
    widths = np.repeat([1e-30, 1e-12, 1.0, 1e6], 50)
    X = widths[:, None] * rng.normal(size=(200, 3))
    bandwidth = ADAPTIVE.fit(X, 0)
    found = ADAPTIVE.matrix(X, bandwidth, solver).toarray()
    atol = 1e-12 if solver == "dense" else 2e-5
    assert_allclose(found, by_definition(X, bandwidth.sigma), atol=atol)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_wide_samples_do_not_make_narrow_ones_lose_digits(dtype):
    # An outlier's squares are rounded by more than the bandwidths of the others.
    X = np.random.default_rng(0).normal(size=(100, 3))
    X[0] = 1e9
    X = X.astype(dtype)
    bandwidth = ADAPTIVE.fit(X, 0)
    expected = by_definition(X, bandwidth.sigma)
    for solver, atol in (("dense", 1e-9), ("lanczos", 2e-5)):
        found = ADAPTIVE.matrix(X, bandwidth, solver).toarray()
        assert_allclose(found, expected, atol=atol)


def test_new_samples_take_their_bandwidths_among_the_fitted(rng):
    X, Y = rng.normal(size=(80, 5)), rng.normal(size=(40, 5))
    dse = DiffusionSpectralEntropy(bandwidth="adaptive").fit(X)
    sigma = np.sort(cdist(Y, X), axis=1)[:, 4]
    G = by_definition(Y, sigma)
    by_hand = DiffusionSpectralEntropy(affinity=lambda _: G).fit(Y)
    assert dse.score(Y) == pytest.approx(by_hand.entropy_, abs=1e-9)


def test_copies_see_each_other_fully(rng):
    X = np.repeat(rng.normal(size=(20, 4)), 8, axis=0)
    bandwidth = ADAPTIVE.fit(X, 0)
    G = ADAPTIVE.array(X, bandwidth)
    assert_allclose(G, by_definition(X, bandwidth.sigma), atol=1e-12)
    assert_allclose(G[:8, :8], 1, atol=1e-12)
    dse = DiffusionSpectralEntropy(bandwidth="adaptive").fit(X)
    assert dse.entropy_ <= np.log2(20) + 1e-9
    one_point = np.ones((9, 3))
    assert DiffusionSpectralEntropy(bandwidth="adaptive").fit(one_point).entropy_ == 0


def test_two_samples_in_closed_form():
    # σ = 1 and 2, d = 3: g = (4/5)^4 exp(-9/5), eigenvalues 1 and (1 - g) / (1 + g).
    X = np.array([[0.0], [3.0]])
    g = 0.8**4 * np.exp(-1.8)
    bandwidth = Bandwidth(np.array([1.0, 2.0]))
    pairs = ADAPTIVE.pairs.of_pairs(X, bandwidth, [0], [1])
    assert pairs[0] == pytest.approx(g, rel=1e-14)
    assert ADAPTIVE.array(X, bandwidth)[0, 1] == pytest.approx(g, rel=1e-14)
