"""Samples whose rows lie in blocks on the workers of a cluster."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..._tools.cluster import cluster_for, lazy_block, loaded
from ..._tools.parallel import row_blocks
from ..distances import row_codes
from ..tiles import TILE_ROWS

# Up to so many samples are measured in this process: all their distances are made at
# once, see `bandwidth`.
FEW_SAMPLES = 2048
# Rows of a block are as many as leave no more than so many blocks, and no fewer than
# these. A task takes the scheduler a millisecond or more, whatever is in it.
MOST_BLOCKS, LEAST_ROWS = 64, 5 * TILE_ROWS
# Share of the workers' memory that samples may take; beyond, tasks read their blocks.
HELD_SHARE = 0.2


@dataclass(frozen=True)
class Facts:
    """What one pass over the samples tells of each feature, and of each row.

    Two codes of 64 bits stand for a row: those of equal rows are equal.
    """

    sums: np.ndarray
    smallest: np.ndarray
    largest: np.ndarray
    codes: np.ndarray
    is_finite: bool = True
    has_nan: bool = False


class BlockedSamples:
    """Samples in blocks of rows, see the package.

    Parameters
    ----------
    array : dask.array.Array of shape (n_samples, n_features)
        The samples, as floats.
    cluster : Cluster
        Where they are computed.
    """

    ndim = 2

    def __init__(self, array, cluster):
        n = array.shape[0]
        self.blocks = row_blocks(n, block_rows(n))
        rows = tuple(block.stop - block.start for block in self.blocks)
        self.array = array.rechunk((rows, (array.shape[1],)))
        self.cluster = cluster
        self.shape, self.dtype = self.array.shape, self.array.dtype

    def __len__(self):
        return self.shape[0]

    def __getstate__(self):
        # Whoever reads it may be on another cluster, which computes all anew.
        kept = ("array", "blocks", "shape", "dtype", "facts")
        return {name: self.__dict__[name] for name in kept if name in self.__dict__}

    def __getattr__(self, name):
        if name == "cluster":
            self.cluster = cluster_for(self.array)
            if self.cluster is None:
                raise ValueError(
                    "The samples lie on a cluster, and there is no client of one. Make "
                    "a distributed.Client."
                )
            return self.cluster
        raise AttributeError(name)

    def __getitem__(self, rows):
        """Some rows, by a slice or their numbers, as an array of this process."""
        rows = rows[0] if isinstance(rows, tuple) else rows
        if isinstance(rows, slice):
            rows = np.arange(len(self))[rows]
        rows = np.asarray(rows)
        return in_given_order(self.cluster.results(self.pieces(rows)), rows)

    @property
    def n_blocks(self):
        """Number of blocks."""
        return len(self.blocks)

    @cached_property
    def facts(self):
        """What one pass over all samples tells."""
        found = self.map(facts_of)
        parts = {name: [getattr(one, name) for one in found] for name in vars(found[0])}
        return Facts(
            np.sum(parts["sums"], axis=0),
            np.min(parts["smallest"], axis=0),
            np.max(parts["largest"], axis=0),
            np.concatenate(parts["codes"]),
            all(parts["is_finite"]),
            any(parts["has_nan"]),
        )

    @property
    def arrays(self):
        """What tells the samples from others."""
        return (self.facts.codes,)

    @cached_property
    def sources(self):
        """What tasks get for each block: futures, or what they load themselves."""
        arrays = [self.array.blocks[i] for i in range(self.n_blocks)]
        if self.array.nbytes <= HELD_SHARE * self.cluster.memory():
            return self.cluster.compute(arrays)
        return [lazy_block(array) for array in arrays]

    def map(self, function, *columns):
        """Results of function(block, *arguments) for each block."""
        futures = self.cluster.map(function, self.sources, *columns)
        return self.cluster.results(futures)

    def split(self, values):
        """Futures of the values of each block's rows."""
        return self.cluster.send(self.parts(values))

    def parts(self, values):
        """Values of each block's rows."""
        return [np.ascontiguousarray(values[rows]) for rows in self.blocks]

    def pieces(self, rows):
        """Futures of those rows that are in each block, in ascending order."""
        rows = np.sort(rows)
        ends = [block.stop for block in self.blocks]
        parts = np.split(rows, np.searchsorted(rows, ends[:-1]))
        wanted = [
            (source, part - block.start)
            for source, part, block in zip(
                self.sources, parts, self.blocks, strict=True
            )
            if len(part)
        ]
        return self.cluster.map(rows_of, *map(list, zip(*wanted, strict=True)))

    def subset(self, rows):
        """Some of the samples, in ascending order, in blocks of their own."""
        return BlockedSamples(self.array[np.sort(rows)], self.cluster)


def blocked(X):
    """X in blocks on a cluster, if it is an array of Dask and there is one; or None."""
    cluster = cluster_for(X)
    if cluster is None:
        return None
    if X.ndim != 2 or np.isnan(X.shape).any():
        unknown = " Chunks of unknown size: call X.compute_chunk_sizes()."
        raise ValueError(
            "X must have shape (n_samples, n_features), both known; got "
            f"{X.shape}.{unknown if np.isnan(X.shape).any() else ''}"
        )
    if X.dtype.kind not in "biuf":
        raise ValueError(f"X must be an array of real numbers; got {X.dtype}.")
    if X.shape[0] <= FEW_SAMPLES or X.shape[1] == 0:
        return None
    is_float = X.dtype in (np.float32, np.float64)
    return BlockedSamples(X if is_float else X.astype(np.float64), cluster)


def is_blocked(X):
    """Whether samples lie in blocks on a cluster."""
    return isinstance(X, BlockedSamples)


def check_finite(X):
    """Raise unless all samples in blocks are finite."""
    if not X.facts.is_finite:
        what = "NaN" if X.facts.has_nan else "infinity"
        raise ValueError(
            f"Input X contains {what}. Leave such samples out, or look for what made "
            "them."
        )


def block_rows(n_samples):
    """Rows of a block of so many samples: whole tiles."""
    tiles = -(-n_samples // (MOST_BLOCKS * TILE_ROWS))
    return max(LEAST_ROWS, tiles * TILE_ROWS)


def in_given_order(pieces, rows):
    """Rows in the order in which they were asked for, of pieces in ascending order."""
    order = np.argsort(rows, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return np.concatenate(pieces)[place]


def facts_of(block):
    """Facts of a block."""
    X = loaded(block)
    is_finite = bool(np.isfinite(X).all())
    return Facts(
        X.sum(axis=0, dtype=np.float64) if is_finite else np.zeros(X.shape[1]),
        X.min(axis=0),
        X.max(axis=0),
        np.stack([row_codes(X, seed) for seed in (0, 1)], axis=1),
        is_finite,
        bool(np.isnan(X).any()),
    )


def rows_of(block, rows):
    """Some rows of a block."""
    return loaded(block)[rows]
