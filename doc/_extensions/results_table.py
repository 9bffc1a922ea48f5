"""The directive ``results-table``: a committed CSV of results as a table.

Nothing is typed by hand: columns are chosen and named, numbers rounded, and lines that
start with ``#`` (versions, processor) stand below the table::

    .. results-table:: results.csv
       :columns: job, contender, seconds [s] = seconds
       :digits: 3
       :where: contender = skdse
"""

import csv
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

SCROLLED = "pst-scrollable-table-container"


def read_results(path):
    """Rows of a CSV as dictionaries, and its comments."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    return list(csv.DictReader(line for line in lines if line[:1] != "#")), comments


def rounded(text, digits):
    """A number with so many significant digits, anything else as it is."""
    try:
        value = float(text)
    except ValueError:
        return text
    if value == int(value) and abs(value) < 1e7:
        return f"{int(value)}"
    return f"{value:.{digits}g}".replace("e-0", "e-").replace("e+0", "e+")


def chosen(columns, header):
    """Pairs (title, column of the file)."""
    if not columns:
        return [(name, name) for name in header]
    pairs = [[part.strip() for part in one.split("=")] for one in columns.split(",")]
    return [(pair[0], pair[-1]) for pair in pairs]


def entry(text):
    """Cell of a table."""
    return nodes.entry("", nodes.paragraph(text=text))


class ResultsTable(SphinxDirective):
    """A table from a CSV file, given relative to the page."""

    required_arguments = 1
    option_spec: ClassVar = {
        "columns": directives.unchanged,
        "digits": directives.positive_int,
        "rows": directives.positive_int,
        "where": directives.unchanged,
        "no-comments": directives.flag,
    }

    def run(self):
        """Return the table and the comments of the file."""
        relative, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(relative)
        rows, comments = read_results(path)
        if "where" in self.options:
            column, value = (one.strip() for one in self.options["where"].split("="))
            rows = [row for row in rows if row[column] == value]
        if not rows:
            raise self.error(f"{relative} has no such rows")
        rows = rows[: self.options.get("rows")]
        columns = chosen(self.options.get("columns"), rows[0])
        table = self._table(columns, rows, self.options.get("digits", 3))
        scrolled = nodes.container("", table, classes=[SCROLLED])
        if not comments or "no-comments" in self.options:
            return [scrolled]
        note = nodes.paragraph(text=" · ".join(comments), classes=["results-note"])
        return [scrolled, note]

    def _table(self, columns, rows, digits):
        group = nodes.tgroup(cols=len(columns))
        group += [nodes.colspec(colwidth=1) for _ in columns]
        titles = nodes.row("", *(entry(title) for title, _ in columns))
        group += nodes.thead("", titles)
        lines = [[rounded(row[name], digits) for _, name in columns] for row in rows]
        group += nodes.tbody("", *(nodes.row("", *map(entry, one)) for one in lines))
        return nodes.table("", group, classes=["results"])


def setup(app):
    """Register the directive."""
    app.add_directive("results-table", ResultsTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
