"""Quadrature rules for the spectral density of S, from block Lanczos.

The eigenvalues of T, weighted by the squares of the first b rows of its eigenvectors,
integrate against the density as the b probes see it (Golub and Meurant). T ends where
the products end, and the error of that, the truncation, no spread of probes shows.
T continued by guesses of its next blocks costs no product, keeps every moment that
Lanczos knows, and tells how much the rest may matter: see `rules_of`.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..._tools.parallel import map_threads
from .krylov import truncated

# An indefinite spectrum crosses 0, the kink of |x|^t, where Gauss nodes leave an error
# of alternating sign. Many copies of the last block (least, most) continue T to a
# smooth density; the rules of the last steps are averaged.
COPIES, AVERAGED = (12, 40), (4, 8)
# A positive semi-definite spectrum piles up at 0, its edge. There one copy errs above
# and the Gauss-Radau rule with a node at 0 errs below: about seven times as much where
# samples have many dimensions, a quarter as much where they have two or three.
RADAU_SHARE = 0.3
# Adaptive bandwidths leave few eigenvalues below 0: a spectrum may have so much of its
# mass there, and is still taken for one that piles up at 0.
NEGATIVE_SHARE = 1e-2
# Truncation error as a share of the difference of two rules.
TRUNCATION_PSD, TRUNCATION = 0.35, 2.2
# ... and as shares of what the last quarter of the steps changed, in which the error
# falls to about a third, and of that difference. (33 problems of 759 to 5583 samples at
# times from 0.5 to 5: 15 % err by more, 1.2 % by more than twice as much.)
STEPS_BEFORE, DRIFT, DRIFT_WIDTH = 0.75, 0.5, 0.05
# Fewer steps than these tell no drift.
DRIFT_STEPS = 8
# A Ritz vector is deflated when its angle to the invariant subspace is below this
# share of sqrt(b / n), the size of its component on the probes.
MAX_ANGLE = 0.1
# Ritz values of one cluster differ by less than this factor.
ALIKE = 4


class Rule(NamedTuple):
    """A quadrature rule: Σ weights g(nodes) stands for tr g(S), as probes see it.

    The share is its weight in a mixture of rules. Weights have signs where a rule is
    the difference of two others.
    """

    nodes: np.ndarray
    weights: np.ndarray
    share: float = 1.0

    def without(self, k):
        """Return the rule without its first k nodes."""
        return Rule(self.nodes[k:], self.weights[k:], self.share)


@dataclass(frozen=True)
class Ritz:
    """Ritz pairs, largest modulus first, of Lanczos with b probes of n samples.

    Attributes
    ----------
    values : ndarray of shape (n_columns,)
        Ritz values.
    vectors : ndarray of shape (n_columns, n_columns)
        Ritz vectors in the basis Q.
    residuals : ndarray of shape (n_columns,)
        Their distances from being eigenpairs.
    weights : ndarray of shape (n_columns,)
        Their shares of the probes; the sum is b.
    angle : float
        Angle to an eigenvector up to which a Ritz vector is taken for it.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    weights: np.ndarray
    angle: float


def ritz_pairs(krylov):
    """Ritz pairs of a Krylov space."""
    values, U = np.linalg.eigh(krylov.T)
    order = np.argsort(-np.abs(values), kind="stable")
    values, U = values[order], U[:, order]
    b, n = krylov.n_probes, krylov.basis.shape[0]
    residuals = np.linalg.norm(krylov.R @ U[krylov.edges[-2] :], axis=0)
    weights = (U[:b] ** 2).sum(0)
    return Ritz(values, U, residuals, weights, MAX_ANGLE * np.sqrt(b / n))


def rules_of(krylov, psd, ritz=None):
    """Mixture of rules that integrates against the density."""
    T, R, edges = truncated(krylov, 0)
    b, k = edges[1], edges[-1] - edges[-2]
    if len(R) < k:  # the Krylov space is (nearly) invariant: T says all
        return [_rule_of(T, b)]
    if psd:
        shares = [1 - RADAU_SHARE, RADAU_SHARE]
        continued = [_continued(T, R, k, 1), _radau(krylov, ritz)]
    else:
        steps, most = len(edges) - 1, max(AVERAGED[0], 64 // b)
        earlier = range(int(np.clip(steps // 2, 1, min(most, AVERAGED[1]))))
        if steps >= 5:
            earlier = range(max(len(earlier), 3))
        continued = [_continued_earlier(krylov, i) for i in earlier]
        shares = [1 / len(continued)] * len(continued)
    rules = map_threads(lambda T: _rule_of(T, b), continued)
    return [Rule(x, w, share) for share, (x, w, _) in zip(shares, rules, strict=True)]


def gauss_rule(ritz):
    """Rule of the Ritz values, largest modulus first."""
    return Rule(ritz.values, ritz.weights)


def is_semidefinite(ritz, k):
    """Whether what is left of the spectrum after the first k looks it."""
    values, weights = ritz.values[k:], ritz.weights[k:]
    return weights @ np.maximum(-values, 0) <= NEGATIVE_SHARE * weights @ np.abs(values)


def lifted_rule(ritz, b):
    """Gauss rule, its b largest nodes as far out as their residuals allow.

    So much may hide beyond Ritz values that have not converged.
    """
    nodes, residuals = ritz.values.copy(), ritz.residuals
    unsure = np.flatnonzero(residuals > ritz.angle * np.abs(nodes))[:b]
    nodes[unsure] += np.copysign(residuals[unsure], nodes[unsure])
    return Rule(np.clip(nodes, -1, 1), ritz.weights)


def contrasts_of(mixture, psd, scale):
    """Rules that give guesses of the truncation error of a mixture."""
    if len(mixture) == 1:
        return ()
    if psd:  # one errs above, the other below
        upper, lower = ([Rule(x, w)] for x, w, _ in mixture)
        return (difference(TRUNCATION_PSD * scale, upper, lower),)
    # The mean of K rules errs less than each of them.
    return spread_of(mixture, TRUNCATION * scale / np.sqrt(len(mixture)))


def drifts_of(krylov, mixture, scale):
    """Guesses of the truncation error of a semi-definite mixture, by its last steps.

    The larger one is the sum of the shares of the two differences, each taken positive.
    """
    if krylov.n_steps < DRIFT_STEPS:
        return contrasts_of(mixture, True, scale)
    steps = krylov.n_steps - round(STEPS_BEFORE * krylov.n_steps)
    T, R, edges = truncated(krylov, steps)
    before = rules_of(replace(krylov, T=T, R=R, edges=edges), psd=True)
    if len(mixture) == 1 or len(before) == 1:
        return contrasts_of(mixture, True, scale)
    change = difference(DRIFT * scale, mixture, before)
    upper, lower = ([Rule(x, w)] for x, w, _ in mixture)
    return tuple(
        pool([change, difference(sign * DRIFT_WIDTH * scale, upper, lower)])
        for sign in (1, -1)
    )


def spread_of(mixture, factor):
    """Differences of each rule of a mixture from their mean, times a factor."""
    return tuple(difference(factor, [Rule(x, w)], mixture) for x, w, _ in mixture)


def difference(factor, a, b):
    """Rule of factor times (the mixture a minus the mixture b)."""
    signed = [Rule(x, w, factor * share) for x, w, share in a]
    return pool(signed + [Rule(x, w, -factor * share) for x, w, share in b])


def pool(mixture):
    """One rule with the nodes of a mixture."""
    nodes = np.concatenate([rule.nodes for rule in mixture])
    return Rule(nodes, np.concatenate([share * w for _, w, share in mixture]))


def n_converged(ritz, b, n):
    """Number of leading Ritz pairs that are eigenpairs, seen by b probes."""
    size = np.abs(ritz.values)
    limit = min(len(size) - 1, _first_cluster(size, ritz.weights * (n / b), b))
    for k in range(limit, 0, -1):
        if np.all(ritz.residuals[:k] <= ritz.angle * (size[:k] - size[k])):
            return k
    return 0


def errors_of(ritz, k):
    """Bounds of the errors of the first k Ritz values, which are eigenvalues."""
    size = np.abs(ritz.values)
    gaps = size[:k] - (size[k] if k < len(size) else 0.0)
    return np.minimum(ritz.residuals[:k] ** 2 / gaps, ritz.residuals[:k])


def _rule_of(T, b):
    """Rule of T, largest |node| first; its weights add up to b, the probes."""
    nodes, U = np.linalg.eigh(T)
    weights = (U[:b] ** 2).sum(0)
    order = np.argsort(-np.abs(nodes), kind="stable")
    return Rule(nodes[order], weights[order])


def _continued(T, R, k, copies):
    """T, its last block of size k, continued by R and copies of that block."""
    b = len(R)
    _, s, V = np.linalg.svd(R)
    # In the basis where the coupling is symmetric the copies are stationary.
    diagonal, coupling = T[len(T) - k :, len(T) - k :], (V.T * s) @ V
    size = len(T) + copies * b
    grown = np.zeros((size, size))
    grown[: len(T), : len(T)] = T
    for i in range(len(T), size, b):
        grown[i : i + b, i : i + b] = diagonal
        grown[i : i + b, i - b : i] = grown[i - b : i, i : i + b] = coupling
    return grown


def _continued_earlier(krylov, steps):
    """T of some steps earlier, continued for long: its error has another sign."""
    T, R, edges = truncated(krylov, steps)
    k = edges[-1] - edges[-2]
    return _continued(T, R, k, int(np.clip(400 // k, *COPIES)))


def _radau(krylov, ritz=None):
    """T continued by R and the block that puts an eigenvalue at 0 (Gauss-Radau)."""
    T, R, k = krylov.T, krylov.R, krylov.edges[-2]
    ritz = ritz or ritz_pairs(krylov)
    C = R @ ritz.vectors[k:]
    values = np.where(np.abs(ritz.values) > 1e-9, ritz.values, 1e-9)
    grown = np.zeros((len(T) + len(R),) * 2)
    grown[: len(T), : len(T)] = T
    grown[len(T) :, k : len(T)] = R
    grown[k : len(T), len(T) :] = R.T
    grown[len(T) :, len(T) :] = (C / values) @ C.T
    return grown


def _first_cluster(size, share, b):
    """Index where Ritz pairs begin that follow the probes, not the eigenvectors."""
    # b probes see an eigenvalue repeated b times or more as b Ritz pairs: deflating
    # them would lose the others. The share of an eigenvector is 1 on average.
    width = size[: len(size) - b + 1] - size[b - 1 :]
    twins = np.flatnonzero(width <= 1e-3 * size[: len(width)])
    count = np.arange(1, len(size) + 1)
    heavy = np.flatnonzero(np.cumsum(share) > count + 4 * np.sqrt(2 * count / b))
    # A cluster of heavy ones can begin up to b pairs before it shows, at sizes alike.
    begin = [max(i - b, np.argmax(size <= ALIKE * size[i])) for i in heavy[:1]]
    return min([len(size), *twins[:1], *begin])
