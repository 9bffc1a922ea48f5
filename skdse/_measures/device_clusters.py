"""Clusters of vectors on a device, which stay there; one number a vector leaves it."""

import warnings
from contextlib import contextmanager, nullcontext

import numpy as np
import scipy.sparse as sp
from sklearn import config_context, get_config

from .._spectra.device_search import DeviceSearch
from .._spectra.neighbors import NeighborIndex
from .._tools.arrays import (
    astype,
    column_means,
    exact_products,
    like,
    namespace,
    row_squares,
    take,
    to_host,
)

# As the k-means of scikit-learn has them.
N_INIT, MAX_ITER = 3, 100
# Up to so many vectors, graphs are factorised in spectral clustering.
FACTORISED_SAMPLES = 2000


def spectral_labels(Y, n_clusters, n_neighbors, seed):
    """Cluster of each vector by spectral clustering on a kNN graph.

    The graph is that of the ``affinity="nearest_neighbors"`` of scikit-learn, in which
    each vector is the first of its neighbours.
    """
    # Imported here: most targets are labels.
    from sklearn.cluster import SpectralClustering

    n = Y.shape[0]
    k = min(n_neighbors, n) - 1
    _, neighbors = NeighborIndex(Y, "euclidean", k, random_state=seed).kneighbors(k)
    rows = np.repeat(np.arange(n), k)
    graph = sp.coo_array((np.ones(n * k), (rows, neighbors.ravel())), (n, n)).tocsr()
    graph = sp.csr_array(graph + sp.eye_array(n))
    # Not every version takes sparse arrays.
    graph = sp.csr_matrix(0.5 * (graph + graph.T))
    clusterer = SpectralClustering(
        n_clusters,
        affinity="precomputed",
        eigen_solver=clustering_solver(n),
        random_state=seed,
    )
    return clusterer.fit_predict(graph)


def clustering_solver(n_samples):
    """Eigensolver that spectral clustering takes, by its name in scikit-learn.

    "arpack" factorises the graph. For vectors without structure that takes the time and
    memory of a dense matrix (5000 normal vectors of 768 features: 13 s and 300 MB, for
    0.7 s and 2 MB); cuts of "lobpcg" are as good.
    """
    return "lobpcg" if n_samples > FACTORISED_SAMPLES else "arpack"


@contextmanager
def eigenvectors_for_clusters():
    """Context without warnings and settings that mean nothing for clusters."""
    with warnings.catch_warnings(), _with_sparse_matrices():
        # Components of a graph that is not connected are clusters all the same.
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        # K-means needs no eigenvectors to the last digits.
        warnings.filterwarnings("ignore", "Exited", category=UserWarning)
        yield


def _with_sparse_matrices():
    """Context in which scikit-learn makes sparse matrices, no arrays, if it can both.

    Spectral clustering refuses its own graphs as sparse arrays, with 64-bit indices.
    """
    if "sparse_interface" not in get_config():
        return nullcontext()
    return config_context(sparse_interface="spmatrix")


def kmeans_labels(Y, n_clusters, seed):
    """Cluster of each vector by k-means, of a few runs the best."""
    rng = np.random.RandomState(seed)
    Y = Y - like(column_means(Y), Y)
    with exact_products(Y):
        runs = [_kmeans(Y, n_clusters, rng) for _ in range(N_INIT)]
    return min(runs, key=lambda run: run[1])[0]


class NearestLabels:
    """Labels of the nearest of some vectors, for others."""

    def __init__(self, Y, labels):
        self._search, self._labels = DeviceSearch(Y, "euclidean"), labels

    def __call__(self, y):
        """Label of each vector, wherever it lies."""
        Y = like(y, self._search.points) if isinstance(y, np.ndarray) else y
        _, nearest = self._search.kneighbors(Y, 1)
        return self._labels[nearest[:, 0]]


def _kmeans(Y, n_clusters, rng):
    """Clusters of centred vectors from random first ones, and their inertia."""
    xp = namespace(Y)
    centers, before = _first_centers(Y, n_clusters, rng), None
    for _ in range(MAX_ITER):
        D = _squared_distances(Y, centers)
        labels = to_host(xp.argmin(D, axis=1))
        if before is not None and np.array_equal(labels, before):
            break
        before, sizes = labels, np.bincount(labels, minlength=n_clusters)
        members = like(np.eye(n_clusters)[labels], Y)
        means = (members.T @ Y) / like(np.maximum(sizes, 1.0), Y)[:, None]
        # A centre without vectors stays.
        centers = xp.where(like(sizes > 0, Y)[:, None], means, centers)
    return labels, float(to_host(xp.min(D, axis=1)).astype(np.float64).sum())


def _first_centers(Y, n_clusters, rng):
    """Vectors far from each other, by the draws of k-means++."""
    n, xp = Y.shape[0], namespace(Y)
    chosen, nearest = [rng.randint(n)], np.full(n, np.inf)
    while len(chosen) < n_clusters:
        D = _squared_distances(Y, take(Y, chosen[-1:]))
        nearest = np.minimum(nearest, np.maximum(to_host(xp.min(D, axis=1)), 0))
        nearest[chosen] = 0
        total = nearest.sum()
        chosen.append(int(rng.choice(n, p=nearest / total if total > 0 else None)))
    return take(Y, chosen)


def _squared_distances(Y, centers):
    """Squared distance of each vector to each centre."""
    squares = astype(row_squares(Y), np.float64)[:, None]
    squares = squares + astype(row_squares(centers), np.float64)[None, :]
    return squares - 2 * astype(Y @ centers.T, np.float64)
