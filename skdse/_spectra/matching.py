"""The time at which a walk on a graph has gone as far as a step among all pairs.

A hop between near neighbours is short, and the shorter, the more samples there are. So
the entropy of a graph after one hop hardly depends on the data. A hop among all pairs,
of the Gaussian at half the median distance, goes about the median distance m. The
squares of short hops add up: the walk on the graph has gone as far after

    t = m² / m_k²,  m_k² = Σ_i π_i Σ_j P_ij d_ij²

hops, for the distances d along its edges, its transitions P and their stationary
distribution π. With the operator S = diag(s) G diag(s) and its leading unit vector v,
π_i P_ij = v_i S_ij v_j.
"""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from .._tools.parallel import row_blocks
from .._tools.validation import user_stacklevel
from .affinity import graph_matrix
from .bandwidth import quick_median_distance
from .diffusion import diffusion_operator
from .kernels import at
from .matrices import CopiesMatrix
from .metrics import COSINE, SQUARED

# A walk goes no shorter than a hop. Later than this the shares of eigenvalues hang on
# their last digits in float32: at a time t they are off by t 3e-8.
EARLIEST, LATEST = 1.0, 1e6
BLOCK_ROWS = 65_536
TINY = np.finfo(float).tiny
# Distances that are squares of Euclidean ones: they add up themselves.
SQUARES = (SQUARED, *COSINE)


class Time(NamedTuple):
    """A diffusion time, and its relative standard error."""

    t: float
    log_error: float = 0.0


def matched_time(X, affinity, bandwidth, alpha, seed):
    """Time at which a walk on a graph has gone as far as a step among all pairs.

    The bandwidth is that of the samples X, and knows the edges of their graph.
    """
    metric, edges = affinity.distance, bandwidth.index
    random_state = check_random_state(seed)
    median = quick_median_distance(bandwidth.frame.apply(X), metric, random_state)
    power = 1 if metric in SQUARES else 2
    # Of small distances float32 would keep few digits.
    G = graph_matrix(edges, affinity.n_neighbors, bandwidth, "dense")
    hop = mean_hop(G, at(bandwidth.sigma, edges.first), alpha, power)
    square = max(median.value**2 - bandwidth.shared**2, 0.0)
    t = square ** (power / 2) / hop if hop > 0 else EARLIEST
    if t <= EARLIEST:
        return Time(EARLIEST)
    if t > LATEST:
        _warn_of_late(t)
        return Time(LATEST)
    return Time(float(t), power * median.log_error)


def _warn_of_late(t):
    """Warn where a walk of many short hops is cut off."""
    warnings.warn(
        f"t='matched' would be {t:.2g}, and stops at {LATEST:.0e}: hops among so many "
        "samples of so few dimensions are very short, and the entropy is too high. "
        "Measure a subsample (max_samples), all pairs of it, or set more n_neighbors.",
        UserWarning,
        stacklevel=user_stacklevel(),
    )


def mean_hop(G, sigma, alpha, power=2):
    """Mean of a power of the distance that a hop on a graph goes.

    Distances d are those that its weights tell, exp(-d²/(2 σ_i σ_j)); sigma is that of
    the points.
    """
    operator = diffusion_operator(G, alpha)
    u, W = operator.s * operator.leading_vector, G.G
    if isinstance(G, CopiesMatrix):
        u = G.A.T @ u
    v = u * np.broadcast_to(sigma, u.shape) ** (power / 2)
    total = 0.0
    for rows in row_blocks(len(u), BLOCK_ROWS):
        part = W[rows]
        weights = part.data.astype(np.float64)
        squares = -2 * np.log(np.maximum(weights, TINY))  # in units of σ_i σ_j
        part.data = weights * np.maximum(squares, 0) ** (power / 2)
        total += v[rows] @ (part @ v)
    return float(total)
