"""Affinities G between the rows of X: Gaussian of all pairs, or of a kNN graph.

G_ij = exp(-‖x_i - x_j‖² / (2 σ_i σ_j)),    G_ii = 1.
"""

import numpy as np
import scipy.sparse as sp
from sklearn.metrics import euclidean_distances, pairwise_distances
from sklearn.utils import gen_batches

from ._neighbors import EUCLIDEAN
from ._validation import check_affinity_matrix

# Rows of a tile of the dense affinity: large enough for matrix products at full
# speed, small enough to stay in the cache for the exponential.
TILE_ROWS = 1024


def gaussian_affinity(X, sigma, metric="euclidean"):
    """Gaussian affinity of all pairs of rows, dense float64 (n_samples, n_samples)."""
    if metric not in EUCLIDEAN:
        D = pairwise_distances(X, metric=metric).astype(np.float64, copy=False)
        np.square(D, out=D)
        np.fill_diagonal(D, 0.0)
        return _gaussian(D, sigma, sigma)
    n = len(X)
    G = np.empty((n, n))
    # |x|² - 2 x·y + |y|² loses its digits far from the origin.
    center = X.mean(axis=0, dtype=np.float64)
    for rows in gen_batches(n, TILE_ROWS):
        A = X[rows] - center
        for columns in gen_batches(rows.stop, TILE_ROWS):
            B = X[columns] - center
            tile = euclidean_distances(A, B, squared=True)
            if columns == rows:
                tile = np.maximum(tile, tile.T)  # symmetric to the last bit
                np.fill_diagonal(tile, 0.0)
            G[rows, columns] = _gaussian(tile, _at(sigma, rows), _at(sigma, columns))
            G[columns, rows] = G[rows, columns].T
    return G


def nearest_neighbors_affinity(distances, indices, sigma):
    """Gaussian affinity on the symmetrised kNN graph, CSR (n_samples, n_samples).

    distances and indices (n_samples, k) list the neighbours of each sample; an edge
    joins i and j when either lists the other.
    """
    n, k = indices.shape
    dtype = distances.dtype
    rows = np.repeat(np.arange(n), k)
    columns = indices.ravel()
    weights = _gaussian(
        distances.ravel() ** 2, _at(sigma, rows), _at(sigma, columns), pairs=True
    )
    # An underflown edge is an edge of weight 0: dropped, so that G has no stored zero.
    directed = sp.csr_array(
        (weights.astype(dtype, copy=False), (rows, columns)), shape=(n, n)
    )
    G = directed.maximum(directed.T) + sp.eye_array(n, dtype=dtype, format="csr")
    G.eliminate_zeros()
    return G


def callable_affinity(X, affinity):
    """Affinity that a callable makes of X, checked."""
    return check_affinity_matrix(affinity(X), "the result of the affinity callable")


def _gaussian(squares, sigma_rows, sigma_columns, pairs=False):
    """exp(-squares / (2 σ_i σ_j)), written over squares."""
    if np.ndim(sigma_rows) == 0:
        squares *= -0.5 / sigma_rows / sigma_columns
    else:
        squares *= -0.5 / (sigma_rows if pairs else sigma_rows[:, None])
        squares /= sigma_columns
    return np.exp(squares, out=squares)


def _at(sigma, rows):
    """Bandwidth of some rows."""
    return sigma if np.ndim(sigma) == 0 else sigma[rows]
