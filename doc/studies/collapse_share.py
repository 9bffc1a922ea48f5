"""How far effective rank and spread of layers fall in trainings that are well, or not.

    python doc/studies/collapse_share.py

Small networks learn the digits, in nine ways that are well and in four that collapse or
diverge. A tracker looks at each layer on 512 other digits, before the training and some
twenty times in it. Writes, for each run, the smallest share of its start that the rank
and the spread of a layer had: what ``collapse_share`` of the tracker is compared with.
"""

import argparse
import csv
import warnings
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F

from skdse import ShannonEntropy
from skdse.probing import RepresentationTracker

HERE = Path(__file__).parent
SIGNS = ("feature_rank", "feature_spread")
N_LOOKS = 20


def perceptron(depth=3, width=64, n_outputs=10, normalised=False, activation=nn.ReLU):
    """Blocks of a linear layer and its activation, and a linear layer."""
    blocks, d = [], 64
    for _ in range(depth):
        norm = [nn.BatchNorm1d(width)] if normalised else []
        blocks.append(nn.Sequential(nn.Linear(d, width), *norm, activation()))
        d = width
    return nn.Sequential(*blocks, nn.Linear(d, n_outputs))


def copies(X):
    """Images with noise, some of whose pixels are missing."""
    return (X + 0.3 * torch.randn_like(X)) * (torch.rand_like(X) > 0.2)


def classes(network, X, y):
    """Cross-entropy of the ten digits."""
    return F.cross_entropy(network(X), y)


def parity(network, X, y):
    """Cross-entropy of even and odd digits."""
    return F.cross_entropy(network(X), y % 2)


def contrast(network, X, y):
    """Loss of SimCLR: find the other copy among all."""
    Z = F.normalize(torch.cat([network(copies(X)), network(copies(X))]), dim=1)
    likeness = (Z @ Z.T / 0.2).fill_diagonal_(-1e9)
    n = len(X)
    return F.cross_entropy(likeness, torch.cat([torch.arange(n) + n, torch.arange(n)]))


def attraction(network, X, y):
    """Bring two copies together, by their cosine."""
    return 2 - 2 * F.cosine_similarity(network(copies(X)), network(copies(X))).mean()


def distance(network, X, y):
    """Bring two copies together, by their squared distance."""
    return (network(copies(X)) - network(copies(X))).square().mean()


def rebuild(network, X, y):
    """Loss of an autoencoder."""
    return (network(X) - X).square().mean()


# Parameters of the network, loss, learning rate, weight decay, epochs.
RUNS = {
    "classes": ({}, classes, 2e-3, 0, 150),
    "classes, weight decay": ({}, classes, 2e-3, 1, 150),
    "classes, wide, normalised": (
        {"width": 256, "normalised": True},
        classes,
        2e-3,
        0,
        100,
    ),
    "classes, deep, tanh": ({"depth": 6, "activation": nn.Tanh}, classes, 2e-3, 0, 150),
    "two classes": ({"n_outputs": 2}, parity, 2e-3, 0, 150),
    "two classes, deep, weight decay": (
        {"depth": 5, "n_outputs": 2},
        parity,
        2e-3,
        1,
        150,
    ),
    "contrast": ({"n_outputs": 32}, contrast, 2e-3, 0, 100),
    "contrast, wide, normalised": (
        {"width": 256, "normalised": True, "n_outputs": 64},
        contrast,
        2e-3,
        0,
        60,
    ),
    "autoencoder": ({"n_outputs": 64}, rebuild, 2e-3, 0, 100),
    "attraction alone": ({"n_outputs": 32}, attraction, 2e-3, 0, 60),
    "attraction alone, normalised": (
        {"n_outputs": 32, "normalised": True},
        attraction,
        2e-3,
        0,
        60,
    ),
    "squared distance alone": ({"n_outputs": 32}, distance, 2e-3, 0, 60),
    "learning rate too high": ({}, classes, 0.3, 0, 30),
}


def smallest_shares(name, n_epochs=None):
    """Smallest share of its start of each sign, over layers and epochs of a run."""
    params, loss, rate, decay, epochs = RUNS[name]
    epochs = n_epochs or epochs
    digits, labels = load_digits(return_X_y=True)
    X, probes, y, _ = train_test_split(
        (digits / 16).astype("float32"), labels, test_size=512, random_state=0
    )
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    torch.manual_seed(0)
    network = perceptron(**params)
    measures = {"shannon": ShannonEntropy()}  # the quickest
    tracker = RepresentationTracker(measures, "?", probes, on_collapse=list)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay)
    for epoch in range(epochs + 1):
        if epoch:
            for rows in torch.randperm(len(X)).split(128):
                optimizer.zero_grad()
                loss(network, X[rows], y[rows]).backward()
                optimizer.step()
        if epoch < 4 or epoch % max(1, epochs // N_LOOKS) == 0:
            tracker(network, epoch)
    start = {one["layer"]: one for one in tracker.records_ if one["epoch"] == 0}
    return {
        sign: min(one[sign] / start[one["layer"]][sign] for one in tracker.records_)
        for sign in SIGNS
    }


def main():
    """Train all networks and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two epochs each: a trial")
    parser.add_argument(
        "--out", type=Path, default=HERE / "results" / "collapse_share.csv"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    with open(options.out, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["training", "rank", "spread"])
        for name in RUNS:
            with warnings.catch_warnings():
                # Of layers that diverge, which is what some are for.
                warnings.simplefilter("ignore")
                shares = smallest_shares(name, 2 if options.quick else None)
            row = [f"{shares[sign]:.2g}" for sign in SIGNS]
            writer.writerow([name, *row])
            print(name, *row, flush=True)


if __name__ == "__main__":
    main()
