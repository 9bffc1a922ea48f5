"""Rows as points whose Euclidean distances tell those of another metric.

Searches for neighbours are fastest, and most exact, by Euclidean distances. Some
metrics are such distances of other points:

==============  =====================================  ============
metric          points                                 distance
==============  =====================================  ============
"sqeuclidean"   the rows                               d²
"cosine"        their directions                       d² / 2
"correlation"   directions of the centred rows         d² / 2
"seuclidean"    features of unit variance              d
"mahalanobis"   features without covariance            d
==============  =====================================  ============

Rows without a direction lie in a direction of their own, orthogonal to all others.
"""

from dataclasses import dataclass

import numpy as np

from .._tools.arrays import like, namespace
from .distances import directions, is_null, without_rounding
from .metrics import COSINE, SQUARED

# Metrics with parameters that are estimated from all samples: not part by part.
WHOLE_DATA_METRICS = ("mahalanobis", "seuclidean")
# Variances below this share of the largest are rounding of a singular covariance.
SINGULAR = 1e-12


@dataclass(frozen=True)
class Rows:
    """Rows that are points themselves; base of the placements below.

    Attributes
    ----------
    metric : str or callable
        Distance of the points that a search looks at.
    """

    metric: object

    def points(self, X):
        """Points of the rows."""
        return X

    def told(self, distances, resolution):
        """Distances of the rows, of this resolution, by those of their points."""
        return distances


class Squares(Rows):
    """Rows whose distances are squared."""

    def told(self, distances, resolution):
        """Squared distances: in the order of the others, which lose no digits."""
        return np.square(distances)


@dataclass(frozen=True)
class Directions(Rows):
    """Directions of rows, by the cosine or the correlation."""

    given: str = "cosine"

    def points(self, X):
        """Directions, and a coordinate for the rows that have none."""
        U = directions(X, self.given)
        null = like(is_null(U)[:, None].astype(float), U, np.float64)
        return namespace(U).concat([U, null], axis=1)

    def told(self, distances, resolution):
        """Cosine distances, 0 of what is only rounding."""
        return without_rounding(np.square(distances) / 2, self.given, resolution)


@dataclass(frozen=True)
class Standardised(Rows):
    """Rows less a centre and times a matrix, or divided by a scale of each feature."""

    center: np.ndarray
    unit: np.ndarray
    root: np.ndarray

    def points(self, X):
        """Points in float64."""
        Z = _around(X, self.center) / self.unit
        return Z * self.root if self.root.ndim == 1 else Z @ self.root


def placement_of(X, metric):
    """How rows become points, by a metric and the rows at hand."""
    if not isinstance(metric, str):
        return Rows(metric)
    if metric == SQUARED:
        return Squares("euclidean")
    if metric in COSINE:
        return Directions("euclidean", metric)
    if metric in WHOLE_DATA_METRICS:
        return _standardised(X, metric)
    return Rows(metric)


def placed(X, metric):
    """Points of the rows of X whose Euclidean distances are those of the metric.

    For those of WHOLE_DATA_METRICS; with the metric to use, the given one elsewhere.
    """
    if metric not in WHOLE_DATA_METRICS:
        return X, metric
    placement = placement_of(X, metric)
    return placement.points(X), placement.metric


def _standardised(X, metric):
    """Placement by the variances of the features, or by their covariance."""
    X = X.astype(np.float64)
    center = np.median(X, axis=0)
    Z = _around(X, center)
    largest = np.abs(Z).max(axis=0)
    unit = np.where(largest > 0, largest, 1)
    Z /= unit
    if metric == "seuclidean":
        deviations = np.std(Z, axis=0, ddof=1)
        # A constant feature is no part of a distance.
        roots = 1 / np.where(deviations > 0, deviations, np.inf)
        return Standardised("euclidean", center, unit, roots)
    return Standardised("euclidean", center, unit, _whitening(Z))


def _around(X, center):
    """Rows less a centre, in float64; of halves, so that no difference is infinite."""
    return X.astype(np.float64, copy=False) / 2 - center / 2


def _whitening(Z):
    """Matrix that leaves no covariance, or raise where there is none."""
    n, d = Z.shape
    variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(Z.T)))
    if variances[0] <= SINGULAR * variances[-1]:
        raise ValueError(
            f"metric='mahalanobis' needs a covariance of full rank, which {n} samples "
            f"of {d} features do not have here. Use metric='seuclidean', leave out "
            "features that follow from others, reduce the features, for instance by "
            "PCA, or take more samples."
        )
    return axes / np.sqrt(variances)
