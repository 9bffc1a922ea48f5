"""Stochastic Lanczos quadrature: the spectral density of S to a tolerance.

Haar-distributed, orthogonal probes (orthogonal to the known leading eigenvector too)
are advanced by block Lanczos. A converged Ritz value is an eigenvalue and gets the
weight 1, not what the probes happen to give it; the density is that of the others.
Steps are added until truncation is small, probes until the sampling error is.
"""

from dataclasses import dataclass, replace

import numpy as np

from ._density import SpectralDensity, calibrated
from ._diffusion import DiffusionOperator
from ._krylov import start, step
from ._progress import say
from ._quadrature import contrasts_of, n_converged, pool, rules_of

# Probes of the first block: fewer of many samples, whose basis must fit in memory and
# whose variance is small.
FIRST_COLUMNS, FIRST_PROBES = 4_000_000, 16
MAX_PROBES, MAX_STEPS = 512, 40
# Columns of a block of later probes, of a sparse operator and of others: T grows with
# them, and with T the time of its eigenvalues.
SMALL_BLOCK, LARGE_BLOCK = 8, 32
MIN_STEPS = 4
# Steps between two looks at the error grow by this factor.
LOOKS = 1.15
# Steps of later probes, of what the first ones make: a guess, to plan with.
REFINING_STEPS = 0.5
# Standard error aimed at, as a share of `tol`: then the error is below `tol` in 95 of
# 100 requests.
MARGIN = 0.75
# Largest T: beyond, its eigendecomposition costs more than products.
MAX_SIZE = 512
# Shares of the tolerance for sampling and truncation (their squares add up).
SAMPLING_SHARE, TRUNCATION_SHARE = 0.85, 0.45


@dataclass(frozen=True)
class _Request:
    """What is asked: the standard error at a time t, and where to give up."""

    operator: DiffusionOperator
    t: float
    target: float  # [bits]
    max_probes: int
    max_steps: int
    verbose: int = 0

    def tell(self, density):
        """Say how far the standard error is, if verbose."""
        if self.verbose:
            say(
                f"lanczos: {density.n_probes} probes, {density.n_steps} steps: "
                f"standard error {density.entropy(self.t).std_error:.1e} bits, "
                f"{self.target:.1e} asked for"
            )


def lanczos_density(
    operator,
    *,
    t=1,
    tol=1e-3,
    n_probes=None,
    max_probes=MAX_PROBES,
    max_steps=MAX_STEPS,
    random_state=None,
    verbose=0,
):
    """Spectral density of the operator, good for the entropy at time t.

    Its standard error is `MARGIN` times tol or less, [bits], unless max_probes and
    max_steps are spent. Other times have their own standard errors.
    """
    rng = np.random.default_rng(random_state)
    n = operator.n_samples
    request = _Request(operator, t, MARGIN * tol, max_probes, max_steps, verbose)
    leading = operator.leading_vector.astype(np.float32).reshape(n, 1)
    b = min(n_probes or _first_probes(operator), n - 1)
    krylov, density, U = _explore(request, start(n, b, leading, leading, rng))
    found = krylov.basis[:, : len(U)] @ U.astype(np.float32)
    probes = np.array(krylov.basis[:, :b])
    del krylov  # its basis is large
    return _refine(request, density, np.hstack([leading, found]), probes, rng)


def _block(operator):
    """Columns of a block: many where a product costs much besides its columns."""
    fixed = operator.fixed_columns
    return SMALL_BLOCK if fixed == 0 else LARGE_BLOCK


def _first_probes(operator):
    """Columns of the first block: fewer of many samples."""
    most = FIRST_PROBES if operator.fixed_columns < 4 * LARGE_BLOCK else LARGE_BLOCK
    most = min(most, _block(operator))
    return int(np.clip(FIRST_COLUMNS // operator.n_samples, 4, most))


def _explore(request, krylov):
    """Step until the tolerance is met or more probes are the better way to it."""
    before, look = None, MIN_STEPS + (not request.operator.positive_semidefinite)
    while True:
        krylov = step(krylov, request.operator.matmat)
        steps, spent = krylov.n_steps, not len(krylov.R)
        spent |= steps >= request.max_steps or len(krylov.T) + len(krylov.R) > MAX_SIZE
        if steps < look and not spent:
            continue
        density, U = _first_density(request, krylov)
        request.tell(density)
        if spent or _enough_steps(request, density, before):
            return krylov, density, U
        before, look = density, max(steps + 1, int(LOOKS * steps))


def _enough_steps(request, density, before):
    """Whether steps are enough; `before` is the density at the last look."""
    sampling, truncation, rounding = density.errors(request.t)
    if np.hypot(sampling, truncation) <= max(request.target, rounding / 2):
        return True
    target = SAMPLING_SHARE * request.target
    return (
        before is not None
        and truncation <= TRUNCATION_SHARE * request.target
        and sampling > target
        and _probes_are_cheaper(request, density, before, target)
    )


def _probes_are_cheaper(request, density, before, target):
    """Whether more probes cost fewer columns than more steps of the same probes."""
    sampling, sampling_before = (d.errors(request.t)[0] for d in (density, before))
    missing = _missing_probes(density, sampling, target)
    if density.n_probes + missing > request.max_probes:
        return False
    fixed = request.operator.fixed_columns
    columns = missing + fixed * np.ceil(missing / _block(request.operator))
    probes = REFINING_STEPS * density.n_steps * columns
    rate = np.log(max(sampling_before / sampling, 1.0 + 1e-9))
    rate /= density.n_steps - before.n_steps
    steps = (fixed + density.n_probes) * np.log(sampling / target) / rate
    return probes <= steps


def _missing_probes(density, sampling, target):
    """Probes to add so that the sampling error falls to the target."""
    n_rest = density.n_rest
    odds = (n_rest / density.n_probes - 1) * (target / sampling) ** 2
    return int(np.ceil(n_rest / (1 + odds))) - density.n_probes


def _refine(request, density, fixed, probes, rng):
    """Add blocks of probes until the tolerance is met or probes run out."""
    most = min(request.max_probes, density.n_rest)
    while (
        density.n_probes < most
        and density.entropy(request.t).std_error > request.target
    ):
        sampling = density.errors(request.t)[0]
        missing = _missing_probes(density, sampling, SAMPLING_SHARE * request.target)
        if missing <= 0:  # truncation or rounding is what is left
            break
        b = min(missing, most - density.n_probes, _block(request.operator))
        krylov = start(request.operator.n_samples, b, fixed, probes, rng)
        probes = np.hstack([probes, krylov.basis[:, : len(krylov.R)]])
        density = _with_probes(request, density, _spend(request, krylov, density))
    return density


def _spend(request, krylov, density):
    """Advance new probes until they are cut off no worse than the first ones.

    What is known is projected out of them, so they need fewer steps.
    """
    bound = max(TRUNCATION_SHARE * request.target, density.errors(request.t)[1])
    looks = [share * density.n_steps // 4 for share in (2, 3)]
    if not request.operator.positive_semidefinite:
        looks = []  # a look costs more than the steps that it may save
    while True:
        krylov = step(krylov, request.operator.matmat)
        if not len(krylov.R) or krylov.n_steps >= density.n_steps:
            return krylov
        if krylov.n_steps in looks and krylov.n_steps >= MIN_STEPS:
            refined = _with_probes(request, density, krylov)
            if refined.errors(request.t)[1] <= bound:
                return krylov


def _first_density(request, krylov):
    """Density from the first probes, and the eigenvectors found, as Q U."""
    operator, b = request.operator, krylov.n_probes
    psd = operator.positive_semidefinite
    k, theta, U = n_converged(krylov)
    rules = rules_of(krylov, psd)
    nodes, seen = pool([(share, x[k:], w[k:]) for share, x, w in rules])
    density = SpectralDensity(
        n_samples=operator.n_samples,
        trace=operator.trace,
        squared_norm=operator.squared_norm,
        eigenvalues=np.concatenate([[1.0], theta[:k]]),
        nodes=nodes,
        seen=seen,
        weights=seen,
        contrasts=((1.0, contrasts_of(rules, psd, (operator.n_samples - 1) / b)),),
        n_probes=b,
        n_steps=krylov.n_steps,
        n_columns=len(krylov.T),
    )
    return calibrated(density), U[:, :k]


def _with_probes(request, density, krylov):
    """Density pooled with that of new probes, orthogonal to what is known."""
    psd = request.operator.positive_semidefinite
    rules, b = rules_of(krylov, psd), krylov.n_probes
    nodes, seen = pool(rules)
    new = b / (density.n_probes + b)
    contrasts = [((1 - new) * share, guesses) for share, guesses in density.contrasts]
    contrasts.append((new, contrasts_of(rules, psd, density.n_rest / b)))
    return calibrated(
        replace(
            density,
            nodes=np.concatenate([density.nodes, nodes]),
            seen=np.concatenate([density.seen, seen]),
            contrasts=tuple(contrasts),
            n_probes=density.n_probes + b,
            n_columns=density.n_columns + len(krylov.T),
        )
    )
