"""The terms of mutual information: entropies of groups and of random subsets.

labels of the samples ─► rows of groups, rows of random subsets ─► entropy of each, at
one scale ─► their weighted means, the two terms of I_D, and what they may err by.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from sklearn.utils import check_random_state

from .._spectra.blocked.samples import is_blocked
from .._spectra.meter import Meter, Scale
from .._spectra.spectrum import SATURATION
from .._tools.arrays import is_device_array
from .._tools.parallel import run_tasks
from .._tools.validation import sample_count, user_stacklevel
from .balance import balanced_tol, solved_to
from .base import MAX_SEED
from .cluster_sets import entropies_on_cluster, samples_of_graph
from .meters import bundled, entropies_of_bundle
from .pieces import warn_of_pieces

# The expected entropy of random subsets is smooth in the logarithm of their size m.
# Of more than three sizes that lie close, from this one on and within this factor,
# three are measured; what interpolation adds by chance is part of the standard error.
SMOOTH_SIZE, ALIKE = 300, 1.6
# Groups up to this size that see nothing of each other are too small, whatever the
# bandwidth, which is that of all samples.
TINY_GROUP = 5
# Entropy of subsets [bits] whose share can be large, and yet no more than chance.
SMALL_ENTROPY = 1.0
SHARE_OF_LITTLE = (
    "The entropy is {:.2f} bits, of fewer than two states: most samples are equal, and "
    "even little mutual information is a large share of it. Read bits "
    "(normalize=False, or measure='dsmi_wide')."
)
TOO_FEW = (
    "Most groups have so few samples (median {:g}) that their entropies say little, "
    "whatever the bandwidth. Use fewer groups (n_groups; target='continuous' where y "
    "holds values) or more samples."
)


@dataclass(frozen=True)
class Terms:
    """The two sides of the difference, in bits, and what there is to say of them."""

    entropy: float
    conditional_entropy: float
    std_error: float
    group_entropies: np.ndarray
    warning: str = ""

    def mutual_info(self, normalize):
        """Mutual information and its standard error, as shares if normalize."""
        scale = 1.0
        if normalize:
            scale = 1 / self.entropy if self.entropy > 0 else 0.0
        difference = self.entropy - self.conditional_entropy
        return scale * difference, scale * self.std_error

    def warn(self, of_share=False):
        """Warn of terms that say nothing of the data; of a share, at a local scale."""
        warning = self.warning
        if of_share and not warning and 0 < self.entropy < SMALL_ENTROPY:
            warning = SHARE_OF_LITTLE.format(self.entropy)
        if warning:
            warnings.warn(warning, UserWarning, stacklevel=user_stacklevel())


@dataclass(frozen=True)
class Samples:
    """Samples at their scale, of which groups are measured.

    Attributes
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
        The samples, as the meter takes them.
    meter : Meter
        How an entropy is measured.
    scale : Scale
        Scale of the samples.
    seed : int
        Seed of solvers. It is the same for all groups: what random probes err by is
        then the same for all.
    n_jobs, verbose : int
        The parameters of the estimators.
    """

    X: object
    meter: Meter
    scale: Scale
    seed: int
    n_jobs: int | None = None
    verbose: int = 0

    def settled(self, rows):
        """Samples whose scale has what is found only by measuring some of them."""
        scale = self.meter.settle(self.X, self.scale, rows, self.seed)
        return replace(self, scale=scale)

    def solved_to(self, tol, *weights):
        """Samples whose sets, added up by these weights, have a standard error tol."""
        return replace(self, meter=solved_to(self.meter, tol, *weights))

    def announced(self, sets):
        """Samples to measure the sets of, after a warning where that takes long.

        It comes before any work: the time is that of the tolerance known so far.
        """
        sizes = [len(rows) for family in sets for rows in family]
        self.meter.tell_if_long(self.X, sizes)
        return self.quiet()

    def quiet(self):
        """Samples that are measured without such warnings."""
        return replace(self, meter=self.meter.quiet())

    def of_many(self):
        """Samples of which many sets are measured, without such warnings."""
        return replace(self, meter=self.meter.quiet().of_many(self.X))

    def group_rows(self, labels, rng):
        """Rows of each group, as many as the meter measures of them."""
        groups = rows_of_groups(labels)
        used = [sample_count(len(rows), self.meter.max_samples) for rows in groups]
        return [
            rng.permutation(rows)[:n] if n < len(rows) else rows
            for rows, n in zip(groups, used, strict=True)
        ]

    def entropies(self, sets, label):
        """EntropyEstimate of each set of rows; sets is a list of lists of them."""
        if is_device_array(self.X):
            every = [rows for family in sets for rows in family]
            return self.meter.measure_many(self.X, self.scale, every, self.seed)
        X, bundles = self.X, bundled(self.meter, sets)
        if is_blocked(X) and self.meter.affinity.is_graph:
            X = samples_of_graph(self.scale)
        if is_blocked(X):
            parts = self.meter, X, self.scale, self.seed
            estimates = entropies_on_cluster(*parts, bundles)
        else:
            estimates = run_tasks(
                entropies_of_bundle,
                [(self.meter, X, self.scale, one, self.seed) for one in bundles],
                self.n_jobs,
                label,
                self.verbose,
            )
        return [one for several in estimates for one in several]


def measure_groups(samples, labels, n_repeats, rng):
    """Entropies of the groups and of random subsets of their sizes.

    Returns the terms, and the samples with a settled scale and a meter with the
    tolerance of each of these sets. Who calls this has announced it.
    """
    groups = samples.group_rows(labels, rng)
    weights = np.bincount(labels) / len(labels)
    sizes = np.array([len(rows) for rows in groups])
    nodes = size_nodes(sizes)
    of_sizes = size_weights(nodes, sizes, weights)
    subsets = [{len(groups[0]): groups[0]}]
    if len(groups) > 1:
        subsets = draw_subsets(len(labels), nodes, n_repeats, rng)
    else:
        warnings.warn(
            "y has a single group: the mutual information is 0.",
            stacklevel=user_stacklevel(),
        )
    # The subsets of a repeat nest, and are measured together.
    sets = [[rows] for rows in groups] + [list(one.values()) for one in subsets]
    both = weights, np.repeat(of_sizes / n_repeats, n_repeats)
    samples = samples.of_many().settled(subsets[0][sizes.max()])
    is_in_pieces = warn_of_pieces(samples, labels, sizes)
    tol = balanced_tol(samples, nodes, of_sizes, n_repeats)
    samples = samples.solved_to(tol, *both)
    estimates = samples.entropies(sets, "groups and subsets")
    terms = combine(weights, sizes, of_sizes, subsets, estimates)
    if is_in_pieces and terms.warning == SATURATION["isolated"]:
        terms = replace(terms, warning="")  # it was told, with its cause
    return terms, samples


def announce(meter, X, labels, n_repeats):
    """Warn where the groups and their random subsets take long to measure.

    It comes before any work: the time is that of the tolerance known so far.
    """
    counts = np.bincount(labels)
    sizes = np.array([sample_count(n, meter.max_samples) for n in counts])
    nodes, weights = size_nodes(sizes), counts / len(labels)
    of_sizes = np.tile(size_weights(nodes, sizes, weights) / n_repeats, n_repeats)
    meter = solved_to(meter, meter.tol, weights, of_sizes)
    meter.tell_if_long(X, [*sizes, *np.tile(nodes, n_repeats)])


def rows_of_groups(labels):
    """Rows of each group, in ascending order."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels))[:-1])


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


def draw_subsample(labels, max_samples, rng):
    """Rows of a subsample, each group in its share, and a random state for it."""
    n_used = sample_count(len(labels), max_samples)
    rows = stratified_rows(labels, n_used, rng)
    return rows, check_random_state(rng.randint(MAX_SEED))


def standard_error(values):
    """Standard error of the mean of independent values; NaN of a single one."""
    if len(values) == 1:
        return np.nan
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def combine(weights, sizes, of_sizes, subsets, estimates):
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
        warning=_warning(weights, sizes, groups, of_sizes, subsets, repeats),
    )


def mean_terms(terms):
    """Mean of the terms of several subsamples; their error is for who averages."""
    return Terms(
        entropy=float(np.mean([one.entropy for one in terms])),
        conditional_entropy=float(np.mean([one.conditional_entropy for one in terms])),
        std_error=np.nan,
        group_entropies=np.mean([one.group_entropies for one in terms], 0),
    )


def _std_error(weights, groups, of_sizes, repeats, by_repeat):
    """Standard error of DSMI, over the subsets drawn and the solvers' estimates."""
    if len(groups) == 1:
        return 0.0
    if len(repeats) == 1:
        return np.nan
    # The solver's errors of the subsets are in what the repeats differ by.
    variance = np.var(by_repeat, ddof=1) / len(repeats)
    variance += sum(
        (w * one.own_error) ** 2 for w, one in zip(weights, groups, strict=True)
    )
    # All terms share the bandwidth, whose error moves both sides of the difference.
    common = -sum(w * one.common for w, one in zip(weights, groups, strict=True))
    for repeat in repeats:
        for w, one in zip(of_sizes, repeat, strict=True):
            common += w * one.common / len(repeats)
    return float(np.sqrt(variance + common**2))


def _warning(weights, sizes, groups, of_sizes, subsets, repeats):
    """What to say where more than half of the weight tells nothing of the data.

    Small groups come first: a bandwidth that suits all samples is too small for theirs.
    """
    share = dict.fromkeys(("few", *SATURATION, ""), 0.0)
    for w, size, one in zip(weights, sizes, groups, strict=True):
        share[_kind(size, one)] += w / 2
    for subset, repeat in zip(subsets, repeats, strict=True):
        for w, size, one in zip(of_sizes, subset, repeat, strict=True):
            share[_kind(size, one)] += w / 2 / len(repeats)
    del share[""]
    most = max(share, key=share.get)
    together = share[most] if most == "few" else share[most] + share["few"]
    if together <= 0.5 or len(sizes) == 1 == sizes[0]:
        return ""
    return TOO_FEW.format(np.median(sizes)) if most == "few" else SATURATION[most]


def _kind(size, estimate):
    """Why an entropy says nothing of the data, if so."""
    if size == 1 or (estimate.saturation and size <= TINY_GROUP):
        return "few"
    return estimate.saturation
