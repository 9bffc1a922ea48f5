"""Permutation test of diffusion spectral mutual information (DSMI).

If X says nothing about Y, the groups of Y are a random partition of the samples into
groups of sizes n_y. The conditional term of DSMI,

    T = Σ_y (n_y / n) S_D(X | Y = y),

is then one of the values that T takes over such partitions; the other term is the same
for all of them. A new partition for each permutation would cost C eigenproblems, where
C is the number of groups. Instead, K partitions are measured, and each permutation
recombines them: it takes the entropy of each group from a random one of the K.

The groups of a partition do not overlap: an outlier in one group is missing in all
others. Recombined groups can overlap. So T varies less over true partitions than over
recombinations, up to ten times less in variance. The K values of T give an estimate of
its variance, with K - 1 degrees of freedom. Let T̄ be their mean, s² their variance, m
a recombined deviation from the mean, and v the variance of m over all recombinations.
The null distribution is the distribution of

    T̄ + √(W (1 + 1/K) / v) s m,    W = (K - 1) / χ²_{K-1},

where W and 1/K account for the errors of s² and T̄. If m is normal, this is Student's
prediction of another T, and the p-values are exact.

A few samples have few partitions: M of them, that of y included. Where these are no
more than the permutations asked for, T is measured for each, and the p-value is the
share of partitions whose T is as low as that of y, from 1/M to 1. Where so many are not
measured, the p-value is still at least 1/M.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

from .._tools.hints import SamplesLike, Seed, TargetsLike
from .._tools.validation import check_count, check_work
from .base import MAX_SEED
from .mutual_info import (
    DiffusionSpectralMI,
    measure_mutual_info,
    measure_part,
    mutual_info_estimator,
    prepare,
)
from .partitions import all_partitions, count_partitions, is_same_partition
from .subsets import draw_subsample, size_nodes

# What the partitions may cost, in units of the DSMI that is tested.
BUDGET = 4
# Differences between values of T that are rounding [bits].
ROUNDING = 1e-9
# Entries of affinities, of all groups of all partitions, up to which all are measured.
ENTRIES = 10_000_000


@dataclass(frozen=True)
class PermutationTestResult:
    """Result of a permutation test of mutual information.

    Attributes
    ----------
    statistic : float
        Mutual information of X and y, in bits (a share with ``normalize``).
    pvalue : float
        Share of the null distribution that is at least as large as the statistic,
        which is included: from ``1 / (n_permutations + 1)`` to 1. Of M partitions in
        all, it is at least ``1 / M``.
    null_distribution : ndarray of shape (n_permutations,) or (n_partitions,)
        Values of the mutual information if X says nothing about y; one for each
        partition, that of y the first, where all of them are measured.
    std_error : float
        Standard error of `statistic` from random subsets and solvers. It is not the
        spread without dependence, which `null_distribution` shows.
    n_partitions : int
        Number of partitions measured: random ones, `n_permutations` if each
        permutation has its own, or all that exist, that of y included.
    """

    statistic: float
    pvalue: float
    null_distribution: np.ndarray
    std_error: float
    n_partitions: int


@dataclass(frozen=True)
class NullDistribution:
    """Conditional terms T of partitions [bits], with that of y among them or not."""

    conditional: np.ndarray
    n_partitions: int
    has_tested: bool


def mutual_info_permutation_test(
    X: SamplesLike,
    y: TargetsLike,
    *,
    estimator: DiffusionSpectralMI | None = None,
    n_permutations: int = 200,
    n_partitions: int | None = None,
    random_state: Seed = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> PermutationTestResult:
    """Test whether mutual information (DSMI) is more than chance.

    The null hypothesis is that X and y are independent. By default all permutations
    use the entropies of a few random partitions of the samples, and the test costs
    about five times the mutual information itself.

    Parameters
    ----------
    X : array-like or tensor of shape (n_samples, n_features)
        Representations.
    y : array-like or tensor of shape (n_samples,) or (n_samples, ...)
        Labels, values or vectors, as :class:`DiffusionSpectralMI` takes them.
    estimator : DiffusionSpectralMI, default=None
        How to measure; None is ``DiffusionSpectralMI()``. If it has ``max_samples``,
        one subsample is tested.
    n_permutations : int, default=200
        Number of values of the null distribution. A larger number allows smaller
        p-values.
    n_partitions : int, default=None
        Number of random partitions that are measured, at least 2; their groups have
        the sizes of the groups of y. A larger number takes more time and makes the
        p-values more exact. None chooses a number that costs four times the mutual
        information. With at least `n_permutations`, each permutation has its own
        partition, and the test is exact. With so few samples that there are at most
        `n_permutations` partitions, all are measured, unless `n_partitions` is lower.
    random_state : int, RandomState instance or None, default=None
        Seed of the permutations, and of `estimator` if it has no seed.
    n_jobs : int, default=None
        Number of groups measured at a time, in threads; None uses that of `estimator`.
        Results do not depend on it.
    verbose : int, default=0
        Whether to show progress on standard error: 0 is silent.

    Returns
    -------
    result : PermutationTestResult
        With attributes ``statistic``, ``pvalue``, ``null_distribution``,
        ``std_error`` and ``n_partitions``.

    Raises
    ------
    TypeError
        If `estimator` is not a DiffusionSpectralMI.
    ValueError
        If X, y or a parameter is invalid.

    See Also
    --------
    DiffusionSpectralMI : The mutual information that is tested.
    skdse.model_selection.select_representation : Rank representations, each with
        this test.
    sklearn.model_selection.permutation_test_score : Test of a cross-validated score,
        with a new fit for each permutation.

    Notes
    -----
    For independent X and y, the p-values were uniform in all designs that were tried,
    from 12 to 1797 samples in 2 to 50 groups, with one exception: a few tight clusters,
    far apart, at a bandwidth so wide that nothing else counts, in two or three groups.
    There, the share of p-values up to 0.05 was 0.11. In such a case, pass
    ``n_partitions=n_permutations``.

    Examples
    --------
    The DSMI of the digits and their labels is more than chance. With permuted labels,
    it is not:

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skdse import mutual_info_permutation_test
    >>> X, y = load_digits(return_X_y=True)
    >>> test = mutual_info_permutation_test(X, y, random_state=0)
    >>> print(f"{test.statistic:.2f} bits, p = {test.pvalue:.3f}")
    1.08 bits, p = 0.005
    >>> y = np.random.default_rng(0).permutation(y)
    >>> test = mutual_info_permutation_test(X, y, random_state=0)
    >>> print(f"{test.statistic:.2f} bits, p = {test.pvalue:.2f}")
    -0.02 bits, p = 0.72
    """
    check_count(n_permutations, "n_permutations")
    if n_partitions is not None:
        check_count(n_partitions, "n_partitions", minimum=2)
    check_work(n_jobs, verbose)
    rng = check_random_state(random_state)
    dsmi = mutual_info_estimator(estimator, random_state, n_jobs, verbose)
    found = _measure_tested(dsmi, X, y, rng)
    # The estimator may have the same seed, and must not draw the same.
    rng = check_random_state(rng.randint(MAX_SEED))
    sizes = np.bincount(found.grouping.labels)
    n_all = count_partitions(sizes)
    if n_all <= min(n_permutations, n_partitions or _enumerable(sizes)):
        null = _exact_null(found, sizes, n_all, rng)
    else:
        wanted = n_partitions or _affordable(sizes, dsmi.n_repeats)
        null = _random_null(
            found, sizes, min(wanted, n_permutations), n_permutations, rng
        )
    return _result(found, null, n_all, dsmi.normalize)


def _measure_tested(dsmi, X, y, rng):
    """Mutual information of X and y, or of the subsample that is tested."""
    if dsmi.max_samples is None:
        return measure_mutual_info(dsmi, X, y)
    X, meter, grouping, _ = prepare(dsmi, X, y)
    rows, _ = draw_subsample(grouping.labels, dsmi.max_samples, rng)
    dsmi.set_params(max_samples=None, target="discrete")
    return measure_part(dsmi, meter.take(X, rows), grouping.labels[rows], meter)


def _affordable(sizes, n_repeats):
    """Number of partitions that the budget allows.

    The unit of cost is an entry of an affinity. DSMI measures all groups and, in each
    repeat, subsets of their sizes; a partition all groups.
    """
    groups = np.sum(sizes**2.0)
    subsets = n_repeats * np.sum(size_nodes(sizes) ** 2.0)
    return int(BUDGET * (groups + subsets) / groups)


def _enumerable(sizes):
    """Number of partitions that may all be measured, in some seconds at most."""
    return max(1, ENTRIES / np.sum(sizes**2.0))


def _exact_null(found, sizes, n_all, rng):
    """Null distribution of T: its value for each partition, that of y the first."""
    labels = found.grouping.labels
    found_all = all_partitions(sizes) if n_all > 1 else ()
    others = [one for one in found_all if not is_same_partition(one, labels)]
    entropies = _measure_partitions(found, others, rng)
    conditional = found.terms.conditional_entropy, *entropies @ (sizes / sizes.sum())
    return NullDistribution(np.array(conditional), 1 + len(others), has_tested=True)


def _random_null(found, sizes, n_partitions, n_permutations, rng):
    """Null distribution of T from random partitions, recombined if they are few."""
    labels, weights = found.grouping.labels, sizes / sizes.sum()
    # Drawn one by one: rows of a group that are drawn follow its partition.
    partitions = (rng.permutation(labels) for _ in range(n_partitions))
    entropies = _measure_partitions(found, partitions, rng)
    conditional = entropies @ weights
    if n_partitions < n_permutations:
        conditional = _recombined(entropies, weights, n_permutations, rng)
    return NullDistribution(conditional, n_partitions, has_tested=False)


def _measure_partitions(found, partitions, rng):
    """Entropy of each group of partitions (n_partitions, n_groups), in bits."""
    samples, n_groups = found.samples, len(found.grouping.groups)
    sets = [[rows] for one in partitions for rows in samples.group_rows(one, rng)]
    # Solved as exactly as the groups of y, with whose sum theirs are compared.
    estimates = samples.announced(sets).entropies(sets, "partitions") if sets else []
    return np.reshape([one.value for one in estimates], (-1, n_groups))


def _recombined(entropies, weights, n_permutations, rng):
    """Null distribution of T from the entropies of a few partitions."""
    K, n_groups = entropies.shape
    T = entropies @ weights
    deviations = entropies - entropies.mean(axis=0)
    v = weights**2 @ deviations.var(axis=0)
    if v == 0:
        return np.full(n_permutations, T.mean())
    chosen = rng.randint(K, size=(n_permutations, n_groups))
    m = deviations[chosen, np.arange(n_groups)] @ weights
    W = (K - 1) / rng.chisquare(K - 1, size=n_permutations)
    return T.mean() + np.sqrt(W * (1 + 1 / K) / v) * T.std(ddof=1) * m


def _result(found, null, n_all, normalize):
    """Compare the conditional entropies of permutations with that of the groups."""
    # Equal values, as of groups of one sample, differ by rounding.
    tested = found.terms.conditional_entropy
    n_as_low = np.sum(null.conditional <= tested + ROUNDING)
    added = 0 if null.has_tested else 1
    pvalue = (added + n_as_low) / (added + len(null.conditional))
    scale = 1.0
    if normalize:
        scale = 1 / found.terms.entropy if found.terms.entropy > 0 else 0.0
    return PermutationTestResult(
        statistic=found.mutual_info,
        pvalue=float(max(pvalue, 1 / n_all)),
        null_distribution=scale * (found.terms.entropy - null.conditional),
        std_error=found.std_error,
        n_partitions=null.n_partitions,
    )
