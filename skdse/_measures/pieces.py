"""Whether the subsets that mutual information compares hang together in a graph.

A sample with k neighbours among n has about k m / n of them among m random samples. Where
that is little, the subsets fall to pieces as groups of strangers do, and the mutual
information sinks towards 0.
"""

import warnings

import numpy as np

from .._tools.validation import user_stacklevel

# Share of samples without an edge from which on rankings by the graph differ from those
# by all pairs (doc/studies/graph_groups.py).
ISOLATED_SHARE = 0.2
# Neighbours times the share of a group, from which on they agree.
ENOUGH = 3


def warn_of_pieces(samples, subset, weights):
    """Warn where many samples of a random subset have no edge in it; tell whether.

    subset maps sizes to rows; the weights are those of the sizes.
    """
    n, sizes = samples.X.shape[0], np.array(list(subset))
    m = sizes[np.argmin(np.abs(sizes - weights @ sizes))]
    if m == n or m == 1:
        return False
    share = samples.meter.isolated_share(samples.X, samples.scale, subset[m])
    if share < ISOLATED_SHARE:
        return False
    warnings.warn(
        f"A random subset of {m} of the {n} samples, as many as a group has, falls to "
        f"pieces: {share:.0%} of its samples have no edge left in the graph, and the "
        "mutual information sinks towards 0. Use more neighbors (n_neighbors of "
        f"{int(np.ceil(ENOUGH * n / m))} or more), fewer groups, or all pairs.",
        UserWarning,
        stacklevel=user_stacklevel(),
    )
    return True
