"""Spectra of fitted entropies as short lists of numbers, for charts."""

import numpy as np

from .._measures.spectra import eigenvalues_of, entropy_curve, smallest_in_view

# Diffusion times of a curve, evenly on a logarithmic axis.
TIMES = np.geomspace(1, 100, 30)
# Ranks of a spectrum at which it is drawn.
N_RANKS = 100


def curve_and_spectrum(layer, fitted):
    """Entropy over time and eigenvalues by rank, of a FittedSpectrum."""
    curve = entropy_curve(fitted.spectrum, TIMES, fitted.normalize)
    found = eigenvalues_of(fitted.spectrum)
    floor = smallest_in_view(found)
    ranks = np.arange(1, len(found.eigenvalues) + 1)
    known = _points(ranks, found.eigenvalues >= floor, found.eigenvalues)
    rest = {}
    if found.rest_estimate is not None:
        rest["rest"] = _points(
            found.rest_ranks, found.rest_estimate >= floor, found.rest_estimate
        )
    if found.rest_upper is not None:
        rest["bounds"] = _points(
            found.rest_ranks,
            found.rest_upper >= floor,
            np.maximum(found.rest_lower, floor),
            found.rest_upper,
        )
    return {
        "layer": layer,
        "n_samples": found.n_samples,
        "unit": curve.unit,
        "certified": bool(curve.certified),
        "curve": [curve.times, curve.entropy, curve.lower, curve.upper],
        "knee": curve.knee,
        "known": known,
        **rest,
    }


def _points(ranks, in_view, *moduli):
    """Ranks and moduli in view, at most N_RANKS, evenly on a logarithmic axis."""
    shown = np.flatnonzero(in_view)
    if len(shown) > N_RANKS:
        at = np.geomspace(1, len(shown), N_RANKS).round().astype(int) - 1
        shown = shown[np.unique(at)]
    return [values[shown] for values in (ranks, *moduli)]
