"""From an affinity G to the diffusion operator P, held as its symmetric conjugate S.

    q = G 1,  K = diag(q)^-α G diag(q)^-α,  D = diag(K 1),  P = D⁻¹ K,
    S = D^-½ K D^-½ = diag(s) G diag(s)  with  s = q^-α (K 1)^-½.

S has the eigenvalues of P. Its leading eigenpair is known: λ₁ = 1 with the unit vector
along D^½ 1. G is kept as it is, and s applied to vectors, so that no second n x n
matrix is made.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.utils import gen_batches

from .._tools.parallel import map_threads

BLOCK_BYTES = 8 * 2**20
# A block of more elements falls out of the cache: a sparse product then is faster
# column by column (a million samples, four columns: 0.13 against 0.38 s).
CACHED_ELEMENTS = 1_500_000


@dataclass(frozen=True)
class DiffusionOperator:
    """The symmetric operator S = diag(s) G diag(s) and what one pass tells of it.

    Attributes
    ----------
    G : ndarray or sparse array of shape (n_samples, n_samples)
        Affinity.
    s : ndarray of shape (n_samples,)
        Scaling of rows and columns.
    leading_vector : ndarray of shape (n_samples,)
        Unit eigenvector of the eigenvalue 1; its squares are the stationary
        distribution of P.
    trace : float
        Sum of the eigenvalues.
    squared_norm : float
        Sum of the squared eigenvalues.
    positive_semidefinite : bool
        Whether no eigenvalue can be negative.
    """

    G: object
    s: np.ndarray
    leading_vector: np.ndarray
    trace: float
    squared_norm: float
    positive_semidefinite: bool

    @property
    def n_samples(self):
        """Number of samples, and of eigenvalues."""
        return len(self.s)

    @property
    def is_sparse(self):
        """Whether most affinities are 0 and not stored."""
        return sp.issparse(self.G)

    @property
    def fixed_columns(self):
        """Columns' worth of time that a product costs besides its own columns.

        Reading a dense G (measured, n = 10,000, two cores), or making its tiles.
        """
        if self.is_sparse:
            return 0
        return 24 + getattr(self.G, "columns_a_tile", 0)

    def matmat(self, V):
        """Product S V, for V of shape (n_samples,) or (n_samples, n_columns)."""
        s = self.s.astype(V.dtype, copy=False)
        s = s if V.ndim == 1 else s[:, None]
        return s * self._multiply(s * V)

    def _multiply(self, V):
        """Product G V."""
        if V.ndim == 1 or not self.is_sparse or V.size <= CACHED_ELEMENTS:
            return self.G @ V
        return np.stack([self.G @ v for v in np.ascontiguousarray(V.T)], axis=1)

    def toarray(self):
        """Return S as a dense float64 array of its own."""
        G = self.G.toarray() if self.is_sparse else self.G
        S = G * self.s[:, None]
        S *= self.s
        return S


def diffusion_operator(G, alpha=0.5, *, positive_semidefinite=False):
    """α-normalise the affinity G into a DiffusionOperator."""
    q = _row_sums(G)
    density = q**-alpha
    degree = density * _product(G, density)
    s = density / np.sqrt(degree)
    leading_vector = np.sqrt(degree)
    leading_vector /= np.linalg.norm(leading_vector)
    trace, squared_norm = _moments(G, s)
    return DiffusionOperator(
        G, s, leading_vector, trace, squared_norm, positive_semidefinite
    )


def transition_matrix(G, alpha=0.5):
    """Row-stochastic P of the affinity G, dense."""
    G = G.toarray() if sp.issparse(G) else G
    density = _row_sums(G) ** -alpha
    K = G * density[:, None] * density
    return K / K.sum(axis=1, keepdims=True)


def _row_sums(G):
    """q = G 1, in float64."""
    return _product(G, np.ones(G.shape[0]))


def _product(G, v):
    """Product of G, in its own precision, with a vector: float64."""
    if sp.issparse(G):
        return G @ v
    return (G @ v.astype(G.dtype, copy=False)).astype(np.float64, copy=False)


def _moments(G, s):
    """Trace and squared Frobenius norm of diag(s) G diag(s), without forming it."""
    weight = s**2
    return float(weight @ G.diagonal()), float(weight @ _squares_product(G, weight))


def _squares_product(G, v):
    """Product of v with the squared entries of G, dense, sparse or tiled."""
    if hasattr(G, "squares_matmul"):
        return G.squares_matmul(v)
    if sp.issparse(G):
        return sp.csr_array(G).astype(np.float64).power(2) @ v
    v = v.astype(G.dtype, copy=False)
    blocks = list(gen_batches(len(G), max(1, BLOCK_BYTES // G[0].nbytes)))
    parts = map_threads(lambda rows: np.square(G[rows]) @ v, blocks)
    return np.concatenate(parts).astype(np.float64, copy=False)
