"""Which diffusion time makes the entropy of a kNN graph that of all pairs?

Toy data, images, and last layers of networks before and after their training (on
images that they were not trained on): the entropy of all pairs at t = 1, and
that of the graph at t = 1, at ``t="matched"`` and at t = 100. Then the same for more
and more samples of two distributions, up to a million.

    cd doc/studies; python graph_time.py --cache DIR [--data-home DIR]

Cases in the tables are not measured again, so it can be stopped and resumed.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from common import load_images, parse, parser, run_cases
from scipy.stats import pearsonr, spearmanr
from sklearn.datasets import make_moons, make_swiss_roll
from sklearn.decomposition import PCA

from skdse import DiffusionSpectralEntropy

SIZES = (2000, 10_000)
TOL = 2e-2
LATE = 100
# The matched time of these is thousands to a million at n = 10,000, where Lanczos takes
# long or does not converge: they are measured where LAPACK finds all eigenvalues soon.
LINES = ("uniform 1", "circle", "two moons")
SEPARATE = {3: 6, 10: 6, 30: 6}
GROWING = {
    "uniform 8": (10_000, 60_000, 100_000, 1_000_000),
    "30 clusters": (10_000, 60_000, 100_000),
}
N_TRAIN, N_EPOCHS = 3000, 5
NETWORKS = {"perceptron": 128, "convolutional": 16, "transformer": 32}
ALL_PAIRS_MOST = 60_000
TIMES = ("t = 1", "matched", f"t = {LATE}")


# Data


def toy(name, n):
    """Samples (n, d) of a toy distribution."""
    rng = np.random.default_rng(0)
    kind, _, number = name.partition(" ")
    if kind == "uniform":
        return rng.uniform(size=(n, int(number)))
    if name in MAKERS:
        return MAKERS[name](rng, n)
    k = int(kind)
    centers = 6 * rng.normal(size=(k, 16))
    return centers[rng.integers(k, size=n)] + rng.normal(size=(n, 16))


def circle(rng, n):
    """A circle in the plane."""
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def four_of_64(rng, n):
    """Four dimensions in 64, with noise in all."""
    X = rng.normal(size=(n, 4)) @ rng.normal(size=(4, 64))
    return X + 0.3 * rng.normal(size=X.shape)


def clusters_of_clusters(rng, n):
    """Five clusters far apart, each of six that touch."""
    centers = np.repeat(8 * rng.normal(size=(5, 16)), 6, axis=0)
    centers = centers + 2.5 * rng.normal(size=(30, 16))
    return centers[rng.integers(30, size=n)] + 0.7 * rng.normal(size=(n, 16))


MAKERS = {
    "circle": circle,
    "two moons": lambda rng, n: make_moons(n, noise=0.05, random_state=0)[0],
    "swiss roll": lambda rng, n: make_swiss_roll(n, random_state=0)[0],
    "normal, power law": lambda rng, n: rng.normal(size=(n, 64)) / np.arange(1, 65),
    "4 of 64, noise": four_of_64,
    "5 x 6 clusters": clusters_of_clusters,
}
TOYS = [
    *(f"uniform {d}" for d in (1, 2, 4, 8, 16, 32, 64)),
    *(f"{k} clusters" for k in SEPARATE),
    *MAKERS,
]


def images_and_layers(name, options):
    """Pixels and layers (10,000, d) by name; layers are kept in the folder cache."""
    options.cache.mkdir(parents=True, exist_ok=True)
    images, held_out = images_of(name, options.data_home)
    pixels = held_out.reshape(len(held_out), -1)
    found = {f"{name}, pixels": pixels}
    found[f"{name}, PCA 20"] = PCA(20, random_state=0).fit_transform(pixels)
    for architecture, width in list(NETWORKS.items())[: 1 if options.quick else None]:
        path = options.cache / f"graph_time_{name}_{architecture}.npz"
        if not path.exists():
            found_here = layers(images, held_out, architecture, width, options.quick)
            np.savez(path, **found_here)
        with np.load(path) as file:
            label = f"{name}, {architecture}"
            found |= {f"{label} {key}": file[key] for key in file.files}
    return found


def images_of(name, data_home):
    """Images, of which N_TRAIN are for training, and 10,000 others."""
    images, n = load_images(name, data_home, N_TRAIN, max(SIZES)), max(SIZES)
    if len(images.test) < n:  # some more of those for training are left out
        n_train = N_TRAIN + n - len(images.test)
        images = load_images(name, data_home, n_train, n)
    return images, np.concatenate([images.test, images.train[N_TRAIN:]])


def layers(images, held_out, architecture, width, quick):
    """Last layer of a network at random and trained, on images held out."""
    import torch
    import zoo

    torch.manual_seed(0)
    net = getattr(zoo, architecture)(held_out.shape[1:], width)
    epochs, found = 1 if quick else N_EPOCHS, {}
    X, y = images.train[:N_TRAIN], images.y_train[:N_TRAIN]
    for stage in zoo.train(net, X, y, epochs, 0):
        if stage in (0, 1):
            label = "trained" if stage else "at random"
            found[label] = last_layer(net, held_out)
    return found


def last_layer(net, X, batch=500):
    """Output of the last stage of a network before its logits."""
    import torch

    with torch.no_grad():
        parts = [
            net.features(torch.as_tensor(X[start : start + batch]))[-1]
            for start in range(0, len(X), batch)
        ]
    return torch.cat(parts).numpy()


# Measures


def entropies(X, pairs=True, solver="auto"):
    """Entropies of all pairs and of the graph, a row of the table."""
    row, settings = {}, {"tol": TOL, "random_state": 0}
    if pairs:
        row["all pairs"] = DiffusionSpectralEntropy(**settings).fit(X).entropy_
    graph = DiffusionSpectralEntropy(
        affinity="nearest_neighbors", t="matched", eigen_solver=solver, **settings
    ).fit(X)
    row |= {"t": graph.t_, "matched": graph.entropy_}
    row |= {"matched, error": graph.entropy_std_error_}
    first, last = graph.entropy_curve([1, LATE])
    return row | {TIMES[0]: first, TIMES[2]: last}


def agreement(table):
    """Rows of the table of how the entropies of graphs follow those of all pairs."""
    rows = []
    for n, part in table.groupby("n"):
        for name in TIMES:
            off = part[name] - part["all pairs"]
            rows.append(
                {
                    "n": n,
                    "time of the graph": name,
                    "sets": len(part),
                    "Spearman": spearmanr(part[name], part["all pairs"]).statistic,
                    "Pearson": pearsonr(part[name], part["all pairs"]).statistic,
                    "mean difference [bits]": off.mean(),
                    "root mean square [bits]": np.sqrt(np.mean(off**2)),
                    "largest [bits]": off.abs().max(),
                }
            )
    return pd.DataFrame(rows).round(3)


def draw(table, path):
    """Entropy of the graph beside that of all pairs, a panel for each time."""
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.3), sharex=True, sharey=True)
    for ax, name in zip(axes, TIMES, strict=True):
        for (n, part), marker in zip(table.groupby("n"), "o^", strict=False):
            ax.plot(part["all pairs"], part[name], marker, ms=4, label=f"n = {n:,}")
        ends = [0, table["all pairs"].max() + 1]
        ax.plot(ends, ends, color="0.6", lw=1, zorder=0)
        ax.set(title=f"graph, {name}", xlabel="all pairs [bits]")
    axes[0].set_ylabel("graph [bits]")
    axes[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    """Measure, and write the tables and the figure."""
    options = parser(__doc__, "cache")
    options.add_argument("--data-home", help="folder with mnist.npz and cifar10.npz")
    options = parse(options)
    warnings.simplefilter("ignore")
    results = options.out / "results"
    path = results / "graph_time.csv"
    sizes = (300, 600) if options.quick else SIZES
    cases = [
        {"data": name, "n": n}
        for n in sizes
        for name in TOYS
        if name not in LINES or n <= SIZES[0]
    ]
    run_cases(path, cases, measure_toy)
    for name in ("mnist",) if options.quick else ("mnist", "cifar10"):
        table = compared(path, images_and_layers(name, options), sizes)
    found = agreement(table)
    found.to_csv(results / "graph_time_agreement.csv", index=False)
    print(found.to_string(index=False))
    draw(table, options.out / "figures" / "graph_time.png")
    print(grown(options, results).to_string(index=False))


def measure_toy(data, n):
    """Row of toy data."""
    return entropies(toy(data, n), solver="dense" if data in LINES else "auto")


def compared(path, real, sizes):
    """Table with the rows of images and layers added."""
    cases = [{"data": name, "n": n} for n in sizes for name in real]
    return run_cases(path, cases, lambda data, n: entropies(real[data][:n]))


def grown(options, results):
    """Table of entropies of more and more samples."""

    def measure(data, n):
        return entropies(toy(data, n), pairs=n <= ALL_PAIRS_MOST)

    growing = {"uniform 4": (500, 1000)} if options.quick else GROWING
    cases = [{"data": name, "n": n} for name, sizes in growing.items() for n in sizes]
    return run_cases(results / "graph_time_sizes.csv", cases, measure)


if __name__ == "__main__":
    main()
