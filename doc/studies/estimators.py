"""DSMI against other estimators of mutual information, on blobs and trees.

Three blobs, and trees of five branches; labels permuted in 11 steps; from 20 to 20,000
dimensions, three noises (trees: 0.1); the paper's σ = √d and the default. Then the run
time up to 500,000 dimensions. KSG and MINE, which take most of the time, see the noise
0.1 and three shares alone.

    python doc/studies/estimators.py
"""

import itertools
import sys
import time

import common
import mutual_info_methods as methods
import numpy as np
import pandas as pd
from scipy.stats import entropy, pearsonr, spearmanr
from sklearn.datasets import make_blobs

from skdse.datasets import corrupt_labels, make_tree

N_SAMPLES, N_TIMED = 1500, 500
DIMENSIONS = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
TIMED = (1000, 10_000, 100_000, 500_000)
CORRUPTIONS = np.linspace(0, 1, 11)
N_GROUPS = {"blobs": 3, "tree": 5}
NOISES = (0.01, 0.1, 0.5)
# At other dimensions only DSMI sees all corruptions; the others see clean labels.
ALL_CORRUPTIONS_AT = (20, 100)
EVERYWHERE = ("DSMI, default", "DSMI, paper's σ")
# Largest dimensions at which a slow method finishes in some minutes.
LARGEST = {("blobs", "KSG"): 1000, ("blobs", "MINE"): 5000}
LARGEST |= {("tree", "KSG"): 100, ("tree", "MINE"): 100}
LARGEST_TIMED = {"KSG": 100_000, "MINE": 500_000}
SLOW_CORRUPTIONS = (0.0, 0.5, 1.0)
TIMED_STEPS = 10  # of MINE, and the time is scaled up


def make_data(kind, d, noise, n_samples, repeat=0):
    """Blobs or a tree in d dimensions, float32."""
    seed = common.seed_of(kind, d, repeat)
    if kind == "tree":
        X, y = make_tree(n_samples, N_GROUPS[kind], n_features=d, random_state=seed)
    else:
        X, y = make_blobs(n_samples, d, centers=N_GROUPS[kind], random_state=seed)
    X = X.astype(np.float32)
    rng = np.random.default_rng(seed)
    X += np.float32(noise) * rng.uniform(-1, 1, size=X.shape).astype(np.float32)
    return X, y


def isometric(X):
    """Return the same samples in as many dimensions as there are samples.

    Methods that see distances alone need no more, and not many times.
    """
    n, d = X.shape
    if d <= n:
        return X.astype(float)
    X = X.astype(float)
    X -= X.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh(X @ X.T)
    return vectors * np.sqrt(np.clip(eigenvalues, 0, None))


def measure(kind, noise, d, n_samples=N_SAMPLES, corruptions=CORRUPTIONS):
    """Rows of the methods on one data set, at the corruptions that each sees."""
    X, y = make_data(kind, d, noise, n_samples)
    Z = isometric(X)
    rows = []
    for corruption in corruptions:
        labels = corrupt_labels(y, corruption, random_state=0)
        everything = corruption == 0 or d in ALL_CORRUPTIONS_AT
        found = methods.methods(np.sqrt(d))
        if noise == 0.1 and everything and corruption in SLOW_CORRUPTIONS:
            slow = methods.SLOW.items()
            found |= {name: f for name, f in slow if d <= LARGEST[kind, name]}
        for name, function in found.items():
            if not everything and name not in EVERYWHERE:
                continue
            by_distance = name.startswith(("DSMI", "matrix", "adjacency"))
            value = function(Z if by_distance else X, labels, 0)
            rows.append(
                {"corruption": corruption, "method": name, "mutual_info": value}
            )
    return rows


def measure_time(d, n_samples=N_TIMED):
    """Seconds of processor time of each method on blobs in d dimensions."""
    X, y = make_data("blobs", d, 0.1, n_samples)
    found = methods.methods(np.sqrt(d))
    names = ("DSMI, default", "DSMI, paper's σ", "Shannon, 5 bins")
    found = {name: found[name] for name in names} | methods.SLOW
    rows = []
    for name, function in found.items():
        if d > LARGEST_TIMED.get(name, np.inf):
            continue
        more, factor = (), 1
        if name == "MINE":
            more, factor = (TIMED_STEPS,), methods.MINE_STEPS / TIMED_STEPS
        function(X[:, :2], y, 0, *more)  # imports what it needs
        start = time.process_time()
        function(X, y, 0, *more)
        seconds = factor * (time.process_time() - start)
        rows.append({"method": name, "seconds": seconds})
        print(f"d = {d}: {name} {seconds:.1f} s", file=sys.stderr, flush=True)
    return rows


# What was found


def correlations(table):
    """Correlations of each method with 1 - corruption."""
    rows = []
    for keys, part in table.groupby(["kind", "method", "noise", "d"]):
        if part["corruption"].nunique() < 3:
            continue
        found = {"pearson": 0.0, "spearman": 0.0}
        if np.ptp(part["mutual_info"]) > 1e-6:
            right = 1 - part["corruption"]
            found["pearson"] = pearsonr(right, part["mutual_info"]).statistic
            found["spearman"] = spearmanr(right, part["mutual_info"]).statistic
        row = dict(zip(("kind", "method", "noise", "d"), keys, strict=True))
        rows.append({**row, **found})
    return pd.DataFrame(rows)


def exact_correlation(n_groups):
    """Pearson correlation that the exact mutual information has with 1 - corruption.

    Of separable groups with a share c of the labels permuted, one label is seen with
    probability 1 - c + c / k, each other one with c / k.
    """
    wrong = np.array(CORRUPTIONS) / n_groups
    seen = np.column_stack(
        [1 - np.array(CORRUPTIONS) + wrong] + [wrong] * (n_groups - 1)
    )
    information = np.log2(n_groups) - entropy(seen, base=2, axis=1)
    return pearsonr(1 - np.array(CORRUPTIONS), information).statistic


def judge(table, options):
    """Write the findings on corruption and on dimension."""
    found = correlations(table)
    results = options.out / "results"
    found.round(4).to_csv(results / "estimators_correlations.csv", index=False)
    kinds = found.groupby(["kind", "method"])[["spearman", "pearson"]].min()
    worst = kinds.unstack("kind")
    worst.columns = [f"{kind}, {name.title()}" for name, kind in worst.columns]
    exact = {
        f"{kind}, Pearson": exact_correlation(k)
        for kind, k in N_GROUPS.items()
        if f"{kind}, Pearson" in worst
    }
    exact |= {f"{kind}, Spearman": 1.0 for kind in N_GROUPS}
    worst.loc["exact, of separable groups"] = pd.Series(exact)
    worst.round(3).to_csv(results / "estimators_worst.csv")
    ranks, blobs = (kinds[name].loc["blobs"] for name in ("spearman", "pearson"))
    dsmi = ranks.filter(like="DSMI")
    dimensions = sorted(found["d"].unique())
    common.write_finding(
        options.out,
        "DSMI follows corruption (blobs)",
        f"3 blobs, n = {N_SAMPLES}, d = {dimensions[0]:,} … {dimensions[-1]:,}, "
        "11 shares, 3 noises",
        "DSMI falls with label corruption where others see nothing (here: a rank "
        "correlation of 0.98 with 1 - corruption)",
        "smallest Spearman / Pearson correlation with 1 - corruption over d and noise: "
        + "; ".join(f"{n} {v:.3f} / {blobs[n]:.3f}" for n, v in dsmi.items())
        + f"; exact, of separable groups, 1 / {exact_correlation(3):.3f}. "
        + "At d = 20 and 100, Pearson: "
        + "; ".join(f"{n} {v:.2f}" for n, v in blobs.drop(dsmi.index).items()),
        "confirmed" if dsmi.min() >= 0.98 else "not confirmed for all settings",
    )
    judge_dimension(table, options)


def judge_dimension(table, options):
    """Write the finding on what is left in many dimensions, and its table."""
    clean = table[(table["corruption"] == 0) & (table["noise"] == 0.1)]
    wide = clean.pivot(index=["kind", "method"], columns="d", values="mutual_info")
    wide.round(3).to_csv(
        options.out / "results" / "estimators_dimension.csv", na_rep="not run"
    )
    blobs = wide.loc["blobs"]
    last = blobs.columns[-1]
    kept = blobs.filter(like="DSMI", axis=0)
    shannon = blobs.filter(like="Shannon", axis=0).abs().to_numpy().max()
    rest = {"KSG": 50, "MINE": max(clean["d"][clean["method"] == "MINE"])}
    text = "; ".join(
        f"{name} {row.iloc[0]:.2f}, {row[last]:.2f} at {last:,}"
        for name, row in kept.iterrows()
    )
    for name, d in rest.items():
        if name in blobs.index and d in blobs.columns:
            text += f"; {name} {blobs.loc[name].iloc[0]:.2f}, {blobs.loc[name, d]:.2f} "
            text += f"at {d:,}"
    common.write_finding(
        options.out,
        "DSMI survives dimension",
        f"3 blobs, n = {N_SAMPLES}, noise 0.1, clean labels (log2 3 = 1.58 bits)",
        "from d = 20 to 20,000 DSMI keeps 0.58 of 1.3 bits; Shannon is 0, KSG 0 from "
        "d = 50, MINE 0.04 at 20,000",
        f"bits from d = {blobs.columns[0]}: {text}; Shannon at most {shannon:.3f}",
        "confirmed" if kept[last].min() > 0.3 else "not confirmed",
    )


def judge_times(times, options):
    """Write the finding on run time."""
    wide = times.pivot(index="method", columns="d", values="seconds")
    wide.round(1).to_csv(
        options.out / "results" / "estimators_seconds.csv", na_rep="not run"
    )
    last = wide.columns[-1]
    fastest = wide[last].drop("Shannon, 5 bins").idxmin()
    common.write_finding(
        options.out,
        "DSMI is fast",
        f"3 blobs, n = {N_TIMED}, processor seconds of one thread",
        "at d = 500,000 DSMI takes 300 s, binning and MINE 900 to 1,300, KSG 3,600",
        f"at d = {last:,}: "
        + "; ".join(f"{name} {s:.0f} s" for name, s in wide[last].dropna().items()),
        "confirmed" if fastest.startswith("DSMI") else "not confirmed",
    )


def draw(table, path):
    """Mutual information against corruption at d = 20, and against dimension."""
    import matplotlib.pyplot as plt

    shown = [
        "DSMI, default",
        "DSMI, paper's σ",
        "Shannon, 5 bins",
        "adjacency, gaussian",
        "adjacency, nearest neighbors",
        "KSG",
        "MINE",
    ]
    kinds = list(dict.fromkeys(table["kind"]))
    figure, axes = plt.subplots(
        len(kinds),
        3,
        figsize=(10, 3.3 * len(kinds)),
        squeeze=False,
        layout="constrained",
    )
    table = table[table["noise"] == 0.1]
    for row, kind in zip(axes, kinds, strict=True):
        part = table[table["kind"] == kind]
        for i, name in enumerate(shown):
            one = part[part["method"] == name]
            for ax, d in zip(row, ALL_CORRUPTIONS_AT, strict=False):
                curve = one[one["d"] == d].sort_values("corruption")
                ax.plot(curve["corruption"], curve["mutual_info"], ".-", color=f"C{i}")
                ax.set(title=f"{kind}, d = {d}", xlabel="share of labels permuted")
            clean = one[one["corruption"] == 0].sort_values("d")
            row[2].plot(
                clean["d"], clean["mutual_info"], ".-", color=f"C{i}", label=name
            )
        row[2].set(xscale="log", title=f"{kind}, clean labels", xlabel="dimension d")
        row[0].set_ylabel("mutual information (bits)")
    handles, labels = axes[0, 2].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=9)
    figure.savefig(path, dpi=110)


def main():
    """Measure, time, draw, judge."""
    options = common.parse(common.parser(__doc__))
    dimensions, timed, noises, params = DIMENSIONS, TIMED, NOISES, {}
    if options.quick:
        dimensions, timed, noises = (20, 50), (100,), (0.1,)
        params = {"n_samples": 150, "corruptions": CORRUPTIONS[::5]}
        methods.MINE_STEPS = 20
    cases = [
        {"kind": kind, "noise": noise, "d": d}
        for kind, d, noise in itertools.product(("blobs", "tree"), dimensions, noises)
        if kind == "blobs" or noise == 0.1
    ]
    results = options.out / "results"
    table = common.run_cases(
        results / "estimators.csv", cases, lambda **case: measure(**case, **params)
    )
    judge(table, options)
    draw(table, options.out / "figures" / "estimators.png")
    times = common.run_cases(
        results / "estimators_times.csv",
        [{"d": d} for d in timed],
        lambda d: measure_time(d, 100 if options.quick else N_TIMED),
    )
    judge_times(times, options)


if __name__ == "__main__":
    main()
