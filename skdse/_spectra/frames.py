"""Samples in a frame in which floating point has digits for their distances.

Distances do not depend on the origin and grow with the unit. Far from the origin, or
near the ends of the exponents' range, they lose digits or are infinite. So where that
is so, samples are centred and brought to unit scale, by a power of two, before anybody
looks at their distances; elsewhere they are taken as they are, without a copy.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches

# Metrics whose distances do not change with the origin, and the power of the unit by
# which they grow. Of others nothing is known.
DEGREES = {
    "chebyshev": 1,
    "cityblock": 1,
    "euclidean": 1,
    "l1": 1,
    "l2": 1,
    "manhattan": 1,
    "minkowski": 1,
    "sqeuclidean": 2,
}
# Rows by which the centre and the scale are found, least and most, and their entries;
# rows moved at a time.
N_ROWS, N_ENTRIES, BLOCK_ROWS = (16, 1000), 2**21, 4096
# Origins farther away than so many spreads of the data are moved: squares of distances
# then lose more than four digits of sixteen.
FAR = 100.0
# Spreads whose squares, and sums of them, are neither infinite nor 0 in float32, in
# which the tiles for Lanczos are, as powers of two.
EXPONENT = 40
# Data with entries beyond so many spreads are held in float64.
WIDE = 2.0**40


class Typical(NamedTuple):
    """Middle of some samples, and how far from it half of them are, or less."""

    center: np.ndarray
    spread: float


@dataclass(frozen=True)
class Frame:
    """A centre and a unit: samples X become (X - center) / unit.

    Attributes
    ----------
    center : ndarray of shape (n_features,) or None
        Origin, in float64; None is that of the samples.
    exponent : int
        The unit is 2 to this power.
    degree : int
        Power of the unit by which distances of the metric grow.
    wide : bool
        Whether float32 has no room for all entries.
    typical : Typical or None
        What is known of the samples in this frame that it is the frame of.
    """

    center: np.ndarray | None = None
    exponent: int = 0
    degree: int = 1
    wide: bool = False
    typical: Typical | None = field(default=None, compare=False, repr=False)

    def apply(self, X):
        """Samples in this frame, in their own precision; X itself if it is theirs."""
        if self.center is None and self.exponent == 0 and not self.wide:
            return X
        center = 0.0 if self.center is None else self.center
        moved = np.empty(X.shape, np.float64 if self.wide else X.dtype)
        for rows in gen_batches(len(X), BLOCK_ROWS):
            part = X[rows].astype(np.float64) - center
            moved[rows] = np.ldexp(part, -self.exponent)
        return moved


# The frame of samples that are taken as they are.
AS_IS = Frame()


def frame_of(X, metric):
    """Frame in which distances of X have their digits, by the metric."""
    degree = DEGREES.get(metric) if isinstance(metric, str) else None
    if degree is None or len(X) < 2:
        return AS_IS
    center, deviations = typical_rows(X)
    spread = _spread(deviations, X, center)
    if spread == 0:
        return AS_IS
    exponent = int(np.frexp(spread)[1])
    is_ordinary = abs(exponent) <= EXPONENT
    is_far = np.abs(center).max() > FAR * spread
    largest = max(abs(float(X.max())), abs(float(X.min())))
    exponent = 0 if is_ordinary else exponent
    middle = np.zeros_like(center) if is_far else np.ldexp(center, -exponent)
    return Frame(
        center if is_far else None,
        exponent,
        degree,
        bool(X.dtype == np.float32 and largest > WIDE * spread),
        Typical(middle, float(np.ldexp(np.median(deviations), -exponent))),
    )


def typical_of(X):
    """Typical sample of X."""
    center, deviations = typical_rows(X)
    return Typical(center, float(np.median(deviations)))


def typical_rows(X):
    """Median of some rows of X, which no outlier draws away, and deviations from it.

    The deviation of a row is that of the feature where it is largest. In float64.
    """
    n_rows = int(np.clip(N_ENTRIES // X.shape[1], *N_ROWS))
    sample = X[:: -(-len(X) // n_rows)]
    # Sorting features that lie together takes a third of the time of np.median.
    columns = np.sort(sample.T.copy(), axis=1)
    middle = columns[:, [(len(sample) - 1) // 2, len(sample) // 2]]
    center = middle.astype(np.float64).mean(axis=1)
    deviations = sample.astype(np.float64)
    deviations -= center
    return center, np.abs(deviations, out=deviations).max(axis=1)


def _spread(deviations, X, center):
    """Largest deviation of a typical sample from the centre in any feature."""
    spread = np.median(deviations) or deviations.max()
    if spread > 0:
        return float(spread)
    # Of many copies and few others, the rows at hand may be copies.
    return max(
        float(np.abs(X[rows].astype(np.float64) - center).max())
        for rows in gen_batches(len(X), BLOCK_ROWS)
    )
