"""What ``skdse report`` measures and how it shows it.

job (samples and targets) ─► records, kept in a file as they come ─► table, JSON, plot.
"""

import json
import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .._measures.catalogue import BY_DEFAULT, CATALOGUE, ERROR, FORMS, measure_layers
from .._measures.entropy import DiffusionSpectralEntropy
from .._measures.mutual_info import DiffusionSpectralMI
from .._measures.spectra import fitted_spectrum
from .._tools.progress import say
from ..plotting import LayerProfileDisplay
from .errors import InputError, blamed_on, extra, printable

# What stands above a table with labels.
OF_FORMS = (", ".join(CATALOGUE[name].heading for name in FORMS), "")


def _heading(name):
    """Heading of a measure's column, with a place for its unit."""
    one = CATALOGUE[name]
    return f"{one.title} [{{{name}}}]" if one.has_unit else one.title


# Heading and format of each column of the table.
COLUMNS = {
    "name": ("name", "s"),
    "n_samples": ("n", "d"),
    "n_features": ("d", "d"),
    **{
        key: heading
        for name in BY_DEFAULT
        for key, heading in (
            (name, (_heading(name), ".3f")),
            (name + ERROR, ("± s.e.", ".3f")),
        )
    },
    "effective_rank": (CATALOGUE["effective_rank"].title, ".1f"),
    "bandwidth": ("bandwidth", ".4g"),
    "seconds": ("seconds", ".2f"),
}
# Parameters that are options, too.
OPTIONS = sorted(
    (
        set(DiffusionSpectralEntropy().get_params())
        | set(DiffusionSpectralMI().get_params())
    )
    - {"estimator", "clusterer"},
    key=len,
    reverse=True,
)


def draw_profile(records, units, figure):
    """Draw DSE and, beside it, both forms of DSMI: a point for each record."""
    n_panels = sum(name in records[0] for name in BY_DEFAULT)
    figure.set_size_inches(4 * n_panels, 3.8)
    rows = [one | {"name": Path(one["name"]).name} for one in records]
    LayerProfileDisplay.from_frame(
        rows, name="name", unit=units["dse"], ax=figure.subplots(1, n_panels)
    )


@dataclass(frozen=True)
class Job:
    """What to measure and how to present it.

    Attributes
    ----------
    records : iterable of tuple
        Position, record and spectrum, or None, of each row.
    name : str
        Key of the records that has their names.
    columns : dict of str to (str, str)
        Heading and format of each column of the table.
    heading : tuple of str
        Lines above the table.
    title : str
        Title of the page and of the chart.
    draw : callable
        Function of records, units and a figure that draws the chart.
    """

    records: object
    name: str = "name"
    columns: Mapping = field(default_factory=COLUMNS.copy)
    heading: tuple = ()
    title: str = ""
    draw: Callable = draw_profile


def measure(name, Z, prepared, at_once=Warning):
    """Record of the measures of Z, the spectrum of its entropy, and notes."""
    with blamed_on(name), warnings_as_notes(name, at_once) as notes:
        (found,) = measure_layers([(name, Z)], prepared)
    dse = found.fitted["dse"]
    sigma = dse.bandwidth_
    record = {
        "name": name,
        "n_samples": Z.shape[0],
        "n_features": Z.shape[1],
        **found.values,
        "effective_rank": dse.effective_rank_,
        "bandwidth": None if sigma is None else float(np.median(sigma)),
        "seconds": found.seconds,
    }
    record = {key: record[key] for key in COLUMNS if key in record}
    return record, fitted_spectrum({"dse": dse}), notes


@contextmanager
def warnings_as_notes(name=None, at_once=Warning):
    """Collect warnings as lines that name the input, if any; some are said at once."""
    notes, seen = [], set()
    start = "skdse: " if name is None else f"skdse: {name}: "

    def note(message, category, *where, **more):
        text = printable(f"{start}warning: {_with_options(str(message))}")
        if text not in seen and issubclass(category, at_once):
            say(text)
        elif text not in seen:
            notes.append(text)
        seen.add(text)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = note
        yield notes


def _with_options(text):
    """Text that names options of the command in place of parameters."""

    def option(match):
        name, value = match[1].replace("_", "-"), match[3]
        is_one = value is not None or "_" in match[1]
        return f"--{name}{f' {value}' if value else ''}" if is_one else match[0]

    return re.sub(rf"\b({'|'.join(OPTIONS)})\b(?:=('?)([\w.]+)\2)?", option, text)


# What is shown


def as_json(records):
    """Records with their numbers as they are; what is not a number is null."""
    plain = [
        {key: None if value != value else value for key, value in record.items()}
        for record in records
    ]
    return json.dumps(plain, indent=2, allow_nan=False)


def as_text(records, job, units):
    """Aligned table of the columns that the records have."""
    columns = {key: one for key, one in job.columns.items() if key in records[0]}
    lines = [[heading.format(**units) for heading, _ in columns.values()]]
    for record in records:
        lines.append([_cell(record[key], spec) for key, (_, spec) in columns.items()])
    return "\n".join([*job.heading, *aligned(lines)])


def aligned(lines, n_left=1):
    """Lines of cells as text, each column as wide as its widest cell.

    The first columns are aligned to the left, the others to the right.
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = [str.ljust] * n_left + [str.rjust] * (len(widths) - n_left)
    return [
        "  ".join(side(*one) for side, *one in zip(sides, line, widths, strict=True))
        for line in lines
    ]


def _cell(value, spec):
    """Value as text; a dash where there is none."""
    return "-" if value is None or value != value else format(value, spec)


def check_plot(path):
    """Raise before any work if the plot could not be written after it."""
    with extra("plot", "--plot"):
        from matplotlib.figure import Figure
    kinds = Figure().canvas.get_supported_filetypes()
    if Path(path).suffix[1:] not in kinds:
        raise InputError(
            f"{path}: the extension of a plot must be one of {sorted(kinds)}; "
            f"got {Path(path).suffix[1:]!r}."
        )
    if not Path(path).parent.is_dir():
        raise InputError(f"{path}: no such directory.")


def plot(path, records, job, units):
    """Draw the chart of a job into a file."""
    from matplotlib.figure import Figure

    figure = Figure(dpi=200, layout="constrained")
    job.draw(records, units, figure)
    figure.suptitle(job.title)
    figure.savefig(path)
