"""The paper's other entropies, as estimators that plug into DiffusionSpectralMI.

Shannon entropy of a binned representation (with it, DSMI becomes the paper's CSMI),
entropy of the entries of the diffusion matrix (DMEE), and spectral entropy of the
adjacency matrix itself (ASE).
"""

from .._spectra.affinity import Gaussian
from .._tools.validation import check_count, check_option, check_share
from .base import BaseEntropy, check_common
from .baseline_meters import AdjacencyMeter, MatrixEntryMeter, ShannonMeter
from .meters import make_meter

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
    scale_ : object
        Range of each feature, at which `score` measures other samples.
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

    @property
    def data_min_(self):
        """Smallest value of each feature."""
        return self.scale_.low

    @property
    def data_max_(self):
        """Largest value of each feature."""
        return self.scale_.high


class MatrixEntryEntropy(BaseEntropy):
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
    scale_ : object
        Bandwidth, at which `score` measures other samples.
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

    @property
    def bandwidth_(self):
        """Fitted σ or σ_i."""
        return self.scale_.sigma


class AdjacencySpectralEntropy(BaseEntropy):
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
    scale_ : object
        Bandwidth, at which `score` measures other samples.
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

    @property
    def bandwidth_(self):
        """Fitted σ or σ_i."""
        return self.scale_.sigma


@make_meter.register
def _shannon_meter(estimator: ShannonEntropy):
    """Meter of Shannon entropy, its parameters checked."""
    check_common(estimator)
    check_count(estimator.n_bins, "n_bins")
    check_option(estimator.bin_range, "bin_range", BIN_RANGES)
    return ShannonMeter(
        n_bins=estimator.n_bins,
        bin_range=estimator.bin_range,
        max_samples=estimator.max_samples,
    )


@make_meter.register
def _matrix_entry_meter(estimator: MatrixEntryEntropy):
    """Meter of matrix-entry entropy, its parameters checked."""
    check_common(estimator)
    check_share(estimator.alpha, "alpha")
    return MatrixEntryMeter(
        affinity=_gaussian(estimator),
        alpha=estimator.alpha,
        max_samples=estimator.max_samples,
    )


@make_meter.register
def _adjacency_meter(estimator: AdjacencySpectralEntropy):
    """Meter of adjacency entropy, its parameters checked."""
    check_common(estimator)
    check_option(estimator.adjacency, "adjacency", ADJACENCIES)
    return AdjacencyMeter(
        affinity=_gaussian(estimator, n_neighbors=estimator.n_neighbors),
        adjacency=estimator.adjacency,
        max_samples=estimator.max_samples,
    )


def _gaussian(estimator, **params):
    """Gaussian affinity with the parameters of an estimator."""
    return Gaussian(
        bandwidth=estimator.bandwidth,
        bandwidth_scale=estimator.bandwidth_scale,
        bandwidth_neighbors=estimator.bandwidth_neighbors,
        metric=estimator.metric,
        **params,
    )
