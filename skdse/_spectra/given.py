"""Affinity matrices that the user brings, on the host or on a device."""

import numpy as np

from .._tools.arrays import (
    astype,
    is_device_array,
    is_finite,
    like,
    namespace,
    take,
    to_host,
)
from .._tools.validation import (
    at_unit_scale,
    check_affinity_matrix,
    check_entries,
    check_square,
    with_self_affinities,
)


def checked_affinity(G, name, n_samples=None):
    """Return G as an affinity of so many samples, or raise if it is none."""
    is_on_device = is_device_array(G)
    G = _checked_on_device(G, name) if is_on_device else check_affinity_matrix(G, name)
    shape = n_samples, n_samples
    if n_samples is not None and tuple(G.shape) != shape:
        raise ValueError(f"{name} must have shape {shape}; got {tuple(G.shape)}.")
    return G


def part_of_affinity(G, rows):
    """Rows and columns of some samples."""
    if is_device_array(G):
        return _at_one_scale(take(take(G, rows).T, rows).T)
    # A sample may have no edge to the others of a subset.
    return with_self_affinities(at_unit_scale(G[rows][:, rows]))


def _checked_on_device(G, name):
    """Return G in one scale, or raise if it is not an affinity."""
    check_square(G.shape, name)
    if not is_finite(G):
        raise ValueError(f"{name} must be finite; it contains NaN or infinity.")
    xp = namespace(G)
    extremes = float(xp.min(G)), float(xp.max(G))
    check_entries(*extremes, lambda: float(xp.max(xp.abs(G - G.T))), name)
    return _at_one_scale(G)


def _at_one_scale(G):
    """G without negative entries, its largest 1, isolated samples seeing themselves."""
    xp = namespace(G)
    largest = float(xp.max(G))
    G = xp.maximum(G, xp.zeros_like(G)) / (largest or 1.0)
    isolated = to_host(xp.sum(astype(G, np.float64), axis=1) == 0)
    if not isolated.any():
        return G
    is_own = like(np.diag(isolated), G)
    return xp.where(is_own, xp.ones_like(G), G)
