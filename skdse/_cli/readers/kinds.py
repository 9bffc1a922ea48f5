"""The table of the readers of the command line: one for each kind of file.

A new kind is a module with two functions and a line in `READERS`. No reader runs what
is in a file, and none believes what a file declares before it has looked at it, see
`limits`.
"""

from collections.abc import Callable
from typing import NamedTuple

from . import tables, text
from .checkpoints import pt_arrays, read_pt
from .hdf5 import hdf5_arrays, read_hdf5
from .limits import rows_of
from .numpy_files import npy_arrays, npz_arrays, read_npy, read_npz
from .safetensors import read_safetensors, safetensors_arrays
from .zarr_folders import is_zarr, read_zarr, zarr_arrays


class Reader(NamedTuple):
    """How a kind of files is read.

    Attributes
    ----------
    arrays : callable
        (path, without) -> shape of each array by its key; a key of None is the file as
        a whole, a shape of None is one that is not known yet, and of () one that is not
        of numbers.
    read : callable
        (path, key, without) -> array, memory map or `Blocks`; of a table without a key,
        all columns but one.
    labels : callable or None
        (path, key) -> labels; None where these are read like other arrays.
    """

    arrays: Callable
    read: Callable
    labels: Callable | None = None


_TEXT = Reader(text.text_arrays, text.read_text, text.read_text_labels)
_TABLE = Reader(tables.table_arrays, tables.read_table, tables.read_table_labels)
_HDF5 = Reader(hdf5_arrays, read_hdf5)
_PT = Reader(pt_arrays, read_pt)
_ZARR = Reader(zarr_arrays, read_zarr)
READERS = {
    ".arrow": _TABLE,
    ".csv": _TEXT,
    ".feather": _TABLE,
    ".h5": _HDF5,
    ".h5ad": _HDF5,
    ".hdf5": _HDF5,
    ".npy": Reader(npy_arrays, read_npy),
    ".npz": Reader(npz_arrays, read_npz),
    ".parquet": _TABLE,
    ".pt": _PT,
    ".pth": _PT,
    ".safetensors": Reader(safetensors_arrays, read_safetensors),
    ".tsv": _TEXT,
    ".zarr": _ZARR,
}
LABELS_ALONE = {".txt": Reader(text.text_arrays, text.read_text, text.read_label_lines)}


def reader_of(path, for_labels=False):
    """Reader of a file, or of a folder that is one array or table; None without one."""
    if path.is_dir():
        return _ZARR if is_zarr(path) else _TABLE if tables.is_dataset(path) else None
    known = READERS | LABELS_ALONE if for_labels else READERS
    return known.get(path.suffix.lower())


def labels_in(path, key=None, beside=None):
    """Labels in a file, by their key, or where they are the only array of one number.

    They may be beside an array of samples, in the same split of a data set.
    """
    reader = reader_of(path, for_labels=True)
    if beside is not None and reader is _TABLE:
        key = tables.in_split_of(path, key, beside)
    if reader.labels is not None:
        return reader.labels(path, key)
    if key is None:
        shapes = reader.arrays(path)
        keys = [one for one, shape in shapes.items() if len(shape) == 1]
        if None not in shapes and len(keys) != 1:
            raise ValueError(f"name the labels: FILE:KEY, of {list(shapes)[:20]}.")
        key = None if None in shapes else keys[0]
    return rows_of(reader.read(path, key))
