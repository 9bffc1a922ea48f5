"""Affinities: how samples see each other, each an object that knows itself.

An affinity fits its bandwidth to samples and makes their matrix G. It knows its
parameters, the kind of its spectrum, whether that can be negative, and what G weighs in
memory; whoever uses it knows no names. A new affinity is a class and a line in
`affinities.AFFINITIES`. Those that the user brings are in `given_affinities`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from .._tools.arrays import free_bytes, is_device_array, take
from .._tools.validation import (
    check_count,
    check_fits_in_memory,
    check_metric,
    check_option,
    fits_in_memory,
)
from .bandwidth import (
    MEDIAN_SHARE,
    RULES,
    Bandwidth,
    check_bandwidth,
    fit_bandwidth,
    is_one_point,
)
from .device_distances import check_metric_on_device
from .device_matrices import GraphOnDevice
from .distances import warn_of_null_rows
from .frames import frame_of
from .gibbs import gaussian_entries
from .kernels import (
    GaussianEntries,
    LaplacianEntries,
    at,
    edges_affinity,
)
from .matrices import CopiesMatrix, DenseMatrix, SparseMatrix, dtype_for
from .metrics import EUCLIDEAN, MANHATTAN, SQUARED
from .neighbors import NeighborIndex
from .placements import WHOLE_DATA_METRICS, placed
from .stacks import GaussianPairs, LaplacianPairs
from .tiles import TiledKernel

# Share of the free memory that kept tiles of the affinity may take.
KEPT_SHARE = 0.5
WAY_OUT = (
    "eigen_solver='lanczos', affinity='nearest_neighbors' with another eigen_solver "
    "than 'dense', or a subsample"
)


@dataclass(frozen=True, kw_only=True)
class Affinity:
    """An affinity with its parameters, checked; base of the affinities below.

    A subclass has a ``matrix``, and says what is different from here.

    Attributes
    ----------
    bandwidth, bandwidth_scale, bandwidth_neighbors, n_neighbors, metric, n_jobs
        The parameters of the estimators, as are those below.
    """

    bandwidth: float | str = "auto"
    bandwidth_scale: float = 1.0
    bandwidth_neighbors: int = 5
    n_neighbors: int = 15
    metric: str | Callable = "euclidean"
    n_jobs: int | None = None
    verbose: int = 0

    # Rules for the bandwidth that make sense here, and what "auto" stands for.
    rules: ClassVar[tuple] = RULES
    default_rule: ClassVar[str] = "median"
    # Share of the median distance that the rule "median" takes.
    median_share: ClassVar[float] = MEDIAN_SHARE
    # Whether X is the affinity itself, and may be sparse.
    is_pairwise: ClassVar[bool] = False
    # Whether no eigenvalue can be negative.
    is_semidefinite: ClassVar[bool] = False
    # Kind of spectrum, by which a solver is chosen, see `solvers`.
    spectrum_kind: ClassVar[str] = "indefinite"
    # Whether it is a kernel of all pairs, whose time can be told before.
    is_of_all_pairs: ClassVar[bool] = False
    # Whether it also comes pair by pair, from its `pairs`, for small sets.
    has_pairs: ClassVar[bool] = False
    # Whether its matrix comes in tiles, which its parts can share.
    is_tiled: ClassVar[bool] = False
    # Whether it is a graph of neighbours among samples that it knows.
    is_graph: ClassVar[bool] = False
    # Time to make its entries, in units of that of a Gaussian's.
    cost: ClassVar[int] = 1

    def __post_init__(self):
        check_bandwidth(self.bandwidth, self.bandwidth_scale, self.bandwidth_neighbors)
        if isinstance(self.bandwidth, str):
            check_option(self.bandwidth, "bandwidth", self.rules)
        check_metric(self.metric)
        check_count(self.n_neighbors, "n_neighbors")

    @property
    def rule(self):
        """Number or rule for the bandwidth."""
        return self.default_rule if self.bandwidth == "auto" else self.bandwidth

    @property
    def distance(self):
        """Metric of the distances."""
        return self.metric

    def fit(self, X, seed=None, hold=False):
        """Fit the bandwidth to X; with hold it keeps exponents for their matrix."""
        frame = frame_of(X, self.distance)
        bandwidth = self.fit_in_frame(frame.apply(X), frame, seed, hold=hold)
        return replace(bandwidth, knows_frame=True)

    def fit_in_frame(self, X, frame, seed, index=None, hold=False):
        """Bandwidth of samples in their frame; index is a search over them, if any."""
        if not isinstance(self.rule, str):
            return Bandwidth(float(self.rule)).relative_to(frame)
        bandwidth = fit_bandwidth(
            X,
            self.rule,
            median_share=self.median_share,
            scale=self.bandwidth_scale,
            n_neighbors=self.bandwidth_neighbors,
            metric=self.distance,
            index=index,
            random_state=seed,
            n_jobs=self.n_jobs,
            hold=hold and self.distance in EUCLIDEAN,
            frame=frame,
        )
        return replace(bandwidth, frame=frame)

    def check(self, X):
        """X as this affinity takes it, or raise."""
        if is_device_array(X):
            check_metric_on_device(self.distance)
        warn_of_null_rows(X, self.distance)
        return X

    def check_others(self, X, n_fitted):
        """X as samples that need not be the fitted ones, or raise."""
        return self.check(X)

    def take(self, X, rows):
        """Some of the samples of X."""
        return take(X, rows)

    def at(self, X, bandwidth):
        """Bandwidth of other samples X, that was fitted to some."""
        return bandwidth.at(X)

    def is_one_point(self, X, bandwidth):
        """Whether the samples are all identical, or no two fitted samples differed."""
        return is_one_point(X, bandwidth)

    def settle(self, X, bandwidth, seed=None):
        """Bandwidth with what is found once for all parts of X."""
        return bandwidth

    def isolated_share(self, X, bandwidth, labels):
        """Share of the samples without an edge in their group; of all pairs, 0."""
        return 0.0

    def check_memory(self, X, solver):
        """Raise before the matrix of the samples would not fit where they lie."""

    def keeps(self, n_samples, solver, itemsize=2):
        """Whether a matrix of all pairs is kept, and not made for each product."""
        fits = fits_in_memory(n_samples, KEPT_SHARE, 0.5, itemsize)
        return solver != "lanczos" or fits

    def matrix(self, X, bandwidth, solver, seed=None):
        """AffinityMatrix of the samples X, in the precision that the solver needs."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class _AllPairs(Affinity):
    """Kernel of all pairs of samples; a subclass has its ``entries`` and pairs."""

    is_of_all_pairs: ClassVar[bool] = True
    is_tiled: ClassVar[bool] = True

    def check_memory(self, X, solver):
        """Raise where a dense matrix, of which LAPACK makes copies, would not fit."""
        if solver != "lanczos":
            n_matrices = 3 if solver == "dense" else 1
            check_fits_in_memory(X.shape[0], n_matrices, WAY_OUT, free_bytes(X))

    def matrix(self, X, bandwidth, solver, seed=None):
        """Tiles for Lanczos, which multiplies; a dense matrix for the others."""
        if solver != "lanczos":
            return DenseMatrix(self.array(X, bandwidth, dtype_for(solver)))
        entries = self._entries_in_frame(X, bandwidth, np.float32)
        room = KEPT_SHARE * free_bytes(X) if bandwidth.held is None else np.inf
        return TiledKernel(entries, room, self.verbose)

    def array(self, X, bandwidth, dtype=np.float64):
        """Affinity of all pairs as a dense array."""
        entries = self._entries_in_frame(X, bandwidth, dtype)
        return TiledKernel(entries, verbose=self.verbose).toarray()

    def _entries_in_frame(self, X, bandwidth, dtype):
        """Maker of the tiles, of samples in a frame that suits them."""
        if bandwidth.held is not None:  # of these samples, in their frame
            return self.entries(bandwidth.held.X, bandwidth, dtype)
        is_known = bandwidth.knows_frame
        frame = bandwidth.frame if is_known else frame_of(X, self.distance)
        return self.entries(frame.apply(X), bandwidth.relative_to(frame), dtype)


@dataclass(frozen=True, kw_only=True)
class Gaussian(_AllPairs):
    """Gaussian of all pairs, see `gibbs` for σ_i; by half the median distance."""

    @property
    def pairs(self):
        """How affinities of pairs are made."""
        return GaussianPairs(self.metric)

    @property
    def is_semidefinite(self):
        """It is with one bandwidth and Euclidean distances."""
        return self.metric in EUCLIDEAN and self.rule not in ("adaptive", "reduced")

    @property
    def spectrum_kind(self):
        """Kind of spectrum: next to nothing is negative with Euclidean distances.

        But for those that are cut off at the distance that all share.
        """
        is_cut_off = self.rule == "reduced"
        is_near = self.metric in EUCLIDEAN and not is_cut_off
        return "semidefinite" if is_near else "indefinite"

    @property
    def is_tiled(self):
        """It is but for metrics that need all samples at once."""
        return self.metric not in WHOLE_DATA_METRICS

    def matrix(self, X, bandwidth, solver, seed=None):
        """Tiles where tile by tile gives the distances of the metric."""
        if self.is_tiled or solver != "lanczos":
            return super().matrix(X, bandwidth, solver, seed)
        return DenseMatrix(self.array(X, bandwidth, dtype_for(solver)))

    def array(self, X, bandwidth, dtype=np.float64):
        """Affinity of all pairs as a dense array."""
        if self.is_tiled:
            return super().array(X, bandwidth, dtype)
        points, metric = placed(X, self.metric)
        frame = frame_of(points, metric)
        bandwidth = bandwidth.relative_to(frame)
        entries = GaussianEntries(frame.apply(points), bandwidth, dtype=dtype)
        return TiledKernel(entries, verbose=self.verbose).toarray()

    @property
    def has_pairs(self):
        """Where distances are sums of squared differences."""
        return self.metric in (*EUCLIDEAN, SQUARED)

    def entries(self, X, bandwidth, dtype):
        """Maker of the tiles."""
        return gaussian_entries(X, bandwidth, self.metric, dtype)


@dataclass(frozen=True, kw_only=True)
class Laplacian(_AllPairs):
    """exp(-‖x_i - x_j‖₁/√(σ_i σ_j)) of all pairs; by the median distance.

    It falls slower than a Gaussian. At the median distance itself it tells clusters
    apart as the Gaussian at half of it; at half of it, more of each sample stays alone.
    """

    # Metrics that may be asked for: the default, which is not looked at, and its own.
    metrics: ClassVar[tuple] = ("euclidean", *MANHATTAN)
    rules: ClassVar[tuple] = ("adaptive", "auto", "knn", "median")
    median_share: ClassVar[float] = 1.0
    has_pairs: ClassVar[bool] = True
    pairs: ClassVar[LaplacianPairs] = LaplacianPairs()
    # Sums of absolute differences are no matrix product: measured 3 to 9 times as slow.
    cost: ClassVar[int] = 8

    def __post_init__(self):
        super().__post_init__()
        if self.metric not in self.metrics:
            raise ValueError(
                "affinity='laplacian' takes the Manhattan distance: leave metric as it "
                f"is, or pass 'manhattan'; got {self.metric!r}."
            )

    @property
    def distance(self):
        """Metric of the distances."""
        return "manhattan"

    @property
    def is_semidefinite(self):
        """It is with one bandwidth."""
        return self.rule != "adaptive"

    @property
    def spectrum_kind(self):
        """Kind of spectrum: next to nothing is negative."""
        return "semidefinite" if self.is_semidefinite else "nearly semidefinite"

    def entries(self, X, bandwidth, dtype):
        """Maker of the tiles."""
        return LaplacianEntries(X, bandwidth, dtype, self.cost)


@dataclass(frozen=True, kw_only=True)
class NearestNeighbors(Affinity):
    """Gaussian weights on the edges of a kNN graph; adaptive.

    A graph is local by construction: a wider Gaussian on it would only be flat. Some
    of the samples have the edges that they have in the graph of all of them.
    """

    default_rule: ClassVar[str] = "adaptive"
    spectrum_kind: ClassVar[str] = "sparse"
    is_graph: ClassVar[bool] = True

    def fit_in_frame(self, X, frame, seed, index=None, hold=False):
        """Fit the bandwidth by the search that serves the graph, too."""
        if X.shape[0] > 1:
            k = max(self.bandwidth_neighbors, self.n_neighbors)
            index = self._index(X, k, seed)
        return replace(super().fit_in_frame(X, frame, seed, index), index=index)

    def settle(self, X, bandwidth, seed=None):
        """Bandwidth that knows the graph of all of X, of which parts are taken."""
        if bandwidth.index is None:
            frame = frame_of(X, self.distance)
            index = self._index(frame.apply(X), self.n_neighbors, seed)
            bandwidth = replace(bandwidth.relative_to(frame), index=index)
        bandwidth.index.find(self.n_neighbors)
        return bandwidth

    def isolated_share(self, X, bandwidth, labels):
        """Share of the samples without an edge in their group."""
        return bandwidth.index.isolated_share(self.n_neighbors, labels)

    def matrix(self, X, bandwidth, solver, seed=None):
        """Sparse matrix of the graph, in which copies are joined."""
        if bandwidth.index is None:
            bandwidth = self.settle(X, bandwidth, seed)
        # Among points, or a sample might have none but its own copies.
        G = graph_matrix(bandwidth.index, self.n_neighbors, bandwidth, solver)
        return GraphOnDevice.of(G, X) if is_device_array(X) else G

    def _index(self, X, n_neighbors, seed):
        """Search over the samples X."""
        how = {"random_state": seed, "n_jobs": self.n_jobs, "verbose": self.verbose}
        return NeighborIndex(X, self.metric, n_neighbors, **how)


def graph_matrix(edges, k, bandwidth, solver):
    """Gaussian weights on the edges to k neighbours, in which copies are joined."""
    how = at(bandwidth.sigma, edges.first), bandwidth.shared, dtype_for(solver)
    G = edges_affinity(len(edges.first), *edges.edges(k), *how)
    return CopiesMatrix.of(G, edges.point_of) if edges.has_copies else SparseMatrix(G)
