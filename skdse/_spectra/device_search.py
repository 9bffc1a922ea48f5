"""Exact nearest neighbours among points on a device, by tiles and a running top-k.

As in `tiled_search`, float32 products give a few more neighbours than were asked for,
whose distances are then taken from differences. Only the distances and indices that
are found, k for each row, come to the host.
"""

import numpy as np

from .._tools.arrays import (
    astype,
    exact_products,
    like,
    namespace,
    row_squares,
    rows_a_block,
    smallest,
    take,
    tile_side,
    to_host,
)
from .._tools.parallel import row_blocks
from .device_distances import manhattan
from .metrics import MANHATTAN
from .smallest import in_order
from .tiled_search import SPARE, LocalSamples, rounding


class DeviceSearch:
    """Exact search among points on a device; see `searches`."""

    is_exact, recall = True, 1.0

    def __init__(self, points, metric):
        self.metric = metric
        self.points = points
        self._local = LocalSamples(points)

    @classmethod
    def over(cls, points, metric, k, random_state, n_jobs):
        """Search over points, see `searches`."""
        return cls(points, metric)

    def own_neighbors(self, k):
        """Neighbours of each point, itself first."""
        return self.kneighbors(self.points, k)

    def kneighbors(self, Y, k):
        """Neighbours of each row of Y."""
        rows = row_blocks(Y.shape[0], tile_side())
        with exact_products(Y):
            find = self._nearest if self.metric not in MANHATTAN else self._by_tiles
            found = [find(take(Y, block), k) for block in rows]
        return tuple(map(np.concatenate, zip(*found, strict=True)))

    def _nearest(self, Y, k):
        """Euclidean neighbours of a few rows."""
        wide = min(k + SPARE, self.points.shape[0])
        values, candidates = self._smallest(Y, wide, np.float32)
        if wide < self.points.shape[0]:
            unsure = np.flatnonzero(~self._is_sure(Y, values, k))
            if len(unsure):  # too close for float32, as ties are
                _, better = self._smallest(take(Y, unsure), wide, np.float64)
                candidates[unsure] = better
        return in_order(self._by_differences(Y, candidates), candidates, k)

    def _is_sure(self, Y, values, k):
        """Of which rows the k nearest are among those found, whatever rounds."""
        A = self._local(Y)
        squares = to_host(row_squares(A, np.float64)).astype(np.float64)
        reach = np.sqrt(np.maximum(values[:, k - 1] + squares, 0))
        bound = rounding(A.shape[1], np.sqrt(squares), reach)
        return values[:, -1] >= values[:, k - 1] + 2 * bound

    def _smallest(self, Y, k, dtype):
        """The k smallest |p|² - 2 y·p of each row, in order, and their points."""
        A = astype(self._local(Y), dtype) if dtype == np.float32 else self._moved(Y)

        def tile(columns):
            P = take(self.points, columns)
            P = self._local(P) if dtype == np.float32 else self._moved(P)
            D = A @ P.T
            D *= -2
            D += astype(row_squares(P, np.float64), dtype)[None, :]
            return D

        return self._top(tile, k, A)

    def _moved(self, Y):
        """Samples as `LocalSamples` has them, in the largest precision there is."""
        center = like(self._local.center, Y, np.float64)
        return (astype(Y, np.float64) - center) / self._local.unit

    def _by_tiles(self, Y, k):
        """Neighbours of a few rows by the Manhattan distance."""
        return self._top(lambda a: manhattan(Y, take(self.points, a)), k, Y)

    def _top(self, tile, k, Y):
        """The k smallest of each row of tile(columns), over all columns."""
        xp, best = namespace(Y), None
        for columns in row_blocks(self.points.shape[0], tile_side()):
            D = tile(columns)
            values, indices = smallest(D, min(k, D.shape[1]))
            indices = indices + columns.start
            if best is not None:
                values = xp.concat([best[0], values], axis=1)
                indices = xp.concat([best[1], indices], axis=1)
                values, order = smallest(values, min(k, values.shape[1]))
                indices = xp.take_along_axis(indices, order, axis=1)
            best = values, indices
        values, indices = map(to_host, best)
        return values.astype(np.float64), indices.astype(np.int64, copy=True)

    def _by_differences(self, Y, indices):
        """Distances of each row of Y to some points, by differences."""
        xp, parts, width = namespace(Y), [], indices.shape[1]
        for rows in row_blocks(Y.shape[0], rows_a_block(Y, width)):
            near = take(self.points, indices[rows].ravel())
            near = xp.reshape(near, (-1, width, Y.shape[1]))
            Z = astype(near, np.float64) - astype(take(Y, rows), np.float64)[:, None, :]
            parts.append(to_host(xp.sqrt(xp.sum(Z * Z, axis=2))))
        return np.concatenate(parts).astype(np.float64)
