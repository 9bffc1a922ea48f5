"""Distances of a metric between rows, where equal rows are at distance 0.

Some metrics say otherwise: by the cosine a row of zeros is at distance 1 from all rows,
another one included; by the correlation, as by others, such a distance is 0/0. Here the
correlation is the cosine of centred rows. A row without a direction (of zeros, or
constant by the correlation) is at distance 0 from its like and 1 from all others.

1 - cos has no digits for small angles, and those of embeddings can all be small. It is
half the squared distance of two directions, ‖u - v‖² / 2, which has.
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
from .metrics import COSINE, EUCLIDEAN, SQUARED

# Metrics, besides the cosine, that do not always put equal rows at distance 0.
_UNEQUAL = ("braycurtis", "dice", "russellrao", "sokalsneath")
# What rows without a direction are called.
_NULL_ROWS = {"cosine": "rows of zeros", "correlation": "constant rows"}
# Of float64; several such blocks are there at a time.
_BLOCK_BYTES = 4 * 2**20
# Squared distances below this share of the squared norms are taken from differences.
_NEAR = 1e-6


def distances(X, Y=None, metric="euclidean"):
    """Distances between all rows of X and of Y, or of X."""
    if is_device_array(X):
        return on_device.distances(X, X if Y is None else Y, metric)
    if metric in COSINE:
        return _cosines(X, X if Y is None else Y, metric)
    if metric in (*EUCLIDEAN, SQUARED):
        return _euclidean(X, X if Y is None else Y, metric)
    D = pairwise_distances(X, Y, metric=metric)
    if callable(metric) or metric in _UNEQUAL:
        D[row_codes(X)[:, None] == row_codes(X if Y is None else Y)] = 0
    return D


def all_manhattan(X, Y):
    """Manhattan distances between all rows of X and of Y."""
    on_host = not is_device_array(X)
    return manhattan_distances(X, Y) if on_host else on_device.manhattan(X, Y)


def distances_of_pairs(X, Y, metric):
    """Distance of each row of X to the same row of Y, for PAIRED_DISTANCES."""
    if is_device_array(X):
        return on_device.distances_of_pairs(X, Y, metric)
    if metric in COSINE:
        U, V = directions(X, metric), directions(Y, metric)
        D = np.square(U - V).sum(axis=1) / 2
        return np.where(is_null(U) ^ is_null(V), 1, D)
    D = paired_distances(X, Y, metric=metric)
    if callable(metric):
        D = np.where((X == Y).all(axis=1), 0, D)
    return D


# Where squares are infinite, a distance need not be.
@np.errstate(over="ignore", invalid="ignore")
def _euclidean(X, Y, metric):
    """Euclidean distances between all rows, or their squares, small ones too."""
    A, B = X.astype(np.float64, copy=False), Y.astype(np.float64, copy=False)
    D = squares_of(A, B)
    D = D if metric == SQUARED else np.sqrt(D)
    rows, columns = np.nonzero(~np.isfinite(D))
    if len(rows):
        gaps = np.hypot.reduce(A[rows] - B[columns], axis=1)
        D[rows, columns] = gaps**2 if metric == SQUARED else gaps
    return D.astype(X.dtype, copy=False)


def _cosines(X, Y, metric):
    """Cosine distances between all rows, in the precision of the rows."""
    U, V = directions(X, metric), directions(Y, metric)
    D = np.minimum(squares_of(U, V) / 2, 2)
    D[np.not_equal.outer(is_null(U), is_null(V))] = 1
    return D.astype(X.dtype, copy=False)


def squares_of(U, V):
    """Squared Euclidean distances between all rows, small ones from differences."""
    center = V.mean(axis=0)
    A, B = U - center, V - center
    squares = (A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1)
    D = squares - 2 * (A @ B.T)
    rows, columns = np.nonzero(D <= _NEAR * squares)
    for part in row_blocks(len(rows), max(1, _BLOCK_BYTES // (8 * U.shape[1]))):
        gaps = U[rows[part]] - V[columns[part]]
        D[rows[part], columns[part]] = (gaps**2).sum(axis=1)
    return D


def directions(X, metric):
    """Rows of unit length in float64, or of zeros; of the correlation centred before.

    Rows are brought to unit scale first, so that squares have room.
    """
    if is_device_array(X):
        X = on_device.centred(X) if metric == "correlation" else X
        return on_device.directions(X)
    X = _unit_rows(X.astype(np.float64))
    if metric == "correlation":
        # From the first entry on: a common offset has digits that differences lack,
        # and constant rows are 0.
        X = _unit_rows(X - X[:, :1])
        X = _unit_rows(X - X.mean(axis=1, keepdims=True))
    norms = np.sqrt((X**2).sum(axis=1, keepdims=True))
    return np.divide(X, norms, out=X, where=norms > 0)


def _unit_rows(X):
    """Rows times powers of two that bring their largest entries near 1."""
    largest = np.abs(X).max(axis=1, keepdims=True)
    return np.ldexp(X, -np.frexp(largest)[1])


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


def without_rounding(distances, metric, resolution):
    """Distances with 0 for what is only rounding, between vectors of one direction.

    The resolution is that of the vectors, see `resolution_of`.
    """
    if metric not in COSINE:
        return distances
    # Directions are off by a few units in the last place.
    noise, xp = (5 * resolution) ** 2, namespace(distances)
    return xp.where(distances <= noise, xp.zeros_like(distances), distances)


def resolution_of(X):
    """Relative distance of two numbers of the type of X that are next to each other."""
    return float(namespace(X).finfo(X.dtype).eps)


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
