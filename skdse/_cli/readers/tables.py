"""Tables of Arrow: Parquet, Arrow and Feather files, and data sets of Hugging Face.

file ─► batches of a column, as they lie in the file ─► `columns` ─► array.

Of Parquet, groups of rows are unpacked one by one; Arrow files are memory-mapped, and
their numbers stay on the disk.
"""

import itertools
import warnings
from bisect import bisect
from pathlib import Path

import numpy as np

from ..errors import extra
from .columns import (
    check_field,
    labels_of,
    no_column,
    number_columns,
    numbers_of,
    shapes_of,
)
from .limits import LARGEST_HEADER, Blocks, check_fits, read_description, rows_of

# Before, Arrow unpickled types of extension as it met them (CVE-2023-47248).
OLDEST = (14, 0, 1)
FILE_MAGIC, FEATHER_1 = b"ARROW1", b"FEA1"
# What Thrift may unpack of the description of a Parquet file.
THRIFT_BYTES, THRIFT_ITEMS = LARGEST_HEADER, 200_000
# Files of a data set of Hugging Face.
STATE, SPLITS = "state.json", "dataset_dict.json"


def table_arrays(path, without=None):
    """Shape of each column of lists; without any, that of all numbers as a matrix."""
    if (path / SPLITS).is_file():
        return {
            f"{split}/{key}" if key else split: shape
            for split in _splits(path)
            for key, shape in table_arrays(path / split, without).items()
        }
    table = _opened(path)
    return shapes_of(table.schema, table.n_rows, without)


def read_table(path, key=None, without=None):
    """Column of lists as a matrix, a column of numbers, or all numbers side by side."""
    path, key = _in_split(path, key)
    table = _opened(path)
    if key is not None:
        return table.numbers(key)
    names = number_columns(table.schema, without)
    return table.matrix(names)


def read_table_labels(path, key=None, without=None):
    """Labels in a column, the only one where none is named."""
    path, key = _in_split(path, key)
    table = _opened(path)
    names = table.schema.names
    if key is None and len(names) > 1:
        raise ValueError(f"name the column of the labels: FILE:NAME, of {names[:20]}.")
    return labels_of(table.column(names[0] if key is None else key))


def in_split_of(path, key, beside):
    """Key of a column in the split of another column."""
    if not (path / SPLITS).is_file():
        return key
    return f"{beside.partition('/')[0]}/{key}"


def is_dataset(path):
    """Whether a folder is a data set as Hugging Face's ``save_to_disk`` writes it."""
    return (path / STATE).is_file() or (path / SPLITS).is_file()


class _Table:
    """Columns of a table.

    Attributes
    ----------
    schema : pyarrow.Schema
        Names and types of the columns.
    n_rows : int
        Number of rows.
    """

    def matrix(self, names):
        """Columns of numbers side by side."""
        columns = [rows_of(self.numbers(name)) for name in names]
        dtype = np.result_type(*columns) if columns else float
        check_fits((self.n_rows, len(names)), dtype)
        found = np.empty((self.n_rows, len(names)), dtype)
        for i, one in enumerate(columns):
            found[:, i] = one
        return found

    def checked(self, name):
        """Field of a column, or raise where there is none that may be read."""
        if name not in self.schema.names:
            raise ValueError(no_column(name, self.schema))
        return self.schema.field(name)


class _ArrowTable(_Table):
    """Memory-mapped batches."""

    def __init__(self, batches, schema):
        self.batches = batches
        self.schema = schema
        self.n_rows = sum(one.num_rows for one in batches)

    def column(self, name):
        """Column of a name."""
        import pyarrow

        place = self.schema.names.index(self.checked(name).name)
        kind = self.schema.types[place]
        column = pyarrow.chunked_array(
            [one.column(place) for one in self.batches], kind
        )
        # Offsets of lists are taken as they are: damaged ones lead elsewhere.
        column.validate(full=True)
        return column

    def numbers(self, name):
        """Numbers of a column, an array with a row for each."""
        return numbers_of(self.column(name))


class _ParquetTable(_Table):
    """Groups of rows of a Parquet file."""

    def __init__(self, path):
        import pyarrow.parquet as parquet

        self.file = parquet.ParquetFile(
            path,
            memory_map=True,
            thrift_string_size_limit=THRIFT_BYTES,
            thrift_container_size_limit=THRIFT_ITEMS,
        )
        self.schema = self.file.schema_arrow
        self.n_rows = self.file.metadata.num_rows

    def column(self, name):
        """Column of a name, all of it."""
        self.checked(name)
        check_fits((self.n_rows,), "V8")
        return self.file.read([name]).column(0)

    def numbers(self, name):
        """Numbers of a column, whose groups of rows are read when they are needed."""
        import pyarrow

        field, groups = self.checked(name), range(self.file.metadata.num_row_groups)
        sizes = [self.file.metadata.row_group(i).num_rows for i in groups]
        edges = np.cumsum([0, *sizes]).tolist()
        if min(sizes, default=0) < 0 or edges[-1] != self.n_rows:
            raise ValueError("the numbers of rows do not agree: the file is damaged.")
        batches = self.file.iter_batches(1, columns=[name])
        first = [one.column(0) for one in itertools.islice(batches, 1)]
        one = numbers_of(pyarrow.chunked_array(first, field.type))

        def read(start, stop):
            group = bisect(edges, start) - 1
            return numbers_of(self.file.read_row_group(group, [name]).column(0))

        return Blocks((self.n_rows, *one.shape[1:]), one.dtype, read, edges)


def _opened(path):
    """Table of a file or of a folder."""
    with extra("report", f"reading {path.suffix or 'data sets'}"):
        import pyarrow
    version = tuple(int(n) for n in pyarrow.__version__.split(".")[:3] if n.isdigit())
    if version < OLDEST:
        raise ValueError(
            f"pyarrow {pyarrow.__version__} may run code that is in a file; install "
            "pyarrow 14.0.1 or later."
        )
    with warnings.catch_warnings():
        # Older versions warn of types that are pickles, which are refused here.
        warnings.filterwarnings("ignore", message="pickle-based|.*PyExtensionType")
        if path.suffix.lower() == ".parquet":
            table = _ParquetTable(path)
        else:
            files = [path] if path.is_file() else _files_of_dataset(path)
            table = _mapped_table(files)
        for field in table.schema:
            check_field(field)
    return table


def _mapped_table(files):
    """Table in one or several files of Arrow."""
    batches, schema = [], None
    for file in files:
        more, schema = _batches(file)
        batches += more
    return _ArrowTable(batches, schema)


def _batches(path):
    """Memory-mapped batches and schema of a file of Arrow, or of a stream in a file."""
    import pyarrow

    with open(path, "rb") as file:
        magic = file.read(6)
    if magic.startswith(FEATHER_1):
        raise ValueError("Feather of version 1 is not read; write it as version 2.")
    if path.stat().st_size == 0:
        raise ValueError("the file is empty.")
    mapped = pyarrow.memory_map(str(path))
    if magic == FILE_MAGIC:
        with pyarrow.ipc.open_file(mapped) as reader:
            n = reader.num_record_batches
            return [reader.get_batch(i) for i in range(n)], reader.schema
    with pyarrow.ipc.open_stream(mapped) as reader:
        return list(reader), reader.schema


def _files_of_dataset(path):
    """Files of Arrow of a data set, which must lie in its folder."""
    state = read_description(path / STATE)
    if state.get("_indices_data_files"):
        raise ValueError("it is a selection of rows: call flatten_indices() first.")
    try:
        names = [one["filename"] for one in state["_data_files"]]
        are_plain = all(Path(name).name == name for name in names)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{STATE} is damaged.") from error
    if not names or not are_plain or any((path / one).is_symlink() for one in names):
        raise ValueError(f"{STATE} names no files of this folder.")
    return [path / name for name in names]


def _splits(path):
    """Names of the splits of a data set, folders in its folder."""
    names = read_description(path / SPLITS).get("splits")
    are_plain = isinstance(names, list) and all(
        isinstance(name, str) and Path(name).name == name for name in names
    )
    if not are_plain or any((path / one).is_symlink() for one in names):
        raise ValueError(f"{SPLITS} names no folders of this one.")
    return names


def _in_split(path, key):
    """Folder of a split and the column in it: "train/embedding"."""
    if not (path / SPLITS).is_file():
        return path, key
    split, _, column = (key or "").partition("/")
    if split not in _splits(path):
        raise ValueError(f"name a split: FOLDER:SPLIT/COLUMN, of {_splits(path)}.")
    return path / split, column or None
