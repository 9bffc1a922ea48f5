"""Affinities G between the rows of X: Gaussian of all pairs, or of a kNN graph.

The affinity is G_ij = exp(-‖x_i - x_j‖² / (2 σ_i σ_j)), with G_ii = 1. All pairs are
held as a dense matrix or in tiles, see TiledGaussian. A Euclidean exponent is a matrix
product itself,

    -‖x - y‖² / (2 σ τ) = (x, -‖x‖²/2, 1)/σ · (y, 1, -‖y‖²/2)/τ.

Where all distances share a part r of no interest, max(‖x_i - x_j‖² - r², 0) stands for
the square: a constant in the exponent, cut off at 0.
"""

from copy import copy

import numpy as np
import scipy.sparse as sp
from sklearn import get_config
from sklearn.metrics import pairwise_distances
from sklearn.utils import gen_batches

from .._tools.parallel import map_threads
from .._tools.progress import Progress
from .._tools.validation import check_affinity_matrix
from .bandwidth import WHOLE_DATA_METRICS
from .neighbors import EUCLIDEAN, SQUARED

# Rows of a tile: large enough for matrix products at full speed, small enough to stay
# in the cache for the exponential.
TILE_ROWS = 1024
# Sums over tiles are made in this many parts and then added in order, so that their
# last bits do not depend on the number of threads.
N_PARTS = 8
# Rounding of exponents, and so of affinities, that is taken: in float32, far below
# any tolerance asked for; in float64, that of the affinity itself.
MAX_ROUNDING32 = 1e-4
MAX_ROUNDING = 1e-9
# Affinities below exp of this are as good as 0.
SMALLEST_EXPONENT = -40.0


def gaussian_affinity(
    X, sigma, metric="euclidean", dtype=np.float64, verbose=0, shared=0.0
):
    """Gaussian affinity of all pairs of rows, dense (n_samples, n_samples)."""
    if metric in WHOLE_DATA_METRICS:
        D = pairwise_distances(X, metric=metric)
        return _from_distances(D, sigma, sigma, shared)
    tiles = TiledGaussian(X, sigma, metric, dtype, shared=shared)
    G = np.empty((len(X), len(X)), dtype=dtype)

    def fill(pair):
        rows, columns = pair
        G[rows, columns] = tiles.tile(rows, columns)
        if rows != columns:
            G[columns, rows] = G[rows, columns].T
        progress.advance()

    with Progress(len(tiles.pairs), "affinity", verbose) as progress:
        map_threads(fill, tiles.pairs)
    return G


class TiledGaussian:
    """Gaussian affinity of all pairs of rows, in tiles of its lower triangle.

    It has what a diffusion operator needs of a matrix: products with blocks of
    vectors, its own and those of its squared entries, and the diagonal. Tiles are kept,
    in half the memory of the matrix, or made anew for each product, in next to none.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples; no copy is made.
    sigma : float or ndarray of shape (n_samples,)
        Bandwidth.
    metric : str or callable
        Distance.
    dtype : dtype
        Precision of the tiles. Their exponents are in float64 where float32 would
        lose digits.
    keep : bool
        Whether to keep the tiles.
    verbose : int
        Whether to show the progress of products.
    shared : float
        Distance whose square is taken off all squared distances; what is below counts
        as 0.
    """

    def __init__(
        self,
        X,
        sigma,
        metric="euclidean",
        dtype=np.float32,
        keep=False,
        verbose=0,
        shared=0.0,
    ):
        self.X = X
        self.sigma = sigma
        self.metric = metric
        self.dtype = np.dtype(dtype)
        self.keep = keep
        self.verbose = verbose
        self.shared = shared
        self.n_products = 0
        self.shape = len(X), len(X)
        # ‖x‖² - 2 x·y + ‖y‖² loses its digits far from the origin.
        self.center = X.mean(axis=0, dtype=np.float64)
        self.rounding = self._rounding()
        exact = self.dtype == np.float64 or self.rounding[np.float32] > MAX_ROUNDING32
        self.exponent_dtype = np.float64 if exact else np.float32
        self.blocks = list(gen_batches(len(X), _tile_rows(self.dtype.itemsize)))
        self.kept = {}

    @property
    def pairs(self):
        """Rows and columns of the tiles of the lower triangle."""
        return [(a, b) for i, a in enumerate(self.blocks) for b in self.blocks[: i + 1]]

    def head(self, n_samples):
        """Affinity of the first samples, with the tiles that are kept."""
        part = copy(self)
        part.shape = n_samples, n_samples
        part.blocks = [
            slice(rows.start, min(rows.stop, n_samples))
            for rows in self.blocks
            if rows.start < n_samples
        ]
        part.kept = {
            key: self.kept[key][: _length(rows), : _length(columns)]
            for rows, columns in part.pairs
            if (key := _key(rows, columns)) in self.kept
        }
        return part

    @property
    def columns_a_tile(self):
        """Columns of a product that take as long as making the tiles.

        A tile costs 2 (d + 20) operations an entry, and serves both its sides with
        2 operations a column each.
        """
        return 0 if self.keep else (self.X.shape[1] + 20) // 2

    def tile(self, rows, columns):
        """Tile of some rows and columns, kept or made."""
        if not self.keep:
            return self._make(rows, columns)
        key = _key(rows, columns)
        if key not in self.kept:
            self.kept[key] = self._make(rows, columns)
        return self.kept[key]

    def _make(self, rows, columns):
        """Affinity of some rows and columns."""
        if self.metric in EUCLIDEAN:
            tile = self._exponents(rows, columns)
            np.exp(np.minimum(tile, 0, out=tile), out=tile)
        else:
            X, Y = self.X[rows], self.X[columns]
            if self.metric == SQUARED:  # see center
                X, Y = X - self.center, Y - self.center
            D = pairwise_distances(X, Y, metric=self.metric)
            sigmas = (at(self.sigma, part) for part in (rows, columns))
            tile = _from_distances(D, *sigmas, self.shared)
        if rows == columns:
            tile = np.maximum(tile, tile.T)  # symmetric to the last bit
            np.fill_diagonal(tile, 1)
        return tile.astype(self.dtype, copy=False)

    def __matmul__(self, V):
        """G V, for V of shape (n_samples,) or (n_samples, n_columns)."""
        return self._sum_of_tiles(V, squared=False)

    def squares_matmul(self, V):
        """Product of V with the matrix of squared entries of G."""
        return self._sum_of_tiles(V, squared=True)

    def __len__(self):
        return self.shape[0]

    def diagonal(self):
        """Ones."""
        return np.ones(len(self), self.dtype)

    def _sum_of_tiles(self, V, squared):
        """Add the products of all tiles, each made once and used for both its sides."""
        columns = np.ascontiguousarray(V.reshape(len(V), -1), self.dtype)

        def part(pairs):
            total = np.zeros(columns.shape, self.dtype)
            for rows, others in pairs:
                tile = self.tile(rows, others)
                tile = np.square(tile) if squared else tile
                total[rows] += tile @ columns[others]
                if rows != others:
                    total[others] += tile.T @ columns[rows]
                progress.advance()
            return total

        self.n_products += 1
        label = f"affinity, product {self.n_products}"
        pairs = self.pairs
        with Progress(len(pairs), label, self.verbose) as progress:
            parts = map_threads(part, [pairs[i::N_PARTS] for i in range(N_PARTS)])
        return sum(parts).reshape(V.shape)

    def _exponents(self, rows, columns):
        """Exponents of some rows and columns; above 0 where the affinity is 1."""
        exponents = self._factor(rows, 0) @ self._factor(columns, 1).T
        if self.rounding[np.float64] < MAX_ROUNDING:
            return exponents
        # Bandwidths tiny against the spread of the data: near pairs by differences.
        i, j = np.nonzero(exponents > SMALLEST_EXPONENT)
        for part in gen_batches(len(i), max(1, 2**22 // self.X.shape[1])):
            left, right = rows.start + i[part], columns.start + j[part]
            Z = self.X[left].astype(np.float64) - self.X[right]
            scale = -0.5 / at(self.sigma, left) / at(self.sigma, right)
            squares = np.einsum("ij,ij->i", Z, Z) - self.shared**2
            exponents[i[part], j[part]] = scale * squares
        return exponents

    def _factor(self, rows, side):
        """Left (0) or right (1) factor of the exponent, for some rows."""
        Z = self.X[rows].astype(self.exponent_dtype, copy=False)
        Z = Z - self.center.astype(self.exponent_dtype)
        half = 0.25 * self.shared**2 - 0.5 * np.einsum("ij,ij->i", Z, Z)[:, None]
        one = np.ones_like(half)
        factor = np.hstack([Z, one, half] if side else [Z, half, one])
        factor /= np.reshape(at(self.sigma, rows), (-1, 1)).astype(self.exponent_dtype)
        return factor

    def _rounding(self):
        """Largest rounding of an exponent made by a product, in either precision."""
        if self.metric not in EUCLIDEAN:
            return dict.fromkeys((np.float32, np.float64), 0.0)
        radius = max(
            np.square(self.X[rows] - self.center).sum(axis=1).max()
            for rows in gen_batches(len(self.X), TILE_ROWS)
        )
        spread = radius / np.min(self.sigma) ** 2
        return {one: np.finfo(one).eps * spread for one in (np.float32, np.float64)}


def nearest_neighbors_affinity(distances, indices, sigma, shared=0.0):
    """Gaussian affinity on the symmetrised kNN graph, CSR (n_samples, n_samples).

    distances and indices (n_samples, k) list the neighbours of each sample; an edge
    joins i and j when either lists the other.
    """
    n, k = indices.shape
    dtype = distances.dtype
    if 2 * n * k < 2**31:  # half the traffic of a product
        indices = indices.astype(np.int32, copy=False)
    rows = np.repeat(np.arange(n, dtype=indices.dtype), k)
    columns = indices.ravel()
    exponents = np.maximum(distances.ravel() ** 2 - shared**2, 0)
    exponents *= -0.5
    exponents /= at(sigma, rows)
    exponents /= at(sigma, columns)
    directed = sp.csr_array((np.exp(exponents), (rows, columns)), shape=(n, n))
    G = directed.maximum(directed.T) + sp.eye_array(n, dtype=dtype, format="csr")
    # An underflown edge has weight 0: no edge.
    G.eliminate_zeros()
    return G


def callable_affinity(X, affinity):
    """Affinity that a callable makes of X, checked."""
    name = "the result of the affinity callable"
    G = check_affinity_matrix(affinity(X), name)
    shape = len(X), len(X)
    if G.shape != shape:
        raise ValueError(f"{name} must have shape {shape}; got {G.shape}.")
    return G


def _key(rows, columns):
    """Name of a tile; slices are none before Python 3.12."""
    return rows.start, columns.start


def _length(block):
    """Number of rows of a block."""
    return block.stop - block.start


def at(sigma, rows):
    """Bandwidth of some rows."""
    return sigma if np.ndim(sigma) == 0 else sigma[rows]


def _from_distances(D, sigma_rows, sigma_columns, shared=0.0):
    """exp(-max(D² - r², 0) / (2 σ_i σ_j)), r the distance that is shared."""
    D = D.astype(np.float64, copy=False)
    np.square(D, out=D)
    if shared:
        D -= shared**2
        np.maximum(D, 0, out=D)
    D *= -0.5 / np.reshape(sigma_rows, (-1, 1))
    D /= sigma_columns
    return np.exp(D, out=D)


def _tile_rows(itemsize):
    """Rows of a tile, so that N_PARTS tiles fit in the working memory."""
    bytes_a_tile = get_config()["working_memory"] * 2**20 / N_PARTS
    # A tile, and what its exponents and factors take.
    return int(np.clip((bytes_a_tile / (4 * itemsize)) ** 0.5, 64, TILE_ROWS))
