"""Files of NumPy: an array each (.npy), and archives of arrays (.npz)."""

import io
import struct
import zipfile

import numpy as np

from .archives import offset_of, open_archive
from .limits import DEFLATE_RATIO, check_declared, check_fits, size_in_bytes

PICKLED = (
    "holds Python objects, and reading these could run any code. Write the numbers or "
    "the text alone, for instance numpy.save(file, array.astype(str))."
)
# Bytes of a header; that of a plain array has 128.
LONGEST_HEADER = 10_000


def npy_arrays(path, without=None):
    """Shape of the array of a file."""
    return {None: _opened(path).shape}


def read_npy(path, key=None, without=None):
    """Array that stays on the disk until it is used."""
    if key is not None:
        raise ValueError("a .npy file has a single array, without a name.")
    return _opened(path)


def _opened(path):
    """Memory map of the array of a file."""
    with open(path, "rb") as file:
        shape, fortran_order, dtype = read_header(file)
        stored = path.stat().st_size - file.tell()
        check_declared(shape, dtype, stored)
        return _mapped(path, file.tell(), shape, dtype, fortran_order)


def read_header(file):
    """Shape, order and dtype from the header of a .npy file, which is short."""
    version = np.lib.format.read_magic(file)
    length_format = "<H" if version == (1, 0) else "<I"
    length = file.read(struct.calcsize(length_format))
    if len(length) < struct.calcsize(length_format):
        raise ValueError("the file ends within its header.")
    (n_bytes,) = struct.unpack(length_format, length)
    if n_bytes > LONGEST_HEADER:
        raise ValueError(f"the header has {n_bytes} bytes: it describes no array.")
    header = io.BytesIO(length + file.read(n_bytes))
    one = np.lib.format.read_array_header_1_0
    read = one if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, fortran_order, dtype = read(header, max_header_size=LONGEST_HEADER)
    except ValueError:
        raise
    except Exception as error:  # whatever Python's parser and np.dtype make of it
        raise ValueError("the header describes no array.") from error
    if dtype.hasobject:
        raise ValueError(PICKLED)
    return shape, fortran_order, dtype


def _mapped(path, offset, shape, dtype, fortran_order=False):
    """Array of a part of a file; what is empty cannot be mapped."""
    order = "F" if fortran_order else "C"
    if size_in_bytes(shape, dtype) == 0:
        return np.empty(shape, dtype, order)
    return np.memmap(path, dtype, "r", offset, shape, order)


def npz_arrays(path, without=None):
    """Shape of each array of an archive; of a table with named columns, none."""
    found = {}
    with _archive(path) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(".npy"):
                with archive.open(entry) as file:
                    try:
                        shape, _, dtype = read_header(file)
                    except ValueError:  # not measured, until it is asked for
                        shape, dtype = (), np.dtype("V")
                is_numbers = dtype.kind in "biuf"
                found[entry.filename.removesuffix(".npy")] = shape if is_numbers else ()
    return found


def read_npz(path, key, without=None):
    """Array of an archive; a memory map where it is not compressed."""
    with _archive(path) as archive:
        names = {one.filename.removesuffix(".npy"): one for one in archive.infolist()}
        if key not in names:
            raise ValueError(f"no array of this name; the archive has {list(names)}.")
        entry = names[key]
        with archive.open(entry) as file:
            shape, fortran_order, dtype = read_header(file)
            header = file.tell()
            check_declared(shape, dtype, entry.file_size - header)
            if entry.compress_type == zipfile.ZIP_STORED:
                offset = offset_of(path, entry) + header
                return _mapped(path, offset, shape, dtype, fortran_order)
            check_declared(shape, dtype, entry.compress_size, DEFLATE_RATIO)
            check_fits(shape, dtype)
            return _inflated(file, shape, dtype, fortran_order)


def _archive(path):
    """Archive of arrays."""
    return open_archive(path, "not an archive as numpy.savez writes it.")


def _inflated(file, shape, dtype, fortran_order):
    """Array of what is read from an entry, all of it."""
    content = file.read(size_in_bytes(shape, dtype))
    if len(content) < size_in_bytes(shape, dtype):
        raise ValueError("the file is truncated or damaged.")
    flat = np.frombuffer(content, dtype)
    return flat.reshape(shape, order="F" if fortran_order else "C")
