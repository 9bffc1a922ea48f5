"""Stochastic Lanczos quadrature against dense float64 solutions."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from affinities import (
    gaussian_affinity,
    gaussian_tiles,
    neighbors_affinity,
    operator_of,
)
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from skdse import DiffusionSpectralEntropy
from skdse._spectra.bandwidth import fit_bandwidth
from skdse._spectra.diffusion import diffusion_operator
from skdse._spectra.lanczos import course
from skdse._spectra.lanczos.krylov import start, step
from skdse._spectra.lanczos.plan import DENSE, plan_for
from skdse._spectra.lanczos.recurrence import advance, begin, mixture_of
from skdse._spectra.matrices import as_matrix
from skdse._spectra.solvers import solve

TIMES = [0.5, 1, 2, 5, 20]


@pytest.fixture(autouse=True)
def one_thread():
    """Problems this small take far longer on several threads."""
    with threadpool_limits(1):
        yield


def lanczos_density(S, plan=None, **params):
    return course.lanczos_density(S, plan or plan_for(S), **params)


def samples(kind, n, seed):
    rng = np.random.default_rng(seed)
    if kind == "uniform":
        return rng.uniform(size=(n, 12))
    if kind == "blobs":
        return make_blobs(n, 8, centers=6, random_state=seed)[0]
    return load_digits().data[rng.permutation(1797)[:n]]


def operator(X, kind, scale=1.0, alpha=0.5):
    """Operator in float32, as the solver gets it."""
    if kind == "graph":
        sigma = fit_bandwidth(X, "adaptive", scale=scale).sigma
        G = neighbors_affinity(X, 10, sigma).astype(np.float32)
        return operator_of(G, alpha)
    sigma = fit_bandwidth(X, kind, scale=scale).sigma
    G = gaussian_affinity(X, sigma, dtype=np.float32)
    return operator_of(G, alpha, positive_semidefinite=kind == "median")


PROBLEMS = [
    (data, kind, scale, seed)
    for seed, data in enumerate(["uniform", "blobs", "digits"])
    for kind in ["median", "adaptive", "graph"]
    for scale in [0.3, 1.0, 3.0]
]


@pytest.fixture(scope="module")
def solved():
    """Densities at tol=0.01 bits, and exact spectra, of 27 problems."""
    pairs = []
    with threadpool_limits(1):
        for data, kind, scale, seed in PROBLEMS:
            S = operator(samples(data, 600, seed), kind, scale)
            density = lanczos_density(S, tol=1e-2, random_state=seed)
            pairs.append((density, solve(S, "dense")))
    return pairs


def errors(solved, t):
    """Errors and standard errors at time t."""
    estimates = [density.entropy(t) for density, _ in solved]
    exact = np.array([spectrum.entropy(t).value for _, spectrum in solved])
    values, std_errors = np.transpose([one[:2] for one in estimates])
    return np.abs(values - exact), std_errors


def test_tolerance_is_kept(solved):
    # At the time asked for, 95 in 100 errors are to be below tol: 27 problems leave
    # room for four (probability 5 % if the share is 95 %).
    error, std_error = errors(solved, 1)
    assert np.sum(error <= 1e-2) >= 23
    assert np.all(std_error <= 1e-2)


@pytest.mark.parametrize("t", TIMES)
def test_standard_errors_cover_the_error_at_every_time(solved, t):
    # 2 standard errors cover 95 in 100 Gaussian errors, see above; none is far off.
    error, std_error = errors(solved, t)
    assert np.sum(error <= 2 * std_error) >= 22
    assert np.all(error <= 6 * std_error)


def test_interval_is_two_standard_errors(solved):
    for density, _ in solved[:3]:
        value, std_error, lower, upper, *_ = density.entropy(1)
        assert lower == pytest.approx(max(value - 2 * std_error, 0))
        assert upper == pytest.approx(value + 2 * std_error)


def test_density_has_the_known_moments(solved):
    for density, spectrum in solved:
        known, nodes, weights = density.eigenvalues, density.nodes, density.weights
        assert len(known) + weights.sum() == pytest.approx(600, abs=1e-2)
        assert known.sum() + weights @ nodes == pytest.approx(spectrum.trace, rel=1e-3)
        assert (known**2).sum() + weights @ nodes**2 == pytest.approx(
            spectrum.squared_norm, rel=1e-3
        )


def test_eigenvalues_found_are_eigenvalues(solved):
    for density, spectrum in solved:
        gaps = np.abs(density.eigenvalues[:, None] - spectrum.eigenvalues).min(axis=1)
        assert gaps.max() < 1e-4


def test_repeated_leading_eigenvalue():
    # Three components: 1, 1, 1 and after a long time nothing else.
    X = np.random.default_rng(0).normal(size=(450, 3))
    X += 1000 * np.arange(3).repeat(150)[:, None]
    S = operator(X, "graph")
    estimate = lanczos_density(S, t=2000, random_state=0).entropy(2000)
    exact = solve(S, "dense").entropy(2000).value
    assert estimate.std_error < 1e-3
    assert estimate.value == pytest.approx(exact, abs=2e-3)


def test_recurrence_integrates_what_its_probes_see():
    # Against the quadratic forms of the very same probes: no sampling error is left,
    # the rest is truncation. 1 - x² is a polynomial, so exact but for rounding.
    S = operator(samples("digits", 800, 1), "graph")
    lam, U = np.linalg.eigh(S.toarray())
    leading = S.leading_vector.astype(np.float32)[:, None]
    rng = np.random.default_rng(0)
    recurrence = begin(800, 8, leading, leading, rng)
    seen = np.square(U.T @ recurrence.vectors[1]).sum(axis=1)
    for _ in range(30):
        recurrence = advance(recurrence, S.matmat)
    for g, error in [(lambda x: 1 - x**2, 1e-5), (np.abs, 5e-4)]:
        values = [w @ g(x) for x, w, _ in mixture_of(recurrence)]
        assert np.mean(values) == pytest.approx(seen @ g(lam), rel=error)
        assert np.ptp(values) / 4 <= 20 * error * np.mean(values)


def test_recurrence_stops_where_the_space_is_complete():
    # Two clusters of identical samples: S has rank 2, one is the leading vector.
    S = operator(np.repeat([[0.0], [1.0]], 20, axis=0), "median")
    leading = S.leading_vector.astype(np.float32)[:, None]
    recurrence = begin(40, 3, leading, leading, np.random.default_rng(0))
    for _ in range(4):
        recurrence = advance(recurrence, S.matmat)
    assert np.all(np.isfinite(recurrence.vectors[1]))
    assert np.all(recurrence.beta[2:] == 0)


def test_tolerance_buys_accuracy():
    S = operator(samples("uniform", 800, 0), "graph")
    loose, tight = (lanczos_density(S, tol=tol, random_state=0) for tol in (0.1, 5e-3))
    assert tight.entropy(1).std_error <= 5e-3 < loose.entropy(1).std_error <= 0.1
    assert tight.n_columns > loose.n_columns


def test_steps_go_on_where_only_truncation_is_left():
    # exp(-d²/2σ_iσ_j) has small negative eigenvalues, to which steps converge slowly.
    # They are to end after 20, of 24 probes, where the error is 6e-3 bits and more.
    X = np.random.default_rng(0).uniform(size=(1500, 3))
    sigma = fit_bandwidth(X, "adaptive").sigma
    S = operator_of(np.exp(-(cdist(X, X) ** 2) / (2 * np.outer(sigma, sigma))))
    plan = replace(DENSE, max_steps=20)
    density = lanczos_density(S, plan, tol=1e-3, random_state=0)
    assert 20 < density.n_steps <= 40
    estimate = density.entropy(1)
    assert estimate.std_error <= 1e-3
    assert abs(estimate.value - solve(S, "dense").entropy(1).value) <= 2e-3


@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_few_dimensions(d, scale):
    # The spectrum decays so fast that S has a small numerical rank: in one dimension
    # the Krylov space is complete after two steps, and what follows is rounding.
    S = operator(np.random.default_rng(0).uniform(size=(800, d)), "median", scale)
    exact = solve(S, "dense").entropy(1).value
    for seed in range(3):
        value, std_error, *_ = lanczos_density(S, random_state=seed).entropy(1)
        assert abs(value - exact) <= 3 * std_error
        assert abs(value - exact) <= 2e-3


def test_standard_error_covers_the_truncation_in_three_dimensions():
    # The cut-off errs to one side there, so that errors do not average out over seeds.
    S = operator(np.random.default_rng(0).uniform(size=(1500, 3)), "median")
    exact = solve(S, "dense").entropy(1).value
    estimates = [lanczos_density(S, random_state=i).entropy(1) for i in range(12)]
    ratios = [(one.value - exact) / one.std_error for one in estimates]
    assert np.sqrt(np.mean(np.square(ratios))) <= 1.5


def test_basis_is_orthonormal_beyond_the_numerical_rank():
    n = 800
    S = operator(np.random.default_rng(0).uniform(size=(n, 1)), "median")
    leading = S.leading_vector.astype(np.float32).reshape(n, 1)
    krylov = start(n, 24, leading, leading, np.random.default_rng(0))
    while len(krylov.R) and krylov.n_steps < 5:
        krylov = step(krylov, S.matmat)
    Q = np.hstack([leading, krylov.basis[:, : len(krylov.T)]]).astype(float)
    np.testing.assert_allclose(Q.T @ Q, np.eye(Q.shape[1]), atol=1e-5)


def test_same_seed_same_bits():
    S = operator(samples("blobs", 300, 0), "adaptive")
    one, again, other = (lanczos_density(S, random_state=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.weights, again.weights)
    assert one.entropy(1) == again.entropy(1)
    assert one.entropy(1) != other.entropy(1)


@pytest.mark.parametrize("n", [2, 3, 5, 17])
def test_few_samples_are_exact(n):
    # As many probes as dimensions leave nothing to chance.
    S = operator(samples("uniform", n, 0), "median")
    estimate = lanczos_density(S, random_state=0).entropy(1)
    exact = solve(S, "dense").entropy(1).value
    assert estimate.value == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("matrix", [np.eye, lambda n: sp.eye_array(n, format="csr")])
def test_identity(matrix):
    S = operator_of(matrix(40).astype(np.float32))
    assert lanczos_density(S, random_state=0).entropy(1).value == pytest.approx(
        np.log2(40), abs=1e-4
    )


def test_tiles_and_matrix_agree():
    X = samples("digits", 1100, 0)
    dense, kept, anew = (
        diffusion_operator(G, positive_semidefinite=True)
        for G in (
            as_matrix(gaussian_affinity(X, 20.0, dtype=np.float32)),
            gaussian_tiles(X, 20.0, keep=True),
            gaussian_tiles(X, 20.0),
        )
    )
    values = [
        lanczos_density(S, random_state=0).entropy(1).value for S in (dense, kept)
    ]
    # The same probes, so that only the rounding of float32 differs.
    assert values[0] == pytest.approx(values[1], abs=1e-4)
    # Tiles that are made anew get blocks of another width, but are the same tiles.
    V = np.random.default_rng(0).normal(size=(1100, 3)).astype(np.float32)
    np.testing.assert_allclose(kept.matmat(V), anew.matmat(V), atol=1e-6)


def test_blocks_are_orthonormal_and_tridiagonalise():
    S = operator(samples("uniform", 200, 0), "median")
    v = S.leading_vector.astype(np.float32)[:, None]
    krylov = start(200, 6, v, v, np.random.default_rng(0))
    for _ in range(5):
        krylov = step(krylov, S.matmat)
    Q = krylov.basis[:, : len(krylov.T)].astype(float)
    np.testing.assert_allclose(Q.T @ Q, np.eye(30), atol=2e-6)
    np.testing.assert_allclose(Q.T @ v, 0, atol=2e-6)
    np.testing.assert_allclose(Q.T @ S.toarray() @ Q, krylov.T, atol=2e-6)
    assert krylov.n_steps == 5
    assert krylov.n_probes == 6


def test_estimator_warns_where_tol_is_out_of_reach():
    X = samples("uniform", 80, 0)
    dse = DiffusionSpectralEntropy(
        affinity="nearest_neighbors", eigen_solver="lanczos", tol=1e-8, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="reached a standard error of .* above"):
        dse.fit(X)
    assert dse.entropy_std_error_ > 1e-8


def test_estimator_tells_its_error():
    X = samples("digits", 1000, 0)
    exact = DiffusionSpectralEntropy(eigen_solver="dense").fit(X).entropy_
    dse = DiffusionSpectralEntropy(eigen_solver="lanczos", random_state=0).fit(X)
    assert 0 < dse.entropy_std_error_ <= dse.tol
    assert abs(dse.entropy_ - exact) <= 2 * dse.tol
    lower, upper = dse.entropy_interval_
    assert lower < dse.entropy_ < upper
    assert dse.eigenvalues_[0] == 1
    assert dse.score(X) == dse.entropy_
    assert dse.entropy_curve([1.0])[0] == dse.entropy_


@pytest.mark.parametrize("seed", range(3))
def test_tiles_that_are_made_anew_take_few_wide_products(seed):
    # Of 300 features, making a tile costs as much as 160 columns of a product.
    X = 3 * np.random.default_rng(0).normal(size=(900, 12))
    X = X @ np.random.default_rng(1).normal(size=(12, 300))
    sigma = fit_bandwidth(X, "median").sigma
    exact = solve(operator(X, "median"), "dense").entropy(1).value
    kept, anew = (gaussian_tiles(X, sigma, keep=keep) for keep in (True, False))
    for G in (kept, anew):
        S = diffusion_operator(G, positive_semidefinite=True)
        estimate = lanczos_density(S, random_state=seed).entropy(1)
        assert abs(estimate.value - exact) <= 3 * estimate.std_error <= 3e-3
    assert anew.n_products < kept.n_products


class Costly:
    """Operator of many samples whose tiles are made anew for each product."""

    is_sparse, fixed_columns = False, 400

    def __init__(self, n_samples):
        self.n_samples = n_samples


@pytest.mark.parametrize(
    ("n_samples", "first", "later"),
    [(60_000, 64, 128), (200_000, 20, 83), (1_000_000, 16, 16)],
)
def test_blocks_of_costly_products_are_wide_and_fit_in_memory(n_samples, first, later):
    operator = Costly(n_samples)
    plan = plan_for(operator)
    assert plan.first_columns(operator) == first
    assert plan.later_columns(operator) == later
    # 16 steps of a later block take a gibibyte of float32 at most.
    assert 16 * later * n_samples * 4 <= 2**30 or later == 16
