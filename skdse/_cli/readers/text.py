"""Tables as text: commas, semicolons or tabs, with a line of names or without one.

bytes ─► encoding (by its mark) ─► separator ─► names? ─► numbers, or texts.
"""

import csv
import re
import warnings
from dataclasses import dataclass

import numpy as np

ENCODINGS = {
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\xef\xbb\xbf": "utf-8-sig",
}
SEPARATORS = (";", "\t", ",")
# How people call a column of labels.
LABEL_NAMES = {
    *("y", "label", "labels", "target", "targets", "class", "classes", "category"),
    *("cluster", "group", "species"),
}
# Characters of a first line; what has more in it is no table.
LONGEST_LINE = 2**22


def text_arrays(path, without=None):
    """Arrays of a file, as far as they are known before it is read."""
    return {None: None}


def read_text(path, key=None, without=None):
    """Numbers of a table: all columns but one, or the column of a name."""
    form = _form(path)
    if key is not None:
        return _column(path, form, key)
    if without is None:
        return _all_numbers(path, form)
    if form.names is None or without not in form.names:
        raise ValueError(_no_column(form, without))
    used = [i for i in form.used if form.names[i] != without]
    if not used:
        raise ValueError(f"no column is left beside {without!r}.")
    return _numbers(path, form, used)


def _all_numbers(path, form):
    """Numbers of all columns of a table."""
    try:
        return _numbers(path, form, form.used)
    except ValueError as error:
        if form.names is None:
            raise
        raise ValueError(
            f"{str(error).rstrip('.')}. --labels NAME takes a column as the labels; "
            "leave out a column of other texts, such as names of samples."
        ) from error


def read_text_labels(path, key=None, without=None):
    """Labels of a table: its column of a name, numbers, or one column of texts."""
    form = _form(path)
    if key is not None:
        return _column(path, form, key)
    try:
        return _numbers(path, form, form.used)
    except ValueError:
        has_index = form.used and form.used[0] == 1
        table = _texts(path, form, form.used, skip=int(has_index))
    first, others = tuple(table[0]), set(map(tuple, table[1:]))
    # A name of the labels is no label.
    is_name = not has_index and all(one.lower() in LABEL_NAMES for one in first)
    return table[1:] if is_name and others and first not in others else table


def read_label_lines(path, key=None, without=None):
    """Labels, one a line, below a name of theirs or not."""
    if key is not None:
        raise ValueError("a .txt file has labels alone, no columns with names.")
    lines = path.read_text(encoding=_encoding(path)).splitlines()
    if len(lines) > 1 and not _is_number(lines[0]):
        others = lines[1:]
        is_name = lines[0].strip().lower() in LABEL_NAMES and lines[0] not in others
        if is_name or all(map(_is_number, others)):
            lines = others
    return np.array(lines, dtype=float if all(map(_is_number, lines)) else str)


@dataclass(frozen=True)
class _Form:
    """How a table is written: its encoding, separator, names and columns to use."""

    encoding: str
    separator: str
    names: tuple | None
    used: tuple
    decimal_comma: bool


def _form(path):
    """How a table is written, from its first lines."""
    encoding = _encoding(path)
    with open(path, encoding=encoding, newline="") as file:
        lines = [file.readline(LONGEST_LINE) for _ in range(2)]
    if any(len(line) == LONGEST_LINE for line in lines):
        raise ValueError("the first lines are too long for a table.")
    separator = _separator(path, lines[0])
    rows = [next(csv.reader([line], delimiter=separator), []) for line in lines]
    decimal_comma = separator == ";" and "." not in lines[1] and "," in lines[1]
    numbers = _with_points(rows[0]) if decimal_comma else rows[0]
    has_names = bool(rows[0]) and not all(map(_is_number, numbers))
    # Columns that pandas has numbered, above numbers that are not whole.
    is_numbered = len(rows[0]) > 1 and rows[0] == list(map(str, range(len(rows[0]))))
    has_names |= is_numbered and not all(map(str.isdecimal, rows[1]))
    used = range(len(rows[0]))
    if has_names and not rows[0][0] and len(rows[0]) > 1:
        used = used[1:]  # an index, as pandas writes it
    names = tuple(one.strip() for one in rows[0]) if has_names else None
    return _Form(encoding, separator, names, tuple(used), decimal_comma)


def _encoding(path):
    """Encoding that the first bytes of a file tell; UTF-8 where they tell none."""
    with open(path, "rb") as file:
        start = file.read(3)
    found = [name for mark, name in ENCODINGS.items() if start.startswith(mark)]
    return found[0] if found else "utf-8"


def _separator(path, line):
    """What stands between the columns of a table."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    line = re.sub('"[^"]*"', "", line)
    return next((one for one in SEPARATORS if one in line), ",")


def _numbers(path, form, used):
    """Numbers of some columns, below a line of names or not."""
    skip = int(form.names is not None)
    if form.decimal_comma:
        texts = _texts(path, form, used, skip)
        return np.array([_with_points(row) for row in texts], dtype=float)
    return _loaded(path, form, used, skip, float)


def _texts(path, form, used, skip):
    """Texts of some columns."""
    return _loaded(path, form, used, skip, str)


def _loaded(path, form, used, skip, dtype):
    """Columns of a table, (n_rows, n_columns)."""
    with warnings.catch_warnings():
        # An empty table is refused as such, later.
        warnings.filterwarnings("ignore", message="loadtxt: input contained no data")
        return np.loadtxt(
            path,
            dtype=dtype,
            comments=None,
            delimiter=form.separator,
            quotechar='"',
            skiprows=skip,
            usecols=used or None,
            ndmin=2,
            encoding=form.encoding,
        )


def _column(path, form, name):
    """Column of a name: numbers, or else texts."""
    if form.names is None or name not in form.names:
        raise ValueError(_no_column(form, name))
    used = [form.names.index(name)]
    try:
        return _numbers(path, form, used)[:, 0]
    except ValueError:
        return _texts(path, form, used, skip=1)[:, 0]


def _no_column(form, name):
    """Message that there is no column of a name."""
    if form.names is None:
        return f"no column {name!r}; the first line has no names, but numbers."
    return f"no column {name!r}; the file has {list(form.names)}."


def _with_points(texts):
    """Numbers with a decimal comma, as Python writes them."""
    return [text.replace(",", ".") for text in texts]


def _is_number(text):
    """Whether a text is a number."""
    try:
        return float(text) is not None
    except ValueError:
        return False
