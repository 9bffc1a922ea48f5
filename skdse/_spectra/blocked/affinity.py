"""An affinity of samples in blocks, as `affinity.Affinity` is one of arrays."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.utils import check_random_state

from ..affinity import Affinity, graph_matrix
from ..bandwidth import Bandwidth, local_bandwidth, reduced_bandwidth
from ..medians import Median
from ..metrics import EUCLIDEAN, MANHATTAN, SQUARED
from .kernel import BlockedKernel
from .lists import BlockedLists
from .medians import frame_of_blocks, median_of_blocks

# Metrics by which pairs of blocks are looked at.
METRICS = (*EUCLIDEAN, SQUARED, *MANHATTAN)
# Samples of a set that one worker measures alone, at most.
ALONE = 16_384


def works_on_blocks(affinity):
    """Whether an affinity of samples in blocks can be made."""
    is_known = affinity.is_tiled or affinity.is_graph
    return is_known and affinity.distance in METRICS


@dataclass(frozen=True)
class OnBlocks:
    """What an affinity does with samples in blocks."""

    affinity: Affinity

    def check(self, X):
        """Samples as they are."""
        return X

    def check_others(self, X, n_fitted):
        """Samples as they are."""
        return X

    def take(self, X, rows):
        """Some of the samples: few as an array of this process, many in blocks."""
        return X[rows] if len(rows) <= ALONE else X.subset(rows)

    def fit(self, X, seed=None, hold=False):
        """Bandwidth of X; what it looks at is never held."""
        frame = frame_of_blocks(X, self.affinity.distance)
        rule, affinity = self.affinity.rule, self.affinity
        index = None
        if affinity.is_graph:
            index = self._lists(X, frame, affinity.n_neighbors)
        if not isinstance(rule, str):
            bandwidth = Bandwidth(float(rule)).relative_to(frame)
        else:
            bandwidth = self._fit_rule(X, frame, check_random_state(seed), index)
        return replace(bandwidth, frame=frame, knows_frame=True, index=index)

    def _fit_rule(self, X, frame, rng, index):
        """Bandwidth by a rule."""
        affinity, scale = self.affinity, self.affinity.bandwidth_scale
        if affinity.rule in ("adaptive", "knn"):
            k = affinity.bandwidth_neighbors
            lists = index or self._lists(X, frame, 0)

            def smallest(found):
                return _smallest(found) or _smallest(lists.point_neighbors(1)[0])

            return local_bandwidth(lists, affinity.rule, scale, k, smallest)
        median = median_of_blocks(X, frame, affinity.distance, rng)
        if median.value == 0:
            nearest = self._lists(X, frame, 1).point_neighbors(1)[0]
            median = Median(_smallest(nearest))
        if affinity.rule == "median":
            sigma = float(scale * (affinity.median_share * median.value))
            return Bandwidth(sigma, log_error=median.log_error)
        nearest = self._lists(X, frame, 1).kneighbors(1)[0]
        return reduced_bandwidth(median, Median(float(np.median(nearest))), scale)

    def _lists(self, X, frame, n_neighbors):
        """Neighbours of X, as many as the bandwidth needs or more."""
        k = max(self.affinity.bandwidth_neighbors, n_neighbors)
        return BlockedLists(X, frame, self.affinity.distance, k)

    def at(self, X, bandwidth):
        """Bandwidth of other samples."""
        alone = replace(bandwidth, index=None, held=None, knows_frame=False)
        if not bandwidth.is_adaptive:
            return alone
        parts = [bandwidth.at(X[rows]).sigma for rows in X.blocks]
        return replace(alone, sigma=np.concatenate(parts))

    def is_one_point(self, X, bandwidth):
        """Whether the samples are all identical, or no two fitted samples differed."""
        facts = X.facts
        return bool(np.all(bandwidth.sigma == 0)) or bool(
            np.all(facts.smallest == facts.largest)
        )

    def settle(self, X, bandwidth, seed=None):
        """Bandwidth that knows the graph of all of X, if it is one."""
        if not self.affinity.is_graph:
            return bandwidth
        if bandwidth.index is None:
            frame = frame_of_blocks(X, self.affinity.distance)
            index = self._lists(X, frame, self.affinity.n_neighbors)
            bandwidth = replace(bandwidth.relative_to(frame), index=index)
        bandwidth.index.find(self.affinity.n_neighbors)
        return bandwidth

    def isolated_share(self, X, bandwidth, labels):
        """Share of the samples without an edge in their group."""
        return self.affinity.isolated_share(X, bandwidth, labels)

    def check_memory(self, X, solver):
        """Raise where what a solver for all eigenvalues needs does not fit here."""
        self.affinity.check_memory(X, solver)

    def matrix(self, X, bandwidth, solver, seed=None):
        """Pairs of blocks for Lanczos; a matrix of this process for the others."""
        affinity = self.affinity
        if affinity.is_graph:
            bandwidth = self.settle(X, bandwidth, seed)
            return graph_matrix(
                bandwidth.index, affinity.n_neighbors, bandwidth, solver
            )
        if solver != "lanczos":
            return affinity.matrix(X[:], bandwidth, solver, seed)
        if not bandwidth.knows_frame:
            frame = frame_of_blocks(X, affinity.distance)
            bandwidth = bandwidth.relative_to(frame)
        return BlockedKernel(X, affinity, bandwidth, affinity.verbose)


def _smallest(distances):
    """Smallest distance above 0, 0 if there is none."""
    return float(min(distances[distances > 0], default=0.0))
