"""What a diffusion operator asks of an affinity G, and the two plainest kinds of it.

`AffinityMatrix` is the contract. `DenseMatrix` and `SparseMatrix` hold all entries;
`tiles.TiledKernel` makes them from the samples, tile by tile.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from .._tools.arrays import astype, like, map_parts, namespace, take, to_host
from .._tools.parallel import row_blocks
from .._tools.sparse_rows import column_products, empty_rows, product

BLOCK_BYTES = 8 * 2**20
# A block of more elements falls out of the cache: a sparse product then is faster
# column by column (a million samples, four columns: 0.13 against 0.38 s).
CACHED_ELEMENTS = 1_500_000
# Entries of a sparse matrix up to which it is copied to have another precision.
COPIED_ENTRIES = 2**25
# Columns' worth of time that reading a dense G takes, whatever a product multiplies
# (measured, n = 10,000, two cores).
READING_COLUMNS = 24
# Solvers that work in float32.
SINGLE_PRECISION = ("lanczos", "dense32")


class AffinityMatrix(Protocol):
    """A symmetric affinity G of n samples, without negative entries.

    Attributes
    ----------
    n_samples : int
        Number of rows and of columns.
    is_sparse : bool
        Whether most entries are 0 and not stored: its spectrum is wide and flat.
    fixed_columns : int
        Time of a product besides that of its columns, counted in columns.
    entry_error : float
        Root mean square error of an entry, beyond the rounding of its precision.
    maps_threads : bool
        Whether products run in threads of their own, in which BLAS must have one.
    """

    n_samples: int
    is_sparse: bool
    fixed_columns: int
    entry_error: float
    maps_threads: bool

    def matvec(self, v):
        """Product G v of a float64 vector, in float64."""

    def matmat(self, V):
        """Product G V of a block (n_samples, n_columns), in the precision of G."""

    def squares_matvec(self, v):
        """Product of v with the squared entries of G, in float64."""

    def matmat_and_squares(self, V, v):
        """Both `matmat` of V and `squares_matvec` of v, in one pass where that helps.

        It is one pass where entries are made anew for each, see `tiles`.
        """
        return self.matmat(V), self.squares_matvec(v)

    def scaled_matmat(self, s, V):
        """Product diag(s) G diag(s) V, s in the precision of V."""
        s = s if V.ndim == 1 else s[:, None]
        return s * self.matmat(s * V)

    def block(self, V):
        """A block of the host, where `matmat` takes it."""
        return V

    def diagonal(self):
        """Diagonal of G."""

    def toarray(self):
        """All entries of G, as a dense array that is only read."""

    def head(self, n_samples):
        """Affinity of the first samples."""


@dataclass(frozen=True)
class DenseMatrix(AffinityMatrix):
    """Affinity whose entries all lie in a dense array, see AffinityMatrix.

    The array may lie on a device; vectors are those of the host all the same.
    """

    G: np.ndarray
    is_sparse = False
    fixed_columns = READING_COLUMNS
    entry_error = 0.0
    maps_threads = False

    @property
    def n_samples(self):
        """Number of rows."""
        return self.G.shape[0]

    def block(self, V):
        """Block V where G lies."""
        return like(V, self.G, V.dtype)

    def matvec(self, v):
        """Product G v, computed in the precision of G."""
        return to_host(self.matmat(like(v, self.G))).astype(float, copy=False)

    def matmat(self, V):
        """Product G V."""
        return self.G @ V

    def squares_matvec(self, v):
        """Product with the squared entries, which are made block by block."""
        G, v = self.G, like(v, self.G)
        row_bytes = self.n_samples * (4 if G.dtype == namespace(G).float32 else 8)
        blocks = row_blocks(self.n_samples, max(1, BLOCK_BYTES // row_bytes))

        def product(rows):
            part = take(G, rows)
            return to_host((part * part) @ v)

        return np.concatenate(map_parts(product, blocks, G)).astype(float, copy=False)

    def diagonal(self):
        """Diagonal of G."""
        return to_host(namespace(self.G).linalg.diagonal(self.G))

    def toarray(self):
        """G itself."""
        return self.G

    def head(self, n_samples):
        """Affinity of the first samples."""
        return DenseMatrix(self.G[:n_samples, :n_samples])


@dataclass(frozen=True)
class SparseMatrix(AffinityMatrix):
    """Affinity whose entries other than 0 lie in CSR format, see AffinityMatrix.

    Parameters
    ----------
    G : csr_array of shape (n_samples, n_samples)
        The entries, without duplicates. They are read by blocks of rows, and may lie
        in a file.
    dtype : dtype or None
        Precision to which entries are rounded when they are read; None is that of G.
    isolated : ndarray
        Samples that G has no entries of: they see themselves.
    """

    G: sp.csr_array
    dtype: np.dtype | None = None
    isolated: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    is_sparse = True
    fixed_columns = 0
    entry_error = 0.0
    maps_threads = False

    @classmethod
    def of(cls, G, dtype):
        """Affinity G in a precision; of many entries no copy is made."""
        isolated = empty_rows(G)
        G = G.astype(dtype, copy=False) if G.nnz <= COPIED_ENTRIES else G
        return cls(G, np.dtype(dtype), isolated)

    @property
    def n_samples(self):
        """Number of rows."""
        return self.G.shape[0]

    def matvec(self, v):
        """Product G v, in float64."""
        return self._with_isolated(product(self.G, v, self.dtype), v)

    def matmat(self, V):
        """Product G V, column by column where V is large."""
        is_small = V.ndim == 1 or V.size <= CACHED_ELEMENTS
        of_blocks = product if is_small else column_products
        return self._with_isolated(of_blocks(self.G, V, self.dtype), V)

    def scaled_matmat(self, s, V):
        """Product diag(s) G diag(s) V, column by column where V is large."""
        if V.ndim == 1 or V.size <= CACHED_ELEMENTS:
            return super().scaled_matmat(s, V)
        found = column_products(self.G, V, self.dtype, s)
        return self._with_isolated(found, V, s[self.isolated, None] ** 2)

    def squares_matvec(self, v):
        """Product with the squared entries."""
        found = product(self.G, v, self.dtype, squared=True)
        return self._with_isolated(found, v)

    def diagonal(self):
        """Diagonal of G."""
        diagonal = self.G.diagonal().astype(self.dtype or self.G.dtype)
        return self._with_isolated(diagonal, np.ones_like(diagonal))

    def toarray(self):
        """G as a dense array."""
        G = self.G.toarray().astype(self.dtype or self.G.dtype, copy=False)
        G[self.isolated, self.isolated] = 1
        return G

    def head(self, n_samples):
        """Affinity of the first samples."""
        isolated = self.isolated[self.isolated < n_samples]
        return SparseMatrix(self.G[:n_samples, :n_samples], self.dtype, isolated)

    def _with_isolated(self, found, V, factor=1):
        """Product with what isolated samples get from themselves."""
        found[self.isolated] = factor * V[self.isolated]
        return found


@dataclass(frozen=True)
class CopiesMatrix(AffinityMatrix):
    """Affinity A G Aᵀ of samples that have those of their points, see AffinityMatrix.

    Samples at one point see all others alike, and each other as the point sees itself.
    Its eigenvalues other than 0 are as many as there are points.

    Parameters
    ----------
    G : csr_array of shape (n_points, n_points)
        Affinity of the points.
    A : csr_array of shape (n_samples, n_points)
        1 where a sample is at a point, in the precision of G.
    """

    G: sp.csr_array
    A: sp.csr_array
    is_sparse = True
    fixed_columns = 0
    entry_error = 0.0
    maps_threads = False

    @classmethod
    def of(cls, G, point_of):
        """Affinity of samples at these points."""
        n = len(point_of)
        ones = np.ones(n, G.dtype)
        at = sp.csr_array((ones, (np.arange(n), point_of)), shape=(n, G.shape[0]))
        return cls(G, at)

    @property
    def n_samples(self):
        """Number of samples."""
        return self.A.shape[0]

    def matvec(self, v):
        """Product with v, in float64."""
        return self.matmat(v)

    def matmat(self, V):
        """Product with V."""
        return self.A @ product(self.G, self.A.T @ V)

    def squares_matvec(self, v):
        """Product with the squared entries."""
        return self.A @ product(self.G, self.A.T @ v, squared=True)

    def diagonal(self):
        """Diagonal of the affinity."""
        return self.A @ self.G.diagonal()

    def toarray(self):
        """All entries, as a dense array."""
        return (self.A @ self.G @ self.A.T).toarray()

    def head(self, n_samples):
        """Affinity of the first samples."""
        return CopiesMatrix(self.G, self.A[:n_samples])


def dtype_for(solver):
    """Precision of the matrix that a solver works on."""
    return np.float32 if solver in SINGLE_PRECISION else np.float64


def as_matrix(G, dtype=None):
    """Affinity of a dense or sparse array, in another precision or in its own."""
    dtype = dtype or G.dtype
    return (
        SparseMatrix.of(G, dtype) if sp.issparse(G) else DenseMatrix(astype(G, dtype))
    )
