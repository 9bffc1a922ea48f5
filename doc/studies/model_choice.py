"""Which settings of DSMI and DSE rank representations as probes do.

Reads the zoo that zoo.py wrote (and makes it where there is none), measures every
representation with every setting and every competing score, and writes the scores and
their correlations with probe accuracies.

    python doc/studies/model_choice.py --cache CACHE --data-home DIR --out OUT
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import scores
import settings
import zoo
from scipy.stats import kendalltau, pearsonr, spearmanr, weightedtau
from sklearn.exceptions import ConvergenceWarning

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
)

DATASETS = ("mnist", "cifar10")
# Samples of each class that the scores see, and that DSE sees: the accuracies are
# those of all measured images.
PER_CLASS, PER_CLASS_ENTROPY = 100, 60
BASELINES = {
    "CSMI": ShannonEntropy(),
    "DMEE-MI": MatrixEntryEntropy(),
    "ASMI": AdjacencySpectralEntropy(),
}
TIMED = {
    "DSMI sqeuclidean, timed": DiffusionSpectralEntropy(
        bandwidth="adaptive", metric="sqeuclidean"
    ),
}


def main():
    """Measure, correlate and write."""
    options = _parser().parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", "Every sample sees")
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for name in options.datasets:
        folder = Path(options.cache) / name
        if not (folder / "complete").exists():
            images = zoo.load_images(name, options.data_home)
            zoo.make_zoo(images, folder, options.quick)
        table = measure_zoo(name, folder, options)
        table.to_csv(out / f"scores_{name}.csv", index=False, float_format="%.4g")
        correlate(table).to_csv(out / f"correlations_{name}.csv", float_format="%.4f")


def _parser():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("datasets", nargs="*", default=DATASETS)
    parser.add_argument("--cache", required=True, help="folder for zoo and scores")
    parser.add_argument("--data-home", help="folder with NAME.npz, else OpenML's")
    parser.add_argument("--out", required=True, help="folder for the tables")
    parser.add_argument("--quick", action="store_true", help="a few representations")
    return parser


def measure_zoo(name, folder, options):
    """Table of all scores, a row for each representation; continued from the cache."""
    y = zoo.read_labels(folder)
    n = zoo.PER_CLASS * 10
    kept = Path(options.cache) / f"scores_{name}"
    kept.mkdir(exist_ok=True)
    groups = _image_groups(name, kept, n, options)
    rows = []
    for family, title, Z in zoo.read_zoo(folder):
        path = kept / f"{title}.json"
        start = time.perf_counter()
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        found = measure(Z, y, n, groups, dict(known))
        if found.keys() != known.keys():
            path.write_text(json.dumps(found), encoding="utf-8")
            seconds = time.perf_counter() - start
            print(f"{seconds:5.1f} s {name}: {title}", file=sys.stderr, flush=True)
        rows.append({"representation": title, "family": family} | found)
    return pd.DataFrame(rows)


def _image_groups(name, kept, n_measured, options):
    """Groups of the measured images themselves, for DSMI(Z;X)."""
    path = kept / "groups.npy"
    if not path.exists():
        X = zoo.load_images(name, options.data_home).test[:n_measured]
        X = X.reshape(len(X), -1)
        dsmi = DiffusionSpectralMI(target="continuous", random_state=0)
        np.save(path, dsmi.fit(X, X).labels_)
    return np.load(path)


def measure(Z, y, n, groups, found):
    """Accuracies of probes and scores of one representation, beyond those found."""
    if "linear accuracy" not in found:
        found |= scores.probe_accuracies(Z, y, n)
    rows = balanced(y[:n], PER_CLASS)
    Z, y, groups = Z[rows], y[rows], groups[rows]
    representation = settings.Representation(Z)
    for setting in settings.mutual_info_settings():
        _put(found, f"DSMI(Z;Y) {setting.name}", representation, setting, y)
    for setting in settings.input_settings():
        _put(found, f"DSMI(Z;X) {setting.name}", representation, setting, groups)
    few = settings.Representation(Z[balanced(y, PER_CLASS_ENTROPY)])
    for setting in settings.entropy_settings():
        _put_entropy(found, f"DSE {setting.name}", few, setting)
    _put_competitors(found, Z, y)
    return found


def balanced(y, per_class):
    """Rows of the first samples of each class."""
    return np.sort(
        np.concatenate(
            [np.flatnonzero(y == label)[:per_class] for label in np.unique(y)]
        )
    )


def _put(found, name, representation, setting, y):
    """Measure DSMI, plain and as a share, unless found."""
    if name not in found:
        plain, share = settings.mutual_info(representation, setting, y)
        found[name], found[f"{name} (share)"] = float(plain), float(share)


def _put_entropy(found, name, representation, setting):
    """Measure DSE at several times, unless found."""
    if name not in found:
        for t, value in settings.entropy(representation, setting).items():
            found[name + (f" t={t}" if t != 1 else "")] = float(value)


def _put_competitors(found, Z, y):
    """Other scores and times, and times of DSMI from scratch, unless found."""
    for name, score in scores.SCORES.items():
        if name not in found:
            found[name], found[f"{name} seconds"] = _timed(score, Z, y)
    for name, estimator in (BASELINES | TIMED).items():
        if name not in found:
            dsmi = DiffusionSpectralMI(estimator, random_state=0, n_jobs=1)
            fitted, found[f"{name} seconds"] = _timed(dsmi.fit, Z, y)
            found[name] = fitted.mutual_info_


def _timed(function, *args):
    start = time.perf_counter()
    result = function(*args)
    return result, time.perf_counter() - start


# Correlations


def correlate(table):
    """Correlation of every score with the accuracies of both probes."""
    values = table.select_dtypes("number")
    names = [one for one in values if not one.endswith(("seconds", "linear accuracy"))]
    rows = {}
    for name in names:
        rows[name] = {
            f"{probe} {kind}": value
            for probe in ("linear", "neighbors")
            for kind, value in agreement(
                values[name], values[f"{probe} accuracy"]
            ).items()
        }
    return pd.DataFrame(rows).T.rename_axis("score")


def agreement(score, accuracy):
    """Pearson, Spearman, Kendall and weighted Kendall correlation."""
    if np.ptp(score) == 0 or not np.isfinite(score).all():
        return dict.fromkeys(("Pearson", "Spearman", "Kendall", "weighted τ"), np.nan)
    return {
        "Pearson": pearsonr(score, accuracy).statistic,
        "Spearman": spearmanr(score, accuracy).statistic,
        "Kendall": kendalltau(score, accuracy).statistic,
        "weighted τ": weightedtau(score, accuracy).statistic,
    }


if __name__ == "__main__":
    main()
