"""Affinity matrices that the user brings, on the host or on a device."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array

from .._tools.arrays import (
    astype,
    is_device_array,
    is_finite,
    like,
    namespace,
    take,
    to_host,
)
from .._tools.sparse_rows import asymmetry, without_duplicates
from .._tools.validation import SYMMETRY_RTOL, check_entries, check_square


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
    largest = float(X.max() if on_host else namespace(X).max(X))
    return _gap(X) > SYMMETRY_RTOL * largest


def _gap(G):
    """Largest difference of a matrix from its transpose."""
    if is_device_array(G):
        xp = namespace(G)
        return float(xp.max(xp.abs(G - G.T)))
    if sp.issparse(G):
        return asymmetry(without_duplicates(G))
    return float(abs(G - G.T).max())


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
    G = _checked_on_device(G, name) if is_on_device else _checked(G, name)
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


def floats(G, name="X"):
    """Matrix of the host, dense or CSR, of finite floats."""
    precisions = np.float64, np.float32
    return check_array(G, accept_sparse="csr", dtype=precisions, input_name=name)


def at_unit_scale(G):
    """G times the power of four that brings its largest entry to [1, 4).

    The scale of an affinity cancels; squares and float32 would not bear any. By a power
    of two no digit is lost, but of what is 1e-300 (1e-38 in float32) of the largest;
    its square root, which the normalisation takes, should be one, too.
    """
    largest = G.max()
    exponent = -2 * ((int(np.frexp(largest)[1]) - 1) // 2)
    if largest == 0 or exponent == 0:
        return G
    if sp.issparse(G):
        scaled = np.ldexp(G.data, exponent)
        return sp.csr_array((scaled, G.indices, G.indptr), shape=G.shape)
    return np.ldexp(G, exponent)


def without_negative(G):
    """Copy of G with 0 for negative entries."""
    return G.maximum(0) if sp.issparse(G) else np.maximum(G, 0)


def with_self_affinities(G):
    """G, where a sample without any affinity, a zero row, gets one to itself.

    It is an isolated vertex: diffusion that starts there stays there. A sparse matrix
    stays as it is: what `matrices` makes of it sees to that.
    """
    if sp.issparse(G):
        return G
    isolated = G.sum(axis=1) == 0
    if isolated.any():
        G = G + np.diag(isolated.astype(G.dtype))
    return G


def _checked(G, name):
    """Return G as a float array or CSR matrix, or raise if it is not an affinity."""
    G = floats(G, name)
    check_square(G.shape, name)
    G = without_duplicates(G) if sp.issparse(G) else G
    smallest = G.min()
    check_entries(smallest, G.max(), lambda: _gap(G), name)
    if smallest < 0:
        G = without_negative(G)
    return with_self_affinities(at_unit_scale(G))


def _checked_on_device(G, name):
    """Return G in one scale, or raise if it is not an affinity."""
    check_square(G.shape, name)
    if not is_finite(G):
        raise ValueError(f"{name} must be finite; it contains NaN or infinity.")
    xp = namespace(G)
    extremes = float(xp.min(G)), float(xp.max(G))
    check_entries(*extremes, lambda: _gap(G), name)
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
