"""Nearest neighbours: exact for small problems, pynndescent beyond.

Both searches give distances d (n_samples, k) in ascending order and never make an
n x n array.
"""

import numpy as np
from sklearn.neighbors import KDTree, NearestNeighbors
from sklearn.utils import gen_batches

from .._tools.parallel import filters_kept, map_threads
from .._tools.pools import limits_kept, pools_changed, single_threaded_blas

# Exact search costs about n² (d + 64) operations: 11 s for 20,000 samples of 784
# features (3.4e11) on two cores. pynndescent then needs 1 s, after some 45 s of
# compilation in each process.
EXACT_SEARCH_WORK = 8e11
# Up to so many features a tree is faster than all distances, as in scikit-learn.
TREE_FEATURES = 15
TREE_ROWS = 4096
# Rows whose neighbours' differences are held at a time.
_BLOCK_BYTES = 64 * 2**20
EUCLIDEAN = ("euclidean", "l2")
SQUARED = "sqeuclidean"
COSINE = ("cosine", "correlation")


def use_exact_search(n_samples, n_features):
    """Whether exact search is the cheaper one for data of this shape."""
    return n_samples**2 * (n_features + 64.0) <= EXACT_SEARCH_WORK


def without_rounding(distances, metric):
    """Distances with 0 for what is only rounding, between vectors of one direction."""
    if metric not in COSINE:
        return distances
    # 1 - cos is off by a few units in the last place of 1.
    noise = 10 * np.finfo(distances.dtype).eps
    return np.where(distances <= noise, 0.0, distances)


class NeighborIndex:
    """Search over the rows of X for up to n_neighbors others, made at first need."""

    def __init__(self, X, metric, n_neighbors, *, random_state=None, n_jobs=None):
        self.X = X
        # The order of squared distances is that of the distances, whose search is
        # faster and gives 0 between duplicates.
        self.squared = metric == SQUARED
        self.metric = "euclidean" if self.squared else metric
        self.n_neighbors = min(n_neighbors, len(X) - 1)
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.exact = use_exact_search(*X.shape)
        self._search = self._own = None

    def kneighbors(self, k):
        """Distances and indices of each row's k nearest other rows."""
        if self._own is None:
            distances, indices = _drop_self(*self._find_own())
            self._own = self._powers(distances), indices
        distances, indices = self._own
        return distances[:, :k], indices[:, :k]

    def query(self, Y, k):
        """Distances of each row of Y to its k nearest rows of X.

        A row of Y that equals a row of X stands for it and is not its own neighbour;
        steps before, such as PCA, give a fitted row back with other last digits.
        """
        distances, _ = self._find(Y, min(k, self.n_neighbors) + 1)
        rounding = np.finfo(self.X.dtype).eps ** 0.5
        known = distances[:, 0] <= rounding * distances[:, -1]
        return self._powers(
            np.where(known[:, None], distances[:, 1:], distances[:, :-1])
        )

    def _powers(self, distances):
        """Distances in the metric that was asked for."""
        return np.square(distances) if self.squared else distances

    def _find_own(self):
        """Distances and indices of each row's nearest rows, the row itself first."""
        if self.exact:
            return self._find(self.X, self.n_neighbors + 1)
        indices, distances = self._searcher().neighbor_graph
        return distances, indices

    def _find(self, Y, k):
        """Distances and indices of the k rows of X nearest to each row of Y."""
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
            k = self.n_neighbors + 1
            return _build_descent(self.X, self.metric, k, self.random_state)
        if self.metric in KDTree.valid_metrics and self.X.shape[1] <= TREE_FEATURES:
            return KDTree(self.X, metric=self.metric)
        # Not its trees: they go through scikit-learn's Parallel, which in threads
        # changes the warning filters of the whole process, and under another joblib
        # backend waits for other workers.
        search = NearestNeighbors(
            algorithm="brute", metric=self.metric, n_jobs=self.n_jobs
        )
        return search.fit(self.X)

    def _sorted(self, Y, distances, indices):
        """Distances without rounding noise, 0 between duplicates, in order."""
        if self.metric in EUCLIDEAN:
            distances = _euclidean_to_neighbors(Y, self.X, indices)
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


def _drop_self(distances, indices):
    """Drop from each row its own index, or the last where it is not listed."""
    own = indices == np.arange(len(indices))[:, None]
    own[~own.any(axis=1), -1] = True
    shape = len(indices), indices.shape[1] - 1
    return distances[~own].reshape(shape), indices[~own].reshape(shape)
