"""Records as grids: a value and an error for each layer and epoch of each run.

Without a column "epoch" there is one epoch; without "run", one run. Of several runs,
each has a grid, and so have their means.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from .._measures.catalogue import ERROR
from .._measures.tables import averaged, distinct, numbers

# Cells of all grids together, so that a page stays small: beyond, epochs are left out.
MAX_CELLS = 60_000
# Columns of the network, not of a layer.
OF_NETWORK = ("accuracy", "test_accuracy")


@dataclass(frozen=True)
class Grid:
    """Measures of one run, or means of several, by layer and epoch.

    Attributes
    ----------
    run : str
        Name of the run.
    layers : list of str of length n_layers
        Names of the layers.
    epochs : list of float of length n_epochs, or None
        The epochs; None where there are none.
    values, errors : dict of str to ndarray of shape (n_layers, n_epochs)
        Each measure, and its error. NaN where it is not known.
    error : str
        What the errors are.
    n_epochs : int
        Number of epochs that there were, of which some may be left out.
    """

    run: str
    layers: list
    epochs: list | None
    values: dict
    errors: dict
    error: str
    n_epochs: int


def make_grids(columns, name, measures):
    """Grids of the columns of a frame: of means over runs, if any, and of each run."""
    n_rows = len(columns[name])
    epochs = _epochs_of(columns)
    steps = np.zeros(n_rows) if epochs is None else epochs
    runs = run_names(columns.get("run", [""] * n_rows))
    names = _unique_names(columns[name], runs, steps)
    measures = [*measures, *(one for one in OF_NETWORK if one in columns)]
    known = [key for one in measures for key in (one, one + ERROR) if key in columns]
    data = {key: _numbers_of(columns, key) for key in known}

    def grid(rows, run, error):
        part = {key: values[rows] for key, values in data.items()}
        found = _grid(part, names[rows], steps[rows], measures, run, error)
        return replace(found, epochs=None) if epochs is None else found

    kinds = distinct(runs)
    grids = [grid(runs == kind, kind, "standard error") for kind in kinds]
    if len(kinds) > 1:
        run, error = f"mean of {len(kinds)} runs", "standard deviation over runs"
        grids.insert(0, grid(np.full(n_rows, True), run, error))
    return _thinned(grids)


def _epochs_of(columns):
    """Epoch of each row; None where there is no such column."""
    if "epoch" not in columns:
        return None
    epochs = _numbers_of(columns, "epoch")
    if not np.isfinite(epochs).all():
        raise ValueError(
            "frame must have an epoch in each row; in row "
            f"{int(np.flatnonzero(~np.isfinite(epochs))[0])} it is missing."
        )
    return epochs


def run_names(runs):
    """Names of runs as texts; "" where there is none."""
    # Of a CSV file, pandas makes NaN of an empty name.
    missing = [one is None or str(one) in ("nan", "<NA>") for one in runs]
    names = ["" if no else str(one) for no, one in zip(missing, runs, strict=True)]
    return np.array(names, dtype=object)


def _numbers_of(columns, name):
    """Column of numbers, or raise."""
    try:
        return numbers(columns[name])
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"column {name!r} of frame must have numbers alone; {error}."
        ) from error


def _unique_names(names, runs, steps):
    """Names as texts; files of the same name, for instance, get a number."""
    seen, found = Counter(), []
    for key in zip(map(str, names), runs, steps.tolist(), strict=True):
        seen[key] += 1
        found.append(key[0] if seen[key] == 1 else f"{key[0]} ({seen[key]})")
    return np.array(found, dtype=object)


def _grid(data, names, steps, measures, run, error):
    """Grid of rows: those of the same layer and epoch are averaged."""
    layers, epochs = distinct(names), np.unique(steps)
    shape = len(layers), len(epochs)
    position = {layer: i for i, layer in enumerate(layers)}
    place = np.array([position[one] for one in names]) * shape[1]
    place += np.searchsorted(epochs, steps)
    pairs = {one: averaged(data, one, place, shape[0] * shape[1]) for one in measures}
    return Grid(
        run=run,
        layers=layers,
        epochs=epochs.tolist(),
        values={one: mean.reshape(shape) for one, (mean, _) in pairs.items()},
        errors={one: spread.reshape(shape) for one, (_, spread) in pairs.items()},
        error=error,
        n_epochs=shape[1],
    )


def _thinned(grids):
    """Grids with epochs left out evenly, where there are too many cells."""
    n_cells = sum(one.size for grid in grids for one in grid.values.values())
    if n_cells <= MAX_CELLS:
        return grids
    return [_with_fewer_epochs(grid, MAX_CELLS / n_cells) for grid in grids]


def _with_fewer_epochs(grid, share):
    """Grid with a share of its epochs, the first and the last among them."""
    n = max(int(share * grid.n_epochs), 1)
    kept = np.unique(np.linspace(grid.n_epochs - 1, 0, n).round().astype(int))
    return replace(
        grid,
        epochs=None if grid.epochs is None else [grid.epochs[i] for i in kept],
        values={name: values[:, kept] for name, values in grid.values.items()},
        errors={name: values[:, kept] for name, values in grid.errors.items()},
    )
