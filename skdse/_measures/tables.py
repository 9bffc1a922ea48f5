"""Tables of measures for displays and reports: columns of a frame, means over runs.

A frame to draw is a DataFrame, of pandas or others, a mapping of columns, or a list of
records: whatever gives its columns by name. Only the table of what was drawn needs
pandas, which is imported where that is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .catalogue import ERROR, MEASURES, describe


def columns_of(frame):
    """Columns of a frame by name, as arrays."""
    if isinstance(frame, Sequence) and not isinstance(frame, str):
        names = dict.fromkeys(name for record in frame for name in record)
        frame = {name: [record.get(name) for record in frame] for name in names}
    names = getattr(frame, "columns", None)
    names = list(frame) if names is None else list(names)
    columns = {str(name): np.asarray(frame[name]) for name in names}
    if not columns or not len(next(iter(columns.values()))):
        raise ValueError("frame has no rows.")
    return columns


def choose_measures(columns, measures=None):
    """Names of the measures to draw: those asked for, or those that are there."""
    if isinstance(measures, str):
        measures = [measures]
    if measures is None:
        measures = [name for name in MEASURES if name in columns]
        measures += [
            name for name in columns if name + ERROR in columns and name not in MEASURES
        ]
        if not measures:
            raise ValueError(
                f"frame has none of the measures {list(MEASURES)}; name one of its "
                f"columns {list(columns)} in measures."
            )
    for name in measures:
        check_column(columns, name, "measures")
    return list(measures)


def to_pandas(display, columns):
    """Columns by name as a table of pandas, what a display draws."""
    return pandas_table(columns, f"{type(display).__name__}.frame")


def pandas_table(rows, method, way_out=""):
    """Columns by name, or records, as a table of pandas that a method returns."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            f"{method} needs pandas: pip install 'skdse[report]'.{way_out}"
        ) from error
    return pandas.DataFrame(rows)


def joined(parts):
    """Columns of several parts below each other; each part has the same columns.

    A value that is no array stands for all rows of its part.
    """
    sizes = [max(map(np.size, part.values())) for part in parts]
    whole = {}
    for name in parts[0]:
        pairs = zip(parts, sizes, strict=True)
        columns = [np.broadcast_to(part[name], size) for part, size in pairs]
        whole[name] = np.concatenate(columns)
    return whole


def check_column(columns, name, parameter):
    """Raise unless the frame has a column that a parameter names."""
    if name not in columns:
        raise ValueError(
            f"{parameter} must be among the columns of frame, {list(columns)}; "
            f"got {name!r}."
        )


def distinct(values):
    """Return the distinct values in the order in which they appear."""
    return list(dict.fromkeys(np.asarray(values).tolist()))


def numbers(values):
    """Values as floats: NaN for None."""
    return np.array(values, dtype=float)


def mean_and_spread(values, place, n_places):
    """Mean and standard deviation of the values at each place; NaN are left out."""
    known = np.isfinite(values)
    values, place = values[known], place[known]
    count = np.bincount(place, minlength=n_places)
    mean = np.bincount(place, values, n_places) / np.where(count, count, np.nan)
    squares = np.bincount(place, (values - mean[place]) ** 2, n_places)
    return mean, np.sqrt(squares / np.where(count > 1, count - 1, np.nan))


def averaged(columns, name, place, n_places):
    """Mean over runs at each place, and its error.

    The error is the standard deviation over the runs; where there is but one, the
    standard error of the measure, if the frame has it.
    """
    mean, spread = mean_and_spread(numbers(columns[name]), place, n_places)
    if name + ERROR in columns:
        error = mean_and_spread(numbers(columns[name + ERROR]), place, n_places)[0]
        spread = np.where(np.isnan(spread), error, spread)
    return mean, spread


def panels_of(measures):
    """Measures that share a panel, by the panel's name."""
    panels = {}
    for name in measures:
        panels.setdefault(describe(name).panel, []).append(name)
    return panels


@dataclass(frozen=True)
class Curve:
    """Means over runs, step by step.

    Attributes
    ----------
    x : ndarray of shape (n_steps,)
        Values on the horizontal axis.
    x_spread : ndarray of shape (n_steps,)
        Standard deviation of `x` over the runs.
    means : dict of str to ndarray of shape (n_steps,)
        Mean of each measure over the runs.
    spreads : dict of str to ndarray of shape (n_steps,)
        Standard deviation of each measure over the runs, or its standard error for a
        single run; NaN if neither is known.
    n_runs : int
        Largest number of runs at a step.
    """

    x: np.ndarray
    x_spread: np.ndarray
    means: dict
    spreads: dict
    n_runs: int


def make_curve(columns, x, step, measures):
    """Curve of rows that are steps of runs."""
    steps, place = np.unique(columns[step], return_inverse=True)
    values, x_spread = mean_and_spread(numbers(columns[x]), place, len(steps))
    pairs = {name: averaged(columns, name, place, len(steps)) for name in measures}
    return Curve(
        x=values,
        x_spread=x_spread,
        means={name: mean for name, (mean, _) in pairs.items()},
        spreads={name: spread for name, (_, spread) in pairs.items()},
        n_runs=int(np.bincount(place).max()),
    )


def at_epoch(columns, epoch):
    """Rows of one epoch, the last if None."""
    if "epoch" not in columns:
        return columns
    epochs = columns["epoch"]
    epoch = epochs.max() if epoch is None else epoch
    if epoch not in epochs:
        raise ValueError(
            f"epoch must be one of those of frame, {distinct(epochs)}; got {epoch!r}."
        )
    return {name: values[epochs == epoch] for name, values in columns.items()}


def places(columns, name):
    """Names in their order, the place of each row among them, and how many runs."""
    # As text: what is missing is equal to what is missing.
    n_runs = len(set(map(str, columns["run"]))) if "run" in columns else 1
    names = [str(one) for one in columns[name]]
    if n_runs == 1:
        # Files of the same name, for instance, are not the same.
        return names, np.arange(len(names)), 1
    order = distinct(names)
    return order, np.array([order.index(one) for one in names]), n_runs
