"""What ``skdse report`` measures and how it shows it.

job (samples and targets) ─► records, kept in a file as they come ─► table, JSON, plot.
"""

import json
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from .._measures.catalogue import (
    CATALOGUE,
    ERROR,
    MEASURES,
    measure_layers,
    prepare_measures,
)
from .._measures.entropy import DiffusionSpectralEntropy
from .._measures.mutual_info import DiffusionSpectralMI
from .._measures.spectra import fitted_spectrum
from .._tools.progress import say
from ..plotting import LayerProfileDisplay
from ..probing._representation import perceptron_activations
from .errors import InputError, blamed_on, extra

# Heading and format of each column of the table.
COLUMNS = {
    "name": ("name", "s"),
    "n_samples": ("n", "d"),
    "n_features": ("d", "d"),
    **{
        key: heading
        for name in MEASURES
        for key, heading in (
            (name, (f"{CATALOGUE[name].title} [{{unit}}]", ".3f")),
            (name + ERROR, ("± s.e.", ".3f")),
        )
    },
    "effective_rank": (CATALOGUE["effective_rank"].title, ".1f"),
    "bandwidth": ("bandwidth", ".4g"),
    "seconds": ("seconds", ".2f"),
}
LAYER_COLUMNS = ("name", "n_features", *MEASURES, "effective_rank")
FILE_COLUMNS = tuple(key for key in COLUMNS if not key.startswith("dsmi_input"))
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
HIDDEN_LAYERS = (64, 32)


@dataclass(frozen=True)
class Job:
    """What to measure and how to present it.

    The records come with their position, and with their spectrum or None.
    """

    records: object
    columns: tuple = FILE_COLUMNS
    heading: tuple = ()
    footer: tuple = ()
    title: str = ""


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
def warnings_as_notes(name, at_once=Warning):
    """Collect warnings as lines that name the input; some are said at once."""
    notes, seen = [], set()

    def note(message, category, *where, **more):
        text = f"skdse: {name}: warning: {_with_options(str(message))}"
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


# The bundled digits


def digits_job(dse, dsmi):
    """Layers of a perceptron, trained on half of the digits, on the other half."""
    # Work this small takes longer on more threads, and rounds differently.
    with threadpool_limits(1), blamed_on("input"):
        mlp, X, y = train_perceptron()
        layers = list(layers_of(mlp, X))
        of_input = clone(dsmi).set_params(target="continuous")
        # DSE takes longest, and comes last: what is wrong shows sooner.
        measures = {"dsmi": (dsmi, "y"), "dsmi_input": (of_input, "X")}
        measures["dse"] = dse, None
        prepared = prepare_measures(measures, X, y, None)
    accuracy = mlp.score(X, y)
    widths = "-".join(map(str, (X.shape[1], *HIDDEN_LAYERS, mlp.n_outputs_)))
    return Job(
        records=_measure_layers(layers, accuracy, prepared),
        columns=LAYER_COLUMNS,
        heading=(
            f"Perceptron {widths} on the bundled digits, {len(X)} held-out images.",
            "Z: activations of a layer (output: logits); "
            f"Y: the digit;\nX: the pixels, in {dsmi.n_groups} clusters.",
            "",
        ),
        footer=("", f"Test accuracy: {accuracy:.3f}"),
        title="Perceptron on the bundled digits, layer by layer "
        f"(test accuracy {accuracy:.3f})",
    )


def _measure_layers(layers, accuracy, prepared):
    """Position, record and spectrum of each layer, with the network's accuracy."""
    for i, (name, Z) in enumerate(layers):
        with threadpool_limits(1):
            record, spectrum, notes = measure(name, Z, prepared)
        for note in notes:
            say(note)
        yield i, record | {"test_accuracy": accuracy}, spectrum


def train_perceptron():
    """Perceptron trained on half of the digits, and pixels and labels of the rest."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X / 16, y, test_size=0.5, stratify=y, random_state=0
    )
    mlp = MLPClassifier(HIDDEN_LAYERS, learning_rate_init=0.01, random_state=0)
    return mlp.fit(X, y), X_test, y_test


def layers_of(mlp, X):
    """Name and activations of each layer; the output before the softmax."""
    yield "input", X
    for name, Z in perceptron_activations(mlp, X).items():
        yield name.replace("_", " "), Z


# What is shown


def as_json(records):
    """Records with their numbers as they are; what is not a number is null."""
    plain = [
        {key: None if value != value else value for key, value in record.items()}
        for record in records
    ]
    return json.dumps(plain, indent=2, allow_nan=False)


def as_text(records, job, unit):
    """Aligned table of the columns that the records have."""
    keys = [key for key in job.columns if key in records[0]]
    lines = [[COLUMNS[key][0].format(unit=unit) for key in keys]]
    for record in records:
        lines.append([_cell(record[key], COLUMNS[key][1]) for key in keys])
    return "\n".join([*job.heading, *aligned(lines), *job.footer])


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


def plot(path, records, title, unit):
    """Draw DSE and, beside it, DSMI: a point for each record."""
    from matplotlib.figure import Figure

    n_panels = 1 + any(key in records[0] for key in MEASURES[1:])
    figure = Figure(figsize=(4 * n_panels, 3.8), dpi=200, layout="constrained")
    rows = [one | {"name": Path(one["name"]).name} for one in records]
    LayerProfileDisplay.from_frame(
        rows, name="name", unit=unit, ax=figure.subplots(1, n_panels)
    )
    figure.suptitle(title)
    figure.savefig(path)
