"""Nearest neighbours: exact where that takes seconds, approximate beyond.

Searches look among points, the distinct rows of X, so that copies neither hide other
neighbours nor slow the search down. They give distances d (n_points, k) in ascending
order and never make an n x n array.
"""

import time
import warnings

import numpy as np

from .._tools.arrays import is_device_array, take
from .._tools.progress import say
from .._tools.validation import user_stacklevel
from .cell_search import CellSearch
from .device_search import DeviceSearch
from .distances import distinct_rows, resolution_of
from .neighbor_lists import NeighborLists, slots_of
from .placements import placement_of
from .searches import BruteSearch, DescentSearch, TreeSearch
from .tiled_search import TiledSearch

# Metrics whose squares are matrix products.
PRODUCTS = ("euclidean", "l2", "minkowski")
# Up to so many features a tree beats all pairs at any number of points, and up to so
# many at this number (two cores: a million points of 3 features 10 s, 100,000 of 8 as
# long as all pairs, of 12 three times as long). Other metrics have no matrix products:
# their trees pay for longer.
TREE_FEATURES, TREE_FEATURES_OF_FEW, TREE_POINTS = 4, 8, 200_000
TREE_FEATURES_OF_OTHERS = 15
# All pairs cost about n² (d + 32) operations. Up to so many they take a few seconds;
# cells would save half of them, or two thirds, but miss some and hang on the seed
# (two cores, all pairs and cells: 20,000 points of 64 features, 4e10, 2.3 and 1.1 s; of
# 768, 3e11, 9 and 3 s; images of MNIST, 3e11, 14 and 12 s; noise, 3e11, 19 and 10 s).
TILED_WORK = 1e11
# Of metrics without matrix products, n² (d + 64); pynndescent then needs seconds, after
# 25 to 45 of compilation in each process.
BRUTE_WORK = 8e11
# A graph with a share r of the exact neighbours has an entropy that is off by up to
# ERROR (1 - r) bits: misses are edges between groups, which are few and matter.
ERROR, RECALL_TO_WARN = 0.75, 0.998


def search_for(n_points, n_features, metric):
    """Kind of search that suits points of this shape: the first that applies.

    ========================================  ==========================================
    search                                    where
    ========================================  ==========================================
    `TreeSearch`, exact                       few features
    `TiledSearch`, exact, matrix products     Euclidean, as long as it takes seconds
    `CellSearch`, approximate                 Euclidean, beyond
    `BruteSearch`, exact, scikit-learn        other metrics, as long as it takes seconds
    `DescentSearch`, approximate, compiles    other metrics, beyond
    ========================================  ==========================================
    """
    pairs, is_euclidean = float(n_points) ** 2, metric in PRODUCTS
    few = TREE_FEATURES_OF_FEW if is_euclidean else TREE_FEATURES_OF_OTHERS
    if TreeSearch.has(metric) and (
        n_features <= TREE_FEATURES or (n_features <= few and n_points <= TREE_POINTS)
    ):
        return TreeSearch
    if is_euclidean:
        is_fast = pairs * (n_features + 32) <= TILED_WORK
        return TiledSearch if is_fast else CellSearch
    is_fast = pairs * (n_features + 64) <= BRUTE_WORK
    return BruteSearch if is_fast else DescentSearch


class NeighborIndex(NeighborLists):
    """Search over the rows of X for up to n_neighbors others, made at first need.

    Attributes
    ----------
    points : ndarray of shape (n_points, n_features)
        Distinct rows of X.
    """

    def __init__(
        self, X, metric, n_neighbors, *, random_state=None, n_jobs=None, verbose=0
    ):
        self.placement = placement_of(X, metric)
        self.metric, self.resolution = self.placement.metric, resolution_of(X)
        super().__init__(*distinct_rows(X), n_neighbors)
        self.points = self.placement.points(
            take(X, self.first) if self.has_copies else X
        )
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self._search = self._own = None

    def point_neighbors(self, k):
        """Distances and indices of each point's k nearest other points."""
        if self._own is None:
            distances, indices = without_self(*self._find_own())
            self._own = self.placement.told(distances, self.resolution), indices
        distances, indices = self._own
        return distances[:, :k], indices[:, :k]

    def query(self, Y, k):
        """Distances of each row of Y to its k nearest rows of X.

        A row of Y that equals a row of X stands for it and is not its own neighbour;
        steps before, such as PCA, give a fitted row back with other last digits.
        """
        Y, k = self.placement.points(Y), min(k, self.n_neighbors) + 1
        distances, indices = self._searcher().kneighbors(Y, min(k, len(self.first)))
        if self.has_copies:
            which, _ = slots_of(self.counts[indices], k)
            distances = np.take_along_axis(distances, which, axis=1)
        known = distances[:, 0] <= self.resolution**0.5 * distances[:, -1]
        distances = np.where(known[:, None], distances[:, 1:], distances[:, :-1])
        return self.placement.told(distances, self.resolution)

    @property
    def recall(self):
        """Share of the exact neighbours that are found; None where it is not known."""
        return self._searcher().recall

    @property
    def is_exact(self):
        """Whether no neighbour can be missed."""
        return self._searcher().is_exact

    @property
    def error(self):
        """How far an entropy may be off for neighbours that are not found [bits]."""
        recall = self.recall
        return 0.0 if recall is None else ERROR * (1 - recall)

    def _find_own(self):
        """Distances and indices of each point's nearest points, itself first."""
        k = min(self.n_neighbors + 1, len(self.first))
        if self.verbose:
            n = len(self.point_of)
            say(f"searching {self.n_neighbors} neighbors of {n} samples")
        start, searcher = time.perf_counter(), self._searcher()
        found = searcher.own_neighbors(k)
        if self.verbose:
            seconds, name = time.perf_counter() - start, type(searcher).__name__
            say(f"found neighbors in {seconds:.2f} s by {name}, recall {self.recall}")
        return found

    def _searcher(self):
        """Search of the kind that suits the points, made at the first call."""
        if self._search is None:
            search = search_for(*self.points.shape, self.metric)
            search = DeviceSearch if is_device_array(self.points) else search
            k = min(self.n_neighbors + 1, len(self.first))
            self._search = search.over(
                self.points, self.metric, k, self.random_state, self.n_jobs
            )
            warn_of_recall(self._search.recall)
        return self._search


def warn_of_recall(recall):
    """Warn where an approximate search misses more neighbours than is negligible."""
    if recall is None or recall >= RECALL_TO_WARN:
        return
    warnings.warn(
        f"The approximate search found {recall:.1%} of the nearest neighbors of a "
        "sample: the data have too many dimensions for more in reasonable time. The "
        f"entropy of their graph may be off by {ERROR * (1 - recall):.1g} bits, which "
        "its standard error includes. Reduce the dimension, for instance by PCA, or "
        "measure a subsample (max_samples).",
        UserWarning,
        stacklevel=user_stacklevel(),
    )


def without_self(distances, indices):
    """Drop from each row its own index, or the last where it is not listed."""
    own = indices == np.arange(len(indices))[:, None]
    own[~own.any(axis=1), -1] = True
    shape = len(indices), indices.shape[1] - 1
    return distances[~own].reshape(shape), indices[~own].reshape(shape)
