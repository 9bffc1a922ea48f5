"""The terms of mutual information: entropies of groups and of random subsets.

labels of the samples ─► rows of groups, rows of random subsets ─► entropy of each, at
one scale ─► their weighted means, the two terms of I_D, and what they may err by.
"""

from dataclasses import dataclass

import numpy as np

from ._base import SATURATION, BaseEntropy, take_scale
from ._entropy import DiffusionSpectralEntropy
from ._spectrum import EntropyEstimate


@dataclass(frozen=True)
class Terms:
    """The two sides of the difference, in bits."""

    entropy: float
    conditional_entropy: float
    std_error: float
    group_entropies: np.ndarray
    saturation: str

    def mutual_info(self, normalize):
        """Mutual information and its standard error, as shares if normalize."""
        scale = 1.0
        if normalize:
            scale = 1 / self.entropy if self.entropy > 0 else 0.0
        difference = self.entropy - self.conditional_entropy
        return scale * difference, scale * self.std_error


def fit_scale(estimator, X, seed):
    """Fit the estimator to X: its scale alone, where it can do that."""
    if not isinstance(estimator, BaseEntropy):
        return estimator.fit(X)
    estimator._fit_scale(X, seed)
    return estimator


def fit_subset(estimator, X, scale, rows, seed):
    """Let the estimator fit on a subset what the scale does not tell it."""
    if isinstance(estimator, BaseEntropy):
        estimator._fit_subset(estimator._take(X, rows), take_scale(scale, rows), seed)


def entropies_of(estimator, X, scale, sets, seed):
    """EntropyEstimate of each of several sets of samples, at the fitted scale."""
    largest = max(sets, key=len)
    nested = all(np.array_equal(rows, largest[: len(rows)]) for rows in sets)
    if len(sets) > 1 and nested and isinstance(estimator, DiffusionSpectralEntropy):
        X, scale = estimator._take(X, largest), take_scale(scale, largest)
        return estimator._measure_nested(X, scale, [len(rows) for rows in sets], seed)
    return [_entropy_of(estimator, X, scale, rows, seed) for rows in sets]


def _entropy_of(estimator, X, scale, rows, seed):
    """EntropyEstimate of some samples at the fitted scale."""
    if not isinstance(estimator, BaseEntropy):
        return EntropyEstimate.exact(float(estimator.score(X[rows])))
    return estimator._measure(estimator._take(X, rows), take_scale(scale, rows), seed)


def group_rows(labels, estimator, rng):
    """Rows of each group, as many as the estimator measures of them."""
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(labels))[:-1])
    if isinstance(estimator, BaseEntropy):
        groups = [
            rng.permutation(rows)[:used] if used < len(rows) else rows
            for rows, used in ((rows, estimator._n_used(len(rows))) for rows in groups)
        ]
    return groups


def draw_subsets(n_samples, sizes, n_repeats, rng):
    """Rows of a random subset of each size, for each repeat.

    The subsets of a repeat are nested: a start of one permutation each. Every one is
    a uniform draw, and the repeats are independent.
    """
    orders = [rng.permutation(n_samples) for _ in range(n_repeats)]
    return [{size: order[:size] for size in sizes} for order in orders]


def combine(labels, sizes, subsets, estimates):
    """Weigh the groups' and the subsets' estimates into the terms of DSMI."""
    weights = np.bincount(labels) / len(labels)
    size_weights = {size: weights[sizes == size].sum() for size in np.unique(sizes)}
    groups, rest = estimates[: len(sizes)], iter(estimates[len(sizes) :])
    repeats = [{size: next(rest) for size in repeat} for repeat in subsets]
    by_repeat = [
        sum(size_weights[size] * one.value for size, one in repeat.items())
        for repeat in repeats
    ]
    group_entropies = np.array([one.value for one in groups])
    return Terms(
        entropy=float(np.mean(by_repeat)),
        conditional_entropy=float(weights @ group_entropies),
        std_error=_std_error(weights, groups, size_weights, repeats, by_repeat),
        group_entropies=group_entropies,
        saturation=_saturation(weights, groups, size_weights, repeats),
    )


def _std_error(weights, groups, size_weights, repeats, by_repeat):
    """Standard error of DSMI, over the subsets drawn and the solvers' estimates."""
    if len(groups) == 1:
        return 0.0
    if len(repeats) == 1:
        return np.nan
    variance = np.var(by_repeat, ddof=1) / len(repeats)
    variance += sum(
        (w * one.std_error) ** 2 for w, one in zip(weights, groups, strict=True)
    )
    for repeat in repeats:
        for size, one in repeat.items():
            variance += (size_weights[size] * one.std_error / len(repeats)) ** 2
    return float(np.sqrt(variance))


def _saturation(weights, groups, size_weights, repeats):
    """Kind of saturation that more than half of the weight shows, if any."""
    share = dict.fromkeys(SATURATION, 0.0)
    for w, one in zip(weights, groups, strict=True):
        if one.saturation:
            share[one.saturation] += w / 2
    for repeat in repeats:
        for size, one in repeat.items():
            if one.saturation:
                share[one.saturation] += size_weights[size] / 2 / len(repeats)
    return next((kind for kind, part in share.items() if part > 0.5), "")
