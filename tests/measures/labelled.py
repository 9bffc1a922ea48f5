"""Labelled samples, and entropies, to measure mutual information of."""

import numpy as np

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    MatrixEntryEntropy,
    ShannonEntropy,
)

ATOL = 1e-12
ENTROPIES = [
    None,
    DiffusionSpectralEntropy(),
    DiffusionSpectralEntropy(affinity="nearest_neighbors", n_neighbors=5),
    DiffusionSpectralEntropy(bandwidth="knn", alpha=0, t=2),
    ShannonEntropy(3),
    ShannonEntropy(bin_range="each"),
    MatrixEntryEntropy(),
    AdjacencySpectralEntropy("anisotropic"),
    AdjacencySpectralEntropy("nearest_neighbors", n_neighbors=4),
]
NAMES = np.array(["ant", "bee", "cat"])


def fixed(sigma=1.0, **params):
    """Entropy with a fixed bandwidth."""
    return DiffusionSpectralEntropy(bandwidth=sigma, **params)


def clusters(sizes=(12, 20, 31), spread=1.0, seed=0):
    """Clusters in four dimensions that touch, and the label of each sample."""
    rng = np.random.RandomState(seed)
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centers = 2 * rng.standard_normal((len(sizes), 4))
    return centers[y] + spread * rng.standard_normal((len(y), 4)), y


def points(labels):
    """A point for each label, far from all others: a cluster without extent."""
    return 1e3 * np.asarray(labels, dtype=float)[:, None]
