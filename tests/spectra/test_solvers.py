"""Solvers against a dense float64 solution."""

import numpy as np
import pytest
import scipy.sparse as sp
from affinities import gaussian_affinity, neighbors_affinity, operator_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import ArpackNoConvergence
from sklearn.exceptions import ConvergenceWarning, EfficiencyWarning

from skdse import DiffusionSpectralEntropy
from skdse._spectra import solvers as _solvers
from skdse._spectra.bandwidth import fit_bandwidth
from skdse._spectra.solvers import (
    all_pairs_seconds,
    choose_solver,
    solve,
    warn_if_long,
)


def data(kind, n, d, seed):
    rng = np.random.default_rng(seed)
    if kind == "uniform":
        return rng.uniform(size=(n, d))
    if kind == "clusters":  # far apart: the eigenvalue 1 is repeated
        return rng.normal(size=(n, d)) + 100 * rng.integers(3, size=(n, 1))
    return np.repeat(rng.normal(size=(n // 2 + 1, d)), 2, axis=0)[:n]  # duplicates


def operator(X, kind, scale, alpha):
    if kind == "graph":
        sigma = fit_bandwidth(X, "adaptive", scale=scale).sigma
        return operator_of(neighbors_affinity(X, 6, sigma), alpha)
    sigma = fit_bandwidth(X, kind, scale=scale).sigma
    return operator_of(
        gaussian_affinity(X, sigma), alpha, positive_semidefinite=kind == "median"
    )


@settings(max_examples=150, deadline=None)
@given(
    shape=st.sampled_from(["uniform", "clusters", "duplicates"]),
    n=st.integers(20, 120),
    d=st.integers(1, 10),
    kind=st.sampled_from(["median", "adaptive", "graph"]),
    scale=st.sampled_from([0.1, 0.5, 1.0, 3.0]),
    alpha=st.sampled_from([0.0, 0.5, 1.0]),
    t=st.sampled_from([0.5, 1, 2, 5]),
    n_components=st.integers(1, 18),
    seed=st.integers(0, 100),
)
@example("duplicates", 20, 1, "median", 0.1, 0.0, 0.5, 12, 1)
def test_arpack_interval_contains_the_dense_value(
    shape, n, d, kind, scale, alpha, t, n_components, seed
):
    S = operator(data(shape, n, d, seed), kind, scale, alpha)
    exact = solve(S, "dense").entropy(t).value
    estimate = solve(S, "arpack", n_components=n_components, random_state=seed).entropy(
        t
    )
    assert estimate.lower - 1e-9 <= exact <= estimate.upper + 1e-9


@pytest.mark.parametrize("kind", ["median", "adaptive", "graph"])
@pytest.mark.parametrize("t", [1, 2, 5])
def test_arpack_interval_closes_as_n_components_grows(kind, t):
    S = operator(data("uniform", 150, 3, 0), kind, 1.0, 0.5)
    widths = []
    for k in (5, 20, 60, 120):
        estimate = solve(S, "arpack", n_components=k, random_state=0).entropy(t)
        widths.append(estimate.upper - estimate.lower)
    assert np.all(np.diff(widths) <= 1e-9)
    assert widths[-1] < 0.1 * widths[0] or widths[-1] < 1e-9


def test_arpack_finds_the_largest_moduli():
    S = operator(data("uniform", 100, 3, 0), "graph", 1.0, 0.5)
    exact = np.linalg.eigvalsh(S.toarray())
    exact = exact[np.argsort(-np.abs(exact))]
    spectrum = solve(S, "arpack", n_components=10, random_state=0)
    np.testing.assert_allclose(spectrum.eigenvalues, exact[:10], atol=1e-12)
    # The ceiling lies above by the tolerance that both were solved to.
    assert 0 <= spectrum.ceiling - abs(exact[10]) <= 2e-12
    assert not spectrum.is_complete


def test_arpack_sees_copies_of_a_repeated_eigenvalue():
    # Nine components of two samples each: the eigenvalue 1 nine times.
    S = operator_of(sp.csr_array(np.kron(np.eye(9), np.ones((2, 2)))))
    spectrum = solve(S, "arpack", n_components=4, random_state=0)
    assert spectrum.ceiling == pytest.approx(1)
    estimate = spectrum.entropy(3)
    assert estimate.lower - 1e-9 <= np.log2(9) <= estimate.upper + 1e-9


@pytest.mark.parametrize("n_components", [29, 30, 1000])
def test_arpack_for_all_eigenvalues_is_dense(n_components):
    S = operator(data("uniform", 30, 3, 0), "median", 1.0, 0.5)
    spectrum = solve(S, "arpack", n_components=n_components)
    assert spectrum.is_complete
    np.testing.assert_array_equal(spectrum.eigenvalues, solve(S, "dense").eigenvalues)


def test_dense_finds_all_eigenvalues_largest_modulus_first():
    S = operator(data("uniform", 40, 3, 0), "graph", 1.0, 0.5)
    found = solve(S, "dense").eigenvalues
    assert np.all(np.diff(np.abs(found)) <= 0)
    assert found[0] == pytest.approx(1)
    np.testing.assert_allclose(np.sort(found), np.linalg.eigvalsh(S.toarray()))


@pytest.mark.parametrize("kind", ["semidefinite", "indefinite", "sparse"])
def test_auto_is_dense_for_small_problems(kind):
    largest = _solvers.DENSE_MAX_SAMPLES[kind]
    for_many = "dense" if largest <= _solvers.SINGLE_SAMPLES else "dense32"
    assert choose_solver("auto", 500, kind) == "dense"
    assert choose_solver("auto", largest, kind) == for_many
    assert choose_solver("auto", largest + 1, kind) == "lanczos"
    assert choose_solver("arpack", largest, kind) == "arpack"


def announce(n_samples, n_features, solver, keeps_tiles):
    seconds = all_pairs_seconds(n_samples, n_features, solver, keeps_tiles)
    warn_if_long(seconds, n_samples, solver)


@pytest.mark.parametrize(
    "n_samples, solver, keeps_tiles, way_out",
    [
        (20_000, "dense", True, "eigen_solver='lanczos'"),
        (300_000, "lanczos", False, "tol"),
    ],
)
def test_long_job_is_announced_with_its_alternatives(
    n_samples, solver, keeps_tiles, way_out
):
    with pytest.warns(EfficiencyWarning, match=f"minutes.*nearest.*{way_out}.*max_sam"):
        announce(n_samples, 64, solver, keeps_tiles)


def test_short_job_is_not_announced():
    # Warnings are errors here.
    announce(6000, 784, "dense", True)
    announce(20_000, 64, "lanczos", True)


def test_lanczos_takes_as_long_as_all_eigenvalues_where_auto_changes_over():
    n = _solvers.DENSE_MAX_SAMPLES["indefinite"]
    seconds = [
        all_pairs_seconds(n, 8, solver, True, "indefinite")
        for solver in ("dense32", "lanczos")
    ]
    assert seconds[0] == pytest.approx(seconds[1])


@pytest.mark.parametrize(("solver", "n"), [("dense", 15_000), ("lanczos", 100_000)])
def test_estimator_announces_before_the_work(solver, n):
    class Work(Exception):
        pass

    def metric(x, y):
        raise Work

    X = np.random.default_rng(0).normal(size=(n, 2))
    dse = DiffusionSpectralEntropy(bandwidth=1.0, metric=metric, eigen_solver=solver)
    with pytest.warns(EfficiencyWarning, match=f"All pairs of {n} samples"):
        with pytest.raises(Work):
            dse.fit(X)


class Unsolved:
    """Operator on which ARPACK gives up, after it has found some eigenvalues."""

    def __init__(self, operator, found):
        self.operator, self.found = operator, found

    def __getattr__(self, name):
        return getattr(self.operator, name)

    def matvec(self, v):
        raise ArpackNoConvergence("no", np.array(self.found), None)


def test_arpack_that_does_not_converge_leaves_small_problems_to_lapack():
    S = operator(data("uniform", 60, 3, 0), "median", 1.0, 0.5)
    found = solve(Unsolved(S, [1.0]), "arpack", n_components=5, random_state=0)
    np.testing.assert_array_equal(found.eigenvalues, solve(S, "dense").eigenvalues)


@pytest.mark.parametrize("found", [[1.0, 0.5], [0.5]])
def test_arpack_that_does_not_converge_tells_what_it_has_found(found):
    # A ring of 4500 samples, whose eigenvalues are (1 + cos) / 2 of equal angles.
    n = 4500
    ring = sp.eye_array(n, format="csr")
    ring = ring + 0.5 * sp.diags_array(
        np.ones((4, n)), offsets=[-1, 1, n - 1, 1 - n], shape=(n, n)
    )
    S = Unsolved(operator_of(sp.csr_array(ring)), found)
    with pytest.warns(ConvergenceWarning, match=f"found {len(found)} of 5 eigenvalues"):
        spectrum = solve(S, "arpack", n_components=5, random_state=0)
    np.testing.assert_array_equal(spectrum.eigenvalues, [1.0, 0.5])
    assert spectrum.ceiling == 1
    p = (1 + np.cos(2 * np.pi * np.arange(n) / n)) / 2
    p = p[p > 1e-12] / p.sum()
    estimate = spectrum.entropy(1)
    assert estimate.lower <= -np.sum(p * np.log2(p)) <= estimate.upper


class Huge:
    """Operator whose dense matrix fits nowhere."""

    n_samples = 10**8

    def leading_block(self):
        return np.zeros((1, 1), np.float32)


@pytest.mark.parametrize("solver", ["dense", "dense32"])
def test_all_eigenvalues_that_do_not_fit_are_refused_before_any_work(solver):
    with pytest.raises(MemoryError, match=r"eigen_solver='lanczos'.*max_samples"):
        solve(Huge(), solver)
