"""Entries of kernels, for some rows and columns at a time.

Gaussian   G_ij = exp(-d_ij² / (2 σ_i σ_j)),  d the metric's distance; that of
           Euclidean distances with a σ_i of each sample is in `gibbs`.
Laplacian  G_ij = exp(-‖x_i - x_j‖₁ / √(σ_i σ_j)).

A Euclidean exponent of the Gaussian is a matrix product itself,

    -‖x - y‖² / (2 σ τ) = (x, -‖x‖²/2, 1)/σ · (y, 1, -‖y‖²/2)/τ.

Where all distances share a part r of no interest, max(d_ij² - r², 0) stands for the
square: a constant in the exponent, cut off at 0.
"""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from .._tools.arrays import (
    astype,
    at_most_0_in_place,
    column_means,
    exp_in_place,
    has_float64,
    is_device_array,
    like,
    namespace,
    row_squares,
    rows_a_block,
    take,
    to_host,
)
from .._tools.parallel import row_blocks
from .device_distances import squares_by_differences
from .distances import all_manhattan, distances
from .frames import typical_of
from .metrics import EUCLIDEAN
from .shelves import Shelf, length, tile_key

# Rows of X that are squared at a time.
BLOCK_ROWS = 1024
# Edges that are weighed at a time.
BLOCK_EDGES = 2**20
# Rounding of exponents, and so of affinities, that is taken: in float32, far below
# any tolerance asked for; in float64, that of the affinity itself.
MAX_ROUNDING32 = 1e-4
MAX_ROUNDING = 1e-9
# Share of features that vary, up to which products leave out the others, as pixels at
# the margin of images (MNIST: 717 of 784 vary).
MOST_VARYING = 0.95
# Precision of float32 in units of that of float64.
EPS32_64 = float(np.finfo(np.float32).eps / np.finfo(np.float64).eps)
# Bandwidths whose squares, and those of samples as large, float32 has room for.
RANGE32 = 1e-15, 1e15
# How many times the spread of the samples a mean may lie off their median.
DRAWN = 10.0
# Affinities below exp of this are as good as 0.
SMALLEST_EXPONENT = -40.0


class Exponents:
    """Exponents of all pairs of samples X by one bandwidth σ, held for another.

    They lie on a shelf of tiles of some blocks of rows. A tile is handed out once,
    since it is turned into affinities in place.
    """

    def __init__(self, X, sigma, blocks):
        self.X = X
        self.sigma = sigma
        self.shelf = Shelf(blocks, np.float32)
        self.filled = set()

    def place(self, rows, columns):
        """Place for the tile of some rows and columns, which is to be written there."""
        self.filled.add(tile_key(rows, columns))
        return self.shelf.place(rows, columns)

    def take(self, rows, columns, sigma):
        """Tile of some rows and columns by another bandwidth; None if none is held."""
        key = tile_key(rows, columns)
        if key not in self.filled:
            return None
        tile = self.shelf.place(rows, columns)
        if tile.shape != (length(rows), length(columns)):
            return None  # tiles are of another size
        self.filled.discard(key)
        tile *= np.float32((self.sigma / sigma) ** 2)
        return tile


class GaussianEntries:
    """Tiles of the Gaussian of all pairs of samples.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples; no copy is made, but of the features that vary where many do not.
    bandwidth : Bandwidth
        σ of the samples, and the distance that is taken off all distances.
    metric : str or callable, default="euclidean"
        Distance.
    dtype : dtype, default=float32
        Precision of the tiles. Their exponents are in float64 where float32 would
        lose digits.
    """

    # How much more than a product of the data its exponents err at most.
    steepness = 1.0

    def __init__(self, X, bandwidth, metric="euclidean", dtype=np.float32):
        # ‖x‖² - 2 x·y + ‖y‖² loses its digits far from the origin.
        known = bandwidth.frame.typical or typical_of(X)
        self.X, self.center = X, _center(X, known)
        if metric in EUCLIDEAN and not is_device_array(X):
            self.X, self.center = _without_constants(X, self.center, known.varies)
        self.sigma = bandwidth.sigma
        self.shared = bandwidth.shared
        self.metric = metric
        self.dtype = np.dtype(dtype)
        self.n_samples = X.shape[0]
        self.held = bandwidth.held
        self.rounding = self.steepness * self._rounding()
        exact = self.rounding.max(initial=0) * EPS32_64 > MAX_ROUNDING32
        exact |= self.dtype == np.float64
        exact |= np.min(self.sigma) < RANGE32[0] or np.max(self.sigma) > RANGE32[1]
        self.exponent_dtype = np.float64 if exact else np.float32
        # Without float64, differences have to do where it is asked for.
        in_single = exact and not has_float64(X)
        self.max_rounding = MAX_ROUNDING32 / EPS32_64 if in_single else MAX_ROUNDING

    @property
    def columns_a_tile(self):
        """Columns of a product that take as long as making the tiles.

        A tile costs 2 (d + 20) operations an entry, and serves both its sides with
        2 operations a column each.
        """
        return (self.X.shape[1] + 20) // 2

    def tile(self, rows, columns, out=None):
        """Affinity of some rows and columns, which may be written to out."""
        if self.metric in EUCLIDEAN:
            # Of samples out of reach squares are infinite, and affinities 0.
            with np.errstate(over="ignore", invalid="ignore"):
                tile = self.exponents(rows, columns, out)
            return exp_in_place(at_most_0_in_place(tile))
        D = distances(take(self.X, rows), take(self.X, columns), self.metric)
        sigmas = (at(self.sigma, part) for part in (rows, columns))
        return gaussian_of_distances(D, *sigmas, self.shared)

    def exponents(self, rows, columns, out=None):
        """Exponents of some rows and columns; above 0 where the affinity is 1.

        They are written to out, an array of their shape, if it has their dtype.
        """
        return self._refined(self._product(rows, columns, out), rows, columns)

    def _product(self, rows, columns, out=None):
        """(r² - d²) / (2 σ_i σ_j) as a matrix product; or what is held of it."""
        if self.held is not None and self.exponent_dtype == np.float32:
            exponents = self.held.take(rows, columns, self.sigma)
            if exponents is not None:
                return exponents
        factors = self.factor(rows, 0), self.factor(columns, 1).T
        if out is None or out.dtype != self.exponent_dtype:
            return factors[0] @ factors[1]
        return np.matmul(*factors, out=out)

    def _refined(self, exponents, rows, columns):
        """Exponents of some rows and columns, where rounding shows by differences."""
        errors = self.rounding[rows], self.rounding[columns]
        if sum(one.max(initial=0) for one in errors) < self.max_rounding:
            return exponents
        if is_device_array(exponents):
            squares = squares_by_differences(
                *(take(self.X, a) for a in (rows, columns))
            )
            return self._of_squares(squares - self.shared**2, rows, columns)
        # Samples far away, or bandwidths tiny against the spread of the data: pairs
        # that are near, as far as rounding lets them be told, by differences.
        errors = np.add.outer(*errors)
        near = ~(exponents <= SMALLEST_EXPONENT - errors)  # not a number is unknown
        i, j = np.nonzero(near & (errors >= MAX_ROUNDING))
        step = max(1, 2**22 // self.X.shape[1])
        for part in (slice(k, k + step) for k in range(0, len(i), step)):
            left, right = rows.start + i[part], columns.start + j[part]
            Z = self.X[left].astype(np.float64) - self.X[right]
            squares = np.einsum("ij,ij->i", Z, Z) - self.shared**2
            exponents[i[part], j[part]] = self._scales(left, right) * squares
        return exponents

    def _scales(self, left, right):
        """Factors of squared distances in the exponents of pairs."""
        return -0.5 / at(self.sigma, left) / at(self.sigma, right)

    def _of_squares(self, squares, rows, columns):
        """Exponents of squares on a device, where r² is taken off."""
        scales = (self._column(at(self.sigma, part)) for part in (rows, columns))
        left, right = scales
        return squares * -0.5 / left / right.T

    def _column(self, values):
        """Values of samples, or of all, as a column where X lies."""
        return like(np.reshape(values, (-1, 1)), self.X, self.exponent_dtype)

    def factor(self, rows, side):
        """Left (0) or right (1) factor of the exponent, for some rows."""
        if not is_device_array(self.X):
            return self._factor_here(self.X[rows], at(self.sigma, rows), side)
        Z = astype(take(self.X, rows), self.exponent_dtype)
        Z = Z - like(self.center, Z)
        half = 0.25 * self.shared**2 - 0.5 * row_squares(Z)[:, None]
        xp = namespace(Z)
        one = xp.ones_like(half)
        factor = xp.concat([Z, one, half] if side else [Z, half, one], axis=1)
        factor /= self._column(at(self.sigma, rows))
        return factor

    def _factor_here(self, X, sigma, side):
        """The same of an array of NumPy, in one piece of memory."""
        n, d = X.shape
        factor = np.empty((n, d + 2), self.exponent_dtype)
        center = self.center.astype(self.exponent_dtype)
        Z = np.subtract(X, center, out=factor[:, :d], dtype=self.exponent_dtype)
        one, half = (d, d + 1) if side else (d + 1, d)
        factor[:, one] = 1
        factor[:, half] = 0.25 * self.shared**2 - 0.5 * row_squares(Z)
        factor /= np.reshape(sigma, (-1, 1)).astype(self.exponent_dtype)
        return factor

    def _rounding(self):
        """Rounding of the exponents of each sample that a float64 product makes."""
        if self.metric not in EUCLIDEAN:
            return np.zeros(self.n_samples)
        with np.errstate(over="ignore"):
            squares = _squares_around(self.X, self.center)
        return np.finfo(np.float64).eps * squares / self._squared_bandwidths()

    def _squared_bandwidths(self):
        """Squares that the errors of squared distances are divided by."""
        return np.min(self.sigma) ** 2


class SquaredEntries(GaussianEntries):
    """Tiles of the Gaussian of squared distances, exp(-max(d⁴ - r², 0) / (2 σ_i σ_j)).

    With e = -d² / (2 √σ_i √σ_j), what a Gaussian of distances has as its exponent at
    the roots of the bandwidths, the exponent is -2 e², beside r. See GaussianEntries.
    """

    # The slope of 2 e² where the affinity is no longer told from 0.
    steepness = 4 * (-SMALLEST_EXPONENT / 2) ** 0.5

    def __init__(self, X, bandwidth, dtype=np.float32):
        roots = replace(bandwidth, sigma=np.sqrt(bandwidth.sigma), shared=0.0)
        super().__init__(X, roots, dtype=dtype)
        self.taken_off = 0.5 * (bandwidth.shared / bandwidth.sigma) ** 2

    # Of samples out of reach squares are infinite, and affinities 0.
    @np.errstate(over="ignore", invalid="ignore")
    def tile(self, rows, columns, out=None):
        """Affinity of some rows and columns, which may be written to out."""
        tile = at_most_0_in_place(self.exponents(rows, columns, out))
        tile *= tile
        tile *= -2
        if np.any(self.taken_off):  # a single one, where it is
            tile += like(self.taken_off, tile)
            tile = at_most_0_in_place(tile)
        return exp_in_place(tile)


class LaplacianEntries:
    """Tiles of the Laplacian kernel of all pairs of samples, see GaussianEntries.

    The cost of an entry is in units of that of a Gaussian's.
    """

    held = None

    def __init__(self, X, bandwidth, dtype=np.float32, cost=1):
        self.X = X
        self.sigma = bandwidth.sigma
        self.dtype = np.dtype(dtype)
        self.n_samples = X.shape[0]
        self.cost = cost

    @property
    def columns_a_tile(self):
        """Columns of a product that take as long as making the tiles."""
        return self.cost * (self.X.shape[1] + 20) // 2

    def tile(self, rows, columns, out=None):
        """Affinity of some rows and columns."""
        tile = all_manhattan(take(self.X, rows), take(self.X, columns))
        tile = astype(tile, np.float64)
        tile *= like(-1 / np.sqrt(np.reshape(at(self.sigma, rows), (-1, 1))), tile)
        tile /= like(np.sqrt(at(self.sigma, columns)), tile)
        return exp_in_place(tile)


def edges_affinity(n, rows, columns, distances, sigma, shared=0.0, dtype=None):
    """Gaussian affinity of n samples on a graph, CSR (n, n), in a precision.

    An edge joins i and j when either lists the other among the rows, which ascend, and
    columns.
    """
    dtype = np.dtype(dtype or distances.dtype)
    # Some at a time, in the precision of the distances.
    weights = np.empty(len(rows), dtype)
    for edges in row_blocks(len(rows), BLOCK_EDGES):
        parts = rows[edges], columns[edges], distances[edges]
        weights[edges] = _weights(*parts, sigma, shared)
    starts = np.searchsorted(rows, np.arange(n + 1, dtype=rows.dtype))
    # A copy of the columns, for they are put in order.
    parts = weights, columns.copy(), starts.astype(columns.dtype)
    G = sp.csr_array(parts, shape=(n, n))
    del weights, parts
    G.sort_indices()
    G = G.maximum(G.T)
    G = G + sp.eye_array(n, dtype=dtype, format="csr")
    # An underflown edge has weight 0: no edge.
    G.eliminate_zeros()
    return G


def _weights(rows, columns, distances, sigma, shared):
    """Gaussian affinities of some edges."""
    exponents = np.maximum(distances**2 - shared**2, 0)
    exponents *= -0.5
    exponents /= at(sigma, rows)
    exponents /= at(sigma, columns)
    return np.exp(exponents)


def _center(X, known):
    """Mean of the samples, or their median where outliers draw the mean away."""
    with np.errstate(over="ignore", invalid="ignore"):  # sums may be infinite
        mean = column_means(X) if known.mean is None else known.mean
        is_near = np.abs(mean - known.center).max() <= DRAWN * known.spread
    return mean if is_near else known.center


def _squares_around(X, center):
    """Squared distance of each row of X to a centre, in float64."""
    if not is_device_array(X):
        blocks = row_blocks(len(X), BLOCK_ROWS)
        parts = [np.square(X[rows] - center).sum(axis=1) for rows in blocks]
        return np.concatenate(parts)
    center = like(center, X, np.float64)
    blocks = row_blocks(X.shape[0], rows_a_block(X))
    parts = [row_squares(astype(take(X, rows), np.float64) - center) for rows in blocks]
    return np.concatenate([to_host(part).astype(np.float64) for part in parts])


def _without_constants(X, center, varies=None):
    """Features that vary, and their centre, where many others do not: no distance."""
    varies = X.max(axis=0) > X.min(axis=0) if varies is None else varies
    if varies.sum() > MOST_VARYING * X.shape[1] or not varies.any():
        return X, center
    return np.compress(varies, X, axis=1), center[varies]


def at(sigma, rows):
    """Bandwidth of some rows."""
    return sigma if np.ndim(sigma) == 0 else sigma[rows]


def gaussian_of_distances(D, sigma_rows, sigma_columns, shared=0.0):
    """exp(-max(D² - r², 0) / (2 σ_i σ_j)), r the distance that is shared."""
    D = astype(D, np.float64)
    D *= D
    D *= -1
    if shared:
        D += shared**2
        D = at_most_0_in_place(D)
    D *= like(0.5 / np.reshape(sigma_rows, (-1, 1)), D)
    D /= like(sigma_columns, D)
    return exp_in_place(D)
