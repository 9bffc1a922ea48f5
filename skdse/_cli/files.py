"""Files that the command line reads and writes, and the errors that they cause.

What the input got wrong is an InputError: one line and exit status 2, no traceback.
"""

import csv
import io
import math
import re
import warnings
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BAD_INPUT = (MemoryError, OSError, ValueError, zipfile.BadZipFile)


class InputError(Exception):
    """What the user can put right, in one line."""


@contextmanager
def blamed_on(name):
    """Turn what a bad input causes into one line that names it."""
    try:
        yield
    except BAD_INPUT as error:
        raise InputError(f"{name}: {first_line(error)}") from error


@contextmanager
def extra(extra, purpose):
    """Turn a missing import into the name of the extra that has it."""
    try:
        yield
    except ImportError as error:
        raise InputError(
            f'{purpose} needs an optional package: pip install "skdse[{extra}]".'
        ) from error


def first_line(error):
    """What an error says, in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0]


# What there is to read


@dataclass(frozen=True)
class Source:
    """An array of a file: its name in the results, and where it is."""

    name: str
    path: Path
    key: str | None = None

    def state(self):
        """Size in bytes and time of modification of the file."""
        stat = self.path.stat()
        return stat.st_size, stat.st_mtime_ns


def find_sources(files, others=()):
    """Sources in files and folders, without the other files of the command."""
    others = {Path(other).absolute() for other in others if other}
    found = []
    for file in files:
        if Path(file).is_dir():
            found += _sources_below(Path(file), others)
        else:
            path, key = _split_key(file)
            check_file(path, READERS)
            found += [(one, one) for one in _sources_in(path, path, key)]
    # In a folder, names are relative to it, unless two are the same then.
    relative = len({one.name for one, _ in found}) == len(found)
    return [one if relative else other for one, other in found]


def _sources_below(folder, others):
    """Sources in a folder, with names relative to it and not; epoch2 before epoch10."""
    files = [
        (path.relative_to(folder), path)
        for path in folder.rglob("*")
        if path.suffix in READERS and path.absolute() not in others and path.is_file()
    ]
    files = [one for one in files if not any(p.startswith(".") for p in one[0].parts)]
    if not files:
        raise InputError(f"{folder}: no file of {sorted(READERS)} in this folder.")
    return [
        pair
        for relative, path in sorted(files, key=lambda one: _natural(one[0]))
        for pair in zip(
            _sources_in(path, relative), _sources_in(path, path), strict=True
        )
    ]


def _natural(path):
    """Key by which numbers in a path sort as numbers."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def _sources_in(path, name, key=None):
    """Source for each array of a file."""
    name = name.as_posix()
    if path.suffix != ".npz":
        return [Source(name, path.absolute())]
    with blamed_on(name if key is None else f"{name}:{key}"):
        keys = _matrices(path) if key is None else [_checked_key(path, key)]
    return [Source(f"{name}:{key}", path.absolute(), key) for key in keys]


def _split_key(file):
    """Path of a file, and the key of FILE.npz:KEY."""
    match = re.fullmatch(r"(.+\.npz):(.+)", file)
    return (Path(match[1]), match[2]) if match else (Path(file), None)


def check_extension(path, extensions):
    """Raise unless the name of a file says that it is of a known kind."""
    if Path(path).suffix not in extensions:
        raise InputError(
            f"{path}: the extension must be one of {sorted(extensions)}; "
            f"got {Path(path).suffix!r}."
        )


def check_file(path, readers):
    """Raise unless the file is there and of a known kind."""
    path = Path(path)
    check_extension(path, readers)
    if not path.is_file():
        raise InputError(f"{path}: {'not a' if path.exists() else 'no such'} file.")


def _matrices(path):
    """Names of the arrays of two dimensions or more in an archive."""
    with _read_npz(path) as archive:
        # Archives often have the labels, too: measured only when asked for.
        found = [name for name in archive.files if _ndim(archive, name) > 1]
        if not found:
            raise ValueError(f"no array of two dimensions among {archive.files}.")
    return found


def _ndim(archive, name):
    """Dimensions of an array in an archive, from its header alone."""
    with archive.zip.open(f"{name}.npy") as file:
        old = np.lib.format.read_magic(file) == (1, 0)
        read = "read_array_header_1_0" if old else "read_array_header_2_0"
        return len(getattr(np.lib.format, read)(file)[0])


def _checked_key(path, key):
    """Return the name of an array that the archive has."""
    with _read_npz(path) as archive:
        if key not in archive.files:
            raise ValueError(f"no array of this name; the archive has {archive.files}.")
    return key


# Arrays


def read_samples(source):
    """Numbers of shape (n_samples, n_features), from a source."""
    content = READERS[source.path.suffix](source.path)
    if source.key is None:
        return _as_samples(content)
    with content:
        return _as_samples(content[source.key])


def _as_samples(array):
    """Array as numbers of shape (n_samples, n_features)."""
    if array.dtype.kind not in "biuf":
        raise ValueError(f"representations must be numbers; got dtype {array.dtype}.")
    if array.ndim < 2:
        raise ValueError(
            f"expected samples x features; got shape {array.shape}. Reshape it: "
            "array.reshape(-1, 1) is one feature, array.reshape(1, -1) one sample."
        )
    if array.ndim == 2:
        return array
    Z = array.reshape(len(array), math.prod(array.shape[1:]))
    warnings.warn(f"shape {array.shape} flattened to {Z.shape}.", stacklevel=2)
    return Z


def read_labels(file):
    """Labels, one or several numbers a sample."""
    check_file(file, LABEL_READERS)
    return LABEL_READERS[Path(file).suffix](Path(file))


def _read_npy(path):
    """Array that stays on the disk until it is used."""
    return np.lib.format.open_memmap(path, mode="r")


def _read_npz(path):
    """Mapping of the arrays of an archive, each read when it is asked for."""
    if not zipfile.is_zipfile(path):
        raise ValueError("not an archive as numpy.savez writes it.")
    return np.load(path, allow_pickle=False)


def _read_csv(path, dtype=float):
    """Numbers, below a line of names or not; or texts, all of them."""
    with open(path, encoding="utf-8-sig") as lines:
        names = next(lines, "").replace('"', "").strip().split(",")
    has_names = dtype is float and not all(map(_is_number, names))
    if has_names and not names[0] and len(names) > 1:
        raise ValueError(
            "the first column has no name, like an index that pandas has written; "
            "write the file with index=False."
        )
    with warnings.catch_warnings():
        # An empty table is refused as such, later.
        warnings.filterwarnings("ignore", message="loadtxt: input contained no data")
        return np.loadtxt(
            path,
            dtype=dtype,
            comments=None,
            delimiter=",",
            quotechar='"',
            skiprows=int(has_names),
            ndmin=2,
            encoding="utf-8-sig",
        )


def _is_number(text):
    """Whether a text is a number."""
    try:
        return float(text) is not None
    except ValueError:
        return False


def _read_parquet(path):
    """Columns of a parquet file, which must all be numeric."""
    with extra("report", "reading .parquet"):
        import pandas

        table = pandas.read_parquet(path)
    numeric = table.select_dtypes("number").columns
    others = [str(name) for name in table.columns if name not in numeric]
    if others:
        raise ValueError(f"columns must be numeric; these are not: {others}.")
    return table.to_numpy()


def _read_label_csv(path):
    """Labels in a column, or numbers in several."""
    with suppress(ValueError):
        return _read_csv(path)
    table = _read_csv(path, dtype=str)
    if table.shape[1] > 1:
        raise ValueError(
            f"labels that are not numbers must be in one column; got {table.shape[1]}."
        )
    return table


def _read_label_lines(path):
    """Labels, one a line."""
    labels = path.read_text(encoding="utf-8-sig").splitlines()
    return np.array(labels, dtype=float if all(map(_is_number, labels)) else str)


READERS = {
    ".csv": _read_csv,
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".parquet": _read_parquet,
}
LABEL_READERS = {
    ".csv": _read_label_csv,
    ".npy": _read_npy,
    ".txt": _read_label_lines,
}


# Results


class Results:
    """Rows in a CSV file, each written as soon as it is measured.

    A row is known by the name and state of its source and by a short hash of the
    parameters. Without a path, none is known and none is written.
    """

    STATE = ("size", "modified", "parameters")

    def __init__(self, path, columns, types, parameters):
        self.path = path
        self.columns = columns
        self.parameters = parameters
        self.known = {}
        if path:
            check_extension(path, [".csv"])
            with blamed_on(path):
                self._read(types)

    def key(self, source):
        """Name and state of a source, as texts."""
        return (source.name, *map(str, source.state()), self.parameters)

    def _read(self, types):
        """Read the rows that are known, and cut a last one that was interrupted."""
        header = _csv_line([*self.columns, *self.STATE])
        with suppress(FileNotFoundError), open(self.path, "r+b") as file:
            text = file.read().decode()
            if not text.startswith(header) and not header.startswith(text):
                raise ValueError("these are not results of skdse report.")
            whole = text[: text.rfind("\n") + 1]
            file.truncate(len(whole.encode()))
            for row in csv.DictReader(io.StringIO(whole, newline="")):
                key = (row["name"], *(row[column] for column in self.STATE))
                if row["parameters"] == self.parameters:
                    self.known[key] = {
                        column: kind(row[column]) if row[column] else None
                        for column, kind in types.items()
                    }

    def __enter__(self):
        if self.path:
            with blamed_on(self.path):
                self._file = open(self.path, "a", encoding="utf-8", newline="")
                if self._file.tell() == 0:
                    self._write([*self.columns, *self.STATE])
        return self

    def add(self, key, record):
        """Write a row."""
        if self.path:
            with blamed_on(self.path):
                self._write([*map(record.get, self.columns), *key[1:]])

    def _write(self, cells):
        self._file.write(_csv_line(cells))
        self._file.flush()

    def __exit__(self, *error):
        if self.path:
            self._file.close()


def _csv_line(cells):
    """Line of a CSV file: numbers as they are, nothing for None."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
