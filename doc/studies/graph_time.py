"""Which diffusion time makes the entropy of a kNN graph that of all pairs?

Toy data, images, and layers of networks before and after their training (each of them
measured on images that it was not trained on): the entropy of all pairs at t = 1, and
that of the graph at t = 1, at ``t="matched"`` and at t = 100. Then the same for more
and more samples of one distribution, up to a million.

    cd doc/studies; python graph_time.py --cache DIR [--data-home DIR]

Cases in the tables are not measured again, so it can be stopped and resumed.
"""

import time
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
TOL = 5e-3
LATE = 100
# The matched time of these is so late that Lanczos takes long.
LINES = ("uniform 1", "circle")
SEPARATE = {3: 6, 10: 6, 30: 6}
GROWING = {
    "uniform 4": (10_000, 60_000, 100_000, 1_000_000),
    "uniform 8": (10_000, 60_000, 100_000, 1_000_000),
    "MNIST, PCA 20": (10_000, 60_000),
}
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


def real_data(cache, data_home, quick):
    """Pixels and layers (10,000, d) by name, kept in the folder cache."""
    cache.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in ("mnist",) if quick else ("mnist", "cifar10"):
        path = cache / f"graph_time_{name}.npz"
        if not path.exists():
            np.savez(path, **images_and_layers(name, data_home, quick))
        with np.load(path) as file:
            found |= {key: file[key] for key in file.files}
    return found


def images_and_layers(name, data_home, quick):
    """Pixels, principal components and layers of three networks."""
    import torch
    import zoo

    images = load_images(name, data_home, n_train=6000, n_test=max(SIZES))
    pixels = images.test.reshape(len(images.test), -1)
    found = {f"{name}, pixels": pixels}
    found[f"{name}, PCA 20"] = PCA(20, random_state=0).fit_transform(pixels)
    networks = ((zoo.perceptron, 128), (zoo.convolutional, 32), (zoo.transformer, 64))
    for architecture, width in networks[: 1 if quick else None]:
        torch.manual_seed(0)
        net = architecture(images.test.shape[1:], width)
        epochs = 1 if quick else 6
        for stage in zoo.train(net, images.train, images.y_train, epochs, 0):
            if stage in (0, 1):
                label = f"{name}, {architecture.__name__}"
                label += ", trained" if stage else ", at random"
                *hidden, last = stages_of(net, images.test)
                found |= {f"{label}, hidden": Z for Z in hidden[:1]}
                found[f"{label}, last"] = last
    return {key: Z.astype(np.float32) for key, Z in found.items()}


def stages_of(net, X, batch=500):
    """Outputs of the stages of a network."""
    import torch

    with torch.no_grad():
        parts = [
            net.features(torch.as_tensor(X[start : start + batch]))
            for start in range(0, len(X), batch)
        ]
    return [torch.cat(outputs).numpy() for outputs in zip(*parts, strict=True)]


# Measures


def timed(function):
    """What a function returns, and the seconds that it takes."""
    start = time.perf_counter()
    found = function()
    return found, time.perf_counter() - start


def entropies(X, solver="auto", pairs=True):
    """Entropies of all pairs and of the graph, a row of the table."""
    row = {}
    if pairs:
        dse = DiffusionSpectralEntropy(tol=TOL, random_state=0)
        _, seconds = timed(lambda: dse.fit(X))
        row |= {"all pairs": dse.entropy_, "all pairs [s]": seconds}
    graph = DiffusionSpectralEntropy(
        affinity="nearest_neighbors",
        t="matched",
        eigen_solver=solver,
        tol=TOL,
        random_state=0,
    )
    _, seconds = timed(lambda: graph.fit(X))
    row |= {"t": graph.t_, "matched": graph.entropy_}
    row |= {"matched, error": graph.entropy_std_error_}
    first, last = graph.entropy_curve([1, LATE])
    return row | {TIMES[0]: first, TIMES[2]: last, "graph [s]": seconds}


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
    real = real_data(options.cache, options.data_home, options.quick)
    sizes = (300, 600) if options.quick else SIZES

    def measure(data, n):
        X = real[data][:n] if data in real else toy(data, n)
        is_late = data in LINES and n > SIZES[0]
        return entropies(X, "dense32" if is_late else "auto")

    cases = [{"data": name, "n": n} for n in sizes for name in (*TOYS, *real)]
    table = run_cases(results / "graph_time.csv", cases, measure)
    found = agreement(table)
    found.to_csv(results / "graph_time_agreement.csv", index=False)
    print(found.to_string(index=False))
    draw(table, options.out / "figures" / "graph_time.png")
    print(grown(options, results).to_string(index=False))


def grown(options, results):
    """Table of entropies of more and more samples."""

    def measure(data, n):
        if data in TOYS:
            X = toy(data, n)
        else:
            train = load_images("mnist", options.data_home, 60_000).train
            X = PCA(20, random_state=0).fit_transform(train.reshape(len(train), -1))[:n]
        return entropies(X, pairs=n <= ALL_PAIRS_MOST)

    growing = {"uniform 4": (500, 1000)} if options.quick else GROWING
    cases = [{"data": name, "n": n} for name, sizes in growing.items() for n in sizes]
    return run_cases(results / "graph_time_sizes.csv", cases, measure)


if __name__ == "__main__":
    main()
