"""The smallest entries of each row of a matrix, and of several such findings."""

import numpy as np

# Columns whose smallest entry stands for them in a first look, at most.
GROUP = 32


def smallest(D, k):
    """The k smallest entries of each row of D, in ascending order, and their columns.

    The k-th smallest of the minima of groups of columns is no less than the k-th
    smallest entry: one pass leaves few entries to sort.
    """
    n_rows, n_columns = D.shape
    group = min(GROUP, n_columns // (3 * k))
    if group < 4:
        columns = np.argpartition(D, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(D, columns, axis=1)
        return in_order(values, columns)
    n_groups = n_columns // group
    groups = D[:, : n_groups * group].reshape(n_rows, group, n_groups)
    limit = np.partition(groups.min(axis=1), k - 1, axis=1)[:, k - 1]
    rows, columns = np.divmod(np.flatnonzero(D <= limit[:, None]), n_columns)
    values = D[rows, columns]
    order = np.lexsort((values, rows))
    kept = order[np.searchsorted(rows, np.arange(n_rows))[:, None] + np.arange(k)]
    return values[kept], columns[kept]


def merged(found, k):
    """The k smallest of several (values, columns), in ascending order."""
    values, columns = map(np.hstack, zip(*found, strict=True))
    return in_order(values, columns, k)


def best(values, points, more_values, more_points, rows):
    """Values and points of the smallest of each row, of its first and more ones."""
    n_rows, k = values.shape
    values = np.concatenate([values.ravel(), more_values])
    points = np.concatenate([points.ravel(), more_points])
    rows = np.concatenate([np.repeat(np.arange(n_rows), k), rows])
    # Bits of floats that are not negative are in the order of the floats: one key.
    values = np.maximum(values, 0).astype(np.float32)
    keys = (rows.astype(np.int64) << 32) | values.view(np.int32)
    order = np.argsort(keys)
    starts = np.searchsorted(keys[order], np.arange(n_rows) << 32)
    kept = order[starts[:, None] + np.arange(k)]
    return values[kept], points[kept]


def in_order(distances, indices, k=None):
    """Distances and indices in the order of the distances, the first k of them."""
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return tuple(np.take_along_axis(a, order, axis=1) for a in (distances, indices))
