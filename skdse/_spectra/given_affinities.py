"""Affinities that the user brings: matrices, graphs of distances, functions.

Where X lies between samples, what is scored has the new samples as rows. If its
columns are the fitted samples, the new ones see each other through these.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import scipy.sparse as sp

from .._tools.arrays import is_device_array, to_host
from .._tools.validation import check_entries
from .affinity import Affinity, graph_matrix
from .bandwidth import Bandwidth, local_bandwidth
from .given import (
    ToFitted,
    affinity_through_fitted,
    at_unit_scale,
    checked_affinity,
    floats,
    is_to_fitted,
    part_of_affinity,
    without_negative,
)
from .given_graph import TO_FITTED, GivenLists, distance_rows, nearest_of_rows
from .matrices import as_matrix, dtype_for


@dataclass(frozen=True, kw_only=True)
class _Given(Affinity):
    """Affinity that the user brings: it has no bandwidth."""

    def fit(self, X, seed=None, hold=False):
        """No bandwidth."""
        return Bandwidth(None)

    def check(self, X):
        """X, whatever it is: there is no metric."""
        return X


@dataclass(frozen=True, kw_only=True)
class Precomputed(_Given):
    """X is the affinity matrix itself."""

    is_pairwise: ClassVar[bool] = True

    def check(self, X):
        """X as a symmetric matrix without negative entries, or raise."""
        return checked_affinity(X, "X, the precomputed affinity,")

    def check_others(self, X, n_fitted):
        """X as affinities among new samples, or of them to the fitted ones."""
        X = X if is_device_array(X) else floats(X)
        if not is_to_fitted(X, n_fitted):
            return self.check(X)
        X = floats(to_host(X)) if is_device_array(X) else X
        name = "X, the affinities to the fitted samples,"
        check_entries(X.min(), X.max(), lambda: 0.0, name)
        return ToFitted(at_unit_scale(without_negative(X)))

    def to_fitted(self, entries, bandwidth):
        """Affinities of new samples to the fitted ones."""
        return entries

    def take(self, X, rows):
        """Rows and columns of some samples; of affinities to fitted ones, rows."""
        return X.part(rows) if isinstance(X, ToFitted) else part_of_affinity(X, rows)

    def isolated_share(self, X, bandwidth, labels):
        """Share of the samples that see no others of their group, if X is sparse."""
        if not sp.issparse(X):
            return 0.0
        rows, columns = X.nonzero()
        within = (labels[rows] == labels[columns]) & (rows != columns)
        return 1 - len(np.unique(rows[within])) / X.shape[0]

    def matrix(self, X, bandwidth, solver, seed=None):
        """X, dense or sparse."""
        return as_matrix(X, dtype_for(solver))


@dataclass(frozen=True, kw_only=True)
class PrecomputedNearestNeighbors(Affinity):
    """X is a graph of distances; Gaussian weights on its edges, see NearestNeighbors.

    Some of the samples have the edges and the bandwidths that they have in the whole
    graph: samples alone tell nothing of the distances between them.
    """

    rules: ClassVar[tuple] = ("adaptive", "auto", "knn")
    default_rule: ClassVar[str] = "adaptive"
    spectrum_kind: ClassVar[str] = "sparse"
    is_pairwise: ClassVar[bool] = True

    @property
    def wanted(self):
        """Neighbours that a sample must have, by the parameter that asks for them."""
        wanted = {"n_neighbors": self.n_neighbors}
        if isinstance(self.rule, str):
            wanted["bandwidth_neighbors"] = self.bandwidth_neighbors
        return wanted

    def check(self, X):
        """X as lists of neighbours, or raise."""
        return GivenLists(X, self.wanted)

    def check_others(self, X, n_fitted):
        """X as lists among new samples, or as their distances to the fitted ones."""
        graph = distance_rows(X, TO_FITTED)
        n_rows, n_columns = graph.shape
        # By chance alone nobody is near the fitted sample of their own number.
        is_among = n_columns != n_fitted or not graph.diagonal().any()
        if n_rows == n_columns and is_among:
            return self.check(X)
        nearest_of_rows(graph, self.wanted)
        return ToFitted(graph)

    def take(self, X, rows):
        """Some of the samples, with the edges among them."""
        return X.part(rows)

    def fit(self, X, seed=None, hold=False):
        """Bandwidths by the whole graph, of the samples in X."""
        return self._fit_whole(X.whole).take(X.rows)

    def _fit_whole(self, lists):
        """Bandwidths of all samples of a graph."""
        if not isinstance(self.rule, str):
            return Bandwidth(float(self.rule)).relative_to(lists.frame)
        if lists.shape[0] == 1:
            return Bandwidth(0.0)
        how = self.rule, self.bandwidth_scale, self.bandwidth_neighbors
        found = local_bandwidth(lists, *how, lists.smallest_positive)
        return replace(found, frame=lists.frame)

    def at(self, X, bandwidth):
        """Bandwidth of another graph; σ_i are its own, whatever those of others."""
        if bandwidth.is_adaptive:
            return self.fit(X)
        return bandwidth.relative_to(X.whole.frame)

    def is_one_point(self, X, bandwidth):
        """Whether all samples are copies of one."""
        return len(X.first) == 1 or bool(np.all(bandwidth.sigma == 0))

    def isolated_share(self, X, bandwidth, labels):
        """Share of the samples without an edge in their group."""
        return X.isolated_share(self.n_neighbors, labels)

    def matrix(self, X, bandwidth, solver, seed=None):
        """Sparse matrix of the edges among the samples, in which copies are joined."""
        return graph_matrix(X, self.n_neighbors, bandwidth, solver)

    def to_fitted(self, entries, bandwidth):
        """Affinities of new samples to their nearest fitted ones, CSR."""
        D, indices = nearest_of_rows(entries, self.wanted)
        D = np.ldexp(D, -bandwidth.frame.exponent)
        if np.all(bandwidth.sigma == 0):  # no two fitted samples differed
            return np.ones((len(D), 1))
        sigma = of_fitted = bandwidth.sigma
        farthest = D[:, : self.bandwidth_neighbors + 1][:, -1:]
        D, indices = (one[:, : self.n_neighbors + 1] for one in (D, indices))
        if bandwidth.is_adaptive:
            sigma = np.where(farthest > 0, farthest, bandwidth.smallest)
            sigma = bandwidth.scale * sigma
            of_fitted = self._fit_whole(bandwidth.fitted).sigma[indices]
        G = np.exp(-0.5 * D**2 / sigma / of_fitted)
        indptr = np.arange(len(D) + 1) * D.shape[1]
        return sp.csr_array((G.ravel(), indices.ravel(), indptr), shape=entries.shape)


@dataclass(frozen=True, kw_only=True)
class ThroughFitted(_Given):
    """X are the affinities of new samples to the fitted ones, which they meet at."""

    is_semidefinite: ClassVar[bool] = True
    spectrum_kind: ClassVar[str] = "semidefinite"
    alpha: float

    def matrix(self, X, bandwidth, solver, seed=None):
        """Affinity of the new samples, dense or sparse."""
        G = affinity_through_fitted(X, self.alpha)
        return as_matrix(G, dtype_for(solver))


@dataclass(frozen=True, kw_only=True)
class Custom(_Given):
    """A function of the user makes the affinity matrix of X."""

    function: Callable

    def matrix(self, X, bandwidth, solver, seed=None):
        """Result of the function, checked."""
        name = "the result of the affinity callable"
        G = checked_affinity(self.function(X), name, X.shape[0])
        return as_matrix(G, dtype_for(solver))
