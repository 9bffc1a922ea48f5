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
    map_parts,
    namespace,
    to_host,
)
from ..._tools.parallel import row_blocks
from .krylov import orthonormal_probes
from .quadrature import Rule, difference, pool, spread_of

# Elements of all vectors from which on threads of the host share rows, and of a part:
# of a size that stays in the cache. Of fewer, threads would take longer to start. On a
# device, parts in float64 should not take much memory.
LARGE, PART_ELEMENTS, DEVICE_ELEMENTS = 2**22, 2**18, 2**24
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
    (previous, Q), fixed = recurrence.vectors, recurrence.fixed
    W = contiguous_columns(matmat(Q), np.float32)
    if recurrence.n_steps:
        _take_off(W, previous, recurrence.beta[-1])
    alpha = _dots(Q, W)
    _take_off(W, Q, alpha)
    _project_out(W, fixed)
    beta = np.sqrt(_dots(W, W))
    # A probe whose Krylov space is complete stops: what is left is rounding.
    beta[beta < 1e-6] = 0.0
    _multiply(W, np.divide(1, beta, out=np.zeros_like(beta), where=beta > 0))
    return Recurrence(
        fixed,
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

    def of_rows(rows):
        parts = A[rows, :], B[rows, :]
        if not is_device_array(A):  # and converts no more than it has in hand
            return np.einsum("ij,ij->j", *parts, dtype=np.float64)
        left, right = (astype(one, np.float64) for one in parts)
        return to_host(namespace(A).sum(left * right, axis=0)).astype(np.float64)

    return sum(map_parts(of_rows, _parts_of(A), A))


def _take_off(W, Q, factors):
    """Take each column of Q, times its factor, off that of W."""
    factors = like(factors, W)

    def of_rows(rows):
        W[rows, :] -= Q[rows, :] * factors

    map_parts(of_rows, _parts_of(W), W)


def _project_out(W, fixed):
    """Take components on orthonormal vectors off W."""
    parts = _parts_of(W)
    H = sum(map_parts(lambda rows: fixed[rows, :].T @ W[rows, :], parts, W))

    def of_rows(rows):
        W[rows, :] -= fixed[rows, :] @ H

    map_parts(of_rows, parts, W)


def _multiply(W, factors):
    """Multiply each column of W by its factor."""
    factors = like(factors, W)

    def of_rows(rows):
        W[rows, :] *= factors

    map_parts(of_rows, _parts_of(W), W)


def _parts_of(W):
    """Slices of rows that are worked on at a time, in threads of the host."""
    n, b = W.shape
    if is_device_array(W):
        return row_blocks(n, max(1, DEVICE_ELEMENTS // b))
    size = PART_ELEMENTS if n * b > LARGE else n * b
    return row_blocks(n, max(1, size // b))
