"""Mutual information on a kNN graph: how many neighbours do groups need?

In a random subset of a share f of the samples, a graph of k neighbours keeps about f k
edges of each sample. Representations of digits, MNIST and Gaussian clusters are ranked
by DSMI on graphs of several k and at several times, for few and for many groups; how
this ranking agrees with that of all pairs, beside the share of samples without an edge
in their group, and in random ones. Then: four clusters far apart, of whose labels some
are right.

    cd doc/studies; python graph_groups.py [--data-home DIR]
"""

from itertools import product

import numpy as np
import pandas as pd
from common import parse, parser
from scipy.stats import pearsonr, spearmanr
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsTransformer

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

NEIGHBORS = (5, 15, 50)
TIMES = (1, 2, 5)
GROUPS = (2, 10, 50)
SHARES_RIGHT = (0, 0.25, 0.5, 0.75, 1)
N_REPEATS = 3
N_FEATURES = 30


def digits(rng, data_home):
    """1000 digits, and 797 others."""
    X, y = load_digits(return_X_y=True)
    rows = rng.permutation(len(X))
    X, y = X[rows] / 16, y[rows]
    return X[:1000], y[:1000], X[1000:], y[1000:]


def mnist(rng, data_home):
    """1000 test images of MNIST, and 1000 others."""
    with np.load(f"{data_home}/mnist.npz") as data:
        X, y = data["X_test"].reshape(-1, 784) / 255, data["y_test"].ravel()
    rows = rng.permutation(len(X))[:2000]
    return X[rows[:1000]], y[rows[:1000]], X[rows[1000:]], y[rows[1000:]]


def clusters(rng, data_home):
    """1000 samples of ten overlapping Gaussian clusters, and 1000 others."""
    centers, y = rng.normal(size=(10, N_FEATURES)), rng.integers(10, size=2000)
    X = centers[y] + rng.normal(size=(2000, N_FEATURES))
    return X[:1000], y[:1000], X[1000:], y[1000:]


DATA = {"digits": digits, "MNIST": mnist, "clusters": clusters}


def representations(X, others, labels, rng):
    """Representations of X by name; what learns from labels has those of others."""
    d, spread = X.shape[1], X.std()
    pca = PCA(N_FEATURES, random_state=0).fit(X)
    Z = pca.transform(X)
    found = {f"PCA {k}": Z[:, :k] for k in (1, 2, 3, 5, 10, N_FEATURES)}
    found |= {"late": Z[:, 10:], "whitened": Z / Z.std(axis=0), "raw": X}
    for k in (2, 8, 32):
        found[f"projected {k}"] = X @ rng.normal(size=(d, k)) / k**0.5
    for factor in (1, 2, 4):
        found[f"noise {factor}"] = X + factor * spread * rng.normal(size=X.shape)
    found["noise"] = rng.normal(size=(len(X), 16))
    W = rng.normal(size=(d, 64)) / d**0.5
    found["layer"] = np.maximum((X - X.mean()) @ W, 0)
    lda = LinearDiscriminantAnalysis().fit(others, labels)
    return found | {"LDA": lda.transform(X)}


def groups_of(X, y, n_groups):
    """Labels of ten classes, else halves of these, or clusters of X."""
    if n_groups in (2, 10):
        return y if n_groups == 10 else y // 5
    return KMeans(n_clusters=n_groups, n_init=1, random_state=0).fit_predict(X)


def isolated_shares(Z, k, groups, rng):
    """Share of the samples without an edge in their group, and with permuted groups."""
    graph = KNeighborsTransformer(n_neighbors=k).fit_transform(Z)
    i, j = graph.nonzero()
    shares = []
    for labels in (groups, rng.permutation(groups)):
        within = (labels[i] == labels[j]) & (i != j)
        joined = np.zeros(len(Z), bool)
        joined[i[within]] = joined[j[within]] = True
        shares.append(1 - joined.mean())
    return shares


def mutual_info(entropy, Z, targets):
    """DSMI of Z and of each target, at one scale."""
    dsmi = DiffusionSpectralMI(
        entropy, target="discrete", n_repeats=N_REPEATS, random_state=0
    )
    return [dsmi.fit(Z, groups).mutual_info_ for groups in targets]


def study(name, data_home):
    """Rows of the table for one data set."""
    rng = np.random.default_rng(0)
    X, y, others, labels = DATA[name](rng, data_home)
    targets = [groups_of(X, y, n_groups) for n_groups in GROUPS]
    found = representations(X, others, labels, rng)
    pairs = np.array([mutual_info(None, Z, targets) for Z in found.values()])
    rows = []
    for k, t in product(NEIGHBORS, TIMES):
        values = [mutual_info(graph(k, t), Z, targets) for Z in found.values()]
        shares = [
            [isolated_shares(Z, k, groups, rng) for groups in targets]
            for Z in found.values()
        ]
        rows += compared(name, k, t, np.array(values), pairs, np.array(shares))
    return rows


def graph(k, t):
    """Entropy on a graph of k neighbours at time t."""
    return DiffusionSpectralEntropy(affinity="nearest_neighbors", n_neighbors=k, t=t)


def compared(name, k, t, values, pairs, shares):
    """Rows of the table: values (n_representations, n_targets) beside all pairs'."""
    return [
        {
            "data": name,
            "groups": n_groups,
            "k": k,
            "t": t,
            "f k": k / n_groups,
            "isolated, groups": np.median(shares[:, i, 0]),
            "isolated, subsets": np.median(shares[:, i, 1]),
            "Spearman": spearmanr(values[:, i], pairs[:, i]).statistic,
            "Pearson": pearsonr(values[:, i], pairs[:, i]).statistic,
            "largest [bits]": values[:, i].max(),
            "all pairs, largest [bits]": pairs[:, i].max(),
        }
        for i, n_groups in enumerate(GROUPS)
    ]


def right_labels():
    """Rows of the table of DSMI by the share of right labels, clusters far apart."""
    rng, y = np.random.default_rng(0), np.arange(1000) % 4
    X = 4 * rng.normal(size=(4, 16))[y] + rng.normal(size=(1000, 16))
    u, noise = rng.random(1000), rng.permutation(y)
    targets = [np.where(u < share, y, noise) for share in SHARES_RIGHT]
    names = [f"{share:.0%} right" for share in SHARES_RIGHT]
    entropies = {("all pairs", 1): None}
    entropies |= {(k, t): graph(k, t) for k, t in product(NEIGHBORS, (*TIMES, 20))}
    return [
        {"k": k, "t": t} | dict(zip(names, mutual_info(one, X, targets), strict=True))
        for (k, t), one in entropies.items()
    ]


def main():
    """Measure, and write the tables."""
    options = parser(__doc__)
    options.add_argument("--data-home", help="folder with mnist.npz; else without it")
    options = parse(options)
    rows = []
    for name in DATA:
        if name != "MNIST" or options.data_home:
            rows += study(name, options.data_home)
    for name, table in {"graph_groups": rows, "graph_labels": right_labels()}.items():
        table = pd.DataFrame(table).round(3)
        table.to_csv(options.out / "results" / f"{name}.csv", index=False)
        print(table.to_string(index=False))


if __name__ == "__main__":
    main()
