"""The meter of an estimator of diffusion spectral entropy, its parameters checked."""

import warnings

from .._spectra.affinities import PARAMETERS, make_affinity
from .._spectra.solvers import SOLVERS
from .._spectra.spectral_meter import OPEN_TIMES, SpectralMeter
from .._tools.validation import (
    check_count,
    check_number_or_option,
    check_option,
    check_positive,
    check_share,
    check_work,
    user_stacklevel,
)
from .base import check_common


def spectral_meter(estimator):
    """Meter of diffusion spectral entropy, its parameters checked."""
    check_common(estimator)
    params = {name: getattr(estimator, name) for name in PARAMETERS}
    affinity = make_affinity(estimator.affinity, **params)
    check_share(estimator.alpha, "alpha")
    t = checked_time(estimator.t, affinity)
    check_option(estimator.eigen_solver, "eigen_solver", ("auto", *SOLVERS))
    if estimator.n_components is not None:
        check_count(estimator.n_components, "n_components")
    check_positive(estimator.tol, "tol")
    check_count(estimator.n_repeats, "n_repeats")
    check_work(estimator.n_jobs, estimator.verbose)
    names = ["alpha", "eigen_solver", "n_components", "tol", "max_samples"]
    names += ["n_repeats", "verbose"]
    rest = {name: getattr(estimator, name) for name in names}
    return SpectralMeter(affinity=affinity, t=t, **rest)


def checked_time(t, affinity):
    """Diffusion time as the meter takes it, or raise."""
    check_number_or_option(t, "t", OPEN_TIMES)
    if t != "matched" or affinity.is_graph:
        return t
    if affinity.is_of_all_pairs:
        warnings.warn(
            "t='matched' is the time of a graph of neighbors that goes with t=1 of all "
            "pairs: here it is 1. Pass t=1, or affinity='nearest_neighbors'.",
            UserWarning,
            stacklevel=user_stacklevel(),
        )
        return 1
    raise ValueError(
        "t='matched' compares a graph of neighbors with the distances of all pairs, "
        "which only the samples tell: it takes affinity='nearest_neighbors'; got "
        "another affinity. Pass a number, such as the t_ of that one."
    )
