"""Approximate Euclidean neighbours: exact ones within the cells nearest to each row.

Points lie in cells, found by k-means on two levels: regions, and in each the cells. A
row looks into as many cells as a sample of rows needs to find a share `RECALL` of its
exact neighbours, nearest cells first, and at most into those that hold `MOST_POINTS`.
Rows of one region are searched together, so that distances are matrix products.
"""

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from .._tools.parallel import filters_kept, map_threads, row_blocks
from .._tools.pools import single_threaded, single_threaded_blas
from .smallest import best, smallest
from .tiled_search import LocalSamples, TiledSearch, index_type, nearest_of

# Share of the exact neighbours that is looked for, and rows it is measured on. Missing
# more moves the entropy by more than a third of a tolerance of 1e-3, see `neighbors`.
RECALL, N_MEASURED = 0.9995, 800
# Points that a row looks at on the average, at most: a million rows of 64 features
# then take half a minute.
MOST_POINTS = 20_000
# Points of a cell: fewer would make small products, more would be farther away.
CELL_POINTS = 100
# Points that all rows of a cell look at first.
FIRST_POINTS = 500
# Rows of k-means for each centre, and its steps.
TRAINING_ROWS, TRAINING_STEPS = 50, 5
# Cells that a row chooses among for each that it looks into: those nearest to its own.
CHOICE, LEAST_CHOICE = 6, 100
# Rows searched together.
ROWS = 8192


class CellSearch:
    """Approximate search among points, for up to k neighbours of each.

    Attributes
    ----------
    n_cells : int
        Cells that a row looks into.
    recall : float
        Share of the exact neighbours of a sample of points that the search finds.
    """

    is_exact = False

    def __init__(self, points, k, random_state=None):
        rng = check_random_state(random_state)
        self.points = points
        self._local = LocalSamples(points)
        local = self._local(points)
        with filters_kept():
            # Of rows that are equal in float32, k-means finds fewer parts, and warns.
            warnings.simplefilter("ignore", ConvergenceWarning)
            members, self._centers = _cells(local, rng)
        self._order = np.concatenate(members)
        self._ends = np.cumsum([len(rows) for rows in members])
        self._starts = np.append(0, self._ends[:-1])
        self._cell_of = np.empty(len(points), np.intp)
        self._cell_of[self._order] = np.repeat(np.arange(len(members)), self._sizes)
        self._of_points = local[self._order]
        rows = rng.choice(len(points), min(N_MEASURED, len(points)), replace=False)
        _, exact = TiledSearch(points).kneighbors(points[rows], k)
        self.n_cells = self._needed(local, rows, exact)
        self._near = self._nearest_cells(k)
        _, found = self._find(points[rows], self._cell_of[rows], k)
        self.recall = shared(found[:, 1:], exact[:, 1:])

    @classmethod
    def over(cls, points, metric, k, random_state, n_jobs):
        """Search over points by the Euclidean metric."""
        return cls(points, k, random_state)

    @property
    def _sizes(self):
        """Points of each cell."""
        return self._ends - self._starts

    def own_neighbors(self, k):
        """Distances and indices of the k points nearest to each point, itself first."""
        return self._find(self.points, self._cell_of, k)

    def kneighbors(self, Y, k):
        """Distances and indices of the k points nearest to each row of Y."""

        def nearest(rows):
            with single_threaded_blas():  # a single block has all threads
                return self._to_cells(self._local(Y[rows])).argmin(axis=1)

        cell_of = map_threads(nearest, row_blocks(len(Y), ROWS))
        return self._find(Y, np.concatenate(cell_of), k)

    def _needed(self, local, rows, exact):
        """How many cells hold enough of the exact neighbours of some points."""
        with single_threaded():
            distances = self._to_cells(local[rows])
        distances[np.arange(len(rows)), self._cell_of[rows]] = -np.inf
        places = distances.argsort(axis=1, kind="stable").argsort(axis=1)
        cells = self._cell_of[exact[:, 1:]]
        places = np.sort(np.take_along_axis(places, cells, axis=1), axis=None)
        needed = 1 + places[int(np.ceil(RECALL * len(places))) - 1]
        most = max(1, round(MOST_POINTS / self._sizes.mean()))
        return int(min(needed, most))

    def _nearest_cells(self, k):
        """For each cell, itself and the cells among which its rows choose theirs."""
        n = len(self._centers)
        n_near = min(n, max(CHOICE * self.n_cells, 2 * k, LEAST_CHOICE))

        def nearest(block):
            distances = self._to_cells(self._centers[block])
            own = np.arange(n)[block]
            distances[np.arange(len(own)), own] = -np.inf
            return smallest(distances, n_near)[1].astype(index_type(n))

        return np.concatenate(map_threads(nearest, row_blocks(n, 256)))

    def _to_cells(self, A, cells=slice(None)):
        """Squared distances of rows to centres of cells, but for |a|²."""
        C = self._centers[cells]
        return A @ (-2 * C).T + np.einsum("ij,ij->i", C, C)

    def _find(self, Y, cell_of, k):
        """Neighbours of rows that lie in these cells."""
        # Rows by cells, and so by regions: rows of a block are near each other.
        order = np.argsort(cell_of, kind="stable")
        indices = np.empty((len(Y), k), index_type(len(self.points)))

        def search(block):
            rows = order[block]
            with single_threaded_blas():
                indices[rows] = self._search(self._local(Y[rows]), cell_of[rows], k)

        map_threads(search, row_blocks(len(Y), ROWS))
        return nearest_of(Y, self.points, indices, k)

    def _search(self, A, cell_of, k):
        """Points nearest to rows A that lie in cells, which ascend."""
        cells, starts = np.unique(cell_of, return_index=True)
        groups = np.split(np.arange(len(A)), starts[1:])
        found, visits = [], []
        for cell, rows in zip(cells, groups, strict=True):
            near = self._near[cell]
            enough = np.searchsorted(np.cumsum(self._sizes[near]), 2 * k)
            n_first = max(1 + enough, round(FIRST_POINTS / CELL_POINTS))
            points = self._members(near[:n_first])
            D, squares = self._distances(A[rows], points, cell)
            values, columns = smallest(D, k)
            found.append((values + squares[:, None], points[columns]))
            visits.append(self._visits(A[rows], rows, near, n_first))
        values, points = map(np.concatenate, zip(*found, strict=True))
        more = self._closer(A, _by_cell(visits), values[:, -1])
        return self._order[best(values, points, *more)[1]]

    def _members(self, cells):
        """Places of the points of some cells."""
        return np.concatenate(
            [np.arange(self._starts[c], self._ends[c]) for c in cells]
        )

    def _distances(self, A, points, cell):
        """Squared distances to points, about the cell's centre, less |a|²; and |a|²."""
        A, P = A - self._centers[cell], self._of_points[points] - self._centers[cell]
        D = A @ (-2 * P).T
        D += np.einsum("ij,ij->i", P, P)
        return D, np.einsum("ij,ij->i", A, A)

    def _visits(self, A, rows, near, n_first):
        """Cells that rows look into, besides the first of those near, and the rows."""
        distances = self._to_cells(A, near)
        n = min(self.n_cells, len(near))
        chosen = np.argpartition(distances, n - 1, axis=1)[:, :n]
        at, place = np.nonzero(chosen >= n_first)
        return near[chosen[at, place]], rows[at]

    def _closer(self, A, visits, limits):
        """Values, points and rows of what lies closer than the limits."""
        found = [(np.empty(0, np.float32), np.empty(0, int), np.empty(0, int))]
        for cell, rows in visits:
            points = np.arange(self._starts[cell], self._ends[cell])
            D, squares = self._distances(A[rows], points, cell)
            at = np.flatnonzero(D < (limits[rows] - squares)[:, None])
            i, j = np.divmod(at, len(points))
            found.append((D.ravel()[at] + squares[i], points[j], rows[i]))
        return map(np.concatenate, zip(*found, strict=True))


def _by_cell(visits):
    """Pairs (cell, rows) of all that look into it, from arrays of cells and rows."""
    cells, rows = map(np.concatenate, zip(*visits, strict=True))
    order = np.argsort(cells, kind="stable")
    visited, starts = np.unique(cells[order], return_index=True)
    return zip(visited, np.split(rows[order], starts[1:]), strict=False)


def shared(found, exact):
    """Share of the exact neighbours that were found."""
    return float(np.mean((found[:, :, None] == exact[:, None, :]).any(axis=1)))


def _cells(X, rng):
    """Rows of each cell, region by region, and the centres of the cells."""
    n_regions = max(1, round(np.sqrt(len(X) / CELL_POINTS)))
    seeds = rng.randint(2**31 - 1, size=n_regions + 1)
    regions, _ = _parts(X, np.arange(len(X)), n_regions, seeds[-1])

    def split(task):
        rows, seed = task
        return _parts(X, rows, max(1, round(len(rows) / CELL_POINTS)), seed)

    found = map_threads(split, list(zip(regions, seeds[:-1], strict=False)))
    members = [rows for parts, _ in found for rows in parts]
    return members, np.concatenate([centers for _, centers in found])


def _parts(X, rows, n_parts, seed):
    """Rows of each part by k-means, none of them empty, and the means of the parts."""
    rng = np.random.RandomState(seed)
    n_training = min(len(rows), TRAINING_ROWS * n_parts)
    training = rng.choice(rows, n_training, replace=False)
    means = KMeans(
        n_parts, init="random", n_init=1, max_iter=TRAINING_STEPS, random_state=rng
    )
    # Sums over threads would have other last digits with another number of them.
    with single_threaded():
        means.fit(X[training])
        part_of = np.concatenate(
            [means.predict(X[rows[b]]) for b in row_blocks(len(rows), ROWS)]
        )
    order = np.argsort(part_of, kind="stable")
    present, starts = np.unique(part_of[order], return_index=True)
    return np.split(rows[order], starts[1:]), means.cluster_centers_[present]
