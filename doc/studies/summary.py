"""Tables and figures of the pages on the studies, from the tables of results.

python doc/studies/summary.py --results RESULTS --figures FIGURES
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import scores
from scipy.stats import spearmanr

TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
KINDS = ("Pearson", "Spearman", "weighted τ")
CHOSEN = "DSMI(Z;Y) adaptive k=5"  # by MNIST alone
AUTHORS = ("number ×10", "sqrt_d", "number ×10 unit features", "sqrt_d unit features")
OTHERS = ("self-similarity", "effective rank", "Vendi score")
RULES = ("median ×0.5", "median", "median ×2", "knn k=5", "knn k=15", "slope")
RULES += ("adaptive k=5", "adaptive k=15", "number ×10")
N_BEST = 20
COLORS = plt.get_cmap("tab10").colors


def read(results):
    """Tables of scores and of correlations of both data sets."""
    results = Path(results)
    tables = {name: pd.read_csv(results / f"scores_{name}.csv") for name in TITLES}
    correlations = {
        name: pd.read_csv(results / f"correlations_{name}.csv", index_col=0)
        for name in TITLES
    }
    return tables, correlations


def side_by_side(correlations, names, probe="linear"):
    """Correlations of some scores on both data sets."""
    parts = [
        correlations[name]
        .loc[list(names), [f"{probe} {kind}" for kind in KINDS]]
        .set_axis([f"{title} {kind}" for kind in KINDS], axis=1)
        for name, title in TITLES.items()
    ]
    return pd.concat(parts, axis=1)


def worse_of_both(correlation):
    """Smaller one of Pearson and Spearman, with the linear probe."""
    return correlation[["linear Pearson", "linear Spearman"]].min(axis=1)


def best_settings(correlations):
    """Settings of DSMI(Z;Y) that are best on MNIST, the chosen and the authors'."""
    order = worse_of_both(correlations["mnist"]).sort_values(ascending=False).index
    order = [name for name in order if name.startswith("DSMI(Z;Y)")]
    names = order[:N_BEST]
    named = [f"DSMI(Z;Y) {rule}{end}" for rule in AUTHORS for end in ("", " (share)")]
    for name in (CHOSEN, CHOSEN + " (share)", *named):
        if name not in names:
            names.append(name)
    return side_by_side(correlations, names)


def competitors(tables, correlations):
    """Other scores, the probes' other kind, and what each takes."""
    names = [*scores.SCORES, "CSMI", "DMEE-MI", "ASMI"]
    table = side_by_side(correlations, [CHOSEN, *names, "neighbors accuracy"])
    for name, title in TITLES.items():
        seconds = tables[name].filter(like="seconds").median()
        seconds.index = seconds.index.str.removesuffix(" seconds")
        known = {CHOSEN: "DSMI adaptive", "neighbors accuracy": "neighbors"}
        table[f"{title} s"] = [seconds.get(known.get(one, one)) for one in table.index]
    return table


def input_and_entropy(correlations):
    """DSMI(Z;X) and DSE."""
    names = correlations["mnist"].index
    kept = [name for name in names if name.startswith(("DSMI(Z;X)", "DSE"))]
    kept = [name for name in kept if " t=" not in name]
    return side_by_side(correlations, kept)


def redundancy(tables):
    """Spearman correlation of DSE with other scores that know no labels."""
    rows = {}
    for rule in RULES:
        for features in ("", " directions features"):
            column = f"DSE {rule}{features}"
            key = (rule, "directions" if features else "raw")
            rows[key] = {
                f"{title} {other}": spearmanr(
                    tables[name][column], tables[name][other]
                ).statistic
                for name, title in TITLES.items()
                for other in OTHERS
            }
    return pd.DataFrame(rows).T.rename_axis(["bandwidth", "features"])


def main():
    """Write tables and figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", required=True, help="folder of the tables")
    parser.add_argument("--figures", required=True, help="folder for the figures")
    options = parser.parse_args()
    out = Path(options.results)
    tables, correlations = read(out)
    for name, table in {
        "settings": best_settings(correlations),
        "competitors": competitors(tables, correlations),
        "input_and_entropy": input_and_entropy(correlations),
        "redundancy": redundancy(tables),
    }.items():
        table.to_csv(out / f"{name}.csv", float_format="%.3f")


if __name__ == "__main__":
    main()
