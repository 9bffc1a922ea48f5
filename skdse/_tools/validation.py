"""Checks of parameters and inputs, in one place, made before any work is done."""

import inspect
import os
from numbers import Integral, Real

import numpy as np
from sklearn.neighbors import VALID_METRICS
from sklearn.utils import check_scalar

# Affinities are symmetric up to rounding; what is off by more is not an affinity.
SYMMETRY_RTOL = 1e-6
# Negative entries up to this share of the largest are rounding of 0.
NEGATIVE_RTOL = 1e-12


def check_option(value, name, options):
    """Raise ValueError unless value is one of the options."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(
            f"{name} must be one of {sorted(options)}; got {value!r}."
        ) from None


def check_positive(value, name):
    """Raise unless value is a finite number above 0."""
    check_scalar(value, name, Real, min_val=0, include_boundaries="neither")
    if not np.isfinite(value):
        raise ValueError(f"{name} must be a finite number; got {value!r}.")


def check_share(value, name):
    """Raise unless value is a number from 0 to 1."""
    check_scalar(value, name, Real, min_val=0, max_val=1)
    if np.isnan(value):
        raise ValueError(f"{name} must be a number from 0 to 1; got {value!r}.")


def check_count(value, name, minimum=1):
    """Raise unless value is an integer of at least minimum."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, not a bool; got {value!r}.")
    check_scalar(value, name, Integral, min_val=minimum)


def check_callable(value, name):
    """Raise TypeError unless value can be called."""
    if not callable(value):
        raise TypeError(f"{name} must be a callable; got {value!r}.")


def check_work(n_jobs, verbose):
    """Raise unless n_jobs and verbose are what joblib takes."""
    if n_jobs is not None:
        check_scalar(n_jobs, "n_jobs", Integral)
    if n_jobs == 0:
        raise ValueError("n_jobs must be None or an integer other than 0; got 0.")
    check_scalar(verbose, "verbose", Integral, min_val=0)


def check_flag(value, name):
    """Raise TypeError unless value is a bool."""
    check_scalar(value, name, (bool, np.bool_))


def check_measure(value, name, rule):
    """Raise TypeError unless value is an estimator, no class, with fit and score."""
    methods = ("fit", "score", "get_params")
    if isinstance(value, type) or not all(hasattr(value, one) for one in methods):
        raise TypeError(f"{name} must be {rule} with fit and score; got {value!r}.")


def check_kind(value, kind, name, rule="a {}"):
    """Raise TypeError unless value is of a class, which the rule's {} stands for."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {rule.format(kind.__name__)}; got {value!r}.")


def check_number_or_option(value, name, options):
    """Raise ValueError unless value is a positive finite number or an option."""
    is_number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    if isinstance(value, str) and value in options:
        return
    if not is_number or not 0 < value < np.inf:
        raise ValueError(
            f"{name} must be a positive number or one of {sorted(options)}; "
            f"got {value!r}."
        )


def check_metric(metric):
    """Raise ValueError unless metric is one that pairwise_distances computes."""
    if callable(metric):
        return
    options = set(VALID_METRICS["brute"]) - {"precomputed"}
    if not isinstance(metric, str) or metric not in options:
        raise ValueError(
            f"metric must be a callable or one of {sorted(options)}; got {metric!r}. "
            "For distances or affinities of your own, pass the affinity matrix as X "
            "with affinity='precomputed'."
        )


def check_max_samples(max_samples):
    """Raise unless max_samples is None, a positive integer or a fraction."""
    if max_samples is None:
        return
    is_number = isinstance(max_samples, Real) and not isinstance(max_samples, bool)
    if isinstance(max_samples, Integral) and is_number:
        check_count(max_samples, "max_samples")
        return
    if not is_number or not 0 < max_samples <= 1:
        raise ValueError(
            "max_samples must be None, an integer of at least 1 or a fraction in "
            f"(0, 1]; got {max_samples!r}."
        )


def count_samples(X):
    """Return the number of samples of anything that scikit-learn takes as X."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def sample_count(n_samples, max_samples):
    """Number of samples that max_samples leaves of n_samples."""
    if max_samples is None:
        return n_samples
    if isinstance(max_samples, Integral):
        return min(n_samples, max_samples)
    return max(1, round(max_samples * n_samples))


def check_square(shape, name):
    """Raise unless a matrix has as many rows as columns."""
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"{name} must be a square matrix; got shape {tuple(shape)}.")


def check_entries(smallest, largest, find_gap, name):
    """Raise where the entries of a matrix are those of no affinity.

    They are known by the smallest, the largest and, looked for where these will do, the
    largest difference from the transpose.
    """
    if smallest < -NEGATIVE_RTOL * max(largest, 0):
        raise ValueError(
            f"Negative values in data: {name} must have none; its smallest is "
            f"{smallest:.3g}."
        )
    gap = find_gap()
    if gap > SYMMETRY_RTOL * largest:
        raise ValueError(
            f"{name} must be symmetric; it differs from its transpose by up to "
            f"{gap:.3g}. Symmetrise it, for instance with (A + A.T) / 2."
        )


def user_stacklevel():
    """Return the stacklevel of a warning, made by the caller, that is for the user.

    It is that of the first frame outside the package.
    """
    level, frame = 1, inspect.currentframe().f_back
    while frame.f_back and frame.f_globals["__name__"].startswith("skdse."):
        level, frame = level + 1, frame.f_back
    return level


def available_memory():
    """Bytes of memory that can still be taken, infinity where nobody tells."""
    return min(_free_memory(), _left_of_limit())


def _left_of_limit():
    """Bytes that this process may still take by its limit (ulimit -v), if any."""
    try:
        import resource
    except ImportError:  # Windows
        return np.inf
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return np.inf
    try:
        with open("/proc/self/statm", encoding="ascii") as numbers:
            n_pages = int(numbers.read().split()[0])
    except OSError:
        return limit
    return max(limit - n_pages * os.sysconf("SC_PAGE_SIZE"), 0)


def _free_memory():
    """Bytes of memory that are free, infinity where nobody tells."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return np.inf


def fits_in_memory(n_samples, share=1.0, n_matrices=1, itemsize=8):
    """Whether dense n x n matrices fit into a share of the memory still free."""
    return n_matrices * itemsize * n_samples**2 <= share * available_memory()


def check_fits_in_memory(
    n_samples, n_matrices=1, way_out="a subsample", available=None
):
    """Raise MemoryError where n_matrices dense n x n matrices would not fit.

    What is available is in bytes, None the memory of the host that is free.
    """
    available = available_memory() if available is None else available
    needed = n_matrices * 8 * n_samples**2
    if needed <= available:
        return
    fitting = int((available / (8 * n_matrices)) ** 0.5)
    raise MemoryError(
        f"A dense {n_samples} x {n_samples} affinity needs "
        f"{needed / 2**30:.1f} GiB with its working copies, "
        f"{available / 2**30:.1f} GiB are available. Use {way_out}: "
        f"max_samples={fitting} would fit."
    )
