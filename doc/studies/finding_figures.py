"""A small figure for each of the paper's findings, drawn from the studies' results.

``findings.rst`` names these functions, and the build of the documentation calls them in
this folder.
"""

import re
from pathlib import Path

import numpy as np
from small_figures import (
    CLAIM,
    DSE,
    DSMI,
    INPUT,
    OTHER,
    ZONE,
    claim_of,
    claimed,
    claimed_share,
    legend,
    logarithmic,
    look,
    panels,
    read,
    shades,
    spread,
)

RESULTS = Path("results")
SETTINGS = ("default", "σ = 10")  # of the trainings
NAMES = {"cifar10": "CIFAR-10", "mnist": "MNIST", "stl10": "STL-10"}
RISES, FALLS = (0, np.inf), (-np.inf, 0)
OTHERS = {"Shannon, 5 bins": "v", "KSG": "x", "MINE": "D"}


# Toy data


def dimension(results=RESULTS):
    """DSE against dimension: a panel for each setting, a line for each noise."""
    table = read("toy_entropy", results)
    table = table[(table["t"] == 1) & (table["noise"] > 0)]
    settings = [
        one
        for one in table["measure"].unique()
        if one.startswith("DSE") and "α" not in one
    ]
    figure, axes = panels(len(settings), 2, 4.0, sharex=True, sharey="row")
    noises = sorted(table["noise"].unique())
    for row, setting in zip(axes, settings, strict=True):
        for ax, kind in zip(row, table["kind"].unique(), strict=True):
            part = table[(table["measure"] == setting) & (table["kind"] == kind)]
            for noise, color in zip(noises, shades(DSE, len(noises)), strict=True):
                label = f"noise {noise:g}"
                one = part[part["noise"] == noise]
                spread(ax, one, "d", "entropy", label, color=color)
        row[0].set_ylabel(setting.replace("DSE, ", "") + "\n[bits]", fontsize=9)
    for ax, kind in zip(axes[0], table["kind"].unique(), strict=True):
        ax.set_title(f"{kind} data", fontsize=10)
    figure.supxlabel("intrinsic dimension d", fontsize=10)
    legend(figure)


def shannon(results=RESULTS):
    """Shannon entropy and DSE against dimension, beside log2 n."""
    table = read("toy_entropy", results)
    table = table[(table["t"] == 1) & (table["noise"] > 0)]
    figure, ((ax,),) = panels()
    ax.axhline(np.log2(table["n"].iloc[0]), **CLAIM, label="claimed: log2 n")
    for name, options in {
        "Shannon": {"color": OTHER, "linestyle": "none", "marker": "o"},
        "DSE, default": look("default", DSE),
        "DSE, σ = 10": look("σ = 10", DSE),
    }.items():
        one = table[table["measure"] == name]
        spread(ax, one, "d", "entropy", name, **options)
    ax.set(xlabel="intrinsic dimension d", ylabel="entropy [bits]", ylim=(0, None))
    legend(figure, n_columns=2)


def noise(results=RESULTS):
    """Movement by noise as a share of the range over the dimensions."""
    table = read("toy_entropy_noise", results)
    table = table[(table["t"] == 1) & table["share"].notna()]
    names = [one for one in table["measure"].unique() if "α" not in one]
    names = [one for one in names if one.startswith("DSE")]
    figure, ((ax,),) = panels()
    share = claimed_share("Noise moves", results)
    ax.axhspan(0, 100 * share, **ZONE, label="claimed")
    for i, name in enumerate(names):
        one = table[table["measure"] == name]
        places = np.arange(len(one)) + 0.08 * (i - 1)
        options = look(name.removeprefix("DSE, "), DSE)
        ax.plot(places, 100 * one["share"], label=name, **options)
    ax.set_xticks(range(len(one)), [f"{x:g}" for x in one["noise"]])
    ax.set(
        xlabel="level of the noise",
        ylabel="DSE moves by\n[% of its range]",
        ylim=(0, None),
    )
    legend(figure, n_columns=2)


def positive_definite(results=RESULTS):
    """Entropy of α I + (1 - α) A against α, a line for each size."""
    table = read("toy_spd", results)
    figure, ((ax,),) = panels()
    sizes = sorted(table["n"].unique())
    for n, color in zip(sizes, shades(DSE, len(sizes)), strict=True):
        spread(ax, table[table["n"] == n], "alpha", "entropy", f"n = {n}", color=color)
    ax.set(
        xlabel="α, the share of the identity", ylabel="entropy [bits]", ylim=(0, None)
    )
    legend(figure)


def large_times(results=RESULTS):
    """DSE against t for one blob and for three, beside log2 of their number."""
    table = read("intuition", results)
    figure, axes = panels(1, 2, sharey=True)
    for ax, (blobs, part) in zip(axes[0], table.groupby("blobs"), strict=True):
        ax.axhline(np.log2(blobs), **CLAIM, label="claimed, at large t")
        for setting in table["setting"].unique():
            one = part[part["setting"] == setting]
            options = look(setting, DSE) | {"marker": ""}
            spread(ax, one, "t", "entropy", setting, **options)
        ax.set_title(f"{blobs} blob{'s' * (blobs > 1)}", fontsize=10)
        logarithmic(ax, (1, 10, 100))
    axes[0, 0].set_ylabel("DSE [bits]")
    figure.supxlabel("diffusion time t", fontsize=10)
    legend(figure, n_columns=2)


# Mutual information


def compared(table):
    """Methods that are compared: (name, its rows, look), DSMI orange, others grey."""
    looks = {"DSMI, default": look("default", DSMI), "DSMI, paper's σ": look("σ", DSMI)}
    for name, marker in OTHERS.items():
        looks[name] = {"color": OTHER, "linestyle": ":", "marker": marker}
    return [(name, table[table["method"] == name], one) for name, one in looks.items()]


def blobs(results=RESULTS):
    """Mutual information against corruption on blobs in 100 dimensions."""
    table = read("estimators", results)
    table = table[(table["kind"] == "blobs") & (table["d"] == 100)]
    figure, ((ax,),) = panels(height=3.3)
    for name, one, options in compared(table):
        spread(ax, one, "corruption", "mutual_info", name, **options)
    ax.set(
        xlabel="share of the labels permuted, d = 100",
        ylabel="mutual information [bits]",
    )
    legend(figure, n_columns=2)


def trees(results=RESULTS):
    """Mutual information against corruption on trees, by branches."""
    table = read("toy_mutual_info", results)
    table = table[(table["t"] == 1)]
    measures = [one for one in table["measure"].unique() if "α" not in one]
    figure, axes = panels(1, 3, sharex=True)
    for ax, (branches, part) in zip(axes[0], table.groupby("branches"), strict=True):
        for name in measures:
            options = look(name.removeprefix("DSMI, "), DSMI) | {"marker": ""}
            if name == "Shannon":
                options |= {"color": OTHER, "linestyle": ":"}
            one = part[part["measure"] == name]
            spread(ax, one, "corruption", "mutual_info", name, **options)
        ax.set_title(f"{branches} branches", fontsize=10)
        ax.set_ylim(0, None)
    axes[0, 0].set_ylabel("mutual information [bits]")
    figure.supxlabel("share of the labels permuted", fontsize=10)
    legend(figure)


def many_dimensions(results=RESULTS):
    """Mutual information of clean labels against dimension."""
    low, high, kept, first, *_ = claimed("DSMI survives", results)
    table = read("estimators", results)
    table = table[(table["kind"] == "blobs") & (table["corruption"] == 0)]
    figure, ((ax,),) = panels(height=3.3)
    ax.plot([low, high], [first, kept], **CLAIM, label="claimed for DSMI")
    for name, one, options in compared(table):
        spread(ax, one, "d", "mutual_info", name, **options)
    logarithmic(ax, (20, 200, 2000, 20_000))
    ax.set(xlabel="dimension d", ylabel="mutual information [bits]")
    legend(figure, n_columns=2)


def seconds(results=RESULTS):
    """Run time against dimension, and the times that were claimed."""
    table = read("estimators_times", results)
    d, dsmi, *others, ksg = claimed("DSMI is fast", results)
    figure, ((ax,),) = panels(height=3.3)
    for name, one, options in compared(table):
        spread(ax, one, "d", "seconds", name, **options)
    claims = {"DSMI": [dsmi], "bins, MINE": others, "KSG": [ksg]}
    for name, values in claims.items():
        at = 1.5 * d, np.mean(values)
        ax.plot([d / 1.3, d * 1.3], [at[1]] * 2, **CLAIM, label="claimed")
        ax.annotate(name, at, va="center", fontsize=8, color="0.3")
    logarithmic(ax, (1000, 10_000, 500_000))
    ax.set(xlabel="dimension d", ylabel="time [s]", yscale="log", xlim=(700, 12 * d))
    legend(figure, n_columns=2)


# Networks


def runs(results, measure):
    """Change of a measure in each run, from before the training to its end."""
    table = read("training_dynamics", results).sort_values("epoch")
    keys = ["dataset", "regime", "setting", "architecture", "seed"]
    ends = table.groupby(keys, sort=False)[measure].agg(["first", "last"])
    return (ends["last"] - ends["first"]).sort_index()


def changes(results, measure, color, cases, zone):
    """Change of a measure in training: a row for each case, a dot for each run.

    What was claimed is a zone: ``zone(case, setting)`` gives its ends, where a case is
    a data set and a regime. At the right: whether it rises or falls beyond chance.
    """
    change = runs(results, measure)
    trends = read("training_trends", results)
    trends = trends[trends["measure"] == measure]
    trends = trends.set_index(["dataset", "regime", "setting"])["trend"].sort_index()
    figure, ((ax,),) = panels(height=0.9 + 0.5 * len(cases))
    margin = 0.1 * np.ptp(change)
    edges = change.min() - margin, change.max() + margin
    at_right = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 8}
    for place, case in enumerate(cases):
        for y, setting in zip((place - 0.2, place + 0.2), SETTINGS, strict=True):
            low, high = np.clip(zone(case, setting), *edges)
            ax.fill_betweenx([y - 0.2, y + 0.2], low, high, label="claimed", **ZONE)
            dots = change.loc[*case, setting]
            options = look(setting, color) | {"linestyle": "none", "markersize": 5}
            ax.plot(dots, np.full(len(dots), y), label=setting, alpha=0.8, **options)
            ax.annotate(trends[*case, setting], (1.02, y), **at_right)
    names = [f"{NAMES[dataset]}\n{regime}" for dataset, regime in cases]
    ax.set_yticks(range(len(cases)), names, fontsize=8)
    ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set(xlim=edges, ylim=(len(cases) - 0.5, -0.5))
    ax.set_xlabel(f"change of {measure} [bits]")
    legend(figure)


def regimes_of(results, *regimes):
    """Cases: each regime on each data set."""
    datasets = read("training_dynamics", results)["dataset"].unique()
    return [(dataset, one) for dataset in sorted(datasets) for one in regimes]


def training_entropy(results=RESULTS):
    """Change of DSE(Z) in training; it was said to rise everywhere."""
    cases = regimes_of(results, "supervised", "contrastive", "permuted")
    changes(results, "DSE(Z)", DSE, cases, lambda case, setting: RISES)


def training_labels(results=RESULTS):
    """Change of DSMI(Z;Y), said to rise, and to be flat with permuted labels."""
    change = runs(results, "DSMI(Z;Y)").groupby(["dataset", "regime", "setting"])
    change, share = change.median(), claimed_share("2. DSMI", results)

    def zone(case, setting):
        dataset, regime = case
        flat = share * abs(change[dataset, "supervised", setting])
        return (-flat, flat) if regime == "permuted" else RISES

    cases = regimes_of(results, "supervised", "contrastive", "permuted")
    changes(results, "DSMI(Z;Y)", DSMI, cases, zone)


def training_input(results=RESULTS):
    """Change of DSMI(Z;X), said to rise on MNIST and to fall elsewhere."""

    def zone(case, setting):
        return RISES if case[0] == "mnist" else FALLS

    cases = regimes_of(results, "supervised", "contrastive")
    changes(results, "DSMI(Z;X)", INPUT, cases, zone)


def initialisation(results=RESULTS):
    """Final accuracy against DSE at the start; the starts of a seed are joined."""
    table = read("initialisation_runs", results)
    settings = table["setting"].unique()
    figure, axes = panels(1, len(settings), sharey=True)
    markers = dict(zip(sorted(table["weights"].unique()), "ov", strict=True))
    for ax, setting in zip(axes[0], settings, strict=True):
        part = table[table["setting"] == setting].sort_values("DSE at the start")
        label = "claimed: lines fall"
        ax.plot(
            [0.05, 0.95], [0.95, 0.05], transform=ax.transAxes, label=label, **CLAIM
        )
        for _, pair in part.groupby("seed"):
            pair = pair.set_index("weights")[["DSE at the start", "final accuracy"]]
            ax.plot(*pair.to_numpy().T, color=DSE, linewidth=1)
            for weights, ends in pair.iterrows():
                label = f"weights of {weights}"
                ax.plot(*ends, markers[weights], color=DSE, label=label)
        ax.set_title(setting, fontsize=10)
    axes[0, 0].set_ylabel("accuracy at the end")
    figure.supxlabel("DSE at the start [bits]", fontsize=10)
    legend(figure, n_columns=2)


def across_models(results=RESULTS):
    """Rank correlation with accuracy over networks, 95 % intervals, by data set."""
    table = read("across_models_correlations", results)
    table = table[table["models"] == "all"]
    claim = claim_of("5. DSMI", results)
    names = ("DSMI(Z;Y)", "DSMI(Z;X)", "DSE(Z)", "log10 parameters")
    colors = (DSMI, INPUT, DSE, OTHER)
    figure, axes = panels(1, table["dataset"].nunique(), sharex=True, sharey=True)
    for ax, (dataset, part) in zip(axes[0], table.groupby("dataset"), strict=True):
        for place, (name, color) in enumerate(zip(names, colors, strict=True)):
            rows = part[part["measure"] == name]
            for one in re.findall(rf"{re.escape(name)} \S+ / (-?[\d.]+)", claim):
                ax.plot(
                    [float(one)] * 2,
                    [place - 0.4, place + 0.4],
                    **CLAIM,
                    label="claimed",
                )
            for y, (_, row) in zip((-0.15, 0.15), rows.iterrows(), strict=True):
                r = row["Spearman"]
                ends = [[r - row["Spearman from"]], [row["to"] - r]]
                options = look(row["setting"], color) | {"linestyle": "none"}
                label = row["setting"] if name == names[0] else None
                ax.errorbar(r, place + y, xerr=ends, label=label, **options)
        ax.set_title(NAMES[dataset], fontsize=10)
        ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set_yticks(range(len(names)), [name.replace(" ", "\n") for name in names])
    ax.set(xlim=(-1.05, 1.05), ylim=(len(names) - 0.5, -0.5))
    figure.supxlabel("rank correlation with accuracy", fontsize=10)
    legend(figure)
