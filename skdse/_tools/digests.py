"""Digests of arrays: whether samples are the very samples that were seen before.

An array may be changed in place, and a copy be equal, so that neither its address nor
its shape tells. Its content does.
"""

import hashlib

import array_api_compat as compat
import numpy as np
import scipy.sparse as sp

from .arrays import is_device_array, row_codes
from .parallel import map_threads, row_blocks

# Bytes that a thread reads at a time.
BLOCK_BYTES = 4 * 2**20


def digest(X):
    """Digest of the content, shape and type of an array, dense or sparse.

    That of an array on a device is of a number for each row, a sum over its features;
    that of an object with several ``arrays`` is of all of them.
    """
    if hasattr(X, "arrays"):
        return _of(*map(digest, X.arrays))
    if sp.issparse(X):
        X = sp.csr_array(X)
        parts = [digest(part) for part in (X.data, X.indices, X.indptr)]
        return _of(repr(X.shape).encode(), *parts)
    if is_device_array(X):
        kind = tuple(X.shape), str(X.dtype), str(compat.device(X))
        return _of(repr(kind).encode(), np.ascontiguousarray(row_codes(X)))
    rows = max(1, BLOCK_BYTES // max(1, X[:1].nbytes))
    blocks = map_threads(
        lambda rows: _of(np.ascontiguousarray(X[rows])),
        row_blocks(len(X), rows) if len(X) else [],
    )
    return _of(repr((X.shape, X.dtype.str)).encode(), *blocks)


def mix(bits):
    """Array of whole numbers of 64 bits, each mixed by splitmix64, in its memory.

    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
    """
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits ^= bits >> np.uint64(shift)
        bits *= np.uint64(factor)
    return bits ^ (bits >> np.uint64(31))


def _of(*buffers):
    """Digest of some bytes."""
    # Not of secrets: the hash that processors have an instruction for.
    found = hashlib.sha256(usedforsecurity=False)
    for buffer in buffers:
        found.update(buffer)
    return found.digest()
