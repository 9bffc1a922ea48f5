"""Samples in a frame in which floating point has digits for their distances.

Distances do not depend on the origin and grow with the unit. Far from the origin, or
near the ends of the exponents' range, they lose digits or are infinite. So where that
is so, samples are centred and brought to unit scale, by a power of two, before anybody
looks at their distances; elsewhere they are taken as they are, without a copy.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from .._tools.arrays import astype, is_device_array, like, namespace, take, to_host
from .._tools.parallel import row_blocks

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
    """Middle of some samples, and how far from it half of them are, or less.

    Who has looked at all samples knows their mean and which features vary, too.
    """

    center: np.ndarray
    spread: float
    mean: np.ndarray | None = None
    varies: np.ndarray | None = None


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
        if is_device_array(X):
            moved = astype(X, np.float64) - like(center, X, np.float64)
            half = -self.exponent // 2  # a power of two alone may be infinite
            moved = moved * 2.0**half * 2.0 ** (-self.exponent - half)
            keeps = self.wide or X.dtype == moved.dtype
            return moved if keeps else astype(moved, np.float32)
        moved = np.empty(X.shape, np.float64 if self.wide else X.dtype)
        for rows in row_blocks(len(X), BLOCK_ROWS):
            part = X[rows].astype(np.float64) - center
            moved[rows] = np.ldexp(part, -self.exponent)
        return moved

    def knowing(self, mean, varies):
        """Frame of samples whose mean in it is known, and which features vary."""
        center, spread, *_ = self.typical
        return replace(self, typical=Typical(center, spread, mean, varies))


# The frame of samples that are taken as they are.
AS_IS = Frame()


def frame_of(X, metric):
    """Frame in which distances of X have their digits, by the metric."""
    degree = DEGREES.get(metric) if isinstance(metric, str) else None
    if degree is None or X.shape[0] < 2:
        return AS_IS
    center, deviations = typical_rows(X)
    spread = _spread(deviations, X, center)
    return frame_around(center, deviations, spread, _largest(X), _is_single(X), degree)


def frame_around(center, deviations, spread, largest, is_single, degree):
    """Frame of samples of which so much is known, see `typical_rows`."""
    if spread == 0:
        return AS_IS
    exponent = int(np.frexp(spread)[1])
    is_ordinary = abs(exponent) <= EXPONENT
    is_far = np.abs(center).max() > FAR * spread
    exponent = 0 if is_ordinary else exponent
    middle = np.zeros_like(center) if is_far else np.ldexp(center, -exponent)
    return Frame(
        center if is_far else None,
        exponent,
        degree,
        bool(is_single and largest > WIDE * spread),
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
    sample = X[:: -(-X.shape[0] // n_rows), :]
    if is_device_array(X):
        return _typical_on_device(sample)
    # Sorting features that lie together takes a third of the time of np.median.
    columns = np.sort(sample.T.copy(), axis=1)
    middle = columns[:, [(len(sample) - 1) // 2, len(sample) // 2]]
    first, second = middle.T.astype(np.float64) / 2  # their sum may be infinite
    center = first + second
    deviations = sample.astype(np.float64)
    deviations -= center
    return center, np.abs(deviations, out=deviations).max(axis=1)


def _typical_on_device(sample):
    """Median of the rows of a sample, and their deviations, on the host."""
    xp, n = namespace(sample), sample.shape[0]
    columns = xp.sort(astype(sample, np.float64), axis=0)
    first, last = columns[(n - 1) // 2, :], columns[n // 2, :]
    center = to_host((first + last) / 2).astype(np.float64)
    deviations = xp.abs(astype(sample, np.float64) - like(center, sample, np.float64))
    return center, to_host(xp.max(deviations, axis=1)).astype(np.float64)


def _spread(deviations, X, center):
    """Largest deviation of a typical sample from the centre in any feature."""
    spread = np.median(deviations) or deviations.max()
    if spread > 0:
        return float(spread)
    # Of many copies and few others, the rows at hand may be copies.
    xp, center = namespace(X), like(center, X, np.float64)
    return max(
        float(xp.max(xp.abs(astype(take(X, rows), np.float64) - center)))
        for rows in row_blocks(X.shape[0], BLOCK_ROWS)
    )


def _largest(X):
    """Largest modulus of the entries."""
    xp = namespace(X)
    return max(abs(float(xp.max(X))), abs(float(xp.min(X))))


def _is_single(X):
    """Whether the entries are in float32."""
    return X.dtype == namespace(X).float32
