"""Confidence interval of diffusion spectral mutual information (DSMI), by subsampling.

The delete-d jackknife: let v_m be the variance of a statistic over subsamples of m of
the n samples, drawn without replacement. Then m / (n - m) v_m estimates the variance
of the statistic of n samples over new draws of the samples.
"""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy.stats import norm
from sklearn.base import clone
from sklearn.utils import check_random_state

from .._tools.hints import SamplesLike, Seed, TargetsLike
from .._tools.progress import Progress
from .._tools.validation import check_count, check_work
from .base import MAX_SEED
from .mutual_info import (
    DiffusionSpectralMI,
    measure_mutual_info,
    measure_part,
    mutual_info_estimator,
)
from .subsets import stratified_rows


@dataclass(frozen=True)
class ConfidenceInterval:
    """Mutual information, and an interval for its mean over new draws of samples.

    Attributes
    ----------
    statistic : float
        Mutual information of X and y, in bits (a share with ``normalize``).
    low, high : float
        Ends of the interval.
    std_error : float
        Standard error of `statistic` over new draws of samples.
    confidence_level : float
        Share of such intervals that should contain the mean.
    n_samples_each : int
        Number of samples in each subsample.
    """

    statistic: float
    low: float
    high: float
    std_error: float
    confidence_level: float
    n_samples_each: int


def mutual_info_confidence_interval(
    X: SamplesLike,
    y: TargetsLike,
    *,
    estimator: DiffusionSpectralMI | None = None,
    confidence_level: float = 0.95,
    n_subsamples: int = 50,
    random_state: Seed = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> ConfidenceInterval:
    """Find how far mutual information (DSMI) would differ with other samples.

    The interval is for the mean of DSMI over new draws of as many samples, with the
    same group sizes. It is not for the DSMI of infinitely many samples. Its width comes
    from random halves of the samples (delete-d jackknife [1]_).

    Parameters
    ----------
    X : array-like or tensor of shape (n_samples, n_features)
        Representations.
    y : array-like or tensor of shape (n_samples,) or (n_samples, ...)
        Labels, values or vectors, as :class:`DiffusionSpectralMI` takes them.
    estimator : DiffusionSpectralMI, default=None
        How to measure; None is ``DiffusionSpectralMI()``. It must not have
        ``max_samples``.
    confidence_level : float, default=0.95
        Share of such intervals that should contain the mean; above 0 and below 1. A
        larger value gives a wider interval.
    n_subsamples : int, default=50
        Number of random halves, at least 2. Each costs about half a DSMI. More halves
        give a more accurate width.
    random_state : int, RandomState instance or None, default=None
        Seed of the halves, and of `estimator` if it has no seed.
    n_jobs : int, default=None
        Number of groups measured at a time, in threads; None uses that of `estimator`.
        Results do not depend on it.
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
        If X, y or a parameter is invalid.

    See Also
    --------
    mutual_info_permutation_test : Test whether DSMI is more than chance.
    DiffusionSpectralMI : Its ``mutual_info_std_error_`` is the error from the random
        subsets alone, for the given X and y.

    References
    ----------
    .. [1] Shao and Wu, "A General Theory for Jackknife Variance Estimation", Annals of
       Statistics 17, 1989.

    Examples
    --------
    How far would the DSMI of 500 digits differ with other digits?

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
    """Mutual information of a random part of the samples, groups in proportion."""
    samples, labels = whole.samples, whole.grouping.labels
    rows = stratified_rows(labels, n_rows, rng)
    half = clone(dsmi).set_params(target="discrete", random_state=rng.randint(MAX_SEED))
    part = samples.meter.take(samples.X, rows)
    return measure_part(half, part, labels[rows], whole.meter).mutual_info
