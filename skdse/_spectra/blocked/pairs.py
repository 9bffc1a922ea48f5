"""Tasks on the samples of two blocks: both sides of what lies between them.

Their tiles are those that the samples have in one process, as long as blocks are whole
tiles, so that their entries have the same bits.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..._tools.arrays import with_diagonal
from ..._tools.cluster import loaded
from ..._tools.parallel import lower_tiles, row_blocks
from ..bandwidth import Bandwidth
from ..distances import distances, distances_of_pairs
from ..kernels import GaussianEntries
from ..medians import counted
from ..shelves import length
from ..tiles import TILE_ROWS


@dataclass(frozen=True)
class Block:
    """Samples of a block, and their bandwidth."""

    X: np.ndarray
    bandwidth: Bandwidth


class PairOfBlocks:
    """Affinity between the samples of two blocks, or of one.

    Parameters
    ----------
    affinity : Affinity
        Has the maker of the entries.
    left, right : Block
        Blocks; the same one twice for the affinity among its samples.
    """

    def __init__(self, affinity, left, right):
        self.n_left, self.is_diagonal = len(left.X), left is right
        X, bandwidth = left.X, left.bandwidth
        if not self.is_diagonal:
            X = np.concatenate([left.X, right.X])
            bandwidth = _joined_bandwidth(bandwidth, right.bandwidth)
        X = bandwidth.frame.apply(X)
        self.entries = affinity.entries(X, bandwidth, np.float32)
        self.tiles = tiles_of(len(left.X), len(right.X), self.is_diagonal)

    def tile(self, rows, columns, out=None):
        """Affinity of some rows of the left block and some of the right one.

        It may be written to out, memory for so many numbers or more.
        """
        out = None if out is None else shaped(out, rows, columns)
        start = 0 if self.is_diagonal else self.n_left
        tile = self.entries.tile(rows, shifted(columns, start), out)
        if self.is_diagonal and rows == columns:
            tile = with_diagonal(np.maximum(tile, tile.T), 1)
        return tile.astype(np.float32, copy=False)  # as it is kept

    def memory(self):
        """Memory for a tile."""
        return room()

    def kept(self):
        """All of its tiles, each in one piece of memory; those at an end are padded."""
        G = np.zeros((len(self.tiles), TILE_ROWS, TILE_ROWS), np.float32)
        for place, (rows, columns) in zip(G, self.tiles, strict=True):
            is_full = place.shape == (length(rows), length(columns))
            tile = self.tile(rows, columns, place.ravel() if is_full else None)
            if not np.may_share_memory(tile, place):
                place[: tile.shape[0], : tile.shape[1]] = tile
        return G


class KeptPair:
    """The same, of which all tiles are kept."""

    def __init__(self, G, n_left, n_right, is_diagonal):
        self.tiles = tiles_of(n_left, n_right, is_diagonal)
        starts = ((rows.start, columns.start) for rows, columns in self.tiles)
        self.places = dict(zip(starts, G, strict=True))

    def memory(self):
        """None: its tiles have theirs."""

    def tile(self, rows, columns, out=None):
        """Affinity of some rows of the left block and some of the right one."""
        tile = self.places[rows.start, columns.start]
        return tile[: length(rows), : length(columns)]


def tiles_of(n_left, n_right, is_diagonal):
    """Rows and columns of the tiles between blocks, of a block those of a triangle."""
    left, right = (row_blocks(n, TILE_ROWS) for n in (n_left, n_right))
    if is_diagonal:
        return lower_tiles(left)
    return [(rows, columns) for rows in left for columns in right]


def of_blocks(bandwidth, blocks):
    """Bandwidth of the samples of each block."""
    alone = replace(bandwidth, fitted=None, index=None, held=None)
    return [alone.take(rows) for rows in blocks]


def _joined_bandwidth(left, right):
    """Bandwidth of the samples of two blocks."""
    if not left.is_adaptive:
        return left
    return replace(left, sigma=np.concatenate([left.sigma, right.sigma]))


def n_tiles(n_left, n_right, is_diagonal):
    """Number of these tiles."""
    left, right = (-(-n // TILE_ROWS) for n in (n_left, n_right))
    return left * (left + 1) // 2 if is_diagonal else left * right


def shifted(part, start):
    """Slice of rows that begin later."""
    return slice(part.start + start, part.stop + start)


def room():
    """Memory for a tile, to be written again and again.

    Workers of Dask give freed memory back to the system at once, and to get as much
    anew takes a few microseconds for each page.
    """
    return np.empty(TILE_ROWS**2, np.float32)


def shaped(memory, rows, columns):
    """The first numbers of some memory, as a tile of some rows and columns."""
    shape = length(rows), length(columns)
    return memory[: shape[0] * shape[1]].reshape(shape)


# Tasks
# -----


def kept_entries(*pair):
    """All affinities between two blocks, to be kept; for the arguments see `_pair`."""
    return _pair(*pair).kept()


def products_of_kept(G, V, W):
    """Parts of the products with kept entries, see `_products`."""
    sizes = len(V[0]), len((V if W is None else W)[0])
    return _products(KeptPair(G, *sizes, W is None), V, W)


def products(affinity, left, right, of_left, of_right, V, W):
    """Parts of the products with entries that are made anew, see `_products`."""
    return _products(_pair(affinity, left, right, of_left, of_right), V, W)


def sum_of_parts(parts, sides):
    """Sum of one side of each part, in their order."""
    sums = [one.copy() for one in parts[0][sides[0]]]
    for part, side in zip(parts[1:], sides[1:], strict=True):
        for total, one in zip(sums, part[side], strict=True):
            total += one
    return sums


def sampled_between(left, right, first, second, frame, metric):
    """Distances of some samples of a block to as many of another one."""
    X, Y = (frame.apply(loaded(block)) for block in (left, right))
    return distances_of_pairs(X[first], Y[second], metric)


def counted_exponents(left, right, unit, frame, low, high):
    """Exponents between two blocks: how many are below, and those in between."""
    X = loaded(left)
    n_left, is_diagonal = len(X), right is None
    X = X if is_diagonal else np.concatenate([X, loaded(right)])
    entries = GaussianEntries(frame.apply(X), Bandwidth(unit, frame=frame))
    start = 0 if is_diagonal else n_left
    memory = room()
    found = [
        counted(
            entries.exponents(
                rows, shifted(columns, start), shaped(memory, rows, columns)
            ),
            low,
            high,
            is_diagonal and rows == columns,
        )
        for rows, columns in tiles_of(n_left, len(X) - start, is_diagonal)
    ]
    return _joined(found)


def counted_distances(left, right, metric, frame, low, high):
    """Distances between two blocks: how many are below, and those in between."""
    X = frame.apply(loaded(left))
    Y = X if right is None else frame.apply(loaded(right))
    found = [
        counted(
            distances(X[rows], Y[columns], metric),
            low,
            high,
            right is None and rows == columns,
        )
        for rows, columns in tiles_of(len(X), len(Y), right is None)
    ]
    return _joined(found)


def _pair(affinity, left, right, of_left, of_right):
    """Affinity between two blocks of such bandwidths; of one, the right is None."""
    left = Block(loaded(left), of_left)
    right = left if right is None else Block(loaded(right), of_right)
    return PairOfBlocks(affinity, left, right)


def _products(pair, V, W):
    """Parts of products: for the rows of the left block, and of the right one.

    V and W hold what the columns of either block are multiplied by, the first one by
    the entries and the second, if there is one, by their squares. W is None where the
    blocks are the same.
    """
    widths = [one.shape[1] for one in V]
    # BLAS multiplies a single vector by code whose bits hang on where a matrix lies.
    sides = [[_widened(one) for one in side] for side in (V, W) if side is not None]
    totals = [[np.zeros_like(one) for one in side] for side in sides]
    parts = [np.empty((TILE_ROWS, one.shape[1]), one.dtype) for one in sides[0]]
    of_tile, of_squares = pair.memory(), room() if len(V) > 1 else None
    for rows, columns in pair.tiles:
        factor = pair.tile(rows, columns, of_tile)
        for k, part in enumerate(parts):
            if k:
                squares = shaped(of_squares, rows, columns)
                factor = np.multiply(factor, factor, out=squares)
            _add_product(totals[0][k][rows], factor, sides[-1][k][columns], part)
            if W is not None or rows != columns:
                total = totals[-1][k][columns]
                _add_product(total, factor.T, sides[0][k][rows], part)
    return [
        [one[:, :width] for one, width in zip(side, widths, strict=True)]
        for side in totals
    ]


def _add_product(total, factor, V, memory):
    """Add a product to some rows of a sum, by way of memory for it."""
    total += np.matmul(factor, V, out=memory[: len(total)])


def _widened(V):
    """A block of at least two columns, the second one of zeros."""
    if V.shape[1] != 1:
        return V
    return np.column_stack([V, np.zeros_like(V)])


def _joined(found):
    """What tiles count, together."""
    counts, inside = zip(*found, strict=True)
    return sum(counts), np.concatenate(inside)
