"""The paper's other entropies, as estimators that plug into DiffusionSpectralMI.

Shannon entropy of a binned representation (with it, DSMI becomes the paper's CSMI),
entropy of the entries of the diffusion matrix (DMEE), and spectral entropy of the
adjacency matrix itself (ASE).
"""

import numpy as np

from .._spectra.affinity import gaussian_affinity
from .._spectra.diffusion import diffusion_operator, transition_matrix
from .._spectra.neighbors import NeighborIndex
from .._spectra.spectrum import EntropyEstimate, shannon_entropy
from .._tools.validation import (
    check_count,
    check_fits_in_memory,
    check_option,
    check_share,
)
from .base import BaseEntropy, KernelEntropy, is_one_point

BIN_RANGES = ("each", "fitted")
ADJACENCIES = ("anisotropic", "gaussian", "nearest_neighbors")


class ShannonEntropy(BaseEntropy):
    """Shannon entropy of a representation, binned.

    Each feature is cut into `n_bins` bins of equal width between its smallest and its
    largest value; the entropy is that of the shares of samples in the occupied cells.
    In more than a few dimensions every sample has a cell of its own, and the entropy
    is ``log2(n_samples)`` whatever the data: the paper's point.

    Parameters
    ----------
    n_bins : int, default=2
        Bins per feature.
    bin_range : {"fitted", "each"}, default="fitted"
        Whether samples other than the fitted ones, and subsets, are binned by the
        fitted range (values outside it fall into the outer bins), or
        each set of samples by its own, as the paper's authors do.
    max_samples : int or float, default=None
        Measure a random subsample of this many samples, or of this fraction. None
        takes all.
    normalize : bool, default=False
        Whether to divide the entropy by ``log2(n_samples)``, for a value in [0, 1].
    random_state : int, RandomState instance or None, default=None
        Seed of the subsample.

    Attributes
    ----------
    entropy_ : float
        Entropy of the fitted samples, in bits, from 0 to ``log2(n_samples)`` (a share
        of it if ``normalize``).
    data_min_ : ndarray of shape (n_features,)
        Smallest value of each feature.
    data_max_ : ndarray of shape (n_features,)
        Largest value of each feature.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X has string names for all.

    See Also
    --------
    DiffusionSpectralEntropy : Entropy that stays informative in many dimensions.

    References
    ----------
    .. [1] Liao et al., arXiv:2312.04823, Section 4.

    Examples
    --------
    Four equally likely corners of a square carry two bits:

    >>> from skdse import ShannonEntropy
    >>> ShannonEntropy().fit([[0, 0], [0, 1], [1, 0], [1, 1]]).entropy_
    2.0
    """

    def __init__(
        self,
        n_bins=2,
        *,
        bin_range="fitted",
        max_samples=None,
        normalize=False,
        random_state=None,
    ):
        self.n_bins = n_bins
        self.bin_range = bin_range
        self.max_samples = max_samples
        self.normalize = normalize
        self.random_state = random_state

    def _check_parameters(self):
        super()._check_parameters()
        check_count(self.n_bins, "n_bins")
        check_option(self.bin_range, "bin_range", BIN_RANGES)

    def _fit_scale(self, X, seed=None):
        self.data_min_, self.data_max_ = X.min(axis=0), X.max(axis=0)

    def _fitted_scale(self):
        return None

    def _scale_of(self, X):
        return None

    def _measure(self, X, scale, seed):
        low, high = self.data_min_, self.data_max_
        if self.bin_range == "each":
            low, high = X.min(axis=0), X.max(axis=0)
        # A constant feature has one bin.
        width = np.where(high > low, high - low, 1)
        bins = np.clip((X - low) / width * self.n_bins, 0, self.n_bins - 1).astype(int)
        _, counts = np.unique(bins, axis=0, return_counts=True)
        return EntropyEstimate.exact(shannon_entropy(counts))


class MatrixEntryEntropy(KernelEntropy):
    """Shannon entropy of the entries of the diffusion matrix P.

    The entropy of the shares ``P_ij / n_samples``, between ``log2(n_samples)``, where
    each sample sees one, and ``2 log2(n_samples)``, where each sees all alike.

    Parameters
    ----------
    bandwidth : float or {"auto", "median", "reduced", "knn", "adaptive"}, \
            default="auto"
        See :class:`DiffusionSpectralEntropy`; "auto" is "median".
    bandwidth_scale : float, default=1.0
        Multiplies what a rule for the bandwidth finds.
    bandwidth_neighbors : int, default=5
        Neighbour whose distance the rules "knn" and "adaptive" take.
    metric : str or callable, default="euclidean"
        Distance between samples.
    alpha : float, default=0.5
        Density normalisation, from 0 to 1.
    max_samples : int or float, default=None
        Measure a random subsample of this many samples, or of this fraction. None
        takes all.
    normalize : bool, default=False
        Whether to divide the entropy by ``2 log2(n_samples)``.
    random_state : int, RandomState instance or None, default=None
        Seed of subsamples, sampled pairs and approximate neighbours.

    Attributes
    ----------
    entropy_ : float
        Entropy of the fitted samples, in bits (a share of ``2 log2(n_samples)`` if
        ``normalize``).
    bandwidth_ : float or ndarray of shape (n_samples,)
        Fitted σ or σ_i.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X has string names for all.

    See Also
    --------
    DiffusionSpectralEntropy : Entropy of the eigenvalues of P.

    References
    ----------
    .. [1] Liao et al., arXiv:2312.04823, Section 4.

    Examples
    --------
    Two samples that see each other as well as themselves spread over four entries:

    >>> from skdse import MatrixEntryEntropy
    >>> MatrixEntryEntropy(bandwidth=1e6).fit([[0.0], [1.0]]).entropy_
    2.0
    """

    def __init__(
        self,
        *,
        bandwidth="auto",
        bandwidth_scale=1.0,
        bandwidth_neighbors=5,
        metric="euclidean",
        alpha=0.5,
        max_samples=None,
        normalize=False,
        random_state=None,
    ):
        self.bandwidth = bandwidth
        self.bandwidth_scale = bandwidth_scale
        self.bandwidth_neighbors = bandwidth_neighbors
        self.metric = metric
        self.alpha = alpha
        self.max_samples = max_samples
        self.normalize = normalize
        self.random_state = random_state

    def _check_parameters(self):
        super()._check_parameters()
        check_share(self.alpha, "alpha")

    def _measure(self, X, scale, seed):
        if is_one_point(X, scale):
            return EntropyEstimate.exact(2 * np.log2(len(X)))
        check_fits_in_memory(len(X), n_matrices=3)
        G = gaussian_affinity(X, scale, self.metric, shared=self._bandwidth.shared)
        return EntropyEstimate.exact(shannon_entropy(transition_matrix(G, self.alpha)))

    def _largest_entropy(self, n_samples):
        return 2 * np.log2(n_samples)


class AdjacencySpectralEntropy(KernelEntropy):
    """Spectral entropy of the adjacency matrix, not made a diffusion operator.

    The Shannon entropy of ``|λ_i| / Σ_j |λ_j|`` for the eigenvalues of the adjacency
    matrix A of the data graph.

    Parameters
    ----------
    adjacency : {"gaussian", "anisotropic", "nearest_neighbors"}, default="gaussian"
        A is the Gaussian affinity G; or ``diag(q)^-½ G diag(q)^-½`` with ``q = G 1``;
        or the directed graph with an edge of weight 1 from each sample to itself and
        to its `n_neighbors` nearest others.
    bandwidth : float or {"auto", "median", "reduced", "knn", "adaptive"}, \
            default="auto"
        See :class:`DiffusionSpectralEntropy`; "auto" is "median". Without effect with
        adjacency="nearest_neighbors".
    bandwidth_scale : float, default=1.0
        Multiplies what a rule for the bandwidth finds.
    bandwidth_neighbors : int, default=5
        Neighbour whose distance the rules "knn" and "adaptive" take.
    n_neighbors : int, default=10
        Edges per sample of the graph, besides the one to itself; at most
        ``n_samples - 1`` is used.
    metric : str or callable, default="euclidean"
        Distance between samples.
    max_samples : int or float, default=None
        Measure a random subsample of this many samples, or of this fraction. None
        takes all.
    normalize : bool, default=False
        Whether to divide the entropy by ``log2(n_samples)``, for a value in [0, 1].
    random_state : int, RandomState instance or None, default=None
        Seed of subsamples, sampled pairs and approximate neighbours.

    Attributes
    ----------
    entropy_ : float
        Entropy of the fitted samples, in bits, from 0 to ``log2(n_samples)`` (a share
        of it if ``normalize``).
    bandwidth_ : float or ndarray of shape (n_samples,)
        Fitted σ or σ_i.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X has string names for all.

    See Also
    --------
    DiffusionSpectralEntropy : Spectral entropy of the diffusion operator.

    References
    ----------
    .. [1] Liao et al., arXiv:2312.04823, Section 4.

    Examples
    --------
    Two far samples are two components:

    >>> from skdse import AdjacencySpectralEntropy
    >>> AdjacencySpectralEntropy(bandwidth=1.0).fit([[0.0], [100.0]]).entropy_
    1.0
    """

    def __init__(
        self,
        adjacency="gaussian",
        *,
        bandwidth="auto",
        bandwidth_scale=1.0,
        bandwidth_neighbors=5,
        n_neighbors=10,
        metric="euclidean",
        max_samples=None,
        normalize=False,
        random_state=None,
    ):
        self.adjacency = adjacency
        self.bandwidth = bandwidth
        self.bandwidth_scale = bandwidth_scale
        self.bandwidth_neighbors = bandwidth_neighbors
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.max_samples = max_samples
        self.normalize = normalize
        self.random_state = random_state

    def _check_parameters(self):
        super()._check_parameters()
        check_option(self.adjacency, "adjacency", ADJACENCIES)
        check_count(self.n_neighbors, "n_neighbors")

    def _measure(self, X, scale, seed):
        if len(X) == 1 or is_one_point(X, scale):
            return EntropyEstimate.exact(0.0)
        check_fits_in_memory(len(X), n_matrices=3)
        if self.adjacency == "nearest_neighbors":
            # Directed, so its eigenvalues are complex.
            moduli = np.abs(np.linalg.eigvals(self._binary_graph(X, seed)))
            return EntropyEstimate.exact(shannon_entropy(moduli))
        A = gaussian_affinity(X, scale, self.metric, shared=self._bandwidth.shared)
        if self.adjacency == "anisotropic":
            # With α = 0, S = D^-½ G D^-½ where D = diag(q).
            A = diffusion_operator(A, alpha=0.0).toarray()
        return EntropyEstimate.exact(shannon_entropy(np.abs(np.linalg.eigvalsh(A))))

    def _binary_graph(self, X, seed):
        """Directed adjacency matrix of the kNN graph with self-loops."""
        index = NeighborIndex(X, self.metric, self.n_neighbors, random_state=seed)
        _, neighbors = index.kneighbors(self.n_neighbors)
        A = np.eye(len(X))
        np.put_along_axis(A, neighbors, 1.0, axis=1)
        return A
