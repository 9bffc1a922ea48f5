"""The median distance of all pairs of samples, exactly, without their matrix.

A sample of pairs gives two bounds that enclose the median. One pass over all pairs, in
tiles, counts those below the bounds and keeps those between them; the median is among
the kept ones, at a rank that is known. Its only error is the rounding of float32, a
millionth; no seed matters.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import gen_batches

from .._tools.parallel import map_threads
from .kernels import GaussianEntries

TILE_ROWS = 1024
# Shares of the sampled pairs beyond the median that the bounds take on either side: at
# 50,000 pairs, four and a half standard deviations; then eighteen, then all.
MARGINS = (0.01, 0.04, 0.5)


@dataclass(frozen=True)
class _Unit:
    """Stands for a bandwidth σ of all samples."""

    sigma: float
    shared: float = 0.0


def exact_median(X, sampled):
    """Median Euclidean distance of all pairs; `sampled` are distances of some."""
    unit = np.median(sampled)
    if unit == 0:
        return 0.0
    # Its exponents are -d² / (2 σ²): as good as distances, and in tiles.
    entries = GaussianEntries(X, _Unit(float(unit)))
    n_pairs = len(X) * (len(X) - 1) // 2
    middle = (n_pairs - 1) // 2, n_pairs // 2
    for margin in MARGINS:
        low, high = _bounds(sampled / unit, margin)
        n_below, inside = _between(entries, low, high)
        first, last = (rank - n_below for rank in middle)
        if first >= 0 and last < len(inside):
            inside.partition([first, last])
            squares = (inside[first] + inside[last]) / 2
            return float(unit * np.sqrt(squares))
    raise AssertionError("the last bounds enclose all distances")


def _bounds(distances, margin):
    """Squares of distances that enclose the median, in all likelihood."""
    if margin >= 0.5:
        return -np.inf, np.inf
    return np.quantile(distances, [0.5 - margin, 0.5 + margin]) ** 2


def _between(entries, low, high):
    """Number of squared distances below low, and those from low to high."""
    blocks = list(gen_batches(entries.n_samples, TILE_ROWS))
    pairs = [(a, b) for i, a in enumerate(blocks) for b in blocks[: i + 1]]

    def part(pair):
        rows, columns = pair
        squares = -2 * entries.exponents(rows, columns)
        if rows == columns:
            squares = squares[np.tril_indices(len(squares), -1)]
        # Exponents of equal samples can be above 0 by rounding.
        squares = np.maximum(squares, 0)
        return np.sum(squares < low), squares[(squares >= low) & (squares <= high)]

    found = map_threads(part, pairs)
    n_below = sum(int(count) for count, _ in found)
    return n_below, np.concatenate([inside for _, inside in found])
