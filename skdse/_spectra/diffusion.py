"""From an affinity G to the diffusion operator P, held as its symmetric conjugate S.

    q = G 1,  K = diag(q)^-α G diag(q)^-α,  D = diag(K 1),  P = D⁻¹ K,
    S = D^-½ K D^-½ = diag(s) G diag(s)  with  s = q^-α (K 1)^-½.

S has the eigenvalues of P. Its leading eigenpair is known: λ₁ = 1 with the unit vector
along D^½ 1. G is kept as it is, and s applied to vectors, so that no second n x n
matrix is made. Of G nothing is asked but what `AffinityMatrix` states.

Each pass over G may have to make all its entries anew, so there are as few as can be:

    1. q, for which nothing need be known (with α = 0 it is K 1: no pass),
    2. K 1, which needs all of q,
    3. ‖S‖² = Σ s_i² G_ij² s_j² and the first product S V, which need all of s.

They depend on each other entry by entry: no two of them can be one. (A first block that
needs no s, as V = diag(s)⁻¹ Z, would not be isotropic, and its quadrature biased. Of
the median distance q needs all, too: that pass ends before the bandwidth is known.)
"""

from dataclasses import dataclass

import numpy as np

from .._tools.arrays import astype, is_device_array, like, namespace
from .matrices import AffinityMatrix


@dataclass
class DiffusionOperator:
    """The symmetric operator S = diag(s) G diag(s) and what passes over G tell of it.

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
    positive_semidefinite : bool
        Whether no eigenvalue can be negative.
    n_passes : int
        Passes over G that have been made.
    """

    G: AffinityMatrix
    s: np.ndarray
    leading_vector: np.ndarray
    trace: float
    positive_semidefinite: bool
    n_passes: int = 0

    def __post_init__(self):
        self._squared_norm = None

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

    @property
    def squared_norm(self):
        """Sum of the squared eigenvalues; by a pass if there was no product before."""
        if self._squared_norm is None:
            self.n_passes += 1
            self._take_squares(self.G.squares_matvec(self.s**2))
        return self._squared_norm

    def matmat(self, V):
        """Product S V, for V of shape (n_samples,) or (n_samples, n_columns)."""
        self.n_passes += 1
        s = like(self.s, V)
        if self._squared_norm is not None:
            return self.G.scaled_matmat(s, V)
        s = s if V.ndim == 1 else s[:, None]
        # The first one: the norm is as good as free.
        product, squares = self.G.matmat_and_squares(s * V, self.s**2)
        self._take_squares(squares)
        return s * product

    def leading_block(self):
        """Leading eigenvector as a column in float32, where products are made."""
        column = self.leading_vector.astype(np.float32).reshape(-1, 1)
        return self.G.block(column)

    def matvec(self, v):
        """Product S v of a vector of the host, in float64."""
        self.n_passes += 1
        v = np.ravel(v)
        return self.s * self.G.matvec(self.s * v)

    def _take_squares(self, squares):
        """Squared norm of the product of s² with the squared entries of G."""
        self._squared_norm = float(self.s**2 @ squares)

    def toarray(self, dtype=np.float64):
        """Return S as a dense array of its own, where G lies."""
        G = self.G.toarray()
        s = like(self.s, G, dtype)
        if is_device_array(G):
            return astype(G, dtype) * s[:, None] * s[None, :]
        S = np.multiply(G, s[:, None], dtype=dtype, order="C")
        S *= s
        return S


def diffusion_operator(G, alpha=0.5, *, positive_semidefinite=False):
    """α-normalise the affinity G into a DiffusionOperator."""
    density = _density(G, alpha)
    degree = density * G.matvec(density)
    s = density / np.sqrt(degree)
    leading_vector = np.sqrt(degree)
    leading_vector /= np.linalg.norm(leading_vector)
    return DiffusionOperator(
        G,
        s,
        leading_vector,
        trace=float(s**2 @ G.diagonal()),
        positive_semidefinite=positive_semidefinite,
        n_passes=2 if alpha else 1,
    )


def transition_matrix(G, alpha=0.5):
    """Row-stochastic P of the affinity G, dense."""
    density, G = _density(G, alpha), G.toarray()
    density = like(density, G, np.float64)
    K = G * density[:, None] * density
    return K / namespace(K).sum(K, axis=1, keepdims=True)


def _density(G, alpha):
    """q^-α."""
    ones = np.ones(G.n_samples)
    return G.matvec(ones) ** -alpha if alpha else ones
