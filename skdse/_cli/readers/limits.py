"""What a file may ask for: nothing is allocated on the word of a file alone.

A file declares shapes; a damaged or a hostile one declares any. An array is refused
where the bytes that are there cannot hold it, or where it would not fit in memory.
"""

import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..._tools.validation import available_memory

# Deflate makes of one byte no more than 1032.
DEFLATE_RATIO = 1032
# What is compressed at all may declare that much without a question.
SMALL = 2**20
# Bytes of a description (names, shapes, types) beside the numbers themselves.
LARGEST_HEADER = 4 * 2**20
# Bytes of a block of rows that are read at a time.
BLOCK_BYTES = 32 * 2**20
# Bytes by which a chunk may grow where it is packed, beside a tenth of it.
CHUNK_OVERHEAD = 2**16
# A chunk may be larger than an array that is to grow, but not by more.
LARGEST_CHUNK = 16


def size_in_bytes(shape, dtype):
    """Bytes of an array, as an integer of any size."""
    return math.prod(map(int, shape)) * np.dtype(dtype).itemsize


def packed_size(chunk, dtype):
    """Bytes of a packed chunk at most, of one that does not get smaller."""
    return size_in_bytes(chunk, dtype) * 11 // 10 + CHUNK_OVERHEAD


def check_declared(shape, dtype, stored, ratio=1):
    """Raise where an array is larger than so many stored bytes can hold.

    Each stored byte holds as many bytes as the ratio says.
    """
    declared = size_in_bytes(shape, dtype)
    free = SMALL if ratio > 1 else 0
    if min(shape, default=0) < 0 or declared > free + ratio * stored:
        raise ValueError(
            f"declares an array of shape {shown(shape)}, {amount(declared)}, but holds "
            f"{amount(stored)}: the file is truncated or damaged."
        )


def check_chunk(chunk, shape, dtype, stored, ratio=1):
    """Raise where a chunk of an array takes memory that the array cannot be worth.

    A chunk is unpacked as a whole, whatever rows of it are read.
    """
    check_declared(chunk, dtype, stored, ratio)
    size, whole = size_in_bytes(chunk, dtype), size_in_bytes(shape, dtype)
    if size > max(BLOCK_BYTES, LARGEST_CHUNK * whole):
        raise ValueError(
            f"has chunks of {amount(size)} for an array of {amount(whole)}: it is "
            "damaged."
        )
    check_fits(chunk, dtype)


def check_fits(shape, dtype):
    """Raise where an array would not fit in the memory that is free."""
    needed, free = size_in_bytes(shape, dtype), available_memory()
    if needed > free:
        raise MemoryError(
            f"an array of shape {shown(shape)} takes {amount(needed)}, and "
            f"{amount(free)} are free. --sample N reads N of its rows."
        )


def shown(shape):
    """Shape as text, also where it has thousands of dimensions."""
    texts = [str(n) if n < 10**18 else f"{n:.1e}" for n in map(int, shape[:8])]
    more = ["…"] if len(shape) > 8 else [""] if len(shape) == 1 else []
    return f"({', '.join([*texts, *more]).rstrip(' ')})"


def amount(n_bytes):
    """Bytes as text, in a unit that suits."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if n_bytes < 1024:
            return (
                f"{n_bytes:.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
            )
        n_bytes /= 1024
    return f"{n_bytes:.1f} TiB"


@dataclass(frozen=True)
class Blocks:
    """Array in a file from which blocks of rows are read.

    Attributes
    ----------
    shape : tuple of int
        What the file declares, and what has been checked.
    dtype : dtype
        Type of its entries.
    read : callable
        (start, stop) -> ndarray of these rows.
    edges : sequence of int or None
        Where the blocks begin and end that the file has; None for any.
    """

    shape: tuple
    dtype: np.dtype
    read: Callable
    edges: Sequence | None = None

    @property
    def ndim(self):
        """Number of dimensions."""
        return len(self.shape)

    def bounds(self):
        """First row of each block, and the row behind it."""
        n, row = self.shape[0], size_in_bytes(self.shape[1:], self.dtype)
        edges = self.edges
        if edges is None:
            edges = [*range(0, n, max(1, BLOCK_BYTES // max(1, row))), n]
        return itertools.pairwise(edges)


def read_description(path):
    """Content of a short file of JSON that describes others, a dictionary."""
    if path.stat().st_size > LARGEST_HEADER:
        raise ValueError(f"{path.name} is too large for a description.")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is damaged.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is damaged.")
    return content


def rows_of(array, rows=None):
    """Rows of an array in memory; all of them, or those of ascending numbers.

    A memory map stays one where all rows are asked for.
    """
    if not isinstance(array, Blocks):
        return array if rows is None else array[rows]
    n = array.shape[0] if rows is None else len(rows)
    shape = (n, *array.shape[1:])
    check_fits(shape, array.dtype)
    found = np.empty(shape, array.dtype)
    for start, stop in array.bounds():
        if rows is None:
            here, chosen = slice(start, stop), slice(None)
        else:
            here = slice(*np.searchsorted(rows, [start, stop]))
            chosen = rows[here] - start
        if here.start < here.stop:
            block = array.read(start, stop)
            if block.shape != (stop - start, *shape[1:]):
                raise ValueError("it has fewer rows than it declares: it is damaged.")
            found[here] = block[chosen]
    return found
