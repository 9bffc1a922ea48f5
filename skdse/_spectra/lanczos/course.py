"""Stochastic Lanczos quadrature: the spectral density of S to a tolerance.

    plan ◄ DENSE or SPARSE, by the operator
    first probes ◄ random block, orthogonal to the known leading eigenvector
    EXPLORE  until it is done:
        step: one product of S with a block, T grows by a block
        look, after some steps:
            converged Ritz values of T are eigenvalues, each with the weight 1
            the quadrature rule of T is the density of all others
            where sampling is not what is left: T continued tells the truncation error,
            and so, if negative eigenvalues make looks costly, where the next one helps
    REFINE   until the tolerance is met (dense):
        new probes, orthogonal to what is known, add their rule to the density
    RESAMPLE (sparse), in place of REFINE:
        probes that a recurrence advances for many steps replace the rule of T

Steps are added until truncation is small, probes until the sampling error is. The
numbers that this goes by are in `plan`.
"""

from copy import deepcopy
from dataclasses import replace

import numpy as np

from ..._tools.arrays import beside, copied, like
from .density import SpectralDensity, calibrated
from .krylov import start, step
from .plan import BASIS_ELEMENTS, SMOOTH_TIME
from .quadrature import (
    contrasts_of,
    difference,
    drifts_of,
    errors_of,
    gauss_rule,
    is_semidefinite,
    lifted_rule,
    n_converged,
    pool,
    ritz_pairs,
    rules_of,
)
from .recurrence import advance, begin, guesses_of, mixture_of
from .request import Request


def lanczos_density(operator, plan, *, t=1, tol=1e-3, random_state=None, verbose=0):
    """Spectral density of the operator, good for the entropy at time t.

    Its standard error is a share of tol [bits] or less, the plan's margin, unless the
    plan's probes and steps are spent. Other times have their own standard errors.
    """
    rng = np.random.default_rng(random_state)
    n = operator.n_samples
    psd = operator.positive_semidefinite
    request = Request(operator, plan, t, plan.margin * tol, psd, verbose)
    leading = operator.leading_block()
    b = plan.first_columns(operator)
    room = plan.most_columns(operator)
    found = _explore(request, start(n, b, leading, leading, rng, room))
    fixed = beside(leading, found.eigenvectors())
    request, density = found.request, found.density
    probes = None if plan.recurs else copied(found.krylov.basis[:, :b])
    del found, leading  # the basis is large
    if plan.recurs:
        return _resample(request, density, fixed, rng)
    return _refine(request, density, fixed, probes, rng)


# Explore


class _Exploration:
    """Block Lanczos of the first probes: what it has found, and whether it is done."""

    def __init__(self, request, krylov):
        plan, operator = request.plan, request.operator
        self.request, self.krylov = request, krylov
        self.density = self.before = None  # at the last look, and the one before
        self.knows_truncation = False
        # What is cut off where some eigenvalues are negative shows a step later.
        self.next_look = plan.min_steps + (not operator.positive_semidefinite)
        self.room = BASIS_ELEMENTS // operator.n_samples
        costly = plan.is_costly(operator)
        # A larger T costs less than tiles that are made anew for each product.
        self.max_size = min(plan.max_size * (1 + costly), self.room)
        self.max_steps = plan.max_steps or self.max_size
        self.may_grow = not (costly or plan.recurs)

    @property
    def is_spent(self):
        """Whether the Krylov space is complete: T says all."""
        return not len(self.krylov.R)

    @property
    def is_full(self):
        """Whether another step would exceed the plan."""
        size = len(self.krylov.T) + len(self.krylov.R)
        return self.krylov.n_steps >= self.max_steps or size > self.max_size

    def is_done(self):
        """Whether to end: at the tolerance, or where more probes are the better way."""
        if not self.knows_truncation:
            return False
        if self.is_spent or self._has_enough_steps():
            return True
        # Truncation is what no more probes mend: then T may grow once.
        return self.is_full and not (self.may_grow and self._excess() > 1)

    def grow(self):
        """Allow twice the steps, once."""
        self.max_size = min(2 * self.max_size, self.room)
        self.max_steps *= 2
        self.may_grow = False

    def step(self):
        """Multiply once."""
        self.krylov = step(self.krylov, self.request.operator.matmat)
        self.knows_truncation = False

    def is_due(self):
        """Whether it is time for a look."""
        return self.krylov.n_steps >= self.next_look or self.is_spent or self.is_full

    def look(self):
        """Find eigenvalues and the density of the others, and the error where due."""
        request, steps = self.request, self.krylov.n_steps
        self.ritz = ritz_pairs(self.krylov)
        n_samples = request.operator.n_samples
        self.n_known = n_converged(self.ritz, self.krylov.n_probes, n_samples)
        psd = request.operator.positive_semidefinite
        psd = psd or is_semidefinite(self.ritz, self.n_known)
        self.request = replace(request, semidefinite=psd)
        # By the Gauss rule of T: what truncation may matter is not known.
        self.before = self.density
        self.density = self._density([gauss_rule(self.ritz)], ())
        if self.is_spent or self.is_full or self._has_few_missing():
            # Only now what takes more eigenvalues: how much truncation may matter.
            self.density = self._density_of_longer_t()
            self.knows_truncation = True
            self.request.tell(self.density)
        costly = self.knows_truncation and not (psd or request.plan.recurs)
        excess = self._excess() if costly else 1.0
        self.next_look = request.plan.steps_to_next_look(steps, excess)

    def eigenvectors(self):
        """Eigenvectors of the known eigenvalues, but the leading one."""
        basis = self.krylov.basis
        U = like(self.ritz.vectors[:, : self.n_known], basis)
        return basis[:, : U.shape[0]] @ U

    def _excess(self):
        """Truncation error over what it may be."""
        found = self.density.errors(self.request.t)
        return found.truncation / max(self.request.target, found.rounding)

    def _has_few_missing(self):
        """Whether sampling alone lets the steps end."""
        if self.request.is_met(self.density, by_sampling_alone=True):
            return True
        return self.before is not None and self._probes_are_cheaper()

    def _has_enough_steps(self):
        """Whether the tolerance is met, or more probes will meet it for less."""
        request, plan = self.request, self.request.plan
        if request.is_met(self.density):
            return True
        found = self.density.errors(request.t)
        return (
            self.before is not None
            and found.truncation <= plan.truncation_share * request.target
            and found.sampling > plan.sampling_share * request.target
            and self._probes_are_cheaper()
        )

    def _probes_are_cheaper(self):
        """Whether more probes cost fewer columns than more steps of the same probes."""
        request, density = self.request, self.density
        plan, operator = request.plan, request.operator
        sampling = density.errors(request.t).sampling
        sampling_before = self.before.errors(request.t).sampling
        missing = request.missing_probes(density)
        if density.n_probes + missing > plan.probes_at_most(operator):
            return False
        if plan.recurs:  # with probes of its own
            missing += density.n_probes
        probes = plan.columns_of_probes(missing, density.n_steps, operator)
        rate = np.log(max(sampling_before / sampling, 1.0 + 1e-9))
        rate /= density.n_steps - self.before.n_steps
        target = plan.sampling_share * request.target
        columns_a_step = operator.fixed_columns + density.n_probes
        return probes <= columns_a_step * np.log(sampling / target) / rate

    def _density_of_longer_t(self):
        """Density by rules of T continued, which also guess the truncation error."""
        request, krylov, ritz = self.request, self.krylov, self.ritz
        psd, b = request.semidefinite, krylov.n_probes
        scale = (request.operator.n_samples - 1) / b
        if not request.plan.recurs:
            rules = rules_of(krylov, psd, ritz)
            density = self._density(rules, contrasts_of(rules, psd, scale))
            return self._sharper(density, rules, scale) if psd else density
        # Only what is to be deflated matters here, at late times: early ones do not
        # hang on few eigenvalues, and the truncation at the kink is not that of the
        # recurrence.
        rules, guesses = [gauss_rule(ritz)], ()
        if request.t >= SMOOTH_TIME:
            guesses = (difference(scale, [lifted_rule(ritz, b)], rules),)
        return self._density(rules, guesses)

    def _sharper(self, density, rules, scale):
        """Density whose truncation error is told by its drift, if that helps."""
        request = self.request
        if request.is_met(density):
            return density  # no more eigenvalues need be found
        other = self._density(rules, drifts_of(self.krylov, rules, scale))
        told, drifted = (one.errors(request.t).truncation for one in (density, other))
        self.request = replace(request, by_drift=bool(drifted < told))
        return other if drifted < told else density

    def _density(self, rules, guesses):
        """Density with the known eigenvalues, and the rules without them."""
        operator, krylov, k = self.request.operator, self.krylov, self.n_known
        rest = pool([rule.without(k) for rule in rules])
        density = SpectralDensity(
            n_samples=operator.n_samples,
            trace=operator.trace,
            squared_norm=operator.squared_norm,
            eigenvalues=np.concatenate([[1.0], self.ritz.values[:k]]),
            eigenvalue_errors=np.concatenate([[0.0], errors_of(self.ritz, k)]),
            nodes=rest.nodes,
            seen=rest.weights,
            weights=rest.weights,
            contrasts=((1.0, guesses),),
            noise=operator.entry_error * operator.trace,
            n_probes=krylov.n_probes,
            n_steps=krylov.n_steps,
            n_columns=len(krylov.T),
        )
        return calibrated(density)


def _explore(request, krylov):
    """Step until the tolerance is met or more probes are the better way to it."""
    found = _Exploration(request, krylov)
    while not found.is_done():
        if found.knows_truncation and found.is_full:
            found.grow()
        found.step()
        if found.is_due():
            found.look()
    return found


# Refine


def _refine(request, density, fixed, probes, rng):
    """Add blocks of probes until the tolerance is met or probes run out."""
    while b := request.next_probes(density):
        n, room = request.operator.n_samples, b * (density.n_steps + 1)
        krylov = start(n, b, fixed, probes, rng, room)
        probes = beside(probes, krylov.basis[:, : len(krylov.R)])
        density = _with_block(request, density, _spend(request, krylov, density))
    return density


def _spend(request, krylov, density):
    """Advance new probes until they are cut off no worse than the first ones.

    What is known is projected out of them, so they need fewer steps.
    """
    share = request.plan.truncation_share * request.target
    bound = max(share, density.errors(request.t).truncation)
    looks = [quarters * density.n_steps // 4 for quarters in (2, 3)]
    if not request.semidefinite:
        looks = []  # a look costs more than the steps that it may save
    while True:
        krylov = step(krylov, request.operator.matmat)
        if not len(krylov.R) or krylov.n_steps >= density.n_steps:
            return krylov
        if krylov.n_steps in looks and krylov.n_steps >= request.plan.min_steps:
            refined = _with_block(request, density, krylov)
            if refined.errors(request.t).truncation <= bound:
                return krylov


def _with_block(request, density, krylov):
    """Density pooled with that of the probes of block Lanczos."""
    psd, b = request.semidefinite, krylov.n_probes
    rules = rules_of(krylov, psd)
    new = b / (density.n_probes + b)
    contrasts = [((1 - new) * share, guesses) for share, guesses in density.contrasts]
    scale = density.n_rest / b
    if request.by_drift:
        guesses = drifts_of(krylov, rules, scale)
    else:
        guesses = contrasts_of(rules, psd, scale)
    contrasts.append((new, guesses))
    return _with_probes(density, rules, b, tuple(contrasts), len(krylov.T))


def _with_probes(density, mixture, b, contrasts, n_columns):
    """Density pooled with that of b new probes, orthogonal to what is known."""
    rule = pool(mixture)
    return calibrated(
        replace(
            density,
            nodes=np.concatenate([density.nodes, rule.nodes]),
            seen=np.concatenate([density.seen, rule.weights]),
            contrasts=contrasts,
            n_probes=density.n_probes + b,
            n_columns=density.n_columns + n_columns,
        )
    )


# Resample


def _resample(request, density, fixed, rng):
    """Replace the nodes by those of probes that a recurrence advances."""
    if density.n_rest == 0:
        return density
    operator = request.operator
    b = density.n_probes + request.missing_probes(density)
    b = int(np.clip(b, 4, request.plan.later_columns(operator)))
    first = operator.n_samples, min(b, density.n_rest), fixed, fixed
    probes, at_first = None, deepcopy(rng)
    recurrence = begin(*first, rng)
    if recurrence.n_probes == 0:  # what is known leaves no room, but for rounding
        return density
    density, n_steps = _long_enough(request, density, recurrence)
    while b := request.next_probes(density):
        if probes is None:  # drawn again, for in general nobody needs them
            probes = begin(*first, at_first).vectors[1]
        recurrence = begin(operator.n_samples, b, fixed, probes, rng)
        probes = beside(probes, recurrence.vectors[1])
        for _ in range(n_steps):
            recurrence = advance(recurrence, operator.matmat)
        # Cut off at the same step: its guesses of the truncation serve all probes.
        mixture = mixture_of(recurrence)
        density = _with_probes(density, mixture, b, density.contrasts, b * n_steps)
        request.tell(density)
    return density


def _long_enough(request, density, recurrence):
    """Density from the probes of a recurrence, and the steps that it takes."""
    plan, none = request.plan, np.zeros(0)
    known = replace(density, nodes=none, seen=none, weights=none, n_probes=0)
    look = plan.first_recurrence_look
    while True:
        recurrence = advance(recurrence, request.operator.matmat)
        steps, over = recurrence.n_steps, not recurrence.beta[-1].any()
        over |= steps >= min(plan.max_recurrence_steps, density.n_rest)
        if steps < look and not over:
            continue
        density = _of_recurrence(known, recurrence)
        request.tell(density)
        found = density.errors(request.t)
        bound = max(plan.recurrence_share * request.target, found.rounding / 2)
        small = density.entropy(request.t).std_error <= request.target
        if over or found.truncation <= bound or small:
            return density, steps
        look = int(plan.recurrence_look_factor * look)


def _of_recurrence(known, recurrence):
    """Density from the probes of a recurrence alone."""
    b, steps = recurrence.n_probes, recurrence.n_steps
    mixture = mixture_of(recurrence)
    guesses = guesses_of(recurrence, mixture, known.n_rest / b)
    density = _with_probes(known, mixture, b, ((1.0, guesses),), b * steps)
    return replace(density, n_steps=steps)
