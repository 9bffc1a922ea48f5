"""Stacks of small problems at once, of arrays of any library, with their gradients.

    distances ─► affinities G (n_sets, m, m) ─► operators S = diag(s) G diag(s),
    see `diffusion` ─► eigenvalues λ (n_sets, m).

Nothing is changed in place, so that the libraries that know gradients have them. With
unit eigenvectors v_i of S, dλ_i = v_iᵀ dS v_i.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from .._tools.arrays import astype, has_float64, like, namespace
from .device_distances import manhattan, squares_by_differences
from .gibbs import SQUARINGS, is_local
from .kernels import (
    EPS32_64,
    MAX_ROUNDING,
    MAX_ROUNDING32,
    GaussianEntries,
    SquaredEntries,
    at,
)
from .metrics import SQUARED


def gaussian(squares, left, right, shared=0.0):
    """exp(-max(d² - r², 0) / (2 σ_i σ_j)) of squared distances and bandwidths."""
    xp = namespace(squares)
    if shared:
        squares = squares - shared**2
        squares = xp.where(squares > 0, squares, xp.zeros_like(squares))
    return xp.exp(squares * (-0.5 / left) / right)


def squared_gaussian(squares, left, right, shared=0.0):
    """Gaussian of squared distances: exp(-max(d⁴ - r², 0) / (2 σ_i σ_j))."""
    return gaussian(squares * squares, left, right, shared)


def gibbs_gaussian(squares, left, right):
    """Gibbs' Gaussian of squared distances, see `gibbs`."""
    widths = left**2 + right**2
    ratios = 2 * left * right / widths
    for _ in range(SQUARINGS):
        ratios = ratios * ratios
    return namespace(squares).exp(squares / -widths) * ratios


def laplacian(sums, left, right):
    """exp(-‖x_i - x_j‖₁ / √(σ_i σ_j)) of Manhattan distances."""
    xp = namespace(sums)
    return xp.exp(sums * (-1 / xp.sqrt(left)) / xp.sqrt(right))


class Pairs:
    """Affinities of pairs of samples: distances, and a formula for these.

    A subclass has both, for pairs of the host and for stacks on a device.
    """

    def of_pairs(self, X, bandwidth, left, right):
        """Affinity of each row on the left to that on the right, by differences."""
        Z = X[left].astype(np.float64, copy=False) - X[right]
        sigmas = at(bandwidth.sigma, left), at(bandwidth.sigma, right)
        return self.formula(bandwidth)(self.lengths(Z), *sigmas)

    def of_stack(self, Z, bandwidth, sigma):
        """Affinities within each set of a stack Z on a device, at bandwidths σ."""
        D = self.within(Z, sigma)
        sigma = like(np.reshape(sigma, (*np.shape(sigma)[:1], -1, 1)), D)
        return self.formula(bandwidth)(D, sigma, namespace(D).matrix_transpose(sigma))


@dataclass(frozen=True)
class GaussianPairs(Pairs):
    """Gaussian of squared Euclidean distances, by a metric of these."""

    metric: str

    def formula(self, bandwidth):
        """Formula that suits the bandwidth and the metric."""
        if is_local(bandwidth, self.metric):
            return gibbs_gaussian
        formula = squared_gaussian if self.metric == SQUARED else gaussian
        return partial(formula, shared=bandwidth.shared)

    def lengths(self, Z):
        """Squared norms of differences."""
        return np.einsum("ij,ij->i", Z, Z)

    def within(self, Z, sigma):
        """Squared distances within each set of a stack Z (n_sets, m, n_features).

        By products, in float64 where the device has it; by differences where rounding
        would show at the smallest bandwidth, as `GaussianEntries` has it.
        """
        Z = astype(Z, np.float64)
        xp, is_squared = namespace(Z), self.metric == SQUARED
        centred = Z - xp.mean(Z, axis=1, keepdims=True)
        norms = xp.sum(centred * centred, axis=2)
        steepness = (SquaredEntries if is_squared else GaussianEntries).steepness
        error = 2 * steepness * np.finfo(np.float64).eps * float(xp.max(norms))
        most = MAX_ROUNDING if has_float64(Z) else MAX_ROUNDING32 / EPS32_64
        if not error < most * np.min(sigma) ** (1 if is_squared else 2):
            return squares_by_differences(Z, Z)
        products = centred @ xp.matrix_transpose(centred)
        squares = norms[:, :, None] + norms[:, None, :] - 2 * products
        number = like(np.arange(Z.shape[1]), Z)
        differs = (squares > 0) & (number[:, None] != number)
        return xp.where(differs, squares, xp.zeros_like(squares))


class LaplacianPairs(Pairs):
    """Laplacian of Manhattan distances."""

    def formula(self, bandwidth):
        """The same, whatever the bandwidth."""
        return laplacian

    def lengths(self, Z):
        """Sums of absolute differences."""
        return np.abs(Z, out=Z).sum(axis=1)

    def within(self, Z, sigma):
        """Manhattan distances within each set of a stack Z (n_sets, m, n_features)."""
        return manhattan(Z, Z)


def operators(G, alpha):
    """Diffusion operators S = diag(s) G diag(s), see `diffusion`."""
    density = namespace(G).sum(G, axis=2) ** -alpha
    degree = density * _products(G, density)
    s = density / namespace(G).sqrt(degree)
    return G * s[:, :, None] * s[:, None, :]


def eigenvalues(S):
    """Eigenvalues of each operator, largest modulus first."""
    xp = namespace(S)
    if S.shape[1] == 2:
        # Both rows of G = [[1, g], [g, 1]] have the sum 1 + g. So α scales G as a
        # whole, and S is G / (1 + g), of eigenvalues 1 and (1 - g) / (1 + g): what of
        # a sample stays less what it gives. σ_i and σ_j have a say in g alone.
        second = S[:, 0, 0] - S[:, 0, 1]
        second = xp.where(second > 0, second, xp.zeros_like(second))
        return xp.stack([xp.ones_like(second), second], axis=1)
    found = xp.linalg.eigvalsh(S)
    order = xp.argsort(-xp.abs(found), axis=1, stable=True)
    return xp.take_along_axis(found, order, axis=1)


def moments(S):
    """Trace and squared norm of each operator: sums of eigenvalues and of squares."""
    if isinstance(S, np.ndarray):
        return np.einsum("sii->s", S), np.einsum("sij,sij->s", S, S)
    xp = namespace(S)
    return xp.linalg.trace(S), xp.sum(S * S, axis=(1, 2))


def bandwidth_of_distances(D, affinity):
    """σ () or σ_i (n_samples,) that the rule of an affinity finds in all distances D.

    It is that of `bandwidth` by other means: with a gradient, and no search. None where
    all distances are 0.
    """
    xp, rule, n = namespace(D), affinity.rule, D.shape[0]
    positive = D > 0
    if not bool(xp.any(positive)):
        return None
    if not isinstance(rule, str):
        return like(float(rule), D)
    scale = affinity.bandwidth_scale
    if rule == "median":
        number = like(np.arange(n), D)
        median = _median(D[number[:, None] < number])
        median = median if median > 0 else xp.min(D[positive])
        return scale * affinity.median_share * median
    # The first of each row is the sample itself.
    k = min(affinity.bandwidth_neighbors, n - 1)
    nearest = xp.sort(D, axis=1)[:, 1 : k + 1]
    is_positive = nearest > 0
    among = nearest[is_positive] if bool(xp.any(is_positive)) else D[positive]
    farthest, smallest = nearest[:, -1], xp.min(among)
    if rule == "knn":
        median = _median(farthest)
        return scale * (median if median > 0 else smallest)
    return scale * xp.where(farthest > 0, farthest, smallest)


def _products(G, v):
    """Product of each matrix of a stack with its vector."""
    if isinstance(G, np.ndarray):
        return np.einsum("sij,sj->si", G, v)
    # A sum keeps all digits, whatever precision the library's products are set to.
    return namespace(G).sum(G * v[:, None, :], axis=2)


def _median(values):
    """Median, the mean of the two in the middle of an even number."""
    ordered, half = namespace(values).sort(values), values.shape[0] // 2
    if values.shape[0] % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) / 2
