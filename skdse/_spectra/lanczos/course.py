"""Stochastic Lanczos quadrature: the spectral density of S to a tolerance.

Haar-distributed, orthogonal probes (orthogonal to the known leading eigenvector too)
are advanced by block Lanczos. A converged Ritz value is an eigenvalue and gets the
weight 1, not what the probes happen to give it; the density is that of the others.
Steps are added until truncation is small, probes until the sampling error is.

The spectrum of a sparse graph is wide and flat, of a Gaussian of all pairs narrow with
a few large eigenvalues. So the first wants many steps, and block Lanczos only finds its
leading eigenvectors; the probes of its density are advanced by a recurrence.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..._tools.progress import say
from ..diffusion import DiffusionOperator
from .density import SpectralDensity, calibrated
from .krylov import start, step
from .quadrature import (
    contrasts_of,
    difference,
    gauss_rule,
    is_semidefinite,
    lifted_rule,
    n_converged,
    pool,
    ritz_pairs,
    rules_of,
)
from .recurrence import advance, begin, guesses_of, mixture_of

# Elements of the first block at most: fewer columns of many samples, whose basis must
# fit in memory and whose variance is small.
FIRST_COLUMNS = 4_000_000
MAX_PROBES, MAX_STEPS = 512, 40
# Those of a recurrence, whose products are cheap.
MAX_RECURRENCE_PROBES = 2048
# Columns of a block, of a sparse operator and of others (least, most): as many as cost
# what the product costs besides. T grows with them, and the time of its eigenvalues.
SMALL_BLOCK, LARGE_BLOCK = 8, (24, 32)
# From this time on the kink of |x|^t at 0 is smooth enough for Gauss rules.
SMOOTH_TIME = 3
# A block of a recurrence, which keeps no basis and has no large T: columns, elements.
RECURRENCE_BLOCK, RECURRENCE_ELEMENTS = 128, 3_200_000
MIN_STEPS = 4
# Steps of the recurrence: at the first look, and at most.
FIRST_LOOK, MAX_RECURRENCE_STEPS = 20, 250
# Steps between two looks at the error grow by this factor, and those of a recurrence.
LOOKS, RECURRENCE_LOOKS = 1.15, 1.25
# Steps of later probes, of what the first ones make, and of a recurrence: guesses, to
# plan with.
REFINING_STEPS, RECURRENCE_STEPS = 0.5, 30
# Standard error aimed at, as a share of `tol`: then the error is below `tol` in 97 of
# 100 requests.
MARGIN, RECURRENCE_MARGIN = 0.75, 0.55
# Largest T: beyond, its eigendecomposition costs more than products. Twice as large
# where the tiles of the affinity are made anew for each; and, with twice the steps,
# where truncation is what is left, which no more probes mend.
MAX_SIZE = 768
# Elements of the basis at most: 1 GiB.
MAX_BASIS = 2**28
# Shares of the tolerance for sampling and truncation (their squares add up).
SAMPLING_SHARE, TRUNCATION_SHARE = 0.85, 0.45
RECURRENCE_SHARE = 0.55


@dataclass(frozen=True)
class _Request:
    """What is asked: the standard error at a time t, and where to give up."""

    operator: DiffusionOperator
    t: float
    target: float  # [bits]
    max_probes: int
    max_steps: int
    semidefinite: bool  # no eigenvalue below 0, but for some that are known
    verbose: int = 0

    @property
    def recurs(self):
        """Whether the spectrum is wide and flat, so that many steps are needed."""
        return self.operator.is_sparse

    def knowing(self, ritz, k):
        """Return the request, the first k Ritz pairs known."""
        semidefinite = self.operator.positive_semidefinite
        return replace(self, semidefinite=semidefinite or is_semidefinite(ritz, k))

    @property
    def block(self):
        """Columns of a block of later probes."""
        if not self.recurs:
            return wide_block(self.operator)
        most = RECURRENCE_ELEMENTS // self.operator.n_samples
        return int(np.clip(most, 4, RECURRENCE_BLOCK))

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
    max_probes=None,
    max_steps=MAX_STEPS,
    random_state=None,
    verbose=0,
):
    """Spectral density of the operator, good for the entropy at time t.

    Its standard error is a share of tol or less, [bits], unless max_probes and
    max_steps are spent: `MARGIN`, or `RECURRENCE_MARGIN` on a sparse graph. Other times
    have their own standard errors.
    """
    rng = np.random.default_rng(random_state)
    n = operator.n_samples
    recurs = operator.is_sparse
    target = (RECURRENCE_MARGIN if recurs else MARGIN) * tol
    if max_probes is None:
        most = int(np.clip(MAX_BASIS // n, 4, MAX_RECURRENCE_PROBES))
        max_probes = most if recurs else MAX_PROBES
    psd = operator.positive_semidefinite
    request = _Request(operator, t, target, max_probes, max_steps, psd, verbose)
    leading = operator.leading_vector.astype(np.float32).reshape(n, 1)
    b = min(n_probes or _first_probes(operator), n - 1)
    krylov, density, ritz, k = _explore(request, start(n, b, leading, leading, rng))
    U = ritz.vectors[:, :k].astype(np.float32)
    fixed = np.hstack([leading, krylov.basis[:, : len(U)] @ U])
    request = request.knowing(ritz, k)
    if request.recurs:
        del krylov  # its basis is large
        return _resample(request, density, fixed, rng)
    probes = np.array(krylov.basis[:, :b])
    del krylov
    return _refine(request, density, fixed, probes, rng)


def wide_block(operator):
    """Columns of a block that is to make the best of each product."""
    return int(np.clip(operator.fixed_columns, *LARGE_BLOCK))


def _first_probes(operator):
    """Columns of the first block: fewer of many samples."""
    most = SMALL_BLOCK if operator.is_sparse else wide_block(operator)
    return int(np.clip(FIRST_COLUMNS // operator.n_samples, 4, most))


def _explore(request, krylov):
    """Step until the tolerance is met or more probes are the better way to it."""
    operator, before = request.operator, None
    look = MIN_STEPS + (not operator.positive_semidefinite)
    costly = operator.fixed_columns > LARGE_BLOCK[1]
    room = MAX_BASIS // operator.n_samples
    max_size = min(MAX_SIZE * (1 + costly), room)
    max_steps = max_size if request.recurs else request.max_steps
    extensible = not (costly or request.recurs)
    while True:
        krylov = step(krylov, operator.matmat)
        steps, spent = krylov.n_steps, not len(krylov.R)
        full = steps >= max_steps or len(krylov.T) + len(krylov.R) > max_size
        if steps < look and not (spent or full):
            continue
        ritz = ritz_pairs(krylov)
        k = n_converged(ritz, krylov.n_probes, operator.n_samples)
        request = request.knowing(ritz, k)
        density = _first_density(request, krylov, ritz, k)
        if spent or full or _few_missing(request, density, before):
            # Only now what takes more eigenvalues: how much truncation may matter.
            density = _first_density(request, krylov, ritz, k, continued=True)
            request.tell(density)
            if spent or _enough_steps(request, density, before):
                return krylov, density, ritz, k
            if full and not (extensible and _is_cut_off(request, density)):
                return krylov, density, ritz, k
            if full:
                max_size, max_steps = min(2 * max_size, room), 2 * max_steps
                extensible = False
        before, look = density, max(steps + 1, int(LOOKS * steps))


def _is_cut_off(request, density):
    """Whether truncation alone is above the tolerance."""
    _, truncation, rounding = density.errors(request.t)
    return truncation > max(request.target, rounding)


def _few_missing(request, density, before):
    """Whether sampling alone lets the steps end."""
    sampling, _, rounding = density.errors(request.t)
    if sampling <= max(request.target, rounding / 2):
        return True
    target = SAMPLING_SHARE * request.target
    return before is not None and _probes_are_cheaper(request, density, before, target)


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
    if request.recurs:  # with probes of its own
        missing += density.n_probes
        columns = missing + fixed * np.ceil(missing / request.block)
        probes = RECURRENCE_STEPS * columns
    else:
        columns = missing + fixed * np.ceil(missing / request.block)
        probes = REFINING_STEPS * density.n_steps * columns
    rate = np.log(max(sampling_before / sampling, 1.0 + 1e-9))
    rate /= density.n_steps - before.n_steps
    steps = (fixed + density.n_probes) * np.log(sampling / target) / rate
    return probes <= steps


def _missing_probes(density, sampling, target):
    """Probes to add so that the sampling error falls to the target."""
    if sampling == 0:
        return 0
    n_rest = density.n_rest
    odds = (n_rest / density.n_probes - 1) * (target / sampling) ** 2
    return int(np.ceil(n_rest / (1 + odds))) - density.n_probes


def _refine(request, density, fixed, probes, rng):
    """Add blocks of probes until the tolerance is met or probes run out."""
    while b := _next_probes(request, density):
        krylov = start(request.operator.n_samples, b, fixed, probes, rng)
        probes = np.hstack([probes, krylov.basis[:, : len(krylov.R)]])
        density = _with_block(request, density, _spend(request, krylov, density))
    return density


def _next_probes(request, density):
    """Probes of the next block; 0 where no more are needed or can help."""
    most = min(request.max_probes, density.n_rest)
    if density.entropy(request.t).std_error <= request.target:
        return 0
    sampling = density.errors(request.t)[0]
    missing = _missing_probes(density, sampling, SAMPLING_SHARE * request.target)
    # None is missing where truncation or rounding is what is left.
    return max(0, min(missing, most - density.n_probes, request.block))


def _spend(request, krylov, density):
    """Advance new probes until they are cut off no worse than the first ones.

    What is known is projected out of them, so they need fewer steps.
    """
    bound = max(TRUNCATION_SHARE * request.target, density.errors(request.t)[1])
    looks = [share * density.n_steps // 4 for share in (2, 3)]
    if not request.semidefinite:
        looks = []  # a look costs more than the steps that it may save
    while True:
        krylov = step(krylov, request.operator.matmat)
        if not len(krylov.R) or krylov.n_steps >= density.n_steps:
            return krylov
        if krylov.n_steps in looks and krylov.n_steps >= MIN_STEPS:
            refined = _with_block(request, density, krylov)
            if refined.errors(request.t)[1] <= bound:
                return krylov


def _resample(request, density, fixed, rng):
    """Replace the nodes by those of probes that a recurrence advances."""
    if density.n_rest == 0:
        return density
    sampling = density.errors(request.t)[0]
    missing = _missing_probes(density, sampling, SAMPLING_SHARE * request.target)
    b = density.n_probes + missing
    b = int(np.clip(b, 4, request.block))
    b = min(b, density.n_rest)
    recurrence = begin(request.operator.n_samples, b, fixed, fixed, rng)
    probes = recurrence.vectors[1]
    density, n_steps = _long_enough(request, density, recurrence)
    while b := _next_probes(request, density):
        recurrence = begin(request.operator.n_samples, b, fixed, probes, rng)
        probes = np.hstack([probes, recurrence.vectors[1]])
        for _ in range(n_steps):
            recurrence = advance(recurrence, request.operator.matmat)
        # Cut off at the same step: its guesses of the truncation serve all probes.
        mixture = mixture_of(recurrence)
        density = _with_probes(density, mixture, b, density.contrasts, b * n_steps)
        request.tell(density)
    return density


def _long_enough(request, density, recurrence):
    """Density from the probes of a recurrence, and the steps that it takes."""
    none, b, look = np.zeros(0), recurrence.n_probes, FIRST_LOOK
    known = replace(density, nodes=none, seen=none, weights=none, n_probes=0)
    while True:
        recurrence = advance(recurrence, request.operator.matmat)
        steps, over = recurrence.n_steps, not recurrence.beta[-1].any()
        over |= steps >= min(MAX_RECURRENCE_STEPS, density.n_rest)
        if steps < look and not over:
            continue
        mixture = mixture_of(recurrence)
        guesses = guesses_of(recurrence, mixture, density.n_rest / b)
        contrasts = ((1.0, guesses),)
        density = _with_probes(known, mixture, b, contrasts, b * steps)
        density = replace(density, n_steps=steps)
        request.tell(density)
        _, truncation, rounding = density.errors(request.t)
        bound = max(RECURRENCE_SHARE * request.target, rounding / 2)
        if (
            over
            or truncation <= bound
            or density.entropy(request.t).std_error <= request.target
        ):
            return density, steps
        look = int(RECURRENCE_LOOKS * look)


def _first_density(request, krylov, ritz, k, continued=False):
    """Density from the first probes, the first k Ritz pairs taken for eigenpairs.

    T continued makes better rules and shows what the truncation may matter.
    """
    operator, b = request.operator, krylov.n_probes
    rules = [(1.0, *gauss_rule(ritz))]
    guesses = ()
    if continued:
        rules, guesses = _continued_rules(request, krylov, ritz)
    nodes, seen = pool([(share, x[k:], w[k:]) for share, x, w in rules])
    density = SpectralDensity(
        n_samples=operator.n_samples,
        trace=operator.trace,
        squared_norm=operator.squared_norm,
        eigenvalues=np.concatenate([[1.0], ritz.values[:k]]),
        nodes=nodes,
        seen=seen,
        weights=seen,
        contrasts=((1.0, guesses),),
        n_probes=b,
        n_steps=krylov.n_steps,
        n_columns=len(krylov.T),
    )
    return calibrated(density)


def _continued_rules(request, krylov, ritz):
    """Rules of the first probes, and guesses of their truncation error."""
    psd, b = request.semidefinite, krylov.n_probes
    scale = (request.operator.n_samples - 1) / b
    if not request.recurs:
        rules = rules_of(krylov, psd, ritz)
        return rules, contrasts_of(rules, psd, scale)
    # Only what is to be deflated matters here, at late times: early ones do not hang
    # on few eigenvalues, and the truncation at the kink is not that of the recurrence.
    rule = (1.0, *gauss_rule(ritz))
    if request.t < SMOOTH_TIME:
        return [rule], ()
    return [rule], (difference(scale, [(1.0, *lifted_rule(ritz, b))], [rule]),)


def _with_block(request, density, krylov):
    """Density pooled with that of the probes of block Lanczos."""
    psd, b = request.semidefinite, krylov.n_probes
    rules = rules_of(krylov, psd)
    new = b / (density.n_probes + b)
    contrasts = [((1 - new) * share, guesses) for share, guesses in density.contrasts]
    contrasts.append((new, contrasts_of(rules, psd, density.n_rest / b)))
    return _with_probes(density, rules, b, tuple(contrasts), len(krylov.T))


def _with_probes(density, mixture, b, contrasts, n_columns):
    """Density pooled with that of b new probes, orthogonal to what is known."""
    nodes, seen = pool(mixture)
    return calibrated(
        replace(
            density,
            nodes=np.concatenate([density.nodes, nodes]),
            seen=np.concatenate([density.seen, seen]),
            contrasts=contrasts,
            n_probes=density.n_probes + b,
            n_columns=density.n_columns + n_columns,
        )
    )
