"""Calibration and cost of mutual_info_permutation_test.

For each design, independent problems in which X tells nothing of y: the share of
p-values up to 0.05 and up to 0.01, their smallest and largest distance from uniform
p-values (Kolmogorov-Smirnov, with its own p-value), the partitions measured, and the
processor time relative to one mutual information. Then cost and p-value on the digits.

    python doc/studies/permutation_calibration.py --problems 200
"""

import argparse
import time
from functools import partial

import numpy as np
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
    """P-values, partitions of the last problem and relative time."""
    rng = np.random.default_rng(seed)
    dsmi = DiffusionSpectralMI(estimator)
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


def main():
    """Print a line for each design."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    print(f"{'design':26s} p<=.05  p<=.01  KS      KS p   K   time")
    for name, (make, estimator) in DESIGNS.items():
        if args.only not in name:
            continue
        pvalues, K, cost = calibrate(make, estimator, args.problems, args.seed)
        ks = kstest(pvalues, "uniform")
        print(
            f"{name:26s} {np.mean(pvalues <= 0.05):.3f}   "
            f"{np.mean(pvalues <= 0.01):.3f}   {ks.statistic:.3f}   {ks.pvalue:.3f}  "
            f"{K:2d}  {cost:.2f}",
            flush=True,
        )
    for name, n in (("1797 digits", 1797), ("300 digits", 300)):
        X, y = DIGITS[:n], LABELS[:n]
        start = time.process_time()
        DiffusionSpectralMI(random_state=0).fit(X, y)
        middle = time.process_time()
        test = mutual_info_permutation_test(X, y, random_state=0)
        cost = (time.process_time() - middle) / (middle - start)
        print(f"{name}, true labels: p = {test.pvalue:.4f}, time {cost:.2f}")


if __name__ == "__main__":
    main()
