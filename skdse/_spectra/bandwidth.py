"""Rules that turn samples X into the bandwidth σ of the Gaussian affinity.

A bandwidth is a float σ for all samples, or an array σ_i of shape (n_samples,). A rule
answers 0.0 only where no two samples differ.
"""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics.pairwise import PAIRED_DISTANCES
from sklearn.utils import check_random_state, gen_batches

from .._tools.parallel import map_threads
from .._tools.validation import check_count, check_number_or_option, check_positive
from .distances import (
    EUCLIDEAN,
    SQUARED,
    distances,
    distances_of_pairs,
    distinct_rows,
    without_rounding,
)
from .frames import AS_IS, Frame
from .medians import exact_median
from .neighbors import NeighborIndex

RULES = ("adaptive", "auto", "knn", "median", "reduced")
# All distances are made at once up to this many samples (2 million pairs). Beyond, all
# pairs are looked at in tiles where distances are Euclidean; of other metrics a seeded
# sample of pairs: standard error 0.04 % for 64 Gaussian features, 0.3 % for 3.
MEDIAN_ALL_PAIRS = 2048
MEDIAN_N_PAIRS = 50_000
# The pass takes half a minute for so many n² (d + 64), where Lanczos takes many minutes
# (60,000 samples of 784 features: 3.1e12). Beyond, twenty times as many are drawn.
MEDIAN_WORK, MEDIAN_MANY_PAIRS = 4e12, 1_000_000
# The median distance itself is the diameter of most data: a Gaussian that wide sees
# one blob. Half of it resolves dimension (see the study of defaults).
MEDIAN_SHARE = 0.5
# Metrics with parameters that are estimated from all samples: not part by part.
WHOLE_DATA_METRICS = ("mahalanobis", "seuclidean")
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
    fitted : NeighborIndex or None
        Search over the samples that the bandwidth was fitted to, where it is adaptive.
    index : NeighborIndex or None
        Search over the very samples that sigma is of, where somebody needs it again.
    frame : Frame
        Frame of the fitted samples.
    """

    sigma: float | np.ndarray | None
    scale: float = 1.0
    n_neighbors: int = 0
    smallest: float = 0.0
    shared: float = 0.0
    fitted: NeighborIndex | None = None
    index: NeighborIndex | None = None
    frame: Frame = AS_IS

    @property
    def is_adaptive(self):
        """Whether each sample has a bandwidth of its own."""
        return np.ndim(self.sigma) == 1

    @property
    def is_certain(self):
        """Whether no seed had a say in it."""
        return self.is_adaptive and self.fitted.exact

    @property
    def in_units(self):
        """σ or σ_i in the unit of the samples."""
        if self.sigma is None or self.frame.exponent == 0:
            return self.sigma
        with np.errstate(over="ignore"):  # squares of distances may be infinite there
            return np.ldexp(self.sigma, self.frame.exponent * self.frame.degree)

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
            return replace(self, index=None)
        farthest = self.fitted.query(self.frame.apply(X), self.n_neighbors)[:, -1]
        sigma = self.scale * np.where(farthest > 0, farthest, self.smallest)
        return replace(self, sigma=sigma, index=None)

    def take(self, rows):
        """Bandwidth of some of the samples."""
        sigma = self.sigma[rows] if self.is_adaptive else self.sigma
        return replace(self, sigma=sigma, index=None)


def _within_reach(distance):
    """Distances whose squares and products are neither infinite nor 0."""
    return np.where(distance > 0, np.clip(distance, *REACH), 0.0)[()]


def is_one_point(X, bandwidth):
    """Whether the samples are all identical, or no two fitted samples differed."""
    if bandwidth.sigma is None:
        return False
    no_distance = np.all(bandwidth.sigma == 0)
    return no_distance or ((X[0] == X[-1]).all() and (X == X[0]).all())


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
):
    """Fit a Bandwidth to X by a number or by a rule other than "auto".

    median_share is the share of the median distance that the rule "median" takes.
    index is a NeighborIndex over X, for those who need it for more than this.
    """
    if not isinstance(rule, str):
        return Bandwidth(float(rule))
    if len(X) == 1:
        return Bandwidth(0.0)
    if rule == "median":
        sigma = median_share * median_distance(X, metric, random_state)
        return Bandwidth(float(scale * sigma))
    if rule == "reduced":
        return _reduced(X, scale, metric, random_state)
    if index is None:
        index = NeighborIndex(
            X, metric, n_neighbors, random_state=random_state, n_jobs=n_jobs
        )
    found, _ = index.kneighbors(n_neighbors)
    smallest = _smallest_positive(found, X, metric)
    if rule == "knn":
        sigma = np.median(found[:, -1]) or smallest
        return Bandwidth(float(scale * sigma))
    if smallest == 0:
        return Bandwidth(0.0)
    sigma = scale * np.where(found[:, -1] > 0, found[:, -1], smallest)
    return Bandwidth(sigma, scale, n_neighbors, smallest, fitted=index)


def _reduced(X, scale, metric, random_state):
    """σ from the median of distances without what nearest neighbours have in common.

    Noise in many dimensions adds about the same to all squared distances.
    """
    rng = check_random_state(random_state)
    median = median_distance(X, metric, rng)
    shared = _nearest_distance(X, metric, rng)
    # Reduction keeps the order of distances, so that it can follow the median.
    reduced = np.sqrt(max(median**2 - shared**2, 0))
    if reduced <= _EQUIDISTANT * median:
        reduced, shared = median, 0.0
    return Bandwidth(float(scale * MEDIAN_SHARE * reduced), shared=float(shared))


def _nearest_distance(X, metric, rng):
    """Median distance to the nearest other sample."""
    rows = np.arange(len(X))
    if len(X) > MEDIAN_ALL_PAIRS:
        rows = np.sort(rng.choice(len(X), MEDIAN_ALL_PAIRS, replace=False))
    if isinstance(metric, str) and metric in WHOLE_DATA_METRICS:
        D = distances(X[rows], metric=metric)
        np.fill_diagonal(D, np.inf)
        return np.median(D.min(axis=1))
    nearest = [
        _to_nearest(X, rows[block], metric)
        for block in gen_batches(len(rows), max(1, _BLOCK_BYTES // (8 * len(X))))
    ]
    return np.median(without_rounding(np.concatenate(nearest), metric))


def _to_nearest(X, rows, metric):
    """Distance of some samples to the nearest other one."""
    D = distances(X[rows], X, metric)
    D[np.arange(len(rows)), rows] = np.inf
    return D.min(axis=1)


def median_distance(X, metric="euclidean", random_state=None):
    """Median distance between pairs of rows of X; of the positive ones if it is 0."""
    rng = check_random_state(random_state)
    if len(X) > MEDIAN_ALL_PAIRS and metric in (*EUCLIDEAN, SQUARED):
        is_affordable = len(X) ** 2.0 * (X.shape[1] + 64) <= MEDIAN_WORK
        n_pairs = MEDIAN_N_PAIRS if is_affordable else MEDIAN_MANY_PAIRS
        sampled = _sampled_distances(X, "euclidean", rng, n_pairs)
        median = exact_median(X, sampled) if is_affordable else np.median(sampled)
        if median > 0:
            return median**2 if metric == SQUARED else median
    if len(X) > MEDIAN_ALL_PAIRS and (callable(metric) or metric in PAIRED_DISTANCES):
        found = _sampled_distances(X, metric, rng)
    else:
        if len(X) > MEDIAN_ALL_PAIRS:
            X = X[np.sort(rng.choice(len(X), MEDIAN_ALL_PAIRS, replace=False))]
        found = _all_distances(X, metric)
    found = without_rounding(found, metric)
    return np.median(found) or _smallest_positive(found, X, metric)


def _all_distances(X, metric):
    """Distances of all pairs of rows."""
    D = distances(X, metric=metric)
    return D[np.triu_indices(len(X), k=1)]


def _sampled_distances(X, metric, rng, n_pairs=MEDIAN_N_PAIRS):
    """Distances of random pairs of different rows."""
    first = rng.randint(len(X), size=n_pairs)
    second = (first + rng.randint(1, len(X), size=n_pairs)) % len(X)
    rows = max(1, _BLOCK_BYTES // (8 * X.shape[1]))

    def of(block):
        return distances_of_pairs(X[first[block]], X[second[block]], metric)

    return np.concatenate(map_threads(of, list(gen_batches(n_pairs, rows))))


def _smallest_positive(found, X, metric):
    """Smallest distance above 0 among those known, else between rows that differ."""
    positive = found[found > 0]
    if positive.size:
        return float(positive.min())
    distinct = X[distinct_rows(X)[0]]
    if len(distinct) == 1:
        return 0.0
    nearest, _ = NeighborIndex(distinct, metric, 1).kneighbors(1)
    # Rows that differ can be at distance 0, as of one direction are by the cosine.
    return float(min(nearest[nearest > 0], default=0.0))
