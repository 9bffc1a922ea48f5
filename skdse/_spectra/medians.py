"""The median distance of all pairs of samples, without their matrix.

A sample of pairs gives two bounds that enclose the median. One pass over all pairs, in
tiles, counts those below the bounds and keeps those between them; the median is among
the kept ones, at a rank that is known. Its only error is the rounding of float32, a
millionth; no seed matters. Where a pass takes too long, the median of the sample has to
do, and its standard error is told.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.metrics.pairwise import PAIRED_DISTANCES

from .._tools.arrays import (
    is_device_array,
    like,
    map_parts,
    namespace,
    take,
    tile_side,
)
from .._tools.parallel import lower_tiles, map_threads, row_blocks
from .device_search import DeviceSearch
from .distances import (
    distances,
    distances_of_pairs,
    resolution_of,
    without_rounding,
)
from .frames import AS_IS, Frame
from .kernels import Exponents, GaussianEntries
from .metrics import EUCLIDEAN, SQUARED

TILE_ROWS = 1024
# Rows of a tile that are looked at more than once while they are in the cache.
STRIP_ROWS = 64
# Pairs of a sample that bounds the median, and of one that stands for all pairs.
BOUNDING_PAIRS, MANY_PAIRS = 20_000, 1_000_000
# Where distances come in blocks alone: rows of a block, blocks that bound the median,
# and those that stand for all pairs, about as well as so many pairs.
BLOCK_ROWS, BOUNDING_BLOCKS, MANY_BLOCKS = 32, 64, 8192
# Pairs of so many numbers are sampled (some 3 s), within these bounds.
SAMPLED_NUMBERS, MOST_PAIRS = 2**29, 10_000_000
# A pass takes half a minute for so many n² (d + 64), where Lanczos takes many minutes
# (60,000 samples of 784 features: 3.1e12). Other metrics cost so many times as much; so
# does, with that many features, a function in Python, whose affinity takes as long.
WORK, OTHER_COST, CALLED_COST = 4e12, 10, 4e4
# The same for who wants it in a second, at a graph of neighbours.
QUICK_WORK, QUICK_NUMBERS = 1e10, 2**26
# Standard deviations beyond the median that bounds take on either side, at first.
MARGIN = 4.5
# Standard errors to either side of a median, between which the density of distances is
# looked at: fewer are led by chance, more see its slope.
DENSITY_WIDTH = 2.0
# Each thread has such blocks, three at a time: larger ones are slower. On a device they
# are not.
_BLOCK_BYTES, _DEVICE_BYTES = 4 * 2**20, 16 * 2**20


class Median(NamedTuple):
    """A median, its relative standard error, and what a pass over all pairs has kept.

    exponents is what `kernels.Exponents` holds, where that was asked for.
    """

    value: float
    log_error: float = 0.0
    exponents: Exponents | None = None

    @property
    def squared(self):
        """Median of the squares."""
        return Median(self.value**2, 2 * self.log_error, self.exponents)


@dataclass(frozen=True)
class Sample:
    """Distances of some pairs, and the standard error of a share of them."""

    distances: np.ndarray
    share_error: float

    @property
    def median(self):
        """Median, with the error that comes of the sample."""
        value = float(np.median(self.distances))
        if value == 0 or self.share_error == 0:
            return Median(value)
        width = DENSITY_WIDTH * self.share_error
        ends = np.quantile(self.distances, np.clip([0.5 - width, 0.5 + width], 0, 1))
        return Median(value, float(np.diff(ends)[0] / (2 * DENSITY_WIDTH * value)))


@dataclass(frozen=True)
class _Unit:
    """Stands for a bandwidth σ of all samples."""

    sigma: float
    frame: Frame
    shared: float = 0.0
    held: None = None


def median_of_pairs(X, metric, rng, hold=False, frame=AS_IS):
    """Median distance of all pairs of rows of X, exact where a pass is affordable.

    With hold, exponents of a Gaussian are kept where they are what is looked at. The
    frame is that of X, which is in it, if it is known.
    """
    looked_at, cost = looked_at_by(metric)
    is_exact = is_affordable(X, looked_at, cost)
    sample = _sampled(X, looked_at, rng, *_amount(X, looked_at, not is_exact))
    found = sample.median
    if is_exact and found.value > 0 and looked_at in EUCLIDEAN:
        found = exact_median(X, sample, hold, frame)
    elif is_exact and found.value > 0:
        found = _exact_other(X, sample, metric)
    return found.squared if metric == SQUARED else found


def looked_at_by(metric):
    """Distance by which pairs are looked at, and what it costs in Euclidean tiles."""
    if metric in (*EUCLIDEAN, SQUARED):
        return "euclidean", 1
    return metric, OTHER_COST


def is_affordable(X, metric, cost):
    """Whether all pairs can be looked at, at a cost in units of Euclidean tiles."""
    return _work(X, metric, cost) <= WORK


def _work(X, metric, cost):
    """Work that all pairs are."""
    of_entry = CALLED_COST if callable(metric) else cost * (X.shape[1] + 64)
    return X.shape[0] ** 2.0 * of_entry


def quick_median(X, metric, rng):
    """Median distance of all pairs of rows of X or of some, within a second or two."""
    looked_at, cost = looked_at_by(metric)
    if _work(X, looked_at, cost) <= QUICK_WORK:
        return median_of_pairs(X, metric, rng)
    most = BOUNDING_PAIRS if callable(metric) else MANY_PAIRS
    n_pairs = int(np.clip(QUICK_NUMBERS // X.shape[1], BOUNDING_PAIRS, most))
    found = _sampled(X, looked_at, rng, n_pairs, BOUNDING_BLOCKS).median
    return found.squared if metric == SQUARED else found


def _amount(X, metric, is_all):
    """Pairs and blocks of a sample; is_all if it is all that there will be."""
    if not is_all:
        return BOUNDING_PAIRS, BOUNDING_BLOCKS
    return n_sampled_pairs(X.shape[1], callable(metric)), MANY_BLOCKS


def _sampled(X, metric, rng, n_pairs, n_blocks):
    """Sample of the distances, of so many pairs, or of blocks of them."""
    has_pairs = is_device_array(X) or metric in PAIRED_DISTANCES
    if not callable(metric) and not has_pairs:
        return _of_blocks(X, metric, rng, n_blocks)
    found = without_rounding(
        sampled_distances(X, metric, rng, n_pairs), metric, resolution_of(X)
    )
    return Sample(found, 0.5 / n_pairs**0.5)


def n_sampled_pairs(n_features, is_called=False):
    """Pairs of a sample that stands for all pairs."""
    most = MANY_PAIRS if is_called else MOST_PAIRS
    return int(np.clip(SAMPLED_NUMBERS // n_features, MANY_PAIRS, most))


def random_pairs(n, n_pairs, rng):
    """Rows of random pairs of different rows, independent of each other."""
    first = rng.randint(n, size=n_pairs)
    return first, (first + rng.randint(1, n, size=n_pairs)) % n


def sampled_distances(X, metric, rng, n_pairs):
    """Distances of random pairs of different rows, independent of each other."""
    first, second = random_pairs(X.shape[0], n_pairs, rng)
    n_bytes = _DEVICE_BYTES if is_device_array(X) else _BLOCK_BYTES
    rows = max(1, n_bytes // (8 * X.shape[1]))

    def of(block):
        pairs = take(X, first[block]), take(X, second[block])
        return distances_of_pairs(*pairs, metric)

    return np.concatenate(map_parts(of, row_blocks(n_pairs, rows), X))


def _of_blocks(X, metric, rng, n_blocks):
    """Sample of pairs between few rows and few others, many times.

    Pairs of a block have rows in common; blocks are independent of each other, so that
    the shares of their pairs that are below the median tell its error.
    """
    rows = rng.randint(len(X), size=(n_blocks, 2, BLOCK_ROWS))

    def of(block):
        left, right = block
        D = distances(X[left], X[right], metric)
        return D[left[:, None] != right]

    found = [
        without_rounding(D, metric, resolution_of(X))
        for D in map_threads(of, list(rows))
    ]
    every = np.concatenate(found)
    median = np.median(every)
    shares = [np.mean(D <= median) for D in found]
    return Sample(every, float(np.std(shares, ddof=1) / n_blocks**0.5))


def exact_median(X, sample, hold=False, frame=AS_IS):
    """Median Euclidean distance of all pairs; the sample is of some."""
    unit = float(np.median(sample.distances))
    # Its exponents are -d² / (2 σ²): as good as distances, and in tiles.
    entries = GaussianEntries(X, _Unit(unit, frame))
    is_held = hold and not is_device_array(X) and entries.exponent_dtype == np.float32
    held = Exponents(X, unit, row_blocks(len(X), TILE_ROWS)) if is_held else None

    def tile(rows, columns):
        place = None if held is None else held.place(rows, columns)
        return entries.exponents(rows, columns, place)

    middle = _middle(tile, X, exponents_of(sample, unit), sample.share_error)
    return Median(distance_of(middle, unit), exponents=held)


def exponents_of(sample, unit):
    """Exponents of sampled distances: the farther, the lower."""
    return -0.5 * (sample.distances / unit) ** 2


def distance_of(exponent, unit):
    """Distance of an exponent; those of equal samples can be above 0 by rounding."""
    return unit * np.sqrt(max(-2 * exponent, 0.0))


def _exact_other(X, sample, metric):
    """Median distance of all pairs by another metric."""

    def tile(rows, columns):
        D = distances(take(X, rows), take(X, columns), metric)
        return without_rounding(D, metric, resolution_of(X))

    return Median(_middle(tile, X, sample.distances, sample.share_error))


def _middle(tile, X, sampled, share_error):
    """Median of what tile(rows, columns) gives for all pairs; some are sampled."""

    def between(low, high):
        if is_device_array(X):
            low, high = float(low), float(high)
        return _between(tile, X, low, high)

    return middle_of(between, X.shape[0], sampled, share_error)


def middle_of(between, n_samples, sampled, share_error):
    """Median of values of all pairs of samples; some are sampled.

    between(low, high) gives the number of values below low, and those up to high.
    """
    n_pairs = n_samples * (n_samples - 1) // 2
    ranks = (n_pairs - 1) // 2, n_pairs // 2
    margin = MARGIN * share_error
    while True:
        low, high = _bounds(sampled, margin)
        n_below, inside = between(low, high)
        first, last = (rank - n_below for rank in ranks)
        if first >= 0 and last < inside.shape[0]:
            inside = _partitioned(inside, [first, last])
            return (float(inside[first]) + float(inside[last])) / 2
        if margin >= 0.5:  # they enclosed all
            raise ValueError(
                "metric gives distances that are not a number for some pairs of "
                "samples, so that they have no median; use another metric, or a number "
                "as the bandwidth."
            )
        margin *= 4


def _partitioned(values, ranks):
    """Values in an order in which those of these ranks are in their places."""
    if is_device_array(values):
        return namespace(values).sort(values)
    values.partition(ranks)
    return values


def _bounds(sampled, margin):
    """Values that enclose the median, in all likelihood."""
    if margin >= 0.5:
        return -np.inf, np.inf
    return np.quantile(sampled, [0.5 - margin, 0.5 + margin])


def nearest_distances(X, unit):
    """Euclidean distance of each row of X to the nearest other one, by one pass.

    The unit is a typical distance.
    """
    if is_device_array(X):
        return DeviceSearch(X, "euclidean").own_neighbors(2)[0][:, 1]
    entries = GaussianEntries(X, _Unit(unit, AS_IS))

    def part(pair):
        rows, columns = pair
        near = entries.exponents(rows, columns)
        if rows == columns:
            np.fill_diagonal(near, -np.inf)
        return [
            (rows, columns.start + near.argmax(axis=1), near.max(axis=1)),
            (columns, rows.start + near.argmax(axis=0), near.max(axis=0)),
        ]

    best, nearest = np.full(len(X), -np.inf), np.zeros(len(X), int)
    for found in map_threads(part, _tiles(X)):
        for rows, indices, values in found:
            better = values > best[rows]
            nearest[rows][better] = indices[better]
            best[rows][better] = values[better]
    # The nearest is known to rounding, its distance exactly.
    return distances_of_pairs(X, X[nearest], "euclidean")


def _tiles(X):
    """Rows and columns of the tiles of the lower triangle."""
    n_rows = tile_side() if is_device_array(X) else TILE_ROWS
    return lower_tiles(row_blocks(X.shape[0], n_rows))


def _between(tile, X, low, high):
    """Number of values below low, and those from low to high."""
    xp = namespace(X)

    def part(pair):
        return counted(tile(*pair), low, high, pair[0] == pair[1])

    found = map_parts(part, _tiles(X), X)
    n_below = sum(count for count, _ in found)
    return n_below, xp.concat([inside for _, inside in found])


def counted(values, low, high, is_diagonal):
    """Number of values of a tile that are below low, and those from low to high.

    On the diagonal each pair of samples counts once.
    """
    if not is_device_array(values):
        return _counted_here(values, low, high, is_diagonal)
    inside, n_all = values >= low, values.shape[0] * values.shape[1]
    if is_diagonal:
        n = values.shape[0]
        inside &= like(np.tri(n, k=-1, dtype=bool), values)
        n_all = n * (n - 1) // 2
    n_above = int(namespace(values).count_nonzero(inside))
    inside &= values <= high
    return n_all - n_above, values[inside]


def _counted_here(values, low, high, is_diagonal):
    """The same of an array of NumPy, by some rows at a time, in the cache."""
    n_rows, n_columns = values.shape
    n_all, found = n_rows * n_columns, []
    if is_diagonal:
        n_all = n_rows * (n_rows - 1) // 2
    for rows in row_blocks(n_rows, STRIP_ROWS):
        part = values[rows]
        inside = part >= low
        if is_diagonal:
            inside &= np.tri(*part.shape, rows.start - 1, dtype=bool)
        n_all -= np.count_nonzero(inside)
        inside &= part <= high
        found.append(part[inside])
    return n_all, np.concatenate(found)
