"""Calibration and cost of mutual_info_permutation_test.

For each design, independent problems in which X tells nothing of y: the share of
p-values up to 0.05 and up to 0.01, their largest distance from uniform p-values
(Kolmogorov-Smirnov, with its own p-value), the partitions measured, the processor time
relative to one mutual information, and how the conditional term varies over partitions
relative to a sum of independent draws. Then cost and p-value on the digits.

    python doc/studies/permutation_calibration.py --problems 200 --out OUT
"""

import argparse
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import kstest
from sklearn.datasets import load_digits

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    ShannonEntropy,
    mutual_info_permutation_test,
)

DIGITS, LABELS = load_digits(return_X_y=True)


def random_groups(rng, sizes):
    """Groups of some sizes that follow nothing."""
    return rng.permutation(np.repeat(range(len(sizes)), sizes))


def gaussian(rng, n, d, sizes):
    """Noise, and groups of some sizes."""
    return rng.normal(size=(n, d)), random_groups(rng, sizes)


def digits(rng, n, permuted=True, sizes=None):
    """Some digits, and their permuted labels or groups of some sizes."""
    rows = rng.permutation(len(DIGITS))[:n]
    if sizes is not None:
        return DIGITS[rows], random_groups(rng, sizes)
    return DIGITS[rows], rng.permutation(LABELS[rows])


def clusters(rng, k, sizes, spread=1.0):
    """Far clusters, and groups that do not follow them."""
    n = sum(sizes)
    X = 100 * np.eye(max(k, 2))[np.arange(n) % k] + spread * rng.normal(
        size=(n, max(k, 2))
    )
    return X, random_groups(rng, sizes)


def cauchy(rng, n, sizes):
    """Noise with outliers."""
    X = rng.standard_cauchy(size=(n, 2))
    return X, random_groups(rng, sizes)


def continuous(rng, n):
    """Noise, and vectors that DSMI clusters."""
    return rng.normal(size=(n, 4)), rng.normal(size=(n, 3))


MEDIAN = DiffusionSpectralEntropy(bandwidth="median")
PLAIN = DiffusionSpectralEntropy(bandwidth="adaptive")
DESIGNS = {
    "noise, 4 groups of 30": (partial(gaussian, n=120, d=5, sizes=[30] * 4), None),
    "noise, 2 groups of 60": (partial(gaussian, n=120, d=5, sizes=[60] * 2), None),
    "noise, 10 groups of 10": (partial(gaussian, n=100, d=50, sizes=[10] * 10), None),
    "noise, 2 groups of 10": (partial(gaussian, n=20, d=2, sizes=[10] * 2), None),
    "noise, 3 groups of 4": (partial(gaussian, n=12, d=2, sizes=[4] * 3), None),
    "noise, 90 + 20 + 10": (partial(gaussian, n=120, d=5, sizes=[90, 20, 10]), None),
    "digits, permuted labels": (partial(digits, n=300), None),
    "digits, 50 groups of 6": (partial(digits, n=300, sizes=[6] * 50), None),
    "digits, 150 ... 20": (partial(digits, n=300, sizes=[150, 60, 40, 30, 20]), None),
    "2 far clusters, 2 groups": (partial(clusters, k=2, sizes=[50, 50]), None),
    "4 far clusters, 3 groups": (partial(clusters, k=4, sizes=[40] * 3), None),
    "Cauchy, 4 groups of 30": (partial(cauchy, n=120, sizes=[30] * 4), None),
    "vectors, clustered": (partial(continuous, n=120), None),
    "noise, plain distances": (
        partial(gaussian, n=120, d=5, sizes=[30] * 4),
        PLAIN,
    ),
    "noise, median": (partial(gaussian, n=120, d=5, sizes=[30] * 4), MEDIAN),
    "Cauchy, median": (partial(cauchy, n=120, sizes=[30] * 4), MEDIAN),
    "digits, median": (partial(digits, n=300), MEDIAN),
    "noise, kNN graph": (
        partial(gaussian, n=120, d=5, sizes=[40] * 3),
        DiffusionSpectralEntropy(affinity="nearest_neighbors", n_neighbors=8),
    ),
    "noise, lanczos": (
        partial(gaussian, n=240, d=5, sizes=[120] * 2),
        DiffusionSpectralEntropy(
            bandwidth="adaptive", eigen_solver="lanczos", tol=1e-2
        ),
    ),
    "noise, Shannon": (partial(gaussian, n=120, d=2, sizes=[30] * 4), ShannonEntropy()),
    "4 far clusters, median": (partial(clusters, k=4, sizes=[40] * 3), MEDIAN),
    "2 far clusters, median": (partial(clusters, k=2, sizes=[50, 50]), MEDIAN),
}


def calibrate(make, estimator, n_problems, seed):
    """P-values, partitions of the last problem and relative processor time."""
    rng = np.random.default_rng(seed)
    dsmi = DiffusionSpectralMI(estimator, n_jobs=1)
    pvalues, alone, tested = [], 0.0, 0.0
    for i in range(n_problems):
        X, y = make(rng)
        start = time.process_time()
        dsmi.set_params(random_state=i).fit(X, y)
        middle = time.process_time()
        test = mutual_info_permutation_test(X, y, estimator=dsmi, random_state=i)
        alone, tested = alone + middle - start, tested + time.process_time() - middle
        pvalues.append(test.pvalue)
    return np.array(pvalues), test.n_partitions, tested / alone


def variance_ratio(make, estimator, n_problems, n_partitions, seed):
    """Variance of the conditional term over that of independent draws of its groups.

    The median over problems; NaN where groups do not vary.
    """
    rng = np.random.default_rng(seed)
    ratios = []
    for i in range(n_problems):
        X, y = make(rng)
        dsmi = DiffusionSpectralMI(
            estimator, n_repeats=1, random_state=i, n_jobs=1
        ).fit(X, y)
        # Groups of one problem are fixed, so that only their samples change.
        labels, values = dsmi.labels_, []
        for _ in range(n_partitions):
            dsmi.set_params(target="discrete").fit(X, rng.permutation(labels))
            values.append(dsmi.group_entropies_)
        weights = np.bincount(labels) / len(labels)
        independent = weights**2 @ np.var(values, axis=0, ddof=1)
        if independent > 0:
            ratios.append(np.var(values @ weights, ddof=1) / independent)
    return np.median(ratios) if ratios else np.nan


def power_and_cost(n, seed=0):
    """P-value of the digits with their labels, and the relative time of the test."""
    X, y = DIGITS[:n], LABELS[:n]
    start = time.process_time()
    DiffusionSpectralMI(random_state=seed).fit(X, y)
    middle = time.process_time()
    test = mutual_info_permutation_test(X, y, random_state=seed)
    cost = (time.process_time() - middle) / (middle - start)
    return {"design": f"{n} digits, true labels", "p": test.pvalue, "cost": cost}


def main():
    """Write a row for each design."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="designs whose name has this")
    parser.add_argument("--out", required=True, help="folder for the tables")
    args = parser.parse_args()
    rows = []
    for name, (make, estimator) in DESIGNS.items():
        if args.only not in name:
            continue
        pvalues, K, cost = calibrate(make, estimator, args.problems, args.seed)
        ks = kstest(pvalues, "uniform")
        row = {
            "design": name,
            "p ≤ 0.05": np.mean(pvalues <= 0.05),
            "p ≤ 0.01": np.mean(pvalues <= 0.01),
            "KS distance": ks.statistic,
            "KS p": ks.pvalue,
            "partitions": K,
            "cost": cost,
            "variance ratio": variance_ratio(make, estimator, 5, 40, args.seed),
        }
        rows.append(row)
        print(row, file=sys.stderr, flush=True)
        table = pd.DataFrame(rows)
        path = Path(args.out) / "permutation_calibration.csv"
        table.to_csv(path, index=False, float_format="%.3f")
    found = pd.DataFrame([power_and_cost(n) for n in (300, 1797)])
    path = Path(args.out) / "permutation_digits.csv"
    found.to_csv(path, index=False, float_format="%.4f")


if __name__ == "__main__":
    main()
