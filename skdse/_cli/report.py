"""What ``skdse report`` measures and how it shows it.

job (samples and targets) ─► records, kept in a file as they come ─► table, JSON, plot.
"""

import json
import threading
import warnings
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from .._measures.catalogue import (
    CATALOGUE,
    ERROR,
    MEASURES,
    group_once,
    measure_layers,
    prepare_measures,
)
from .._measures.spectra import fitted_spectrum
from .._tools.parallel import iter_tasks
from .._tools.progress import Progress, say
from .._version import __version__
from ..plotting import LayerProfileDisplay
from ..probing._representation import perceptron_activations
from .files import (
    InputError,
    Results,
    blamed_on,
    extra,
    find_sources,
    read_labels,
    read_samples,
)

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
TYPES = {"s": str, "d": int}
LAYER_COLUMNS = ("name", "n_features", *MEASURES, "effective_rank")
FILE_COLUMNS = tuple(key for key in COLUMNS if not key.startswith("dsmi_input"))
WITHOUT_EFFECT = {"estimator", "n_jobs", "verbose"}
HIDDEN_LAYERS = (64, 32)
ONE_AT_A_TIME = threading.Lock()


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


def measure(name, Z, prepared):
    """Record of the measures of Z, the spectrum of its entropy, and notes."""
    with blamed_on(name), _warnings_as_notes(name) as notes:
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
def _warnings_as_notes(name):
    """Collect warnings as lines that name the input."""
    notes = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield notes
    texts = dict.fromkeys(str(one.message) for one in caught)
    notes += [f"skdse: {name}: warning: {text}" for text in texts]


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


# Files


def files_job(args, dse, dsmi, client=None):
    """Rows for each array of each file, checked as far as it costs nothing."""
    sources = find_sources(args.files, (args.labels, args.out))
    labels = None
    if args.labels:
        with blamed_on(args.labels):
            labels = group_once(dsmi, read_labels(args.labels))
            # They travel with each task.
            labels = labels.astype(np.min_scalar_type(labels.max(initial=0)))
    columns = [key for key in FILE_COLUMNS if args.labels or "dsmi" not in key]
    types = {key: TYPES.get(COLUMNS[key][1], float) for key in columns}
    results = Results(args.out, FILE_COLUMNS, types, _fingerprint(dse, dsmi, labels))
    verbose = dse.verbose
    if client is not None or args.n_jobs is not None:
        # Progress of several rows at once would be none.
        dse.set_params(verbose=0)
        dsmi.set_params(verbose=0, estimator__verbose=0)
    run = partial(iter_tasks, n_jobs=args.n_jobs, client=client)
    return Job(_measure_files(sources, (labels, dse, dsmi), results, run, verbose))


def _measure_files(sources, rest, results, run, verbose):
    """Position, record and spectrum of each source: first those in the results."""
    todo = {}
    for i, source in enumerate(sources):
        key = results.key(source)
        if key in results.known:
            yield i, results.known[key], None
        else:
            todo.setdefault(key, []).append(i)
    if len(todo) < len(sources) and verbose:
        say(f"skdse: {len(todo)} of {len(sources)} rows are left to measure.")
    tasks = [(key, sources[todo[key][0]], *rest) for key in todo]
    with results, _blamed_on_workers(), Progress(len(todo), "measuring", verbose) as p:
        for key, record, spectrum, notes in run(_measure_source, tasks):
            results.add(key, record)
            for note in notes:
                say(note)
            p.advance()
            yield from ((i, record, spectrum) for i in todo[key])


@contextmanager
def _blamed_on_workers():
    """Turn the death of a worker into one line."""
    try:
        yield
    except BrokenExecutor as error:
        raise InputError(
            "a worker died, perhaps of too little memory; measure fewer rows at a "
            "time (--n-jobs)."
        ) from error


def _measure_source(key, source, labels, dse, dsmi):
    """Key, record, spectrum and notes of a source: what a worker does."""
    # The threads of a Dask worker share its warning filters and its thread pools.
    with ONE_AT_A_TIME, blamed_on(source.name):
        with _warnings_as_notes(source.name) as notes:
            Z = read_samples(source)
        if labels is not None and len(labels) != len(Z):
            raise ValueError(f"{len(Z)} samples, but {len(labels)} labels.")
        prepared = {} if labels is None else {"dsmi": (dsmi, labels)}
        prepared |= {"dse": (dse, None)}
        record, spectrum, more = measure(source.name, Z, prepared)
    return key, record, spectrum, notes + more


def _fingerprint(dse, dsmi, labels):
    """Short hash of all that has an effect on the values of a row, but its samples."""
    params = [
        (name, value)
        for estimator in (dse, dsmi)
        for name, value in sorted(estimator.get_params().items())
        if name.rpartition("__")[2] not in WITHOUT_EFFECT
    ]
    digest = sha256(repr((__version__, params)).encode())
    if labels is not None:
        digest.update(labels.tobytes())
    return digest.hexdigest()[:12]


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
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    ]
    return "\n".join([*job.heading, *table, *job.footer])


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
