"""The meter of an estimator of diffusion spectral entropy, its parameters checked."""

from .._spectra.affinities import PARAMETERS, make_affinity
from .._spectra.solvers import SOLVERS
from .._spectra.spectral_meter import SpectralMeter
from .._tools.validation import (
    check_count,
    check_number_or_option,
    check_option,
    check_positive,
    check_share,
    check_work,
)
from .base import check_common


def spectral_meter(estimator):
    """Meter of diffusion spectral entropy, its parameters checked."""
    check_common(estimator)
    params = {name: getattr(estimator, name) for name in PARAMETERS}
    affinity = make_affinity(estimator.affinity, **params)
    check_share(estimator.alpha, "alpha")
    check_number_or_option(estimator.t, "t", ("auto",))
    check_option(estimator.eigen_solver, "eigen_solver", ("auto", *SOLVERS))
    if estimator.n_components is not None:
        check_count(estimator.n_components, "n_components")
    check_positive(estimator.tol, "tol")
    check_count(estimator.n_repeats, "n_repeats")
    check_work(estimator.n_jobs, estimator.verbose)
    names = ["alpha", "t", "eigen_solver", "n_components", "tol", "max_samples"]
    names += ["n_repeats", "verbose"]
    rest = {name: getattr(estimator, name) for name in names}
    return SpectralMeter(affinity=affinity, **rest)
