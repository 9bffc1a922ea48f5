"""Networks for the study of the headline form, and what they see of held-out samples.

Perceptrons on scikit-learn's digits, as they are and moved about a larger canvas, and
on MNIST and CIFAR-10 a residual network and a vision transformer, each trained on right
and on permuted labels. One file for each: the last hidden layer and the output while
the network is trained, and every layer at the end. Files that exist are not made again;
headline.py reads them.

    python doc/studies/headline_networks.py --cache CACHE --data-home DATA
"""

import itertools
import time
from dataclasses import dataclass
from pathlib import Path

import common
import numpy as np
import torch
import vision
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from skdse.datasets import corrupt_labels
from skdse.probing import layer_activations

REGIMES = ("supervised", "permuted")
# Layers after the input, in order; the last two are followed in training.
LAYERS = {
    "perceptron 64-32": ["1", "3", "4"],
    "perceptron 4 × 64": ["1", "3", "5", "7", "8"],
    "resnet": ["body.0", "body.1", "body.2", "pool", "head"],
    "vit": ["body.0", "body.1", "body.2", "body.3", "pool", "head"],
}
WIDTHS = {"perceptron 64-32": (64, 32), "perceptron 4 × 64": (64,) * 4}
# Training samples, epochs, and after which of them there is a checkpoint. Labels that
# are permuted are learnt by heart, which takes longer.
PERCEPTRONS = {
    "digits": ("perceptron 64-32", "perceptron 4 × 64"),
    "moved digits": ("perceptron 64-32",),
}
DIGITS = {
    "supervised": (898, (0, 1, 2, 5, 10, 20, 40)),
    "permuted": (898, (0, 10, 20, 50, 100, 150, 200)),
}
N_COPIES, SIDE = 10, 12  # of moved digits to train with, and of their canvas
SIZES = {
    "digits": DIGITS,
    "moved digits": DIGITS | {"supervised": (898 * N_COPIES, (0, 1, 2, 3, 5, 8, 12))},
}
IMAGES = {
    "supervised": (5000, (0, 1, 2, 3, 5, 8, 12)),
    "permuted": (1000, (0, 2, 5, 10, 20, 30, 40)),
}
LEARNING_RATE, LEARNING_RATE_DIGITS = 0.001, 0.005
QUICK = (256, (0, 1, 2))
N_HELD_OUT = 2000


@dataclass(frozen=True)
class Samples:
    """Samples to train with, and those held out, which are measured."""

    train: np.ndarray
    y_train: np.ndarray
    test: np.ndarray
    y_test: np.ndarray


def load(dataset, data_home=None):
    """Samples of a data set."""
    if dataset not in SIZES:
        n_train = max(n for n, _ in IMAGES.values())
        images = common.load_images(dataset, data_home, n_train, N_HELD_OUT)
        return Samples(images.train, images.y_train, images.test, images.y_test)
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        (X / 16).astype(np.float32), y, test_size=0.5, stratify=y, random_state=0
    )
    if dataset == "moved digits":
        rng = np.random.default_rng(0)
        X = np.concatenate([move(X, rng) for _ in range(N_COPIES)])
        y, X_test = np.tile(y, N_COPIES), move(X_test, rng)
    return Samples(X, y, X_test, y_test)


def move(X, rng):
    """Digits at random places of a larger canvas."""
    moved = np.zeros((len(X), SIDE, SIDE), dtype=X.dtype)
    corners = rng.integers(SIDE - 8 + 1, size=(len(X), 2))
    for canvas, digit, (row, column) in zip(moved, X, corners, strict=True):
        canvas[row : row + 8, column : column + 8] = digit.reshape(8, 8)
    return moved.reshape(len(X), -1)


def perceptron(n_features, widths):
    """Hidden layers of these widths, rectified, and a linear output."""
    sizes = n_features, *widths
    layers = [
        part
        for pair in itertools.pairwise(sizes)
        for part in (nn.Linear(*pair), nn.ReLU())
    ]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 10))


def make_network(architecture, shape):
    """Network that is not trained yet."""
    if architecture in WIDTHS:
        return perceptron(shape[0], WIDTHS[architecture])
    return vision.ARCHITECTURES[architecture](shape)


def all_runs(datasets, n_seeds):
    """Yield (dataset, architecture, regime, seed), seed by seed."""
    for seed in range(1, n_seeds + 1):
        for dataset, architectures in PERCEPTRONS.items():
            for architecture, regime in itertools.product(architectures, REGIMES):
                yield dataset, architecture, regime, seed
        for dataset in datasets:
            for architecture, regime in itertools.product(
                vision.ARCHITECTURES, REGIMES
            ):
                yield dataset, architecture, regime, seed


def path_of(cache, *run):
    """File of one run."""
    return Path(cache) / ("headline-" + "-".join(map(str, run)) + ".npz")


def make_run(samples, dataset, architecture, regime, seed, quick=False):
    """Train one network; arrays of what it sees, by "kind/epoch or layer/name".

    "held-out" and, of permuted runs, "train" are the last two layers by epoch;
    "layers" are all at the end.
    """
    n_train, stops = QUICK if quick else SIZES.get(dataset, IMAGES)[regime]
    X, y = samples.train[:n_train], samples.y_train[:n_train]
    if regime == "permuted":
        y = corrupt_labels(y, 1.0, random_state=seed)
    torch.manual_seed(common.seed_of("headline", dataset, architecture, regime, seed))
    net = make_network(architecture, X.shape[1:])
    names, found = LAYERS[architecture], {"y_train": y}
    lr = LEARNING_RATE_DIGITS if dataset in SIZES else LEARNING_RATE
    epochs = vision.train(net, X, y, stops[-1], seed, lr=lr)
    for epoch, accuracy in enumerate(epochs):
        if epoch not in stops:
            continue
        followed = layer_activations(net, samples.test, names[-2:])
        for name, Z in zip(("hidden", "output"), followed.values(), strict=True):
            found[f"held-out/{epoch}/{name}"] = Z
        if regime == "permuted":
            seen = layer_activations(net, X, names[-2:])
            for name, Z in zip(("hidden", "output"), seen.values(), strict=True):
                found[f"train/{epoch}/{name}"] = Z
        right = followed[names[-1]].argmax(axis=1) == samples.y_test
        found[f"accuracy/{epoch}/network"] = np.array([accuracy, right.mean()])
    layers = layer_activations(net, samples.test, names)
    layers = {"input": samples.test.reshape(len(samples.test), -1)} | layers
    found |= {f"layers/{i}/{name}": Z for i, (name, Z) in enumerate(layers.items())}
    return found


def make_all(options):
    """Train what is missing in the cache."""
    options.cache.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    start, loaded = time.perf_counter(), {}
    for run in all_runs(options.datasets, options.seeds):
        path = path_of(options.cache, *run)
        if path.exists():
            continue
        if run[0] not in loaded:
            loaded[run[0]] = load(run[0], options.data_home)
        arrays = make_run(loaded[run[0]], *run, options.quick)
        np.savez(path.with_suffix(".tmp.npz"), **arrays)
        path.with_suffix(".tmp.npz").rename(path)
        last = [value for key, value in arrays.items() if key.startswith("accuracy")]
        common.say(start, f"{path.stem} accuracies {last[-1].round(3)}")


if __name__ == "__main__":
    make_all(common.parse(common.parser(__doc__, "seeds", "data-home", "cache")))
