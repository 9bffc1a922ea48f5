"""Affinity of all pairs of samples in tiles, which need never be there all at once."""

from copy import copy
from functools import cached_property

import numpy as np
from sklearn import get_config

from .._tools.arrays import (
    astype,
    contiguous_columns,
    is_device_array,
    like,
    map_parts,
    namespace,
    tile_side,
    to_host,
    with_diagonal,
    zeros,
)
from .._tools.parallel import lower_tiles, row_blocks
from .._tools.progress import Progress
from .fused import fused_products
from .matrices import READING_COLUMNS, AffinityMatrix
from .shelves import Shelf, length, tile_key

# Rows of a tile: large enough for matrix products at full speed, small enough to stay
# in the cache for the exponential.
TILE_ROWS = 1024
# Tiles that do not fit in float32 are kept in half of the memory, as whole numbers up
# to this: their roots, so that small affinities are rounded finely and none is lost. A
# small bandwidth makes many of them.
LARGEST_CODE = 2**16 - 1
# Share of the tiles from which on, if they must be made anew for each product, they all
# are in a kernel that writes none, where there is one.
FUSED_SHARE = 0.5
# Sums over tiles are made in this many parts and then added in order, so that their
# last bits do not depend on the number of threads.
N_PARTS = 8


class TiledKernel(AffinityMatrix):
    """Affinity of all pairs of samples, in tiles of its lower triangle.

    Tiles are kept as they are where all of them, half of the matrix, fit in the room
    that there is. Where not, as many as fit are kept in 16 bits an entry, and the
    others are made anew for each product.

    On a device tiles are kept in float32 or made anew, in a kernel that writes no tile
    where most are made anew and there is one, see `fused`.

    Parameters
    ----------
    entries : GaussianEntries or LaplacianEntries
        Makes the tile of some rows and columns, where its samples lie.
    room : float, default=0
        Bytes that kept tiles may take.
    verbose : int, default=0
        Whether to show the progress of products.
    """

    is_sparse = False

    def __init__(self, entries, room=0, verbose=0):
        self.entries = entries
        self.dtype = entries.dtype
        self.verbose = verbose
        self.n_products = 0
        self.n_samples = entries.n_samples
        self.is_on_device = is_device_array(entries.X)
        n_rows, itemsize = _tile_rows(self.dtype.itemsize), self.dtype.itemsize
        n_rows = tile_side() if self.is_on_device else n_rows
        self.blocks = row_blocks(self.n_samples, n_rows)
        self.kept, self.squared_errors = {}, {}
        sizes = np.cumsum([length(a) * length(b) for a, b in self.pairs])
        self.is_coded = itemsize * sizes[-1] > room and not self.is_on_device
        n_kept = np.sum((2 if self.is_coded else itemsize) * sizes <= room)
        self.remade_share = 1 - sizes[n_kept - 1] / sizes[-1] if n_kept else 1.0
        self.shelf = None if self.is_on_device else self._shelf(n_kept)
        self.to_keep = {tile_key(a, b) for a, b in self.pairs[:n_kept]}

    @property
    def maps_threads(self):
        """Whether products run in threads of the host."""
        return not self.is_on_device

    @property
    def pairs(self):
        """Rows and columns of the tiles of the lower triangle."""
        return lower_tiles(self.blocks)

    @cached_property
    def fused(self):
        """Products that write no tile, or None."""
        if not self.is_on_device or self.remade_share <= FUSED_SHARE:
            return None
        return fused_products(self.entries, self.verbose)

    @property
    def fixed_columns(self):
        """Columns' worth of time that a product costs besides its own columns.

        Tiles that are kept are read, others made.
        """
        if self.fused is not None:
            return READING_COLUMNS + self.fused.columns_a_tile
        return READING_COLUMNS + round(self.remade_share * self.entries.columns_a_tile)

    @property
    def entry_error(self):
        """Root mean square error of an entry by the way in which it is kept or made."""
        if self.fused is not None:
            return self.fused.entry_error
        # Tiles beside the diagonal count for both their sides.
        squares = [
            (1 + (key[0] != key[1])) * self.squared_errors[key]
            for key in sorted(self.squared_errors)
            if key in self.kept
        ]
        return float(np.sqrt(sum(squares))) / self.n_samples

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
            key: self.kept[key][: length(rows), : length(columns)]
            for rows, columns in part.pairs
            if (key := tile_key(rows, columns)) in self.kept
        }
        part.shelf = None  # its tiles are others: what it makes lies apart
        return part

    def _shelf(self, n_tiles):
        """Shelf for the tiles to keep: that on which their exponents are held."""
        dtype, held = np.uint16 if self.is_coded else self.dtype, self.entries.held
        if held is not None and held.shelf.suits(self.blocks, dtype):
            return held.shelf
        return Shelf(self.blocks, dtype, n_tiles)

    def tile(self, rows, columns):
        """Tile of some rows and columns, kept or made."""
        key = tile_key(rows, columns)
        if key not in self.to_keep:
            return self._make(rows, columns)
        if key not in self.kept:
            tile = self._make(rows, columns)
            if self.is_coded:
                tile, self.squared_errors[key] = _coded(tile)
            is_shelved = self.shelf is not None
            self.kept[key] = self.shelf.put(tile, rows, columns) if is_shelved else tile
        kept = self.kept[key]
        return _decoded(kept, self.dtype) if self.is_coded else kept

    def _make(self, rows, columns):
        """Affinity of some rows and columns."""
        tile = self.entries.tile(rows, columns)
        if rows == columns:
            tile = namespace(tile).maximum(tile, tile.T)  # symmetric to the last bit
            tile = with_diagonal(tile, 1)
        return astype(tile, self.dtype)

    def block(self, V):
        """Block V where the samples lie."""
        return like(V, self.entries.X, V.dtype)

    def matvec(self, v):
        """Product G v, computed in the precision of the tiles."""
        product = to_host(self.matmat(like(v, self.entries.X, self.dtype)))
        return product.astype(float, copy=False)

    def matmat(self, V):
        """Product G V, for V of shape (n_samples,) or (n_samples, n_columns)."""
        return self._sums_of_tiles((V, _same))[0]

    def squares_matvec(self, v):
        """Product of v with the matrix of squared entries of G."""
        v = like(v, self.entries.X, self.dtype)
        return to_host(self._sums_of_tiles((v, _square))[0]).astype(float, copy=False)

    def matmat_and_squares(self, V, v):
        """Product G V, and that of v with the squared entries, from one pass."""
        v = like(v, self.entries.X, self.dtype)
        product, squares = self._sums_of_tiles((V, _same), (v, _square))
        return product, to_host(squares).astype(float, copy=False)

    def diagonal(self):
        """Ones."""
        return np.ones(self.n_samples, self.dtype)

    def toarray(self):
        """All entries, as a dense array."""
        G = zeros((self.n_samples, self.n_samples), self.entries.X, self.dtype)

        def fill(pair):
            rows, columns = pair
            G[rows, columns] = self.tile(rows, columns)
            if rows != columns:
                G[columns, rows] = G[rows, columns].T
            progress.advance()

        with Progress(len(self.pairs), "affinity", self.verbose) as progress:
            map_parts(fill, self.pairs, G)
        return G

    def _sums_of_tiles(self, *asked):
        """Add products of all tiles, each made once and used for both its sides.

        Each is asked for as V, and a function of the tile that V is multiplied by.
        """
        if self.fused is not None:
            return self._fused_products({function: V for V, function in asked})
        blocks = [contiguous_columns(V, self.dtype) for V, _ in asked]

        def part(pairs):
            totals = [zeros(block.shape, block, self.dtype) for block in blocks]
            for rows, others in pairs:
                tile = self.tile(rows, others)
                for total, block, (_, function) in zip(
                    totals, blocks, asked, strict=True
                ):
                    factor = function(tile)
                    total[rows, :] += factor @ block[others, :]
                    if rows != others:
                        total[others, :] += factor.T @ block[rows, :]
                progress.advance()
            return totals

        self.n_products += 1
        label = f"affinity, product {self.n_products}"
        pairs, n_parts = self.pairs, 1 if self.is_on_device else N_PARTS
        with Progress(len(pairs), label, self.verbose) as progress:
            pairs = [pairs[i::n_parts] for i in range(n_parts)]
            parts = map_parts(part, pairs, self.entries.X)
        return [
            namespace(V).reshape(sum(totals[1:], totals[0]), V.shape)
            for totals, (V, _) in zip(zip(*parts, strict=True), asked, strict=True)
        ]

    def _fused_products(self, asked):
        """Products of what is asked for by the function of the entries."""
        self.n_products += 1
        of_each = asked.get(_same), asked.get(_square)
        products = self.fused.products(self.n_samples, *of_each)
        return [product for product in products if product is not None]


def _same(tile):
    """The tile itself."""
    return tile


def _square(tile):
    """The squared entries of the tile."""
    return tile * tile


def _coded(tile):
    """Affinities as whole numbers, 0 and 1 exactly, and the sum of squared errors."""
    codes = np.rint(LARGEST_CODE * np.sqrt(tile)).astype(np.uint16)
    errors = (_decoded(codes, tile.dtype) - tile).ravel()
    return codes, float(errors @ errors)


def _decoded(codes, dtype):
    """Affinities of whole numbers."""
    tile = codes.astype(dtype)
    tile *= dtype.type(1 / LARGEST_CODE)
    tile *= tile
    return tile


def _tile_rows(itemsize):
    """Rows of a tile, so that N_PARTS tiles fit in the working memory."""
    bytes_a_tile = get_config()["working_memory"] * 2**20 / N_PARTS
    # A tile, and what its exponents and factors take.
    return int(np.clip((bytes_a_tile / (4 * itemsize)) ** 0.5, 64, TILE_ROWS))
