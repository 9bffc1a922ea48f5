"""From an affinity G to the diffusion operator P, held as its symmetric conjugate S.

    q = G 1,  K = diag(q)^-α G diag(q)^-α,  D = diag(K 1),  P = D⁻¹ K,
    S = D^-½ K D^-½ = diag(s) G diag(s)  with  s = q^-α (K 1)^-½.

S has the eigenvalues of P. Its leading eigenpair is known: λ₁ = 1 with the unit vector
along D^½ 1. G is kept as it is, and s applied to vectors, so that no second n x n
matrix is made. Of G nothing is asked but what `AffinityMatrix` states.
"""

from dataclasses import dataclass

import numpy as np

from .matrices import AffinityMatrix


@dataclass(frozen=True)
class DiffusionOperator:
    """The symmetric operator S = diag(s) G diag(s) and what one pass tells of it.

    Attributes
    ----------
    G : AffinityMatrix
        Affinity of the samples.
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

    G: AffinityMatrix
    s: np.ndarray
    leading_vector: np.ndarray
    trace: float
    squared_norm: float
    positive_semidefinite: bool

    @property
    def n_samples(self):
        """Number of samples, and of eigenvalues."""
        return self.G.n_samples

    @property
    def is_sparse(self):
        """Whether most affinities are 0 and not stored."""
        return self.G.is_sparse

    @property
    def fixed_columns(self):
        """Columns' worth of time that a product costs besides its own columns."""
        return self.G.fixed_columns

    @property
    def entry_error(self):
        """Root mean square error of an affinity, beyond the rounding of float32."""
        return self.G.entry_error

    def matmat(self, V):
        """Product S V, for V of shape (n_samples,) or (n_samples, n_columns)."""
        s = self.s.astype(V.dtype, copy=False)
        s = s if V.ndim == 1 else s[:, None]
        return s * self.G.matmat(s * V)

    def toarray(self, dtype=np.float64):
        """Return S as a dense array of its own."""
        s = self.s.astype(dtype, copy=False)
        S = np.multiply(self.G.toarray(), s[:, None], dtype=dtype, order="C")
        S *= s
        return S


def diffusion_operator(G, alpha=0.5, *, positive_semidefinite=False):
    """α-normalise the affinity G into a DiffusionOperator."""
    q = G.matvec(np.ones(G.n_samples))
    density = q**-alpha
    degree = density * G.matvec(density)
    s = density / np.sqrt(degree)
    leading_vector = np.sqrt(degree)
    leading_vector /= np.linalg.norm(leading_vector)
    weight = s**2
    return DiffusionOperator(
        G,
        s,
        leading_vector,
        trace=float(weight @ G.diagonal()),
        squared_norm=float(weight @ G.squares_matvec(weight)),
        positive_semidefinite=positive_semidefinite,
    )


def transition_matrix(G, alpha=0.5):
    """Row-stochastic P of the affinity G, dense."""
    density = G.matvec(np.ones(G.n_samples)) ** -alpha
    K = G.toarray() * density[:, None] * density
    return K / K.sum(axis=1, keepdims=True)
