"""Rows of the report for files: read, checked, measured here or by workers, and kept.

sources ─► those in the results, as they are ─► tasks ─► records, kept as they come.
"""

import json
import threading
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

import numpy as np
import scipy
import scipy.sparse as sp
import sklearn
from sklearn.base import clone
from sklearn.exceptions import EfficiencyWarning
from sklearn.utils import get_tags

from .._measures.catalogue import group_once
from .._tools.digests import digest
from .._tools.parallel import iter_tasks
from .._tools.progress import Progress, say
from .._version import __version__
from .errors import InputError, blamed_on
from .files import (
    find_labels,
    find_sources,
    read_labels,
    read_labels_beside,
    read_samples,
)
from .report import COLUMNS, OF_FORMS, Job, measure, warnings_as_notes
from .results import Results, Settings

TYPES = {"s": str, "d": int}
WITHOUT_EFFECT = {"estimator", "n_jobs", "verbose"}
NEEDS_AFFINITY = (
    "a sparse matrix of pairs needs --affinity precomputed, or "
    "precomputed_nearest_neighbors for one of distances."
)
ONE_AT_A_TIME = threading.Lock()


def files_job(args, dse, forms, client=None):
    """Rows for each array of each file, checked as far as it costs nothing."""
    path, key = find_labels(args.labels) if args.labels else (None, None)
    sources = find_sources(
        args.files, (path if key is None else None, args.out), (path, key)
    )
    labels = LabelsBeside(key) if key is not None and path is None else None
    if path is not None:
        with blamed_on(args.labels), warnings_as_notes(args.labels):
            labels = grouped(forms, read_labels(path, key))
    shown = [key for key in COLUMNS if args.labels or "dsmi" not in key]
    columns = {key: TYPES.get(spec, float) for key, (_, spec) in COLUMNS.items()}
    sample = None if args.sample is None else (args.sample, dse.random_state or 0)
    settings = _settings(dse, forms, labels, sample, args.labels)
    results = Results(args.out, columns, settings, shown)
    verbose, at_once = dse.verbose, Warning
    if client is not None or args.n_jobs is not None:
        # Progress of several rows at once would be none. Workers of this machine write
        # to the same standard error, and say what cannot wait.
        dse.set_params(verbose=0)
        for dsmi in forms.values():
            dsmi.set_params(verbose=0, estimator__verbose=0)
        at_once = EfficiencyWarning if client is None else ()
    run = partial(iter_tasks, n_jobs=args.n_jobs, client=client)
    rest = labels, dse, forms, sample, at_once
    heading = OF_FORMS if args.labels else ()
    return Job(_measure_files(sources, rest, results, run, verbose), heading=heading)


@dataclass(frozen=True)
class LabelsBeside:
    """Labels that lie beside the samples, in each file, under a key."""

    key: str


def grouped(forms, target):
    """Group of each sample, in few bytes: the groups travel with each task."""
    first, *others = forms.values()
    labels = group_once(first, target)
    for dsmi in others:
        dsmi.set_params(target="discrete")
    return labels.astype(np.min_scalar_type(labels.max(initial=0)))


def _measure_files(sources, rest, results, run, verbose):
    """Position, record and spectrum of each source: first those in the results.

    The record of what was skipped is None.
    """
    with results:
        todo = {}
        for i, source in enumerate(sources):
            key = results.key(source)
            if key in results.known:
                yield i, results.known[key], None
            else:
                todo.setdefault(key, []).append(i)
        if len(todo) < len(sources) and verbose:
            say(f"skdse: {len(todo)} of {len(sources)} rows are left to measure.")
        firsts = {key: sources[places[0]] for key, places in todo.items()}
        tasks = [
            (key, source, results.contents_of(source), *rest)
            for key, source in firsts.items()
        ]
        with _blamed_on_workers(), Progress(len(todo), "measuring", verbose) as p:
            for key, *measured in run(_measure_source, tasks):
                record, spectrum, content, notes = measured
                if content is not None:
                    record = results.add(key, record, content)
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


def _measure_source(key, source, *rest):
    """Key, record, spectrum, digest and notes of a source: what a worker does."""
    try:
        # The threads of a Dask worker share its warning filters and its thread pools.
        with ONE_AT_A_TIME:
            return key, *_measured(source, *rest)
    except InputError as error:
        if not source.found:
            raise
        return key, None, None, None, [f"skdse: {error} Skipped."]


def _measured(source, known, labels, dse, forms, sample, at_once):
    """Record, spectrum, digest and notes of a source; no record of what is known."""
    with warnings_as_notes(source.name, at_once) as notes:
        Z, rows, n_rows = read_samples(source, sample)
        if isinstance(labels, LabelsBeside):
            forms = {name: clone(dsmi) for name, dsmi in forms.items()}
            labels = read_labels_beside(source, labels.key)
            with blamed_on(source.name):
                labels = grouped(forms, labels)
    with blamed_on(source.name):
        if labels is not None and len(labels) != n_rows:
            raise ValueError(_count_message(n_rows, len(labels)))
        is_pairwise = get_tags(dse).input_tags.pairwise
        if sp.issparse(Z) and not is_pairwise:
            raise ValueError(NEEDS_AFFINITY)
        if rows is not None:
            labels = None if labels is None else labels[rows]
            Z = Z[:, rows] if is_pairwise and Z.shape[1] == n_rows else Z
        content = _content(Z, labels)
    if content in known:
        return None, None, content, notes
    prepared = {}
    if labels is not None:
        prepared = {name: (dsmi, labels) for name, dsmi in forms.items()}
    prepared |= {"dse": (dse, None)}
    record, spectrum, more = measure(source.name, Z, prepared, at_once)
    return record, spectrum, content, notes + more


def _content(Z, labels):
    """Digest of samples and of their labels, as text."""
    parts = [digest(Z)] if labels is None else [digest(Z), digest(labels)]
    return sha256(b"".join(parts)).hexdigest()[:24]


def _count_message(n_samples, n_labels):
    """Message that there are not as many labels as samples."""
    text = f"{n_samples} samples, but {n_labels} labels."
    if n_labels == n_samples + 1:
        text += " If the first is a name, say so: --labels FILE:NAME of a .csv file."
    return text


def _settings(dse, forms, labels, sample, labels_from):
    """All that has an effect on the values of a row but its samples, and versions."""
    params = {
        kind: {
            name: value
            for name, value in sorted(estimator.get_params().items())
            if name.rpartition("__")[2] not in WITHOUT_EFFECT
        }
        for kind, estimator in {"dse": dse, **forms}.items()
    }
    if sample is not None:
        params["sample"] = list(sample)
    text = json.dumps(params, default=str)
    parameters = sha256(repr((__version__, text)).encode())
    if isinstance(labels, LabelsBeside):
        parameters.update(repr(labels).encode())
    elif labels is not None:
        parameters.update(labels.tobytes())
    if labels_from is not None:
        text = json.dumps(params | {"labels": labels_from}, default=str)
    packages = {"numpy": np, "scipy": scipy, "scikit-learn": sklearn}
    versions = {name: one.__version__ for name, one in packages.items()}
    versions = json.dumps({"skdse": __version__, **versions})
    return Settings(parameters.hexdigest()[:12], text, versions)
