"""The median distance of all pairs of samples in blocks, see `medians`.

The sample of pairs, and the values of all pairs, are those of one process.
"""

import numpy as np

from ..frames import DEGREES, frame_around, typical_rows
from ..medians import (
    BOUNDING_PAIRS,
    MANY_PAIRS,
    Median,
    Sample,
    distance_of,
    exponents_of,
    is_affordable,
    looked_at_by,
    middle_of,
    n_sampled_pairs,
    random_pairs,
)
from ..metrics import EUCLIDEAN, SQUARED
from .kernel import pairs_of
from .pairs import counted_distances, counted_exponents, sampled_between

# Beyond so many samples more pairs bound the median, so that fewer lie between.
MANY_SAMPLES = 50_000


def frame_of_blocks(X, metric):
    """Frame in which distances of X have their digits, see `frames`."""
    center, deviations = typical_rows(X)
    facts = X.facts
    spread = float(np.median(deviations) or deviations.max())
    if spread == 0:
        # Of many copies and few others, the rows at hand may be copies.
        ends = np.abs([facts.smallest - center, facts.largest - center])
        spread = float(ends.max())
    largest = float(np.abs([facts.smallest, facts.largest]).max())
    is_single = X.dtype == np.float32
    frame = frame_around(
        center, deviations, spread, largest, is_single, DEGREES.get(metric, 1)
    )
    if frame.typical is None:
        return frame
    moved = 0.0 if frame.center is None else frame.center
    mean = np.ldexp(facts.sums / len(X) - moved, -frame.exponent)
    varies = facts.largest > facts.smallest
    return frame.knowing(mean, varies)


def median_of_blocks(X, frame, metric, rng):
    """Median distance of all pairs, exact where one process would look at them all."""
    looked_at, cost = looked_at_by(metric)
    is_exact = is_affordable(X, looked_at, cost)
    n_pairs = MANY_PAIRS if len(X) > MANY_SAMPLES else BOUNDING_PAIRS
    if not is_exact:
        n_pairs = n_sampled_pairs(X.shape[1])
    found = _sampled_distances(X, frame, looked_at, rng, n_pairs)
    sample = Sample(found, 0.5 / n_pairs**0.5)
    median = sample.median
    if is_exact and median.value > 0:
        median = _exact(X, frame, sample, looked_at)
    return median.squared if metric == SQUARED else median


def _exact(X, frame, sample, metric):
    """Median distance of all pairs, of which some are sampled."""
    if metric in EUCLIDEAN:
        unit = float(np.median(sample.distances))
        function, what, values = counted_exponents, unit, exponents_of(sample, unit)
    else:
        function, what, values = counted_distances, metric, sample.distances
    pairs = pairs_of(X.n_blocks)
    left = [X.sources[i] for i, _ in pairs]
    right = [None if i == j else X.sources[j] for i, j in pairs]
    of_frame = X.cluster.send([frame])

    def between(low, high):
        shared = [what], of_frame, [low], [high]
        columns = left, right, *(one * len(pairs) for one in shared)
        found = X.cluster.results(X.cluster.map(function, *columns))
        counts, inside = zip(*found, strict=True)
        return sum(counts), np.concatenate(inside)

    middle = middle_of(between, len(X), values, sample.share_error)
    return Median(distance_of(middle, what) if metric in EUCLIDEAN else middle)


def _sampled_distances(X, frame, metric, rng, n_pairs):
    """Distances of random pairs, those of `medians.sampled_distances`."""
    rows = np.stack(random_pairs(len(X), n_pairs, rng))
    rows.sort(axis=0)
    size = X.blocks[0].stop
    numbers = (rows // size).astype(np.int16)
    order = np.lexsort(numbers)
    codes = numbers[1] * np.int64(X.n_blocks) + numbers[0]
    ends = np.flatnonzero(np.diff(codes[order])) + 1
    groups = np.split(order, ends)
    pairs = [numbers[:, group[0]] for group in groups]
    n = len(groups)
    futures = X.cluster.map(
        sampled_between,
        *([X.sources[pair[side]] for pair in pairs] for side in (0, 1)),
        *(
            [(rows[side, one] % size).astype(np.int32) for one in groups]
            for side in (0, 1)
        ),
        X.cluster.send([frame]) * n,
        [metric] * n,
    )
    in_order = np.concatenate(X.cluster.results(futures))
    found = np.empty_like(in_order)
    found[order] = in_order
    return found
