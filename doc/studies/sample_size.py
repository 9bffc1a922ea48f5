"""How DSE and DSMI change with the number of samples, and how to compare sets.

Digits, and Gaussian clusters drawn anew: DSE at the default bandwidth and at that of
neighbours, in bits and as a share of log2(n); DSMI in bits and as a share of its
entropy. Then the same sets measured at one stated size with ``max_samples``.

    cd doc/studies; python sample_size.py --out results --figures figures
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

SIZES = (50, 100, 200, 400, 800, 1600)
STATED = 200
REPEATS = 5
N_CLUSTERS, N_FEATURES = 5, 20
LOCAL = {"bandwidth": "adaptive", "metric": "sqeuclidean"}
CENTERS = np.random.default_rng(0).normal(size=(N_CLUSTERS, N_FEATURES))


def digits(n, rng):
    """Draw n digits without replacement."""
    X, y = load_digits(return_X_y=True)
    rows = rng.permutation(len(X))[:n]
    return X[rows], y[rows]


def clusters(n, rng):
    """Draw n samples of overlapping Gaussian clusters."""
    y = rng.integers(N_CLUSTERS, size=n)
    return CENTERS[y] + rng.normal(size=(n, N_FEATURES)), y


DATA = {"digits": digits, "clusters": clusters}


def measures(X, y, seed, **at):
    """Every measure of one set; ``at`` says at which size."""
    entropy_at = at | ({"n_repeats": REPEATS} if at else {})
    dse = DiffusionSpectralEntropy(random_state=seed, **entropy_at).fit(X)
    local = DiffusionSpectralEntropy(random_state=seed, **LOCAL, **entropy_at).fit(X)
    dsmi = DiffusionSpectralMI(random_state=seed, n_jobs=1, **at).fit(X, y)
    n = min(len(X), at.get("max_samples", len(X)))
    return {
        "DSE [bits]": dse.entropy_,
        "DSE (share)": dse.entropy_ / np.log2(n),
        "DSE, local [bits]": local.entropy_,
        "DSE, local (share)": local.entropy_ / np.log2(n),
        "DSMI [bits]": dsmi.mutual_info_,
        "DSMI (share)": dsmi.mutual_info_ / dsmi.entropy_,
    }


def measure_all():
    """Row for each data set, size and repetition, at its size and at the stated."""
    rows = []
    for name, draw in DATA.items():
        for n in SIZES:
            for repeat in range(REPEATS):
                X, y = draw(n, np.random.default_rng([n, repeat]))
                where = {"data": name, "n": n, "repeat": repeat}
                rows.append(where | {"at": "n"} | measures(X, y, repeat))
                if n >= STATED:
                    stated = measures(X, y, repeat, max_samples=STATED)
                    rows.append(where | {"at": "stated"} | stated)
    return pd.DataFrame(rows)


def as_text(table):
    """Mean of each measure by size, and its standard deviation over draws."""
    groups = table.drop(columns="repeat").groupby(["data", "at", "n"], sort=False)
    mean, spread = groups.mean(), groups.std()
    text = mean.map("{:.2f}".format) + " ± " + spread.map("{:.2f}".format)
    return text.reset_index()


def plot(table, path):
    """Each measure against n."""
    names = ["DSE [bits]", "DSE (share)", "DSMI [bits]", "DSMI (share)"]
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
    for ax, name in zip(axes, names, strict=True):
        for color, (data, part) in zip(
            ("#0072B2", "#D55E00"), table.groupby("data", sort=False), strict=True
        ):
            for at, style in (("n", "o-"), ("stated", "s--")):
                mean = part[part["at"] == at].groupby("n")[name].mean()
                label = data if at == "n" else f"{data}, at {STATED}"
                ax.plot(mean.index, mean, style, ms=4, color=color, label=label)
        ax.set(title=name, xlabel="samples", xscale="log")
        ax.set_xticks(SIZES, [str(n) for n in SIZES])
        ax.minorticks_off()
        ax.set_ylim(bottom=0)
        ax.grid(alpha=0.3)
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def main():
    """Measure, and write tables and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", required=True, help="folder for the tables")
    parser.add_argument("--figures", required=True, help="folder for the figure")
    args = parser.parse_args()
    table = measure_all()
    table.to_csv(Path(args.out) / "sample_size.csv", index=False, float_format="%.5g")
    text = as_text(table)
    for at, part in text.groupby("at"):
        part.drop(columns="at").to_csv(
            Path(args.out) / f"sample_size_at_{at}.csv", index=False
        )
    plot(table, Path(args.figures) / "sample_size.png")


if __name__ == "__main__":
    main()
