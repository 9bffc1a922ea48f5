"""How the paper's other entropies are measured, see `baselines`."""

from dataclasses import dataclass

import numpy as np

from .._spectra.affinity import Gaussian
from .._spectra.bandwidth import is_one_point
from .._spectra.diffusion import diffusion_operator, transition_matrix
from .._spectra.estimates import EntropyEstimate
from .._spectra.matrices import DenseMatrix
from .._spectra.meter import SimpleMeter
from .._spectra.neighbors import NeighborIndex
from .._spectra.spectrum import shannon_entropy
from .._tools.arrays import (
    free_bytes,
    is_device_array,
    like,
    namespace,
    row_codes,
    to_host,
)
from .._tools.validation import check_fits_in_memory


@dataclass(frozen=True)
class BinRange:
    """Smallest and largest value of each feature."""

    low: np.ndarray
    high: np.ndarray

    def take(self, rows):
        """Return the same for some of the samples."""
        return self

    def at(self, X):
        """Return the same for other samples."""
        return self


@dataclass(frozen=True, kw_only=True)
class ShannonMeter(SimpleMeter):
    """Entropy of occupied cells."""

    n_bins: int
    bin_range: str

    def fit(self, X, seed):
        """Range of each feature."""
        xp = namespace(X)
        return BinRange(to_host(xp.min(X, axis=0)), to_host(xp.max(X, axis=0)))

    def measure(self, X, scale, seed):
        """Entropy of the shares of samples in the cells."""
        if self.bin_range == "each":
            scale = self.fit(X, seed)
        low, high = scale.low, scale.high
        # A constant feature has one bin.
        width = np.where(high > low, high - low, 1)
        low, width = like(low, X), like(width, X)
        bins = namespace(X).clip((X - low) / width * self.n_bins, 0, self.n_bins - 1)
        if is_device_array(X):
            cells = row_codes(namespace(X).floor(bins))
        else:
            cells = bins.astype(int)
        _, counts = np.unique(cells, axis=0, return_counts=True)
        return EntropyEstimate.exact(shannon_entropy(counts))


@dataclass(frozen=True, kw_only=True)
class MatrixEntryMeter(SimpleMeter):
    """Entropy of the entries of P."""

    affinity: Gaussian
    alpha: float

    def check(self, X):
        """X as the affinity takes it."""
        return self.affinity.check(X)

    def fit(self, X, seed):
        """Bandwidth of X."""
        return self.affinity.fit(X, seed)

    def measure(self, X, scale, seed):
        """Entropy of the shares P_ij / n."""
        if is_one_point(X, scale):
            return EntropyEstimate.exact(2 * np.log2(X.shape[0]))
        check_fits_in_memory(X.shape[0], n_matrices=3, available=free_bytes(X))
        G = DenseMatrix(self.affinity.array(X, scale))
        return EntropyEstimate.exact(shannon_entropy(transition_matrix(G, self.alpha)))

    def largest(self, n_samples):
        """2 log2(n_samples)."""
        return 2 * np.log2(n_samples)


@dataclass(frozen=True, kw_only=True)
class AdjacencyMeter(SimpleMeter):
    """Entropy of the eigenvalues of A."""

    affinity: Gaussian
    adjacency: str

    def check(self, X):
        """X as the affinity takes it."""
        return self.affinity.check(X)

    def fit(self, X, seed):
        """Bandwidth of X."""
        return self.affinity.fit(X, seed)

    def measure(self, X, scale, seed):
        """Entropy of the moduli of the eigenvalues of A."""
        if X.shape[0] == 1 or is_one_point(X, scale):
            return EntropyEstimate.exact(0.0)
        check_fits_in_memory(X.shape[0], n_matrices=3, available=free_bytes(X))
        if self.adjacency == "nearest_neighbors":
            # Directed, so its eigenvalues are complex.
            eigenvalues = np.linalg.eigvals(self._binary_graph(X, seed))
        else:
            A = self.affinity.array(X, scale)
            if self.adjacency == "anisotropic":
                # With α = 0, S = D^-½ G D^-½ where D = diag(q).
                A = diffusion_operator(DenseMatrix(A), alpha=0.0).toarray()
            eigenvalues = to_host(namespace(A).linalg.eigvalsh(A))
        return EntropyEstimate.exact(shannon_entropy(np.abs(eigenvalues)))

    def _binary_graph(self, X, seed):
        """Directed adjacency matrix of the kNN graph with self-loops."""
        k = self.affinity.n_neighbors
        index = NeighborIndex(X, self.affinity.metric, k, random_state=seed)
        _, neighbors = index.point_neighbors(k)
        A = np.eye(len(neighbors))
        np.put_along_axis(A, neighbors, 1.0, axis=1)
        # Copies have the edges of their point, and those to each other.
        return A[np.ix_(index.point_of, index.point_of)]
