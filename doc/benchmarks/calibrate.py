"""Calibrate the errors that eigen_solver="lanczos" states, against dense solutions.

    python doc/benchmarks/calibrate.py --data-home DIR
    python doc/benchmarks/calibrate.py --n-problems 20     # to see that it works
    python doc/benchmarks/calibrate.py --first 100 --n-problems 50     # a part of it

Random problems: samples (uniform, blobs, a tree, digits, MNIST), their number (200 to
3000), bandwidths over two decades, diffusion times from 0.5 to 20, tolerances from 1e-3
to 2e-2. A third has kNN graphs, a third Gaussians of one bandwidth, and a third what is
hard: adaptive bandwidths, squared and reduced distances. Each is measured as users do,
the bandwidth found by its rule, with a seed of its own. For each, the error against all
eigenvalues in float64, by LAPACK, at a bandwidth that was found with another seed; the
standard error stated; and whether tol was said to be reached. Writes one row a problem,
and prints how often the error is within two standard errors, and within tol. Without
--data-home (a folder with mnist.npz) MNIST is left out.
"""

import argparse
import csv
import time
import warnings
from pathlib import Path

import jobs
import numpy as np
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning

from skdse import DiffusionSpectralEntropy

HERE = Path(__file__).parent
COLUMNS = (
    "problem",
    "data",
    "n_samples",
    "kind",
    "affinity",
    "bandwidth",
    "metric",
    "bandwidth_scale",
    "t",
    "tol",
    "exact",
    "error",
    "std_error",
    "n_probes",
    "seconds",
)
# What is hard for Lanczos: bandwidth and metric of Gaussians that may be indefinite.
HARD = (
    ("adaptive", "euclidean"),
    ("adaptive", "sqeuclidean"),
    ("reduced", "euclidean"),
    ("median", "sqeuclidean"),
)
MOST_SAMPLES = 3000
# Seeds of the references, far from those of the estimates.
OTHER_SEED = 1_000_000


def main():
    """Solve the problems and write their table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-problems", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--data-home", type=Path)
    parser.add_argument("--out", type=Path, default=HERE / "calibration.csv")
    options = parser.parse_args()
    images = mnist(options.data_home)
    rows = []
    with open(options.out, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for i in range(options.first, options.first + options.n_problems):
            rows.append(solve(i, np.random.default_rng([options.seed, i]), images))
            writer.writerow({key: jobs.rounded(rows[-1][key]) for key in COLUMNS})
            file.flush()
    report(rows)


def mnist(data_home):
    """Test images of MNIST, flat, or None."""
    if data_home is None:
        return None
    return jobs.mnist("test")(False, data_home)[0]


def samples(rng, n, images):
    """Name of a family, and samples of it."""
    families = ["uniform", "blobs", "tree", "digits"]
    family = rng.choice(families if images is None else [*families, "mnist"])
    if family == "uniform":
        return family, rng.uniform(size=(n, int(2 ** rng.uniform(1, 8))))
    if family == "blobs":
        seed, d, k = (
            rng.integers(2**31),
            int(2 ** rng.uniform(1, 6)),
            rng.integers(2, 20),
        )
        spread = rng.uniform(0.5, 3)
        return family, make_blobs(
            n, d, centers=k, cluster_std=spread, random_state=seed
        )[0]
    if family == "tree":
        return family, tree(rng, n)
    X = load_digits().data if family == "digits" else images
    return family, X[rng.permutation(len(X))[:n]]


def tree(rng, n):
    """Samples near the branches of a random tree."""
    d, n_branches = int(2 ** rng.uniform(2, 6)), rng.integers(3, 12)
    directions = rng.normal(size=(n_branches, d))
    starts = np.zeros((n_branches, d))
    for i in range(1, n_branches):
        parent = rng.integers(i)
        starts[i] = starts[parent] + directions[parent] * rng.uniform()
    branch = rng.integers(n_branches, size=n)
    X = starts[branch] + directions[branch] * rng.uniform(size=(n, 1))
    return X + rng.normal(size=X.shape) * 10 ** rng.uniform(-2, -0.5)


def setting_of(i, rng):
    """Kind of a problem, and the parameters of its estimator."""
    kind = ("graph", "one bandwidth", "hard")[i % 3]
    affinity, metric = "gaussian", "euclidean"
    if kind == "graph":
        affinity = "nearest_neighbors"
        bandwidth = str(rng.choice(["adaptive", "median"]))
    elif kind == "hard":
        bandwidth, metric = HARD[i // 3 % len(HARD)]
    else:
        bandwidth = "median"
    # The spread of squared distances is twice that of distances, in logarithms.
    decades = 2.0 if metric == "sqeuclidean" and bandwidth == "median" else 1.0
    return kind, {
        "affinity": affinity,
        "bandwidth": bandwidth,
        "metric": metric,
        "bandwidth_scale": 10 ** (decades * rng.uniform(-1, 1)),
        "t": 2 ** rng.uniform(-1, np.log2(20)),
    }


def solve(i, rng, images):
    """One problem: its setting, and the estimate beside the exact entropy."""
    n = int(10 ** rng.uniform(np.log10(200), np.log10(MOST_SAMPLES)))
    family, X = samples(rng, n, images)
    kind, setting = setting_of(i, rng)
    tol = 10 ** rng.uniform(-3, -1.7)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # counted
        warnings.filterwarnings("ignore", message="every sample", category=UserWarning)
        lanczos = DiffusionSpectralEntropy(
            **setting, eigen_solver="lanczos", tol=tol, random_state=i
        ).fit(X)
        seconds = time.perf_counter() - start
        dense = DiffusionSpectralEntropy(
            **setting, eigen_solver="dense", random_state=OTHER_SEED + i
        ).fit(X.astype(np.float64))
    return {
        "problem": i,
        "data": family,
        "n_samples": len(X),
        "kind": kind,
        **setting,
        "tol": tol,
        "exact": dense.entropy_,
        "error": lanczos.entropy_ - dense.entropy_,
        "std_error": lanczos.entropy_std_error_,
        "n_probes": lanczos.spectrum_.n_probes,
        "seconds": seconds,
    }


def report(rows):
    """Print how often errors are as small as was said."""
    print(f"{'':20}{'problems':>9}{'<= 2 se':>9}{'reached':>9}{'<= tol, of these':>18}")
    show("all", rows)
    for key in ("kind", "bandwidth", "metric", "data"):
        for value in sorted({str(row[key]) for row in rows}):
            show(value, [row for row in rows if row[key] == value])
    for low, high in [(0, 1), (1, 2), (2, 5), (5, 20)]:
        show(f"t {low} to {high}", [row for row in rows if low <= row["t"] < high])


def show(name, rows):
    """Print one line of the report."""
    if not rows:
        return
    error, std_error, tol = (
        np.array([row[key] for row in rows]) for key in ("error", "std_error", "tol")
    )
    covered, reached = np.abs(error) <= 2 * std_error, std_error <= tol
    within = np.mean((np.abs(error) <= tol)[reached]) if reached.any() else np.nan
    print(
        f"{name:20}{len(rows):9}{covered.mean():9.3f}{reached.mean():9.3f}{within:18.3f}"
    )


if __name__ == "__main__":
    main()
