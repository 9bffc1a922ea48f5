"""What an adaptive bandwidth should mean: kernels of samples with a σ_i of their own.

Reads the zoo that zoo.py wrote and the accuracies that model_choice.py wrote. For each
representation: DSMI with the labels by each kernel, and the share of the operator's
spectrum, by modulus, that is negative. Written as correlations with the accuracy of
the linear probe, and as the largest negative share.

    python doc/studies/local_kernels.py --cache CACHE --results doc/studies/results
"""

import argparse
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import zoo
from common import run_cases
from model_choice import DATASETS, PER_CLASS, agreement, balanced
from sklearn.metrics import pairwise_distances

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

NEIGHBORS = (5, 10, 15)
POWERS = (2, 4, 8, 16)
SELF_TUNING, SQUARED, CHOSEN = "exp(-d²/2σ_iσ_j)", "exp(-d⁴/2σ_iσ_j)", "Gibbs, p = 8"
# Kernel, neighbour, factor of σ_i and diffusion time of what is tried besides.
VARIANTS = [
    *((CHOSEN, 5, scale, 1) for scale in (0.5, 0.7, 0.85)),
    *((CHOSEN, 5, scale, t) for scale in (0.85, 1) for t in (1.5, 2)),
    (SQUARED, 5, 1, 2),
]
NEGATIVE_SAMPLES = 600
TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}


def product_of_bandwidths(squares, left, right):
    """exp(-d² / (2 σ_i σ_j)): Zelnik-Manor and Perona, "Self-tuning", NIPS 2004."""
    return np.exp(-squares / (2 * left * right))


def gibbs(squares, left, right, power):
    """Gibbs' non-stationary Gaussian, of some power."""
    sums = left**2 + right**2
    return (2 * left * right / sums) ** (power / 2) * np.exp(-squares / sums)


def kernels(n_features):
    """Kernels by name, each with the power of distances that it takes."""
    found = {f"Gibbs, p = {p}": (partial(gibbs, power=p), 1) for p in POWERS}
    found["Gibbs, p = d"] = partial(gibbs, power=n_features), 1
    found[SELF_TUNING] = product_of_bandwidths, 1
    found[SQUARED] = product_of_bandwidths, 2
    return found


def settings():
    """Kernel, neighbour, factor of σ_i and diffusion time."""
    plain = [(name, k, 1, 1) for name in kernels(1) for k in NEIGHBORS]
    return [*plain, *VARIANTS]


class Representation:
    """A representation with its distances, and its affinities."""

    def __init__(self, Z):
        self.D = pairwise_distances(Z.astype(float))
        np.fill_diagonal(self.D, 0)
        self.neighbors = np.sort(self.D, axis=1)[:, : max(NEIGHBORS) + 1]
        self.neighbors[self.neighbors == 0] = self.D[self.D > 0].min()
        self.kernels = kernels(Z.shape[1])

    def affinity(self, name, k, scale):
        """Affinity of the rows whose numbers X holds."""
        kernel, power = self.kernels[name]
        sigma = scale * self.neighbors[:, k] ** power

        def of_rows(X):
            rows = X.ravel().astype(int)
            squares = self.D[np.ix_(rows, rows)] ** (2 * power)
            return kernel(squares, sigma[rows, None], sigma[rows])

        return of_rows


def mutual_info(affinity, t, y):
    """DSMI in bits, and as a share of the entropy."""
    entropy = DiffusionSpectralEntropy(affinity=affinity, t=t, eigen_solver="dense")
    dsmi = DiffusionSpectralMI(entropy, target="discrete", random_state=0, n_jobs=1)
    dsmi.fit(np.arange(len(y), dtype=float)[:, None], y)
    share = dsmi.mutual_info_ / dsmi.entropy_ if dsmi.entropy_ > 0 else 0.0
    return dsmi.mutual_info_, share


def negative_share(G):
    """Sum of the moduli of negative eigenvalues over that of all."""
    density = G.sum(axis=1) ** -0.5
    degree = density * (G @ density)
    s = density / np.sqrt(degree)
    eigenvalues = np.linalg.eigvalsh(s[:, None] * G * s)
    return np.maximum(-eigenvalues, 0).sum() / np.abs(eigenvalues).sum()


def measure(data, representation, cache):
    """Rows of kernel, neighbour, factor and time, with what was measured."""
    folder = Path(cache) / data
    y = zoo.read_labels(folder)
    rows = balanced(y[: zoo.PER_CLASS * 10], PER_CLASS)
    with np.load(folder / f"{representation}.npz") as file:
        Z = Representation(file["Z"][rows])
    few = np.arange(NEGATIVE_SAMPLES, dtype=float)[:, None]
    found = []
    for name, k, scale, t in settings():
        affinity = Z.affinity(name, k, scale)
        bits, share = mutual_info(affinity, t, y[rows])
        is_first = (k, scale, t) == (NEIGHBORS[0], 1, 1)
        negative = negative_share(affinity(few)) if is_first else np.nan
        row = {"kernel": name, "k": k, "scale": scale, "t": t}
        found.append(row | {"bits": bits, "share": share, "negative": negative})
    return found


def summary(table):
    """Correlations with accuracy and negative shares, by setting."""
    rows = []
    for setting, part in table.groupby(["kernel", "k", "scale", "t"], sort=False):
        name, k, scale, t = setting
        words = [f"k={k}", f"×{scale:g}" if scale != 1 else "", f"t={t:g}"]
        row = {"Kernel": name, "Setting": " ".join(filter(None, words))}
        for data, one in part.groupby("data", sort=False):
            for unit in ("bits", "share"):
                found = agreement(one[unit], one["accuracy"])
                row[f"{TITLES[data]}, {unit}"] = " / ".join(
                    f"{found[kind]:.2f}" for kind in ("Pearson", "Spearman")
                )
        if part["negative"].notna().any():
            largest = part.groupby("data", sort=False)["negative"].max()
            for data, value in largest.items():
                row[f"Negative, {TITLES[data]}"] = f"{value:.0e}"
        rows.append(row)
    return pd.DataFrame(rows)


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("datasets", nargs="*", default=DATASETS)
    parser.add_argument("--cache", required=True, help="folder of the zoo")
    parser.add_argument("--results", required=True, help="folder of the tables")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "Every sample sees")
    results, accuracies = Path(options.results), []
    for name in options.datasets:
        scores = pd.read_csv(results / f"scores_{name}.csv")
        scores = scores[["representation", "linear accuracy"]].assign(data=name)
        accuracies.append(scores.rename(columns={"linear accuracy": "accuracy"}))
    cases = [
        {"data": name, "representation": title}
        for name in options.datasets
        for _, title, _ in zoo.read_zoo(Path(options.cache) / name)
    ]
    of = partial(measure, cache=options.cache)
    table = run_cases(results / "local_kernels.csv", cases, of)
    table = table.merge(pd.concat(accuracies), on=["data", "representation"])
    path = results / "local_kernels_summary.csv"
    summary(table).to_csv(path, index=False)


if __name__ == "__main__":
    main()
