"""Which form of DSMI follows the accuracy of a linear probe everywhere at once?

In bits or as a share of the entropy, at several scales, times and references: along the
layers of trained networks, along their training on right and on permuted labels (the
networks of headline_networks.py), and over the two zoos of model_choice.py, whose
scores are read from the folder of results.

    python doc/studies/headline_networks.py --cache CACHE --data-home DATA
    python doc/studies/headline.py --cache CACHE --data-home DATA
"""

import warnings
from dataclasses import replace
from functools import cache

import common
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from settings import Representation, Setting, entropy, mutual_info
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

N_MEASURED = 1000  # of the held-out samples; all of them tell the probe's accuracy
N_PERMUTED = 5
DEFAULT = Setting("adaptive", 5, metric="sqeuclidean")
WHOLE = Setting("median")  # of DSE
NETWORK = ["dataset", "architecture"]
ZOOS = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
KINDS = ("Pearson", "Spearman")
MEASURED = ["bits", "share", "permuted", "spread", "DSE"]
RIGHT = "supervised"
ENOUGH = 0.8  # least tau
# Most that permuted labels may raise it, in parts of what right ones change.
FLAT = 0.2
CLOSE = 0.01  # most that a correlation over a zoo may be below the default's
SHOWN = ("bits", "share")
DRAWN = (
    ("bits", DEFAULT.name),
    ("share", replace(DEFAULT, neighbors=10).name),
    ("bits", replace(DEFAULT, scale=2.0).name),
)
N_BEST = 12


def candidates():
    """Settings of which every form is compared."""
    changes = [{"neighbors": k} for k in (3, 10, 15, 30)]
    changes += [{"scale": scale} for scale in (0.5, 2.0)]
    changes += [{"t": t} for t in (2, 3, 5)]
    local = [DEFAULT, *(replace(DEFAULT, **change) for change in changes)]
    cosine = [Setting("adaptive", k, metric="cosine") for k in (3, 5, 10)]
    plain = [Setting("adaptive", 5), Setting("knn", 5, metric="sqeuclidean")]
    wide = [Setting("median", scale=scale) for scale in (0.25, 0.5, 1.0, 2.0)]
    wide += [Setting("median", t=t) for t in (2, 3, 5)]
    return [*local, *cosine, *plain, *wide, Setting("median", metric="sqeuclidean")]


# Measures


def probe_accuracies(Z, y):
    """Accuracies of probes on held-out samples, by 5-fold cross-validation."""
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=100))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*lbfgs failed to converge")
        return {
            "linear": cross_val_score(linear, Z, y, cv=5).mean(),
            "5-NN": cross_val_score(KNeighborsClassifier(5), Z, y, cv=5).mean(),
        }


def measure(Z, y, settings, *, probed=True):
    """Rows of a representation, a row for each setting, with the probes' accuracies.

    At the default setting it is measured with permuted labels, too.
    """
    found = {"n": len(Z)} | (probe_accuracies(Z, y) if probed else {})
    Z, y = Z[:N_MEASURED], y[:N_MEASURED]
    representation, rng, rows = Representation(Z), np.random.default_rng(0), []
    warnings.filterwarnings("ignore", "Every sample sees")  # at the smallest scales
    for setting in settings:
        bits, share = mutual_info(representation, setting, y)
        row = found | {"setting": setting.name, "bits": bits, "share": share}
        if setting == DEFAULT:
            chance = [
                mutual_info(representation, setting, rng.permutation(y))[0]
                for _ in range(N_PERMUTED)
            ]
            row |= {"permuted": np.mean(chance), "spread": np.std(chance, ddof=1)}
            row["DSE"] = entropy(representation, WHOLE, times=(1,))[1]
        rows.append(row)
    return rows


@cache
def held_out_labels(dataset, data_home):
    """Labels of the held-out samples."""
    import headline_networks

    return headline_networks.load(dataset, data_home).y_test


def measure_run(options, **run):
    """Rows of one network: of its layers, and of its last ones while it is trained.

    Of a network that learnt permuted labels the last hidden layer is measured, with
    the right labels of held-out samples and with those that it learnt.
    """
    import headline_networks

    y = held_out_labels(run["dataset"], options.data_home)
    right = run["regime"] == RIGHT
    with np.load(headline_networks.path_of(options.cache, *run.values())) as file:
        arrays = dict(file)
    names = [name for name in arrays if _is_measured(name, right)]
    jobs = (
        delayed(measure)(
            arrays[name],
            arrays["y_train"] if name.startswith("train") else y,
            [DEFAULT] if name.startswith("train") else candidates(),
            probed=right,
        )
        for name in names
    )
    rows = []
    for name, found in zip(names, Parallel(n_jobs=-1)(jobs), strict=True):
        kind, point, layer = name.split("/")
        where = {"kind": kind, "point": int(point), "layer": layer}
        rows += [where | one for one in found]
    return rows


def _is_measured(name, right):
    """Whether an array is a representation to measure."""
    if right:
        return name.startswith(("layers/", "held-out/"))
    return name.startswith(("held-out/", "train/")) and name.endswith("/hidden")


# Forms


def with_forms(table):
    """Long table of every form: columns "form" and "value" for those of measures.

    What "permuted", "spread" and "DSE" lack has no form that needs them.
    """
    table = table.reindex(columns=table.columns.union(MEASURED, sort=False))
    bits, chance = table["bits"], table["permuted"]
    bound = np.fmin(bits / table["share"].where(table["share"] != 0), np.log2(10))
    values = {
        "bits": bits,
        "share": table["share"],
        "of H(Y)": bits / bound,
        "less chance": bits - chance,
        "adjusted for chance": (bits - chance) / (bound - chance),
        "z-score": (bits - chance) / table["spread"],
        "of DSE": bits / table["DSE"],
    }
    where = table.drop(columns=MEASURED)
    parts = [where.assign(form=form, value=value) for form, value in values.items()]
    return pd.concat(parts).dropna(subset="value")


def decided(accuracy, n, errors=1):
    """Pairs whose accuracies differ by more than standard errors: i, j and signs.

    The error is that of the difference of two accuracies of n samples each.
    """
    accuracy = np.asarray(accuracy)
    i, j = np.triu_indices(len(accuracy), 1)
    variance = accuracy * (1 - accuracy) / n
    gain = accuracy[j] - accuracy[i]
    kept = np.abs(gain) > errors * np.sqrt(variance[i] + variance[j])
    return i[kept], j[kept], np.sign(gain[kept])


def pairs_in_order(part, probe, errors):
    """Decided pairs that values order as accuracies do, less the others; and all."""
    i, j, signs = decided(part[probe], part["n"].iloc[0], errors)
    value = part["value"].to_numpy()
    return (signs * np.sign(value[j] - value[i])).sum(), len(signs)


def taus(table, groups, probe="linear", errors=1):
    """Kendall's tau over the decided pairs of each seed; columns "τ" and "pairs"."""
    keys = ["setting", "form", *groups]
    rows = [
        (*key, *pairs_in_order(part, probe, errors))
        for key, part in table.groupby([*keys, "seed"])
    ]
    counts = pd.DataFrame(rows, columns=[*keys, "seed", "order", "pairs"])
    counts = counts.groupby(keys)[["order", "pairs"]].sum()
    return counts.assign(τ=counts["order"] / counts["pairs"])


def changes(table):
    """Change of every form from before the training to its end, median of the seeds."""
    keys = ["setting", "form", *NETWORK, "layer"]
    ends = table.sort_values("point").groupby([*keys, "seed"])["value"]
    return (ends.last() - ends.first()).groupby(keys).median()


def by_form(table):
    """What every form does along layers, training and permuted labels, at worst."""
    right = table[table["regime"] == RIGHT]
    layers, course = (right[right["kind"] == kind] for kind in ("layers", "held-out"))
    still = layers["dataset"] == "digits"  # moved digits are as hard as images
    images, digits = layers[~still], layers[still]
    permuted = table[(table["regime"] != RIGHT) & (table["kind"] == "held-out")]
    found = {
        "layers, images": taus(images, NETWORK)["τ"],
        "layers, digits": taus(digits, NETWORK)["τ"],
        "layers, 5-NN": taus(layers, NETWORK, "5-NN")["τ"],
        "training": taus(course, [*NETWORK, "layer"])["τ"],
        "training, 2 errors": taus(course, [*NETWORK, "layer"], errors=2)["τ"],
    }
    found = {
        name: one.groupby(["form", "setting"]).min() for name, one in found.items()
    }
    drift = changes(permuted) / changes(course).abs()
    found["permuted"] = drift.groupby(["form", "setting"]).max()
    return pd.DataFrame(found)


# Zoos


def zoo_forms(name, results):
    """Accuracies of a zoo, and its forms, (form, setting) by column."""
    scores = pd.read_csv(results / f"scores_{name}.csv")
    parts = []
    for setting in candidates():
        column = f"DSMI(Z;Y) {setting.name}"
        part = pd.DataFrame({"bits": scores[column]})
        part["share"] = scores[f"{column} (share)"]
        if setting == DEFAULT:
            part["DSE"] = scores[f"DSE {WHOLE.name}"]
        parts.append(part.assign(setting=setting.name, place=scores.index))
    long = with_forms(pd.concat(parts))
    wide = long.pivot(index="place", columns=["form", "setting"], values="value")
    # The share of nothing is nothing.
    return scores["linear accuracy"], wide.fillna(0)


def zoo_table(results):
    """Agreement of every form with the probe on both zoos, and the most it loses.

    "lost" is the least difference of the four from the default in bits.
    """
    found = {}
    for name, title in ZOOS.items():
        accuracy, forms = zoo_forms(name, results)
        for kind in KINDS:
            one = forms.corrwith(accuracy, method=kind.lower())
            found[f"{title} {kind}"] = one.fillna(0)  # of a constant
    found = pd.DataFrame(found)
    default = found.loc["bits", DEFAULT.name]
    return found.assign(lost=(found - default).min(axis=1))


def summary(table, results):
    """Every form and what it does; those that hold at most places first."""
    found = by_form(with_forms(table)).join(zoo_table(results))
    holds = pd.DataFrame(
        {
            "layers, images": found["layers, images"] >= ENOUGH,
            "layers, digits": found["layers, digits"] >= ENOUGH,
            "training": found["training"] >= ENOUGH,
            "permuted": found["permuted"] <= FLAT,
            "zoos": found["lost"] >= -CLOSE,
        }
    )
    found["holds"] = holds.sum(axis=1)
    found["fails"] = [", ".join(holds.columns[~row]) for row in holds.to_numpy()]
    return found.sort_values(["holds", "lost"], ascending=False)


def best(found):
    """The forms that hold at most places, and one at half the median distance."""
    # "of H(Y)" orders nearly as bits do.
    found = found[found.index.get_level_values("form") != "of H(Y)"]
    return pd.concat([found.head(N_BEST), found.loc[[("bits", WHOLE.name)]]])


def by_network(table):
    """Pairs that accuracy decides and tau, for every network."""
    table = with_forms(table)
    table = table[(table["regime"] == RIGHT) & table["form"].isin(SHOWN)]
    table["along"] = np.where(table["kind"] == "layers", "layers", table["layer"])
    found = taus(table, [*NETWORK, "along"]).reset_index()
    wide = found.pivot(
        index=[*NETWORK, "along", "pairs"], columns=["form", "setting"], values="τ"
    )
    return wide.set_axis([", ".join(one) for one in wide.columns], axis=1)


# Figure


def draw(table, settings, path):
    """Forms against accuracy, along layers and in training; and with permuted labels.

    A row for each pair of a form and a setting; dots are layers or epochs, in order.
    """
    import matplotlib.pyplot as plt

    table = with_forms(table)
    figure, axes = plt.subplots(
        len(settings), 3, figsize=(10, 2.9 * len(settings)), layout="constrained"
    )
    for row, (form, setting) in zip(axes, settings, strict=True):
        part = table[(table["form"] == form) & (table["setting"] == setting)]
        right = part[part["regime"] == RIGHT]
        course = part[(part["kind"] == "held-out") & (part["layer"] == "hidden")]
        _curves(row[0], right[right["kind"] == "layers"], "linear")
        _curves(row[1], course[course["regime"] == RIGHT], "linear")
        _curves(row[2], course[course["regime"] == "permuted"], "part")
        row[0].set_ylabel(f"{form}\n{setting}")
    titles = "along layers", "in training, last hidden layer", "permuted labels"
    labels = *["accuracy of a linear probe"] * 2, "part of the training"
    for ax, last, title, label in zip(axes[0], axes[-1], titles, labels, strict=True):
        ax.set_title(title)
        last.set_xlabel(label)
    for ax in axes.ravel():
        ax.set_ylim(0, None)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _curves(ax, table, x):
    """A line for each network: means over seeds, a dot for each layer or epoch."""
    for i, (keys, part) in enumerate(table.groupby(NETWORK)):
        mean = part.groupby("point")[["linear", "value"]].mean()
        mean["part"] = np.linspace(0, 1, len(mean))
        ax.plot(
            mean[x], mean["value"], "o-", ms=3, color=f"C{i}", label=", ".join(keys)
        )


def main():
    """Measure, compare the forms, draw."""
    import headline_networks

    options = common.parse(common.parser(__doc__, "seeds", "data-home", "cache"))
    headline_networks.make_all(options)
    keys = ("dataset", "architecture", "regime", "seed")
    runs = headline_networks.all_runs(options.datasets, options.seeds)
    table = common.run_cases(
        options.cache / "headline_measures.csv",
        [dict(zip(keys, run, strict=True)) for run in runs],
        lambda **case: measure_run(options, **case),
    )
    results, shown = options.out / "results", [setting for _, setting in DRAWN]
    part = table[table["setting"].isin(shown)]
    part.to_csv(results / "headline_shown.csv", index=False, float_format="%.4g")
    found = summary(table, common.HERE / "results").round(3)
    found.to_csv(results / "headline.csv")
    best(found).to_csv(results / "headline_best.csv")
    by_network(part).round(2).to_csv(results / "headline_networks.csv")
    draw(part, DRAWN, options.out / "figures" / "headline.png")


if __name__ == "__main__":
    main()
