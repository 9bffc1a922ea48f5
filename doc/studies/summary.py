"""Tables and figures of the pages on the studies, from the tables of results.

python doc/studies/summary.py --results RESULTS --figures FIGURES
"""

import argparse
import itertools
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scores
from model_choice import agreement
from scipy.stats import spearmanr

TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
KINDS = ("Pearson", "Spearman", "weighted τ")
CHOSEN = "DSMI(Z;Y) adaptive k=5 sqeuclidean"  # by MNIST alone
FORMER = "DSMI(Z;Y) adaptive k=5"
NETWORKS = ("perceptron", "convolutional", "transformer")
SHORT_LIST = (
    CHOSEN,
    f"{CHOSEN} (share)",
    f"{FORMER} (share)",
    "H-score, regularised",
    "LogME",
    "KSG",
    "silhouette",
    "dimension",
    "neighbors accuracy",
)
AUTHORS = ("number ×10", "sqrt_d", "number ×10 unit features", "sqrt_d unit features")
OTHERS = ("self-similarity", "effective rank", "Vendi score")
RULES = ("median ×0.5", "median", "median ×2", "knn k=5", "knn k=15", "slope")
RULES += ("adaptive k=5", "adaptive k=15", "number ×10")
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
LEGEND = {"loc": "outside right center", "fontsize": 7, "frameon": False}
N_BEST = 20
LINES = {
    "LogME": "LogME",
    "silhouette": "silhouette",
    "5-NN accuracy": "neighbors accuracy",
}
TARGETS = ("high, noise 0.01", "high, noise 0.1", "high, noise 0.5", "low, noise 0.01")
PLOTTED = ("median", "median locally reduced", "adaptive k=5")
DIMENSION_ROWS = [
    *("median ×0.25", "median ×0.5", "median", "median ×2", "slope"),
    *("knn k=5 ×0.5", "knn k=5", "knn k=5 ×2", "knn k=15"),
    *("adaptive k=5 ×0.5", "adaptive k=5", "adaptive k=5 ×2", "adaptive k=15"),
    *("adaptive k=5 sqeuclidean", "median sqeuclidean"),
    *("median reduced", "median locally reduced", "knn k=5 locally reduced"),
    *("adaptive k=5 locally reduced", "adaptive k=15 locally reduced"),
    *("median α=0", "median α=1", "adaptive k=5 α=0", "adaptive k=5 α=1"),
    *("median t=2", "median t=5", "adaptive k=5 t=2", "adaptive k=5 t=5"),
    *("median mean over σ", "median slope over σ", "knn k=5 mean over σ"),
    *("knn k=5 slope over σ", "adaptive k=5 slope over σ", "adaptive k=5 drop over t"),
    *("max slope of log ΣG", "number ×10", "sqrt_d"),
]
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
    chosen = (one + end for one in (CHOSEN, FORMER) for end in ("", " (share)"))
    for name in (*chosen, *named):
        if name not in names:
            names.append(name)
    return side_by_side(correlations, names)


def best_pairs(tables, n_best=5):
    """Sums of two settings, each of unit spread, that are best on MNIST."""
    sharp = ("sqeuclidean", "cosine")
    names = [one for one in tables["mnist"] if one.startswith("DSMI(Z;Y)")]
    names = [one for one in names if any(metric in one for metric in sharp)]
    rows = {}
    for pair in itertools.combinations(names, 2):
        row = {}
        for name, title in TITLES.items():
            values = tables[name][list(pair)]
            total = (values / values.std()).sum(axis=1)
            found = agreement(total, tables[name]["linear accuracy"])
            row |= {f"{title} {kind}": found[kind] for kind in KINDS[:2]}
        rows[" + ".join(one.removeprefix("DSMI(Z;Y) ") for one in pair)] = row
    table = pd.DataFrame(rows).T.rename_axis("settings")
    worse = table[["MNIST Pearson", "MNIST Spearman"]].min(axis=1)
    return table.loc[worse.sort_values(ascending=False).index[:n_best]]


def competitors(tables, correlations):
    """Other scores, the probes' other kind, and what each takes."""
    names = [*scores.SCORES, "CSMI", "DMEE-MI", "ASMI"]
    names = [CHOSEN, f"{CHOSEN} (share)", *names, "neighbors accuracy"]
    table = side_by_side(correlations, names)
    for name, title in TITLES.items():
        seconds = tables[name].filter(like="seconds").median()
        seconds.index = seconds.index.str.removesuffix(" seconds")
        known = {CHOSEN: "DSMI sqeuclidean, timed", "neighbors accuracy": "neighbors"}
        table[f"{title} s"] = [seconds.get(known.get(one, one)) for one in table.index]
    return table


def by_probe(correlations):
    """A few scores against both probes."""
    probes = {"linear": "linear", "neighbors": "5-NN"}
    parts = [
        side_by_side(correlations, SHORT_LIST, probe).add_prefix(f"{title}, ")
        for probe, title in probes.items()
    ]
    table = pd.concat(parts, axis=1)
    return table[[name for name in table if "τ" not in name]]


def by_family(tables):
    """A few scores against the linear probe, for networks and for all else."""
    rows = {name: {} for name in SHORT_LIST}
    for name, title in TITLES.items():
        is_network = tables[name]["family"].isin(NETWORKS)
        parts = {"networks": is_network, "others": ~is_network}
        for (part, mask), score in itertools.product(parts.items(), SHORT_LIST):
            few = tables[name][mask]
            found = agreement(few[score], few["linear accuracy"])
            for kind in KINDS[:2]:
                rows[score][f"{title}, {part} {kind}"] = found[kind]
    return pd.DataFrame(rows).T.rename_axis("score")


def differences(tables, n_resamples=500):
    """The chosen DSMI's correlations less those of others: 95 % bootstrap intervals."""
    others = [name for name in SHORT_LIST if name != CHOSEN]
    rows = {name: {} for name in others}
    for name, title in TITLES.items():
        table = tables[name][[*SHORT_LIST, "linear accuracy"]]
        rng = np.random.default_rng(0)
        draws = [
            _correlations(table.iloc[rng.integers(len(table), size=len(table))])
            for _ in range(n_resamples)
        ]
        for kind in KINDS[:2]:
            found = np.array(
                [[draw[kind][one] for one in SHORT_LIST] for draw in draws]
            )
            gains = found[:, [SHORT_LIST.index(CHOSEN)]] - found
            for other in others:
                gain = gains[:, SHORT_LIST.index(other)]
                low, high = np.percentile(gain, [2.5, 97.5])
                rows[other][f"{title} {kind}"] = f"{low:+.2f} to {high:+.2f}"
    return pd.DataFrame(rows).T.rename_axis("score")


def _correlations(table):
    """Pearson and Spearman correlations of the columns with the linear accuracy."""
    return {
        kind: table.corr(kind.lower())["linear accuracy"]
        for kind in ("Pearson", "Spearman")
    }


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


# Intrinsic dimension


def dimension_table(results):
    """Rank correlations of DSE with dimension: the settings of the page."""
    table = pd.read_csv(results / "intrinsic_dimension_correlations.csv", index_col=0)
    kept = [name for name in table.index if name in DIMENSION_ROWS]
    return table.loc[sorted(kept, key=DIMENSION_ROWS.index)]


def two_duties(correlations, dimension):
    """Agreement with probes and with dimension, for rules measured for both."""
    rows = {}
    probe = {name: worse_of_both(one) for name, one in correlations.items()}
    for rule in dimension.index:
        name = f"DSMI(Z;Y) {rule}"
        if name in probe["mnist"]:
            rows[rule] = {title: probe[name_][name] for name_, title in TITLES.items()}
            rows[rule]["dimension"] = dimension.loc[rule, list(TARGETS)].mean()
    return pd.DataFrame(rows).T.rename_axis("setting")


# Figures


def plot_accuracy(tables, path):
    """Chosen DSMI against the accuracy of the linear probe, by family."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for ax, (name, title) in zip(axes, TITLES.items(), strict=True):
        for color, (family, part) in zip(
            COLORS, tables[name].groupby("family"), strict=False
        ):
            x, y = part["linear accuracy"], part[CHOSEN]
            ax.scatter(x, y, s=14, color=color, label=family, alpha=0.8)
        ax.set(
            title=title, xlabel="accuracy of a linear probe", ylabel="DSMI(Z;Y) [bits]"
        )
    axes[1].legend(fontsize=7, frameon=False)
    _save(figure, path)


def plot_scale(correlations, path):
    """Agreement with the linear probe against the scale, for each rule."""
    figure, axes = plt.subplots(
        1, 2, figsize=(9, 3.4), layout="constrained", sharey=True
    )
    for ax, (name, title) in zip(axes, TITLES.items(), strict=True):
        worse = worse_of_both(correlations[name])
        for color, (label, names) in zip(COLORS, _curves().items(), strict=False):
            style = "o--" if "sqeuclidean" in label else "o-"
            known = {x: worse[one] for x, one in names.items() if one in worse}
            ax.plot(
                list(known), list(known.values()), style, ms=4, c=color, label=label
            )
        for style, (label, score) in zip(("--", ":", "-."), LINES.items(), strict=True):
            ax.axhline(worse[score], ls=style, c="0.5", lw=1, label=label)
        ax.set(title=title, xscale="log", xlabel="bandwidth_scale")
        ax.set_xticks(SCALES, [f"{scale:g}" for scale in SCALES])
        ax.minorticks_off()
    axes[0].set_ylabel("smaller of Pearson, Spearman")
    figure.legend(*axes[0].get_legend_handles_labels(), **LEGEND)
    _save(figure, path)


def _curves():
    """Names of DSMI by rule and scale."""
    rules = ("adaptive k=5", "knn k=5", "adaptive k=15", "median")
    curves = {
        rule: {
            scale: f"DSMI(Z;Y) {rule}" + (f" ×{scale:g}" if scale != 1 else "")
            for scale in SCALES
        }
        for rule in rules
    }
    for rule in rules[:2]:
        names = {scale: f"{name} sqeuclidean" for scale, name in curves[rule].items()}
        curves[f"{rule} sqeuclidean"] = names
    return curves


def plot_two_duties(results, duties, path):
    """DSE against dimension for two rules, and both duties of all rules."""
    data = pd.read_csv(results / "intrinsic_dimension.csv")
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
    for ax, rule in zip(axes, PLOTTED, strict=False):
        part = data[(data["grid"] == "high") & (data["kind"] == "uniform")]
        for color, (noise, one) in zip(COLORS, part.groupby("noise"), strict=False):
            mean = one.groupby("d")[rule].mean()
            ax.plot(mean.index, mean, "o-", ms=3, color=color, label=f"noise {noise:g}")
        ax.set(
            title=f"bandwidth: {rule}",
            xlabel="intrinsic dimension",
            ylabel="DSE [bits]",
        )
    axes[0].legend(fontsize=7, frameon=False)
    ax = axes[-1]
    for color, (prefix, part) in zip(
        COLORS, duties.groupby(lambda rule: rule.split()[0]), strict=False
    ):
        ax.scatter(part["MNIST"], part["dimension"], s=16, color=color, label=prefix)
    ax.axhline(0, c="0.8", lw=0.8, zorder=0)
    ax.set(
        xlabel="DSMI with probe accuracy", ylabel="DSE with dimension", ylim=(-1.1, 1.1)
    )
    ax.set_title("both duties, a dot a setting")
    ax.legend(fontsize=7, frameon=False)
    _save(figure, path)


def _save(figure, path):
    figure.savefig(path, dpi=110)
    plt.close(figure)


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
        "pairs": best_pairs(tables),
        "competitors": competitors(tables, correlations),
        "by_probe": by_probe(correlations),
        "by_family": by_family(tables),
        "differences": differences(tables),
        "input_and_entropy": input_and_entropy(correlations),
        "redundancy": redundancy(tables),
    }.items():
        table.to_csv(out / f"{name}.csv", float_format="%.3f")
    dimension = pd.read_csv(out / "intrinsic_dimension_correlations.csv", index_col=0)
    duties = two_duties(correlations, dimension)
    duties.to_csv(out / "two_duties.csv", float_format="%.3f")
    dimension_table(out).to_csv(out / "dimension.csv", float_format="%.3f")
    figures = Path(options.figures)
    figures.mkdir(parents=True, exist_ok=True)
    plot_accuracy(tables, figures / "model_choice_accuracy.png")
    plot_scale(correlations, figures / "model_choice_scale.png")
    plot_two_duties(out, duties, figures / "two_duties.png")


if __name__ == "__main__":
    main()
