"""DSE at the start and how well a network then learns: the paper's finding 4.

Reads the checkpoints of the ResNet whose convolution weights were drawn from
N(0, 0.01²) or N(0, 0.1²), made by checkpoints.py. DSE at the start, accuracy by epoch.

    python doc/studies/checkpoints.py --cache CACHE --data-home DATA
    python doc/studies/initialisation.py --cache CACHE --data-home DATA
"""

import checkpoints
import common
import numpy as np
import pandas as pd
from training_dynamics import SETTINGS, measure, runs_in

REGIMES = tuple(f"scale {scale:g}" for scale in checkpoints.SCALES)


def summary(table):
    """A row for each run and setting: DSE at the start, speed and end of learning.

    Speed is the mean accuracy over all epochs after the start: the earlier it rises,
    the higher.
    """
    rows = []
    for keys, run in table.groupby(["dataset", "setting", "regime", "seed"]):
        run = run.sort_values("epoch")
        accuracy = run["accuracy"].to_numpy()
        rows.append(
            dict(zip(("dataset", "setting", "weights", "seed"), keys, strict=True))
            | {
                "DSE at the start": run["DSE(Z)"].iloc[0],
                "DSE at the end": run["DSE(Z)"].iloc[-1],
                "mean accuracy": accuracy[1:].mean(),
                "final accuracy": accuracy[-1],
            }
        )
    return pd.DataFrame(rows)


def compare(runs):
    """Whether the start of lower DSE learns faster and ends higher, seed by seed."""
    rows = []
    for _, pair in runs.groupby("seed"):
        low, high = (row for _, row in pair.sort_values("DSE at the start").iterrows())
        rows.append(
            {
                "low": low["weights"],
                "faster": low["mean accuracy"] > high["mean accuracy"],
                "higher": low["final accuracy"] > high["final accuracy"],
            }
        )
    return pd.DataFrame(rows)


def judge(runs, options):
    """Write finding 4 for each data set and setting."""
    for (dataset, setting), part in runs.groupby(["dataset", "setting"]):
        found = compare(part)
        means = part.groupby("weights").mean(numeric_only=True)
        text = "; ".join(
            f"{weights}: DSE {row['DSE at the start']:.2f} bits, accuracy "
            f"{row['mean accuracy']:.3f} on average, {row['final accuracy']:.3f} last"
            for weights, row in means.iterrows()
        )
        holds = found["faster"].all() and found["higher"].all()
        common.write_finding(
            options.out,
            f"4. Initialisation, {dataset} ({setting})",
            f"ResNet, {checkpoints.SCALE_SIZE[0]} images, "
            f"{checkpoints.SCALE_SIZE[1]} epochs, {len(found)} seeds",
            "the start of lower DSE converges faster and ends higher",
            f"{text}. The start of lower DSE is faster in {found['faster'].sum()}, "
            f"ends higher in {found['higher'].sum()} of {len(found)} pairs",
            "confirmed" if holds else "not confirmed",
        )


def draw(table, path):
    """DSE and accuracy by epoch."""
    import matplotlib.pyplot as plt

    datasets = list(dict.fromkeys(table["dataset"]))
    figure, axes = plt.subplots(
        len(datasets),
        3,
        figsize=(10, 3.4 * len(datasets)),
        squeeze=False,
        layout="constrained",
    )
    for row, dataset in zip(axes, datasets, strict=True):
        part = table[table["dataset"] == dataset]
        panels = [(name, "DSE(Z)") for name in SETTINGS] + [("default", "accuracy")]
        for ax, (setting, name) in zip(row, panels, strict=True):
            one = part[part["setting"] == setting]
            for i, (weights, runs) in enumerate(one.groupby("regime")):
                label = f"N(0, {weights.split()[1]}²)"
                for j, (_, run) in enumerate(runs.groupby("seed")):
                    curve = run.sort_values("epoch")
                    ax.plot(
                        curve["epoch"],
                        curve[name],
                        ".-",
                        color=f"C{i}",
                        label=None if j else label,
                    )
            title = f"DSE, {setting}" if name != "accuracy" else "accuracy"
            ylabel = "bits" if name != "accuracy" else "share of held-out images"
            ax.set(title=f"{dataset}: {title}", xlabel="epoch", ylabel=ylabel)
    axes[0, 2].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main():
    """Measure, compare, draw."""
    options = common.parse(common.parser(__doc__, "seeds", "data-home", "cache"))
    if options.quick:
        checkpoints.make_all(options)
    results = options.out / "results"
    table = common.run_cases(
        results / "initialisation.csv",
        runs_in(options.cache, options.datasets, options.seeds, REGIMES),
        lambda **case: measure(**case, options=options, stride=1),
    )
    runs = summary(table)
    numbers = runs.select_dtypes(np.number).columns
    runs.assign(**runs[numbers].round(3)).to_csv(
        results / "initialisation_runs.csv", index=False
    )
    judge(runs, options)
    draw(table, options.out / "figures" / "initialisation.png")


if __name__ == "__main__":
    main()
