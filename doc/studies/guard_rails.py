"""Do the warnings of saturation fire where they should, and only there?

Every representation of the zoo, with the defaults and with the authors' fixed
bandwidths, 10 and √d: how many warn, and of how many that do not is the entropy within
0.02 bits of its largest value or of 0, or the mutual information below 0.005 bits.

    python doc/studies/guard_rails.py --cache CACHE --out doc/studies/results
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import zoo
from model_choice import DATASETS, PER_CLASS, balanced

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

DEAD_ENTROPY, DEAD_INFORMATION = 0.02, 0.005  # [bits]


def estimators(d):
    """Estimators by name, for representations of d features."""
    fixed = {"σ = 10": 10.0, "σ = √d": d**0.5}
    found = {"DSE, default": DiffusionSpectralEntropy()}
    found["DSMI, default"] = DiffusionSpectralMI(random_state=0, n_jobs=1)
    for name, sigma in fixed.items():
        entropy = DiffusionSpectralEntropy(bandwidth=sigma)
        found[f"DSE, {name}"] = entropy
        found[f"DSMI, {name}"] = DiffusionSpectralMI(entropy, random_state=0, n_jobs=1)
    return found


def check(estimator, Z, y):
    """Whether it warns of saturation, and whether what it finds says nothing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(Z, y)
    warned = any("Every sample sees" in str(one.message) for one in caught)
    if hasattr(estimator, "mutual_info_"):
        return warned, abs(estimator.mutual_info_) < DEAD_INFORMATION
    value = estimator.entropy_
    return warned, min(value, np.log2(len(Z)) - value) < DEAD_ENTROPY


def main():
    """Check the zoo, and write a row for each data set and estimator."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cache", required=True, help="folder of the zoo")
    parser.add_argument("--out", required=True, help="folder for the table")
    args = parser.parse_args()
    rows = []
    for name in DATASETS:
        folder = Path(args.cache) / name
        y = zoo.read_labels(folder)
        kept = balanced(y[: zoo.PER_CLASS * 10], PER_CLASS)
        for _, title, Z in zoo.read_zoo(folder):
            Z, labels = Z[: zoo.PER_CLASS * 10][kept], y[kept]
            for key, estimator in estimators(Z.shape[1]).items():
                warned, dead = check(estimator, Z, labels)
                rows.append((name, key, title, warned, dead))
        print(name, file=sys.stderr, flush=True)
    columns = ("data", "measure", "representation", "warned", "dead")
    table = pd.DataFrame(rows, columns=columns)
    for title in table[table["warned"] & table["measure"].str.contains("default")][
        "representation"
    ]:
        print(f"warned with the defaults: {title}", file=sys.stderr)
    table["silent and dead"] = table["dead"] & ~table["warned"]
    groups = table.groupby(["measure", "data"], sort=False)
    counts = groups[["warned", "dead", "silent and dead"]].sum()
    counts.insert(0, "representations", groups.size())
    counts.to_csv(Path(args.out) / "guard_rails.csv")


if __name__ == "__main__":
    main()
