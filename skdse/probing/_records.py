"""Records of runs, epoch by epoch, in a CSV file that is whole at any time.

A record is a dictionary with the run, the epoch and the layer that it is of, numbers,
and a short hash of the settings that it was measured with.
"""

import csv
import glob
import os
from pathlib import Path

import joblib
import numpy as np

from .._tools.arrays import is_device_array, namespace
from .._tools.digests import digest
from .._tools.intake import taken_in_labels

KEYS = ("run", "epoch", "layer")
TEXTS = ("run", "layer", "settings")
INTEGERS = ("epoch", "n_samples", "n_features")


def hash_of_settings(measures, layers, X, y, pooling, accuracy, **more):
    """Short hash of what records depend on, but for the network.

    More parameters count where they are not the defaults.
    """
    layers = None if layers is None else str(layers)
    contents, functions = map(_content, (X, y)), map(described, (pooling, accuracy))
    more = [(name, value) for name, value in sorted(more.items()) if value is not None]
    return joblib.hash((measures, layers, *contents, *functions, *more))[:12]


def numbers_of(records):
    """Numbers of an epoch by name, "layer/measure", as dashboards take them.

    The accuracy is that of the network; NaN are left out.
    """
    numbers = {
        f"{record['layer']}/{key}": value
        for record in records
        for key, value in record.items()
        if key not in (*TEXTS, *INTEGERS, "accuracy", "seconds")
    }
    numbers["accuracy"] = records[0]["accuracy"]
    numbers["seconds"] = sum(record["seconds"] for record in records)
    return {key: float(value) for key, value in numbers.items() if value == value}


def records_of_run(path, run, settings):
    """Records of a run in a file, or raise if they were measured otherwise."""
    records = [one for one in read_records(path) if one["run"] == run]
    if any(one["settings"] != settings for one in records):
        raise ValueError(
            f"path={str(path)!r} has records of run={run!r} that were measured with "
            "other samples or parameters; give another path or another run."
        )
    return records


def put_records(path, records):
    """Add records to a file, in place of others of the same epoch, in one step."""
    mine = {(one["run"], one["epoch"]) for one in records}
    kept = [one for one in read_records(path) if (one["run"], one["epoch"]) not in mine]
    write_records(path, kept + records)


def replace_run(path, run, records):
    """Put records in place of those that a file has of a run, in one step."""
    others = [one for one in read_records(path) if one["run"] != run]
    write_records(path, others + records)


def read_records(path):
    """Records of a file; none where there is no such file."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            names = rows.fieldnames or []
            if not {*KEYS, "settings"} <= {*names}:
                raise ValueError(
                    f"path={str(path)!r} must be a new file or one that "
                    f"RepresentationTracker has written; its columns are {names}."
                )
            return [_record(row) for row in rows]
    except FileNotFoundError:
        return []


def write_records(path, records):
    """Put a file with these records in the place of the one there is."""
    path = Path(path)
    columns = list(dict.fromkeys(key for record in records for key in record))
    # At its place only when it is written to the end, whatever interrupts.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "w", encoding="utf-8", newline="") as file:
            rows = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            rows.writeheader()
            rows.writerows(records)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        # Also those of processes that were killed as they wrote.
        for one in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
            one.unlink(missing_ok=True)


def _record(row):
    """Record of a row: texts and numbers, without what is empty as not of its run."""
    return {
        key: text if key in TEXTS else (int if key in INTEGERS else float)(text)
        for key, text in row.items()
        if text or key in TEXTS
    }


def _content(samples):
    """Samples as a NumPy array, or the digest of those on a device."""
    samples = None if samples is None else taken_in_labels(samples)
    if not is_device_array(samples):
        return None if samples is None else np.asarray(samples)
    flat = namespace(samples).reshape(samples, (samples.shape[0], -1))
    return samples.shape, digest(flat)


def described(value):
    """Text that is the same in another process: functions by their names."""
    if isinstance(value, dict):
        return str({key: described(one) for key, one in sorted(value.items())})
    name = getattr(value, "__qualname__", None)
    return name or repr(value)
