"""Meters: how an entropy is measured, as a value made once from parameters.

A meter fits a scale to samples and measures any samples at a scale. It has no state:
all that a fit finds is in the scale, which also knows itself for some of its samples
and for others. That of diffusion spectral entropy is in `spectral_meter`.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from .._tools.arrays import take


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
    loosest : float
        Largest `tol` at which the errors that it states are honest.
    max_samples : int, float or None
        Samples measured of a set, as the parameter of the estimators.
    n_repeats : int
        Subsamples of a set that an estimator measures.
    is_pairwise, accepts_sparse, takes_blocks : bool
        Whether X is a matrix between samples, whether it may be sparse, and whether it
        may lie in blocks on a cluster.
    """

    tol: float | None
    loosest: float
    max_samples: int | float | None
    n_repeats: int
    is_pairwise: bool
    accepts_sparse: bool
    takes_blocks: bool

    def check(self, X):
        """Array X as the meter takes it, or raise."""

    def check_others(self, X, n_fitted):
        """The same of samples that need not be the fitted ones, so many."""

    def take(self, X, rows):
        """Some of the samples of X."""

    def others(self, X, scale):
        """Meter, samples and scale of samples that need not be the fitted ones."""

    def fit(self, X, seed):
        """Scale of the samples X."""

    def refit(self, X, seed, known):
        """Scale of the samples X, for which a scale that this meter fitted may do."""

    def knows(self, scale, X):
        """Whether a scale tells that it was fitted to the very samples X."""

    def settle(self, X, scale, rows, seed):
        """Scale, with what is found only by measuring some rows of X."""

    def isolated_share(self, X, scale, labels):
        """Share of the samples of a graph that have no edge within their group."""

    def measure(self, X, scale, seed):
        """EntropyEstimate of the samples X at their scale."""

    def measure_nested(self, X, scale, sizes, seed):
        """EntropyEstimate of the first samples of X, for several sizes."""

    def measure_many(self, X, scale, sets, seed):
        """EntropyEstimate of each of several sets of rows of X."""

    def is_small(self, n_samples):
        """Whether sets of so many samples are best measured many at a time."""

    def is_exact(self, n_samples):
        """Whether `tol` is of no account for sets of so many samples."""

    def exact(self):
        """Meter that solves for all eigenvalues, however many."""

    def of_many(self, X):
        """Meter of many sets of X, of which the mean is wanted."""

    def tell_if_long(self, X, sizes):
        """Warn where sets of these sizes together take long."""

    def quiet(self):
        """Meter that measures without such warnings."""

    def largest(self, n_samples):
        """Entropy in bits that so many samples cannot exceed."""


@dataclass(frozen=True, kw_only=True)
class SimpleMeter:
    """What most meters have in common: exact, on rows of features."""

    max_samples: int | float | None = None
    n_repeats: int = 1
    tol: ClassVar[float | None] = None
    loosest: ClassVar[float] = np.inf
    is_pairwise: ClassVar[bool] = False
    accepts_sparse: ClassVar[bool] = False
    takes_blocks: ClassVar[bool] = False

    def check(self, X):
        """Any array will do."""
        return X

    def check_others(self, X, n_fitted):
        """As any others."""
        return self.check(X)

    def take(self, X, rows):
        """Rows of X."""
        return take(X, rows)

    def others(self, X, scale):
        """What is measured is the same, at the scale of these samples."""
        return self, X, scale.at(X)

    def refit(self, X, seed, known):
        """Fit anew."""
        return self.fit(X, seed)

    def knows(self, scale, X):
        """Not known."""
        return False

    def settle(self, X, scale, rows, seed):
        """Nothing is left to find."""
        return scale

    def isolated_share(self, X, scale, labels):
        """There is no graph."""
        return 0.0

    def measure_nested(self, X, scale, sizes, seed):
        """Measure one size after the other."""
        heads = [np.arange(size) for size in sizes]
        return self.measure_many(X, scale, heads, seed)

    def measure_many(self, X, scale, sets, seed):
        """Measure one set after the other."""
        return [
            self.measure(self.take(X, rows), scale.take(rows), seed) for rows in sets
        ]

    def is_small(self, n_samples):
        """No set is."""
        return False

    def is_exact(self, n_samples):
        """It is."""
        return True

    def exact(self):
        """It is."""
        return self

    def of_many(self, X):
        """It is."""
        return self

    def tell_if_long(self, X, sizes):
        """Nothing is known of the time."""

    def quiet(self):
        """It is."""
        return self

    def largest(self, n_samples):
        """log2(n_samples)."""
        return np.log2(n_samples)
