"""Affinity matrices that the user brings, on the host or on a device."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from .._tools.arrays import (
    astype,
    is_device_array,
    is_finite,
    like,
    namespace,
    take,
    to_host,
)
from .._tools.validation import (
    SYMMETRY_RTOL,
    at_unit_scale,
    check_affinity_matrix,
    check_entries,
    check_square,
    with_self_affinities,
)


@dataclass(frozen=True)
class ToFitted:
    """What new samples (rows) are to those that a scale was fitted to (columns).

    Attributes
    ----------
    entries : ndarray or csr_array of shape (n_samples, n_fitted)
        Affinities, or distances as far as they are known.
    """

    entries: object

    @property
    def shape(self):
        """Number of samples, and of fitted ones."""
        return self.entries.shape

    @property
    def arrays(self):
        """What tells it from others."""
        return (self.entries,)

    def part(self, rows):
        """The same of some of the samples."""
        return ToFitted(take(self.entries, rows))


def is_to_fitted(X, n_fitted):
    """Whether X has new samples as rows and the fitted ones as columns.

    As scikit-learn cuts a matrix between samples. A symmetric matrix is one among
    new samples.
    """
    n_rows, n_columns = X.shape
    if n_rows != n_columns:
        return True
    if n_columns != n_fitted:
        return False
    on_host = not is_device_array(X)
    xp = np if on_host else namespace(X)
    gap = abs(X - X.T).max() if on_host else float(xp.max(xp.abs(X - X.T)))
    return bool(gap > SYMMETRY_RTOL * float(X.max() if on_host else xp.max(X)))


def affinity_through_fitted(B, alpha):
    """Affinity of new samples, of which B tells how they see the fitted ones.

    With q = B 1, p = Bᵀ 1, K = diag(q)^-α B diag(p)^-α and D = diag(Kᵀ 1) it is
    K D⁻¹ Kᵀ: a hop to the fitted samples and one back. The walk of two hops has the
    squares of the singular values of the walk of one.
    """
    q, p = (np.asarray(B.sum(axis=axis)).ravel() for axis in (1, 0))
    K = _scaled(B, _power(q, -alpha), _power(p, -alpha))
    degrees = np.asarray(K.sum(axis=0)).ravel()
    half = _scaled(K, np.ones(len(q)), _power(degrees, -0.5))
    return with_self_affinities(half @ half.T)


def _scaled(B, rows, columns):
    """B with its rows and columns multiplied by vectors."""
    if sp.issparse(B):
        return sp.diags_array(rows) @ sp.csr_array(B) @ sp.diags_array(columns)
    return rows[:, None] * B * columns


def _power(values, exponent):
    """Powers of values, and 0 of 0."""
    return np.where(values > 0, values, 1.0) ** exponent * (values > 0)


def checked_affinity(G, name, n_samples=None):
    """Return G as an affinity of so many samples, or raise if it is none."""
    is_on_device = is_device_array(G)
    G = _checked_on_device(G, name) if is_on_device else check_affinity_matrix(G, name)
    shape = n_samples, n_samples
    if n_samples is not None and tuple(G.shape) != shape:
        raise ValueError(f"{name} must have shape {shape}; got {tuple(G.shape)}.")
    return G


def part_of_affinity(G, rows):
    """Rows and columns of some samples."""
    if is_device_array(G):
        return _at_one_scale(take(take(G, rows).T, rows).T)
    # A sample may have no edge to the others of a subset.
    return with_self_affinities(at_unit_scale(G[rows][:, rows]))


def _checked_on_device(G, name):
    """Return G in one scale, or raise if it is not an affinity."""
    check_square(G.shape, name)
    if not is_finite(G):
        raise ValueError(f"{name} must be finite; it contains NaN or infinity.")
    xp = namespace(G)
    extremes = float(xp.min(G)), float(xp.max(G))
    check_entries(*extremes, lambda: float(xp.max(xp.abs(G - G.T))), name)
    return _at_one_scale(G)


def _at_one_scale(G):
    """G without negative entries, its largest 1, isolated samples seeing themselves."""
    xp = namespace(G)
    largest = float(xp.max(G))
    G = xp.maximum(G, xp.zeros_like(G)) / (largest or 1.0)
    isolated = to_host(xp.sum(astype(G, np.float64), axis=1) == 0)
    if not isolated.any():
        return G
    is_own = like(np.diag(isolated), G)
    return xp.where(is_own, xp.ones_like(G), G)
