"""Sparse matrices by blocks of rows, so that nothing of their size is made anew.

The arrays of a CSR matrix may lie in a file, as memory maps. What is made here of a
block has a few megabytes. Threads share the blocks; a row's sum has the same order
whatever the blocks are, and so the same bits.
"""

from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from .parallel import map_threads

# Entries of a block: of products, and of searches, whose work arrays fit in a cache.
BLOCK_ENTRIES, SEARCHED_ENTRIES = 2**22, 2**18


def entry_blocks(G, n_entries=BLOCK_ENTRIES):
    """Slices of rows of about so many entries each."""
    ends = np.arange(n_entries, G.nnz, n_entries)
    cuts = np.unique(np.append(np.searchsorted(G.indptr, ends), [0, G.shape[0]]))
    return [slice(int(start), int(stop)) for start, stop in pairwise(cuts)]


def rows_of(G, rows, dtype=None):
    """Some rows, in another precision or without a copy of their entries."""
    indptr = G.indptr[rows.start : rows.stop + 1]
    part = slice(indptr[0], indptr[-1])
    data = G.data[part].astype(dtype or G.dtype, copy=False)
    shape = rows.stop - rows.start, G.shape[1]
    return sp.csr_array((data, G.indices[part], indptr - indptr[0]), shape=shape)


def product(G, V, dtype=None, squared=False):
    """Product of G, or of its squared entries, with a vector or a block.

    With a dtype, the entries are rounded to this precision first. The result has the
    higher precision of both; squares are in float64.
    """
    dtype = np.dtype(dtype or G.dtype)
    found = np.empty((G.shape[0], *V.shape[1:]), np.result_type(dtype, V))

    def multiply(rows):
        part = rows_of(G, rows, dtype)
        if squared:
            part.data = np.square(part.data, dtype=np.float64)
        found[rows] = part @ V

    map_threads(multiply, entry_blocks(G))
    return found


def column_products(G, V, dtype=None, scale=None):
    """Product of G with a large block, column by column.

    With a vector as scale, it is diag(scale) G diag(scale) that multiplies.
    """
    found = np.empty(V.shape, V.dtype)
    for j in range(V.shape[1]):
        column = np.ascontiguousarray(V[:, j]) if scale is None else scale * V[:, j]
        column = product(G, column, dtype)
        found[:, j] = column if scale is None else np.multiply(scale, column, column)
    return found


def without_duplicates(G):
    """G with ascending columns in each row, each stored once: itself, or a copy."""
    if G.has_canonical_format:
        return G
    G = G.copy()
    G.sum_duplicates()
    return G


def asymmetry(G):
    """Largest difference of G, without duplicates, from its transpose."""

    def largest(rows):
        entries = G.data[G.indptr[rows.start] : G.indptr[rows.stop]]
        return float(abs(entries - _mirrored(G, rows)).max(initial=0.0))

    return max(map_threads(largest, entry_blocks(G, SEARCHED_ENTRIES)), default=0.0)


def _mirrored(G, rows):
    """Entries (j, i) of G for all (i, j) that some rows store, by binary search."""
    indptr, indices = G.indptr, G.indices
    counts = np.diff(indptr[rows.start : rows.stop + 1])
    i = np.repeat(np.arange(rows.start, rows.stop, dtype=indices.dtype), counts)
    j = indices[indptr[rows.start] : indptr[rows.stop]]
    low, last = indptr[j], indptr[j + 1]
    left = last - low  # entries among which it can be
    while left.any():
        half = left >> 1
        middle = low + half
        # Where nothing is left the place may lie behind the last entry.
        is_before = indices[np.minimum(middle, G.nnz - 1)] < i
        is_before &= left > 0
        low = np.where(is_before, middle + 1, low)
        left = np.where(is_before, left - half - 1, half)
    at = np.minimum(low, G.nnz - 1)
    return np.where((low < last) & (indices[at] == i), G.data[at], 0)


def empty_rows(G):
    """Numbers of the rows without an entry above 0; no entry is below."""
    return np.flatnonzero(product(G, np.ones(G.shape[1], G.dtype)) == 0)
