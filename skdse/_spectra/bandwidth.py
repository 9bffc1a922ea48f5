"""Rules that turn samples X into the bandwidth σ of the Gaussian affinity.

A bandwidth is a float σ for all samples, or an array σ_i of shape (n_samples,). A rule
answers 0.0 only where no two samples differ.
"""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.utils import check_random_state

from .._tools.arrays import (
    is_device_array,
    like,
    map_parts,
    namespace,
    smallest,
    take,
    to_host,
)
from .._tools.parallel import row_blocks
from .._tools.validation import check_count, check_number_or_option, check_positive
from .distances import distances, distinct_rows, resolution_of, without_rounding
from .frames import AS_IS, Frame
from .kernels import Exponents
from .medians import (
    OTHER_COST,
    Median,
    Sample,
    is_affordable,
    median_of_pairs,
    nearest_distances,
    quick_median,
)
from .metrics import EUCLIDEAN
from .neighbor_lists import Edges, NeighborLists
from .neighbors import NeighborIndex
from .placements import WHOLE_DATA_METRICS, placed

RULES = ("adaptive", "auto", "knn", "median", "reduced")
# All distances are made at once up to this many samples (2 million pairs).
MEDIAN_ALL_PAIRS = 2048
# The median distance itself is the diameter of most data: a Gaussian that wide sees
# one blob. Half of it resolves dimension (see the study of defaults).
MEDIAN_SHARE = 0.5
# Where all distances are equal there is nothing to reduce but rounding.
_EQUIDISTANT = 1e-6
# Beyond these, in the unit of a frame, a bandwidth sees nobody or all alike.
REACH = 2.0**-300, 2.0**300
_BLOCK_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Bandwidth:
    """The bandwidth of some samples, and how to extend it to others.

    Its distances are in the unit of a frame, see `frames`.

    Attributes
    ----------
    sigma : float, ndarray of shape (n_samples,) or None
        σ of all samples, or σ_i of each; None where the affinity has none.
    scale : float
        Factor by which an adaptive σ_i exceeds the distance to a neighbour.
    n_neighbors : int
        Neighbour whose distance an adaptive σ_i follows.
    smallest : float
        Distance that stands in for a distance of 0.
    shared : float
        Part r of all distances that is taken off before: the affinity looks at
        max(d² - r², 0) in place of d².
    fitted : NeighborLists or None
        Neighbours of the samples that the bandwidth was fitted to, if it is adaptive.
    index : Edges or None
        Neighbours of the very samples that sigma is of, where somebody needs them
        again: those that a search over them finds, or has found among more of them.
    frame : Frame
        Frame of the fitted samples.
    log_error : float
        Relative standard error of σ, where a rule had to sample.
    knows_frame : bool
        Whether the frame is that of the samples, or of all that they are some of.
    held : Exponents or None
        Exponents of the very samples that sigma is of, for who makes their affinity
        next: it takes much memory.
    """

    sigma: float | np.ndarray | None
    scale: float = 1.0
    n_neighbors: int = 0
    smallest: float = 0.0
    shared: float = 0.0
    fitted: NeighborLists | None = None
    index: Edges | None = None
    frame: Frame = AS_IS
    log_error: float = 0.0
    knows_frame: bool = False
    held: Exponents | None = None

    @property
    def is_adaptive(self):
        """Whether each sample has a bandwidth of its own."""
        return np.ndim(self.sigma) == 1

    @property
    def is_certain(self):
        """Whether no seed had a say in it."""
        return self.is_adaptive and self.fitted.is_exact

    @property
    def in_units(self):
        """σ or σ_i in the unit of the samples."""
        if self.sigma is None or self.frame.exponent == 0:
            return self.sigma
        with np.errstate(over="ignore"):  # squares of distances may be infinite there
            return np.ldexp(self.sigma, self.frame.exponent * self.frame.degree)

    def moved(self, step):
        """Bandwidth whose logarithm is larger by a step."""
        return replace(self, sigma=self.sigma * np.exp(step), log_error=0.0, held=None)

    def relative_to(self, frame):
        """Bandwidth in the unit of another frame."""
        power = (self.frame.exponent - frame.exponent) * frame.degree
        if power == 0:
            return replace(self, frame=frame)
        sigma, smallest, shared = (
            _within_reach(np.ldexp(one, power))
            for one in (self.sigma, self.smallest, self.shared)
        )
        return replace(self, sigma=sigma, smallest=smallest, shared=shared, frame=frame)

    def at(self, X):
        """Bandwidth of other samples X, σ_i from each to the fitted samples."""
        if not self.is_adaptive:
            return replace(self, index=None, held=None, knows_frame=False)
        farthest = self.fitted.query(self.frame.apply(X), self.n_neighbors)[:, -1]
        sigma = self.scale * np.where(farthest > 0, farthest, self.smallest)
        return replace(self, sigma=sigma, index=None, held=None, knows_frame=False)

    def take(self, rows):
        """Bandwidth of some of the samples, and the edges among them."""
        sigma = self.sigma[rows] if self.is_adaptive else self.sigma
        index = None if self.index is None else self.index.part(rows)
        return replace(self, sigma=sigma, index=index, held=None)


def _within_reach(distance):
    """Distances whose squares and products are neither infinite nor 0."""
    return np.where(distance > 0, np.clip(distance, *REACH), 0.0)[()]


def is_one_point(X, bandwidth):
    """Whether the samples are all identical, or no two fitted samples differed."""
    if bandwidth.sigma is None:
        return False
    no_distance = np.all(bandwidth.sigma == 0)
    if no_distance or X.shape[0] == 1:
        return True
    xp = namespace(X)
    is_alike = bool(xp.all(X[0, :] == X[-1, :]))
    return is_alike and bool(xp.all(X == X[:1, :]))


def check_bandwidth(bandwidth, bandwidth_scale, bandwidth_neighbors):
    """Raise unless the three parameters of a bandwidth are valid."""
    check_number_or_option(bandwidth, "bandwidth", RULES)
    check_positive(bandwidth_scale, "bandwidth_scale")
    check_count(bandwidth_neighbors, "bandwidth_neighbors")


def fit_bandwidth(
    X,
    rule="median",
    *,
    median_share=MEDIAN_SHARE,
    scale=1.0,
    n_neighbors=5,
    metric="euclidean",
    index=None,
    random_state=None,
    n_jobs=None,
    hold=False,
    frame=AS_IS,
):
    """Fit a Bandwidth to X by a number or by a rule other than "auto".

    median_share is the share of the median distance that the rule "median" takes.
    index is a NeighborIndex over X, for those who need it for more than this. With
    hold, what the rule "median" finds of all pairs is held for their affinity. The
    frame is that of X, which is in it, if it is known.
    """
    if not isinstance(rule, str):
        return Bandwidth(float(rule))
    if X.shape[0] == 1:
        return Bandwidth(0.0)
    if rule == "median":
        found = _median(X, metric, check_random_state(random_state), hold, frame)
        sigma = float(scale * (median_share * found.value))
        return Bandwidth(sigma, log_error=found.log_error, held=found.exponents)
    if rule == "reduced":
        return _reduced(X, scale, metric, random_state)
    if index is None:
        index = NeighborIndex(
            X, metric, n_neighbors, random_state=random_state, n_jobs=n_jobs
        )
    return local_bandwidth(
        index, rule, scale, n_neighbors, lambda D: _smallest_positive(D, X, metric)
    )


def local_bandwidth(lists, rule, scale, n_neighbors, find_smallest):
    """Bandwidth of samples by the rule "knn" or "adaptive", from their neighbours.

    find_smallest finds the smallest positive distance, among those that it gets if
    there is one.
    """
    found, _ = lists.kneighbors(n_neighbors)
    smallest = find_smallest(found)
    if rule == "knn":
        sigma = np.median(found[:, -1]) or smallest
        return Bandwidth(float(scale * sigma))
    if smallest == 0:
        return Bandwidth(0.0)
    sigma = scale * np.where(found[:, -1] > 0, found[:, -1], smallest)
    return Bandwidth(sigma, scale, n_neighbors, smallest, fitted=lists)


def _reduced(X, scale, metric, random_state):
    """σ from the median of distances without what nearest neighbours have in common.

    Noise in many dimensions adds about the same to all squared distances.
    """
    rng = check_random_state(random_state)
    median = _median(X, metric, rng)
    if median.value == 0:
        return Bandwidth(0.0)
    nearest = _nearest_distance(*placed(X, metric), median.value, rng)
    return reduced_bandwidth(median, nearest, scale)


def reduced_bandwidth(median, nearest, scale):
    """σ of the median distance, without what it shares with that to the nearest."""
    squares = np.square([median.value, nearest.value])
    # Reduction keeps the order of distances, so that it can follow the median.
    reduced, shared = np.sqrt(max(squares[0] - squares[1], 0)), float(nearest.value)
    if reduced <= _EQUIDISTANT * median.value:
        return Bandwidth(float(scale * MEDIAN_SHARE * median.value))
    errors = squares * [median.log_error, nearest.log_error] / reduced**2
    sigma = float(scale * MEDIAN_SHARE * reduced)
    return Bandwidth(sigma, shared=shared, log_error=float(np.linalg.norm(errors)))


def _nearest_distance(X, metric, unit, rng):
    """Median distance to the nearest other sample, of all samples or of some.

    The unit is a typical distance.
    """
    n = X.shape[0]
    rows, error = np.arange(n), 0.0
    if n > MEDIAN_ALL_PAIRS and metric in EUCLIDEAN and is_affordable(X, metric, 1):
        return Median(float(np.median(nearest_distances(X, unit))))
    if n > MEDIAN_ALL_PAIRS and not is_affordable(X, metric, OTHER_COST):
        rows = np.sort(rng.choice(n, MEDIAN_ALL_PAIRS, replace=False))
        error = 0.5 * np.sqrt((1 - len(rows) / n) / len(rows))
    blocks = row_blocks(len(rows), max(1, _BLOCK_BYTES // (8 * n)))
    nearest = map_parts(lambda b: _to_nearest(X, rows[b], metric), list(blocks), X)
    found = without_rounding(np.concatenate(nearest), metric, resolution_of(X))
    return Sample(found, error).median


def _to_nearest(X, rows, metric):
    """Distance of some samples to the nearest other one."""
    D = distances(take(X, rows), X, metric)
    if is_device_array(D):
        return to_host(smallest(D, 2)[0][:, 1]).astype(np.float64)  # after itself
    D[np.arange(len(rows)), rows] = np.inf
    return D.min(axis=1)


def quick_median_distance(X, metric, rng):
    """Median distance with its error, for who has no time for all pairs of many."""
    if X.shape[0] <= MEDIAN_ALL_PAIRS:
        return _median(X, metric, rng)
    return quick_median(*placed(X, metric), rng)


def _median(X, metric, rng, hold=False, frame=AS_IS):
    """Median distance with its error, see `medians`; the smallest positive if it is 0.

    With hold, exponents of a Gaussian are kept where they are what is looked at.
    """
    n = X.shape[0]
    if metric in WHOLE_DATA_METRICS:
        (X, metric), frame = placed(X, metric), AS_IS
    if n > MEDIAN_ALL_PAIRS:
        found, D = median_of_pairs(X, metric, rng, hold, frame), np.zeros(0)
    else:
        D = distances(X, metric=metric)[like(np.tri(n, k=-1, dtype=bool).T, X)]
        D = without_rounding(D, metric, resolution_of(X))
        found = Median(_median_of(D))
    if found.value > 0:
        return found
    return Median(_smallest_positive(D, X, metric))


def _median_of(values):
    """Median of many values, of which those on a device stay there."""
    if not is_device_array(values):
        return float(np.median(values))
    ordered, n = namespace(values).sort(values), values.shape[0]
    return (float(ordered[(n - 1) // 2]) + float(ordered[n // 2])) / 2


def _smallest_positive(found, X, metric):
    """Smallest distance above 0 among those known, else between rows that differ."""
    positive = found[found > 0]
    if positive.shape[0]:
        return float(namespace(positive).min(positive))
    X, metric = placed(X, metric)  # parameters are those of all rows
    distinct = take(X, distinct_rows(X)[0])
    if distinct.shape[0] == 1:
        return 0.0
    nearest, _ = NeighborIndex(distinct, metric, 1).kneighbors(1)
    if nearest.any():
        return float(nearest[nearest > 0].min())
    # Rows that differ can be at distance 0, as of one direction are by the cosine.
    n = distinct.shape[0]
    rows = row_blocks(n, max(1, _BLOCK_BYTES // (8 * n)))
    found = min(_smallest_of_rows(distinct, block, metric) for block in rows)
    return found if found < np.inf else 0.0


def _smallest_of_rows(X, rows, metric):
    """Smallest distance above 0 of some rows to others, infinite if there is none."""
    D = without_rounding(distances(take(X, rows), X, metric), metric, resolution_of(X))
    positive = D[D > 0]
    return float(namespace(D).min(positive)) if positive.shape[0] else np.inf
