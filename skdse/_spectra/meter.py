"""Meters: how an entropy is measured, as a value made once from parameters.

A meter fits a scale to samples and measures any samples at a scale. It has no state:
all that a fit finds is in the scale, which also knows itself for some of its samples
and for others. `SpectralMeter` is that of diffusion spectral entropy:

X ─► scale ─► affinity G ─► diffusion operator S ─► spectrum λ ─► entropy.
"""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np

from .._tools.parallel import threads_for_maps
from .affinity import Affinity
from .bandwidth import Bandwidth
from .diffusion import diffusion_operator
from .solvers import choose_solver, solve, warn_if_long
from .spectrum import Spectrum, knee_time


class Scale(Protocol):
    """All that a meter learns from the samples that it is fitted to."""

    def take(self, rows):
        """Scale of some of the samples."""

    def at(self, X):
        """Scale of other samples."""


class Meter(Protocol):
    """What a measure needs of an entropy.

    Attributes
    ----------
    tol : float or None
        Standard error [bits] that its solver aims at; None where it is exact.
    max_samples : int, float or None
        Samples measured of a set, as the parameter of the estimators.
    n_repeats : int
        Subsamples of a set that an estimator measures.
    is_pairwise, accepts_sparse : bool
        Whether X is a matrix between samples, and whether it may be sparse.
    """

    tol: float | None
    max_samples: int | float | None
    n_repeats: int
    is_pairwise: bool
    accepts_sparse: bool

    def check(self, X):
        """Array X as the meter takes it, or raise."""

    def take(self, X, rows):
        """Some of the samples of X."""

    def fit(self, X, seed):
        """Scale of the samples X."""

    def settle(self, X, scale, rows, seed):
        """Scale, with what is found only by measuring some rows of X."""

    def measure(self, X, scale, seed):
        """EntropyEstimate of the samples X at their scale."""

    def measure_nested(self, X, scale, sizes, seed):
        """EntropyEstimate of the first samples of X, for several sizes."""

    def largest(self, n_samples):
        """Entropy in bits that so many samples cannot exceed."""


@dataclass(frozen=True, kw_only=True)
class SimpleMeter:
    """What most meters have in common: exact, on rows of features."""

    max_samples: int | float | None = None
    n_repeats: int = 1
    tol: ClassVar[float | None] = None
    is_pairwise: ClassVar[bool] = False
    accepts_sparse: ClassVar[bool] = False

    def check(self, X):
        """Any array will do."""
        return X

    def take(self, X, rows):
        """Rows of X."""
        return X[rows]

    def settle(self, X, scale, rows, seed):
        """Nothing is left to find."""
        return scale

    def measure_nested(self, X, scale, sizes, seed):
        """Measure one size after the other."""
        heads = [slice(size) for size in sizes]
        return [
            self.measure(self.take(X, rows), scale.take(rows), seed) for rows in heads
        ]

    def largest(self, n_samples):
        """log2(n_samples)."""
        return np.log2(n_samples)


@dataclass(frozen=True)
class SpectralScale:
    """Bandwidth of the samples, and the diffusion time; None while it is open."""

    bandwidth: Bandwidth
    t: float | None

    def take(self, rows):
        """Scale of some of the samples."""
        return replace(self, bandwidth=self.bandwidth.take(rows))

    def at(self, X):
        """Scale of other samples."""
        return replace(self, bandwidth=self.bandwidth.at(X))


@dataclass(frozen=True, kw_only=True)
class SpectralMeter(SimpleMeter):
    """Entropy of the spectrum of a diffusion operator."""

    affinity: Affinity
    alpha: float = 0.5
    t: float | str = 1
    eigen_solver: str = "auto"
    n_components: int | None = None
    tol: float = 1e-3
    verbose: int = 0

    @property
    def is_pairwise(self):
        """Whether X is the affinity itself."""
        return self.affinity.is_pairwise

    @property
    def accepts_sparse(self):
        """Affinities may be sparse, samples not."""
        return self.affinity.is_pairwise

    def check(self, X):
        """X as the affinity takes it."""
        return self.affinity.check(X)

    def take(self, X, rows):
        """Some of the samples of X."""
        return self.affinity.take(X, rows)

    def fit(self, X, seed):
        """Scale of X; the time is open where it is to be chosen by a spectrum."""
        bandwidth = self.affinity.fit(X, seed)
        return SpectralScale(bandwidth, None if self.t == "auto" else self.t)

    def settle(self, X, scale, rows, seed):
        """Choose the time by the spectrum of some rows, where it is open."""
        if scale.t is not None:
            return scale
        spectrum = self.solve(self.take(X, rows), scale.take(rows), seed)
        return replace(scale, t=knee_time(spectrum))

    def measure(self, X, scale, seed):
        """Entropy of the samples X at their scale."""
        return self.solve(X, scale, seed).entropy(scale.t)

    def measure_nested(self, X, scale, sizes, seed):
        """Entropy of the first samples, for several sizes, with the tiles in common."""
        share = {self._solver(size) for size in sizes} == {"lanczos"}
        share &= self.affinity.is_tiled
        if not share or self.affinity.is_one_point(X, scale.bandwidth):
            return super().measure_nested(X, scale, sizes, seed)
        G = self._matrix(X, scale, "lanczos", seed)
        spectra = [self._spectrum(G.head(size), "lanczos", seed) for size in sizes]
        return [spectrum.entropy(scale.t) for spectrum in spectra]

    def solve(self, X, scale, seed):
        """Spectrum of the diffusion operator on the samples X."""
        n = X.shape[0]
        if n == 1 or self.affinity.is_one_point(X, scale.bandwidth):
            return Spectrum.of_identical_samples(n)
        solver = self._solver(n)
        G = self._matrix(X, scale, solver, seed)
        with threads_for_maps() if G.maps_threads else nullcontext():
            return self._spectrum(G, solver, seed)

    def _solver(self, n_samples):
        """Name of the solver for so many samples."""
        kind = self.affinity.spectrum_kind
        return choose_solver(self.eigen_solver, n_samples, kind, self.tol)

    def _matrix(self, X, scale, solver, seed):
        """Affinity of the samples X, announced where it is a long job."""
        n, d = X.shape
        self.affinity.check_memory(n, solver)
        if self.affinity.is_of_all_pairs:
            keeps = self.affinity.keeps(n, solver)
            warn_if_long(n, d * self.affinity.cost, solver, keeps)
        return self.affinity.matrix(X, scale.bandwidth, solver, seed)

    def _spectrum(self, G, solver, seed):
        """Spectrum of the diffusion operator of the affinity G."""
        operator = diffusion_operator(
            G,
            self.alpha,
            positive_semidefinite=self.affinity.is_semidefinite,
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
