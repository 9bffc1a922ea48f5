"""DSE and DSMI against accuracy, across models: the paper's finding 5.

Every network of checkpoints.py at five stages of its training, and the pretrained
networks of pretrained.py, on the same 1000 held-out images of a data set. The accuracy
is that of a linear probe, for all alike. By default, and with the paper's σ = √D
(α = 0, as the authors compute). The baseline is the number of parameters.

    python doc/studies/checkpoints.py --cache CACHE --data-home DATA
    python doc/studies/across_models.py --cache CACHE --data-home DATA

The correlations over the zoo of the study of model choice are added, from its
scores_mnist.csv and scores_cifar10.csv.
"""

import warnings
from functools import partial
from pathlib import Path

import checkpoints
import common
import numpy as np
import pandas as pd
import pretrained
from model_choice import DATASETS
from scipy.stats import pearsonr, spearmanr
from training_dynamics import MEASURES, probe_accuracy, runs_in, score, targets

SETTINGS = ("default", "σ = √D")
N_STAGES, N_BOOTSTRAP = 5, 2000
SIZE = "log10 parameters"
AUTHORS_FIGURE = {
    "DSE(Z)": (0.002, -0.014),
    "DSMI(Z;X)": (0.076, 0.008),
    "DSMI(Z;Y)": (0.216, 0.144),
}
ZOO = (
    "DSE median ×0.5",
    "DSMI(Z;X) adaptive k=5",
    "DSMI(Z;Y) adaptive k=5 sqeuclidean",
)


def rows_of(Z, dataset, options):
    """Measures of one representation, one row for each setting."""
    y, clusters = targets(dataset, options.data_home, len(Z))
    half = len(Z) // 2
    accuracy = probe_accuracy(Z, y)
    for setting in SETTINGS:
        params = {}
        if setting != "default":
            params = {"bandwidth": np.sqrt(Z.shape[1]), "alpha": 0.0}
        found = score(Z[:half], y[:half], clusters, **params)
        yield {"setting": setting, "accuracy": accuracy, **found}


def measure_run(dataset, regime, architecture, seed, *, options):
    """Rows of one run at several stages."""
    path = checkpoints.path_of(options.cache, dataset, regime, architecture, seed)
    with np.load(path) as file:
        run = dict(file)
    last = len(run["Z"]) - 1
    rows = []
    for i in sorted({round(one) for one in np.linspace(0, last, N_STAGES)}):
        known = {
            "epoch": run["epoch"][i],
            "final": i == last,
            SIZE: np.log10(run["n_parameters"]),
        }
        rows += [known | row for row in rows_of(run["Z"][i], dataset, options)]
    return rows


def measure_pretrained(dataset, regime, architecture, seed, *, options):
    """Rows of a pretrained network, its features kept in the cache."""
    function, n_parameters = pretrained.extractors()[architecture]
    path = Path(options.cache) / f"{dataset}-{architecture}.npz"
    if not path.exists():
        n_test = 200 if options.quick else common.N_HELD_OUT
        images = common.load_images(
            dataset, options.data_home, n_train=5000, n_test=n_test
        )
        np.savez(path, Z=function(images.pixels()))
    with np.load(path) as file:
        Z = file["Z"]
    known = {"epoch": 0, "final": True, SIZE: np.log10(n_parameters)}
    return [known | row for row in rows_of(Z, dataset, options)]


def measure(options, **case):
    """Rows of one network."""
    one = measure_pretrained if case["regime"] == "pretrained" else measure_run
    return one(**case, options=options)


# Correlations


def correlations(table, rng):
    """Correlation of each measure and of size with accuracy, and 95 % intervals."""
    rows = []
    for which, some in (("all", table), ("final", table[table["final"]])):
        for (dataset, setting), part in some.groupby(["dataset", "setting"]):
            for name in (*MEASURES, SIZE):
                pair = part[[name, "accuracy"]].to_numpy()
                low, high = interval(pair, rng)
                rows.append(
                    {
                        "dataset": dataset,
                        "models": which,
                        "n": len(part),
                        "setting": setting,
                        "measure": name,
                        "Pearson": pearsonr(*pair.T).statistic,
                        "Spearman": spearmanr(*pair.T).statistic,
                        "Spearman from": low,
                        "to": high,
                    }
                )
    return pd.DataFrame(rows)


def interval(pair, rng):
    """95 % bootstrap interval of the Spearman correlation, over models."""
    n = len(pair)
    draws = []
    with warnings.catch_warnings():
        # A draw of models of one size has no correlation, and is left out.
        warnings.filterwarnings("ignore", "An input array is constant")
        for _ in range(N_BOOTSTRAP):
            draws.append(spearmanr(*pair[rng.integers(n, size=n)].T).statistic)
    return np.nanpercentile(draws, [2.5, 97.5])


def zoo_correlations(folder, datasets):
    """The same over the zoos of the study of model choice."""
    rows = []
    for name in sorted(datasets):
        scores = pd.read_csv(Path(folder) / f"scores_{name}.csv")
        for column in ZOO:
            pair = scores[[column, "linear accuracy"]].to_numpy()
            rows.append(
                {
                    "dataset": name,
                    "n": len(pair),
                    "measure": column,
                    "Pearson": pearsonr(*pair.T).statistic,
                    "Spearman": spearmanr(*pair.T).statistic,
                }
            )
    return pd.DataFrame(rows)


def judge(found, options):
    """Write finding 5 for each setting."""
    for setting in SETTINGS:
        part = found[(found["setting"] == setting) & (found["models"] == "all")]
        part = part.set_index(["dataset", "measure"])
        datasets = sorted(set(part.index.get_level_values(0)))
        text, holds = [], True
        for dataset in datasets:
            values = part.loc[dataset]
            text.append(
                f"{dataset}, {values['n'].iloc[0]} checkpoints: "
                + ", ".join(
                    f"{name} {row['Pearson']:.2f} / {row['Spearman']:.2f}"
                    for name, row in values.iterrows()
                )
            )
            label = values.loc["DSMI(Z;Y)"]
            size = values.loc[SIZE, "Spearman"]
            holds &= label["Spearman from"] > 0 and label["Spearman"] > size
        common.write_finding(
            options.out,
            f"5. DSMI and accuracy across models ({setting})",
            "checkpoints of these studies and pretrained networks; linear probe",
            "DSMI relates to accuracy; Pearson / Spearman over 962 ImageNet models: "
            + ", ".join(f"{k} {p} / {s}" for k, (p, s) in AUTHORS_FIGURE.items()),
            "Pearson / Spearman: " + "; ".join(text),
            "confirmed for DSMI(Z;Y)" if holds else "not confirmed",
        )


def draw(table, path):
    """Accuracy against each measure, by regime."""
    import matplotlib.pyplot as plt

    table = table[table["setting"] == "default"]
    datasets = list(dict.fromkeys(table["dataset"]))
    figure, axes = plt.subplots(
        len(datasets),
        len(MEASURES) + 1,
        figsize=(12, 3.2 * len(datasets)),
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    labels = [regime.split()[0] for regime in table["regime"]]
    groups = list(dict.fromkeys(labels))
    table = table.assign(group=labels)
    for row, dataset in zip(axes, datasets, strict=True):
        part = table[table["dataset"] == dataset]
        for ax, name in zip(row, (*MEASURES, SIZE), strict=True):
            for group, one in part.groupby("group"):
                color = f"C{groups.index(group)}"
                label = "scaled weights" if group == "scale" else group
                ax.scatter(one[name], one["accuracy"], s=12, color=color, label=label)
            ax.set_xlabel(name if name == SIZE else f"{name} (bits)")
        row[0].set_ylabel(f"{dataset}: accuracy of a probe")
    handles = {}
    for ax in axes.flat:
        handles |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles)
    )
    figure.savefig(path, dpi=100)


def main():
    """Measure, correlate, draw."""
    options = common.parser(__doc__, "seeds", "data-home", "cache")
    options.add_argument(
        "--zoo", type=Path, default=common.HERE / "results", help="folder of scores"
    )
    options = common.parse(options)
    if options.quick:
        checkpoints.make_all(options)
    regimes = {run[1] for run in checkpoints.all_runs(options.datasets, 1)}
    cases = runs_in(options.cache, options.datasets, options.seeds, regimes)
    if "cifar10" in options.datasets:
        keys = ("dataset", "regime", "architecture", "seed")
        names = pretrained.extractors()
        cases += [
            dict(zip(keys, ("cifar10", "pretrained", name, 0), strict=True))
            for name in names
        ]
    results = options.out / "results"
    table = common.run_cases(
        results / "across_models.csv",
        cases,
        partial(measure, options),
    )
    table["final"] = table["final"].astype(bool)
    found = correlations(table, np.random.default_rng(0))
    found.round(3).to_csv(results / "across_models_correlations.csv", index=False)
    zoo = zoo_correlations(options.zoo, DATASETS).round(3)
    zoo.to_csv(results / "across_models_zoo.csv", index=False)
    judge(found, options)
    draw(table, options.out / "figures" / "across_models.png")


if __name__ == "__main__":
    main()
