"""Entropy by the definitions alone, in float64: from differences, all eigenvalues."""

from dataclasses import dataclass

import numpy as np


def unit(A):
    """Array times the power of two that brings its largest entry near 1."""
    largest = np.abs(A).max(initial=0.0)
    return A if largest == 0 else np.ldexp(A, -int(np.frexp(largest)[1]))


def differences(X):
    """Difference of each pair of rows, (n, n, d), in a unit of its own."""
    X = unit(X)
    return unit(X[:, None, :] - X[None, :, :])


def _lengths(A):
    """Euclidean lengths along the last axis; no square is too small or too large."""
    return np.hypot.reduce(A, axis=-1, initial=0.0)


def _between_directions(X):
    """1 - cos of each pair, from the difference of directions: |u - v|² / 2."""
    norms = np.hypot.reduce(X, axis=1, initial=0.0)[:, None]
    U = np.divide(X, norms, out=np.zeros_like(X), where=norms > 0)
    D = np.square(_lengths(U[:, None] - U[None])) / 2
    is_zero = norms[:, 0] == 0
    D[is_zero[:, None] != is_zero[None]] = 1.0
    return D


def _centred(X):
    """Rows without their means, by differences from their first entries."""
    X = unit(X)
    rows = np.array([unit(row) for row in X - X[:, :1]])
    is_constant = np.ptp(rows, axis=1) == 0
    rows = rows - rows.mean(axis=1, keepdims=True)
    rows[is_constant] = 0
    return rows


def _directions_of(X):
    """Rows in a unit of each, which angles do not see."""
    return np.array([unit(row) for row in X])


def _deviations(X):
    """Standard deviation of each feature, in the unit of `differences`."""
    gaps = differences(X)
    return np.sqrt((gaps**2).sum(axis=(0, 1)) / (2 * len(X) * (len(X) - 1)))


def _standardised(X):
    """Euclidean distances of standardised features; constant ones are left out."""
    columns = []
    for column in X.T:
        gaps = differences(column[:, None])
        deviation = _deviations(column[:, None])
        if deviation > 0:
            columns.append(gaps[..., 0] / deviation)
    return _lengths(np.stack(columns, axis=-1)) if columns else np.zeros((len(X),) * 2)


METRICS = {
    "euclidean": lambda X: _lengths(differences(X)),
    "sqeuclidean": lambda X: np.square(_lengths(differences(X))),
    "manhattan": lambda X: np.abs(differences(X)).sum(axis=-1),
    "chebyshev": lambda X: np.abs(differences(X)).max(axis=-1),
    "cosine": lambda X: _between_directions(_directions_of(X)),
    "correlation": lambda X: _between_directions(_centred(X)),
    "seuclidean": _standardised,
}


@dataclass(frozen=True)
class Oracle:
    """Distances of samples, and the entropies that follow from them."""

    D: np.ndarray

    @property
    def pairs(self):
        """Distances of all pairs."""
        return self.D[np.tri(len(self.D), k=-1, dtype=bool)]

    @property
    def smallest(self):
        """Smallest positive distance, 0 if there is none."""
        return min(self.D[self.D > 0], default=0.0)

    def sigma(self, rule, k=5, share=0.5):
        """Bandwidth by a rule."""
        if rule == "median":
            median = np.median(self.pairs)
            return share * (median if median > 0 else self.smallest)
        others = np.sort(self.D + np.diag(np.full(len(self.D), np.inf)), axis=1)
        nearest = others[:, : min(k, len(self.D) - 1)]
        # Among the distances that are looked at, if there is one.
        smallest = min(nearest[nearest > 0], default=self.smallest)
        of_each = nearest[:, -1]
        if rule == "knn":
            return np.median(of_each) or smallest
        return np.where(of_each > 0, of_each, smallest)

    def gaussian(self, rule, is_gibbs):
        """Gaussian affinity of all pairs, by the docstring of the estimator."""
        sigma = np.broadcast_to(self.sigma(rule), len(self.D))
        left, right = sigma[:, None], sigma[None]
        if rule == "adaptive" and is_gibbs:
            scale = np.hypot(left, right)
            r = 2 * (left / scale) * (right / scale)
            return r**4 * np.exp(-np.square(self.D / scale))
        roots = np.sqrt(left) * np.sqrt(right)
        return np.exp(-np.square(self.D / roots) / 2)

    def laplacian(self, rule):
        """Laplacian affinity of all pairs."""
        sigma = np.broadcast_to(self.sigma(rule, share=1.0), len(self.D))
        return np.exp(-self.D / (np.sqrt(sigma[:, None]) * np.sqrt(sigma[None])))

    def graph(self, k, rule="adaptive"):
        """Gaussian weights on the edges between nearest neighbours, either way."""
        G = self.gaussian(rule, is_gibbs=False)
        others = self.D + np.diag(np.full(len(self.D), np.inf))
        reach = np.sort(others, axis=1)[:, min(k, len(self.D) - 1) - 1]
        is_edge = others <= reach[:, None]
        return np.where(is_edge | is_edge.T | np.eye(len(self.D), dtype=bool), G, 0.0)

    def has_ties(self, k, share):
        """Whether rounding may decide who is among the nearest k."""
        if k >= len(self.D) - 1:
            return False
        others = np.sort(self.D + np.diag(np.full(len(self.D), np.inf)), axis=1)
        return bool(np.any(others[:, k] - others[:, k - 1] <= share * others[:, k]))


def eigenvalues(G, alpha):
    """Moduli of the eigenvalues of the diffusion operator of an affinity."""
    weights = G.sum(axis=1) ** -alpha
    K = weights[:, None] * G * weights[None]
    roots = np.sqrt(K.sum(axis=1))
    return np.abs(np.linalg.eigvalsh(K / roots[:, None] / roots[None]))


def entropy(moduli, t, floor=0.0):
    """Entropy in bits of eigenvalues, of which those up to the floor count as 0."""
    kept = moduli[moduli > floor]
    logs = t * np.log(kept / kept.max())
    p = np.exp(logs) / np.exp(logs).sum()
    # p log p from the logarithms, since p may be 0.
    return float(-(p * (logs - np.log(np.exp(logs).sum()))).sum() / np.log(2))
