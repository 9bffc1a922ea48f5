"""Spectra of many small sets of samples at once, in stacks of sets of one size.

Alone, a set of two samples costs a millisecond, whatever is done with it. A stack of
affinities G (n_sets, m, m) takes the same steps as one, see `diffusion`.
"""

import numpy as np
from sklearn.utils import gen_batches

from .spectrum import Spectrum

# Samples of a set up to which LAPACK takes no longer than all around it.
SMALL_SET = 32
# Numbers that the differences of a stack may take (16 MiB).
STACK_ELEMENTS = 2**21


def small_spectra(affinity, alpha, X, bandwidth, sets):
    """Spectrum of each set of rows of X; the affinity is one of all pairs."""
    spectra, sizes = [None] * len(sets), np.array([len(rows) for rows in sets])
    X = bandwidth.frame.apply(X)
    for m in np.unique(sizes):
        which = np.flatnonzero(sizes == m)
        n_numbers = m**2 * X.shape[1]
        for part in gen_batches(len(which), max(1, STACK_ELEMENTS // n_numbers)):
            rows = np.array([sets[i] for i in which[part]])
            found = _of_one_size(affinity, alpha, X, bandwidth, rows)
            for i, spectrum in zip(which[part], found, strict=True):
                spectra[i] = spectrum
    return spectra


def _of_one_size(affinity, alpha, X, bandwidth, rows):
    """Spectrum of each set of as many rows (n_sets, m)."""
    n_sets, m = rows.shape
    one_point = Spectrum.of_identical_samples(m)
    if m == 1:
        return [one_point] * n_sets
    S = _operators(_affinities(affinity, X, bandwidth, rows), alpha)
    eigenvalues = _eigenvalues(S)
    traces = np.einsum("sii->s", S)
    squared_norms = np.einsum("sij,sij->s", S, S)
    is_one_point = (X[rows] == X[rows[:, :1]]).all(axis=(1, 2))
    return [
        one_point
        if is_one_point[i]
        else Spectrum(
            eigenvalues[i],
            m,
            float(traces[i]),
            float(squared_norms[i]),
            affinity.is_semidefinite,
        )
        for i in range(n_sets)
    ]


def _affinities(affinity, X, bandwidth, rows):
    """Affinities G within each set (n_sets, m, m)."""
    n_sets, m = rows.shape
    left, right = np.triu_indices(m, k=1)
    pairs = rows[:, left].ravel(), rows[:, right].ravel()
    G = np.ones((n_sets, m, m))
    G[:, left, right] = affinity.of_pairs(X, bandwidth, *pairs).reshape(n_sets, -1)
    G[:, right, left] = G[:, left, right]
    return G


def _operators(G, alpha):
    """Diffusion operators S = diag(s) G diag(s), see `diffusion`."""
    density = G.sum(axis=2) ** -alpha
    degree = density * np.einsum("sij,sj->si", G, density)
    s = density / np.sqrt(degree)
    return G * s[:, :, None] * s[:, None, :]


def _eigenvalues(S):
    """Eigenvalues of each operator, largest modulus first."""
    if S.shape[1] == 2:
        # Both rows of G = [[1, g], [g, 1]] have the sum 1 + g. So α scales G as a
        # whole, and S is G / (1 + g), of eigenvalues 1 and (1 - g) / (1 + g): what of
        # a sample stays less what it gives. σ_i and σ_j have a say in g alone.
        second = S[:, 0, 0] - S[:, 0, 1]
        return np.stack([np.ones_like(second), np.maximum(second, 0)], axis=1)
    eigenvalues = np.linalg.eigvalsh(S)
    order = np.argsort(-np.abs(eigenvalues), axis=1, kind="stable")
    return np.take_along_axis(eigenvalues, order, axis=1)
