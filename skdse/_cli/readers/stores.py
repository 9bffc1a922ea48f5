"""Arrays in a tree, as HDF5 and Zarr keep them, and what AnnData writes into it.

A store has three methods: ``shapes()``, the shape of each array by its key;
``array(key)``, which reads; and ``attributes(key)`` of a group. Sparse matrices,
categories and values with a mask are groups of arrays, and an attribute says so.
"""

import math

import numpy as np
import scipy.sparse as sp

from .limits import check_fits, rows_of

SPARSE = {"csr_matrix": sp.csr_array, "csc_matrix": sp.csc_array}
# Matrices with a row for each sample, in a file of AnnData.
OF_SAMPLES = ("X", "obsm/", "layers/")
# Matrices with a row and a column for each sample, which stay sparse.
OF_PAIRS = ("obsp/", "uns/neighbors/")
# Parts of a sparse matrix, of categories and of values with a mask that tell these.
TELLING = ("indptr", "categories", "mask")
# Groups in a tree, one in another, and arrays in it.
DEEPEST, MOST_ARRAYS = 32, 100_000


def shapes_in(store, is_anndata):
    """Shape of each array; in AnnData of the matrices of samples alone."""
    found = store.shapes()
    if not is_anndata:
        return found
    sparse = {
        key.removesuffix("/indptr"): _sparse_shape(store, key.removesuffix("/indptr"))
        for key in found
        if key.endswith("/indptr")
    }
    parts = tuple(f"{key}/" for key in sparse)
    dense = {key: one for key, one in found.items() if not key.startswith(parts)}
    return {
        key: shape
        for key, shape in sorted((dense | sparse).items())
        if key == "X" or key.startswith(OF_SAMPLES[1:])
    }


def array_in(store, key):
    """Array of a key, or what the group of this key stands for."""
    kind = text_of(store.attributes(key).get("encoding-type"))
    if kind in SPARSE:
        return _sparse(store, key, SPARSE[kind])
    if kind == "categorical":
        codes, categories = (
            rows_of(store.array(f"{key}/{part}")) for part in ("codes", "categories")
        )
        return _named(codes, categories)
    if kind is not None and kind.startswith("nullable-"):
        values, mask = (
            rows_of(store.array(f"{key}/{part}")) for part in ("values", "mask")
        )
        if mask.any():
            raise ValueError(f"{int(mask.sum())} samples have no value in {key!r}.")
        return values
    return store.array(key)


def text_of(value):
    """Attribute as text, None where it is no text."""
    value = value.decode(errors="replace") if isinstance(value, bytes) else value
    return value if isinstance(value, str) else None


def no_array(key, found):
    """Message that there is no array of a key; those of the same group come first."""
    group = key.rpartition("/")[0]
    names = list(dict.fromkeys(_whole(one, found) for one in found))
    names.sort(key=lambda name: name.rpartition("/")[0] != group)
    more = f" and {len(names) - 20} others" if len(names) > 20 else ""
    return f"no array {key!r}; the file has {names[:20]}{more}."


def _whole(key, found):
    """Key of the matrix or column that an array is a part of, else its own."""
    name = key.rpartition("/")[0]
    return name if any(f"{name}/{part}" in found for part in TELLING) else key


def _named(codes, categories):
    """Category of each sample."""
    if codes.ndim != 1 or codes.dtype.kind not in "iu" or categories.ndim != 1:
        raise ValueError("the codes of the categories are damaged.")
    if (codes < 0).any():
        raise ValueError(f"{int((codes < 0).sum())} samples have no category.")
    if len(codes) and codes.max() >= len(categories):
        raise ValueError("the codes of the categories are damaged.")
    return categories[codes]


def _sparse_shape(store, key):
    """Rows and columns of a sparse matrix, none where they are not given."""
    shape = np.asarray(store.attributes(key).get("shape", ()))
    is_pair = shape.shape == (2,) and shape.dtype.kind in "iu" and (shape >= 0).all()
    return tuple(map(int, shape)) if is_pair else ()


def _sparse(store, key, kind):
    """Sparse matrix; dense where it has samples and features."""
    shape = _sparse_shape(store, key)
    if not shape:
        raise ValueError(f"the sparse matrix {key!r} has no shape.")
    parts = [
        rows_of(store.array(f"{key}/{part}")) for part in ("data", "indices", "indptr")
    ]
    _check_sparse(parts, shape if kind is sp.csr_array else shape[::-1])
    found = kind(tuple(parts), shape=shape)
    if key.startswith(OF_PAIRS):
        return found
    check_fits(shape, found.dtype)
    return found.toarray()


def _check_sparse(parts, shape):
    """Raise where the arrays of a sparse matrix do not belong together."""
    data, indices, indptr = parts
    n, width = shape
    is_valid = (
        [one.ndim for one in parts] == [1, 1, 1]
        and data.dtype.kind in "biuf"
        and indices.dtype.kind == indptr.dtype.kind == "i"
        and len(indptr) == n + 1
        and len(data) == len(indices)
        and indptr[0] == 0
        and indptr[-1] == len(data)
        and bool((np.diff(indptr) >= 0).all())
        and (len(indices) == 0 or (indices.min() >= 0 and indices.max() < width))
    )
    if not is_valid or math.prod(shape) < 0:
        raise ValueError("the arrays of a sparse matrix do not belong together.")
