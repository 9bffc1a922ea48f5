"""Sparse affinities whose products with blocks are made on a device."""

from dataclasses import dataclass

import array_api_compat as compat
import numpy as np
import scipy.sparse as sp

from .._tools.arrays import like, take, zeros
from .matrices import AffinityMatrix, CopiesMatrix, SparseMatrix


@dataclass(frozen=True)
class GraphOnDevice(AffinityMatrix):
    """Sparse affinity whose products with blocks are made on a device.

    The graph is small, some numbers for each sample, and lies on the host, too.

    Parameters
    ----------
    host : SparseMatrix or CopiesMatrix
        The same affinity on the host.
    factors : tuple of callable
        Products on the device with the matrices whose product the affinity is.
    place : array
        An array on the device.
    """

    host: SparseMatrix | CopiesMatrix
    factors: tuple
    place: object
    is_sparse = True
    fixed_columns = 0
    entry_error = 0.0
    maps_threads = False

    @classmethod
    def of(cls, host, X):
        """Affinity on the device on which X lies."""
        matrices = [host.G]
        if isinstance(host, CopiesMatrix):
            matrices = [host.A, host.G, sp.csr_array(host.A.T)]
        factors = (sparse_product(one, X) for one in matrices)
        return cls(host, tuple(factors), X[:1, :])

    @property
    def n_samples(self):
        """Number of samples."""
        return self.host.n_samples

    def block(self, V):
        """Block V on the device."""
        return like(V, self.place, V.dtype)

    def matvec(self, v):
        """Product with v, on the host."""
        return self.host.matvec(v)

    def matmat(self, V):
        """Product with a block on the device."""
        for product in reversed(self.factors):
            V = product(V)
        return V

    def squares_matvec(self, v):
        """Product with the squared entries, on the host."""
        return self.host.squares_matvec(v)

    def diagonal(self):
        """Diagonal, on the host."""
        return self.host.diagonal()

    def toarray(self):
        """All entries, on the host."""
        return self.host.toarray()


def sparse_product(G, X):
    """Function that multiplies a block, where X lies, by a CSR matrix."""
    if compat.is_torch_array(X) and X.device.type in ("cpu", "cuda"):
        return _product_of_torch(G, X)
    if compat.is_cupy_array(X):
        from cupyx.scipy.sparse import csr_matrix

        matrix = csr_matrix(sp.csr_matrix(G))
        return lambda V: matrix @ V
    return _product_by_slots(G, X)


def _product_of_torch(G, X):
    """Product by a sparse tensor."""
    import torch

    G = sp.coo_array(G)
    indices = like(np.stack(G.coords).astype(np.int64), X)
    values = like(G.data, X, G.dtype)
    tensor = torch.sparse_coo_tensor(
        indices, values, G.shape, is_coalesced=True, check_invariants=False
    )
    return lambda V: torch.sparse.mm(tensor, V)


def _product_by_slots(G, X):
    """Product by operations of the standard: the k-th entries of all rows at a time."""
    degrees = np.diff(G.indptr)
    order = np.argsort(-degrees, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    slots = []
    for k in range(degrees.max(initial=0)):
        rows = order[: np.count_nonzero(degrees > k)]
        at = G.indptr[rows] + k
        weights = like(G.data[at], X, G.dtype)[:, None]
        slots.append((weights, G.indices[at]))

    def product(V):
        total = zeros((G.shape[0], V.shape[1]), V, np.float32)
        for weights, columns in slots:
            total[: weights.shape[0], :] += weights * take(V, columns)
        return take(total, place)

    return product
