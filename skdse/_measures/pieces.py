"""Whether the groups that mutual information looks at hang together in a graph.

Of the k neighbours of a sample among n, about k m / n are among m random samples. Where
groups keep next to no edges, and random subsets have none either, both terms of mutual
information are those of samples alone.
"""

import warnings

import numpy as np

from .._tools.validation import user_stacklevel

# Share of samples without an edge within their group from which on it is told.
ISOLATED_SHARE = 0.5


def warn_of_pieces(samples, labels, sizes):
    """Warn where most samples of a graph have no edge in their group; tell whether."""
    n, m = len(labels), np.median(sizes)
    if len(sizes) == 1 or m == 1:
        return False
    share = samples.meter.isolated_share(samples.X, samples.scale, labels)
    if share < ISOLATED_SHARE:
        return False
    warnings.warn(
        f"{share:.0%} of the samples have no edge of the graph within their group, so "
        "that the mutual information says little. Either y is unrelated to X, or the "
        f"graph is too sparse for groups of {m:g} of {n} samples (median): a graph of "
        f"n_neighbors={int(np.ceil(n / m))} leaves a sample of such a random group one "
        "neighbor. Use more neighbors, fewer groups, or all pairs.",
        UserWarning,
        stacklevel=user_stacklevel(),
    )
    return True
