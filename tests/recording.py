"""An entropy that notes the samples of each set whose entropy is asked for."""

import numpy as np
from sklearn.metrics.pairwise import rbf_kernel

from skdse import DiffusionSpectralEntropy


def recording_entropy(seen, sigma=1.0, **params):
    """Entropy of Gaussian affinities that appends each set of samples to a list."""

    def affinity(X):
        seen.append(X)
        return rbf_kernel(X, gamma=1 / (2 * sigma**2))

    return DiffusionSpectralEntropy(affinity=affinity, **params)


def rows_of(sets, X):
    """Rows of X in each set of its samples, which differ in their first feature."""
    number = {value: row for row, value in enumerate(X[:, 0])}
    assert len(number) == len(X)
    return [np.array([number[value] for value in one[:, 0]]) for one in sets]
