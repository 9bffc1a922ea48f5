"""Diffusion spectral mutual information (DSMI): the function and the meta-estimator.

With groups y of Y and n_y their sizes,

    I_D(X; Y) = Σ_y (n_y / n) [ E S_D(X*_{n_y}) - S_D(X | Y = y) ],

X*_m a uniform random subset of m samples. One scale, fitted to all of X, serves every
term, and E S_D(X*_m), which depends on m alone, is estimated once for each size m.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    clone,
)
from sklearn.utils import check_consistent_length, check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from ._base import (
    FLOATS,
    MAX_SEED,
    SATURATION,
    BaseEntropy,
    PassThroughMixin,
    take_scale,
    warn_if_saturated,
)
from ._entropy import DiffusionSpectralEntropy
from ._grouping import BINNINGS, TARGETS, group_target
from ._parallel import run_tasks
from ._spectrum import EntropyEstimate
from ._validation import check_count, check_flag, check_option, check_work


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


@dataclass(frozen=True)
class _Terms:
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
        ``DiffusionSpectralEntropy(bandwidth="adaptive")``: a local scale, at which
        labels show best.
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
        Random subsets over which the entropy at each group size is averaged.
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
    feature_names_in_ : ndarray of shape (n_features_in_,)
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
    1.28 of 6.49 bits
    """

    def __init__(
        self,
        estimator=None,
        *,
        target="auto",
        n_groups=10,
        clusterer=None,
        n_repeats=5,
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
        self._grouping = group_target(
            y, self.target, self.n_groups, self.clusterer, rng.randint(MAX_SEED)
        )
        self.groups_ = self._grouping.groups
        self.labels_ = self._grouping.labels
        self.estimator_ = _fit_scale(estimator, X, rng.randint(MAX_SEED))
        terms = self._measure(X, self._grouping, rng, fitted=True)
        self.entropy_ = terms.entropy
        self.conditional_entropy_ = terms.conditional_entropy
        self.group_entropies_ = terms.group_entropies
        self.mutual_info_, self.mutual_info_std_error_ = terms.mutual_info(
            self.normalize
        )
        return self

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
        terms = self._measure(X, self._grouping.regroup(y), rng, fitted=False)
        return terms.mutual_info(self.normalize)[0]

    def _check_parameters(self):
        """Raise if a parameter is invalid."""
        check_option(self.target, "target", TARGETS)
        check_count(self.n_groups, "n_groups", minimum=2)
        check_count(self.n_repeats, "n_repeats")
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
            return DiffusionSpectralEntropy(bandwidth="adaptive")
        methods = ("fit", "score", "get_params")
        if isinstance(self.estimator, type) or not all(
            hasattr(self.estimator, name) for name in methods
        ):
            raise TypeError(
                "estimator must be an entropy estimator with fit and score; "
                f"got {self.estimator!r}."
            )
        estimator = clone(self.estimator)
        if isinstance(estimator, BaseEntropy):
            estimator._check_parameters()
        return estimator

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
        groups = _group_rows(grouping.labels, estimator, rng)
        sizes = np.array([len(rows) for rows in groups])
        subsets = [{len(groups[0]): groups[0]}]
        if len(groups) > 1:
            n = len(grouping.labels)
            subsets = _draw_subsets(n, np.unique(sizes), self.n_repeats, rng)
        else:
            warnings.warn(
                "y has a single group: the mutual information is 0.", stacklevel=3
            )
        scale = None
        if isinstance(estimator, BaseEntropy):
            scale = estimator._fitted_scale() if fitted else estimator._scale_of(X)
        if fitted:
            self._seed = seed
            _fit_subset(estimator, X, scale, subsets[0][sizes.max()], seed)
        # The subsets of a repeat nest, and are measured together.
        sets = [[rows] for rows in groups] + [list(one.values()) for one in subsets]
        estimates = run_tasks(
            _entropies_of,
            [(estimator, X, scale, rows, seed) for rows in sets],
            self.n_jobs,
            "groups and subsets",
            self.verbose,
        )
        estimates = [one for several in estimates for one in several]
        terms = _combine(grouping.labels, sizes, subsets, estimates)
        warn_if_saturated(terms.saturation, stacklevel=3)
        return terms

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


def _fit_scale(estimator, X, seed):
    """Fit the estimator to X: its scale alone, where it can do that."""
    if not isinstance(estimator, BaseEntropy):
        return estimator.fit(X)
    estimator._fit_scale(X, seed)
    return estimator


def _fit_subset(estimator, X, scale, rows, seed):
    """Let the estimator fit on a subset what the scale does not tell it."""
    if isinstance(estimator, BaseEntropy):
        estimator._fit_subset(estimator._take(X, rows), take_scale(scale, rows), seed)


def _entropies_of(estimator, X, scale, sets, seed):
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


def _group_rows(labels, estimator, rng):
    """Rows of each group, as many as the estimator measures of them."""
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(labels))[:-1])
    if isinstance(estimator, BaseEntropy):
        groups = [
            rng.permutation(rows)[:used] if used < len(rows) else rows
            for rows, used in ((rows, estimator._n_used(len(rows))) for rows in groups)
        ]
    return groups


def _draw_subsets(n_samples, sizes, n_repeats, rng):
    """Rows of a random subset of each size, for each repeat.

    The subsets of a repeat are nested: a start of one permutation each. Every one is
    a uniform draw, and the repeats are independent.
    """
    orders = [rng.permutation(n_samples) for _ in range(n_repeats)]
    return [{size: order[:size] for size in sizes} for order in orders]


def _combine(labels, sizes, subsets, estimates):
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
    return _Terms(
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
