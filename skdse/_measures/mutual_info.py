"""Diffusion spectral mutual information (DSMI): the function and the meta-estimator.

With groups y of Y and n_y their sizes,

    I_D(X; Y) = Σ_y (n_y / n) [ E S_D(X*_{n_y}) - S_D(X | Y = y) ],

X*_m a uniform random subset of m samples. One scale, fitted to all of X, serves every
term, and E S_D(X*_m), which depends on m alone, is estimated once for each size m.
"""

import warnings
from dataclasses import replace

import numpy as np
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    clone,
)
from sklearn.utils import check_consistent_length, check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from .._tools.parallel import run_tasks
from .._tools.validation import (
    check_count,
    check_flag,
    check_max_samples,
    check_measure,
    check_option,
    check_work,
    sample_count,
)
from .base import (
    FLOATS,
    MAX_SEED,
    BaseEntropy,
    PassThroughMixin,
    warn_if_saturated,
)
from .entropy import DiffusionSpectralEntropy
from .grouping import BINNINGS, TARGETS, group_target
from .subsets import (
    combine,
    draw_subsets,
    entropies_of,
    fit_scale,
    fit_subset,
    group_rows,
    loosened,
    size_nodes,
    size_weights,
    standard_error,
    stratified_rows,
)

# How the default estimator sees samples: of the settings that rank representations as
# a linear probe does, the simplest among the best (doc/studies/model_choice.rst).
LOCAL_SCALE = {"bandwidth": "adaptive", "metric": "sqeuclidean"}


def diffusion_spectral_mutual_info(X, y, **params):
    """Diffusion spectral mutual information of X and y, in bits.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Representations.
    y : array-like of shape (n_samples,) or (n_samples, ...)
        Labels, values or vectors.
    **params
        Parameters of :class:`DiffusionSpectralMI`.

    Returns
    -------
    mutual_info : float
        Mutual information in bits (a share of the entropy if ``normalize``). It can
        be slightly negative where X tells nothing of y.

    Raises
    ------
    ValueError
        If X, y or a parameter is invalid; the message names it and the rule.

    See Also
    --------
    DiffusionSpectralMI : The estimator, with error, terms and ``score``.

    Examples
    --------
    Two far clusters tell which of them a sample is from, one bit:

    >>> import numpy as np
    >>> from skdse import DiffusionSpectralEntropy
    >>> from skdse import diffusion_spectral_mutual_info
    >>> y = np.repeat([0, 1], 50)
    >>> X = 100.0 * y[:, None]
    >>> dse = DiffusionSpectralEntropy(bandwidth=1.0)
    >>> mi = diffusion_spectral_mutual_info(X, y, estimator=dse, random_state=0)
    >>> print(f"{mi:.4f}")
    1.0000
    """
    return DiffusionSpectralMI(**params).fit(X, y).mutual_info_


class DiffusionSpectralMI(MetaEstimatorMixin, PassThroughMixin, BaseEstimator):
    """Diffusion spectral mutual information of a representation and a target.

    The entropy of random subsets of X less the entropy of the groups of y, at equal
    sample sizes and at one scale, fitted to all of X:
    ``I_D(X; Y) = Σ_y n_y/n [E S_D(X*_{n_y}) - S_D(X | Y = y)]``. It is high where the
    samples of a group share their part of the diffusion geometry, and about 0,
    sometimes slightly negative, where groups are scattered.

    Parameters
    ----------
    estimator : estimator, default=None
        Entropy estimator with ``fit`` and ``score``. None is
        ``DiffusionSpectralEntropy(bandwidth="adaptive", metric="sqeuclidean")``: a
        local scale, at which labels show best, and squared distances, which keep
        neighbours and strangers apart in many dimensions. An affinity on a kNN graph is
        unfit, as the graph of a subset is as well connected as that of a group.
    target : {"auto", "discrete", "continuous"}, default="auto"
        Kind of y. Discrete labels of any type are groups as they are; a continuous y
        of shape (n_samples,) is binned; vectors, images and other y of shape
        (n_samples, ...) are clustered. "auto" follows
        :func:`sklearn.utils.multiclass.type_of_target`.
    n_groups : int, default=10
        Bins or clusters of a continuous y.
    clusterer : estimator, {"quantile", "uniform"} or None, default=None
        How a continuous y is grouped: bins of equal count or of equal width for
        scalars, or any clusterer. None is "quantile" for scalars; for vectors,
        spectral clustering on a kNN graph up to 10,000 samples, and
        :class:`~sklearn.cluster.MiniBatchKMeans` beyond.
    n_repeats : int, default=5
        Random subsets over which the entropy at each group size is averaged; with
        `max_samples`, subsamples.
    max_samples : int or float, default=None
        Measure random subsamples of this many samples, or of this fraction, as many as
        `n_repeats`, each with groups in the shares that they have in y and with a scale
        of its own: the mean, and its error, of sets of different sizes compare at one
        size. None measures all samples. A ``max_samples`` of `estimator` limits
        each group instead.
    normalize : bool, default=False
        Whether to divide by `entropy_`: the share of it that y explains, at most 1.
    random_state : int, RandomState instance or None, default=None
        Seed of subsets, clusters and solvers.
    n_jobs : int, default=None
        Groups and subsets measured at a time, in threads. None takes as many as
        the linear algebra would. Results do not depend on it.
    verbose : int, default=0
        Whether to show progress on standard error: 0 is silent.

    Attributes
    ----------
    mutual_info_ : float
        Mutual information of the fitted samples, in bits (a share if ``normalize``).
    mutual_info_std_error_ : float
        Its standard error, over the random subsets and the solvers; NaN with
        ``n_repeats=1``.
    entropy_ : float
        Mean entropy of random subsets of the groups' sizes, in bits.
    conditional_entropy_ : float
        Mean entropy of the groups, weighted by their sizes, in bits.
    group_entropies_ : ndarray of shape (n_groups,)
        Entropy of each group, in bits.
    groups_ : ndarray of shape (n_groups,)
        The groups: labels of y, or numbers of bins or clusters.
    labels_ : ndarray of shape (n_samples,)
        Index in `groups_` of each sample's group. Pass them as y to measure another
        representation of the same samples without grouping y again.
    estimator_ : estimator
        Entropy estimator with the scale fitted to all of X. The entropy of all
        of X is not needed and not computed.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X has string names for all.

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
    How much of the digits' geometry do their labels explain?

    >>> from sklearn.datasets import load_digits
    >>> from skdse import DiffusionSpectralMI
    >>> X, y = load_digits(return_X_y=True)
    >>> dsmi = DiffusionSpectralMI(random_state=0).fit(X, y)
    >>> print(f"{dsmi.mutual_info_:.2f} of {dsmi.entropy_:.2f} bits")
    1.08 of 7.01 bits
    """

    def __init__(
        self,
        estimator=None,
        *,
        target="auto",
        n_groups=10,
        clusterer=None,
        n_repeats=5,
        max_samples=None,
        normalize=False,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
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

    def fit(self, X, y):
        """Fit the scale to X, the groups to y, and measure.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Representations.
        y : array-like of shape (n_samples,) or (n_samples, ...)
            Labels, values, vectors or images.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, X or y is invalid; the message names it and the rule.
        """
        self._check_parameters()
        estimator = self._make_estimator()
        X = self._validate(X, y, estimator, reset=True)
        rng = check_random_state(self.random_state)
        self._grouping = self._group(y, rng)
        self.groups_ = self._grouping.groups
        self.labels_ = self._grouping.labels
        if self._n_used(len(self.labels_)) < len(self.labels_):
            return self._fit_subsamples(X, rng)
        self.estimator_ = fit_scale(estimator, X, rng.randint(MAX_SEED))
        terms = self._measure(X, self._grouping, rng, fitted=True)
        self.entropy_ = terms.entropy
        self.conditional_entropy_ = terms.conditional_entropy
        self.group_entropies_ = terms.group_entropies
        self.mutual_info_, self.mutual_info_std_error_ = terms.mutual_info(
            self.normalize
        )
        return self

    def _fit_subsamples(self, X, rng):
        """Fit to subsamples of X and the groups, and average."""
        one = clone(self).set_params(max_samples=None, n_repeats=1, target="discrete")
        fitted = []
        for _ in range(self.n_repeats):
            rows = self._draw(self.labels_, rng)
            one = clone(one).set_params(random_state=rng.randint(MAX_SEED))
            fitted.append(one.fit(self._take(X, rows), self.labels_[rows]))
        self.estimator_, self._seed = fitted[0].estimator_, fitted[0]._seed
        self.entropy_ = float(np.mean([one.entropy_ for one in fitted]))
        self.conditional_entropy_ = float(
            np.mean([one.conditional_entropy_ for one in fitted])
        )
        self.group_entropies_ = np.mean([one.group_entropies_ for one in fitted], 0)
        values = [one.mutual_info_ for one in fitted]
        self.mutual_info_ = float(np.mean(values))
        self.mutual_info_std_error_ = standard_error(values)
        return self

    def _draw(self, labels, rng):
        """Rows of a subsample, each group in its share."""
        return stratified_rows(labels, self._n_used(len(labels)), rng)

    def _take(self, X, rows):
        """Some samples of X."""
        if isinstance(self.estimator, BaseEntropy):
            return self.estimator._take(X, rows)
        return X[rows]

    def _n_used(self, n_samples):
        """Number of samples measured at a time of a set of n_samples."""
        return sample_count(n_samples, self.max_samples)

    def score(self, X, y):
        """Return the mutual information of X and y at the scale fitted before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Representations.
        y : array-like of shape (n_samples,) or (n_samples, ...)
            Labels; values or vectors fall into the fitted bins or clusters.

        Returns
        -------
        mutual_info : float
            Mutual information in bits (a share if ``normalize``).
        """
        check_is_fitted(self)
        X = self._validate(X, y, self.estimator_, reset=False)
        rng = check_random_state(self.random_state)
        # The draws that fit makes before it measures, so that the fitted samples
        # get the same subsets here.
        for _ in range(2):
            rng.randint(MAX_SEED)
        grouping = self._grouping.regroup(y)
        if self._n_used(len(grouping.labels)) < len(grouping.labels):
            draws = range(self.n_repeats)
            return float(np.mean([self._score_once(X, grouping, rng) for _ in draws]))
        terms = self._measure(X, grouping, rng, fitted=False)
        return terms.mutual_info(self.normalize)[0]

    def _score_once(self, X, grouping, rng):
        """Mutual information of a subsample at the scale fitted before."""
        rows = self._draw(grouping.labels, rng)
        part = replace(grouping, labels=grouping.labels[rows])
        terms = self._measure(self._take(X, rows), part, rng, fitted=False)
        return terms.mutual_info(self.normalize)[0]

    def _check_parameters(self):
        """Raise if a parameter is invalid."""
        check_option(self.target, "target", TARGETS)
        check_count(self.n_groups, "n_groups", minimum=2)
        check_count(self.n_repeats, "n_repeats")
        check_max_samples(self.max_samples)
        check_flag(self.normalize, "normalize")
        check_work(self.n_jobs, self.verbose)
        if isinstance(self.clusterer, str):
            check_option(self.clusterer, "clusterer", BINNINGS)
        elif self.clusterer is not None and not hasattr(self.clusterer, "fit_predict"):
            raise TypeError(
                f"clusterer must be None, one of {sorted(BINNINGS)} or a clusterer "
                f"with fit_predict; got {self.clusterer!r}."
            )

    def _make_estimator(self):
        """Return an unfitted entropy estimator, its parameters checked."""
        if self.estimator is None:
            return DiffusionSpectralEntropy(**LOCAL_SCALE)
        check_measure(self.estimator, "estimator", "an entropy estimator")
        estimator = clone(self.estimator)
        if isinstance(estimator, BaseEntropy):
            estimator._check_parameters()
        return estimator

    def _group(self, y, rng):
        """Grouping of y; with it begins what a fit draws."""
        seed = rng.randint(MAX_SEED)
        return group_target(y, self.target, self.n_groups, self.clusterer, seed)

    def _validate(self, X, y, estimator, *, reset):
        """X as an array of as many samples as y."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        X = _validated(self, X, estimator, reset=reset)
        check_consistent_length(X, y)
        return X

    def _measure(self, X, grouping, rng, *, fitted):
        """Entropies of the groups and of random subsets of their sizes."""
        estimator = self.estimator_
        seed = rng.randint(MAX_SEED)
        groups = group_rows(grouping.labels, estimator, rng)
        weights = np.bincount(grouping.labels) / len(grouping.labels)
        sizes = np.array([len(rows) for rows in groups])
        nodes = size_nodes(sizes)
        of_sizes = size_weights(nodes, sizes, weights)
        subsets = [{len(groups[0]): groups[0]}]
        if len(groups) > 1:
            n = len(grouping.labels)
            subsets = draw_subsets(n, nodes, self.n_repeats, rng)
        else:
            warnings.warn(
                "y has a single group: the mutual information is 0.", stacklevel=3
            )
        scale = self._scale(X, fitted=fitted)
        if fitted:
            self._seed = seed
            fit_subset(estimator, X, scale, subsets[0][sizes.max()], seed)
        # The subsets of a repeat nest, and are measured together.
        sets = [[rows] for rows in groups] + [list(one.values()) for one in subsets]
        drawn = np.repeat(of_sizes / self.n_repeats, self.n_repeats)
        estimator = loosened(estimator, weights, drawn)
        estimates = self._entropies(
            estimator, X, scale, sets, seed, "groups and subsets"
        )
        terms = combine(weights, of_sizes, subsets, estimates)
        warn_if_saturated(terms.saturation, stacklevel=3)
        return terms

    def _scale(self, X, *, fitted):
        """Scale of the samples X, those fitted or others; None where it is nobody's."""
        if not isinstance(self.estimator_, BaseEntropy):
            return None
        if fitted:
            return self.estimator_._fitted_scale()
        return self.estimator_._scale_of(X)

    def _entropies(self, estimator, X, scale, sets, seed, label):
        """EntropyEstimate of each set of rows; sets is a list of lists of them."""
        estimates = run_tasks(
            entropies_of,
            [(estimator, X, scale, rows, seed) for rows in sets],
            self.n_jobs,
            label,
            self.verbose,
        )
        return [one for several in estimates for one in several]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        if self.estimator is not None:
            tags.input_tags = get_tags(self.estimator).input_tags
        return tags


def _validated(owner, X, estimator, *, reset):
    """X as the entropy estimator takes it, its features those of the owner."""
    tags = get_tags(estimator).input_tags
    if reset or not tags.pairwise:
        X = validate_data(
            owner,
            X,
            reset=reset,
            dtype=FLOATS,
            accept_sparse="csr" if tags.sparse else False,
        )
    if isinstance(estimator, BaseEntropy):
        X = estimator._validate(X, reset=reset)
    return X
