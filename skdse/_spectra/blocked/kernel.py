"""Affinity of all pairs of samples in blocks, whose products are made on a cluster.

A product V of b columns is sent once, K blocks of n b / K numbers. Each of the
K (K + 1) / 2 pairs of blocks gives its part of both blocks, and for each block the K
parts are added up where they are and in their order; the K sums come back.
"""

from functools import cached_property

import numpy as np

from ..._tools.progress import Progress
from ..matrices import READING_COLUMNS, AffinityMatrix
from ..tiles import TILE_ROWS
from .pairs import (
    kept_entries,
    n_tiles,
    of_blocks,
    products,
    products_of_kept,
    sum_of_parts,
)

# Share of the memory of all workers that kept entries may take.
KEPT_SHARE = 0.3


class BlockedKernel(AffinityMatrix):
    """Affinity of all pairs of samples in blocks, see AffinityMatrix.

    Entries between two blocks are kept on a worker, in float32, where those of this
    and of all pairs before fit in the room that there is. Others are made anew for each
    product; their bits are the same.

    Parameters
    ----------
    X : BlockedSamples
        Samples.
    affinity : Affinity
        Has the maker of the entries.
    bandwidth : Bandwidth
        That of the samples.
    verbose : int, default=0
        Whether to show the progress of products.
    """

    is_sparse = False
    entry_error = 0.0
    # BLAS has one thread in what Lanczos does besides, so that its bits are the same.
    maps_threads = True

    def __init__(self, X, affinity, bandwidth, verbose=0):
        self.X, self.affinity, self.verbose = X, affinity, verbose
        self.n_products = 0
        self.n_samples = X.shape[0]
        self.bandwidths = X.cluster.send(of_blocks(bandwidth, X.blocks))
        n_rows = [block.stop - block.start for block in X.blocks]
        sizes = [
            4 * TILE_ROWS**2 * n_tiles(n_rows[i], n_rows[j], i == j)
            for i, j in self.pairs
        ]
        room = KEPT_SHARE * X.cluster.memory()
        self.n_kept = int(np.sum(np.cumsum(sizes) <= room))
        self.kept_sizes = sizes[: self.n_kept]
        self.remade_share = 1 - sum(self.kept_sizes) / sum(sizes)

    @property
    def pairs(self):
        """Numbers of the blocks of each pair."""
        return pairs_of(self.X.n_blocks)

    @property
    def fixed_columns(self):
        """Columns' worth of time that a product costs besides its own columns."""
        of_entries = self.affinity.cost * (self.X.shape[1] + 20) // 2
        return READING_COLUMNS + round(self.remade_share * of_entries)

    @cached_property
    def kept(self):
        """Futures of the entries that are kept."""
        makers = self._makers(self.pairs[: self.n_kept])
        return self.X.cluster.spread(kept_entries, self.kept_sizes, *makers)

    def matvec(self, v):
        """Product G v, computed in float32."""
        return self.matmat(np.asarray(v, np.float32)).astype(np.float64)

    def matmat(self, V):
        """Product G V, for V of shape (n_samples,) or (n_samples, n_columns)."""
        return self._products(V)[0]

    def squares_matvec(self, v):
        """Product of v with the matrix of squared entries of G."""
        return self.matmat_and_squares(np.zeros((len(v), 0)), v)[1]

    def matmat_and_squares(self, V, v):
        """Product G V, and that of v with the squared entries, from one pass."""
        product, squares = self._products(V, v)
        return product, squares.astype(np.float64)

    def diagonal(self):
        """Ones."""
        return np.ones(self.n_samples, np.float32)

    def _products(self, *asked):
        """Products of G with the first, and of its squares with the second."""
        X, cluster = self.X, self.X.cluster
        columns = [np.asarray(V, np.float32).reshape(len(V), -1) for V in asked]
        sent = cluster.send(list(zip(*map(X.parts, columns), strict=True)))
        kept, made = self.pairs[: self.n_kept], self.pairs[self.n_kept :]
        parts = []
        if kept:
            parts += cluster.map(products_of_kept, self.kept, *_factors(sent, kept))
        if made:
            made = *self._makers(made), *_factors(sent, made)
            parts += cluster.map(products, *made)
        sums = cluster.map(sum_of_parts, *self._sums(parts))
        self.n_products += 1
        label = f"affinity, product {self.n_products}"
        with Progress(len(sums), label, self.verbose) as progress:
            found = cluster.results(sums, progress.advance if self.verbose else None)
        return [
            np.concatenate(one).reshape(V.shape)
            for one, V in zip(zip(*found, strict=True), asked, strict=True)
        ]

    def _makers(self, pairs):
        """Arguments of what makes entries of pairs of blocks."""
        left = [self.X.sources[i] for i, _ in pairs]
        right = [None if i == j else self.X.sources[j] for i, j in pairs]
        scales = ([self.bandwidths[pair[side]] for pair in pairs] for side in (0, 1))
        return [self.affinity] * len(pairs), left, right, *scales

    def _sums(self, parts):
        """For each block its parts, in the order of the blocks, and their sides."""
        part_of = dict(zip(self.pairs, parts, strict=True))
        blocks = range(self.X.n_blocks)
        lists = [[part_of[max(i, j), min(i, j)] for j in blocks] for i in blocks]
        sides = [[0 if i >= j else 1 for j in blocks] for i in blocks]
        return lists, sides


def _factors(sent, pairs):
    """Futures of what the left and the right blocks of pairs are multiplied by."""
    left = [sent[i] for i, _ in pairs]
    return left, [None if i == j else sent[j] for i, j in pairs]


def pairs_of(n_blocks):
    """Numbers of the blocks of each pair, those of one block last.

    A block by itself is half of the work: it fills what the others leave.
    """
    every = [(i, j) for i in range(n_blocks) for j in range(i)]
    return every + [(i, i) for i in range(n_blocks)]
