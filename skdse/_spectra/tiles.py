"""Affinity of all pairs of samples in tiles, which need never be there all at once."""

from copy import copy

import numpy as np
from sklearn import get_config
from sklearn.utils import gen_batches

from .._tools.parallel import map_threads
from .._tools.progress import Progress
from .matrices import READING_COLUMNS

# Rows of a tile: large enough for matrix products at full speed, small enough to stay
# in the cache for the exponential.
TILE_ROWS = 1024
# Sums over tiles are made in this many parts and then added in order, so that their
# last bits do not depend on the number of threads.
N_PARTS = 8


class TiledKernel:
    """Affinity of all pairs of samples, in tiles of its lower triangle.

    It is an `AffinityMatrix`. Tiles are kept, in half the memory of the matrix, or made
    anew for each product, in next to none.

    Parameters
    ----------
    entries : GaussianEntries or LaplacianEntries
        Makes the tile of some rows and columns.
    keep : bool, default=False
        Whether to keep the tiles.
    verbose : int, default=0
        Whether to show the progress of products.
    """

    is_sparse = False
    maps_threads = True

    def __init__(self, entries, keep=False, verbose=0):
        self.entries = entries
        self.dtype = entries.dtype
        self.keep = keep
        self.verbose = verbose
        self.n_products = 0
        self.n_samples = entries.n_samples
        self.blocks = list(gen_batches(self.n_samples, _tile_rows(self.dtype.itemsize)))
        self.kept = {}

    @property
    def pairs(self):
        """Rows and columns of the tiles of the lower triangle."""
        return [(a, b) for i, a in enumerate(self.blocks) for b in self.blocks[: i + 1]]

    @property
    def fixed_columns(self):
        """Columns' worth of time that a product costs besides its own columns.

        Tiles that are kept are read, others made.
        """
        return READING_COLUMNS + (0 if self.keep else self.entries.columns_a_tile)

    def head(self, n_samples):
        """Affinity of the first samples, with the tiles that are kept."""
        part = copy(self)
        part.n_samples = n_samples
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
        tile = self.entries.tile(rows, columns)
        if rows == columns:
            tile = np.maximum(tile, tile.T)  # symmetric to the last bit
            np.fill_diagonal(tile, 1)
        return tile.astype(self.dtype, copy=False)

    def matvec(self, v):
        """Product G v, computed in the precision of the tiles."""
        return self._sum_of_tiles(v, squared=False).astype(float, copy=False)

    def matmat(self, V):
        """Product G V, for V of shape (n_samples,) or (n_samples, n_columns)."""
        return self._sum_of_tiles(V, squared=False)

    def squares_matvec(self, v):
        """Product of v with the matrix of squared entries of G."""
        return self._sum_of_tiles(v, squared=True).astype(float, copy=False)

    def diagonal(self):
        """Ones."""
        return np.ones(self.n_samples, self.dtype)

    def toarray(self):
        """All entries, as a dense array."""
        G = np.empty((self.n_samples, self.n_samples), dtype=self.dtype)

        def fill(pair):
            rows, columns = pair
            G[rows, columns] = self.tile(rows, columns)
            if rows != columns:
                G[columns, rows] = G[rows, columns].T
            progress.advance()

        with Progress(len(self.pairs), "affinity", self.verbose) as progress:
            map_threads(fill, self.pairs)
        return G

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


def _key(rows, columns):
    """Name of a tile; slices are none before Python 3.12."""
    return rows.start, columns.start


def _length(block):
    """Number of rows of a block."""
    return block.stop - block.start


def _tile_rows(itemsize):
    """Rows of a tile, so that N_PARTS tiles fit in the working memory."""
    bytes_a_tile = get_config()["working_memory"] * 2**20 / N_PARTS
    # A tile, and what its exponents and factors take.
    return int(np.clip((bytes_a_tile / (4 * itemsize)) ** 0.5, 64, TILE_ROWS))
