"""Spectra of many sets of samples at once, in stacks of sets of one size.

Alone, a set of two samples costs a millisecond, whatever is done with it. On a device,
so do sets of hundreds. A stack takes the same steps as one set, see `stacks`.
"""

import numpy as np

from .._tools.arrays import (
    DEVICE_BLOCK_BYTES,
    exact_products,
    is_device_array,
    namespace,
    take,
    to_host,
)
from .._tools.parallel import row_blocks
from .spectrum import Spectrum
from .stacks import eigenvalues, moments, operators

# Samples of a set up to which LAPACK takes no longer than all around it.
SMALL_SET = 32
# Numbers that the differences of a stack may take (16 MiB).
STACK_ELEMENTS = 2**21
# Matrices of a stack on a device that are there at a time.
STACK_COPIES = 6


def small_spectra(affinity, alpha, X, bandwidth, sets):
    """Spectrum of each set of rows of X; the affinity is one of all pairs.

    Nothing but eigenvalues leaves a device.
    """
    spectra, sizes = [None] * len(sets), np.array([len(rows) for rows in sets])
    X = bandwidth.frame.apply(X)
    for m in np.unique(sizes):
        which = np.flatnonzero(sizes == m)
        for part in row_blocks(len(which), _sets_at_a_time(X, m)):
            rows = np.array([sets[i] for i in which[part]])
            found = _of_one_size(affinity, alpha, X, bandwidth, rows)
            for i, spectrum in zip(which[part], found, strict=True):
                spectra[i] = spectrum
    return spectra


def _sets_at_a_time(X, m):
    """Sets of m samples whose stack is not too large."""
    if is_device_array(X):
        entries = int(m) * (STACK_COPIES * int(m) + 3 * X.shape[1])
        return max(1, DEVICE_BLOCK_BYTES // (8 * entries))
    return max(1, STACK_ELEMENTS // (m**2 * X.shape[1]))


def _of_one_size(affinity, alpha, X, bandwidth, rows):
    """Spectrum of each set of as many rows (n_sets, m)."""
    n_sets, m = rows.shape
    one_point = Spectrum.of_identical_samples(m)
    if m == 1:
        return [one_point] * n_sets
    with exact_products(X):
        Z = take(X, rows.ravel())
        Z = namespace(Z).reshape(Z, (n_sets, m, -1))
        S = operators(_affinities(affinity, X, Z, bandwidth, rows), alpha)
        parts = (eigenvalues(S), *moments(S), _are_one_point(Z))
    found, traces, squared_norms, is_one_point = (to_host(part) for part in parts)
    # In float32, where a device has no float64, what may be rounding alone is 0.
    error = 0.0 if found.dtype == np.float64 else float(np.finfo(np.float32).eps)
    found = np.where(np.abs(found) > error, found, 0.0) if error else found
    return [
        one_point
        if is_one_point[i]
        else Spectrum(
            found[i].astype(np.float64, copy=False),
            m,
            float(traces[i]),
            float(squared_norms[i]),
            affinity.is_semidefinite,
            eigenvalue_error=error,
        )
        for i in range(n_sets)
    ]


def _affinities(affinity, X, Z, bandwidth, rows):
    """Affinities G within each set (n_sets, m, m), whose samples are Z."""
    n_sets, m = rows.shape
    if is_device_array(X):
        sigma = bandwidth.sigma[rows] if bandwidth.is_adaptive else bandwidth.sigma
        # Of samples out of reach squares are infinite, and affinities 0.
        with np.errstate(over="ignore"):
            return affinity.pairs.of_stack(Z, bandwidth, sigma)
    left, right = np.triu_indices(m, k=1)
    pairs = rows[:, left].ravel(), rows[:, right].ravel()
    G = np.ones((n_sets, m, m))
    G[:, left, right] = affinity.pairs.of_pairs(X, bandwidth, *pairs).reshape(
        n_sets, -1
    )
    G[:, right, left] = G[:, left, right]
    return G


def _are_one_point(Z):
    """Which sets of a stack are of identical samples."""
    return namespace(Z).all(Z == Z[:, :1, :], axis=(1, 2))
