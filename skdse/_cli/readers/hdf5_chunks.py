"""Chunks of HDF5 that are packed: unpacked here, not by HDF5.

HDF5 believes what a file says of its chunks. Of an empty one with a checksum it reads
whatever lies in memory, one that is too short is filled up with that, and a long one
becomes as large as it likes. So the stored bytes are taken as they are, and the filters
of HDF5 (deflate, shuffle, checksum) undone one by one, each with a limit.

where chunks are stored ─► checked ─► bytes ─► filters undone ─► rows.
"""

import zlib

import numpy as np

from .limits import BLOCK_BYTES, Blocks, check_chunk, packed_size, size_in_bytes

DEFLATE, SHUFFLE, CHECKSUM = 1, 2, 3
CHECKSUM_BYTES = 4
# The filter of h5py, which makes no more than is asked of it.
LZF = 32000
FILTERS = {DEFLATE, SHUFFLE, CHECKSUM, LZF}
DAMAGED = "a chunk cannot be unpacked: the file is damaged."


def filters_of(dataset):
    """Numbers of the filters of a dataset in their order, with their parameters."""
    plan = dataset.id.get_create_plist()
    found = [plan.get_filter(i) for i in range(plan.get_nfilters())]
    return [(number, values) for number, _, values, _ in found]


def rows_of_chunks(path, dataset, dtype):
    """All rows of a dataset in chunks, as numbers of a type that is as long."""
    stored, filters = _stored_chunks(path, dataset, dtype)
    return _rows(dataset, stored, filters, (0, dataset.shape[0]), dtype)


def blocks_of_chunks(path, key, dataset, ratio):
    """Blocks of a dataset in chunks, each of which is known to be in the file."""
    shape, dtype, chunk = dataset.shape, dataset.dtype, dataset.chunks
    stored, filters = _stored_chunks(path, dataset, dtype)
    check_chunk(chunk, shape, dtype, sum(one.size for one in stored), ratio)
    rows = BLOCK_BYTES // max(1, size_in_bytes(shape[1:], dtype))
    rows = max(1, rows // chunk[0]) * chunk[0]
    edges = [*range(0, shape[0], rows), shape[0]]
    is_ours = filters and LZF not in dict(filters)
    # By the third of its parameters lzf takes memory.
    if dict(filters).get(LZF, ())[2:3] not in ((), (size_in_bytes(chunk, dtype),)):
        raise ValueError(DAMAGED)

    def read(start, stop):
        import h5py

        with h5py.File(path, "r") as file:
            if not is_ours:
                return file[key][start:stop]
            return _rows(file[key], stored, filters, (start, stop), dtype)

    return Blocks(shape, dtype, read, edges)


def _stored_chunks(path, dataset, dtype):
    """Where chunks are in the file, none of them too short or long; and the filters."""
    stored, filters = [], filters_of(dataset)
    dataset.id.chunk_iter(stored.append)
    file_size, n_bytes = path.stat().st_size, size_in_bytes(dataset.chunks, dtype)
    least, most = 1, packed_size(dataset.chunks, dtype)
    if not filters:
        least = most = n_bytes
    for one in stored:
        is_there = 0 < one.byte_offset <= file_size - one.size
        if not is_there or not least <= one.size <= most:
            raise ValueError(
                f"a chunk of {one.size} bytes at {one.byte_offset} cannot be: the file "
                "is damaged."
            )
    return stored, filters


def _rows(dataset, stored, filters, rows, dtype):
    """Rows of a dataset, from the chunks that have some of them."""
    (start, stop), chunk = rows, dataset.chunks
    shape, n_bytes = (stop - start, *dataset.shape[1:]), size_in_bytes(chunk, dtype)
    found = np.zeros(shape, dtype)
    if dataset.dtype == dtype:
        found[...] = dataset.fillvalue
    for one in stored:
        first, *others = one.chunk_offset
        if first >= stop or first + chunk[0] <= start:
            continue
        mask, content = dataset.id.read_direct_chunk(one.chunk_offset)
        part = _unpacked(content, mask, filters, n_bytes)
        part = np.frombuffer(part, dtype).reshape(chunk)
        begin, end = max(first, start), min(first + chunk[0], stop)
        inner = [slice(at, at + n) for at, n in zip(others, chunk[1:], strict=True)]
        place = found[(slice(begin - start, end - start), *inner)]
        sizes = (slice(begin - first, end - first), *map(slice, place.shape[1:]))
        place[...] = part[sizes]
    return found


def _unpacked(content, mask, filters, n_bytes):
    """Bytes of a chunk, so many; a bit of the mask says that a filter was left out."""
    content = bytes(content)
    for i, (number, values) in reversed(list(enumerate(filters))):
        if mask >> i & 1:
            continue
        if number == CHECKSUM:
            content = _checked(content)
        elif number == DEFLATE:
            content = _inflated(content, n_bytes + CHECKSUM_BYTES)
        elif number == LZF:
            content = _copied(content, n_bytes + CHECKSUM_BYTES)
        else:
            content = _unshuffled(content, values)
    if len(content) != n_bytes:
        raise ValueError(DAMAGED)
    return content


def _inflated(content, most):
    """What deflate has packed, or raise where it is more than it can be."""
    packed = zlib.decompressobj()
    try:
        found = packed.decompress(content, most)
    except zlib.error as error:
        raise ValueError(DAMAGED) from error
    if not packed.eof:
        raise ValueError(DAMAGED)
    return found


def _copied(content, most):
    """What lzf has packed: bytes, and copies of earlier ones; slow, for texts alone."""
    found, rest = bytearray(), iter(content)
    try:
        for code in rest:
            if code < 32:
                found += bytes(next(rest) for _ in range(code + 1))
                continue
            n = 2 + (code >> 5) + (next(rest) if code >> 5 == 7 else 0)
            place = len(found) - ((code & 31) << 8) - next(rest) - 1
            for i in range(place, place + n if place >= 0 else 0):
                found.append(found[i])
            if place < 0 or len(found) > most:
                raise ValueError(DAMAGED)
    except (StopIteration, RuntimeError, IndexError) as error:
        raise ValueError(DAMAGED) from error
    return bytes(found)


def _unshuffled(content, values):
    """Bytes of numbers side by side, of which the first ones came first."""
    size = values[0] if values else 1
    n = len(content) // max(size, 1)
    whole = np.frombuffer(content, np.uint8, n * size).reshape(size, n)
    return whole.T.tobytes() + content[n * size :]


def _checked(content):
    """Content without Fletcher's checksum behind it, or raise where that is wrong."""
    content, stored = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    words = np.frombuffer(content + b"\0" * (len(content) % 2), ">u2").astype(np.uint64)
    weights = np.arange(len(words), 0, -1, dtype=np.uint64) % 65535
    sums = [int(words.sum()), int((weights * words).sum())]
    found = [sums[1] % 65535, sums[0] % 65535]
    number = int.from_bytes(stored, "little")
    if [(number >> 16) % 65535, (number & 65535) % 65535] != found or not content:
        raise ValueError(DAMAGED)
    return content
