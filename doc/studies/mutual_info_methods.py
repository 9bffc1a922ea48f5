"""Estimators of the mutual information of samples and labels that the studies compare.

Each is a function of (X, y, seed) to bits. KSG is infomeasure's, MINE torch-mist's
(``pip install "skdse[bench]"``).
"""

import warnings

import numpy as np
from sklearn.base import clone

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
)

MINE_STEPS, MINE_BATCH, MINE_RATE = 2000, 500, 1e-4


def entropic(estimator, n_repeats=5):
    """Mutual information as a difference of entropies."""

    def measure(X, y, seed=0):
        dsmi = DiffusionSpectralMI(
            estimator, target="discrete", n_repeats=n_repeats, random_state=seed
        )
        with warnings.catch_warnings():
            # That a fixed σ sees single samples, or one blob, is a result here.
            warnings.filterwarnings("ignore", "Every sample sees")
            return dsmi.fit(X, y).mutual_info_

    return measure


def dsmi(sigma=None, alpha=0.5, t=1):
    """DSMI of a fixed bandwidth, or by default."""
    if sigma is None:
        if t == 1:
            return entropic(None)
        return entropic(default_entropy().set_params(t=t))
    return entropic(DiffusionSpectralEntropy(bandwidth=sigma, alpha=alpha, t=t))


def default_entropy():
    """Entropy estimator that DSMI has by default."""
    fitted = DiffusionSpectralMI().fit(np.arange(8.0)[:, None], [0, 1] * 4)
    return clone(fitted.estimator_)


def ksg(X, y, seed=0):
    """Kraskov, Stögbauer and Grassberger's, the labels as numbers."""
    import infomeasure

    rng = np.random.default_rng(seed)
    y = y.astype(float) + 1e-10 * rng.normal(size=len(y))
    value = infomeasure.mutual_information(
        X.astype(float), y, approach="metric", k=3, base=2
    )
    return float(value)


def mine(X, y, seed=0, steps=None):
    """Belghazi et al.'s lower bound, on one-hot labels, with the paper's settings.

    The batches and the rate are the paper's, and the steps as many as it makes on 5000
    samples. The value is that of all samples, after training on the same.
    """
    import torch
    from torch_mist.estimators import mine as make

    torch.manual_seed(seed)
    labels, index = np.unique(y, return_inverse=True)
    X = torch.as_tensor(X, dtype=torch.float32)
    Y = torch.eye(len(labels))[torch.as_tensor(index)]
    estimator = make(x_dim=X.shape[1], y_dim=len(labels), hidden_dims=[100])
    optimizer = torch.optim.Adam(estimator.parameters(), lr=MINE_RATE)
    estimator.train()
    for _ in range(steps or MINE_STEPS):
        rows = torch.randperm(len(X))[:MINE_BATCH]
        optimizer.zero_grad()
        estimator.loss(X[rows], Y[rows]).backward()
        optimizer.step()
    estimator.eval()
    with torch.no_grad():
        return float(estimator.mutual_information(X, Y)) / np.log(2)


def methods(sigma):
    """Name: function, for all methods but the slow ones; sigma is the paper's."""
    found = {
        "DSMI, default": dsmi(),
        "DSMI, paper's σ": dsmi(sigma),
        "DSMI, paper's σ, α = 0": dsmi(sigma, alpha=0.0),
    }
    for n_bins in (5, 10, 100):
        found[f"Shannon, {n_bins} bins"] = entropic(ShannonEntropy(n_bins))
    found["matrix entries"] = entropic(MatrixEntryEntropy(bandwidth=sigma))
    for name in ("gaussian", "anisotropic", "nearest_neighbors"):
        adjacency = AdjacencySpectralEntropy(name, bandwidth=sigma)
        found[f"adjacency, {name.replace('_', ' ')}"] = entropic(adjacency, 1)
    return found


SLOW = {"KSG": ksg, "MINE": mine}
