"""Distances of arrays on a device, as `distances` has them for the host.

All are made of operations of the array API; what is returned about rows, one number or
one index each, lies on the host.
"""

import array_api_compat as compat
import numpy as np

from .._tools.arrays import (
    astype,
    like,
    namespace,
    row_codes,
    row_squares,
    rows_a_block,
    take,
    to_host,
)
from .._tools.parallel import row_blocks
from .metrics import COSINE, EUCLIDEAN, MANHATTAN, SQUARED

METRICS = (*EUCLIDEAN, SQUARED, *MANHATTAN, *COSINE)


def check_metric_on_device(metric):
    """Raise unless a device has the metric."""
    if metric in METRICS:
        return
    raise ValueError(
        f"metric={metric!r} is not there for arrays on a device: use one of "
        f"{sorted(METRICS)}, or bring X to the host, for instance by X.cpu()."
    )


def distances(X, Y, metric):
    """Distances between all rows of X and of Y."""
    if metric in MANHATTAN:
        return manhattan(X, Y)
    if metric in COSINE:
        return _cosines(X, Y, metric)
    xp = namespace(X)
    squares = squares_by_differences(X, Y)
    return squares if metric == SQUARED else xp.sqrt(squares)


def distances_of_pairs(X, Y, metric):
    """Distance of each row of X to the same row of Y, on the host."""
    xp = namespace(X)
    X, Y = astype(X, np.float64), astype(Y, np.float64)
    if metric in MANHATTAN:
        return to_host(xp.sum(xp.abs(X - Y), axis=1)).astype(np.float64)
    if metric in COSINE:
        if metric == "correlation":
            X, Y = centred(X), centred(Y)
        half = to_host(row_squares(directions(X) - directions(Y))) / 2
        return np.where(is_null(X) ^ is_null(Y), 1, half.astype(np.float64))
    squares = to_host(row_squares(X - Y)).astype(np.float64)
    return squares if metric == SQUARED else np.sqrt(squares)


def squares_by_differences(X, Y):
    """Squared distances between all rows, feature by feature, without cancellation."""
    return _summed(X, Y, lambda difference: difference * difference)


def manhattan(X, Y):
    """Manhattan distances between all rows, of stacks too."""
    if compat.is_torch_array(X):
        import torch

        return torch.cdist(astype(X, np.float64), astype(Y, np.float64), p=1.0)
    return _summed(X, Y, namespace(X).abs)


def _summed(X, Y, function):
    """Sum over features of a function of all differences."""
    X, Y = astype(X, np.float64), astype(Y, np.float64)
    Y = namespace(Y).matrix_transpose(Y)
    total = function(X[..., :1] - Y[..., :1, :])
    for k in range(1, X.shape[-1]):
        total += function(X[..., k : k + 1] - Y[..., k : k + 1, :])
    return total


def _cosines(X, Y, metric):
    """Cosine distances between all rows; rows without a direction as `distances`."""
    if metric == "correlation":
        X, Y = centred(X), centred(Y)
    xp, nulls = namespace(X), (is_null(X), is_null(Y))
    D = squares_by_differences(directions(X), directions(Y)) / 2
    if not any(null.any() for null in nulls):
        return D
    is_apart = like(np.not_equal.outer(*nulls), X)
    return xp.where(is_apart, xp.ones_like(D), D)


def directions(X):
    """Rows of unit length, or of zeros."""
    xp, X = namespace(X), _unit_rows(astype(X, np.float64))  # squares have room
    return _divided(X, xp.sqrt(row_squares(X))[:, None])


def centred(X):
    """Rows less their means, times a number each; constant rows are 0.

    From the first entry on: a common offset has digits that differences lack.
    """
    xp, X = namespace(X), astype(X, np.float64)
    X = xp.where(xp.abs(X[:, :1]) > 1, X / 2, X)  # no difference is infinite
    X = _unit_rows(X - X[:, :1])
    return X - xp.mean(X, axis=1, keepdims=True)


def _unit_rows(X):
    """Rows whose largest entries are 1, or of zeros."""
    return _divided(X, namespace(X).max(namespace(X).abs(X), axis=1, keepdims=True))


def _divided(X, sizes):
    """Rows by their sizes, where these are not 0."""
    xp = namespace(X)
    return X / xp.where(sizes > 0, sizes, xp.ones_like(sizes))


def is_constant(X):
    """Which rows are constant, on the host."""
    xp = namespace(X)
    return to_host(xp.max(X, axis=1) == xp.min(X, axis=1))


def is_null(X):
    """Which rows are zero, on the host."""
    return to_host(namespace(X).all(X == 0, axis=1))


def distinct_rows(X):
    """First of each kind of equal rows, and for each row the number of its kind."""
    codes = row_codes(X)
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    inverse = inverse.ravel()
    if len(first) < len(codes):
        alike = _equal_rows(X, first[inverse])
        # Rows that differ and have one code are kinds of their own, copies of these
        # too: what follows asks for no more than that kinds have copies alone.
        others = np.flatnonzero(~alike)
        inverse[others] = len(first) + np.arange(len(others))
        first = np.append(first, others)
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return first[order], number[inverse]


def _equal_rows(X, others):
    """Whether each row equals another one, on the host."""
    xp, blocks = namespace(X), row_blocks(X.shape[0], rows_a_block(X, 3))
    found = [xp.all(take(X, rows) == take(X, others[rows]), axis=1) for rows in blocks]
    return np.concatenate([to_host(one) for one in found])
