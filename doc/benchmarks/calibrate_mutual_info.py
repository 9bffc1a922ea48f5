"""Calibrate the standard error that DiffusionSpectralMI states, against its spread.

    python doc/benchmarks/calibrate_mutual_info.py --data-home DIR
    python doc/benchmarks/calibrate_mutual_info.py --n-seeds 5    # to see that it works

Twelve problems: blobs of several numbers of samples, features, groups and separations,
a sheet, digits and MNIST; the default estimator, for groups that LAPACK solves and for
groups that Lanczos does. Each is measured with many seeds, from which all that is
random comes. The spread of the results is compared with the root mean square of the
standard errors stated. Writes one row a problem. The spread of 200 seeds is itself
known to 5 %. Without --data-home (a folder with mnist.npz) MNIST is left out.
"""

import argparse
import csv
import time
from pathlib import Path

import jobs
import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import load_digits

from skdse import DiffusionSpectralMI

HERE = Path(__file__).parent
COLUMNS = (
    "problem",
    "n_samples",
    "n_features",
    "n_groups",
    "mutual_info",
    "spread",
    "std_error",
    "ratio",
    "seconds",
)


def main():
    """Measure all problems and write their table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-seeds", type=int, default=200)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--only", help="name of the only problem to measure")
    parser.add_argument("--data-home", type=Path)
    parser.add_argument("--out", type=Path, default=HERE / "mutual_info_errors.csv")
    options = parser.parse_args()
    with open(options.out, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for name, (X, y) in problems(options.data_home).items():
            if options.only and options.only != name:
                continue
            row = measure(name, X, y, options.n_seeds, options.n_jobs)
            writer.writerow({key: jobs.rounded(row[key]) for key in COLUMNS})
            file.flush()
            print(f"{name:28} {row['ratio']:.2f} {row['seconds']:6.0f} s", flush=True)


def problems(data_home):
    """Samples and labels of each problem by its name."""
    digits, labels = load_digits(return_X_y=True)
    found = {
        "digits": (digits, labels),
        "digits, two groups": (digits, labels % 2),
        "digits, permuted labels": (
            digits,
            np.random.default_rng(0).permutation(labels),
        ),
        "digits, first 150": (digits[:150], labels[:150]),
        "blobs": blobs(1000, 64, 10, 1.0),
        "blobs, few features": blobs(1500, 8, 4, 1.0),
        "blobs, apart": blobs(1000, 16, 3, 4.0),
        "blobs, many features": blobs(1200, 768, 5, 1.0),
        "blobs, uneven groups": blobs(1600, 8, 6, 1.0, uneven=True),
        "blobs, large groups": blobs(2400, 16, 2, 0.5),
        "sheet": sheet(2000),
    }
    if data_home is not None:
        X, y = jobs.mnist("test", 2500)(False, data_home)
        found["MNIST"] = X, y % 4
    return found


def blobs(n, d, k, separation, uneven=False):
    """k Gaussian groups whose centres are so many standard deviations apart."""
    rng = np.random.default_rng(n + d)
    share = np.arange(1, k + 1) if uneven else np.ones(k)
    y = np.sort(rng.choice(k, n, p=share / share.sum()))
    centers = separation * rng.normal(size=(k, d))
    return centers[y] + rng.normal(size=(n, d)), y


def sheet(n):
    """Ten clusters on a curved sheet, by halves."""
    (X,) = jobs.sheet(n)(False, None)
    return X, (X[:, 0] > 0).astype(int)


def measure(name, X, y, n_seeds, n_jobs):
    """Spread over the seeds beside what is stated."""
    start = time.perf_counter()
    # Seeds side by side, each in one thread.
    results = Parallel(n_jobs)(delayed(one)(X, y, seed) for seed in range(n_seeds))
    values, errors = np.transpose(results)
    spread, stated = np.std(values, ddof=1), np.sqrt(np.mean(errors**2))
    return {
        "problem": name,
        "n_samples": len(X),
        "n_features": X.shape[1],
        "n_groups": len(np.unique(y)),
        "mutual_info": float(values.mean()),
        "spread": float(spread),
        "std_error": float(stated),
        "ratio": float(spread / stated),
        "seconds": time.perf_counter() - start,
    }


def one(X, y, seed):
    """Mutual information and its standard error, by default."""
    dsmi = DiffusionSpectralMI(random_state=seed, n_jobs=1).fit(X, y)
    return dsmi.mutual_info_, dsmi.mutual_info_std_error_


if __name__ == "__main__":
    main()
