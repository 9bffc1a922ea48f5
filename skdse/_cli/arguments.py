"""The command line: arguments, their errors, and the command ``skdse report``."""

import argparse
import inspect
import re
import sys
from contextlib import contextmanager, suppress

from joblib import effective_n_jobs
from sklearn.utils import check_random_state

from .._measures.entropy import DiffusionSpectralEntropy
from .._measures.meters import make_meter
from .._measures.mutual_info import (
    LOCAL_SCALE,
    DiffusionSpectralMI,
    check_mutual_info_parameters,
)
from .._spectra.affinities import AFFINITIES
from .._tools.progress import on_terminal
from .._version import __version__
from .files import InputError, blamed_on, extra, first_line
from .pages import check_html, write_html
from .report import (
    as_json,
    as_text,
    check_plot,
    digits_job,
    files_job,
    plot,
)

ESTIMATORS = (DiffusionSpectralEntropy, DiffusionSpectralMI)
# A command gives the same figures each time, unless --random-state is none.
DEFAULTS = {"random_state": 0}
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
    except InputError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
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
        "measure it layer by layer.",
    )
    _add_report_arguments(report)
    return parser


def _add_report_arguments(report):
    """Add the arguments of the command ``report``."""
    _add_input_and_output(report)
    _add_ways_to_run(report)
    group = report.add_argument_group(
        "parameters of the estimators",
        "The defaults below are those of DSE. For DSMI they are bandwidth adaptive, "
        "metric sqeuclidean and n-repeats 5. With --normalize, DSMI is divided by the "
        "entropy of random subsets.",
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


def _add_input_and_output(report):
    """Add the arguments that name files."""
    report.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="array of samples x features: .npy, .npz (all arrays of two dimensions or "
        "more; FILE.npz:KEY is a single array), .csv or .parquet, or a folder of such "
        "files; more than two dimensions are flattened to two",
    )
    report.add_argument(
        "--labels",
        metavar="FILE",
        help="target Y: a label or value for each sample, as .npy, .csv or .txt (one "
        "per line)",
    )
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
        help="write each row to a CSV file as soon as it is measured; rows that are "
        "already in the file are not measured again",
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
    # normalize is a share of DSMI's own entropy, not of that of each group, and a
    # subsample one of all samples.
    whole = {"normalize": False, "max_samples": None, "n_repeats": 1}
    local = LOCAL_SCALE | of_entropy | whole
    metrics = getattr(AFFINITIES.get(local.get("affinity")), "metrics", None)
    if "metric" not in given and metrics is not None:
        del local["metric"]  # of its own choice alone
    dsmi = DiffusionSpectralMI(
        DiffusionSpectralEntropy(**local), **of[DiffusionSpectralMI]
    )
    try:
        make_meter(dse)
        make_meter(dsmi.estimator)
        check_mutual_info_parameters(dsmi)
    except (TypeError, ValueError) as error:
        raise InputError(first_line(error)) from error
    with blamed_on("random_state"):
        check_random_state(dse.random_state)
    return dse, dsmi


# The command


def _report(args):
    """Measure what the arguments say, and print or plot it."""
    given = vars(args)
    for option in ("labels", "target", "out", "dask"):
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
    dse, dsmi = _estimators(given | {"verbose": verbose, "n_jobs": n_jobs})
    with _cluster(args) as client:
        if args.files:
            job = files_job(args, dse, dsmi, client)
        else:
            job = digits_job(dse, dsmi)
        settings = _settings(args, dse, dsmi)
        _show(job, args, settings, "share" if dse.normalize else "bits")


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


def _settings(args, dse, dsmi):
    """What was measured and how, for the report in HTML."""
    if not args.files:
        return {"DSE": dse, "DSMI": dsmi}
    with_labels = {"labels": args.labels, "DSMI": dsmi} if args.labels else {}
    return {"files": ", ".join(args.files), "DSE": dse, **with_labels}


def _show(job, args, settings, unit):
    """Print the records of a job, also if it is interrupted, and draw them."""
    found = {}
    try:
        for i, *measured in job.records:
            found[i] = measured
    finally:
        # What is done is worth having, whatever became of the rest.
        measured = [found[i] for i in sorted(found)]
        records = [record for record, _ in measured]
        if records:
            print(as_json(records) if args.json else as_text(records, job, unit))
        if records and args.html:
            write_html(args.html, measured, job, settings, unit)
    if args.plot:
        plot(args.plot, records, job.title, unit)
