"""Which settings of DSE follow intrinsic dimension.

Toy data of the paper (uniform or normal in the first d of 2048 coordinates, noise in
all), and spheres, tori and swiss rolls under random nonlinear maps; each after a random
change of global scale.

    python doc/studies/intrinsic_dimension.py --cache CACHE --out OUT

With --confirm, the few settings that were chosen between, on data drawn anew.
"""

import argparse
import json
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import settings
from scipy.stats import spearmanr
from settings import Setting

AMBIENT = 2048
HIGH = (51, 102, 205, 410, 614, 819, 1024, 1434, 1843, 2048)
LOW = (1, 2, 4, 8, 16, 32, 64)
NOISES = (0.01, 0.1, 0.5)
REPEATS = 3
MANIFOLDS = {
    "sphere": (1, 2, 3, 4, 6, 8, 12, 16),
    "torus": (1, 2, 3, 4, 6, 8),
    "swiss roll": (2, 3, 4, 6, 8),
}
SIZES = (500, 2000)
TIMES = (1, 2, 3, 5)
SLOPE = "max slope of log ΣG"


def chosen_rules():
    """Settings that are measured again on data drawn anew."""
    median = Setting("median")
    return [
        *(median, *(replace(median, metric=metric) for metric in settings.REDUCED)),
        Setting("adaptive", 5),
    ]


def rules(n=0):
    """Settings of DSE to compare; of many samples fewer."""
    medians = [Setting("median", scale=scale) for scale in (0.25, 0.5, 1.0, 2.0)]
    local = [
        Setting(rule, 5, scale)
        for rule in ("knn", "adaptive")
        for scale in (0.5, 1.0, 2.0)
    ]
    sharp = [
        replace(rule, metric="sqeuclidean")
        for rule in (medians[1], medians[2], *local[:3], local[4])
    ]
    others = [Setting("knn", 15), Setting("adaptive", 15), Setting("slope")]
    reduced = [
        replace(rule, metric=metric)
        for metric in settings.REDUCED
        for rule in (medians[2], local[1], local[4], Setting("adaptive", 15))
    ]
    numbers = [Setting("number", scale=10.0), Setting("sqrt_d")]
    if n > 1000:
        return [*medians[1:], *local, sharp[-1], *reduced, others[-1], *numbers]
    main = [medians[2], local[1], local[4], Setting("slope")]
    varied = [replace(rule, alpha=alpha) for alpha in (0.0, 1.0) for rule in main]
    return [*medians, *local, *sharp, *others, *reduced, *numbers, *varied]


# Data


def data_sets(quick, first=0):
    """Yield (grid, kind, noise, n, d, repeat): all that make_data needs."""
    for repeat in range(first, first + (1 if quick else REPEATS)):
        for kind in ("uniform", "normal"):
            for noise in NOISES:
                for grid, dimensions in (("high", HIGH), ("low", LOW)):
                    for d in dimensions:
                        yield grid, kind, noise, 100 if quick else 500, d, repeat
        for n in SIZES[:1] if quick or repeat > first else SIZES:
            for kind, dimensions in MANIFOLDS.items():
                for d in dimensions:
                    yield "manifolds", kind, 0.0, n, d, repeat


def make_data(grid, kind, noise, n, d, repeat):
    """Make X of intrinsic dimension d, of a random global scale."""
    seed = [repeat, d, n, round(100 * noise), len(grid), len(kind)]
    rng = np.random.default_rng(seed)
    if grid == "manifolds":
        X = random_map(MAKERS[kind](n, d, rng), rng)
    else:
        X = np.full((n, AMBIENT), rng.uniform(-1, 1))
        draw = rng.normal if kind == "normal" else lambda size: rng.uniform(-1, 1, size)
        X[:, :d] = draw(size=(n, d))
        X += noise * rng.uniform(-1, 1, size=X.shape)
    return X * 10 ** rng.uniform(-3, 3)


def sphere(n, d, rng):
    """Uniform on the sphere of dimension d."""
    X = rng.normal(size=(n, d + 1))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def torus(n, d, rng):
    """Uniform on the flat torus: d circles."""
    angles = rng.uniform(0, 2 * np.pi, size=(n, d))
    return np.hstack([np.cos(angles), np.sin(angles)])


def swiss_roll(n, d, rng):
    """A spiral times a cube of dimension d - 1."""
    angle = 1.5 * np.pi * (1 + 2 * rng.uniform(size=(n, 1)))
    spiral = np.hstack([np.cos(angle), np.sin(angle)]) * angle / (4.5 * np.pi)
    return np.hstack([spiral, rng.uniform(-1, 1, size=(n, d - 1))])


MAKERS = {"sphere": sphere, "torus": torus, "swiss roll": swiss_roll}


def random_map(X, rng, width=200, n_features=100):
    """Smooth random map: a layer of tanh between two random matrices."""
    weights = rng.normal(size=(X.shape[1], width))
    hidden = np.tanh(X @ weights + rng.uniform(-1, 1, size=width))
    return hidden @ rng.normal(size=(width, n_features)) / width**0.5


# Measures


def measure(X, found, confirm=False):
    """DSE of X for every rule and time, and the dimension that log ΣG shows."""
    representation = settings.Representation(X)
    for rule in chosen_rules() if confirm else rules(len(X)):
        if rule.name not in found:
            for t, value in settings.entropy(representation, rule, TIMES).items():
                found[rule.name + (f" t={t}" if t != 1 else "")] = float(value)
    if SLOPE not in found and not confirm:
        distances = representation.distances(Setting("median"))
        median = 2 * distances.rule("median", 0)
        found[SLOPE] = float(settings.steepest_width(distances.D, median)[1])
    return found


def measure_all(cache, quick, confirm):
    """Table of all measures, continued from the cache."""
    name = f"intrinsic_dimension{'_fresh' * confirm}{'_quick' * quick}.jsonl"
    path = Path(cache) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    known = {tuple(row.pop("data")): row for row in map(json.loads, lines)}
    rows = []
    with path.open("a", encoding="utf-8") as file:
        for data in data_sets(quick, first=REPEATS if confirm else 0):
            start = time.perf_counter()
            before = known.get(data, {})
            found = measure(make_data(*data), dict(before), confirm)
            rows.append({"data": data, **found})
            if len(rows[-1]) > len(before) + 1:
                file.write(json.dumps(rows[-1]) + "\n")
                file.flush()
                seconds = time.perf_counter() - start
                print(f"{seconds:5.1f} s {data}", file=sys.stderr, flush=True)
    table = _as_table(rows)
    return table if confirm else _with_ranges(table)


def _as_table(rows):
    """Columns for the data and for each measure."""
    names = ("grid", "kind", "noise", "n", "d", "repeat")
    return pd.DataFrame(
        [
            dict(zip(names, row["data"], strict=True))
            | {key: value for key, value in row.items() if key != "data"}
            for row in rows
        ]
    )


def _with_ranges(table):
    """Add what is read over a range of σ: means, and slopes in bits per octave."""
    for rule in ("median", "knn k=5", "adaptive k=5"):
        half, whole, twice = (table[rule + scale] for scale in (" ×0.5", "", " ×2"))
        table[f"{rule} mean over σ"] = (half + whole + twice) / 3
        table[f"{rule} slope over σ"] = (half - twice) / 2
    for rule in ("median", "knn k=5", "adaptive k=5"):
        early, late = table[rule], table[f"{rule} t=3"]
        table[f"{rule} drop over t"] = early - late
    return table


def rank_correlations(table):
    """Spearman correlation with d, for each setting, over each kind of data.

    Over repetitions and dimensions; the weaker one of uniform and normal data; over
    all manifolds together.
    """
    found = {}
    for (grid, noise, n), part in table.groupby(["grid", "noise", "n"]):
        title, kinds = f"{grid}, n={n}", [part]
        if grid != "manifolds":
            title = f"{grid}, noise {noise:g}"
            kinds = [one for _, one in part.groupby("kind")]
        found[title] = {
            name: _weakest([_rank_correlation(one[name], one["d"]) for one in kinds])
            for name in table.columns[6:]
        }
    return pd.DataFrame(found).rename_axis("DSE")


def _rank_correlation(values, d):
    """Spearman correlation; 0 for what does not change, NaN for what is not known."""
    if values.isna().any():
        return np.nan
    return spearmanr(values, d).statistic if np.ptp(values) > 0 else 0.0


def _weakest(correlations):
    """Weaker one of correlations that agree in sign, else the mean."""
    signs = np.sign(correlations)
    agree = signs.min() == signs.max()
    return min(correlations, key=abs) if agree else np.mean(correlations)


def main():
    """Measure, correlate and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cache", required=True, help="folder for what was measured")
    parser.add_argument("--out", required=True, help="folder for the tables")
    parser.add_argument("--quick", action="store_true", help="small data")
    parser.add_argument("--confirm", action="store_true", help="data drawn anew")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "Every sample sees")
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    table = measure_all(options.cache, options.quick, options.confirm)
    name = "intrinsic_dimension" + "_fresh" * options.confirm
    table.to_csv(out / f"{name}.csv", index=False, float_format="%.5g")
    correlations = rank_correlations(table)
    correlations.to_csv(out / f"{name}_correlations.csv", float_format="%.3f")
    if options.confirm:
        at_1 = [one for one in correlations.index if " t=" not in one]
        correlations.loc[at_1].to_csv(out / "dimension_fresh.csv", float_format="%.3f")


if __name__ == "__main__":
    main()
