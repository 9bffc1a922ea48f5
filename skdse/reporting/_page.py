"""The page: one file with its styles, its script, plotly and what it shows.

Every text that comes from users is escaped here, once, or goes into the JSON of the
script, which has no sign that ends it. The page forbids itself to load anything.
"""

import base64
import gzip
import json
import re
import warnings
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

from .._version import __version__

# Digits of the numbers behind the charts.
DIGITS = 6
ENDINGS = (".html", ".htm")


def make_page(*, title, facts, notes, sections, data, written):
    """Page of a title, facts, notes, sections (HTML) and the data of the charts."""
    text = as_json(data)
    return _fill(
        "page.html",
        version=escape(__version__),
        title=escape(title),
        css=_read("page.css"),
        facts="".join(
            f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
            for label, value in facts
        ),
        notes="".join(f"<p>{escape(note)}</p>" for note in notes),
        sections="\n".join(sections),
        footer=f"Written by skdse {escape(__version__)}, {escape(written)}. "
        f"Charts: plotly.js {escape(_plotly()[1])} (MIT licence). "
        "This page loads nothing.",
        plotly=_plotly()[0],
        data=text,
        # Only the script that is known here runs, whatever the data are.
        nonce=sha256(text.encode()).hexdigest()[:32],
        js=_read("page.js"),
    )


def section(title, text, *parts, id=""):
    """Section with a heading, a sentence and what is in it."""
    sentence = f'<p class="quiet">{escape(text)}</p>' if text else ""
    return (
        f'<section id="{id}"><h2>{escape(title)}</h2>{sentence}{"".join(parts)}'
        "</section>"
    )


def card(id, title=""):
    """Place of a chart."""
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    label = f"Chart: {escape(title)}. The table has its numbers."
    chart = f'<div class="chart" id="{id}" role="img" aria-label="{label}"></div>'
    return f'<div class="card">{heading}{chart}</div>'


def charts(*cards):
    """Charts side by side where there is room."""
    return f'<div class="charts">{"".join(cards)}</div>'


def table(headings, rows):
    """Table that can be sorted; headings are (text, is_text)."""
    head = "".join(
        f'<th scope="col" aria-sort="none"{_text(is_text)}>'
        f'<button type="button">{escape(heading)}</button></th>'
        for heading, is_text in headings
    )
    kinds = [is_text for _, is_text in headings]
    body = "\n".join(f"<tr>{''.join(map(_cell, row, kinds))}</tr>" for row in rows)
    return (
        f'<div class="card table" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _text(is_text):
    """Class of a cell with a text."""
    return ' class="text"' if is_text else ""


def _cell(value, is_text):
    """Cell of a table: texts as they are, numbers rounded, a dash for none."""
    if is_text:
        text = escape(str(value))
        return f'<td class="text" title="{text}">{text}</td>'
    if value is None or value != value:
        return '<td data-value="">–</td>'
    if isinstance(value, (int, np.integer)) or float(value).is_integer():
        return f"<td>{int(value)}</td>"
    number = float(value)
    shown = f"{number:.4f}" if 1e-3 <= abs(number) < 1e4 else f"{number:.4g}"
    return f'<td data-value="{number:.12g}">{shown}</td>'


def listing(title, rows):
    """Names and values, one below the other."""
    items = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>"
        for name, value in rows
    )
    return (
        f'<div class="card"><h3>{escape(title)}</h3><dl class="list">{items}</dl></div>'
    )


def as_json(data):
    """JSON that can stand in a page: null for NaN, and no sign that HTML knows."""
    text = json.dumps(_plain(data), allow_nan=False, separators=(",", ":"))
    signs = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
    return re.sub("[<>&]", lambda match: signs[match[0]], text)


def _plain(value):
    """Lists, dictionaries, texts and rounded numbers."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    number = float(value)
    if not np.isfinite(number):
        return None
    return int(number) if number.is_integer() else float(f"{number:.{DIGITS}g}")


@cache
def _plotly():
    """plotly.js as gzip in base64, and its version."""
    try:
        with warnings.catch_warnings():  # importing plotly adds to the filters
            from plotly.offline import get_plotlyjs, get_plotlyjs_version
    except ImportError as error:
        raise ImportError(
            "a report needs plotly: pip install 'skdse[report]'."
        ) from error
    packed = gzip.compress(get_plotlyjs().encode(), mtime=0)
    return base64.b64encode(packed).decode(), get_plotlyjs_version()


def check_page(path):
    """Raise unless a page can be written there: before any work, if it is long."""
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"path must end in {' or '.join(ENDINGS)}; got {str(path)!r}.")
    if not path.parent.is_dir():
        raise ValueError(f"path must be in a folder that exists; got {str(path)!r}.")
    _plotly()


def _fill(name, **parts):
    """Template with its parts, in one pass: what is in a part is left as it is."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _read(name))


@cache
def _read(name):
    """Text of a file of this folder."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
