"""What there is to measure: arrays in files, folders and standard input.

arguments ─► files ─► arrays in them ─► `Source` ─► samples; beside them, labels.

What an argument names must be read, or the command ends. What was found in a folder or
by a pattern is left out with a line where it cannot be read.
"""

import atexit
import glob
import math
import re
import shutil
import sys
import warnings
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from .errors import InputError, blamed_on, one_line
from .readers.kinds import LABELS_ALONE, READERS, labels_in, reader_of
from .readers.limits import check_fits, rows_of

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Source:
    """An array of a file: its name in the results, and where it is.

    Attributes
    ----------
    name : str
        Name in the results.
    path : Path
        File, or folder that is one array or table.
    key : str or None
        Name of the array in the file; None where that has one.
    without : str or None
        Column of a table that holds the labels.
    found : bool
        Whether it was found in a folder or by a pattern, and not named.
    problem : str or None
        Why it cannot be measured, as far as that is known.
    """

    name: str
    path: Path
    key: str | None = None
    without: str | None = None
    found: bool = False
    problem: str | None = None

    def state(self):
        """Size in bytes and time of modification of the file, or of those below it."""
        files = [self.path]
        if self.path.is_dir():
            files = [one for one in self.path.rglob("*") if one.is_file()]
        stats = [one.stat() for one in files]
        return (
            sum(stat.st_size for stat in stats),
            max((stat.st_mtime_ns for stat in stats), default=0),
        )


# What the arguments name


def find_sources(files, others=(), labels=(None, None)):
    """Sources in files and folders, without the other files of the command.

    Where labels are a part of a file, (path, key) or (None, key) for all files, that
    part of it is not measured.
    """
    others = {Path(other).absolute() for other in others if other}
    found = []
    for file in files:
        with blamed_on(file):
            found += _sources_of(file, others, labels)
    # In a folder, names are relative to it, unless two are the same then.
    relative = len({one.name for one, _ in found}) == len(found)
    return [one if relative else other for one, other in found]


def _sources_of(file, others, labels):
    """Sources of an argument, each with the name in its folder and with its path."""
    path, key = split_key(file)
    if file == STANDARD_INPUT:
        return [2 * (Source(file, _standard_input()),)]
    if path.is_dir() and reader_of(path) is None:
        return _sources_below(path, others, labels)
    if glob.has_magic(str(path)) and not path.exists():
        return _sources_like(path, key, others, labels)
    check_file(path, READERS)
    return [2 * (one,) for one in _sources_in(path, path, key, labels)]


def split_key(text):
    """Path of a file, and the key behind it: FILE:KEY."""
    if Path(text).exists():
        return Path(text), None
    for place in [one.start() for one in re.finditer(":", text)]:
        path, key = Path(text[:place]), text[place + 1 :]
        is_known = path.suffix.lower() in READERS | LABELS_ALONE
        # A drive of Windows is one letter.
        if key and (is_known or (place > 1 and path.exists())):
            return path, key
    return Path(text), None


def check_extension(path, extensions):
    """Raise unless the name of a file says that it is of a known kind."""
    if Path(path).suffix.lower() not in extensions:
        raise InputError(
            f"{path}: the extension must be one of {sorted(extensions)}; "
            f"got {Path(path).suffix!r}."
        )


def check_file(path, readers):
    """Raise unless the file is there and of a known kind."""
    path = Path(path)
    if path.is_dir() and reader_of(path) is not None:
        return
    check_extension(path, readers)
    if not path.is_file():
        raise InputError(f"{path}: {'not a' if path.exists() else 'no such'} file.")


def _sources_below(folder, others, labels):
    """Sources in a folder, with names relative to it and not; epoch2 before epoch10."""
    files = [
        (path.relative_to(folder), path)
        for path in _files_below(folder)
        if path.absolute() not in others
    ]
    if not files:
        raise InputError(f"{folder}: no file of {sorted(READERS)} in this folder.")
    return [
        pair
        for relative, path in sorted(files, key=lambda one: _natural(one[0]))
        for pair in _found_in(path, relative, None, labels)
    ]


def _files_below(folder):
    """Files below a folder, and folders that are one array or table."""
    found, folders = [], [folder]
    while folders:
        for path in folders.pop().iterdir():
            if path.name.startswith("."):
                continue
            if path.is_dir() and reader_of(path) is None:
                folders += [] if path.is_symlink() else [path]
            elif reader_of(path) is not None and (path.is_file() or path.is_dir()):
                found.append(path)
    return found


def _sources_like(pattern, key, others, labels):
    """Sources in the files that a pattern finds."""
    paths = map(Path, glob.glob(str(pattern), recursive=True))
    paths = [path for path in paths if path.absolute() not in others]
    paths = [path for path in paths if reader_of(path) is not None]
    if not paths:
        raise InputError(f"{pattern}: no file of {sorted(READERS)} is like this.")
    return [
        pair
        for path in sorted(paths, key=_natural)
        for pair in _found_in(path, path, key, labels)
    ]


def _found_in(path, relative, key, labels):
    """Sources of a file that was found, by both names; or why there are none."""
    try:
        sources = _sources_in(path, path, key, labels)
    except InputError as error:
        problem = str(error).removeprefix(one_line(f"{path.as_posix()}: "))
        sources = [Source(path.as_posix(), path.absolute(), problem=problem)]
    for source in sources:
        source = replace(source, found=True)
        yield replace(source, name=_named(relative, source.key)), source


def _natural(path):
    """Key by which numbers in a path sort as numbers."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def _sources_in(path, name, key, labels):
    """Source for each array of a file."""
    shown, reader = _named(name, key), reader_of(path)
    if key is not None and not glob.has_magic(key):
        return [Source(shown, path.absolute(), key)]
    is_beside = labels[0] is None or labels[0].absolute() == path.absolute()
    without = labels[1] if is_beside else None
    with blamed_on(shown, Exception):
        shapes = reader.arrays(path, without)
        # Files often have the labels, too: measured only when asked for.
        keys = [one for one, shape in shapes.items() if shape is None or len(shape) > 1]
        if key is not None:
            keys = [one for one in keys if one and fnmatchcase(one, key)]
        keys = [one for one in keys if one is None or one != without]
        if not keys and None not in shapes:
            raise ValueError(f"no array of two dimensions among {list(shapes)[:20]}.")
        if not keys:
            _as_samples(shapes[None], np.dtype(float))
    return [Source(_named(name, one), path.absolute(), one, without) for one in keys]


def _named(path, key):
    """Name of an array in the results."""
    return path.as_posix() if key is None else f"{path.as_posix()}:{key}"


def _standard_input():
    """Copy of standard input in a file, which is removed as the process ends."""
    folder = mkdtemp(prefix="skdse-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder, "input.npy")
    with blamed_on(STANDARD_INPUT, Exception), open(path, "wb") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
    return path


# Arrays


def read_samples(source, sample=None):
    """Numbers of shape (n_samples, n_features), which of how many rows they are.

    Of a sample, (number of rows, seed), the rows are known; without one, they are None.
    """
    if source.problem is not None:
        raise InputError(f"{source.name}: {source.problem}")
    with blamed_on(source.name, Exception):
        array = reader_of(source.path).read(source.path, source.key, source.without)
        shape = _as_samples(array.shape, array.dtype)
        rows = None if sample is None else drawn_rows(shape[0], *sample)
        n_rows = shape[0] if rows is None else len(rows)
        check_fits((n_rows, *shape[1:]), array.dtype)
        Z = rows_of(array, rows)
        if array.ndim > 2:
            Z = Z.reshape(n_rows, shape[1])
            warnings.warn(f"shape {array.shape} flattened to {shape}.", stacklevel=2)
        return Z, rows, shape[0]


def drawn_rows(n_rows, n_drawn, seed):
    """Rows of a random sample, in ascending order; None for all of them."""
    if n_drawn >= n_rows:
        return None
    return np.sort(np.random.default_rng(seed).choice(n_rows, n_drawn, replace=False))


def _as_samples(shape, dtype):
    """Number of samples and of features, or raise where an array has none."""
    if dtype.kind not in "biuf":
        raise ValueError(f"representations must be numbers; got dtype {dtype}.")
    if len(shape) < 2:
        raise ValueError(
            f"expected samples x features; got shape {shape}. Labels are given as "
            "--labels FILE; else reshape it: array.reshape(-1, 1) is one feature."
        )
    return shape[0], math.prod(shape[1:])


# Labels


def find_labels(text):
    """Where labels are: (path, key), or (None, key) for a key in each measured file."""
    path, key = split_key(text)
    if key is None and not path.exists() and path.suffix.lower() not in READERS:
        if path.suffix.lower() not in LABELS_ALONE:
            return None, text.removeprefix(":")
    check_labels_file(path)
    return path, key


def check_labels_file(path):
    """Raise unless labels can be read from a file."""
    check_file(path, READERS | LABELS_ALONE)


def read_labels(path, key=None):
    """Labels, one or several numbers or texts a sample."""
    with blamed_on(path if key is None else f"{path}:{key}", Exception):
        return labels_in(path, key)


def read_labels_beside(source, key):
    """Labels that lie in the file of a source, under a key."""
    with blamed_on(f"{source.name}: labels {key!r}", Exception):
        return labels_in(source.path, key, source.key)
