"""How often confidence intervals of DSMI contain what they are for.

The answer is known by simulation: the mean of DSMI over many independent samples of the
size. For each design, the share of intervals of independent samples that contain it,
and their standard error beside the standard deviation that DSMI really has.

    python doc/studies/interval_coverage.py --problems 200 --out doc/studies/results
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    mutual_info_confidence_interval,
)


def blobs(rng, sizes, d, distance):
    """Gaussian clusters at the corners of a simplex."""
    y = np.repeat(np.arange(len(sizes)), sizes)
    return distance * np.eye(len(sizes), d)[y] + rng.normal(size=(len(y), d)), y


def spirals(rng, n, noise):
    """Two spirals that wind around each other."""
    y = np.arange(n) % 2
    angle = 3 * np.pi * np.sqrt(rng.uniform(0.05, 1, size=n))
    turned = angle + np.pi * y
    X = angle[:, None] * np.column_stack([np.cos(turned), np.sin(turned)])
    return X + noise * rng.normal(size=X.shape), y


DESIGNS = {
    "3 clusters of 40, 5 features": partial(blobs, sizes=[40] * 3, d=5, distance=3),
    "3 clusters of 100, 5 features": partial(blobs, sizes=[100] * 3, d=5, distance=3),
    "clusters of 90, 40, 20": partial(blobs, sizes=[90, 40, 20], d=5, distance=3),
    "10 clusters of 20, 20 features": partial(blobs, sizes=[20] * 10, d=20, distance=4),
    "far clusters": partial(blobs, sizes=[40] * 3, d=5, distance=20),
    "two spirals": partial(spirals, n=200, noise=0.5),
    "no dependence": partial(blobs, sizes=[40] * 3, d=5, distance=0),
}
MEDIAN = DiffusionSpectralMI(DiffusionSpectralEntropy(bandwidth="median"))


def coverage(draw, estimator, n_problems, n_truth):
    """Coverage of a design's intervals, and their width."""
    estimator = DiffusionSpectralMI() if estimator is None else estimator
    estimator.set_params(n_jobs=1)
    values = []
    for i in range(n_truth):
        X, y = draw(np.random.default_rng([1, i]))
        values.append(estimator.set_params(random_state=i).fit(X, y).mutual_info_)
    truth = np.mean(values)
    found = []
    for i in range(n_problems):
        X, y = draw(np.random.default_rng([2, i]))
        estimator.set_params(random_state=None)
        found.append(
            mutual_info_confidence_interval(X, y, estimator=estimator, random_state=i)
        )
    covered = [one.low <= truth <= one.high for one in found]
    return {
        "DSMI [bits]": truth,
        "coverage": np.mean(covered),
        "stated standard error": np.mean([one.std_error for one in found]),
        "standard deviation": np.std(values, ddof=1),
    }


def main():
    """Write a row for each design."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--truth", type=int, default=1000)
    parser.add_argument("--only", default="", help="designs whose name has this")
    parser.add_argument("--out", required=True, help="folder for the table")
    args = parser.parse_args()
    designs = {name: (draw, None) for name, draw in DESIGNS.items()}
    first = next(iter(DESIGNS))
    designs[f"{first}, median"] = DESIGNS[first], MEDIAN
    rows = []
    for name, (draw, estimator) in designs.items():
        if args.only not in name:
            continue
        found = coverage(draw, estimator, args.problems, args.truth)
        rows.append({"design": name} | found)
        print(rows[-1], file=sys.stderr, flush=True)
        table = pd.DataFrame(rows)
        path = Path(args.out) / "interval_coverage.csv"
        table.to_csv(path, index=False, float_format="%.3f")


if __name__ == "__main__":
    main()
