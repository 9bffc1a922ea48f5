"""Diffusion spectral mutual information (DSMI): the function and the meta-estimator.

The groups y of Y have the sizes n_y, and X*_m is a uniform random subset of m samples:

    I_D(X; Y) = Σ_y (n_y / n) [ E S_D(X*_{n_y}) - S_D(X | Y = y) ].

All terms use one scale, fitted to all of X. E S_D(X*_m) depends on m alone, and is
estimated once for each size m.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted

from .._spectra.meter import Meter
from .._tools.hints import SamplesLike, Seed, TargetsLike
from .._tools.validation import check_kind, sample_count
from .base import MAX_SEED, PassThroughMixin
from .entropy import DiffusionSpectralEntropy
from .grouping import Grouping
from .meters import at_scale, make_meter
from .pairs import check_mutual_info_parameters, group_by, validated_pair
from .subsets import (
    Samples,
    Terms,
    announce,
    draw_subsample,
    mean_terms,
    measure_groups,
    standard_error,
)

# How the default estimator sees samples: of the settings that rank representations as
# a linear probe does, the simplest among the best (doc/studies/model_choice.rst).
LOCAL_SCALE = {"bandwidth": "adaptive", "metric": "sqeuclidean"}


class DiffusionSpectralMI(MetaEstimatorMixin, PassThroughMixin, BaseEstimator):
    """Diffusion spectral mutual information (DSMI) of a representation and a target.

    DSMI says how much lower the entropy is within the groups of y than within random
    groups of the same size, all with the bandwidth fitted to all of X [1]_:
    ``I_D(X; Y) = Σ_y n_y/n [E S_D(X*_{n_y}) - S_D(X | Y = y)]``. It is high if the
    samples of a group lie together, and about 0, sometimes slightly negative, if the
    groups are scattered.

    X and y may be tensors on a device, see :class:`DiffusionSpectralEntropy`. Vectors
    in y are clustered there.

    Parameters
    ----------
    estimator : estimator, default=None
        Entropy estimator with ``fit`` and ``score``. None is
        ``DiffusionSpectralEntropy(bandwidth="adaptive", metric="sqeuclidean")``: labels
        show best at a local scale, and squared distances separate near from far samples
        in many dimensions. With the affinity of a kNN graph, groups and random subsets
        have the edges that the graph of all samples has within them, see
        :ref:`graph-dsmi`.
    target : {"auto", "discrete", "continuous"}, default="auto"
        Kind of y. Discrete labels of any type are the groups; a continuous y of shape
        (n_samples,) is cut into bins; vectors, images and other y of shape
        (n_samples, ...) are clustered. "auto" follows
        :func:`sklearn.utils.multiclass.type_of_target`, but takes one-hot rows for
        their classes, with a warning.
    n_groups : int, default=10
        Number of bins or clusters of a continuous y: the more, the smaller each group.
        Vectors of which no more differ are grouped by their values.
    clusterer : estimator, {"quantile", "uniform"} or None, default=None
        How a continuous y is grouped: scalars into bins of equal count ("quantile") or
        equal width ("uniform"), or by any clusterer. None is "quantile" for scalars;
        for vectors, spectral clustering on a kNN graph for up to 10,000 samples, and
        :class:`~sklearn.cluster.MiniBatchKMeans` for more.
    n_repeats : int, default=5
        Number of random subsets of each group size whose entropy is averaged, or of
        subsamples with `max_samples`. More take more time and lower the standard error.
        The solver's error follows: a third of that from subsets, or the ``tol`` of
        `estimator` if that is larger.
    max_samples : int or float, default=None
        Measure `n_repeats` random subsamples of this many samples, or of this fraction,
        and take the mean, so that you can compare sets of different sizes. Each has the
        groups in the proportions of y, and its own scale. A larger value takes more
        time. None measures all samples. The ``max_samples`` of `estimator` limits each
        group instead.
    normalize : bool, default=False
        Whether to divide by `entropy_`, for the share that y explains, at most 1. Where
        most samples are equal it says little, and a warning tells.
    random_state : int, RandomState instance or None, default=None
        Seed of subsets, clusters and solvers.
    n_jobs : int, default=None
        Number of groups and subsets measured at a time, in threads. None uses as many
        as the linear algebra would. Results do not depend on it.
    verbose : int, default=0
        Whether to show progress on standard error: 0 is silent.

    Attributes
    ----------
    mutual_info_ : float
        Mutual information of the fitted samples, in bits (a share if ``normalize``).
    mutual_info_std_error_ : float
        Standard error of `mutual_info_` from random subsets (or subsamples) and
        solvers; NaN with ``n_repeats=1``.
    entropy_ : float
        Mean entropy of random subsets of the groups' sizes, in bits.
    conditional_entropy_ : float
        Mean entropy of the groups, weighted by their sizes, in bits.
    group_entropies_ : ndarray of shape (n_groups,)
        Entropy of each group, in bits.
    groups_ : ndarray of shape (n_groups,)
        The groups: labels of y, or numbers of bins or clusters.
    labels_ : ndarray of shape (n_samples,)
        Index in `groups_` of each sample's group. Pass it as y to measure another
        representation of the same samples without grouping y again.
    estimator_ : estimator
        Entropy estimator with the scale fitted to all of X, or to the first subsample.
        The entropy of all of X is not computed.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names for all.

    See Also
    --------
    DiffusionSpectralEntropy : The entropy alone.
    ShannonEntropy, MatrixEntryEntropy, AdjacencySpectralEntropy : Other entropies to
        pass as `estimator`.

    References
    ----------
    .. [1] Liao et al., "Assessing Neural Network Representations During Training Using
       Noise-Resilient Diffusion Spectral Entropy", CISS 2024, Definition 3.2,
       arXiv:2312.04823.

    Examples
    --------
    How many bits of the entropy of the digits do their labels explain?

    >>> from sklearn.datasets import load_digits
    >>> from skdse import DiffusionSpectralMI
    >>> X, y = load_digits(return_X_y=True)
    >>> dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    >>> print(f"{dsmi.mutual_info_:.2f} of {dsmi.entropy_:.2f} bits")
    1.08 of 7.01 bits
    """

    mutual_info_: float
    mutual_info_std_error_: float
    entropy_: float
    conditional_entropy_: float
    group_entropies_: np.ndarray

    def __init__(
        self,
        estimator: Any = None,
        *,
        target: str = "auto",
        n_groups: int = 10,
        clusterer: Any = None,
        n_repeats: int = 5,
        max_samples: int | float | None = None,
        normalize: bool = False,
        random_state: Seed = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.target = target
        self.n_groups = n_groups
        self.clusterer = clusterer
        self.n_repeats = n_repeats
        self.max_samples = max_samples
        self.normalize = normalize
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: SamplesLike, y: TargetsLike) -> Self:
        """Fit the scale to X and the groups to y, and measure.

        Parameters
        ----------
        X : array-like or tensor of shape (n_samples, n_features)
            Representations.
        y : array-like or tensor of shape (n_samples,) or (n_samples, ...)
            Labels, values, vectors or images.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, X or y is invalid.
        """
        found = measure_mutual_info(self, X, y, getattr(self, "_found", None))
        self.groups_ = found.grouping.groups
        self.labels_ = found.grouping.labels.copy()
        self.entropy_ = found.terms.entropy
        self.conditional_entropy_ = found.terms.conditional_entropy
        self.group_entropies_ = found.terms.group_entropies
        self.mutual_info_ = found.mutual_info
        self.mutual_info_std_error_ = found.std_error
        self.estimator_ = at_scale(
            _entropy_estimator(self), found.samples.scale, self.n_features_in_
        )
        # For `score`, where the fitted samples are to get the same subsets, and for
        # another `fit`; without the samples, which the caller has.
        self._found = found.without_samples()
        return self

    def score(self, X: SamplesLike, y: TargetsLike) -> float:
        """Return the mutual information of X and y at the fitted scale.

        Parameters
        ----------
        X : array-like or tensor of shape (n_samples, n_features)
            Representations; with a precomputed affinity or graph, what
            :class:`DiffusionSpectralEntropy` takes there, see :ref:`scoring-between`.
        y : array-like or tensor of shape (n_samples,) or (n_samples, ...)
            Labels, or values or vectors, which get the fitted bins or clusters; of the
            kind of the fitted y.

        Returns
        -------
        mutual_info : float
            Mutual information in bits (a share if ``normalize``).
        """
        check_is_fitted(self)
        found = self._found
        X = validated_pair(self, X, y, found.meter, reset=False)
        labels = found.grouping.regroup(y).labels
        rng = deepcopy(found.random_state)
        if sample_count(len(labels), self.max_samples) == len(labels):
            return self._score_once(X, labels, rng)
        values = []
        for _ in range(self.n_repeats):
            rows, rng_of_one = draw_subsample(labels, self.max_samples, rng)
            part = found.meter.take(X, rows)
            values.append(self._score_once(part, labels[rows], rng_of_one))
        return float(np.mean(values))

    def _score_once(self, X, labels, rng):
        """Mutual information of samples at the fitted scale."""
        found = self._found
        if found.is_of(X, labels, self.n_repeats):
            terms = found.terms
        else:
            announce(found.meter, X, labels, self.n_repeats)
            seed = rng.randint(MAX_SEED)
            meter, X, scale = found.meter.others(X, found.samples.scale)
            samples = Samples(X, meter, scale, seed, self.n_jobs, self.verbose)
            terms, _ = measure_groups(samples, labels, self.n_repeats, rng)
        terms.warn(self.normalize and _is_local(self))
        return terms.mutual_info(self.normalize)[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        if self.estimator is not None:
            tags.input_tags = get_tags(self.estimator).input_tags
        return tags


@dataclass(frozen=True)
class Measured:
    """Mutual information of X and y, and all that was found on the way.

    The samples are the first subsample, their meter as exact as their groups were
    measured; the random state is from before any draw. The terms are those of so many
    repeats; None where they are means over subsamples.
    """

    mutual_info: float
    std_error: float
    terms: Terms
    grouping: Grouping
    meter: Meter
    samples: Samples
    random_state: np.random.RandomState
    n_repeats: int | None = None

    def without_samples(self):
        """Return the same without X, of which it may be the last reference."""
        return replace(self, samples=replace(self.samples, X=None))

    def is_of(self, X, labels, n_repeats):
        """Whether X and groups are those measured, so that the terms are the same."""
        return (
            n_repeats == self.n_repeats
            and len(self.grouping.groups) > 1  # of one, measuring warns
            and np.array_equal(labels, self.grouping.labels)
            and self.meter.knows(self.samples.scale, X)
        )


def measure_mutual_info(dsmi, X, y, known=None):
    """Fit the scale to X and the groups to y, and measure, as dsmi.fit does.

    Where what is known from a fit before is the same, its scale is not found anew.
    """
    return _measure(dsmi, *prepare(dsmi, X, y), known)


def measure_part(dsmi, X, labels, meter):
    """Measure groups of samples that the meter has taken from others, unchecked."""
    rng = check_random_state(dsmi.random_state)
    return _measure(dsmi, X, meter, group_by(dsmi, labels, rng), rng)


def _measure(dsmi, X, meter, grouping, rng, known=None):
    """Fit the scale to X and measure its groups, all of them checked."""
    n_samples = len(grouping.labels)
    if sample_count(n_samples, dsmi.max_samples) < n_samples:
        return _measure_subsamples(dsmi, X, grouping, meter, rng)
    announce(meter, X, grouping.labels, dsmi.n_repeats)
    seed = rng.randint(MAX_SEED)
    if known is not None and known.meter == meter:
        scale = meter.refit(X, seed, known.samples.scale)
    else:
        scale = meter.fit(X, seed)
    before = deepcopy(rng)
    seed = rng.randint(MAX_SEED)
    samples = Samples(X, meter, scale, seed, dsmi.n_jobs, dsmi.verbose)
    terms, samples = measure_groups(samples, grouping.labels, dsmi.n_repeats, rng)
    terms.warn(dsmi.normalize and _is_local(dsmi))
    mutual_info, std_error = terms.mutual_info(dsmi.normalize)
    result = mutual_info, std_error, terms
    return Measured(*result, grouping, meter, samples, before, dsmi.n_repeats)


def prepare(dsmi, X, y):
    """Check parameters, X and y; return X, meter, grouping of y and random state."""
    check_mutual_info_parameters(dsmi)
    meter = make_meter(_entropy_estimator(dsmi))
    X = validated_pair(dsmi, X, y, meter, reset=True)
    rng = check_random_state(dsmi.random_state)
    return X, meter, group_by(dsmi, y, rng), rng


def _measure_subsamples(dsmi, X, grouping, meter, rng):
    """Measure subsamples of X and the groups, and average."""
    before, found = deepcopy(rng), []
    one = clone(dsmi).set_params(max_samples=None, n_repeats=1, target="discrete")
    for _ in range(dsmi.n_repeats):
        rows, rng_of_one = draw_subsample(grouping.labels, dsmi.max_samples, rng)
        one.set_params(random_state=rng_of_one)
        part = meter.take(X, rows), grouping.labels[rows]
        found.append(measure_part(one, *part, meter))
    values = [part.mutual_info for part in found]
    mean, error = float(np.mean(values)), standard_error(values)
    terms = mean_terms([part.terms for part in found])
    return Measured(mean, error, terms, grouping, meter, found[0].samples, before)


def _entropy_estimator(dsmi):
    """Entropy estimator that dsmi has, or its default."""
    if dsmi.estimator is None:
        return DiffusionSpectralEntropy(**LOCAL_SCALE)
    return dsmi.estimator


def _is_local(dsmi):
    """Whether the scale of dsmi follows near neighbours: samples alike are copies."""
    return getattr(_entropy_estimator(dsmi), "bandwidth", None) == "adaptive"


def mutual_info_estimator(estimator, random_state, n_jobs=None, verbose=0):
    """Return a copy of the estimator, or the default; seeded if it has no seed."""
    if estimator is None:
        estimator = DiffusionSpectralMI()
    rule = "a {0}, with any entropy inside, such as {0}(ShannonEntropy())"
    check_kind(estimator, DiffusionSpectralMI, "estimator", rule)
    estimator = clone(estimator)
    if estimator.random_state is None:
        estimator.set_params(random_state=random_state)
    if n_jobs is not None:
        estimator.set_params(n_jobs=n_jobs)
    if verbose:
        estimator.set_params(verbose=verbose)
    return estimator
