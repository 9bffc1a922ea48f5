"""From samples at a scale to the spectrum of their diffusion operator.

X ─► bandwidth σ ─► affinity G ─► operator S ─► spectrum λ; each step has the module of
its name. Here they are chosen and wired.
"""

import numpy as np

from .._measures.base import KernelEntropy, is_one_point, take_scale
from .._tools.parallel import threads_for_maps
from .._tools.progress import say
from .._tools.validation import check_fits_in_memory, fits_in_memory
from .affinity import (
    TiledGaussian,
    callable_affinity,
    gaussian_affinity,
    nearest_neighbors_affinity,
)
from .diffusion import diffusion_operator
from .neighbors import EUCLIDEAN, NeighborIndex
from .solvers import choose_solver, solve, warn_if_long
from .spectrum import Spectrum

WAY_OUT = (
    "eigen_solver='lanczos', affinity='nearest_neighbors' with another eigen_solver "
    "than 'dense', or a subsample"
)
# Share of the free memory that kept tiles of the affinity may take; beyond, they are
# made anew for each product.
DENSE_SHARE = 0.25
AFFINITIES = ("gaussian", "nearest_neighbors", "precomputed")
# What bandwidth="auto" stands for. A share of the diameter makes DSE count how many
# cells of that size the data fill, which reads dimension; a kNN graph is local by
# construction, and a wider Gaussian on it would only be flat.
AUTO_BANDWIDTH = {"gaussian": "median", "nearest_neighbors": "adaptive"}


class SpectralEntropy(KernelEntropy):
    """Base of the entropy of a diffusion operator's spectrum.

    A subclass has the parameters affinity, n_neighbors, alpha, t, eigen_solver,
    n_components, tol, n_jobs and verbose besides those of KernelEntropy, and sets
    ``t_`` where t is "auto".
    """

    def _rule(self):
        if self.bandwidth == "auto":
            return AUTO_BANDWIDTH[self.affinity]
        return self.bandwidth

    def _fit_scale(self, X, seed=None):
        """Fit the bandwidth, and the time where it is given."""
        self._index = None
        if self._has_bandwidth():
            if self.affinity == "nearest_neighbors" and len(X) > 1:
                # One search serves the bandwidth and the graph.
                k = max(self.bandwidth_neighbors, self.n_neighbors)
                self._index = self._neighbor_index(X, k, seed)
            super()._fit_scale(X, seed, self._index)
        else:
            self.bandwidth_ = None
        if self.t != "auto":
            self.t_ = self.t

    def _has_bandwidth(self):
        """Whether the affinity is Gaussian."""
        return not callable(self.affinity) and self.affinity in AUTO_BANDWIDTH

    def _scale_of(self, X):
        return super()._scale_of(X) if self._has_bandwidth() else None

    def _measure(self, X, scale, seed):
        return self._solve(X, scale, seed).entropy(self.t_)

    def _measure_nested(self, X, scale, sizes, seed):
        """Measure the first samples of X for several sizes, the affinity made once."""
        solvers = {self._solver(size) for size in sizes}
        share = self.affinity == "gaussian" and solvers == {"lanczos"}
        if share and not is_one_point(X, scale):
            G = self._gaussian(X, scale, "lanczos")
            spectra = [self._spectrum_of(G.head(n), "lanczos", seed) for n in sizes]
            return [spectrum.entropy(self.t_) for spectrum in spectra]
        heads = [(self._take(X, slice(n)), take_scale(scale, slice(n))) for n in sizes]
        return [self._measure(*head, seed) for head in heads]

    def _solve(self, X, scale, seed):
        """Spectrum of the diffusion operator on the samples X."""
        n = X.shape[0]
        if n == 1 or (scale is not None and is_one_point(X, scale)):
            return Spectrum.of_identical_samples(n)
        solver = self._solver(n)
        G = self._affinity(X, scale, seed, solver)
        if isinstance(G, TiledGaussian):
            with threads_for_maps():
                return self._spectrum_of(G, solver, seed)
        return self._spectrum_of(G, solver, seed)

    def _solver(self, n_samples):
        """Solver for so many samples."""
        kind = "indefinite"
        if self.affinity == "nearest_neighbors":
            kind = "sparse"
        elif self._is_positive_semidefinite():
            kind = "semidefinite"
        elif self.affinity == "gaussian" and self.metric in EUCLIDEAN:
            kind = "nearly semidefinite"
        return choose_solver(self.eigen_solver, n_samples, kind, self.tol)

    def _spectrum_of(self, G, solver, seed):
        """Spectrum of the diffusion operator of the affinity G."""
        operator = diffusion_operator(
            G,
            self.alpha,
            positive_semidefinite=self._is_positive_semidefinite(),
        )
        return solve(
            operator,
            solver,
            t=1 if self.t == "auto" else self.t,
            tol=self.tol,
            n_components=self.n_components,
            random_state=seed,
            verbose=self.verbose,
        )

    def _affinity(self, X, scale, seed, solver):
        """Affinity of the samples X, in the precision that the solver needs."""
        dtype = np.float32 if solver == "lanczos" else np.float64
        if callable(self.affinity):
            return callable_affinity(X, self.affinity).astype(dtype, copy=False)
        if self.affinity == "precomputed":
            return X.astype(dtype, copy=False)
        if self.affinity == "gaussian":
            return self._gaussian(X, scale, solver)
        index = self._index
        if index is None or index.X is not X:
            index = self._neighbor_index(X, self.n_neighbors, seed)
        neighbors = index.kneighbors(self.n_neighbors)
        G = nearest_neighbors_affinity(*neighbors, scale, self._bandwidth.shared)
        return G.astype(dtype, copy=False)

    def _gaussian(self, X, scale, solver):
        """Gaussian affinity of all pairs, a matrix or in tiles."""
        n, shared = len(X), self._bandwidth.shared
        if solver == "lanczos":
            keep = fits_in_memory(n, DENSE_SHARE, 0.5, itemsize=4)
            warn_if_long(*X.shape, solver, keep)
            return TiledGaussian(
                X, scale, self.metric, keep=keep, verbose=self.verbose, shared=shared
            )
        # LAPACK works on copies.
        check_fits_in_memory(n, 3 if solver == "dense" else 1, WAY_OUT)
        warn_if_long(*X.shape, solver, True)
        return gaussian_affinity(
            X, scale, self.metric, verbose=self.verbose, shared=shared
        )

    def _neighbor_index(self, X, n_neighbors, seed):
        if self.verbose:
            say(f"searching {n_neighbors} neighbors of {len(X)} samples")
        return NeighborIndex(
            X, self.metric, n_neighbors, random_state=seed, n_jobs=self.n_jobs
        )

    def _is_positive_semidefinite(self):
        """A Gaussian of one bandwidth is, on Euclidean distances of all pairs."""
        return (
            self.affinity == "gaussian"
            and self.metric in EUCLIDEAN
            and self._rule() not in ("adaptive", "reduced")
        )
