"""Lanczos by its three-term recurrence: one tridiagonal matrix a probe, many steps.

    S Q = Q T + R,  T = tridiag(α, β)

Without reorthogonalisation a step costs one product and no basis is kept; the copies of
Ritz values that rounding makes share their weight and leave the quadrature as it is
(Greenbaum 1989). So it goes on for as many steps as the flat spectrum of a sparse graph
needs. It finds no eigenvectors: block Lanczos does that first.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh_tridiagonal

from ..._tools.arrays import (
    astype,
    contiguous_columns,
    is_device_array,
    like,
    namespace,
    take,
    to_host,
)
from ..._tools.parallel import row_blocks
from .krylov import orthonormal_probes
from .quadrature import Rule, difference, pool, spread_of

# T is continued by copies of its last coefficients: Haydock's terminator, the smooth
# density that a kink of |x|^t at 0 needs.
COPIES = 20
# Rules of the last steps are averaged: their errors oscillate, in a period that depends
# on where the kink lies in the spectrum, and consecutive steps follow any.
AVERAGED = 12
# Truncation error as a share of the largest distance of a rule from their mean: in 60
# problems 0.17 at the 68th and 0.5 at the 95th percentile.
TRUNCATION = 0.2
# ... and of what the last half of the steps changed: a heap of eigenvalues at the kink
# makes an error that falls slowly and does not oscillate.
DRIFT = 0.5


@dataclass(frozen=True)
class Recurrence:
    """Lanczos of some probes after some steps.

    Attributes
    ----------
    fixed : ndarray of shape (n_samples, n_fixed)
        Known eigenvectors, projected out.
    vectors : tuple of two ndarrays of shape (n_samples, n_probes)
        The last Lanczos vector of each probe, and the next one.
    alpha, beta : ndarrays of shape (n_steps, n_probes)
        Diagonals of the matrices T, and the couplings with the next vector.
    """

    fixed: np.ndarray
    vectors: tuple
    alpha: np.ndarray
    beta: np.ndarray

    @property
    def n_steps(self):
        """Products made."""
        return len(self.alpha)

    @property
    def n_probes(self):
        """Probes advanced together."""
        return self.vectors[1].shape[1]


def begin(n, b, fixed, probes, rng):
    """Recurrence of b new Haar probes, orthogonal to `fixed` and to old probes."""
    Q = orthonormal_probes(n, b, fixed, probes, rng)
    Q = contiguous_columns(Q, np.float32)
    none = np.zeros((0, Q.shape[1]))
    return Recurrence(fixed, (namespace(Q).zeros_like(Q), Q), none, none)


def advance(recurrence, matmat):
    """One step: one product, T grows by one row."""
    previous, Q = recurrence.vectors
    W = contiguous_columns(matmat(Q), np.float32)
    if recurrence.n_steps:
        W -= previous * like(recurrence.beta[-1], W)
    alpha = _dots(Q, W)
    W -= Q * like(alpha, W)
    W -= recurrence.fixed @ (recurrence.fixed.T @ W)
    beta = np.sqrt(_dots(W, W))
    # A probe whose Krylov space is complete stops: what is left is rounding.
    beta[beta < 1e-6] = 0.0
    W *= like(np.divide(1, beta, out=np.zeros_like(beta), where=beta > 0), W)
    return Recurrence(
        recurrence.fixed,
        (Q, W),
        np.vstack([recurrence.alpha, alpha]),
        np.vstack([recurrence.beta, beta]),
    )


def mixture_of(recurrence, steps=None):
    """Mixture of the rules after the last steps, or after those before some step."""
    steps = recurrence.n_steps if steps is None else steps
    ends = range(steps, max(steps // 2, steps - AVERAGED), -1)
    rules = [_pooled_rule(recurrence, end) for end in ends]
    return [Rule(x, w, 1 / len(rules)) for x, w, _ in rules]


def guesses_of(recurrence, mixture, scale):
    """Rules that give guesses of the truncation error of a mixture."""
    before = mixture_of(recurrence, max(recurrence.n_steps // 2, 1))
    drift = difference(DRIFT * scale, mixture, before)
    return (*spread_of(mixture, TRUNCATION * scale), drift)


def _pooled_rule(recurrence, steps):
    """Rule of all probes after some steps; its weights sum up to their number."""
    columns = zip(recurrence.alpha[:steps].T, recurrence.beta[:steps].T, strict=True)
    return pool([_rule(alpha, beta) for alpha, beta in columns])


def _rule(alpha, beta):
    """Rule of one T, continued."""
    diagonal = np.append(alpha, np.full(COPIES, alpha[-1]))
    coupling = np.append(beta, np.full(COPIES - 1, beta[-1]))
    nodes, U = eigh_tridiagonal(diagonal, coupling)
    return Rule(np.clip(nodes, -1, 1), U[0] ** 2)


def _dots(A, B):
    """Dot products of the columns, in float64, on the host."""
    if is_device_array(A):
        blocks = row_blocks(A.shape[0], 2**24 // A.shape[1])
        parts = [(astype(take(M, rows), np.float64) for M in (A, B)) for rows in blocks]
        sums = [namespace(A).sum(left * right, axis=0) for left, right in parts]
        return np.sum([to_host(one).astype(np.float64) for one in sums], axis=0)
    # Blocks: einsum would convert all of A and B at once.
    rows = max(1, 2**20 // A.shape[1])
    return sum(
        np.einsum("ij,ij->j", A[i : i + rows], B[i : i + rows], dtype=np.float64)
        for i in range(0, len(A), rows)
    )
