"""All eigenvalues of a symmetric matrix in two stages, by way of a band.

LAPACK's one stage multiplies the matrix by a vector at each of n steps, at the speed of
memory. Here blocks of columns are reflected together, so that nearly all work is matrix
products (Bischof, Lang and Sun 2000, "A framework for symmetric band reduction"):

    for each block of w columns:
        P, what lies below the band ─► (I - V T Vᵀ)ᵀ P = [R; 0]
        A, the matrix below and to the right ─► (I - V T Vᵀ)ᵀ A (I - V T Vᵀ)
            = A - V Xᵀ - X Vᵀ,  X = W - V (Tᵀ Vᵀ W) / 2,  W = A V T

LAPACK then finds the eigenvalues of the band, n w numbers. Errors are those of any
backward stable method: a few roundings of the norm of A.
"""

import numpy as np
from scipy.linalg import qr, solve_triangular

from .._tools.parallel import lower_tiles, map_threads, row_blocks, threads_for_maps
from .lapack import eigenvalues_of_band

# Width of the band (measured, n = 4000 and 10,000): a narrower one has slower products,
# a wider one more work in LAPACK.
WIDTH = 64
# Rows of a tile: of a size that stays in the cache between its product and its update.
TILE_ROWS = 512
# Sums over tiles are made in this many parts and added in order, so that their last
# bits do not depend on the number of threads.
N_PARTS = 4


def eigenvalues_by_band(A):
    """Eigenvalues of a symmetric matrix, ascending, in float64.

    A is a C-ordered array of float32 or float64, and sets the precision. Of its lower
    triangle all is used and overwritten; the rest is not looked at.
    """
    with threads_for_maps():
        band = _reduced_to_band(A)
    return eigenvalues_of_band(band)


def _reduced_to_band(A):
    """Band with the eigenvalues of A, as LAPACK stores its lower half."""
    n = len(A)
    band = np.zeros((WIDTH + 1, n), A.dtype)
    for start in range(0, n, WIDTH):
        end = min(start + WIDTH, n)
        _store(band, start, 0, A[start:end, start:end])
        if end < n:
            V, T, R = _reflected(A[end:, start:end])
            _store(band, start, end - start, R)
            _reflect(A[end:, end:], V, T)
    return band


def _store(band, start, below, block):
    """Put what the band has of a block, so many rows below the diagonal."""
    for j in range(block.shape[1]):
        first = max(below - j, 0)  # distance of the first row from the diagonal
        column = block[max(j - below, 0) :, j][: WIDTH + 1 - first]
        band[first : first + len(column), start + j] = column


def _reflected(P):
    """V, T and the triangle R with (I - V T Vᵀ)ᵀ P = [R; 0]."""
    (packed, tau), R = qr(P, mode="raw", check_finite=False)
    k = len(tau)
    V = np.tril(packed[:, :k], -1)
    np.fill_diagonal(V, 1)
    # A column that was 0 below its diagonal is not reflected.
    V[:, tau == 0] = 0
    inverse = np.triu(V.T @ V, 1)
    np.fill_diagonal(inverse, 1 / np.where(tau == 0, 1, tau))
    T = solve_triangular(inverse, np.eye(k, dtype=P.dtype), check_finite=False)
    return np.ascontiguousarray(V, P.dtype), T.astype(P.dtype, copy=False), R[:k]


def _reflect(A, V, T):
    """Reflect A from both sides, in place, its lower triangle alone."""
    W = _product(A, V) @ T
    X = W - V @ (T.T @ (V.T @ W)) / 2
    left, right = np.hstack([V, X]), np.hstack([X, V])

    def update(pair):
        rows, columns = pair
        A[rows, columns] -= left[rows] @ right[columns].T

    map_threads(update, lower_tiles(row_blocks(len(A), TILE_ROWS)))


def _product(A, V):
    """A V of a symmetric A, whose lower triangle is read once for both its sides."""

    def part(pairs):
        total = np.zeros_like(V)
        for rows, columns in pairs:
            tile = A[rows, columns]
            if rows == columns:
                tile = np.tril(tile) + np.tril(tile, -1).T
            total[rows] += tile @ V[columns]
            if rows != columns:
                total[columns] += tile.T @ V[rows]
        return total

    pairs = lower_tiles(row_blocks(len(A), TILE_ROWS))
    return sum(map_threads(part, [pairs[i::N_PARTS] for i in range(N_PARTS)]))
