"""Nearest neighbours: exact for small problems, pynndescent beyond.

Both searches look among points, the distinct rows of X, so that copies neither hide
other neighbours nor slow the search down. They give distances d (n_points, k) in
ascending order and never make an n x n array.
"""

import numpy as np
from sklearn.neighbors import KDTree, NearestNeighbors
from sklearn.utils import gen_batches

from .._tools.parallel import filters_kept, map_threads
from .._tools.pools import limits_kept, pools_changed, single_threaded_blas
from .distances import (
    COSINE,
    EUCLIDEAN,
    SQUARED,
    distinct_rows,
    with_directions,
    without_rounding,
)

# Exact search costs about n² (d + 64) operations: 11 s for 20,000 samples of 784
# features (3.4e11) on two cores. pynndescent then needs 1 s, after some 45 s of
# compilation in each process.
EXACT_SEARCH_WORK = 8e11
# Up to so many features a tree is faster than all distances, as in scikit-learn.
TREE_FEATURES = 15
TREE_ROWS = 4096
# Rows whose neighbours' differences are held at a time.
_BLOCK_BYTES = 64 * 2**20


def use_exact_search(n_samples, n_features):
    """Whether exact search is the cheaper one for data of this shape."""
    return n_samples**2 * (n_features + 64.0) <= EXACT_SEARCH_WORK


class NeighborIndex:
    """Search over the rows of X for up to n_neighbors others, made at first need.

    Attributes
    ----------
    points : ndarray of shape (n_points, n_features)
        Distinct rows of X.
    first, point_of : ndarray of shape (n_points,), (n_samples,)
        First row of X at each point, and the point of each row.
    """

    def __init__(self, X, metric, n_neighbors, *, random_state=None, n_jobs=None):
        # The order of squared distances is that of the distances, whose search is
        # faster and gives 0 between duplicates.
        self.squared = metric == SQUARED
        X, self.metric = with_directions(X, "euclidean" if self.squared else metric)
        self.given_metric = metric
        self.first, self.point_of = distinct_rows(X)
        self.has_copies = len(self.first) < len(X)
        self.points = X[self.first] if self.has_copies else X
        self.counts = np.bincount(self.point_of)
        self.n_neighbors = min(n_neighbors, len(X) - 1)
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.exact = use_exact_search(*self.points.shape)
        self._search = self._own = None

    def point_neighbors(self, k):
        """Distances and indices of each point's k nearest other points."""
        if self._own is None:
            distances, indices = _drop_self(*self._find_own())
            self._own = self._powers(distances), indices
        distances, indices = self._own
        return distances[:, :k], indices[:, :k]

    def kneighbors(self, k):
        """Distances and indices of each row's k nearest other rows, copies included."""
        k = min(k, self.n_neighbors)
        distances, indices = self.point_neighbors(k)
        if not self.has_copies:
            return distances, indices
        here = np.arange(len(self.points))[:, None]
        counts = np.hstack([self.counts[here] - 1, self.counts[indices]])
        which, offset = _slots(counts, k)
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

    def query(self, Y, k):
        """Distances of each row of Y to its k nearest rows of X.

        A row of Y that equals a row of X stands for it and is not its own neighbour;
        steps before, such as PCA, give a fitted row back with other last digits.
        """
        Y, k = with_directions(Y, self.given_metric)[0], min(k, self.n_neighbors) + 1
        distances, indices = self._find(Y, min(k, len(self.points)))
        if self.has_copies:
            which, _ = _slots(self.counts[indices], k)
            distances = np.take_along_axis(distances, which, axis=1)
        rounding = np.finfo(self.points.dtype).eps ** 0.5
        known = distances[:, 0] <= rounding * distances[:, -1]
        return self._powers(
            np.where(known[:, None], distances[:, 1:], distances[:, :-1])
        )

    def _powers(self, distances):
        """Distances in the metric that was asked for."""
        return np.square(distances) if self.squared else distances

    def _find_own(self):
        """Distances and indices of each point's nearest points, itself first."""
        k = min(self.n_neighbors + 1, len(self.points))
        if self.exact:
            return self._find(self.points, k)
        indices, distances = self._searcher().neighbor_graph
        return self._with_null(self.points, distances, indices)

    def _find(self, Y, k):
        """Distances and indices of the k points nearest to each row of Y."""
        return self._with_null(Y, *self._search_for(Y, k))

    def _with_null(self, Y, distances, indices):
        """Neighbours, those of rows without a direction put right, see `distances`."""
        if self.metric != "cosine" or (null := ~Y.any(axis=1)).sum() == 0:
            return distances, indices
        is_null = ~self.points.any(axis=1)  # at most one: copies are one point
        nearest = np.argsort(~is_null, kind="stable")[: indices.shape[1]]
        distances, indices = distances.copy(), indices.copy()
        distances[null], indices[null] = ~is_null[nearest], nearest
        return distances, indices

    def _search_for(self, Y, k):
        """Distances and indices as the search gives them."""
        searcher = self._searcher()
        if not self.exact:
            return searcher.query(Y, k=k)[::-1]
        if not isinstance(searcher, KDTree):
            # scikit-learn takes one thread of BLAS for each of its own, but for what
            # has no search of its own there.
            limited = limits_kept if self.metric in COSINE else single_threaded_blas
            with filters_kept(), limited():  # filters: its Parallel changes them
                found = searcher.kneighbors(Y, n_neighbors=k)
            return self._sorted(Y, *found)
        blocks = list(gen_batches(len(Y), TREE_ROWS))
        found = map_threads(lambda rows: searcher.query(Y[rows], k=k), blocks)
        distances, indices = map(np.concatenate, zip(*found, strict=True))
        return self._sorted(Y, distances, indices)

    def _searcher(self):
        """Index of the kind that suits the data, made at the first call."""
        if self._search is None:
            self._search = self._make_searcher()
        return self._search

    def _make_searcher(self):
        if not self.exact:
            k = min(self.n_neighbors + 1, len(self.points))
            return _build_descent(self.points, self.metric, k, self.random_state)
        if (
            self.metric in KDTree.valid_metrics
            and self.points.shape[1] <= TREE_FEATURES
        ):
            return KDTree(self.points, metric=self.metric)
        # Not its trees: they go through scikit-learn's Parallel, which in threads
        # changes the warning filters of the whole process, and under another joblib
        # backend waits for other workers.
        search = NearestNeighbors(
            algorithm="brute", metric=self.metric, n_jobs=self.n_jobs
        )
        return search.fit(self.points)

    def _sorted(self, Y, distances, indices):
        """Distances without rounding noise, 0 between duplicates, in order."""
        if self.metric in EUCLIDEAN:
            distances = _euclidean_to_neighbors(Y, self.points, indices)
        else:
            distances = without_rounding(distances, self.metric)
        order = np.argsort(distances, axis=1, kind="stable")
        return (
            np.take_along_axis(distances, order, axis=1),
            np.take_along_axis(indices, order, axis=1),
        )


def _build_descent(X, metric, k, random_state):
    """Build an approximate index; it takes all threads, whatever n_jobs is.

    Its result depends on the number of threads, so that must not follow n_jobs.
    """
    # Imported here: importing pynndescent, and numba with it, takes seconds.
    from pynndescent import NNDescent

    descent = NNDescent(X, metric=metric, n_neighbors=k, random_state=random_state)
    pools_changed()  # numba has brought its own
    return descent


def _euclidean_to_neighbors(Y, X, indices):
    """Exact Euclidean distances of Y's rows to rows of X, by differences.

    Searches use |y|² - 2 y·x + |x|², which turns the 0 between duplicates into
    rounding noise.
    """
    n, k = indices.shape
    distances = np.empty((n, k))
    rows = max(1, _BLOCK_BYTES // (8 * k * X.shape[1]))
    for block in gen_batches(n, rows):
        difference = X[indices[block]] - Y[block, None, :]
        squares = np.einsum("ijk,ijk->ij", difference, difference, dtype=np.float64)
        distances[block] = np.sqrt(squares)
    return distances


def _slots(counts, k):
    """Where each row's k nearest samples are: which of its points, which of its copies.

    counts (n_rows, n_points) are the samples at its points, nearest first.
    """
    ends = np.cumsum(counts, axis=1)
    which = np.stack([(ends <= slot).sum(axis=1) for slot in range(k)], axis=1)
    starts = np.take_along_axis(ends - counts, which, axis=1)
    return which, np.arange(k) - starts


def _drop_self(distances, indices):
    """Drop from each row its own index, or the last where it is not listed."""
    own = indices == np.arange(len(indices))[:, None]
    own[~own.any(axis=1), -1] = True
    shape = len(indices), indices.shape[1] - 1
    return distances[~own].reshape(shape), indices[~own].reshape(shape)
