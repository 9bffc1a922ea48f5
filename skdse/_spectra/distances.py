"""Distances of a metric between rows, where equal rows are at distance 0.

Some metrics say otherwise: by the cosine a row of zeros is at distance 1 from all rows,
another one included; by the correlation, as by others, such a distance is 0/0. Here the
correlation is the cosine of centred rows. A row without a direction (of zeros, or
constant by the correlation) is at distance 0 from its like and 1 from all others.
"""

import warnings

import numpy as np
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import manhattan_distances, paired_distances

from .._tools.arrays import is_device_array, namespace
from .._tools.digests import mix
from .._tools.parallel import row_blocks
from .._tools.validation import user_stacklevel
from . import device_distances as on_device
from .metrics import COSINE

# Metrics, besides the cosine, that do not always put equal rows at distance 0.
_UNEQUAL = ("braycurtis", "dice", "russellrao", "sokalsneath")
# What rows without a direction are called.
_NULL_ROWS = {"cosine": "rows of zeros", "correlation": "constant rows"}
_BLOCK_BYTES = 16 * 2**20


def distances(X, Y=None, metric="euclidean"):
    """Distances between all rows of X and of Y, or of X."""
    if is_device_array(X):
        return on_device.distances(X, X if Y is None else Y, metric)
    X, directed = with_directions(X, metric)
    Y = Y if Y is None else with_directions(Y, metric)[0]
    D = pairwise_distances(X, Y, metric=directed)
    Y = X if Y is None else Y
    if directed == "cosine":
        D[np.ix_(is_null(X), is_null(Y))] = 0
    elif callable(metric) or metric in _UNEQUAL:
        D[row_codes(X)[:, None] == row_codes(Y)] = 0
    return D


def all_manhattan(X, Y):
    """Manhattan distances between all rows of X and of Y."""
    on_host = not is_device_array(X)
    return manhattan_distances(X, Y) if on_host else on_device.manhattan(X, Y)


def distances_of_pairs(X, Y, metric):
    """Distance of each row of X to the same row of Y, for PAIRED_DISTANCES."""
    if is_device_array(X):
        return on_device.distances_of_pairs(X, Y, metric)
    D = paired_distances(X, Y, metric=metric)
    if metric == "cosine":
        D = np.where(is_null(X) ^ is_null(Y), 1, D)
    if callable(metric):
        D = np.where((X == Y).all(axis=1), 0, D)
    return D


def with_directions(X, metric):
    """X and metric, or for the correlation centred rows and the cosine."""
    if metric != "correlation":
        return X, metric
    if is_device_array(X):
        return on_device.centred(X), "cosine"
    centred = X - X.mean(axis=1, keepdims=True, dtype=np.float64)
    centred[is_constant(X)] = 0  # not its rounding
    return centred, "cosine"


def is_constant(X):
    """Which rows are constant."""
    if is_device_array(X):
        return on_device.is_constant(X)
    return X.max(axis=1) == X.min(axis=1)


def is_null(X):
    """Which rows are zero."""
    if is_device_array(X):
        return on_device.is_null(X)
    return ~X.any(axis=1)


def without_rounding(distances, metric):
    """Distances with 0 for what is only rounding, between vectors of one direction."""
    if metric not in COSINE:
        return distances
    # 1 - cos is off by a few units in the last place of 1.
    xp = namespace(distances)
    noise = 10 * float(xp.finfo(distances.dtype).eps)
    return xp.where(distances <= noise, xp.zeros_like(distances), distances)


def warn_of_null_rows(X, metric):
    """Warn of rows that the metric gives no direction."""
    if not isinstance(metric, str) or metric not in _NULL_ROWS or X.shape[0] == 1:
        return
    n_null = int((is_null(X) if metric == "cosine" else is_constant(X)).sum())
    if n_null:
        warnings.warn(
            f"{n_null} of {X.shape[0]} samples are {_NULL_ROWS[metric]}, which have no "
            f"direction by metric={metric!r}: they are taken to be at distance 0 from "
            "each other and 1 from all others. Leave them out, or use another metric "
            "such as 'euclidean'.",
            UserWarning,
            stacklevel=user_stacklevel(),
        )


def distinct_rows(X):
    """First of each kind of equal rows, and for each row the number of its kind.

    Kinds are in the order in which they appear.
    """
    if is_device_array(X):
        return on_device.distinct_rows(X)
    codes, first, inverse = np.unique(
        row_codes(X), return_index=True, return_inverse=True
    )
    if len(codes) == len(X):
        return np.arange(len(X)), np.arange(len(X))
    if not all((X[b] == X[first[inverse[b]]]).all() for b in _blocks(X)):
        # Rows that differ have one code, of 2**64.
        _, first, inverse = np.unique(X, axis=0, return_index=True, return_inverse=True)
    return in_order_of_first(first, inverse)


def in_order_of_appearance(numbers):
    """First place of each number, in order, and at each place the number's rank."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return in_order_of_first(first, inverse)


def in_order_of_first(first, inverse):
    """First of each kind, in ascending order, and the kinds renumbered so."""
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return first[order], number[inverse.ravel()]


def row_codes(X, seed=0):
    """A number of 64 bits for each row; those of equal rows are equal."""
    rng = np.random.default_rng(seed)
    odd = rng.integers(2**63, size=X.shape[1], dtype=np.uint64) * np.uint64(2)
    odd += np.uint64(1)
    return np.concatenate([_mixed(X[block]) @ odd for block in _blocks(X)])


def _mixed(X):
    """Bits of floats, each mixed so that all of them matter in sums."""
    # Adding 0 turns -0 into 0, which equals it.
    return mix((X.astype(np.float64) + 0.0).view(np.uint64))


def _blocks(X):
    """Slices of rows, a few megabytes each."""
    return row_blocks(len(X), max(1, _BLOCK_BYTES // (8 * X.shape[1])))
