"""DSE and DSMI while networks train: the paper's findings 1 to 3.

Reads the checkpoints of checkpoints.py. DSE(Z), DSMI(Z;Y) and DSMI(Z;X) of the layer
before the output, by default and with the authors' σ = 10 and α = 0; the accuracy of
the network and of a linear probe. X was clustered once into 10 groups.

    python doc/studies/checkpoints.py --cache CACHE --data-home DATA
    python doc/studies/training_dynamics.py --cache CACHE --data-home DATA
"""

import warnings
from functools import cache

import checkpoints
import common
import numpy as np
import pandas as pd
import trends
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

AUTHORS = {"bandwidth": 10.0, "alpha": 0.0}
MEASURES = ("DSE(Z)", "DSMI(Z;Y)", "DSMI(Z;X)")
SETTINGS = ("default", "σ = 10")
STRIDE = 2  # every second checkpoint is measured


@cache
def targets(dataset, data_home, n_test):
    """Labels of the held-out images, and clusters of those that are measured."""
    images = common.load_images(dataset, data_home, n_train=1, n_test=n_test)
    X = images.test[: images.n_measured].reshape(images.n_measured, -1)
    clustered = DiffusionSpectralMI(target="continuous", n_groups=10, random_state=0)
    return images.y_test, clustered.fit(X, X).labels_


def score(Z, y, clusters, bandwidth=None, alpha=0.5):
    """DSE(Z), DSMI(Z;Y), DSMI(Z;X) and DSE's σ; by default without a bandwidth."""
    dse, entropy = DiffusionSpectralEntropy(random_state=0), None
    if bandwidth is not None:
        dse.set_params(bandwidth=bandwidth, alpha=alpha)
        entropy = dse
    dsmi = DiffusionSpectralMI(entropy, target="discrete", random_state=0)
    with warnings.catch_warnings():
        # A fixed σ sees single samples or one blob at some scales: a result, here.
        warnings.filterwarnings("ignore", "Every sample sees")
        return {
            "DSE(Z)": dse.fit(Z).entropy_,
            "σ": dse.bandwidth_,
            "DSMI(Z;Y)": dsmi.fit(Z, y).mutual_info_,
            "DSMI(Z;X)": dsmi.fit(Z, clusters).mutual_info_,
        }


def probe_accuracy(Z, y):
    """Accuracy of a linear probe on the first half, trained on the second."""
    n = len(Z) // 2
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*lbfgs failed to converge")
        return probe.fit(Z[n:], y[n:]).score(Z[:n], y[:n])


def measure(dataset, regime, architecture, seed, *, options, stride=STRIDE):
    """Rows of one run, one for each measured checkpoint and setting."""
    path = checkpoints.path_of(options.cache, dataset, regime, architecture, seed)
    with np.load(path) as file:
        run = dict(file)
    n_test = run["Z"].shape[1]
    y, clusters = targets(dataset, options.data_home, n_test)
    rows = []
    for i in range(0, len(run["Z"]), stride):
        Z = run["Z"][i]
        row = {
            "epoch": run["epoch"][i],
            "accuracy": run["accuracy"][i],
            "train_accuracy": run["train_accuracy"][i],
            "probe": probe_accuracy(Z, y),
        }
        if regime == "contrastive":
            row["accuracy"] = row["probe"]
        measured, labels = Z[: len(Z) // 2], y[: len(Z) // 2]
        for name, params in zip(SETTINGS, ({}, AUTHORS), strict=True):
            found = score(measured, labels, clusters, **params)
            rows.append({**row, "setting": name, **found})
    return rows


def runs_in(cache, datasets, n_seeds, regimes):
    """Cases of the runs that were trained."""
    keys = ("dataset", "regime", "architecture", "seed")
    return [
        dict(zip(keys, run, strict=True))
        for run in checkpoints.all_runs(datasets, n_seeds)
        if run[1] in regimes and checkpoints.path_of(cache, *run).exists()
    ]


# Trends


def trend_table(table):
    """Trend of each measure, by setting, data set and regime."""
    rows = []
    for keys, part in table.groupby(["setting", "dataset", "regime"]):
        runs = [run for _, run in part.groupby(["architecture", "seed"])]
        for name in MEASURES:
            series = [run.sort_values("epoch")[name].to_numpy() for run in runs]
            taus = [trends.mann_kendall([values])[0] for values in series]
            tau, p = trends.mann_kendall(series)
            changes = [values[-1] - values[0] for values in series]
            later = [values[-1] - values[1] for values in series]
            rows.append(
                dict(zip(("setting", "dataset", "regime"), keys, strict=True))
                | {
                    "measure": name,
                    "runs": len(runs),
                    "positive τ": sum(tau > 0 for tau in taus),
                    "higher at last": sum(change > 0 for change in changes),
                    "τ": tau,
                    "p (Mann-Kendall)": p,
                    "p (sign test)": trends.sign_test(changes)[1],
                    "trend": trends.direction(series),
                    "change": np.median(changes),
                    "later change": np.median(later),
                }
            )
    return pd.DataFrame(rows)


def one_line(found, setting, measure, pairs):
    """Trends of one measure in words."""
    found = found[(found["setting"] == setting) & (found["measure"] == measure)]
    found = found.set_index(["dataset", "regime"])
    parts = []
    for pair in pairs:
        row = found.loc[pair]
        parts.append(
            f"{' '.join(pair)} {row['trend']} ({row['τ']:+.2f}, "
            f"{row['higher at last']}/{row['runs']}, {row['change']:+.2f})"
        )
    return "trend (τ, runs higher at last, change in bits): " + ", ".join(parts)


def verdict(found, setting, measure, expected):
    """Whether the trends are those expected, {(dataset, regime): direction}."""
    found = found[(found["setting"] == setting) & (found["measure"] == measure)]
    seen = found.set_index(["dataset", "regime"])["trend"]
    right = sum(seen[pair] == trend for pair, trend in expected.items())
    if right == len(expected):
        return "confirmed"
    return f"not confirmed: as claimed in {right} of {len(expected)} cases"


def scale_table(table):
    """Spearman correlation of DSE, by setting, with the spread of Z, over checkpoints.

    The spread is half the median distance, the default σ.
    """
    keys = ["dataset", "regime", "architecture", "seed", "epoch"]
    wide = table.pivot(index=keys, columns="setting", values=["DSE(Z)", "σ"])
    rows = []
    for (dataset, regime), part in wide.groupby(["dataset", "regime"]):
        row = {"dataset": dataset, "regime": regime, "checkpoints": len(part)}
        spread = part["σ", "default"]
        for setting in SETTINGS:
            row[setting] = spearmanr(spread, part["DSE(Z)", setting]).statistic
        rows.append(row)
    return pd.DataFrame(rows)


def judge(table, found, options):
    """Write findings 1 to 3, for each setting."""
    present = set(found["dataset"])
    regimes = checkpoints.REGIMES
    pairs = [(data, regime) for data in sorted(present) for regime in regimes]
    where = (
        f"{' and '.join(sorted(present))}; ResNet, ViT; {options.seeds} seeds; "
        f"{common.N_HELD_OUT // 2} images"
    )
    for setting in SETTINGS:
        common.write_finding(
            options.out,
            f"1. DSE rises in training ({setting})",
            where,
            "DSE(Z) rises during training, in all regimes",
            one_line(found, setting, "DSE(Z)", pairs),
            verdict(found, setting, "DSE(Z)", dict.fromkeys(pairs, "rises")),
        )
        judge_labels(found, setting, pairs, where, options)
        trend = {"mnist": "rises", "cifar10": "falls", "stl10": "falls"}
        learning = [pair for pair in pairs if pair[1] != "permuted"]
        common.write_finding(
            options.out,
            f"3. DSMI with the input ({setting})",
            where,
            "DSMI(Z;X) rises on MNIST, falls on CIFAR-10 and STL-10",
            one_line(found, setting, "DSMI(Z;X)", learning),
            verdict(
                found,
                setting,
                "DSMI(Z;X)",
                {pair: trend[pair[0]] for pair in learning},
            ),
        )


def judge_labels(found, setting, pairs, where, options):
    """Write finding 2: it rises where learning generalises, and else stays flat."""
    learning = [pair for pair in pairs if pair[1] != "permuted"]
    one = found[(found["setting"] == setting) & (found["measure"] == "DSMI(Z;Y)")]
    change = one.set_index(["dataset", "regime"])["change"]
    rises = verdict(found, setting, "DSMI(Z;Y)", dict.fromkeys(learning, "rises"))
    shares = {
        data: abs(change[data, "permuted"]) / abs(change[data, "supervised"])
        for data in sorted({pair[0] for pair in pairs})
    }
    flat = all(share < 0.2 for share in shares.values())
    common.write_finding(
        options.out,
        f"2. DSMI with the label ({setting})",
        where,
        "DSMI(Z;Y) rises in generalisable learning, stays flat on permuted labels "
        "(here: changes less than a fifth as much as in supervised learning)",
        one_line(found, setting, "DSMI(Z;Y)", pairs)
        + "; permuted against supervised: "
        + ", ".join(f"{data} {share:.0%}" for data, share in shares.items()),
        f"rising: {rises}; flat: {'confirmed' if flat else 'not confirmed'}",
    )


def draw(table, path, setting):
    """Measures against accuracy's epochs: a row for each measure, mean and runs."""
    import matplotlib.pyplot as plt

    table = table[table["setting"] == setting].copy()
    last = table.groupby(["dataset", "regime"])["epoch"].transform("max")
    table["share"] = table["epoch"] / last
    datasets = list(dict.fromkeys(table["dataset"]))
    figure, axes = plt.subplots(
        len(MEASURES) + 1,
        2 * len(datasets),
        figsize=(11, 9),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    columns = [(data, net) for data in datasets for net in ("resnet", "vit")]
    for column, (data, net) in zip(axes.T, columns, strict=True):
        part = table[(table["dataset"] == data) & (table["architecture"] == net)]
        for ax, name in zip(column, (*MEASURES, "accuracy"), strict=True):
            _curves(ax, part, name)
        column[0].set_title(f"{data}, {net}")
        column[-1].set_xlabel("share of the training")
    for ax, name in zip(axes[:, 0], (*MEASURES, "accuracy"), strict=True):
        ax.set_ylabel(name if name == "accuracy" else f"{name} (bits)")
    axes[-1, 0].legend(fontsize=8)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _curves(ax, table, name):
    """Each run thin, the mean of a regime thick."""
    for i, (regime, part) in enumerate(table.groupby("regime")):
        for _, run in part.groupby("seed"):
            ax.plot(run["share"], run[name], color=f"C{i}", lw=0.6, alpha=0.6)
        mean = part.groupby("share")[name].mean()
        ax.plot(mean.index, mean, color=f"C{i}", lw=2, label=regime)


def draw_against_accuracy(table, path, setting):
    """The paper's plot: measures against accuracy, supervised and contrastive."""
    import matplotlib.pyplot as plt

    table = table[(table["setting"] == setting) & (table["regime"] != "permuted")]
    datasets = list(dict.fromkeys(table["dataset"]))
    figure, axes = plt.subplots(
        len(datasets),
        3,
        figsize=(10, 3.2 * len(datasets)),
        squeeze=False,
        layout="constrained",
    )
    for row, data in zip(axes, datasets, strict=True):
        part = table[table["dataset"] == data]
        for ax, name in zip(row, MEASURES, strict=True):
            groups = part.groupby(["architecture", "regime"])
            for i, (keys, one) in enumerate(groups):
                ax.scatter(
                    one["accuracy"],
                    one[name],
                    s=9,
                    color=f"C{i}",
                    label=", ".join(keys),
                )
            ax.set(title=f"{data}: {name}", xlabel="accuracy", ylabel="bits")
            ax.set_xlim(0, None)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main():
    """Measure, test the trends, draw."""
    options = common.parse(common.parser(__doc__, "seeds", "data-home", "cache"))
    if options.quick:
        checkpoints.make_all(options)
    cases = runs_in(options.cache, options.datasets, options.seeds, checkpoints.REGIMES)
    results, figures = options.out / "results", options.out / "figures"
    table = common.run_cases(
        results / "training_dynamics.csv",
        cases,
        lambda **case: measure(**case, options=options),
    )
    found = trend_table(table)
    found.round(3).to_csv(results / "training_trends.csv", index=False)
    scale_table(table).round(3).to_csv(results / "training_scale.csv", index=False)
    judge(table, found, options)
    draw(table, figures / "training_dynamics.png", "default")
    draw(table, figures / "training_dynamics_sigma_10.png", "σ = 10")
    draw_against_accuracy(table, figures / "training_accuracy.png", "default")


if __name__ == "__main__":
    main()
