"""What is shown of the spectra of fitted entropies: eigenvalues, entropy over time."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._spectra.spectrum import AUTO_TIMES, knee_time

# Share of Σ|λ| that is in view. Smaller eigenvalues go down to rounding errors, and
# would take most of a logarithmic axis.
SHARE_IN_VIEW = 0.9999


@dataclass(frozen=True)
class FittedSpectrum:
    """What is kept of a fitted entropy when its samples are gone.

    Attributes
    ----------
    spectrum : Spectrum or SpectralDensity
        Its spectrum.
    normalize : bool
        Whether its entropy is a share of the largest.
    epoch : int or None
        When it was measured.
    """

    spectrum: Any
    normalize: bool = False
    epoch: int | None = None


def fitted_spectrum(fitted, epoch=None):
    """Spectrum of the first of several fitted measures that has one, or None."""
    for measure in fitted.values():
        if hasattr(measure, "spectrum_"):
            normalize = bool(measure.normalize)
            return FittedSpectrum(measure.spectrum_, normalize, epoch)
    return None


@dataclass(frozen=True)
class EntropyCurve:
    """Entropy at several diffusion times; see EntropyCurveDisplay."""

    times: np.ndarray
    entropy: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    certified: bool
    knee: tuple
    unit: str


def entropy_curve(spectrum, times=AUTO_TIMES, normalize=False):
    """Entropy of a spectrum at several times, and at the knee."""
    knee = knee_time(spectrum)
    estimates = [spectrum.entropy(float(t)) for t in (*times, knee)]
    if normalize:
        largest = np.log2(spectrum.n_samples)
        estimates = [one.divided_by(largest) for one in estimates]
    *estimates, at_knee = estimates
    return EntropyCurve(
        times=times,
        entropy=np.array([one.value for one in estimates]),
        lower=np.array([one.lower for one in estimates]),
        upper=np.array([one.upper for one in estimates]),
        certified=spectrum.is_certified,
        knee=(knee, at_knee.value),
        unit="share of log2(n)" if normalize else "bits",
    )


@dataclass(frozen=True)
class Eigenvalues:
    """Moduli of eigenvalues by rank, and what is known of the rest.

    See SpectrumDisplay.
    """

    eigenvalues: np.ndarray
    n_samples: int
    rest_ranks: np.ndarray | None = None
    rest_lower: np.ndarray | None = None
    rest_upper: np.ndarray | None = None
    rest_estimate: np.ndarray | None = None


def eigenvalues_of(spectrum):
    """Moduli of the eigenvalues of a spectrum."""
    known = np.abs(spectrum.eigenvalues), spectrum.n_samples
    rest = spectrum.rest()
    if rest is None:
        return Eigenvalues(*known)
    return Eigenvalues(*known, rest.ranks, rest.lower, rest.upper, rest.estimate)


def smallest_in_view(found):
    """Modulus from which on an eigenvalue is in view."""
    moduli = [found.eigenvalues]
    if found.rest_estimate is not None:
        # Nodes stand for several eigenvalues, dense at the lower end.
        ranks = np.arange(len(found.eigenvalues) + 1, found.n_samples + 1)
        moduli.append(np.interp(ranks, found.rest_ranks, found.rest_estimate))
    if found.rest_upper is not None:
        moduli.append(found.rest_upper)
    moduli = np.concatenate(moduli)
    share = np.cumsum(moduli) / np.sum(moduli)
    last = moduli[min(np.searchsorted(share, SHARE_IN_VIEW), len(moduli) - 1)]
    return max(last, np.finfo(float).eps)
