"""Entropy against intrinsic dimension, at three noises.

The paper's toy data: uniform or normal in the first d of 2048 coordinates, constant in
the others, noise of level × U(-1, 1) in all, 500 samples. DSE with the paper's σ of 10
(α = 1/2 as it is defined, α = 0 as the authors compute it), by default and with reduced
distances; Shannon and matrix-entry entropy beside it. Then α I + (1 - α) SPD.

    python doc/studies/toy_entropy.py
"""

import itertools
import warnings
from functools import partial

import common
import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.datasets import make_spd_matrix

from skdse import DiffusionSpectralEntropy, MatrixEntryEntropy, ShannonEntropy
from skdse.datasets import make_manifold

AMBIENT, N_SAMPLES = 2048, 500
DIMENSIONS = np.linspace(102, 2048, 20).round().astype(int)
NOISES = (0.0, 0.01, 0.1, 0.5)
TIMES = (1, 2, 3, 5)
KINDS = ("uniform", "normal")
SETTINGS = {
    "DSE, default": {},
    "DSE, reduced": {"bandwidth": "reduced"},
    "DSE, σ = 10": {"bandwidth": 10.0},
    "DSE, σ = 10, α = 0": {"bandwidth": 10.0, "alpha": 0.0},
}
OTHERS = {
    "Shannon": ShannonEntropy(),
    "matrix entries, default": MatrixEntryEntropy(),
    "matrix entries, σ = 10": MatrixEntryEntropy(bandwidth=10.0),
}
# Smallest rank correlation with d that counts as following it, by noise.
FOLLOWS = pd.Series({0.01: 0.95, 0.1: 0.95, 0.5: 0.85})
STYLES = {"DSE, σ = 10, α = 0": "--", "Shannon": ":"}
SPD_SIZES, SPD_ALPHAS = (64, 128, 256, 512, 1024, 2048), np.linspace(0, 1, 20)


def measure(kind, noise, d, repeat, n_samples=N_SAMPLES):
    """Rows of all entropies of one data set; the noise is added to the same data."""
    X = make_manifold(
        kind,
        n_samples,
        intrinsic_dim=d,
        n_features=AMBIENT,
        noise=noise,
        random_state=common.seed_of(kind, d, repeat),
    )
    rows = []
    for name, params in SETTINGS.items():
        dse = DiffusionSpectralEntropy(**params, random_state=0)
        with warnings.catch_warnings():
            # That σ = 10 sees single samples is a result: see saturation().
            warnings.filterwarnings("ignore", "Every sample sees only itself")
            dse.fit(X)
        curve = dse.entropy_curve(TIMES)
        rows += [
            {"measure": name, "t": t, "entropy": value, "sigma": dse.bandwidth_}
            for t, value in zip(TIMES, curve, strict=True)
        ]
    for name, estimator in OTHERS.items():
        rows.append({"measure": name, "t": 1, "entropy": estimator.fit(X).entropy_})
    return [{**row, "n": n_samples} for row in rows]


def spectra_of_spd(n, repeat):
    """Entropy of the eigenvalues of α I + (1 - α) A, A positive definite."""
    A = make_spd_matrix(n, random_state=repeat)
    eigenvalues = np.linalg.eigvalsh(A / np.trace(A) * n)
    rows = []
    for alpha in SPD_ALPHAS:
        p = (alpha + (1 - alpha) * eigenvalues) / n
        p = p[p > 0]
        rows.append({"alpha": alpha, "entropy": -(p * np.log2(p)).sum()})
    return rows


def correlations(table):
    """Spearman correlation of each measure with d: kinds and repetitions pooled.

    And the worst over single repetitions, where a repetition is one curve.
    """
    rows = []
    for (measure, t, noise), part in table.groupby(["measure", "t", "noise"]):
        row = {"measure": measure, "t": t, "noise": noise}
        for kind, one in part.groupby("kind"):
            curves = [_spearman(curve) for _, curve in one.groupby("repeat")]
            row |= {kind: _spearman(one), f"{kind}, worst": min(curves)}
        rows.append(row)
    return pd.DataFrame(rows)


def _spearman(table):
    """Rank correlation with d; 0 for a measure that does not move."""
    if np.ptp(table["entropy"]) < 1e-9:
        return 0.0
    return spearmanr(table["d"], table["entropy"]).statistic


def saturation(table):
    """Share of data sets with noise whose entropy is within 0.01 bits of log2 n."""
    table = table[table["noise"] > 0]
    full = table["entropy"] > np.log2(table["n"]) - 0.01
    return full.groupby([table["measure"], table["t"], table["kind"]]).mean()


def displacements(table):
    """How far noise moves a measure from its value without noise.

    In bits, and as a share of what the measure without noise spans over the dimensions.
    """
    keys = ["measure", "t", "kind", "d", "repeat"]
    clean = table[table["noise"] == 0].set_index(keys)["entropy"]
    rows = []
    for (measure, t, noise), part in table[table["noise"] > 0].groupby(
        ["measure", "t", "noise"]
    ):
        before = clean.loc[pd.MultiIndex.from_frame(part[keys])].to_numpy()
        moved = np.abs(part["entropy"].to_numpy() - before)
        spans = pd.Series(before).groupby(part["kind"].to_numpy()).agg(np.ptp)
        span = spans.loc[part["kind"]].to_numpy()
        row = {"measure": measure, "t": t, "noise": noise, "bits": moved.mean()}
        row["span"] = spans.mean()
        share = np.divide(
            moved, span, out=np.full(len(span), np.nan), where=span > 0.05
        )
        rows.append({**row, "most": moved.max(), "share": share.mean()})
    return pd.DataFrame(rows)


def draw(table, path):
    """Entropy against dimension, a row for each kind, a column for each noise."""
    import matplotlib.pyplot as plt

    shown = table[table["t"] == 1].groupby(["measure", "kind", "noise", "d"])
    mean = shown["entropy"].mean()
    figure, axes = plt.subplots(
        2, 3, figsize=(10, 6), sharex=True, sharey=True, layout="constrained"
    )
    for row, kind in zip(axes, KINDS, strict=True):
        for ax, noise in zip(row, NOISES[1:], strict=True):
            for name in [*SETTINGS, "Shannon"]:
                curve = mean[name, kind, noise]
                style = STYLES.get(name, "-")
                ax.plot(curve.index, curve, style, marker=".", label=name)
            ax.set(title=f"{kind}, noise {noise:g}")
    for ax in axes[:, 0]:
        ax.set_ylabel("entropy (bits)")
    for ax in axes[-1]:
        ax.set_xlabel("intrinsic dimension")
    axes[1, 2].legend(fontsize=9, loc="lower right")
    figure.savefig(path, dpi=110)


def draw_times(table, path):
    """DSE against dimension for several times, at the largest noise."""
    import matplotlib.pyplot as plt

    shown = table[(table["kind"] == "uniform") & (table["noise"] == 0.1)]
    mean = shown.groupby(["measure", "t", "d"])["entropy"].mean()
    names = ("DSE, default", "DSE, reduced", "DSE, σ = 10")
    figure, axes = plt.subplots(
        1, 3, figsize=(10, 3.4), sharex=True, layout="constrained"
    )
    for ax, name in zip(axes, names, strict=True):
        for t in TIMES:
            ax.plot(mean[name, t].index, mean[name, t], marker=".", label=f"t = {t}")
        ax.set(title=name, xlabel="intrinsic dimension", ylabel="entropy (bits)")
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def draw_spd(table, path):
    """Entropy of eigenvalues against α."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
    for n, part in table.groupby("n"):
        mean = part.groupby("alpha")["entropy"].mean()
        ax.plot(mean.index, mean, marker=".", label=f"n = {n}")
    ax.set(xlabel="α, the share of the identity", ylabel="entropy (bits)")
    ax.legend(fontsize=8, ncols=2)
    figure.savefig(path, dpi=110)


def judge(table, options):
    """Write the finding: does DSE follow dimension at every noise?"""
    found = correlations(table)
    moved = displacements(table)
    results = options.out / "results"
    found.round(3).to_csv(results / "toy_entropy_correlations.csv", index=False)
    moved.round(3).to_csv(results / "toy_entropy_noise.csv", index=False)
    at_one = found[(found["t"] == 1) & (found["noise"] > 0)]
    worst = at_one.set_index(["measure", "noise"])[list(KINDS)].min(axis=1)
    full = saturation(table).xs(1, level="t")
    full.round(3).to_csv(results / "toy_entropy_saturation.csv")
    verdicts = [
        f"{'confirmed' if (worst[name] >= FOLLOWS).all() else 'not confirmed'} "
        f"({name.removeprefix('DSE, ')})"
        for name in SETTINGS
    ]
    where = f"n = {table['n'].iloc[0]}, D = {AMBIENT}, {table['d'].nunique()} d"
    common.write_finding(
        options.out,
        "DSE follows dimension",
        f"{where}, {table['repeat'].nunique()} repetitions, t = 1",
        "DSE grows with the intrinsic dimension at every noise (here: a correlation of "
        "0.95, 0.95, 0.85)",
        "Spearman correlation with d at noise 0.01, 0.1, 0.5, the lower of uniform "
        f"and normal: {by_noise(worst, '.2f')}. With σ = 10, "
        f"{full['DSE, σ = 10', 'normal']:.0%} of normal and "
        f"{full['DSE, σ = 10', 'uniform']:.0%} of uniform data reach log2 n",
        ", ".join(verdicts),
    )
    shannon = table[table["measure"] == "Shannon"]["entropy"]
    top = np.log2(table["n"].iloc[0])
    common.write_finding(
        options.out,
        "Shannon is pinned",
        f"{where}, 2 bins",
        f"binned Shannon entropy is near log2 n = {top:.2f} whatever d",
        f"from {shannon.min():.2f} to {shannon.max():.2f} bits over all data sets",
        "confirmed" if shannon.min() > 0.95 * top else "not confirmed",
    )
    judge_noise(moved, where, options)


def by_noise(values, form):
    """Values of the settings and of Shannon at the three noises, in words."""
    names = [name for name in (*SETTINGS, "Shannon") if name in values]
    return "; ".join(
        f"{name} {', '.join(f'{values[name, noise]:{form}}' for noise in NOISES[1:])}"
        for name in names
    )


def judge_noise(moved, where, options):
    """Write the finding on resilience to noise."""
    at_one = moved[moved["t"] == 1].set_index(["measure", "noise"])
    share = at_one["share"].dropna()
    verdicts = []
    for noise in NOISES[1:]:
        resilient = [name for name in SETTINGS if share.get((name, noise), 1) < 0.1]
        which = ", ".join(name.removeprefix("DSE, ") for name in resilient) or "no σ"
        verdicts.append(f"noise {noise:g}: {which}")
    common.write_finding(
        options.out,
        "Noise moves DSE little",
        f"{where}, means over all data sets, t = 1",
        "DSE is resilient to noise (here: moved by less than a tenth of its range)",
        "distance from the value without noise, at noise 0.01, 0.1, 0.5, in bits: "
        f"{by_noise(at_one['bits'], '.3f')}. As a share of the range over d: "
        f"{by_noise(share, '.0%')}",
        "confirmed at " + "; ".join(verdicts),
    )


def judge_spd(table, options):
    """Write the finding on α I + (1 - α) SPD."""
    curves = table.groupby(["n", "repeat"])
    ranks = [_spearman(c.rename(columns={"alpha": "d"})) for _, c in curves]
    common.write_finding(
        options.out,
        "Entropy grows with alpha",
        f"n = {table['n'].min()} … {table['n'].max()}, 20 α",
        "the entropy of α I + (1 - α) SPD grows with α",
        f"smallest Spearman correlation with α {min(ranks):.3f}",
        "confirmed" if min(ranks) > 0.99 else "not confirmed",
    )


def main():
    """Measure, draw, judge."""
    options = common.parse(common.parser(__doc__, "seeds"))
    seeds, sizes, function = range(options.seeds), SPD_SIZES, measure
    dimensions = DIMENSIONS
    if options.quick:
        seeds, sizes, dimensions = range(1), SPD_SIZES[:2], DIMENSIONS[::6]
        function = partial(measure, n_samples=100)
    keys = ("kind", "noise", "d", "repeat")
    cases = itertools.product(KINDS, NOISES, map(int, dimensions), seeds)
    results, figures = options.out / "results", options.out / "figures"
    table = common.run_cases(
        results / "toy_entropy.csv",
        [dict(zip(keys, case, strict=True)) for case in cases],
        function,
    )
    spd = common.run_cases(
        results / "toy_spd.csv",
        [{"n": n, "repeat": repeat} for n in sizes for repeat in seeds],
        spectra_of_spd,
    )
    judge(table, options)
    judge_spd(spd, options)
    draw(table, figures / "toy_entropy.png")
    draw_times(table, figures / "toy_entropy_times.png")
    draw_spd(spd, figures / "toy_spd.png")


if __name__ == "__main__":
    main()
