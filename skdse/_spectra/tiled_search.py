"""Exact Euclidean neighbours by tiles of float32 matrix products.

A tile holds |p|² - 2 y·p, of which the smallest entries of each row are kept: a few
more than were asked for, so that the nearest are among them whatever float32 rounds.
Their distances are then taken from differences, in float64. Where the bound on the
rounding cannot tell, as between ties, a row is searched in float64.
"""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from .._tools.arrays import astype, is_device_array, like, namespace
from .._tools.parallel import filters_kept, map_threads, row_blocks
from .._tools.pools import single_threaded_blas
from .frames import typical_rows
from .paired_tiles import nearest_pairs, suits_pairs
from .smallest import in_order, merged, smallest

# Products of fewer rows are slower, tiles of more take memory: 16 MB (measured).
TILE_ROWS, TILE_COLUMNS = 512, 8192
# Entries of samples of which a search holds a copy for products, 100 MB; of more it is
# made part by part, which takes a tenth of the time. Entries of a part at most.
HELD_ENTRIES, PART_ENTRIES = 25_000_000, 2_000_000
# Rows of more features than this are hardly ever sure in float32. Among few points, all
# are searched in float64 at once; parts of so wide rows would be prepared very often.
WIDE, FEW = 4096, 8192
# Neighbours kept beyond those asked for.
SPARE = 8
# Entries beyond so many spreads are drawn in: their squares have no room in float32.
FARTHEST = 1e15
# Each thread has such blocks, two or three at a time: larger ones leave the cache.
_BLOCK_BYTES = 2 * 2**20


class LocalSamples:
    """Samples in float32, centred and in the unit of their spread.

    Attributes
    ----------
    center : ndarray of shape (n_features,)
        Median of some points, which no outlier draws away.
    unit : float
        Median distance of these to it, or more.
    """

    def __init__(self, points):
        self.center, farthest = typical_rows(points)  # in any feature
        spread = np.median(farthest) or farthest.max() or 1.0
        self.unit = float(spread * points.shape[1] ** 0.5)

    def __call__(self, Y):
        """Samples Y as the products take them."""
        if is_device_array(Y):
            moved = astype(Y, np.float64) - like(self.center, Y, np.float64)
            moved = namespace(Y).clip(moved / self.unit, -FARTHEST, FARTHEST)
            return astype(moved, np.float32)
        local = np.empty(Y.shape, np.float32)
        for rows in row_blocks(len(Y), max(1, _BLOCK_BYTES // (8 * Y.shape[1]))):
            moved = (Y[rows] - self.center) / self.unit
            local[rows] = np.clip(moved, -FARTHEST, FARTHEST)
        return local


class TiledSearch:
    """Exact search among points, all pairs in tiles; see `searches`."""

    is_exact, recall = True, 1.0

    def __init__(self, points):
        self.points = points
        self._local = LocalSamples(points)
        self._holds = points.size <= HELD_ENTRIES
        size = TILE_COLUMNS if self._holds else _rows(points, TILE_COLUMNS)
        self._parts = row_blocks(len(points), size)

    @classmethod
    def over(cls, points, metric, k, random_state, n_jobs):
        """Search over points by the Euclidean metric."""
        return cls(points)

    def own_neighbors(self, k):
        """Distances and indices of the k points nearest to each, itself first."""
        X = self.points
        if self._is_wide or not (self._holds and suits_pairs(*X.shape)):
            return self.kneighbors(X, k)
        blocks = row_blocks(len(X), _rows(X, TILE_ROWS))
        local = np.concatenate(map_threads(lambda rows: self._local(X[rows]), blocks))
        squares = squared_norms(local)
        values, indices = nearest_pairs(local, squares, min(k + SPARE, len(X)))

        def check(rows):
            near = values[rows], indices[rows]
            return self._checked(X[rows], k, *near, squares[rows])

        return self._completed(X, k, map_threads(check, blocks))

    def kneighbors(self, Y, k):
        """Distances and indices of the k points nearest to each row of Y."""
        if self._is_wide:
            return self._in_float64(Y, k)
        blocks = row_blocks(len(Y), _rows(Y, TILE_ROWS))
        kept = self._parts if self._holds else ()
        held = {part.start: self._as_columns(part) for part in kept}
        found = map_threads(lambda rows: self._nearest(Y[rows], k, held), blocks)
        return self._completed(Y, k, found)

    @property
    def _is_wide(self):
        """Whether all is to be searched in float64."""
        return self.points.shape[1] > WIDE and len(self.points) <= FEW

    def _completed(self, Y, k, found):
        """Neighbours by blocks of rows, with those searched anew that are not sure."""
        distances, indices, unsure = map(np.concatenate, zip(*found, strict=True))
        unsure = np.flatnonzero(unsure)
        step = _rows(Y, TILE_COLUMNS)
        for start in range(0, len(unsure), step):
            rows = unsure[start : start + step]
            distances[rows], indices[rows] = self._in_float64(Y[rows], k)
        return distances, indices

    def _nearest(self, Y, k, held):
        """Neighbours of a few rows, and of which rows that is not sure."""
        A = self._local(Y)
        squares = squared_norms(A)
        values, indices = self._smallest(A, min(k + SPARE, len(self.points)), held)
        values = values.astype(np.float64) + squares[:, None]
        return self._checked(Y, k, values, indices, squares)

    def _checked(self, Y, k, values, indices, squares):
        """The nearest of a few more, by differences; and of which rows it is not sure.

        The values are squared distances by products, of rows whose squared norms are
        given.
        """
        distances, near = nearest_of(Y, self.points, indices, k, _one_by_one)
        if values.shape[1] == len(self.points):
            return distances, near, np.zeros(len(Y), bool)
        reach = np.sqrt(np.maximum(values[:, k - 1], 0, dtype=np.float64))
        norms = np.sqrt(squares, dtype=np.float64)
        bound = rounding(self.points.shape[1], norms, reach)
        return distances, near, ~(values[:, -1] - values[:, k - 1] >= 2 * bound)

    def _smallest(self, A, k, held):
        """The k smallest |p|² - 2 a·p of each row, in order, and their points."""
        found = []
        for part in self._parts:
            columns, squares = held.get(part.start) or self._as_columns(part)
            D = A @ columns.T
            D += squares
            values, columns = smallest(D, min(k, D.shape[1]))
            found.append((values, columns + part.start))
            if len(found) > 1:
                found = [merged(found, k)]
        return found[0]

    def _as_columns(self, part):
        """Some points times -2, as products take them, and their squares."""
        local = self._local(self.points[part])
        return -2 * local, squared_norms(local)

    def _in_float64(self, Y, k):
        """Neighbours of rows whose distances are too close for float32."""
        search = NearestNeighbors(algorithm="brute").fit(self.points)
        wide = min(k + SPARE, len(self.points))
        with filters_kept(), single_threaded_blas():
            indices = search.kneighbors(Y, wide, return_distance=False)
        return nearest_of(Y, self.points, indices, k)


def _rows(X, most):
    """Rows of a part of X."""
    return int(np.clip(PART_ENTRIES // X.shape[1], 1, most))


def rounding(n_features, norm, reach):
    """Largest error of a squared distance up to reach, of a row of this norm.

    Each of |y|², |p|², y·p and their sums rounds, y·p at most n_features times; points
    within reach have norms up to norm + reach.
    """
    unit = np.finfo(np.float32).eps / 2
    return (n_features / 2 + 6) * unit * (2 * norm + reach) ** 2


def squared_norms(A):
    """Squared norms of rows, summed up in float64, in float32."""
    return np.einsum("ij,ij->i", A, A, dtype=np.float64).astype(np.float32)


def index_type(n):
    """Type of whole numbers up to n that takes least memory."""
    return np.int32 if n < 2**31 else np.int64


def nearest_of(Y, X, indices, k, run=map_threads):
    """Distances, by differences, and indices of the k nearest of some.

    Products give |y|² - 2 y·x + |x|², which turns 0 into rounding noise. `run` applies
    a function to each of several blocks.
    """
    distances = np.empty((len(Y), k))
    nearest = np.empty((len(Y), k), indices.dtype)
    rows = max(1, _BLOCK_BYTES // (8 * indices.shape[1] * X.shape[1]))

    def measure(block):
        difference = X[indices[block]] - Y[block, None, :]
        squares = np.einsum("ijk,ijk->ij", difference, difference, dtype=np.float64)
        found = in_order(np.sqrt(squares), indices[block], k)
        distances[block], nearest[block] = found

    run(measure, row_blocks(len(Y), rows))
    return distances, nearest


def _one_by_one(function, items):
    """Results in this thread, which is one of many."""
    return [function(item) for item in items]
