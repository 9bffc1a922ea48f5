"""Texts of any length in HDF5: read here, not by HDF5.

Such a text is a reference in the dataset: its length, and where in the file the heap is
that has it, and which of the objects there. HDF5 allocates whatever length a reference
or a heap declares. Here a text is a part of the file, or the file is damaged.
"""

import numpy as np

from .hdf5_chunks import rows_of_chunks
from .limits import check_fits

ADDRESS_BYTES = 8
REFERENCE = np.dtype([("length", "<u4"), ("place", "<u8"), ("number", "<u4")])
# A heap begins with a signature, a version and its size; an object with these.
SIGNATURE, HEAD_BYTES = b"GCOL\1", 16
OBJECT = np.dtype(
    [("number", "<u2"), ("uses", "<u2"), ("none", "<u4"), ("size", "<u8")]
)
# Parts of the description of a group, and bytes of one.
MOST_PARTS, MOST_PART_BYTES = 64, 2**16
DAMAGED = "its texts do not lie in the file, which is damaged."


def texts_in(path, key, dataset):
    """Texts of a dataset, as an array."""
    check_fits(dataset.shape, REFERENCE)
    references = _references(path, key, dataset)
    content = np.memmap(path, np.uint8, "r")
    if int(references["length"].sum(dtype=np.int64)) > len(content):
        raise ValueError(DAMAGED)
    start, heaps, texts = dataset.file.userblock_size, {}, []
    for length, place, number in references.ravel().tolist():
        if not length:
            texts.append("")
            continue
        if place not in heaps:
            heaps[place] = _objects(content, start + place)
        first, size = heaps[place].get(number, (0, 0))
        if length > size:
            raise ValueError(DAMAGED)
        text = content[first : first + length].tobytes()
        texts.append(text.decode(errors="replace"))
    longest = max(map(len, texts), default=0)
    check_fits(dataset.shape, f"U{longest}")
    return np.array(texts, dtype=str).reshape(dataset.shape)


def check_attributes(path, node):
    """Raise where texts among the attributes of a group would be read beside a heap.

    HDF5 reads these. References to heaps, and to where a description of a group goes
    on, are looked for at each byte of it.
    """
    import h5py

    content = np.memmap(path, np.uint8, "r")
    start, info = node.file.userblock_size, h5py.h5o.get_info(node.id)
    parts, seen = [(start + info.addr, info.hdr.space.total)], set()
    while parts and len(seen) < MOST_PARTS:
        first, size = parts.pop()
        if first in seen or size > MOST_PART_BYTES:
            continue
        seen.add(first)
        part = content[first : first + size]
        for at in range(len(part) - 8):
            place = start + int.from_bytes(part[at : at + 8].tobytes(), "little")
            if place >= len(content):
                continue
            if content[place : place + 5].tobytes() == SIGNATURE:
                _check_reference(part, at, _objects(content, place))
            more = int.from_bytes(part[at + 8 : at + 16].tobytes(), "little")
            if 0 < more <= len(content) - place and place > start:
                parts.append((place, more))


def _check_reference(part, at, objects):
    """Raise where a text is longer than its object; before its place is the length."""
    length, number = (
        int.from_bytes(part[start : start + 4].tobytes(), "little")
        for start in (max(0, at - 4), at + 8)
    )
    if number in objects and length > objects[number][1]:
        raise ValueError(DAMAGED)


def _references(path, key, dataset):
    """References to the texts of a dataset."""
    if dataset.file.id.get_create_plist().get_sizes()[0] != ADDRESS_BYTES:
        raise ValueError(f"{key!r}: texts in files with short addresses are not read.")
    if dataset.chunks is not None:
        return rows_of_chunks(path, dataset, REFERENCE)
    offset = dataset.id.get_offset()
    if offset is not None and 0 not in dataset.shape:
        return np.memmap(path, REFERENCE, "r", offset, dataset.shape)
    if dataset.id.get_storage_size():
        raise ValueError(f"{key!r}: texts in a compact dataset are not read.")
    return np.zeros(dataset.shape, REFERENCE)


def _objects(content, place):
    """Where each object of a heap begins in the content of a file, and its size."""
    head = content[place : place + HEAD_BYTES].tobytes()
    size, found = int.from_bytes(head[8:], "little"), {}
    if not head.startswith(SIGNATURE) or size > len(content) - place:
        raise ValueError(DAMAGED)
    at, end = place + HEAD_BYTES, place + size
    while at + OBJECT.itemsize <= end:
        (one,) = content[at : at + OBJECT.itemsize].view(OBJECT)
        at, size = at + OBJECT.itemsize, int(one["size"])
        if not one["number"]:  # what is free
            break
        if size > end - at:
            raise ValueError(DAMAGED)
        found[int(one["number"])] = at, size
        at += -(-size // 8) * 8
    return found
