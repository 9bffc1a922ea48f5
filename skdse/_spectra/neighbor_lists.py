"""Lists of nearest neighbours of samples, and of some samples among themselves.

The graph of all samples, restricted to some of them, is what mutual information looks
at: a graph made anew for each set of samples would always be connected.
"""

import numpy as np

from .distances import in_order_of_appearance


class Edges:
    """Edges between samples and their neighbours, told among points: copies are one.

    A subclass has ``edges``, ``part`` and what is below.

    Attributes
    ----------
    first, point_of : ndarray of shape (n_points,), (n_samples,)
        First sample at each point, and the point of each sample.
    is_exact : bool
        Whether no neighbour can be missed.
    error : float
        How far an entropy may be off for neighbours that are missed [bits].
    """

    first: np.ndarray
    point_of: np.ndarray
    is_exact = True
    error = 0.0

    @property
    def has_copies(self):
        """Whether some samples are at one point."""
        return len(self.first) < len(self.point_of)

    def edges(self, k):
        """Points, their k nearest others as far as they are here, and distances."""
        raise NotImplementedError

    def find(self, k):
        """Find them, where they are not known yet, for whoever takes parts."""

    def part(self, rows):
        """Edges among some of the samples."""
        raise NotImplementedError

    def isolated_share(self, k, labels):
        """Share of the samples that have neither an edge within their group nor a copy.

        Copies count as of one group.
        """
        rows, columns, _ = self.edges(k)
        groups = labels[self.first]
        within = groups[rows] == groups[columns]
        is_joined = np.bincount(self.point_of, minlength=len(self.first)) > 1
        is_joined[rows[within]] = is_joined[columns[within]] = True
        return 1 - is_joined[self.point_of].mean()


class NeighborLists(Edges):
    """Nearest neighbours of all samples; a subclass has ``point_neighbors``."""

    def __init__(self, first, point_of, n_neighbors):
        self.first, self.point_of = first, point_of
        self.counts = np.bincount(point_of)
        self.n_neighbors = min(n_neighbors, len(point_of) - 1)

    def point_neighbors(self, k):
        """Distances and indices of each point's k nearest other points."""
        raise NotImplementedError

    def find(self, k):
        """Find them, where they are not known yet."""
        self.point_neighbors(k)

    def edges(self, k):
        """Points, their k nearest others, and distances."""
        distances, indices = self.point_neighbors(k)
        n, k = indices.shape
        if 2 * n * k < 2**31:  # half the traffic of a product
            indices = indices.astype(np.int32, copy=False)
        rows = np.repeat(np.arange(n, dtype=indices.dtype), k)
        return rows, indices.ravel(), distances.ravel()

    def part(self, rows):
        """Edges among some of the samples."""
        return PartOfLists(self, np.asarray(rows))

    def kneighbors(self, k):
        """Distances and indices of each row's k nearest other rows, copies included."""
        k = min(k, self.n_neighbors)
        distances, indices = self.point_neighbors(k)
        if not self.has_copies:
            return distances, indices
        here = np.arange(len(self.first))[:, None]
        counts = np.hstack([self.counts[here] - 1, self.counts[indices]])
        which, offset = slots_of(counts, k)
        distances = np.hstack([np.zeros_like(here, distances.dtype), distances])
        distances = np.take_along_axis(distances, which, axis=1)[self.point_of]
        points = np.take_along_axis(np.hstack([here, indices]), which, axis=1)
        # Rows in the order of their points, and the place of each among its copies.
        order = np.argsort(self.point_of, kind="stable")
        starts = np.cumsum(self.counts) - self.counts
        place = np.empty_like(order)
        place[order] = np.arange(len(order)) - starts[self.point_of[order]]
        passed = (which == 0)[self.point_of] & (offset[self.point_of] >= place[:, None])
        rows = (starts[points] + offset)[self.point_of] + passed
        return distances, order[rows]


class PartOfLists(Edges):
    """Edges of all samples, of which those among some samples are left.

    Parameters
    ----------
    whole : NeighborLists
        Neighbours of all samples.
    rows : ndarray of shape (n_samples,)
        The samples that are left, by their numbers among all.
    """

    def __init__(self, whole, rows):
        self.whole, self.rows = whole, rows
        found = in_order_of_appearance(whole.point_of[rows])
        self.first, self.point_of = found
        self.points = whole.point_of[rows[self.first]]

    @property
    def is_exact(self):
        """Whether no neighbour of all samples can be missed."""
        return self.whole.is_exact

    @property
    def error(self):
        """How far an entropy of all samples may be off."""
        return self.whole.error

    def edges(self, k):
        """Points, those of their k nearest among all that are here, and distances."""
        distances, indices = self.whole.point_neighbors(k)
        order = np.argsort(self.points).astype(np.int32)
        known, wanted = self.points[order], indices[self.points]
        places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        rows, slots = np.nonzero(known[places] == wanted)
        columns = order[places[rows, slots]]
        return rows.astype(np.int32), columns, distances[self.points[rows], slots]

    def part(self, rows):
        """Edges among some of these samples."""
        return PartOfLists(self.whole, self.rows[rows])


def slots_of(counts, k):
    """Where each row's k nearest samples are: which of its points, which of its copies.

    counts (n_rows, n_points) are the samples at its points, nearest first.
    """
    ends = np.cumsum(counts, axis=1)
    which = np.stack([(ends <= slot).sum(axis=1) for slot in range(k)], axis=1)
    starts = np.take_along_axis(ends - counts, which, axis=1)
    return which, np.arange(k) - starts
