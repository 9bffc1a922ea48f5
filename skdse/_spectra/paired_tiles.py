"""Neighbours of points among themselves: each tile of products serves both sides.

The tiles of the diagonal come first. They give each row a limit, the distance of the
last of so many points; of another tile only what lies within the limits is looked at,
by rows and by columns. Where limits are of no use, the smallest entries of the tile are
taken instead.
"""

import numpy as np

from .._tools.parallel import lower_tiles, map_threads, row_blocks
from .smallest import best, smallest

# Rows of a tile of 4 MB, and of the part of it that becomes squared distances at a time
# and stays in the cache meanwhile.
TILE_ROWS, FEW_ROWS = 1024, 32
# Features and points from which on this saves a fifth of the time or more. With fewer,
# to look at columns takes as long as half of the products (10,000 points of 64 and of
# 768 features: 0.35 for 0.37 and 1.4 for 2.1 s of a processor).
LEAST_FEATURES, LEAST_POINTS = 128, 3000
# Entries within the limits that a row has of a tile, for each that is asked for; a tile
# with more is searched by itself.
CROWD = 4


def suits_pairs(n_points, n_features):
    """Whether tiles that serve both sides are faster, for points of this shape."""
    return n_points >= LEAST_POINTS and n_features >= LEAST_FEATURES


def nearest_pairs(local, squares, k):
    """Squared distances and indices of the k points nearest to each, itself among them.

    The points, and their squared norms, are in float32, of which a squared distance has
    the rounding.
    """
    blocks = row_blocks(len(local), TILE_ROWS)
    tiles = Tiles(local, squares)
    own = map_threads(lambda rows: _nearest_within(tiles, k, rows), blocks)
    limits = np.concatenate([values[:, -1] for values, _ in own])
    pairs = [(a, b) for a, b in lower_tiles(blocks) if a != b]
    found = map_threads(lambda pair: _closer(tiles, k, limits, pair), pairs)
    by_rows = {rows.start: [] for rows in blocks}
    for pair, both in zip(pairs, found, strict=True):
        for rows, entries in zip(pair, both, strict=True):
            by_rows[rows.start].append(entries)

    def merge(rows_and_own):
        rows, (values, points) = rows_and_own
        more = by_rows[rows.start]
        if not more:
            return values, points
        return best(values, points, *map(np.concatenate, zip(*more, strict=True)))

    merged = map_threads(merge, list(zip(blocks, own, strict=True)))
    return tuple(map(np.concatenate, zip(*merged, strict=True)))


class Tiles:
    """Squared distances among points, by tiles."""

    def __init__(self, local, squares):
        self._local, self._squares = local, squares

    def __call__(self, rows, columns):
        """Squared distances between some points and some."""
        D = self._local[rows] @ (-2 * self._local[columns]).T
        of_rows, of_columns = self._squares[rows], self._squares[columns]
        for few in row_blocks(len(D), FEW_ROWS):
            D[few] += of_columns
            D[few] += of_rows[few, None]
        return D


def _nearest_within(tiles, k, rows):
    """Of each point of a block the k nearest in it, or all where it has fewer."""
    D = tiles(rows, rows)
    values, columns = smallest(D, min(k, len(D)))
    if len(D) < k:
        # What comes after is infinitely far, and taken by any point.
        missing = ((0, 0), (0, k - len(D)))
        values = np.pad(values, missing, constant_values=np.inf)
        columns = np.pad(columns, missing)
    return values, columns + rows.start


def _closer(tiles, k, limits, pair):
    """Entries of a tile within the limits, of its rows and of its columns."""
    rows, columns = pair
    D = tiles(rows, columns)
    i, j = _within(D, limits[rows, None], k)
    of_rows = D[i, j], j + columns.start, i
    i, j = _within(D, limits[columns], k, of_columns=True)
    return of_rows, (D[i, j], i + rows.start, j)


def _within(D, limits, k, of_columns=False):
    """Rows and columns of the entries within the limits, of few for each or all."""
    near = np.flatnonzero(limits >= D)
    n_each = D.shape[1 if of_columns else 0]
    if near.size <= CROWD * k * n_each:
        return np.divmod(near, D.shape[1])
    D = np.ascontiguousarray(D.T) if of_columns else D
    found = smallest(D, min(k, D.shape[1]))[1]
    each = np.repeat(np.arange(len(D)), found.shape[1])
    return (found.ravel(), each) if of_columns else (each, found.ravel())
