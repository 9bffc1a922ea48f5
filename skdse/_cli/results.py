"""Rows of ``skdse report`` that are kept in a file, CSV or Parquet.

A row has its values, the state and a digest of what was measured, all parameters, and
versions. It is known by the name and state of its source, or by its name and digest,
and by a short hash of the parameters. One report at a time has the file.
"""

import csv
import io
import json
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from .errors import blamed_on, extra
from .files import check_extension
from .locks import locked, replace_file

STATE = {
    "size": int,
    "modified": int,
    "content": str,
    "parameters": str,
    "settings": str,
    "versions": str,
}
# Seconds of a write that nobody minds, and the share of the time for longer ones.
SHORT, SHARE = 0.02, 0.05
NOT_OURS = "these are not results of skdse report."
OTHER_VERSION = (
    "these results are of another version of skdse, with other columns; name another "
    "file. 'skdse compare' takes results of both."
)


class Settings(NamedTuple):
    """How rows are measured: a hash of the parameters, these in JSON, and versions."""

    parameters: str
    settings: str
    versions: str


class Results:
    """Rows in a file, each written as soon as it is measured.

    Without a path, none is known and none is written.

    Parameters
    ----------
    path : str or None
        File.
    columns : dict of str to type
        Columns of the values.
    settings : Settings
        How they are measured now.
    shown : sequence of str
        Columns of the records that are known.
    """

    def __init__(self, path, columns, settings, shown):
        self.path = path
        self.columns = columns | STATE
        self.settings = settings
        self.shown = shown
        self.known, self.contents, self._rows = {}, {}, {}
        self._stack, self._is_late = ExitStack(), False
        self._written, self._seconds = 0.0, 0.0
        if path:
            check_extension(path, FORMATS)
            self._read()  # before any work

    def __enter__(self):
        if self.path:
            with blamed_on(self.path):
                self._stack.enter_context(locked(self.path))
            self._read()
            if not self._rows:
                self._write()
        return self

    def __exit__(self, *error):
        with self._stack:
            if self._is_late:
                self._write()

    def key(self, source):
        """Name and state of a source."""
        return source.name, *source.state()

    def contents_of(self, source):
        """Digests of what was measured under the name of a source."""
        return set(self.contents.get(source.name, ()))

    def add(self, key, record, content):
        """Write a row; with its digest alone, that of the same digest."""
        if record is None:
            record = self.contents[key[0]][content]
        if self.path:
            state = [*key[1:], content, *self.settings]
            row = dict.fromkeys(self.columns) | record
            self._keep(row | dict(zip(STATE, state, strict=True)))
            self._write_soon()
        return record

    def _keep(self, row):
        """Put a row in the place of that of the same name, digest and parameters."""
        self._rows[row["name"], row["content"], row["parameters"]] = row
        if row["parameters"] != self.settings.parameters:
            return
        record = {column: row[column] for column in self.shown}
        self.known[row["name"], row["size"], row["modified"]] = record
        self.contents.setdefault(row["name"], {})[row["content"]] = record

    def _read(self):
        """Read the rows that the file has now."""
        self.known, self.contents, self._rows = {}, {}, {}
        with blamed_on(self.path):
            for row in read_rows(self.path, self.columns):
                self._keep(row)

    def _write_soon(self):
        """Write all rows; thousands of them, later, if that took long just now."""
        is_short = self._seconds < SHORT
        self._is_late = not is_short and (
            monotonic() - self._written < self._seconds / SHARE
        )
        if not self._is_late:
            self._write()

    def _write(self):
        """Write all rows, in a file that is whole at any moment."""
        start = monotonic()
        with blamed_on(self.path):
            write = FORMATS[Path(self.path).suffix.lower()][1]
            rows = list(self._rows.values())
            replace_file(self.path, write(rows, self.columns))
        self._written, self._is_late = monotonic(), False
        self._seconds = self._written - start


def read_rows(path, columns=None):
    """Rows of a file of results with these columns, None for any; none without it."""
    path = Path(path)
    if not path.exists() or not path.stat().st_size:
        return []
    return READABLE[path.suffix.lower()][0](path, columns)


def _refusal(found):
    """Error of columns that are not those of results now."""
    is_ours = {"name", "dse", *STATE} <= set(found)
    return ValueError(OTHER_VERSION if is_ours else NOT_OURS)


def _read_csv(path, columns):
    """Rows of a CSV file, without a last one that was interrupted."""
    text = path.read_bytes().decode()
    if columns is not None:
        header = f"{','.join(columns)}\n"
        if not text.startswith(header) and not header.startswith(text):
            raise _refusal(text.partition("\n")[0].split(","))
    whole = io.StringIO(text[: text.rfind("\n") + 1], newline="")
    return [_typed(row, columns) for row in csv.DictReader(whole)]


def _typed(row, columns):
    """Row of texts with the types of its columns."""
    kinds = dict.fromkeys(row, _guessed) if columns is None else columns
    return {one: kinds[one](text) if text else None for one, text in row.items()}


def _guessed(text):
    """Number of a text, or the text."""
    try:
        return float(text)
    except ValueError:
        return text


def _csv_of(rows, columns):
    """Content of a CSV file: numbers as they are, nothing for None."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row[column] for column in columns] for row in rows)
    return lines.getvalue().encode()


def _read_parquet(path, columns):
    """Rows of a Parquet file."""
    with extra("report", "a .parquet file of results"):
        import pyarrow.parquet
    # In one go: another report may replace the file. Without threads: those of older
    # versions may end the process as it exits.
    content = pyarrow.BufferReader(path.read_bytes())
    table = pyarrow.parquet.ParquetFile(content).read(use_threads=False)
    if columns is not None and table.schema.names != list(columns):
        raise _refusal(table.schema.names)
    return table.to_pylist()


def _parquet_of(rows, columns):
    """Content of a Parquet file."""
    with extra("report", "a .parquet file of results"):
        import pyarrow
        import pyarrow.parquet
    kinds = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64()}
    schema = pyarrow.schema([(one, kinds[kind]) for one, kind in columns.items()])
    content = io.BytesIO()
    table = pyarrow.Table.from_pylist(rows, schema)
    pyarrow.parquet.write_table(table, content)
    return content.getvalue()


def _read_json(path, columns):
    """Records that ``skdse report --json`` has printed."""
    rows = json.loads(path.read_bytes())
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        raise ValueError(NOT_OURS)
    return rows


FORMATS = {".csv": (_read_csv, _csv_of), ".parquet": (_read_parquet, _parquet_of)}
READABLE = FORMATS | {".json": (_read_json, None)}
