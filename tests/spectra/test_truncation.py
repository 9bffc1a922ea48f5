"""Errors of a density that no spread of its probes shows: truncation and rounding."""

from dataclasses import replace

import numpy as np
import pytest
from affinities import gaussian_affinity, operator_of
from medians import median_distance
from sklearn.datasets import load_digits, make_swiss_roll
from threadpoolctl import threadpool_limits

from skdse._spectra import tiles
from skdse._spectra.bandwidth import Bandwidth
from skdse._spectra.diffusion import diffusion_operator
from skdse._spectra.kernels import GaussianEntries
from skdse._spectra.lanczos.course import lanczos_density
from skdse._spectra.lanczos.krylov import start, step
from skdse._spectra.lanczos.plan import DENSE
from skdse._spectra.lanczos.quadrature import contrasts_of, drifts_of, rules_of
from skdse._spectra.solvers import solve

SAMPLES = {
    "digits": load_digits().data,
    "roll": make_swiss_roll(1500, noise=0.3, random_state=0)[0],
    "uniform": np.random.default_rng(0).uniform(size=(1500, 6)),
}


def krylovs_of(S, n_steps, b=24):
    """Krylov spaces of b probes after each of so many steps."""
    leading = S.leading_block()
    krylov, found = (
        start(S.n_samples, b, leading, leading, np.random.default_rng(0)),
        [],
    )
    for _ in range(n_steps):
        krylov = step(krylov, S.matmat)
        found.append(krylov)
    return found


def mean_of(rules):
    """Mean of -x log2 x over a mixture of rules."""
    return sum(one.share * (one.weights @ information(one.nodes)) for one in rules)


def information(x):
    return -np.abs(x) * np.log2(np.maximum(np.abs(x), 1e-300))


def largest(guesses):
    return max(abs(one.weights @ information(one.nodes)) for one in guesses)


@pytest.mark.parametrize("name", SAMPLES)
def test_last_steps_tell_the_truncation_error(name):
    # The same probes after many more steps are the truth.
    X = SAMPLES[name]
    G = gaussian_affinity(X, median_distance(X) / 2, dtype=np.float32)
    with threadpool_limits(1):
        krylovs = krylovs_of(operator_of(G), 30)
        exact = mean_of(rules_of(krylovs[-1], psd=True))
        told, drifted = [], []
        for krylov in krylovs[7:15:2]:
            rules = rules_of(krylov, psd=True)
            told.append(largest(contrasts_of(rules, True, 1.0)))
            drifted.append(largest(drifts_of(krylov, rules, 1.0)))
            # 3e-6 is the rounding of float32.
            assert abs(mean_of(rules) - exact) <= 2 * drifted[-1] + 3e-6
    if name == "digits":  # where the difference of the two rules tells far too much
        assert all(b < 0.5 * a for a, b in zip(told[:2], drifted[:2], strict=True))


def test_steps_end_where_their_drift_is_small():
    # Probes are so many that truncation is half of what is left.
    X = SAMPLES["digits"]
    G = gaussian_affinity(X, median_distance(X) / 2, dtype=np.float32)
    with threadpool_limits(1):
        S = operator_of(G, positive_semidefinite=True)
        found = lanczos_density(S, replace(DENSE, block=(48, 48)), random_state=0)
        exact = solve(S, "dense").entropy(1).value
    estimate = found.entropy(1)
    assert abs(estimate.value - exact) <= 2 * estimate.std_error <= 2e-3
    # The two signs of a drift; a difference of two rules is one guess.
    assert [len(guesses) for _, guesses in found.contrasts] == [2]


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_independent_errors_of_entries_cancel_but_for_the_curvature(share, monkeypatch):
    # Codes of 10 bits: what they do is far above what else errs.
    monkeypatch.setattr(tiles, "LARGEST_CODE", 2**10 - 1)
    X = SAMPLES["digits"].astype(np.float32)
    entries = GaussianEntries(X, Bandwidth(median_distance(X) / 2))

    def moved(room):
        G = tiles.TiledKernel(entries, room)
        S = diffusion_operator(G, positive_semidefinite=True)
        return lanczos_density(S, DENSE, random_state=0), solve(S, "dense").entropy(1)

    with threadpool_limits(1):
        (_, exact), (density, found) = moved(np.inf), moved(share * 4 * len(X) ** 2)
    error, stated = abs(found.value - exact.value), density.errors(1).rounding
    assert 1e-4 < error <= 2 * stated
    assert stated <= 15 * error
