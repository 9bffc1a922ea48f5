"""Places where arrays may lie, and the entropies of arrays there.

array-api-strict has devices that only look like others: what is on them comes to NumPy
by an explicit move alone, and functions outside the standard are missing.
"""

import array_api_strict
import numpy as np

from skdse._measures.meters import make_meter


def on_device(X, device="device1"):
    """NumPy array on a device of array-api-strict."""
    return array_api_strict.asarray(X, device=array_api_strict.Device(device))


def without_float64(X):
    """NumPy array on a device that has no float64."""
    X = np.asarray(X)
    X = X.astype(np.float32) if X.dtype == np.float64 else X
    return on_device(X, "no_float64")


def as_tensor(X):
    """NumPy array as a tensor of PyTorch, which the engine takes as it is."""
    import torch

    return torch.tensor(X)


PLACES = {
    "strict": on_device,
    "no float64": without_float64,
    "torch": as_tensor,
}


def spectrum_of(estimator, X):
    """Time and spectrum that the engine finds, wherever X lies."""
    meter = make_meter(estimator)
    scale, spectrum = meter.fit_spectrum(meter.check(X), 0)
    return scale, spectrum


def engine_entropy(estimator, X):
    """EntropyEstimate that the engine finds, wherever X lies."""
    scale, spectrum = spectrum_of(estimator, X)
    return spectrum.entropy(scale.t)
