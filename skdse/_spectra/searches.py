"""Searches of well-kept libraries, and the contract that all searches keep.

A search is made ``over`` points, distinct rows, for up to k neighbours of each. It
gives distances, in ascending order, and indices of the points nearest to rows
(``kneighbors``), or to the points themselves (``own_neighbors``), and says what share
of the exact ones it finds (``recall``; None where it has not been measured).
"""

import numpy as np
from scipy.spatial import KDTree
from sklearn.neighbors import NearestNeighbors

from .._tools.parallel import filters_kept, map_threads, row_blocks
from .._tools.pools import pools_changed, single_threaded_blas
from .smallest import in_order

# Powers p of the sums that trees know.
TREE_POWERS = {
    "chebyshev": np.inf,
    "cityblock": 1,
    "euclidean": 2,
    "infinity": np.inf,
    "l1": 1,
    "l2": 2,
    "manhattan": 1,
    "minkowski": 2,
}
TREE_ROWS = 4096


class TreeSearch:
    """Exact search by SciPy's KD tree, twice as fast as that of scikit-learn."""

    is_exact, recall = True, 1.0

    def __init__(self, points, power):
        self._tree, self._power = KDTree(points), power

    @staticmethod
    def has(metric):
        """Whether it knows the metric."""
        return isinstance(metric, str) and metric in TREE_POWERS

    @classmethod
    def over(cls, points, metric, k, random_state, n_jobs):
        """Search over points, see the module."""
        return cls(points, TREE_POWERS[metric])

    def own_neighbors(self, k):
        """Neighbours of each point, itself first."""
        return self.kneighbors(self._tree.data, k)

    def kneighbors(self, Y, k):
        """Neighbours of each row of Y."""
        ranks = np.arange(1, k + 1)

        def search(rows):
            return self._tree.query(Y[rows], k=ranks, p=self._power)

        found = map_threads(search, row_blocks(len(Y), TREE_ROWS))
        return in_order(*map(np.concatenate, zip(*found, strict=True)))


class BruteSearch:
    """Exact search among all pairs by scikit-learn."""

    is_exact, recall = True, 1.0

    def __init__(self, points, metric, n_jobs):
        self.points, self.metric = points, metric
        # Not its trees: they go through scikit-learn's Parallel, which in threads
        # changes the warning filters of the whole process, and under another joblib
        # backend waits for other workers.
        search = NearestNeighbors(algorithm="brute", metric=metric, n_jobs=n_jobs)
        self._search = search.fit(points)

    @classmethod
    def over(cls, points, metric, k, random_state, n_jobs):
        """Search over points, see the module."""
        return cls(points, metric, n_jobs)

    def own_neighbors(self, k):
        """Neighbours of each point, itself first."""
        return self.kneighbors(self.points, k)

    def kneighbors(self, Y, k):
        """Neighbours of each row of Y."""
        # scikit-learn takes one thread of BLAS for each of its own.
        with filters_kept(), single_threaded_blas():  # its Parallel changes filters
            distances, indices = self._search.kneighbors(Y, n_neighbors=k)
        return in_order(distances, indices)


# Points on which it is measured how many neighbours are found.
N_MEASURED = 400


class DescentSearch:
    """Approximate search by pynndescent; it takes all threads, whatever n_jobs is.

    Its result depends on the number of threads, so that must not follow n_jobs.
    """

    is_exact = False

    def __init__(self, points, metric, k, random_state):
        # Imported here: importing pynndescent, and numba with it, takes seconds.
        from pynndescent import NNDescent

        self._descent = NNDescent(
            points, metric=metric, n_neighbors=k, random_state=random_state
        )
        pools_changed()  # numba has brought its own
        # A function of the user takes too long for more.
        self.recall = None if callable(metric) else self._measured(points, metric, k)

    def _measured(self, points, metric, k):
        """Share of the exact neighbours that are found, of some points."""
        rows = np.unique(np.linspace(0, len(points) - 1, N_MEASURED).astype(int))
        exact, _ = BruteSearch(points, metric, None).kneighbors(points[rows], k)
        found = self._descent.neighbor_graph[1][rows, :k]
        # By their distances: of equal ones either will do, up to the last digits.
        reach = exact[:, -1:] + np.finfo(np.float32).eps ** 0.5 * exact[:, -1:]
        return float(np.mean(found[:, 1:] <= reach))

    @classmethod
    def over(cls, points, metric, k, random_state, n_jobs):
        """Search over points, see the module."""
        return cls(points, metric, k, random_state)

    def own_neighbors(self, k):
        """Neighbours of each point, itself first as a rule."""
        indices, distances = self._descent.neighbor_graph
        return distances[:, :k], indices[:, :k]

    def kneighbors(self, Y, k):
        """Neighbours of each row of Y."""
        return self._descent.query(Y, k=k)[::-1]
