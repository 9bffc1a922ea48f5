"""Confidence interval of diffusion spectral mutual information (DSMI), by subsampling.

The delete-d jackknife: over subsamples of m of n samples, drawn without replacement,
a statistic varies with a variance v_m, of which m / (n - m) v_m estimates the variance
of the statistic of all n over samples drawn anew.
"""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy.stats import norm
from sklearn.base import clone
from sklearn.utils import check_random_state

from .._tools.progress import Progress
from .._tools.validation import check_count, check_work
from .base import MAX_SEED
from .mutual_info import measure_mutual_info, mutual_info_estimator
from .subsets import stratified_rows


@dataclass(frozen=True)
class ConfidenceInterval:
    """Mutual information, and an interval for its mean over samples drawn anew.

    Attributes
    ----------
    statistic : float
        Mutual information of X and y, in bits (a share with ``normalize``).
    low, high : float
        Ends of the interval.
    std_error : float
        Standard error of `statistic` over samples drawn anew.
    confidence_level : float
        How often such intervals are to contain the mean.
    n_samples_each : int
        Samples of each subsample.
    """

    statistic: float
    low: float
    high: float
    std_error: float
    confidence_level: float
    n_samples_each: int


def mutual_info_confidence_interval(
    X,
    y,
    *,
    estimator=None,
    confidence_level=0.95,
    n_subsamples=50,
    random_state=None,
    n_jobs=None,
    verbose=0,
):
    """Find how far mutual information would differ with other samples.

    The interval is for the mean of DSMI over samples like these, as many of each group:
    what a sample of this size tells on average, not what an infinite one would. Its
    width comes from random halves of the samples (delete-d jackknife [1]_).

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Representations.
    y : array-like of shape (n_samples,) or (n_samples, ...)
        Labels, values or vectors, as :class:`DiffusionSpectralMI` takes them.
    estimator : DiffusionSpectralMI, default=None
        How to measure; None is ``DiffusionSpectralMI()``. Without ``max_samples``.
    confidence_level : float, default=0.95
        Share of such intervals that are to contain the mean; above 0 and below 1.
    n_subsamples : int, default=50
        Random halves, at least 2, each of which costs about half a DSMI.
    random_state : int, RandomState instance or None, default=None
        Seed of the halves, and of `estimator` where it has none.
    n_jobs : int, default=None
        Groups measured at a time, in threads; None is that of `estimator`. Results
        do not depend on it.
    verbose : int, default=0
        Whether to show progress on standard error: 0 is silent.

    Returns
    -------
    result : ConfidenceInterval
        With attributes ``statistic``, ``low``, ``high``, ``std_error``,
        ``confidence_level`` and ``n_samples_each``.

    Raises
    ------
    TypeError
        If `estimator` is not a DiffusionSpectralMI.
    ValueError
        If X, y or a parameter is invalid; the message names it and the rule.

    See Also
    --------
    mutual_info_permutation_test : Test whether it is more than chance.
    DiffusionSpectralMI : Its ``mutual_info_std_error_`` is that of the random subsets
        alone, with X and y as they are.

    References
    ----------
    .. [1] Shao and Wu, "A General Theory for Jackknife Variance Estimation", Annals of
       Statistics 17, 1989.

    Examples
    --------
    How sure are the bits that 500 digits tell of their labels?

    >>> from sklearn.datasets import load_digits
    >>> from skdse import mutual_info_confidence_interval
    >>> X, y = load_digits(return_X_y=True)
    >>> result = mutual_info_confidence_interval(X[:500], y[:500], random_state=0)
    >>> print(f"{result.statistic:.2f} bits, {result.low:.2f} to {result.high:.2f}")
    1.13 bits, 1.06 to 1.21
    """
    _check_level(confidence_level)
    check_count(n_subsamples, "n_subsamples", minimum=2)
    check_work(n_jobs, verbose)
    dsmi = mutual_info_estimator(estimator, random_state, n_jobs)
    if dsmi.max_samples is not None:
        raise ValueError(
            "estimator must measure all samples, without max_samples; "
            f"got max_samples={dsmi.max_samples!r}."
        )
    rng = check_random_state(random_state)
    whole = measure_mutual_info(dsmi, X, y)
    n = len(whole.grouping.labels)
    n_each = max(n // 2, len(whole.grouping.groups))
    values = []
    with Progress(n_subsamples, "subsamples", verbose) as progress:
        for _ in range(n_subsamples):
            values.append(_measure_half(dsmi, whole, n_each, rng))
            progress.advance()
    error = np.std(values, ddof=1) * np.sqrt(n_each / max(n - n_each, 1))
    reach = norm.ppf((1 + confidence_level) / 2) * error
    return ConfidenceInterval(
        statistic=whole.mutual_info,
        low=float(whole.mutual_info - reach),
        high=float(whole.mutual_info + reach),
        std_error=float(error),
        confidence_level=float(confidence_level),
        n_samples_each=int(n_each),
    )


def _check_level(level):
    """Raise unless the level is a number between 0 and 1."""
    if isinstance(level, bool) or not isinstance(level, Real) or not 0 < level < 1:
        raise ValueError(
            f"confidence_level must be a number between 0 and 1; got {level!r}."
        )


def _measure_half(dsmi, whole, n_rows, rng):
    """Mutual information of some of the samples, groups in their shares."""
    samples, labels = whole.samples, whole.grouping.labels
    rows = stratified_rows(labels, n_rows, rng)
    half = clone(dsmi).set_params(target="discrete", random_state=rng.randint(MAX_SEED))
    part = samples.meter.take(samples.X, rows)
    return measure_mutual_info(half, part, labels[rows]).mutual_info
