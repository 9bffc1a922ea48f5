"""Looks of Lanczos at its error: few where they are costly, and none in vain."""

import numpy as np
import pytest
from affinities import gaussian_affinity, operator_of
from sklearn.datasets import load_digits, make_blobs
from threadpoolctl import threadpool_limits

from skdse._spectra.bandwidth import fit_bandwidth
from skdse._spectra.lanczos import course, density
from skdse._spectra.lanczos.plan import DENSE
from skdse._spectra.solvers import solve

SAMPLES = {
    "digits": load_digits().data[:700],
    "blobs": make_blobs(700, 16, centers=6, random_state=0)[0],
    "uniform": np.random.default_rng(0).uniform(size=(700, 8)),
}


def indefinite_operator(X):
    """Operator of an adaptive Gaussian of squared distances."""
    sigma = fit_bandwidth(X, "adaptive", metric="sqeuclidean").sigma
    return operator_of(gaussian_affinity(X, sigma, "sqeuclidean", np.float32))


@pytest.fixture
def counts(monkeypatch):
    """Steps at which continued matrices T were decomposed."""
    steps = []

    def counted(krylov, *args):
        steps.append(krylov.n_steps)
        return rules_of(krylov, *args)

    rules_of = course.rules_of
    monkeypatch.setattr(course, "rules_of", counted)
    return steps


@pytest.mark.parametrize("name", SAMPLES)
def test_few_looks_at_an_indefinite_spectrum(name, counts):
    # From 5 steps on by factors of 1.15 there would be 10 looks and more.
    S = indefinite_operator(SAMPLES[name])
    with threadpool_limits(1):
        found = course.lanczos_density(S, DENSE, tol=1e-2, random_state=0)
        exact = solve(S, "dense").entropy(1).value
    first = [n for n, before in zip(counts, [0, *counts], strict=False) if n > before]
    assert 1 <= len(first) <= 7
    estimate = found.entropy(1)
    assert estimate.std_error <= 1e-2
    assert abs(estimate.value - exact) <= 3 * estimate.std_error


def test_next_look_is_where_the_error_can_be_small():
    # An error of 2^5 times the bound, which falls with the fifth power at most, is not
    # below it before twice the steps; no look is further than half of the steps away.
    steps = DENSE.steps_to_next_look
    assert steps(20) == steps(20, 0.1) == int(20 * DENSE.look_factor)
    assert steps(20, 1.3**5 + 1e-9) == 26
    assert steps(20, 2.0**5) == 30
    assert steps(1, 0.0) == 2


def test_errors_are_found_once_for_each_time(monkeypatch):
    calls = []
    found = density._errors_at
    monkeypatch.setattr(
        density, "_errors_at", lambda one, t: calls.append(t) or found(one, t)
    )
    S = indefinite_operator(SAMPLES["blobs"][:60])
    one = course.lanczos_density(S, DENSE, tol=0.1, random_state=0)
    calls.clear()
    assert one.errors(2.5) == one.errors(2.5)
    assert density.calibrated(one).errors(2.5) == one.errors(2.5)
    assert calls == [2.5, 2.5]
