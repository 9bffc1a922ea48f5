"""The command line: ``skdse report`` measures files, or the layers of a small network.

arguments ─► job (rows of samples and targets) ─► records ─► table, JSON or plot. What
the input got wrong is an _InputError: one line and exit status 2, no traceback.
"""

import argparse
import inspect
import json
import math
import re
import sys
import time
import warnings
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from ._base import MAX_SEED
from ._entropy import DiffusionSpectralEntropy
from ._grouping import group_target
from ._mutual_info import DiffusionSpectralMI
from ._version import __version__

ESTIMATORS = (DiffusionSpectralEntropy, DiffusionSpectralMI)
# A command gives the same figures twice, unless it is asked not to.
DEFAULTS = {"random_state": 0}
NOT_ON_THE_COMMAND_LINE = {"estimator", "clusterer"}
COLUMNS = {
    "name": ("name", "s"),
    "n_samples": ("n", "d"),
    "n_features": ("d", "d"),
    "dse": ("DSE [{unit}]", ".3f"),
    "dse_std_error": ("± s.e.", ".3f"),
    "dsmi_y": ("DSMI(Z;Y) [{unit}]", ".3f"),
    "dsmi_y_std_error": ("± s.e.", ".3f"),
    "dsmi_x": ("DSMI(Z;X) [{unit}]", ".3f"),
    "dsmi_x_std_error": ("± s.e.", ".3f"),
    "effective_rank": ("effective rank", ".1f"),
    "bandwidth": ("bandwidth", ".4g"),
    "seconds": ("seconds", ".2f"),
}
# Name, colour (told apart by the colour-blind) and marker in a plot.
SERIES = {
    "dse": ("DSE", "#0072B2", "o"),
    "dsmi_y": ("DSMI(Z;Y), labels", "#D55E00", "o"),
    "dsmi_x": ("DSMI(Z;X), inputs", "#009E73", "s"),
}
BAD_INPUT = (MemoryError, OSError, ValueError, zipfile.BadZipFile)
LAYER_COLUMNS = ("name", "n_features", "dse", "dsmi_y", "dsmi_x", "effective_rank")
HIDDEN_LAYERS = (64, 32)


class _InputError(Exception):
    """What the user can put right, in one line."""


@dataclass(frozen=True)
class _Job:
    """What to measure, as (name, samples, targets) rows, and how to present it."""

    rows: object
    columns: tuple = tuple(COLUMNS)
    heading: tuple = ()
    footer: tuple = ()
    title: str = ""
    extra: dict = field(default_factory=dict)
    threads: int | None = None


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments after the name of the program; those of the process if None. No
        argument at all means ``report``.

    Returns
    -------
    status : int
        Exit status 0.

    Raises
    ------
    SystemExit
        With status 2, after one line on standard error, if an argument or a file is
        invalid; with status 130 after an interruption; with status 0 after
        ``--help`` and ``--version``.
    """
    argv = sys.argv[1:] if argv is None else argv
    parser = _parser()
    args = parser.parse_args(argv or ["report"])
    try:
        _report(args)
    except _InputError as error:
        _progress()
        parser.error(str(error))
    except KeyboardInterrupt:
        _progress()
        parser.exit(130, "skdse: interrupted\n")
    return 0


# Arguments


class _Parser(argparse.ArgumentParser):
    """Parser whose errors are one line, without the usage before it."""

    def error(self, message):
        self.exit(2, f"skdse: error: {message}\n")


def _parser():
    """Parser of all arguments."""
    parser = _Parser(
        prog="skdse",
        description="Diffusion spectral entropy (DSE) and mutual information (DSMI) "
        "of representations. Without arguments: the same as 'skdse report'.",
    )
    parser.add_argument("--version", action="version", version=f"skdse {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    report = commands.add_parser(
        "report",
        allow_abbrev=False,
        help="measure files of representations",
        description="Measure files of representations, one row of a table for each "
        "array. Without files: train a small perceptron on the bundled digits and "
        "measure it layer by layer.",
    )
    _add_report_arguments(report)
    return parser


def _add_report_arguments(report):
    """Add the arguments of the command ``report``."""
    report.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="samples x features, as .npy, .npz (every array of two dimensions or "
        "more, or the one of FILE.npz:KEY), .csv or .parquet; more dimensions than "
        "two are flattened",
    )
    report.add_argument(
        "--labels",
        metavar="FILE",
        help="target Y of each sample, as .npy, .csv or .txt (one a line)",
    )
    report.add_argument(
        "--json", action="store_true", help="print JSON records, not rounded"
    )
    report.add_argument(
        "--plot", metavar="FILE", help="write a chart of the rows, as .png, .svg, …"
    )
    group = report.add_argument_group("parameters of the estimators")
    for name, (default, text) in _parameters().items():
        options = {"action": "store_true"} if default is False else {"type": _value}
        if name == "verbose":
            options = {"action": "count"}
        if "type" in options:
            options["metavar"] = "VALUE"
            text += f" (default: {default})"
        group.add_argument(
            f"--{name.replace('_', '-')}",
            default=argparse.SUPPRESS,
            help=text.replace("%", "%%"),
            **options,
        )


def _parameters():
    """Default and help of each parameter of the estimators, by its name."""
    found = {}
    for estimator in ESTIMATORS:
        helps = _documented(estimator)
        for name, parameter in inspect.signature(estimator).parameters.items():
            if name not in NOT_ON_THE_COMMAND_LINE:
                default = DEFAULTS.get(name, parameter.default)
                found.setdefault(name, (default, helps.get(name, "")))
    return found


def _documented(estimator):
    """Type and first sentence of each parameter, from the docstring."""
    # The docstring is empty under python -OO.
    doc = inspect.cleandoc(estimator.__doc__ or "")
    blocks = re.findall(r"^(\w+) : (.+)\n((?:    .+\n)+)", doc, flags=re.M)
    helps = {}
    for name, kind, text in blocks:
        kind = re.sub(r"( or callable)?,\s+default=.*", "", kind)
        sentence = re.split(r"\.\s", text)[0]
        sentence = re.sub(r":\w+:|`+|\s*\[\d\]_", "", " ".join(sentence.split()))
        helps[name] = f"{kind}: {sentence.rstrip('.')}"
    return helps


def _value(text):
    """Value of a parameter: none, an integer, a number or a name."""
    if text.lower() == "none":
        return None
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _estimators(given):
    """DSE and DSMI with the parameters given, all of them checked."""
    of = {
        estimator: {
            name: value
            for name, value in (DEFAULTS | given).items()
            if name in inspect.signature(estimator).parameters
        }
        for estimator in ESTIMATORS
    }
    of_entropy = of[DiffusionSpectralEntropy]
    dse = DiffusionSpectralEntropy(**of_entropy)
    # normalize is a share of DSMI's own entropy, not of that of each group.
    local = {"bandwidth": "adaptive"} | of_entropy | {"normalize": False}
    dsmi = DiffusionSpectralMI(
        DiffusionSpectralEntropy(**local), **of[DiffusionSpectralMI]
    )
    try:
        dse._check_parameters()
        dsmi._check_parameters()
    except (TypeError, ValueError) as error:
        raise _InputError(_first_line(error)) from error
    with _blamed_on("random_state"):
        check_random_state(dse.random_state)
    return dse, dsmi


# The command


def _report(args):
    """Measure what the arguments say, and print or plot it."""
    dse, dsmi = _estimators(vars(args))
    unit = "share" if dse.normalize else "bits"
    if args.plot:
        _check_plot(args.plot)
    job = _files_job(args, dsmi) if args.files else _digits_job(args, dsmi)
    records = []
    try:
        with threadpool_limits(job.threads):
            for name, Z, targets in job.rows:
                _progress(f"{name}: {Z.shape[0]} x {Z.shape[1]}", dse.verbose)
                records.append(_measure(name, Z, targets, dse, dsmi) | job.extra)
    finally:
        # What is done is worth having, whatever became of the rest.
        _progress()
        if records:
            print(_as_json(records) if args.json else _as_text(records, job, unit))
    if args.plot:
        _plot(args.plot, records, job.title, unit)


def _measure(name, Z, targets, dse, dsmi):
    """Record of the measures of the samples Z and their groups by each target."""
    start = time.perf_counter()
    of_targets = {}
    with _blamed_on(name), _warnings_as_notes(name):
        # Before DSE, which takes longer: what is wrong shows sooner.
        for key, groups in targets.items():
            dsmi.set_params(target="discrete").fit(Z, groups)
            of_targets[key] = dsmi.mutual_info_
            of_targets[f"{key}_std_error"] = dsmi.mutual_info_std_error_
        dse.fit(Z)
    bandwidth = dse.bandwidth_
    return {
        "name": name,
        "n_samples": Z.shape[0],
        "n_features": Z.shape[1],
        "dse": dse.entropy_,
        "dse_std_error": dse.entropy_std_error_,
        **of_targets,
        "effective_rank": dse.effective_rank_,
        "bandwidth": None if bandwidth is None else np.median(bandwidth),
        "seconds": time.perf_counter() - start,
    }


def _groups(y, target, dsmi):
    """Group of each sample by a target, as DiffusionSpectralMI would find it."""
    seed = check_random_state(dsmi.random_state).randint(MAX_SEED)
    return group_target(y, target, dsmi.n_groups, None, seed).labels


# The bundled digits


def _digits_job(args, dsmi):
    """Layers of a perceptron, trained on half of the digits, on the other half."""
    for option in ("labels", "target"):
        if getattr(args, option, None) is not None:
            raise _InputError(f"--{option} needs files to measure; got none.")
    _progress("training a perceptron on the bundled digits", dsmi.verbose)
    # Work this small takes longer on more threads, and rounds differently.
    with threadpool_limits(1), _blamed_on("input"):
        mlp, X, y = _train_perceptron()
        targets = {"dsmi_y": y, "dsmi_x": _groups(X, "continuous", dsmi)}
    accuracy = mlp.score(X, y)
    widths = "-".join(map(str, (X.shape[1], *HIDDEN_LAYERS, mlp.n_outputs_)))
    return _Job(
        rows=((name, Z, targets) for name, Z in _layers(mlp, X)),
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
        extra={"test_accuracy": accuracy},
        threads=1,
    )


def _train_perceptron():
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


def _layers(mlp, X):
    """Name and activations of each layer; the output before the softmax."""
    yield "input", X
    Z = X
    *hidden, last = zip(mlp.coefs_, mlp.intercepts_, strict=True)
    for i, (W, b) in enumerate(hidden, 1):
        Z = np.maximum(Z @ W + b, 0)
        yield f"hidden {i}", Z
    # Probabilities of a trained network crowd in the corners of the simplex, closer
    # than the rounding of their distances: 0.006 bits of DSMI.
    W, b = last
    yield "output", Z @ W + b


# Files


def _files_job(args, dsmi):
    """Rows for each array of each file, checked as far as it costs nothing."""
    for file in args.files:
        _check_file(file, READERS)
    labels = None
    if args.labels:
        _check_file(args.labels, LABEL_READERS)
        with _blamed_on(args.labels):
            y = LABEL_READERS[Path(args.labels).suffix](Path(args.labels))
            labels = _groups(y, dsmi.target, dsmi)
    elif hasattr(args, "target"):
        raise _InputError("--target needs --labels.")
    return _Job(rows=_file_rows(args.files, args.labels, labels))


def _file_rows(files, labels_file, labels):
    """Name, samples and targets of each array of each file."""
    for file in files:
        with _blamed_on(file):
            for name, array in _arrays(file):
                Z = _as_samples(array, name)
                if labels is not None and len(labels) != len(Z):
                    raise ValueError(
                        f"{len(Z)} samples, but {labels_file} has {len(labels)} labels."
                    )
                yield name, Z, {} if labels is None else {"dsmi_y": labels}


def _split_key(file):
    """Path of a file, and the key of FILE.npz:KEY."""
    match = re.fullmatch(r"(.+\.npz):(.+)", file)
    return (Path(match[1]), match[2]) if match else (Path(file), None)


def _check_file(file, readers):
    """Raise unless the file is there and of a known kind."""
    path, _ = _split_key(file)
    if path.suffix not in readers:
        raise _InputError(
            f"{file}: the extension must be one of {sorted(readers)}; "
            f"got {path.suffix!r}."
        )
    if not path.is_file():
        raise _InputError(f"{path}: {'not a' if path.exists() else 'no such'} file.")


def _arrays(file):
    """Name and array, one after the other, of what a file has to be measured."""
    path, key = _split_key(file)
    content = READERS[path.suffix](path)
    if path.suffix != ".npz":
        yield file, content
        return
    with content:
        names = content.files
        if key is not None and key not in names:
            raise ValueError(f"no array of this name; the archive has {names}.")
        found = False
        for name in names if key is None else [key]:
            array = content[name]
            # Archives often have the labels, too: measured only when asked for.
            if array.ndim > 1 or key is not None:
                found = True
                yield f"{path}:{name}", array
        if not found:
            raise ValueError(f"no array of two dimensions among {names}.")


def _as_samples(array, name):
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
    _note(f"{name}: shape {array.shape} flattened to {Z.shape}.")
    return Z


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
    with _extra("report", "reading .parquet"):
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


# What is shown


def _as_json(records):
    """Records with their numbers as they are; what is not a number is null."""
    plain = [
        {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in record.items()
        }
        for record in records
    ]
    return json.dumps(plain, indent=2, allow_nan=False)


def _as_text(records, job, unit):
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


def _check_plot(path):
    """Raise before any work if the plot could not be written after it."""
    with _extra("plot", "--plot"):
        from matplotlib.figure import Figure
    kinds = Figure().canvas.get_supported_filetypes()
    if Path(path).suffix[1:] not in kinds:
        raise _InputError(
            f"{path}: the extension of a plot must be one of {sorted(kinds)}; "
            f"got {Path(path).suffix[1:]!r}."
        )
    if not Path(path).parent.is_dir():
        raise _InputError(f"{path}: no such directory.")


def _plot(path, records, title, unit):
    """Draw DSE and, beside it, DSMI: a point for each record."""
    from matplotlib.figure import Figure

    targets = [key for key in ("dsmi_y", "dsmi_x") if key in records[0]]
    panels = [["dse"], targets] if targets else [["dse"]]
    figure = Figure(figsize=(4 * len(panels), 3.8), dpi=200, layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, keys in zip(axes, panels, strict=True):
        _draw(ax, records, keys, unit)
    figure.suptitle(title)
    figure.savefig(path)


def _draw(ax, records, keys, unit):
    """Draw one or two measures of the records, with their standard errors."""
    names = [f"{Path(one['name']).name}\n{one['n_features']}" for one in records]
    for key in keys:
        label, color, marker = SERIES[key]
        values = np.array([one[key] for one in records], dtype=float)
        errors = np.array([one[f"{key}_std_error"] for one in records], dtype=float)
        ax.errorbar(
            range(len(names)),
            values,
            yerr=np.nan_to_num(errors),
            label=label,
            color=color,
            marker=marker,
            capsize=3,
        )
    ax.set_ylabel(f"{SERIES[keys[0]][0].split('(')[0]} [{unit}]")
    ax.set_xticks(range(len(names)), names)
    ax.set_xlabel("representation Z and its number of features")
    if sum(map(len, names)) > 60:
        ax.tick_params("x", rotation=90)
    ax.margins(x=0.1, y=0.15)
    ax.grid(axis="y", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    if len(keys) > 1:
        ax.legend(frameon=False)


# Errors, notes and progress


@contextmanager
def _blamed_on(name):
    """Turn what a bad input causes into one line that names it."""
    try:
        yield
    except BAD_INPUT as error:
        raise _InputError(f"{name}: {_first_line(error)}") from error


@contextmanager
def _extra(extra, purpose):
    """Turn a missing import into the name of the extra that has it."""
    try:
        yield
    except ImportError as error:
        raise _InputError(
            f'{purpose} needs an optional package: pip install "skdse[{extra}]".'
        ) from error


@contextmanager
def _warnings_as_notes(name):
    """Print a warning as one line that names the input."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for text in dict.fromkeys(str(one.message) for one in caught):
        _note(f"{name}: warning: {text}")


def _first_line(error):
    """What an error says, in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0]


def _note(text):
    """Say something beside the results."""
    _progress()
    print(f"skdse: {text}", file=sys.stderr)


def _progress(text="", verbose=0):
    """Show what is being done, in one line that the next call replaces."""
    if sys.stderr.isatty():
        # Back to the start of the line, and clear it.
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif verbose and text:
        print(f"skdse: {text}", file=sys.stderr)
