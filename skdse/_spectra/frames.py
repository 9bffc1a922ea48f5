"""Samples in a frame in which floating point has digits for their distances.

Distances do not depend on the origin and grow with the unit. Far from the origin, or
near the ends of the exponents' range, they lose digits or are infinite. So where that
is so, samples are centred and brought to unit scale, by a power of two, before anybody
looks at their distances; elsewhere they are taken as they are, without a copy.
"""

from dataclasses import dataclass

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
    """

    center: np.ndarray | None = None
    exponent: int = 0
    degree: int = 1
    wide: bool = False

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
    sample, center = typical_rows(X)
    spread = _spread(sample, X, center)
    if spread == 0:
        return AS_IS
    exponent = int(np.frexp(spread)[1])
    is_ordinary = abs(exponent) <= EXPONENT
    is_far = np.abs(center).max() > FAR * spread
    largest = max(abs(float(X.max())), abs(float(X.min())))
    return Frame(
        center if is_far else None,
        0 if is_ordinary else exponent,
        degree,
        bool(X.dtype == np.float32 and largest > WIDE * spread),
    )


def typical_rows(X):
    """Some rows of X in float64, and their median, which no outlier draws away."""
    n_rows = int(np.clip(N_ENTRIES // X.shape[1], *N_ROWS))
    sample = X[:: -(-len(X) // n_rows)].astype(np.float64)
    return sample, np.median(sample, axis=0)


def _spread(sample, X, center):
    """Largest deviation of a typical sample from the centre in any feature."""
    deviations = np.abs(sample - center).max(axis=1)
    spread = np.median(deviations) or deviations.max()
    if spread > 0:
        return float(spread)
    # Of many copies and few others, the rows at hand may be copies.
    return max(
        float(np.abs(X[rows].astype(np.float64) - center).max())
        for rows in gen_batches(len(X), BLOCK_ROWS)
    )
