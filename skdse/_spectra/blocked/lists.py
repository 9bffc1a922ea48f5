"""Nearest neighbours of samples in blocks: exact, by pairs of blocks.

For each block a chain of tasks looks at one block after the other, and passes on the k
nearest so far. The lists of all samples, k distances and k numbers each, come back:
they are less than the block of vectors that Lanczos keeps, and a product with them
takes less time than it would take to send its vectors.
"""

from functools import cached_property

import numpy as np

from ..._tools.cluster import loaded
from ..distances import in_order_of_first
from ..metrics import SQUARED
from ..neighbor_lists import NeighborLists, slots_of
from ..neighbors import search_for, without_self
from ..searches import BruteSearch, TreeSearch
from ..smallest import merged
from ..tiled_search import TiledSearch, index_type


class BlockedLists(NeighborLists):
    """Nearest neighbours of all samples in blocks, found at first need.

    Parameters
    ----------
    X : BlockedSamples
        Samples.
    frame : Frame
        Frame of the samples.
    metric : str
        Distance: Euclidean or Manhattan, or "sqeuclidean".
    n_neighbors : int
        Neighbours of each sample at most.
    """

    def __init__(self, X, frame, metric, n_neighbors):
        super().__init__(*distinct_rows_of(X), n_neighbors)
        self.points = X.subset(self.first) if self.has_copies else X
        self.frame = frame
        self.squared = metric == SQUARED
        self.metric = "euclidean" if self.squared else metric

    def point_neighbors(self, k):
        """Distances and indices of each point's k nearest other points."""
        distances, indices = self._own
        return distances[:, :k], indices[:, :k]

    @cached_property
    def _own(self):
        """Distances and indices of each point's nearest other points."""
        k = min(self.n_neighbors + 1, len(self.first))
        found = self._search(self.points.sources, k)
        distances, indices = map(np.concatenate, zip(*found, strict=True))
        distances, indices = without_self(distances, indices)
        return self._powers(distances), indices

    def query(self, Y, k):
        """Distances of each row of Y, in the frame, to its k nearest samples.

        A row of Y that equals a sample stands for it and is not its own neighbour.
        """
        k = min(k, self.n_neighbors) + 1
        sources = self.points.cluster.send([Y])
        ((distances, indices),) = self._search(sources, min(k, len(self.first)), False)
        if self.has_copies:
            which, _ = slots_of(self.counts[indices], k)
            distances = np.take_along_axis(distances, which, axis=1)
        rounding = float(np.finfo(self.points.dtype).eps) ** 0.5
        known = distances[:, 0] <= rounding * distances[:, -1]
        return self._powers(
            np.where(known[:, None], distances[:, 1:], distances[:, :-1])
        )

    def _powers(self, distances):
        """Distances in the metric that was asked for."""
        return np.square(distances) if self.squared else distances

    def _search(self, sources, k, are_framed=True):
        """Nearest points of the samples in these sources, by a chain of tasks each."""
        points, n = self.points, len(sources)
        states = [None] * n
        frames = points.cluster.send([self.frame])
        for source, block in zip(points.sources, points.blocks, strict=True):
            shared = [source], [block.start], frames, [self.metric], [k], [are_framed]
            columns = sources, states, *(one * n for one in shared)
            states = points.cluster.map(nearest_so_far, *columns)
        return points.cluster.results(states)


def distinct_rows_of(X):
    """First of each kind of equal rows, and for each row the number of its kind."""
    codes = X.facts.codes
    found, first, inverse = np.unique(
        codes[:, 0], return_index=True, return_inverse=True
    )
    if len(found) == len(X):
        return np.arange(len(X)), np.arange(len(X))
    if np.any(codes[:, 1] != codes[first[inverse], 1]):
        # Rows that differ have one code, of 2**64.
        _, first, inverse = np.unique(
            codes, axis=0, return_index=True, return_inverse=True
        )
    return in_order_of_first(first, inverse)


def nearest_so_far(rows, found, block, start, frame, metric, k, are_framed):
    """The k nearest points of some rows, among those found and those of a block."""
    Y, points = loaded(rows), frame.apply(loaded(block))
    Y = frame.apply(Y) if are_framed else Y
    search = search_for(*points.shape, metric)
    if search is not TreeSearch:
        search = TiledSearch if metric in ("euclidean", "l2") else BruteSearch
    here = min(k, len(points))
    distances, indices = search.over(points, metric, here, None, None).kneighbors(
        Y, here
    )
    indices = indices.astype(index_type(start + len(points)))
    new = distances, indices + indices.dtype.type(start)
    return new if found is None else merged([found, new], k)
