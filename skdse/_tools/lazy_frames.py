"""Frames of Dask, as those of Parquet files, as arrays of Dask: never loaded whole.

A frame does not know how many rows it has. They are counted, partition by partition,
where Dask computes. A single column of lists is the matrix that it is, as in other
frames.
"""

import numpy as np

from .containers import opened


def is_lazy_frame(X):
    """Whether X is a frame or a Series of Dask."""
    return hasattr(X, "to_dask_array") and hasattr(X, "map_partitions")


def as_lazy_array(X, name="X"):
    """Array of Dask with the rows of a frame or a Series of Dask."""
    frame = X.to_frame() if X.ndim == 1 else X
    first = frame.head(1, npartitions=-1)
    row = opened(first, name)
    if row is first:
        return X.to_dask_array(lengths=True)
    return _matrix_of_lists(frame, row, name)


def _matrix_of_lists(frame, row, name):
    """Array of Dask of a column of lists, all as long as that of a row."""
    import dask
    import dask.array as da

    parts, make = frame.to_delayed(), dask.delayed(_rows_of_lists)
    lengths = dask.compute(*[dask.delayed(len)(part) for part in parts])
    shape, dtype = row.shape[1:], row.dtype
    blocks = [
        da.from_delayed(make(part, shape, dtype, name), (n, *shape), dtype)
        for part, n in zip(parts, lengths, strict=True)
        if n
    ]
    return da.concatenate(blocks)


def _rows_of_lists(part, shape, dtype, name):
    """Rows of a partition, or raise where they have not the shape that others have."""
    rows = opened(part, name)
    if np.shape(rows)[1:] != shape:
        raise ValueError(
            f"the rows of {name} must have as many numbers each; got {shape} and "
            f"{np.shape(rows)[1:]}."
        )
    return np.asarray(rows, dtype)
