"""Checks of arrays on devices, made before any work is done."""

import array_api_compat as compat

from .arrays import is_device_array, is_finite, is_on_host


def check_samples_on_device(X, context):
    """Raise unless X is finite, of shape (n_samples, n_features), none of them 0."""
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(
            f"X must have shape (n_samples, n_features), none of them 0, for "
            f"{context}; got {tuple(X.shape)}."
        )
    if not is_finite(X):
        raise ValueError(
            f"Input X contains NaN or infinity. {context} takes finite numbers: leave "
            "such samples or features out, or look for what made them."
        )


def check_same_device(X, y):
    """Raise where y lies on a device, and X on another one or on the host."""
    if not is_device_array(y) or is_on_host(y):
        return
    of_X = compat.device(X) if is_device_array(X) else "cpu"
    if of_X != compat.device(y):
        raise ValueError(
            f"X and y must lie on the same device, or y on the host; got {of_X} and "
            f"{compat.device(y)}. Move one of them, for instance by y.to(X.device)."
        )
