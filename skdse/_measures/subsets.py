"""The terms of mutual information: entropies of groups and of random subsets.

labels of the samples ─► rows of groups, rows of random subsets ─► entropy of each, at
one scale ─► their weighted means, the two terms of I_D, and what they may err by.
"""

from copy import copy
from dataclasses import dataclass

import numpy as np

from .._spectra.spectrum import EntropyEstimate
from .base import SATURATION, BaseEntropy, take_scale
from .entropy import DiffusionSpectralEntropy

# The expected entropy of random subsets is smooth in the logarithm of their size m.
# Of more than three sizes that lie close, from this one on and within this factor,
# three are measured; what interpolation adds by chance is part of the standard error.
SMOOTH_SIZE, ALIKE = 300, 1.6


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


def size_nodes(sizes):
    """Sizes of the random subsets to measure: each once, or three for many alike."""
    distinct = np.unique(sizes)
    least, most = distinct[0], distinct[-1]
    if len(distinct) <= 3 or least < SMOOTH_SIZE or most > ALIKE * least:
        return distinct
    middle = np.argmin(np.abs(distinct - np.sqrt(float(least) * most)))
    return np.unique([least, distinct[middle], most])


def size_weights(nodes, sizes, weights):
    """Weights of the expected entropies at the nodes, for groups of these sizes.

    At other sizes it is that of the polynomial in log m through the nodes.
    """
    return weights @ _lagrange(np.log(nodes), np.log(sizes))


def _lagrange(nodes, x):
    """Values at x of the polynomials that are 1 at one node and 0 at the others."""
    basis = np.equal.outer(x, nodes).astype(float)
    between = ~basis.any(axis=1)
    for i, node in enumerate(nodes):
        rest = np.delete(nodes, i)
        basis[between, i] = np.prod(
            np.subtract.outer(x[between], rest) / (node - rest), axis=1
        )
    return basis


def loosened(estimator, *weights):
    """Estimator whose `tol` is one for a weighted sum of terms, not for each.

    The errors of the solver are independent, so that of the sum is smaller.
    """
    if not hasattr(estimator, "tol"):
        return estimator
    loose = copy(estimator)
    loose.tol /= min(np.linalg.norm(np.concatenate(weights)), 1.0)
    return loose


def draw_subsets(n_samples, sizes, n_repeats, rng):
    """Rows of a random subset of each size, for each repeat.

    The subsets of a repeat are nested: a start of one permutation each. Every one is
    a uniform draw, and the repeats are independent.
    """
    orders = [rng.permutation(n_samples) for _ in range(n_repeats)]
    return [{size: order[:size] for size in sizes} for order in orders]


def stratified_rows(labels, n_rows, rng):
    """Random rows, of each group its share and at least one."""
    sizes = np.bincount(labels)
    if n_rows < len(sizes):
        raise ValueError(
            "max_samples must leave a sample of each group; "
            f"got {n_rows} samples for {len(sizes)} groups."
        )
    quotas = n_rows * sizes / len(labels)
    counts = np.maximum(np.floor(quotas).astype(int), 1)
    while counts.sum() < n_rows:  # the largest remainders
        counts[np.argmax(quotas - counts)] += 1
    while counts.sum() > n_rows:  # taken by groups too small for one
        counts[np.argmax(np.where(counts > 1, counts - quotas, -np.inf))] -= 1
    order = rng.permutation(len(labels))
    groups = [order[labels[order] == group][:k] for group, k in enumerate(counts)]
    return np.sort(np.concatenate(groups))


def standard_error(values):
    """Standard error of the mean of independent values; NaN of a single one."""
    if len(values) == 1:
        return np.nan
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def combine(weights, of_sizes, subsets, estimates):
    """Weigh the groups' and the subsets' estimates into the terms of DSMI."""
    groups, rest = estimates[: len(weights)], iter(estimates[len(weights) :])
    repeats = [[next(rest) for _ in repeat] for repeat in subsets]
    by_repeat = [
        sum(w * one.value for w, one in zip(of_sizes, repeat, strict=True))
        for repeat in repeats
    ]
    group_entropies = np.array([one.value for one in groups])
    return Terms(
        entropy=float(np.mean(by_repeat)),
        conditional_entropy=float(weights @ group_entropies),
        std_error=_std_error(weights, groups, of_sizes, repeats, by_repeat),
        group_entropies=group_entropies,
        saturation=_saturation(weights, groups, of_sizes, repeats),
    )


def _std_error(weights, groups, of_sizes, repeats, by_repeat):
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
        for w, one in zip(of_sizes, repeat, strict=True):
            variance += (w * one.std_error / len(repeats)) ** 2
    return float(np.sqrt(variance))


def _saturation(weights, groups, of_sizes, repeats):
    """Kind of saturation that more than half of the weight shows, if any."""
    share = dict.fromkeys(SATURATION, 0.0)
    for w, one in zip(weights, groups, strict=True):
        if one.saturation:
            share[one.saturation] += w / 2
    for repeat in repeats:
        for w, one in zip(of_sizes, repeat, strict=True):
            if one.saturation:
                share[one.saturation] += w / 2 / len(repeats)
    return next((kind for kind, part in share.items() if part > 0.5), "")
