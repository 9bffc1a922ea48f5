"""How far the records of RepresentationTracker depend on which rows are measured.

    python doc/benchmarks/tracker_rows.py --data-home DIR

The network of tracker_cost.py is tracked with the defaults on six disjoint sets of
2,500 images, before its training and after some batches. Beside the standard errors of
the records, which are for the rows that were measured, stand the standard deviations
between the six sets: of each measure, and of its change since the start. All go to
tracker_rows.csv, in bits but for shares.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from tracker_cost import images, network, train

from skdse.probing import RepresentationTracker

N_TRAIN, N_ROWS, N_SETS = 5_000, 2_500, 6
LAYERS = ("0", "2", "4", "6", "8", "9")
HEADER = (
    "measure",
    "layer",
    "batches",
    "mean",
    "largest standard error",
    "deviation between sets",
    "deviation of the change",
)


def tracked(data_home, n_batches):
    """Records of each set, those before the training first."""
    torch.manual_seed(0)
    n = N_TRAIN + N_SETS * N_ROWS
    X, y = images(n, data_home, np.random.default_rng(0))
    y = y.astype(np.int64)
    sets = [
        slice(N_TRAIN + i * N_ROWS, N_TRAIN + (i + 1) * N_ROWS) for i in range(N_SETS)
    ]
    trackers = [
        RepresentationTracker(layers=LAYERS, X=X[rows], y=y[rows]) for rows in sets
    ]
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for tracker in trackers:
        tracker(model, 0)
    train(model, optimizer, X[:N_TRAIN], y[:N_TRAIN], n_batches)
    for tracker in trackers:
        tracker(model, n_batches)
    return [tracker.records_ for tracker in trackers]


def rows_of(records, measure):
    """Lines of a measure, one for each layer and epoch."""
    values = np.array([[one[measure] for one in several] for several in records])
    errors = [[one[f"{measure}_std_error"] for one in several] for several in records]
    changes = values - np.tile(values[:, : len(LAYERS)], 2)
    for i, one in enumerate(records[0]):
        numbers = (
            values[:, i].mean(),
            np.max(errors, axis=0)[i],
            values[:, i].std(ddof=1),
            changes[:, i].std(ddof=1),
        )
        yield measure, one["layer"], one["epoch"], *(f"{x:.3f}" for x in numbers)


def main():
    """Print and write a line for each measure, layer and epoch."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-home", help="folder of cifar10.npz")
    parser.add_argument("--n-batches", type=int, default=120)
    args = parser.parse_args()
    records = tracked(args.data_home, args.n_batches)
    measures = RepresentationTracker().measures
    rows = [row for measure in measures for row in rows_of(records, measure)]
    for row in rows:
        print(*row, sep="\t")
    path = Path(__file__).with_suffix(".csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])


if __name__ == "__main__":
    main()
