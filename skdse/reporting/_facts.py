"""What a report says beside measures: facts of its records, settings, versions."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress

import numpy as np

from .._version import NOT_INSTALLED, versions
from ._grids import OF_NETWORK

# Characters of a setting; what is longer is cut.
MAX_TEXT = 500


def facts_of(grids, columns, name):
    """Label and text of the numbers that stand at the top."""
    whole = grids[0]
    found = []
    if len(grids) > 1:
        found.append(("runs", str(len(grids) - 1)))
    kind = "layers" if name == "layer" else "representations"
    found.append((kind, str(len(whole.layers))))
    if whole.epochs is not None:
        found.append(("epochs", _course([whole.epochs[0], whole.epochs[-1]], "–")))
    for key, label in (("n_samples", "samples"), ("n_features", "features")):
        if key in columns:
            values = np.asarray(columns[key], dtype=float)
            found.append((label, _course([np.nanmin(values), np.nanmax(values)], "–")))
    for key in OF_NETWORK:
        values = whole.values.get(key, np.array([]))
        values = values[np.isfinite(values).any(axis=1)] if values.size else values
        if values.size:
            known = values[0][np.isfinite(values[0])]
            found.append((key.replace("_", " "), _course(known[[0, -1]], " → ", ".3f")))
    if "seconds" in columns:
        seconds = np.nansum(np.asarray(columns["seconds"], dtype=float))
        found.append(("measured in", f"{seconds:.1f} s"))
    return found


def _course(ends, sign, spec="g"):
    """Two numbers with a sign between them, or one if they are equal."""
    return sign.join(dict.fromkeys(format(end, spec) for end in ends))


def settings_of(tracker):
    """Parameters of a tracker as texts: of samples, shape and kind alone."""
    params = tracker.get_params(deep=False)
    return {
        name: _kind_of(value) if name in ("X", "y") else shown(value)
        for name, value in params.items()
    }


def unit_of(measure):
    """Unit of a measure, an estimator or (estimator, target); "" if it is another."""
    estimator = measure[0] if isinstance(measure, tuple) else measure
    normalize = getattr(estimator, "normalize", None)
    return "" if normalize is None else "share" if normalize else "bits"


def shown(value):
    """Text of a setting: functions by their names, arrays by their shapes."""
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {shown(one)}" for key, one in value.items())
    if hasattr(value, "shape"):
        return _kind_of(value)
    if isinstance(value, (str, os.PathLike)) and str(value):
        return str(value)
    name = getattr(value, "__qualname__", None)
    # An address differs each time.
    text = name or re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
    text = re.sub(r"\s+", " ", text)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} …"


def _kind_of(samples):
    """Kind and shape of samples, without any of their values."""
    if samples is None:
        return "None"
    kind = type(samples).__name__
    if isinstance(samples, Mapping):
        inner = ", ".join(f"{key}: {_kind_of(one)}" for key, one in samples.items())
        return f"{kind} of {inner}"
    if isinstance(samples, tuple):
        return f"{kind} of {', '.join(map(_kind_of, samples))}"
    if hasattr(samples, "shape"):
        dtype = getattr(samples, "dtype", None)
        shape = f"{kind} of shape {tuple(samples.shape)}"
        return shape if dtype is None else f"{shape}, {dtype}"
    with suppress(TypeError):  # a loader of a stream has no length
        return f"{kind} of length {len(samples)}"
    return kind


def installed_versions():
    """Versions by section, of what is installed."""
    return {
        title: [(name, value) for name, value in rows if value != NOT_INSTALLED]
        for title, rows in versions().items()
    }
