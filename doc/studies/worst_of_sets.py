"""Which setting of DSMI is best where it does worst: all sets of representations.

Beside the two zoos of images, whose scores model_choice.py and local_kernels.py wrote,
three sets were made later: networks trained on ImageNet (imagenet_zoo.py), and two of
texts (text_zoo.py). Written: the scores of the later sets; for every setting, in bits
and as a share of the entropy, Pearson and Spearman correlation with the accuracy of the
linear probe on each set, and the smallest of all; and, against the default, bootstrap
intervals over representations of what that smallest one gains.

    python doc/studies/worst_of_sets.py --cache CACHE --results doc/studies/results

CACHE holds the later sets. One that is not there is not measured; its scores are then
those in the results.
"""

import argparse
import sys
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import local_kernels
import numpy as np
import pandas as pd
import scores
import settings
import zoo
from common import run_cases
from model_choice import balanced
from scipy.stats import rankdata
from sklearn.exceptions import ConvergenceWarning

DEFAULT = "adaptive k=5 sqeuclidean"
CHOSEN = f"DSMI(Z;Y) {DEFAULT}"
OTHERS = ("LogME", "KSG", "silhouette", "dimension")
PROBE = "linear accuracy"
KINDS = ("Pearson", "Spearman")
QUARTILES = ("lowest accuracy", "first quarter", "median", "third quarter", "highest")
N_RESAMPLES = 1000


@dataclass(frozen=True)
class Set:
    """A set of representations; of the measured samples, DSMI sees some of each class.

    ``n_measured`` is 0 if model_choice.py measured the set.
    """

    title: str
    n_measured: int = 0
    per_class: int = 0


SETS = {
    "mnist": Set("MNIST"),
    "cifar10": Set("CIFAR-10"),
    "imagenet_cifar10": Set("ImageNet nets", 1500, 100),
    "news": Set("news", 750, 150),
    "tweets": Set("tweets", 999, 333),
}

# Measures


def measure(data, representation, cache):
    """Accuracies of the probes, and all scores, of one representation."""
    folder, one = Path(cache) / data, SETS[data]
    y = zoo.read_labels(folder)
    with np.load(folder / f"{representation}.npz") as file:
        Z, found = file["Z"], {"family": str(file["family"])}
    found |= scores.probe_accuracies(Z, y, one.n_measured)
    rows = balanced(y[: one.n_measured], one.per_class)
    Z, y = Z[rows], y[rows]
    for name in OTHERS:
        found[name] = scores.SCORES[name](Z, y)
    kept = settings.Representation(Z)
    for setting in settings.mutual_info_settings():
        _put(found, setting.name, settings.mutual_info(kept, setting, y))
    kept = local_kernels.Representation(Z)
    for kernel, k, scale, t in gibbs_settings():
        affinity = kept.affinity(kernel, k, scale)
        name = kernel_name(kernel, k, scale, t)
        _put(found, name, local_kernels.mutual_info(affinity, t, y))
    return found


def _put(found, name, values):
    """Keep DSMI in bits and as a share."""
    bits, share = values
    found[f"DSMI(Z;Y) {name}"] = float(bits)
    found[f"DSMI(Z;Y) {name} (share)"] = float(share)


def gibbs_settings():
    """Settings of local_kernels.py that settings.py has not."""
    return [one for one in local_kernels.settings() if one[0].startswith("Gibbs")]


def kernel_name(kernel, k, scale, t):
    """Name of a setting of local_kernels.py, as its summary writes it."""
    words = [f"k={k}", f"×{scale:g}" if scale != 1 else "", f"t={t:g}"]
    return " ".join([kernel, *filter(None, words)])


def measure_sets(names, cache, results):
    """Measure sets, as far as the cache has them, and write their scores."""
    for data in names:
        folder = cache / data
        if not (folder / "complete").exists():
            continue
        cases = [
            {"data": data, "representation": title}
            for _, title, _ in zoo.read_zoo(folder)
        ]
        of = partial(measure, cache=cache)
        table = run_cases(cache / f"scores_{data}.csv", cases, of)
        path = results / f"scores_{data}.csv"
        table.drop(columns="data").to_csv(path, index=False, float_format="%.4g")


# Correlations


def read(results):
    """Scores of each set that has some."""
    paths = {data: results / f"scores_{data}.csv" for data in SETS}
    missing = [data for data, path in paths.items() if not path.exists()]
    if missing:
        print(f"left out, without scores: {', '.join(missing)}", file=sys.stderr)
    return {
        data: pd.read_csv(path) for data, path in paths.items() if data not in missing
    }


def correlations(table, names):
    """Pearson and Spearman correlation of columns with the accuracy, as two rows.

    A score that does not differ has the correlation 0: it tells nothing.
    """
    values = table[[PROBE, *names]].to_numpy()
    return np.array([_to_first(values), _to_first(rankdata(values, axis=0))])


def _to_first(values):
    """Pearson correlation of the first column with each other one."""
    values = values - values.mean(axis=0)
    norms = np.linalg.norm(values, axis=0)
    products = values[:, 0] @ values[:, 1:]
    norms = norms[0] * norms[1:]
    return np.divide(products, norms, out=np.zeros_like(norms), where=norms > 0)


def score_names(tables):
    """Scores that any set has: DSMI, others, and the accuracy of the other probe."""
    names = dict.fromkeys(name for table in tables.values() for name in table)
    kept = [one for one in names if one.startswith("DSMI(Z;Y)")]
    return [*kept, *OTHERS, "neighbors accuracy"]


def all_correlations(tables, results):
    """Table of scores by correlations on each set, those of local_kernels.py too."""
    names = score_names(tables)
    summary = pd.read_csv(results / "local_kernels_summary.csv")
    columns = {}
    for data, table in tables.items():
        title = SETS[data].title
        known = [name for name in names if name in table]
        found = pd.DataFrame(correlations(table, known), KINDS, known).T
        if not SETS[data].n_measured:
            found = pd.concat([found, _of_kernels(summary, title)])
        for kind in KINDS:
            columns[f"{title} {kind}"] = found[kind]
    return pd.DataFrame(columns)


def _of_kernels(summary, title):
    """Correlations that local_kernels.py wrote, on most of the set."""
    rows = {}
    gibbs = summary[summary["Kernel"].str.startswith("Gibbs")]
    for row in gibbs.to_dict("records"):
        for unit, end in (("bits", ""), ("share", " (share)")):
            name = f"DSMI(Z;Y) {row['Kernel']} {row['Setting']}{end}"
            cell = row[f"{title}, {unit}"].split(" / ")
            rows[name] = dict(zip(KINDS, map(float, cell), strict=True))
    return pd.DataFrame(rows).T


def with_worst(table):
    """The same with the smallest correlation, where it is, and the mean; best first."""
    whole = table.notna().all(axis=1)
    worst = pd.DataFrame(
        {
            "worst": table.min(axis=1).where(whole),
            "where": table[whole].idxmin(axis=1),
            "mean": table.mean(axis=1).where(whole),
        }
    )
    table = worst.join(table).sort_values("worst", ascending=False, kind="stable")
    return table.rename_axis("score")


def gains(tables, names):
    """95 % bootstrap intervals of the worst correlation less the default's.

    Representations are drawn anew within each set. Of scores that all sets have.
    """
    names = [one for one in names if all(one in table for table in tables.values())]
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(N_RESAMPLES):
        worst = [
            correlations(
                table.iloc[rng.integers(len(table), size=len(table))], names
            ).min(axis=0)
            for table in tables.values()
        ]
        draws.append(np.min(worst, axis=0))
    draws = np.array(draws)
    low, high = np.percentile(
        draws - draws[:, [names.index(CHOSEN)]], [2.5, 97.5], axis=0
    )
    return pd.DataFrame({"gain from": low, "gain to": high}, names)


def left_out(table):
    """What is chosen by all sets but one, and how it and the default do on that one.

    Of each, the smaller one of both correlations.
    """
    dsmi = table[table.index.str.startswith("DSMI(Z;Y)")].dropna()
    rows = {}
    for one in SETS.values():
        own = [f"{one.title} {kind}" for kind in KINDS]
        if own[0] in dsmi:
            chosen = dsmi.drop(columns=own).min(axis=1).idxmax()
            rows[one.title] = {
                "chosen by the others": chosen.removeprefix("DSMI(Z;Y) "),
                "chosen": dsmi.loc[chosen, own].min(),
                "default": dsmi.loc[CHOSEN, own].min(),
                "best there": dsmi[own].min(axis=1).max(),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("set left out")


def described(tables):
    """Number of representations of each set, and the accuracies that probes reach."""
    rows = {
        SETS[data].title: {
            "representations": len(table),
            **table[PROBE].quantile([0, 0.25, 0.5, 0.75, 1]).set_axis(QUARTILES),
        }
        for data, table in tables.items()
    }
    return pd.DataFrame(rows).T.rename_axis("set")


def choice(table, n_best=20):
    """The best settings by the worst set, the default, and some to compare with."""
    is_dsmi = table.index.str.startswith("DSMI(Z;Y)")
    best = list(table.index[is_dsmi])[:n_best]
    rules = (DEFAULT, "adaptive k=5", "knn k=5", "median ×0.5", "median", "slope")
    rules += ("Gibbs, p = 8 k=5 t=1", "number ×10", "sqrt_d")
    named = [f"DSMI(Z;Y) {rule}{end}" for rule in rules for end in ("", " (share)")]
    named += [*OTHERS, "neighbors accuracy"]
    return table.loc[[*best, *(one for one in named if one not in best)]]


def main():
    """Measure, correlate and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    later = [data for data, one in SETS.items() if one.n_measured]
    parser.add_argument("sets", nargs="*", default=later, help="sets to measure")
    parser.add_argument("--cache", type=Path, help="folder of the later sets")
    parser.add_argument("--results", type=Path, required=True, help="of the tables")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", "Every sample sees")
    if options.cache:
        measure_sets(options.sets, options.cache, options.results)
    write(read(options.results), options.results)


def write(tables, results):
    """Write all tables."""
    about = described(tables).astype({"representations": int})
    about.to_csv(results / "worst_of_sets_sets.csv", float_format="%.2f")
    found = all_correlations(tables, results)
    left_out(found).to_csv(results / "worst_of_sets_left_out.csv", float_format="%.2f")
    table = with_worst(found)
    table = table.join(gains(tables, list(table.index)))
    table.to_csv(results / "worst_of_sets.csv", float_format="%.3f")
    best = choice(table)
    best.index = best.index.str.removeprefix("DSMI(Z;Y) ")
    best.to_csv(results / "worst_of_sets_best.csv", float_format="%.2f")
    print(best.iloc[:5].T)


if __name__ == "__main__":
    main()
