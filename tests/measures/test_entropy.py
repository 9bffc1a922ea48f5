"""Diffusion spectral entropy against closed forms and invariances."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import special_ortho_group

from skdse import DiffusionSpectralEntropy, diffusion_spectral_entropy

SCALE_FREE = [
    {"bandwidth": "median"},
    {"bandwidth": "reduced"},
    {"bandwidth": "knn"},
    {"bandwidth": "adaptive"},
    {"affinity": "nearest_neighbors"},
]
ALPHAS = [0.0, 0.25, 0.5, 1.0]


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(120, 4))


def binary_entropy(p):
    return -p * np.log2(p) - (1 - p) * np.log2(1 - p)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("t", [0.5, 1, 3])
@pytest.mark.parametrize("matrix", [np.eye, lambda n: sp.eye_array(n, format="csr")])
def test_identity_kernel_has_log2_n(alpha, t, matrix):
    with pytest.warns(UserWarning, match="sees only itself"):
        entropy = diffusion_spectral_entropy(
            matrix(11), affinity="precomputed", alpha=alpha, t=t
        )
    assert entropy == pytest.approx(np.log2(11), abs=1e-12)


@pytest.mark.parametrize("params", [{"bandwidth": 2.0}, *SCALE_FREE])
def test_identical_samples_have_none(params):
    dse = DiffusionSpectralEntropy(**params).fit(np.full((9, 3), 0.1))
    assert dse.entropy_ == 0
    assert dse.effective_rank_ == 1


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize(
    "params", [{"bandwidth": 1.0}, {"affinity": "nearest_neighbors", "n_neighbors": 8}]
)
def test_far_clusters_after_a_long_time_have_log2_k(k, params):
    # The graph has k components, so λ = 1 is repeated k times; all others vanish.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20 * k, 2)) + 1000 * np.arange(k).repeat(20)[:, None]
    dse = DiffusionSpectralEntropy(t=3000, **params).fit(X)
    assert dse.entropy_ == pytest.approx(np.log2(k), abs=1e-6)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("t", [0.5, 1, 2])
@pytest.mark.parametrize("r", [0.3, 1.0, 1.5])
def test_two_samples_by_hand(alpha, t, r):
    # With g = exp(-r²/(2σ²)) both rows of G sum to 1 + g, so any α only rescales it:
    # P = [[1, g], [g, 1]] / (1 + g), with eigenvalues 1 and (1 - g) / (1 + g).
    sigma = 0.8
    g = np.exp(-(r**2) / (2 * sigma**2))
    p = 1 / (1 + ((1 - g) / (1 + g)) ** t)
    entropy = diffusion_spectral_entropy(
        [[0.0], [r]], bandwidth=sigma, alpha=alpha, t=t
    )
    assert entropy == pytest.approx(binary_entropy(p), abs=1e-12)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_path_of_three_samples_by_hand(alpha):
    # G = [[1, g, 0], [g, 1, g], [0, g, 1]] (the ends too far to see each other),
    # q = (1+g, 1+2g, 1+g). With a = (1+g)^-α, b = (1+2g)^-α:
    # K = [[a², abg, 0], [abg, b², abg], [0, abg, a²]]. The antisymmetric vector
    # (1, 0, -1) has eigenvalue μ = a²/(a² + abg) of P, the eigenvalue 1 is known, and
    # the trace gives the third: 2 a²/(a² + abg) + b²/(b² + 2abg) - 1 - μ.
    g = 0.4
    G = np.array([[1, g, 0], [g, 1, g], [0, g, 1]])
    a, b = (1 + g) ** -alpha, (1 + 2 * g) ** -alpha
    mu = a**2 / (a**2 + a * b * g)
    third = mu + b**2 / (b**2 + 2 * a * b * g) - 1
    p = np.array([1, mu, abs(third)])
    p /= p.sum()
    entropy = diffusion_spectral_entropy(G, affinity="precomputed", alpha=alpha)
    assert entropy == pytest.approx(-(p * np.log2(p)).sum(), abs=1e-12)


@pytest.mark.parametrize("params", [{"bandwidth": 1.3}, *SCALE_FREE])
def test_invariant_under_motions(X, params):
    entropy = diffusion_spectral_entropy(X, **params)
    rotation = special_ortho_group(4, seed=0).rvs()
    order = np.random.default_rng(1).permutation(len(X))
    for moved in (X[order], X @ rotation, X + 37.5, X[:, ::-1]):
        assert diffusion_spectral_entropy(moved, **params) == pytest.approx(
            entropy, abs=1e-9
        )


@pytest.mark.parametrize("params", SCALE_FREE)
@pytest.mark.parametrize("c", [1e-6, 1e-3, 10, 1e6])
def test_scale_free_rules_do_not_see_the_units(X, params, c):
    assert diffusion_spectral_entropy(c * X, **params) == pytest.approx(
        diffusion_spectral_entropy(X, **params), abs=1e-9
    )


def test_fixed_bandwidth_sees_the_units(X):
    wide, narrow = (diffusion_spectral_entropy(c * X, bandwidth=1.0) for c in (1, 2))
    assert narrow > wide + 1


def test_auto_bandwidth_is_the_rule_of_the_affinity(X):
    def entropy(**params):
        return diffusion_spectral_entropy(X, **params)

    assert entropy() == entropy(bandwidth="median")
    graph = {"affinity": "nearest_neighbors"}
    assert entropy(**graph) == entropy(**graph, bandwidth="adaptive")
    assert entropy(**graph) != entropy(**graph, bandwidth="median")


def test_complete_graph_is_the_gaussian(X):
    graph = diffusion_spectral_entropy(
        X, affinity="nearest_neighbors", n_neighbors=len(X) - 1, bandwidth=0.9
    )
    assert graph == pytest.approx(
        diffusion_spectral_entropy(X, bandwidth=0.9), abs=1e-10
    )


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csr_matrix])
def test_precomputed_and_callable_affinities(X, container):
    def affinity(X):
        squares = ((X[:, None] - X) ** 2).sum(axis=2)
        return container(np.exp(-squares / (2 * 0.9**2)))

    expected = diffusion_spectral_entropy(X, bandwidth=0.9)
    assert diffusion_spectral_entropy(X, affinity=affinity) == pytest.approx(
        expected, abs=1e-10
    )
    G = affinity(X)
    before = G.copy()
    assert diffusion_spectral_entropy(G, affinity="precomputed") == pytest.approx(
        expected, abs=1e-10
    )
    assert abs(G - before).max() == 0


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 40),
    d=st.integers(1, 5),
    sigma=st.sampled_from(["median", "knn", "adaptive", 0.5, 2.0]),
    alpha=st.floats(0, 1),
    t=st.floats(0.2, 10),
    seed=st.integers(0, 1000),
)
@pytest.mark.filterwarnings("ignore:Every sample sees")
def test_entropy_is_between_zero_and_log2_n(n, d, sigma, alpha, t, seed):
    X = np.random.default_rng(seed).normal(size=(n, d))
    dse = DiffusionSpectralEntropy(bandwidth=sigma, alpha=alpha, t=t).fit(X)
    assert 0 <= dse.entropy_ <= np.log2(n) + 1e-12
    assert dse.effective_rank_ == pytest.approx(2**dse.entropy_)
    assert dse.entropy_std_error_ == 0
    assert dse.entropy_interval_ == (dse.entropy_, dse.entropy_)
    share = dse.set_params(normalize=True).fit(X).entropy_
    assert share == pytest.approx(dse.spectrum_.entropy(t).value / np.log2(n))


def test_entropy_falls_with_time(X):
    dse = DiffusionSpectralEntropy().fit(X)
    times = [0.5, 1, 2, 5, 20]
    curve = dse.entropy_curve(times)
    assert np.all(np.diff(curve) < 0)
    separate = [diffusion_spectral_entropy(X, t=t) for t in times]
    np.testing.assert_allclose(curve, separate, atol=1e-12)
    shares = DiffusionSpectralEntropy(normalize=True).fit(X).entropy_curve(times)
    np.testing.assert_allclose(shares, curve / np.log2(len(X)))


@pytest.mark.parametrize("t", [0.0, -1.0])
def test_entropy_curve_needs_positive_times(X, t):
    dse = DiffusionSpectralEntropy().fit(X)
    with pytest.raises(ValueError, match="t must be a 1d array of positive times; got"):
        dse.entropy_curve([1.0, t])


@pytest.mark.parametrize("params", [{}, {"affinity": "nearest_neighbors"}])
def test_auto_time_is_near_the_rule_of_thumb(digits, params):
    # The paper: about one eigenvalue in a hundred should remain larger than 0.01.
    dse = DiffusionSpectralEntropy(t="auto", **params).fit(digits[0])
    remaining = np.mean(np.abs(dse.eigenvalues_) ** dse.t_ > 0.01)
    assert 1 / len(digits[0]) <= remaining <= 0.05
    assert 1 < dse.t_ < 100
    assert dse.entropy_ == dse.spectrum_.entropy(dse.t_).value


def test_max_samples_is_a_seeded_subsample(X):
    few = DiffusionSpectralEntropy(max_samples=40, random_state=0).fit(X)
    assert few.spectrum_.n_samples == 40
    again = DiffusionSpectralEntropy(max_samples=40 / 120, random_state=0).fit(X)
    assert again.entropy_ == few.entropy_
    other = DiffusionSpectralEntropy(max_samples=40, random_state=1).fit(X)
    assert other.entropy_ != few.entropy_
    everything = DiffusionSpectralEntropy(max_samples=1000).fit(X)
    assert everything.entropy_ == diffusion_spectral_entropy(X)


def test_arpack_tells_its_error(X):
    exact = diffusion_spectral_entropy(X)
    dse = DiffusionSpectralEntropy(
        eigen_solver="arpack", n_components=20, random_state=0
    ).fit(X)
    lower, upper = dse.entropy_interval_
    assert lower <= exact <= upper
    assert 0 < dse.entropy_std_error_ < upper - lower
    assert len(dse.eigenvalues_) == 20


def test_score_has_the_fitted_bandwidth(X):
    half, rest = X[:60], 3 * X[60:]
    dse = DiffusionSpectralEntropy().fit(half)
    assert dse.score(rest) == pytest.approx(
        diffusion_spectral_entropy(rest, bandwidth=dse.bandwidth_), abs=1e-12
    )
    assert dse.score(half) == dse.entropy_


# Subsamples of one size
# ----------------------


def test_repeats_are_single_subsamples_averaged():
    # By hand: the same draws, one at a time.
    X = np.random.default_rng(0).normal(size=(200, 3))
    options = {"max_samples": 50, "random_state": 0}
    found = DiffusionSpectralEntropy(n_repeats=4, **options).fit(X)
    first = DiffusionSpectralEntropy(**options).fit(X)
    rng = np.random.RandomState(0)
    rng.choice(200, 50, replace=False)
    rng.randint(2**31 - 1)
    others = [
        DiffusionSpectralEntropy(
            max_samples=50, random_state=rng.randint(2**31 - 1)
        ).fit(X)
        for _ in range(3)
    ]
    values = [one.entropy_ for one in (first, *others)]
    assert len(set(values)) == 4
    assert found.entropy_ == pytest.approx(np.mean(values))
    error = np.std(values, ddof=1) / 2
    assert found.entropy_std_error_ == pytest.approx(error)
    assert found.entropy_interval_ == pytest.approx(
        (found.entropy_ - 2 * error, found.entropy_ + 2 * error)
    )
    assert found.effective_rank_ == pytest.approx(2**found.entropy_)
    assert found.bandwidth_ == first.bandwidth_


def test_repeats_of_a_solver_add_its_error():
    X = np.random.default_rng(0).normal(size=(300, 3))
    found = DiffusionSpectralEntropy(
        bandwidth=1.0,
        max_samples=100,
        n_repeats=3,
        eigen_solver="lanczos",
        tol=0.05,
        random_state=0,
    ).fit(X)
    exact = DiffusionSpectralEntropy(
        bandwidth=1.0, max_samples=100, n_repeats=3, random_state=0
    ).fit(X)
    assert found.entropy_ == pytest.approx(exact.entropy_, abs=0.1)
    assert found.entropy_std_error_ > 0


def test_all_samples_are_measured_once():
    X = np.random.default_rng(0).normal(size=(30, 3))
    once = DiffusionSpectralEntropy().fit(X)
    for max_samples in (None, 30, 1.0):
        dse = DiffusionSpectralEntropy(max_samples=max_samples, n_repeats=5).fit(X)
        assert dse.entropy_ == once.entropy_
        assert dse.entropy_std_error_ == 0
        assert dse.score(X) == pytest.approx(once.entropy_)


def test_a_share_of_repeats_is_between_0_and_1():
    X = np.random.default_rng(0).normal(size=(90, 3))
    options = {"max_samples": 40, "n_repeats": 3, "random_state": 0}
    bits = DiffusionSpectralEntropy(**options).fit(X)
    share = DiffusionSpectralEntropy(normalize=True, **options).fit(X)
    assert share.entropy_ == pytest.approx(bits.entropy_ / np.log2(40))
    assert share.effective_rank_ == pytest.approx(bits.effective_rank_)
    score = share.score(X)
    assert 0 < score < 1
    assert score == pytest.approx(bits.score(X) / np.log2(40))
    # A mean of three subsamples at the fitted bandwidth, not one.
    one = DiffusionSpectralEntropy(max_samples=40, random_state=0).fit(X)
    assert one.score(X) != bits.score(X)


def test_sets_of_different_sizes_compare_at_one_size():
    # What grows with n in bits is the same at a stated size.
    rng = np.random.default_rng(0)
    small, large = rng.normal(size=(150, 3)), rng.normal(size=(900, 3))
    grown = [DiffusionSpectralEntropy(t=0.5).fit(X).entropy_ for X in (small, large)]
    assert grown[1] - grown[0] > 0.9
    at = [
        DiffusionSpectralEntropy(
            t=0.5, max_samples=100, n_repeats=5, random_state=0
        ).fit(X)
        for X in (small, large)
    ]
    assert at[0].entropy_ == pytest.approx(at[1].entropy_, abs=0.15)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("median", True), ("knn", True), ("reduced", False), ("adaptive", False)],
)
def test_what_is_known_to_have_no_negative_eigenvalue(rule, expected, X):
    dse = DiffusionSpectralEntropy(bandwidth=rule).fit(X)
    assert dse.spectrum_.positive_semidefinite is expected


def test_reduced_distances_have_negative_eigenvalues():
    # Why the interval of "arpack" must not take them for a Gaussian's.
    X = np.random.default_rng(0).uniform(size=(60, 200))
    exact = DiffusionSpectralEntropy(bandwidth="reduced").fit(X)
    assert exact.eigenvalues_.min() < -1e-3
    dse = DiffusionSpectralEntropy(
        bandwidth="reduced", eigen_solver="arpack", n_components=20
    ).fit(X)
    lower, upper = dse.entropy_interval_
    assert lower - 1e-9 <= exact.entropy_ <= upper + 1e-9
