"""Times on an accelerator, each with a check against float64; under 6 minutes.

    python doc/benchmarks/gpu.py --data-home DIR
    python doc/benchmarks/gpu.py --quick            # a trial, on any machine

writes gpu.csv beside this file, with the name of the card. It needs PyTorch. Arrays lie
on the device before the clock starts, and it stops when the device is done. The first
call, in which kernels are compiled and libraries set up, is told apart; where calls are
short, the median of three more follows.

The checks know nothing of skdse but its bandwidth. Up to 12,000 samples: the entropy of
all eigenvalues, from float64 differences. Beyond: the trace and the squared norm of the
operator from matrix products of their own, in float64 up to 200,000 samples and in
float32, summed up in float64, from there on; and, but for the largest, the entropy of
another seed with a third of the tolerance. Mutual information, and a subsample of it,
against NumPy.

Without CUDA --quick measures NumPy arrays on the host, and says so.
"""

import argparse
import csv
import platform
import statistics
import sys
import time
from pathlib import Path

import jobs
import numpy as np
import torch
from sklearn.base import clone

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

COLUMNS = (
    "job",
    "card",
    "n",
    "d",
    "seconds",
    "first_seconds",
    "runs",
    "target",
    "peak_gib",
    "value",
    "std_error",
    "check",
    "difference",
    "allowed",
    "versions",
)
# Samples up to which a check has all eigenvalues, and up to which it is in float64.
ALL_EIGENVALUES, IN_FLOAT64 = 12_000, 200_000
# Calls that take no longer [s] are made three more times.
SHORT = 10.0
TOL = 1e-3
# Relative errors of the trace and the squared norm that rounding to float32 may make.
MOMENTS = 2e-5
ON_HOST = "no CUDA: NumPy arrays on the host"


def place():
    """Where arrays lie, in words."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ON_HOST


def placed(X):
    """Array where it is measured."""
    X = torch.as_tensor(X, dtype=torch.float32)
    return X.cuda() if torch.cuda.is_available() else X.numpy()


def sheet(n, d=64, seed=0):
    """Ten clusters on an 8-dimensional sheet in d dimensions, made where it lies."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator(device).manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, device=device)

    y = torch.arange(n, device=device) % 10
    u = 4 * normal(10, 8)[y] + normal(n, 8)
    X = torch.sin(u @ normal(8, d) / 8) + 0.01 * normal(n, d)
    return placed(X), y.cpu().numpy()


def mnist(n, options):
    """Images of MNIST and their labels."""
    X, y = jobs.mnist("train", n)(options.quick, options.data_home)
    return placed(X), y


# What is measured


def entropy(X, **params):
    """DiffusionSpectralEntropy of all samples."""
    return DiffusionSpectralEntropy(random_state=0, tol=TOL, **params).fit(X)


def clocked(call):
    """Result of a call, seconds of the first one and the median, runs, and memory."""
    seconds = []
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    while not seconds or (len(seconds) < 4 and seconds[0] < SHORT):
        start = time.perf_counter()
        result = call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return result, {
        "seconds": statistics.median(seconds[1:] or seconds),
        "first_seconds": seconds[0],
        "runs": len(seconds),
        "peak_gib": peak / 2**30,
    }


# Checks


def as_float(X, dtype=torch.float64):
    """Tensor of an array, where it lies, in the precision of a check."""
    return torch.as_tensor(X).to(dtype)


def all_eigenvalues(X, sigma):
    """Entropy of all eigenvalues of the operator, α = 1/2 and t = 1, in float64."""
    X = as_float(X)
    D = torch.cdist(X, X, compute_mode="donot_use_mm_for_euclid_dist")
    G = torch.exp(-(D**2) / (2 * sigma**2))
    K = G / torch.sqrt(torch.outer(G.sum(1), G.sum(1)))
    scale = K.sum(1).rsqrt()
    p = torch.linalg.eigvalsh(K * scale[:, None] * scale).abs()
    p = p[p > 0] / p.sum()
    return float(-(p * p.log2()).sum())


def moments(X, sigma):
    """Trace and squared norm of the operator, from matrix products of blocks."""
    dtype = torch.float64 if X.shape[0] <= IN_FLOAT64 else torch.float32
    X = as_float(X, dtype)
    X = (X - X.mean(0)) / sigma
    half = 0.5 * (X.double() ** 2).sum(1).to(dtype)

    def rows_of(function):
        parts = []
        for i in range(0, X.shape[0], 4096):
            rows = slice(i, i + 4096)
            total = 0.0
            for j in range(0, X.shape[0], 16384):
                columns = slice(j, j + 16384)
                G = torch.addmm(-half[columns], X[rows], X[columns].T)
                G = G.sub_(half[rows, None]).clamp_(max=0).exp_()
                total = total + function(G, columns)
            parts.append(total)
        return torch.cat(parts)

    q = rows_of(lambda G, columns: G.sum(1, dtype=torch.float64))
    weights = q.rsqrt()
    degree = weights * rows_of(lambda G, a: (G @ weights[a].to(dtype)).double())
    s2 = weights**2 / degree
    squares = rows_of(lambda G, a: ((G * G) @ s2[a].to(dtype)).double())
    return float(s2.sum()), float(s2 @ squares)


def check_entropy(X, dse):
    """What was checked of an entropy, the difference found and what is allowed."""
    if X.shape[0] <= ALL_EIGENVALUES:
        value = all_eigenvalues(X, dse.bandwidth_)
        allowed = max(3 * dse.entropy_std_error_, 1e-5)
        return "all eigenvalues [bits]", abs(dse.entropy_ - value), allowed
    found = dse.spectrum_.trace, dse.spectrum_.squared_norm
    exact = moments(X, dse.bandwidth_)
    difference = max(abs(a / b - 1) for a, b in zip(found, exact, strict=True))
    if difference > MOMENTS or X.shape[0] > IN_FLOAT64:
        return "trace and norm [relative]", difference, MOMENTS
    other = DiffusionSpectralEntropy(
        bandwidth=dse.bandwidth_, tol=TOL / 3, eigen_solver="lanczos", random_state=1
    ).fit(X)
    difference = abs(dse.entropy_ - other.entropy_)
    return "another seed, trace and norm [bits]", difference, 2 * TOL


def check_mutual_info(X, y, n=2000):
    """The same of mutual information of some samples, by arrays of the host."""
    dense = DiffusionSpectralEntropy(eigen_solver="dense", metric="sqeuclidean")
    dsmi = DiffusionSpectralMI(dense, random_state=0)
    arrays = X[:n], torch.as_tensor(X[:n]).cpu().numpy()
    here, host = (clone(dsmi).fit(one, y[:n]) for one in arrays)
    difference = abs(here.mutual_info_ - host.mutual_info_)
    return f"NumPy, the first {min(n, len(y))} samples [bits]", difference, 1e-4


# Jobs


def one_entropy(data, **params):
    """Job of one entropy; its data, with labels, are made by data(options)."""

    def job(options):
        X, _ = data(options)
        dse, times = clocked(lambda: entropy(X, **params))
        values = {"value": dse.entropy_, "std_error": dse.entropy_std_error_}
        return X.shape, times | values, check_entropy(X, dse)

    return job


def one_mutual_info(options):
    """Job of a default mutual information."""
    X, y = mnist(None, options)
    dsmi, times = clocked(lambda: DiffusionSpectralMI(random_state=0).fit(X, y))
    values = {
        "value": dsmi.mutual_info_,
        "std_error": dsmi.mutual_info_std_error_,
    }
    return X.shape, times | values, check_mutual_info(X, y)


def layers(options):
    """Job of both measures of twelve layers, which lie on the device together."""
    n = 300 if options.quick else 10_000
    together = [sheet(n, 768, seed) for seed in range(12)]

    def call():
        return [
            (entropy(X), DiffusionSpectralMI(random_state=0).fit(X, y))
            for X, y in together
        ]

    results, times = clocked(call)
    dse, _ = results[0]
    values = {"value": dse.entropy_, "std_error": dse.entropy_std_error_}
    checks = check_entropy(together[0][0], dse), check_mutual_info(*together[0])
    worst = max(checks, key=lambda check: check[1] / check[2])
    return (12 * n, 768), times | values, worst


def size(n, quick=300):
    """Number of samples, by the options."""
    return lambda options: quick if options.quick else n


# Name, target [s] on one H100 and, told by the options, what is measured.
LANCZOS = {"eigen_solver": "lanczos"}
JOBS = {
    "dse_mnist_10000": (0.25, one_entropy(lambda o: mnist(10_000, o))),
    "dse_mnist_60000": (1.2, one_entropy(lambda o: mnist(60_000, o), **LANCZOS)),
    "dse_100000_768": (
        2.0,
        one_entropy(lambda o: sheet(size(100_000)(o), 768), **LANCZOS),
    ),
    "dse_1000000_64": (
        60.0,
        one_entropy(lambda o: sheet(size(1_000_000)(o), 64), **LANCZOS),
    ),
    "dsmi_mnist_60000": (5.0, one_mutual_info),
    "dse_dsmi_12_layers": (5.0, layers),
}


def main(arguments=None):
    """Measure, check, and write the table; the number of checks that failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-home", help="folder with mnist.npz, else OpenML's")
    parser.add_argument("--quick", action="store_true", help="small data, a trial")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args(arguments)
    if not (torch.cuda.is_available() or options.quick):
        parser.error("there is no CUDA here; --quick is a trial on the host")
    print(place())
    rows = []
    for name in options.jobs:
        rows.append(row(name, options))
        write(rows, options.out)
        print(told(rows[-1]), flush=True)
    return sum(not passed(one) for one in rows)


def row(name, options):
    """Row of the table."""
    target, job = JOBS[name]
    shape, values, (check, difference, allowed) = job(options)
    return values | {
        "job": name,
        "card": place(),
        "n": shape[0],
        "d": shape[1],
        "target": target,
        "check": check,
        "difference": float(difference),
        "allowed": float(allowed),
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"NumPy {np.__version__}",
    }


def write(rows, path):
    """Write the table."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for one in rows:
            writer.writerow({key: jobs.rounded(one[key]) for key in COLUMNS})


def passed(one):
    """Whether the check of a row passed."""
    return one["difference"] <= one["allowed"]


def told(one):
    """Row in words."""
    verdict = "ok" if passed(one) else "FAILED"
    return (
        f"{one['job']}: {one['seconds']:.3g} s (first {one['first_seconds']:.3g} s, "
        f"target {one['target']:g} s), {one['peak_gib']:.2f} GiB, {one['value']:.5f} "
        f"± {one['std_error']:.1e} bits; {one['check']}: {one['difference']:.1e}, "
        f"allowed {one['allowed']:.1e}: {verdict}"
    )


if __name__ == "__main__":
    sys.exit(main())
