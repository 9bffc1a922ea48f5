"""The command line: arguments, their errors, and the command ``skdse report``."""

import argparse
import inspect
import json
import re
import sys
import warnings
from contextlib import contextmanager, suppress

from joblib import effective_n_jobs
from sklearn.utils import check_random_state

from .._measures.catalogue import CATALOGUE, FORMS, form_of_dsmi
from .._measures.entropy import DiffusionSpectralEntropy
from .._measures.meters import make_meter
from .._measures.mutual_info import LOCAL_SCALE, DiffusionSpectralMI
from .._measures.pairs import check_mutual_info_parameters
from .._spectra.affinities import AFFINITIES
from .._tools.progress import on_terminal
from .._version import __version__
from ..reporting._facts import unit_of
from .compare import as_lines, compare
from .digits import digits_job
from .errors import InputError, blamed_on, extra, first_line
from .file_rows import files_job
from .pages import check_html, write_html
from .report import as_json, as_text, check_plot, plot, warnings_as_notes

ESTIMATORS = (DiffusionSpectralEntropy, DiffusionSpectralMI)
# A command gives the same figures each time, unless --random-state is none.
DEFAULTS = {"random_state": 0}
# Exit status where some of a folder could not be measured.
SKIPPED = 3
NOT_PARAMETERS_HERE = {"estimator", "clusterer", "n_jobs"}


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments after the name of the program; None uses those of the process.
        Without any arguments, the command is ``report``.

    Returns
    -------
    status : int
        Exit status: 0, or 3 if files of a folder could not be measured and were
        skipped.

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
        with warnings_as_notes():
            return _compare(args) if args.command == "compare" else _report(args)
    except InputError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        parser.exit(130, "skdse: interrupted\n")


# Arguments


class _Parser(argparse.ArgumentParser):
    """Parser whose errors are one line, without the usage before it."""

    def error(self, message):
        self.exit(2, f"skdse: error: {message}\n")


def _parser():
    """Parser of all arguments."""
    parser = _Parser(
        prog="skdse",
        description="Measure representations: how many distinct states their samples "
        "fill (diffusion spectral entropy, DSE), and how much lower the entropy is "
        "within groups of labels than within random groups of the same size (mutual "
        "information, DSMI). Without arguments: the same as 'skdse report'.",
    )
    parser.add_argument("--version", action="version", version=f"skdse {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    report = commands.add_parser(
        "report",
        allow_abbrev=False,
        help="measure files of representations",
        description="Measure files of representations and print a table with a row for "
        "each array. Without files: train a small perceptron on the bundled digits and "
        "measure it before, during and after.",
    )
    _add_report_arguments(report)
    _add_compare(commands)
    return parser


def _add_compare(commands):
    """Add the command ``compare``."""
    command = commands.add_parser(
        "compare",
        allow_abbrev=False,
        help="compare two files of results",
        description="Print the differences of two files that 'skdse report --out' has "
        "written, by the names of their rows, beside their standard errors, and say "
        "which exceed them.",
    )
    for name in ("A", "B"):
        command.add_argument(name, help="file of results: .csv, .parquet or .json")
    command.add_argument("--json", action="store_true", help="print JSON records")


def _add_report_arguments(report):
    """Add the arguments of the command ``report``."""
    _add_input(report)
    _add_output(report)
    _add_ways_to_run(report)
    group = report.add_argument_group(
        "parameters of the estimators",
        "The defaults below are those of DSE. For DSMI they are bandwidth adaptive, "
        "metric sqeuclidean, n-repeats 5, and bandwidth-neighbors 10 for its share and "
        "bandwidth-scale 2 in bits. A share is divided by the entropy of random "
        "subsets, as DSMI in bits is with --normalize.",
    )
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


def _add_input(report):
    """Add the arguments that name what is measured."""
    report.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="array of samples x features: .npy, .npz, .csv, .tsv, .parquet, .arrow, "
        ".feather, .safetensors, .pt, .pth, .h5, .hdf5, .h5ad, .zarr, a data set of "
        "Hugging Face, or a folder of these; a pattern such as 'run/*.npy'; - is .npy "
        "on standard input. Of several arrays in a file, all of two dimensions or more "
        "are measured; FILE:KEY is a single one. More than two dimensions are "
        "flattened to two",
    )
    report.add_argument(
        "--labels",
        metavar="FILE",
        help="target Y: a label or value for each sample, in any of these files or as "
        ".txt (one per line); FILE:KEY is an array or a column of a file, KEY alone "
        "one of each measured file",
    )
    report.add_argument(
        "--sample",
        metavar="N",
        type=_count,
        help="read N rows of each array, drawn at random by --random-state, the same "
        "of arrays with as many rows (default: all)",
    )


def _add_output(report):
    """Add the arguments that say what is printed and written."""
    report.add_argument(
        "--json", action="store_true", help="print JSON records, without rounding"
    )
    report.add_argument(
        "--plot", metavar="FILE", help="write a chart of the table, as .png, .svg, …"
    )
    report.add_argument(
        "--html",
        metavar="FILE",
        help="write a report with charts as an .html file that needs no network",
    )
    report.add_argument(
        "--out",
        metavar="FILE",
        help="write each row to a .csv or .parquet file as soon as it is measured, "
        "with a digest of the array, all parameters and versions; what the file has "
        "already is not measured again",
    )


def _add_ways_to_run(report):
    """Add the arguments that say where rows are measured."""
    report.add_argument(
        "--n-jobs",
        metavar="N",
        type=int,
        help="number of rows measured at a time, each on one core (-1: as many as "
        "there are cores; default: one after the other, on all cores)",
    )
    report.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="measure on the Dask cluster with this scheduler address; its workers "
        "read the files from the same paths",
    )


def _parameters():
    """Default and help of each parameter of the estimators, by its name."""
    found = {}
    for estimator in ESTIMATORS:
        helps = _documented(estimator)
        for name, parameter in inspect.signature(estimator).parameters.items():
            if name not in NOT_PARAMETERS_HERE:
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


def _count(text):
    """Number of rows: an integer above 0."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be an integer above 0; got {text!r}.")
    return int(text)


def _value(text):
    """Value of a parameter: none, an integer, a number or a name."""
    if text.lower() == "none":
        return None
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _estimators(given):
    """DSE, and the forms of DSMI by name, with the parameters given, all checked.

    DSMI has a scale of its own where nothing else is given.
    """
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
    # normalize is a share of DSMI's own entropy, not of that of each group, and a
    # subsample one of all samples.
    whole = {"normalize": False, "max_samples": None, "n_repeats": 1}
    local = LOCAL_SCALE | of_entropy | whole
    metrics = getattr(AFFINITIES.get(local.get("affinity")), "metrics", None)
    if "metric" not in given and metrics is not None:
        del local["metric"]  # of its own choice alone
    forms = {
        name: form_of_dsmi(name, local, **of[DiffusionSpectralMI]) for name in FORMS
    }
    try:
        with warnings.catch_warnings(action="ignore"):  # each row has them
            make_meter(dse)
            for dsmi in forms.values():
                make_meter(dsmi.estimator)
                check_mutual_info_parameters(dsmi)
    except (TypeError, ValueError) as error:
        raise InputError(first_line(error)) from error
    with blamed_on("random_state"):
        check_random_state(dse.random_state)
    return dse, forms


# The command


def _report(args):
    """Measure what the arguments say, and print or plot it; the exit status."""
    given = dict(vars(args))
    for option in ("labels", "target", "out", "dask", "sample"):
        if given.get(option) is not None and not args.files:
            raise InputError(f"--{option} needs files to measure; got none.")
    if given.get("target") is not None and args.labels is None:
        raise InputError("--target needs --labels.")
    if args.plot:
        check_plot(args.plot)
    if args.html:
        check_html(args.html)
    verbose = max(given.get("verbose", 0), on_terminal())
    # Of files, several are measured at a time, each by one job.
    n_jobs = None if args.files else args.n_jobs
    given |= {"verbose": verbose, "n_jobs": n_jobs}
    dse, forms = _estimators(given)
    with _cluster(args) as client:
        if args.files:
            job = files_job(args, dse, forms, client)
        else:
            job = digits_job(dse, forms)
        settings = _settings(args, dse, forms)
        measures = {"dse": dse, **forms}
        units = {
            name: unit_of(one)
            for name, one in measures.items()
            if CATALOGUE[name].has_unit
        }
        return _show(job, args, settings, units)


def _compare(args):
    """Print the differences of two files of results; the exit status."""
    differences, notes = compare(args.A, args.B)
    if args.json:
        print(json.dumps(differences, indent=2, allow_nan=False))
    else:
        print(as_lines(differences, notes))
    return 0


@contextmanager
def _cluster(args):
    """Client of the Dask cluster of --dask, None without it."""
    with blamed_on("n_jobs"):
        effective_n_jobs(args.n_jobs)
    if args.dask is None:
        yield None
        return
    if args.n_jobs is not None:
        raise InputError("--n-jobs is for this machine, not for --dask.")
    with extra("dask", "--dask"):
        from distributed import Client
    with blamed_on(args.dask):
        client = Client(args.dask, set_as_default=False)
    with client:
        yield client


def _settings(args, dse, forms):
    """What was measured and how, for the report in HTML."""
    of_dsmi = {CATALOGUE[name].title: one for name, one in forms.items()}
    if not args.files:
        return {"DSE": dse, **of_dsmi}
    with_labels = {"labels": args.labels, **of_dsmi} if args.labels else {}
    return {"files": ", ".join(args.files), "DSE": dse, **with_labels}


def _show(job, args, settings, units):
    """Print the records of a job, also if it is interrupted, and draw them."""
    found = {}
    try:
        for i, *measured in job.records:
            found[i] = measured
    finally:
        # What is done is worth having, whatever became of the rest.
        measured = [found[i] for i in sorted(found) if found[i][0] is not None]
        records = [record for record, _ in measured]
        if records:
            print(as_json(records) if args.json else as_text(records, job, units))
        if records and args.html:
            write_html(args.html, measured, job, settings, units)
    if not records:
        raise InputError("nothing is measured: every file was skipped.")
    if args.plot:
        plot(args.plot, records, job, units)
    return 0 if len(records) == len(found) else SKIPPED
