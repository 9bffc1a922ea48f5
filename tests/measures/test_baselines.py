"""Tests of the paper's other entropies: Shannon, matrix entries, adjacency."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skdse import AdjacencySpectralEntropy, MatrixEntryEntropy, ShannonEntropy

BASELINES = [
    ShannonEntropy(),
    ShannonEntropy(bin_range="each"),
    MatrixEntryEntropy(),
    MatrixEntryEntropy(bandwidth="adaptive", alpha=1.0),
    AdjacencySpectralEntropy(),
    AdjacencySpectralEntropy("anisotropic", bandwidth="knn"),
    AdjacencySpectralEntropy("nearest_neighbors", n_neighbors=3),
]
KERNELS = BASELINES[2:]
ATOL = 1e-12


def _entropy(*shares):
    """Shannon entropy in bits, term by term."""
    return -sum(p * np.log2(p) for p in shares if p > 0)


def _ceiling(estimator, n):
    """Largest entropy of n samples: that of n states, or of n² matrix entries."""
    return np.log2(n) * (2 if isinstance(estimator, MatrixEntryEntropy) else 1)


def _samples(n=40, d=3, seed=0):
    return np.random.RandomState(seed).standard_normal((n, d))


# --- Shannon ------------------------------------------------------------------


@pytest.mark.parametrize("n_bins", [1, 2, 3, 7])
def test_shannon_of_equally_filled_bins(n_bins):
    # 0, 1, ..., n_bins - 1 have bins of their own, since bins are (n_bins - 1)/n_bins
    # wide; each holds four samples.
    X = np.repeat(np.arange(float(n_bins)), 4)[:, None]
    assert_allclose(ShannonEntropy(n_bins).fit(X).entropy_, np.log2(n_bins), atol=ATOL)


def test_shannon_by_hand():
    # The first feature's bins of [0, 4] are cut at 2, which belongs to the upper one:
    # 0 0 1 1 1. The second's of [-1, 1] are cut at 0: 0 1 0 1 1. Cells: 00 01 10 11 11.
    X = [[0, -1], [1, 0.5], [2, -0.1], [3, 0], [4, 1]]
    expected = _entropy(0.2, 0.2, 0.2, 0.4)
    assert_allclose(ShannonEntropy().fit(X).entropy_, expected, atol=ATOL)


def test_shannon_saturates_in_many_dimensions():
    # 2^50 cells for 100 samples: each has its own. This is the paper's point.
    X = _samples(100, 50)
    assert_allclose(ShannonEntropy().fit(X).entropy_, np.log2(100), atol=ATOL)


def test_shannon_keeps_the_fitted_range():
    shannon = ShannonEntropy().fit([[0.0, 10.0], [1.0, 10.0]])
    assert_array_equal(shannon.data_min_, [0, 10])
    assert_array_equal(shannon.data_max_, [1, 10])
    # All above ½ but one, and values beyond the range are in the outer bins.
    X = [[-5.0, 10.0], [0.6, 10.0], [0.8, 10.0], [99.0, 10.0]]
    assert_allclose(shannon.score(X), _entropy(0.25, 0.75), atol=ATOL)


def test_shannon_takes_each_range():
    shannon = ShannonEntropy(bin_range="each").fit([[0.0], [1.0]])
    # The middle of [0.6, 99] is 49.8.
    X = [[0.6], [0.8], [50.0], [99.0]]
    assert_allclose(shannon.score(X), 1.0, atol=ATOL)
    assert_allclose(shannon.set_params(bin_range="fitted").score(X), 0.0, atol=ATOL)


def test_shannon_of_a_constant_feature_is_that_of_the_others():
    X = _samples()
    with_constant = np.insert(X, 1, 3.0, axis=1)
    for bin_range in ("each", "fitted"):
        shannon = ShannonEntropy(4, bin_range=bin_range)
        expected = shannon.fit(X).entropy_
        assert shannon.fit(with_constant).entropy_ == expected
        assert 0 < expected < np.log2(40)


@given(
    n_bins=st.integers(1, 6),
    values=st.lists(st.integers(0, 5), max_size=40),
    scale=st.floats(1e-6, 1e6),
    offset=st.floats(-10, 10),
)
def test_shannon_ignores_scale_and_offset(n_bins, values, scale, offset):
    # The ends of the range [0, n_bins], and any number of the bins' middles.
    bins = np.array([0, n_bins - 1, *(value % n_bins for value in values)])
    X = np.array([0, n_bins, *bins[2:] + 0.5])[:, None]
    entropy = ShannonEntropy(n_bins).fit(scale * (X + offset)).entropy_
    assert_allclose(entropy, _entropy(*np.bincount(bins) / len(X)), atol=ATOL)


# --- Matrix entries -----------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("distance", [0.5, 1.0, 3.0])
def test_matrix_entries_of_two_samples(alpha, distance):
    # G = [[1, g], [g, 1]]; by symmetry every row of P is 1/(1+g), g/(1+g) for every α,
    # and its shares of all entries are half of these: one bit more.
    g = np.exp(-(distance**2) / (2 * 0.7**2))
    entropy = MatrixEntryEntropy(bandwidth=0.7, alpha=alpha)
    expected = 1 + _entropy(1 / (1 + g), g / (1 + g))
    assert_allclose(entropy.fit([[0.0], [distance]]).entropy_, expected, atol=ATOL)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_matrix_entries_of_three_samples(alpha):
    # P, entry by entry, where the densities differ.
    X, sigma = [0.0, 1.0, 3.0], 1.5
    G = [[np.exp(-((a - b) ** 2) / (2 * sigma**2)) for b in X] for a in X]
    q = [sum(row) for row in G]
    K = [[G[i][j] / (q[i] * q[j]) ** alpha for j in range(3)] for i in range(3)]
    P = [[K[i][j] / sum(K[i]) for j in range(3)] for i in range(3)]
    expected = _entropy(*[p / 3 for row in P for p in row])
    entropy = MatrixEntryEntropy(bandwidth=sigma, alpha=alpha)
    assert_allclose(entropy.fit(np.c_[X]).entropy_, expected, atol=ATOL)


def test_matrix_entries_of_isolated_samples():
    # P is the identity: n equal entries.
    X = 1e3 * np.arange(10.0)[:, None]
    entropy = MatrixEntryEntropy(bandwidth=1.0).fit(X)
    assert_allclose(entropy.entropy_, np.log2(10), atol=ATOL)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_matrix_entries_of_far_clusters(alpha):
    # Samples of a cluster of m see m samples alike: Σ m (1/m)/n log2(n m) bits, where
    # m is 2, 2 and 4 for 2, 2 and 4 of the n = 8 samples.
    X = np.repeat([0.0, 1e3, 2e3], [2, 2, 4])[:, None]
    expected = 0.5 * np.log2(8 * 2) + 0.5 * np.log2(8 * 4)
    entropy = MatrixEntryEntropy(bandwidth=1.0, alpha=alpha).fit(X)
    assert_allclose(entropy.entropy_, expected, atol=ATOL)


# --- Adjacency ----------------------------------------------------------------


@pytest.mark.parametrize("adjacency", ["gaussian", "anisotropic"])
def test_adjacency_of_two_samples(adjacency):
    # G has the eigenvalues 1 ± g; diag(q)^-½ G diag(q)^-½ has these over q = 1 + g.
    # Their shares are (1 ± g)/2 both ways.
    g = np.exp(-(1.3**2) / (2 * 0.9**2))
    entropy = AdjacencySpectralEntropy(adjacency, bandwidth=0.9)
    expected = _entropy((1 + g) / 2, (1 - g) / 2)
    assert_allclose(entropy.fit([[0.0], [1.3]]).entropy_, expected, atol=ATOL)


@pytest.mark.parametrize(
    "adjacency, expected",
    [
        # Far clusters of 1 and 3 identical samples: blocks of ones with the
        # eigenvalues 1 and 3.
        ("gaussian", _entropy(0.25, 0.75)),
        # Every block is divided by its size: 1 and 1.
        ("anisotropic", 1.0),
    ],
)
def test_adjacency_of_far_clusters(adjacency, expected):
    X = [[0.0], [1e3], [1e3], [1e3]]
    entropy = AdjacencySpectralEntropy(adjacency, bandwidth=1.0).fit(X)
    assert_allclose(entropy.entropy_, expected, atol=ATOL)


@pytest.mark.parametrize(
    "X, n_neighbors, expected",
    [
        # Two pairs: two blocks of ones, eigenvalues 2, 2, 0, 0.
        ([0, 1, 10, 11], 1, 1.0),
        # 0 and 1 are neighbours of each other, 1 is that of 3, which nobody lists:
        # block-triangular, eigenvalues 2, 0 and 1.
        ([0, 1, 3], 1, _entropy(2 / 3, 1 / 3)),
        # All see all: ones, the eigenvalue 4 alone.
        ([0, 1, 3, 7], 3, 0.0),
        ([0, 1, 3, 7], 99, 0.0),
    ],
)
def test_nearest_neighbors_adjacency_by_hand(X, n_neighbors, expected):
    entropy = AdjacencySpectralEntropy("nearest_neighbors", n_neighbors=n_neighbors)
    # Zero eigenvalues of a matrix that is not symmetric are known to √ε.
    assert_allclose(entropy.fit(np.c_[X]).entropy_, expected, atol=1e-6)


def test_nearest_neighbors_adjacency_takes_moduli():
    X = _samples(50)
    D = ((X[:, None] - X) ** 2).sum(axis=-1)
    A = np.zeros((50, 50))
    for i in range(50):
        A[i, np.argsort(D[i])[:6]] = 1  # itself and five others
    eigenvalues = np.linalg.eigvals(A)
    assert np.abs(eigenvalues.imag).max() > 0.5
    moduli = np.abs(eigenvalues)
    entropy = AdjacencySpectralEntropy("nearest_neighbors", n_neighbors=5).fit(X)
    assert_allclose(entropy.entropy_, _entropy(*moduli / moduli.sum()), atol=1e-10)


def test_nearest_neighbors_adjacency_needs_no_bandwidth():
    X = _samples()
    values = {
        AdjacencySpectralEntropy("nearest_neighbors", bandwidth=sigma).fit(X).entropy_
        for sigma in ("auto", 1e-3, 1e3)
    }
    assert len(values) == 1


# --- All ----------------------------------------------------------------------


@pytest.mark.parametrize("baseline", BASELINES, ids=repr)
@given(
    n=st.integers(1, 25),
    d=st.integers(1, 5),
    levels=st.integers(1, 50),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=25, deadline=None)
def test_entropy_is_in_its_range(baseline, n, d, levels, seed):
    # Few levels make duplicates and constant features.
    X = np.random.RandomState(seed).randint(levels, size=(n, d)).astype(float)
    entropy = baseline.fit(X).entropy_
    assert isinstance(entropy, float)
    floor = np.log2(n) if isinstance(baseline, MatrixEntryEntropy) else 0.0
    assert floor - 1e-9 <= entropy <= _ceiling(baseline, n) + 1e-9


@pytest.mark.parametrize("baseline", BASELINES, ids=repr)
def test_normalize_divides_by_the_ceiling(baseline):
    X = _samples()
    bits = baseline.fit(X).entropy_
    baseline = type(baseline)(**{**baseline.get_params(), "normalize": True}).fit(X)
    assert_allclose(baseline.entropy_, bits / _ceiling(baseline, 40), rtol=1e-12)
    assert 0 < baseline.entropy_ <= 1
    assert baseline.score(X) == baseline.entropy_
    assert baseline.fit(X[:1]).entropy_ == 0.0


@pytest.mark.parametrize("baseline", BASELINES, ids=repr)
def test_score_of_the_fitted_samples_is_their_entropy(baseline):
    X = _samples()
    baseline.fit(X)
    assert_allclose(baseline.score(X), baseline.entropy_, rtol=1e-14)


@pytest.mark.parametrize("baseline", BASELINES, ids=repr)
def test_one_sample_has_no_entropy(baseline):
    assert baseline.fit([[2.0, 3.0]]).entropy_ == 0.0
    baseline.fit(_samples(d=2))
    assert baseline.score([[2.0, 3.0]]) == 0.0


@pytest.mark.parametrize("baseline", BASELINES, ids=repr)
def test_identical_samples(baseline):
    # One state; or n² equal matrix entries, of a P without structure.
    expected = 2 * np.log2(8) if isinstance(baseline, MatrixEntryEntropy) else 0.0
    X = np.full((8, 3), 0.1)
    assert_allclose(baseline.fit(X).entropy_, expected, atol=ATOL)
    baseline.fit(_samples())
    assert_allclose(baseline.score(X), expected, atol=ATOL)


@pytest.mark.parametrize("baseline", BASELINES, ids=repr)
def test_the_order_of_samples_does_not_matter(baseline):
    X = _samples()
    permuted = np.random.RandomState(1).permutation(X)
    expected = baseline.fit(X).entropy_
    assert_allclose(baseline.fit(permuted).entropy_, expected, atol=1e-10)


@pytest.mark.parametrize("baseline", KERNELS, ids=repr)
def test_kernels_ignore_rotation_translation_and_scale(baseline):
    X = _samples()
    Q, _ = np.linalg.qr(_samples(3))
    expected = baseline.fit(X).entropy_
    for moved in (X @ Q, X + 10, 1e6 * X, 1e-6 * X):
        assert_allclose(baseline.fit(moved).entropy_, expected, atol=1e-8)


@pytest.mark.parametrize("baseline", KERNELS[:4], ids=repr)
def test_score_keeps_the_fitted_bandwidth(baseline):
    X, other = _samples(), 3 * _samples(seed=1)
    baseline.fit(X)
    scored = baseline.score(other)
    refitted = baseline.fit(other).entropy_
    assert abs(scored - refitted) > 0.05
    if np.ndim(baseline.bandwidth_) == 0:
        sigma = baseline.fit(X).bandwidth_
        fixed = type(baseline)(**{**baseline.get_params(), "bandwidth": sigma})
        assert fixed.fit(other).entropy_ == scored


@pytest.mark.parametrize("baseline", BASELINES, ids=repr)
def test_max_samples_measures_a_seeded_subsample(baseline):
    X = _samples(60)
    params = {**baseline.get_params(), "max_samples": 20}
    values = [
        type(baseline)(**{**params, "random_state": seed}).fit(X).entropy_
        for seed in (0, 0, 1)
    ]
    assert values[0] == values[1] != values[2]
    assert values[0] <= _ceiling(baseline, 20) + ATOL
    params["max_samples"] = 20 / 60
    share = type(baseline)(**{**params, "random_state": 0}).fit(X)
    assert share.entropy_ == values[0]
    assert_allclose(share.score(X), values[0], rtol=1e-14)


@pytest.mark.parametrize("baseline", BASELINES, ids=repr)
def test_float32_is_measured_as_its_values_in_float64(baseline):
    X = _samples().astype(np.float32)
    expected = baseline.fit(X.astype(np.float64)).entropy_
    assert_allclose(baseline.fit(X).entropy_, expected, atol=1e-6)


@pytest.mark.parametrize(
    "estimator, error, message",
    [
        (ShannonEntropy(0), ValueError, "n_bins == 0, must be >= 1."),
        (
            ShannonEntropy(2.0),
            TypeError,
            "n_bins must be an instance of int, not float.",
        ),
        (
            ShannonEntropy(True),
            TypeError,
            "n_bins must be an integer, not a bool; got True.",
        ),
        (
            ShannonEntropy(bin_range="all"),
            ValueError,
            "bin_range must be one of ['each', 'fitted']; got 'all'.",
        ),
        (
            ShannonEntropy(max_samples=0.0),
            ValueError,
            "max_samples must be None, an integer of at least 1 or a fraction in "
            "(0, 1]; got 0.0.",
        ),
        (
            MatrixEntryEntropy(bandwidth=-1),
            ValueError,
            "bandwidth must be a positive number or one of ['adaptive', 'auto', "
            "'knn', 'median', 'reduced']; got -1.",
        ),
        (MatrixEntryEntropy(alpha=1.5), ValueError, "alpha == 1.5, must be <= 1."),
        (MatrixEntryEntropy(alpha=-0.5), ValueError, "alpha == -0.5, must be >= 0."),
        (
            MatrixEntryEntropy(bandwidth_scale=0),
            ValueError,
            "bandwidth_scale == 0, must be > 0.",
        ),
        (
            AdjacencySpectralEntropy("knn"),
            ValueError,
            "adjacency must be one of ['anisotropic', 'gaussian', "
            "'nearest_neighbors']; got 'knn'.",
        ),
        (
            AdjacencySpectralEntropy(n_neighbors=0),
            ValueError,
            "n_neighbors == 0, must be >= 1.",
        ),
    ],
    ids=repr,
)
def test_bad_parameters(estimator, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        estimator.fit(_samples())


@pytest.mark.parametrize("baseline", BASELINES, ids=repr)
def test_normalize_must_be_a_flag(baseline):
    params = {**baseline.get_params(), "normalize": "yes"}
    with pytest.raises(TypeError, match=r"^normalize must be an instance of "):
        type(baseline)(**params).fit(_samples())
