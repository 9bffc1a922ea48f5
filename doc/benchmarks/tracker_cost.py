"""Cost of RepresentationTracker against the training that it looks at.

    python doc/benchmarks/tracker_cost.py --data-home DIR

A convolutional network of ten layers on 50,000 images of 32 x 32 pixels, batches of
128; the tracker gets 5,000 others and measures "dse", "dsmi" and "dsmi_input" of all
ten layers. By default it shows the network 2,500 of them, the same at each epoch. One
epoch's training is timed on some batches, before and after the trackers, and
multiplied. A tracker is timed as a whole, at some epochs after the first, at which the
clusters of the input are found. Images are those of cifar10.npz in DIR, or else
enlarged digits with noise. Beside seconds on the clock stand those of the processor,
which other work on the machine disturbs less, and the largest standard error of a
record. All go to tracker_cost.csv.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse.probing import RepresentationTracker

N_TRAIN, N_PROBES, BATCH = 50_000, 5_000, 128
CHANNELS = (32, 32, 32, 64, 64, 64, 128, 128, 128)


def subsampled():
    """Measures on parts of the images: 1,000 for DSE, 100 of each group for DSMI."""
    dse = DiffusionSpectralEntropy(max_samples=1000)
    groups = DiffusionSpectralEntropy(bandwidth="adaptive", max_samples=100)
    return {
        "dse": dse,
        "dsmi": DiffusionSpectralMI(groups),
        "dsmi_input": (DiffusionSpectralMI(groups, target="continuous"), "X"),
    }


def without_input(measures):
    """Measures without DSMI(Z;X)."""
    return {name: one for name, one in measures.items() if name != "dsmi_input"}


MEASURES = ("dse", "dsmi", "dsmi_input")
# Parameters of the tracker; "defaults" are all but the measures.
SETTINGS = {
    "defaults": {"measures": MEASURES},
    "defaults, no DSMI(Z;X)": {"measures": MEASURES[:2]},
    "defaults, all images": {"measures": MEASURES, "max_samples": None},
    "subsampled": {"measures": subsampled(), "max_samples": None},
    "subsampled, no DSMI(Z;X)": {
        "measures": without_input(subsampled()),
        "max_samples": None,
    },
}
HEADER = (
    "what",
    "time [s]",
    "processor [s]",
    "share of time [%]",
    "share of processor [%]",
    "largest standard error [bits]",
)


def network():
    """Nine convolutions and a linear layer."""
    layers, before = [], 3
    for channels in CHANNELS:
        stride = 1 if channels == before or before == 3 else 2
        layers.append(
            nn.Sequential(
                nn.Conv2d(before, channels, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )
        )
        before = channels
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))
    return nn.Sequential(*layers, head)


def images(n, data_home, rng):
    """Images (n, 3, 32, 32), float32, and their labels."""
    if data_home:
        with np.load(Path(data_home) / "cifar10.npz") as data:
            X, y = data["X_train"][:n].transpose(0, 3, 1, 2), data["y_train"][:n]
        return (X / 255).astype(np.float32), y
    X, y = load_digits(return_X_y=True)
    rows = rng.integers(len(X), size=n)
    X = np.kron(X[rows].reshape(n, 1, 8, 8) / 16, np.ones((1, 3, 4, 4)))
    return (X + rng.normal(scale=0.1, size=X.shape)).astype(np.float32), y[rows]


def now():
    """Seconds on the clock and of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def train(model, optimizer, X, y, n_batches):
    """Seconds that some batches take."""
    model.train()
    start = now()
    for i in range(n_batches):
        rows = slice(i * BATCH % len(X), i * BATCH % len(X) + BATCH)
        optimizer.zero_grad()
        outputs = model(torch.from_numpy(X[rows]))
        nn.functional.cross_entropy(outputs, torch.from_numpy(y[rows])).backward()
        optimizer.step()
    return now() - start


def seconds_of_epochs(tracker, model, n_epochs):
    """Seconds of an epoch of a tracker, the mean of some after the first."""
    tracker(model, 0)
    start = now()
    for epoch in range(1, n_epochs + 1):
        tracker(model, epoch)
    return (now() - start) / n_epochs


def largest_error(records):
    """Largest standard error of a measure in records."""
    errors = [
        value
        for record in records
        for key, value in record.items()
        if key.endswith("_std_error")
    ]
    return f"{max(errors):.4f}"


def main():
    """Print and write a line for each setting."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-home", help="folder of cifar10.npz")
    parser.add_argument("--n-batches", type=int, default=50)
    parser.add_argument("--n-epochs", type=int, default=3)
    args = parser.parse_args()
    torch.manual_seed(0)
    X, y = images(2 * N_PROBES, args.data_home, np.random.default_rng(0))
    seen, probes = slice(N_PROBES, None), slice(N_PROBES)
    y = y.astype(np.int64)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    training = model, optimizer, X[seen], y[seen]
    train(*training, 3)
    seconds, costs = [train(*training, args.n_batches)], {}
    layers = [str(i) for i in range(len(CHANNELS) + 1)]
    for name, params in SETTINGS.items():
        tracker = RepresentationTracker(
            layers=layers, X=X[probes], y=y[probes], **params
        )
        cost = seconds_of_epochs(tracker, model, args.n_epochs)
        costs[name] = cost, largest_error(tracker.records_)
        print(f"{name}: {cost.round(1)} s, {costs[name][1]} bits", flush=True)
    seconds.append(train(*training, args.n_batches))
    epochs = [one / args.n_batches * N_TRAIN / BATCH for one in seconds]
    epoch = np.mean(epochs, axis=0)
    print(
        f"threads: {torch.get_num_threads()}; training: {np.round(epochs)} s an epoch"
    )
    rows = [HEADER, ("training, one epoch", *epoch.round(), "", "", "")]
    for name, (cost, error) in costs.items():
        rows.append((name, *cost.round(1), *(100 * cost / epoch).round(1), error))
        print(rows[-1])
    path = Path(__file__).with_suffix(".csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
