"""Distance graphs that the user brings, whoever has searched for the neighbours.

Row i of a sparse matrix lists distances from sample i to its neighbours. What is not
stored is no neighbour; a stored 0 is the sample itself, or a copy of it.
"""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import sort_graph_by_row_values
from sklearn.utils import check_array

from .._tools.arrays import is_device_array
from .._tools.validation import check_square
from .distances import in_order_of_appearance
from .frames import EXPONENT, Frame
from .neighbor_lists import NeighborLists, PartOfLists

NAME = "X, the distance graph,"
TO_FITTED = "X, the distances to the fitted samples,"


class GivenLists(NeighborLists):
    """Neighbours that a graph among the samples lists, the nearest ones of each.

    Samples at distance 0 are copies. Distances are in the unit of a frame.

    Parameters
    ----------
    X : sparse or dense array of shape (n_samples, n_samples)
        The graph; a dense array has the distances of all pairs.
    wanted : dict of str to int
        Neighbours that each sample must have, by the parameter that asks for them.
    """

    def __init__(self, X, wanted):
        graph = distance_rows(X, NAME)
        check_square(graph.shape, NAME)
        _check_own(graph)
        self.shape, self.arrays = graph.shape, (X,)
        self.rows = slice(None)
        k = max(wanted.values())
        found = _nearest_others(graph, wanted)
        self._distances, self._indices, numbers = found or _among_points(graph, wanted)
        super().__init__(*numbers, k)
        self.frame = Frame(exponent=_exponent_of(self._distances))
        self._distances = np.ldexp(self._distances, -self.frame.exponent)

    @property
    def whole(self):
        """Itself."""
        return self

    def point_neighbors(self, k):
        """Distances and indices of each point's k nearest other points."""
        return self._distances[:, :k], self._indices[:, :k]

    def smallest_positive(self, found):
        """Smallest distance above 0 among some, or else among all; 0 without one."""
        for distances in (found, self._distances):
            if (distances > 0).any():
                return float(distances[distances > 0].min())
        return 0.0

    def part(self, rows):
        """Edges among some of the samples."""
        return PartOfGiven(self, np.asarray(rows))


class PartOfGiven(PartOfLists):
    """Some of the samples of a graph, with the edges among them."""

    @property
    def shape(self):
        """Number of samples, twice."""
        return len(self.rows), len(self.rows)

    @property
    def arrays(self):
        """What tells it from others."""
        return *self.whole.arrays, self.rows

    def part(self, rows):
        """Edges among some of these samples."""
        return PartOfGiven(self.whole, self.rows[rows])


def distance_rows(X, name):
    """Distances of X as a CSR matrix whose rows are in ascending order, or raise."""
    if is_device_array(X):
        raise TypeError(
            f"{name} must be a sparse matrix of SciPy on the host; got an array on a "
            "device. Move its distances and indices to the host, and make a "
            "scipy.sparse.csr_array of them."
        )
    X = check_array(
        X, accept_sparse="csr", dtype=(np.float64, np.float32), input_name="X"
    )
    X = X if sp.issparse(X) else _all_entries(X)
    n = X.shape[1]
    if X.nnz and (X.indices.min() < 0 or X.indices.max() >= n):
        raise ValueError(
            f"{name} must have column indices from 0 to {n - 1}; got "
            f"{X.indices.min()} to {X.indices.max()}. Searches fill the places of "
            "neighbors that they do not find with -1: leave these out."
        )
    if X.nnz and X.data.min() < 0:
        raise ValueError(
            f"Negative values in data: {name} must have none; its smallest is "
            f"{X.data.min():.3g}. Distances are needed, not similarities."
        )
    if X.nnz == 0:  # of which scikit-learn's function knows nothing
        return X
    return sort_graph_by_row_values(X, copy=True, warn_when_not_sorted=False)


def nearest_of_rows(graph, wanted):
    """Distances from each row to its nearest fitted samples, and which these are.

    First of all comes the fitted sample that a row equals. Of those that equal none
    the first distance is infinite.
    """
    starts, counts = graph.indptr[:-1], np.diff(graph.indptr)
    at = np.minimum(starts, max(graph.nnz - 1, 0))
    is_known = (counts > 0) & (graph.data[at] == 0 if graph.nnz else False)
    most = graph.shape[1] - 1
    _check_counts(counts - is_known, wanted, most, TO_FITTED)
    k = min(max(wanted.values()), most)
    slots = (starts + is_known)[:, None] + np.arange(-1, k)
    slots[~is_known, 0] = 0
    distances = graph.data[slots].astype(np.float64)
    distances[~is_known, 0] = np.inf
    return distances, graph.indices[slots]


def _all_entries(D):
    """Dense matrix as a sparse one whose zeros are stored."""
    n, m = D.shape
    columns = np.tile(np.arange(m, dtype=np.int32), n)
    return sp.csr_array((D.ravel(), columns, np.arange(n + 1) * m), shape=D.shape)


def _check_own(graph):
    """Raise where samples are farther from themselves than from others."""
    rows = _rows_of(graph)
    is_own = graph.indices == rows
    if not is_own.any():
        return
    own = np.zeros(graph.shape[0])
    own[rows[is_own]] = graph.data[is_own]
    others, distances = rows[~is_own], graph.data[~is_own]
    is_first = np.append(True, others[1:] != others[:-1])[: len(others)]
    nearest = np.full(graph.shape[0], np.inf)
    nearest[others[is_first]] = distances[is_first]
    is_wrong = (own > 0) & (own >= nearest)
    if is_wrong.sum() * 2 > is_own.sum():
        raise ValueError(
            f"{NAME} must have 0 on its diagonal, the distance of a sample to itself; "
            f"got {own[is_wrong][0]:.3g}, no less than to its neighbors. Is it a "
            "graph of affinities (pass affinity='precomputed') or of connectivities "
            "(KNeighborsTransformer has mode='distance')?"
        )


def _nearest_others(graph, wanted):
    """Neighbours of each sample besides itself; None where some are its copies."""
    n, counts = graph.shape[0], np.diff(graph.indptr)
    rows = _rows_of(graph)
    at = np.flatnonzero(graph.indices == rows)
    own = np.full(n, graph.nnz)
    own[rows[at]] = at
    _check_counts(counts - (own < graph.nnz), wanted, n - 1, NAME)
    k = min(max(wanted.values()), n - 1)
    slots = graph.indptr[:-1, None] + np.arange(k)
    slots += slots >= own[:, None]
    distances = graph.data[slots].astype(np.float64)
    if (distances == 0).any():
        return None
    numbers = np.arange(n)
    return distances, graph.indices[slots], (numbers, numbers)


def _among_points(graph, wanted):
    """Neighbours of each point besides itself, where copies are one point."""
    rows, columns, distances = _rows_of(graph), graph.indices, graph.data
    is_copy = distances == 0
    pairs = rows[is_copy], columns[is_copy]
    pairs = sp.coo_array((np.ones(is_copy.sum(), bool), pairs), shape=graph.shape)
    _, labels = connected_components(pairs.tocsr(), directed=False)
    numbers = in_order_of_appearance(labels)
    n = len(numbers[0])
    p, q = numbers[1][rows], numbers[1][columns]
    p, q, distances = (one[p != q] for one in (p, q, distances.astype(np.float64)))
    order = np.lexsort((distances, q, p))
    p, q, distances = p[order], q[order], distances[order]
    is_first = np.append(True, (p[1:] != p[:-1]) | (q[1:] != q[:-1]))[: len(p)]
    p, q, distances = p[is_first], q[is_first], distances[is_first]
    order = np.lexsort((distances, p))
    counts = np.bincount(p, minlength=n)
    _check_counts(counts, wanted, n - 1, NAME, numbers[0])
    k = min(max(wanted.values()), n - 1)
    slots = order[(np.cumsum(counts) - counts)[:, None] + np.arange(k)]
    return distances[slots], q[slots], numbers


def _rows_of(graph):
    """Row of each entry."""
    numbers = np.arange(graph.shape[0], dtype=graph.indices.dtype)
    return np.repeat(numbers, np.diff(graph.indptr))


def _check_counts(counts, wanted, most, name, first=None):
    """Raise where a sample has fewer neighbours than a parameter asks for.

    first are the samples that have these counts, if some are copies of others.
    """
    parameter, asked = max(wanted.items(), key=lambda item: item[1])
    k = min(asked, most)
    short = counts < k
    if short.any():
        least, kind = int(np.argmin(counts)), "samples" if first is None else "points"
        among = "" if first is None else " Copies, at distance 0, are one point."
        raise ValueError(
            f"{parameter}={asked} asks for {k} neighbors of each sample besides "
            f"itself; {name} has only {counts[least]} for sample "
            f"{least if first is None else first[least]} (and fewer than {k} for "
            f"{short.sum()} of {len(counts)} {kind}).{among} Lower {parameter}, or "
            "search for more neighbors. A part of a graph, such as a fold of "
            "cross-validation, keeps only the edges within it."
        )


def _exponent_of(distances):
    """Power of two that is the unit of distances that floating point cannot square."""
    typical = np.median(distances) if distances.size else 0.0
    exponent = int(np.frexp(typical)[1])
    return exponent if abs(exponent) > EXPONENT else 0
