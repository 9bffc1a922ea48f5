"""The paper's other entropies, as estimators for DiffusionSpectralMI.

Shannon entropy of a binned representation (with it, DSMI becomes the paper's CSMI),
entropy of the entries of the diffusion matrix (DMEE), and spectral entropy of the
adjacency matrix itself (ASE).
"""

from collections.abc import Callable

import numpy as np

from .._spectra.affinity import Gaussian
from .._tools.hints import Seed
from .._tools.validation import check_count, check_option, check_share
from .base import BaseEntropy, check_common
from .baseline_meters import AdjacencyMeter, MatrixEntryMeter, ShannonMeter
from .meters import make_meter

BIN_RANGES = ("each", "fitted")
ADJACENCIES = ("anisotropic", "gaussian", "nearest_neighbors")


class ShannonEntropy(BaseEntropy):
    """Shannon entropy of a representation that is cut into bins.

    Each feature is cut into `n_bins` bins of equal width between its smallest and its
    largest value. Samples with the same bins are in the same cell. ``2**entropy`` is
    the effective number of occupied cells. In more than a few dimensions every sample
    has a cell of its own, and the entropy is ``log2(n_samples)`` whatever the data, as
    the paper [1]_ says.

    Parameters
    ----------
    n_bins : int, default=2
        Bins per feature. More bins give smaller cells and usually a higher entropy.
    bin_range : {"fitted", "each"}, default="fitted"
        Range that is cut into bins when subsets or other samples are measured:
        "fitted" is the range of the fitted samples (values outside it fall into the
        outer bins), "each" the range of each set, as the paper's authors do.
    max_samples : int or float, default=None
        Measure a random subsample of this many samples, or of this fraction. More
        samples can fill more cells, which raises the entropy. None measures all.
    normalize : bool, default=False
        Whether to divide the entropy by ``log2(n_samples)``, for a value in [0, 1].
    random_state : int, RandomState instance or None, default=None
        Seed of the subsample.

    Attributes
    ----------
    entropy_ : float
        Entropy of the fitted samples, in bits, from 0 to ``log2(n_samples)`` (from 0
        to 1 if ``normalize``).
    scale_ : object
        Range of each feature, which `score` uses for other samples.
    data_min_ : ndarray of shape (n_features,)
        Smallest value of each feature.
    data_max_ : ndarray of shape (n_features,)
        Largest value of each feature.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names for all.

    See Also
    --------
    DiffusionSpectralEntropy : Entropy that stays informative in many dimensions.

    Notes
    -----
    X may be a NumPy array or a tensor on any device, as of
    :class:`DiffusionSpectralEntropy`.

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
        n_bins: int = 2,
        *,
        bin_range: str = "fitted",
        max_samples: int | float | None = None,
        normalize: bool = False,
        random_state: Seed = None,
    ) -> None:
        self.n_bins = n_bins
        self.bin_range = bin_range
        self.max_samples = max_samples
        self.normalize = normalize
        self.random_state = random_state

    @property
    def data_min_(self) -> np.ndarray:
        """Smallest value of each feature."""
        return self.scale_.low

    @property
    def data_max_(self) -> np.ndarray:
        """Largest value of each feature."""
        return self.scale_.high


class MatrixEntryEntropy(BaseEntropy):
    """Shannon entropy of the entries of the diffusion matrix P.

    The entropy says over how many entries the probability of a hop is spread:
    ``2**entropy`` is the effective number of entries. It is the entropy of the shares
    ``P_ij / n_samples``: ``log2(n_samples)`` if each sample sees only itself, and
    ``2 log2(n_samples)`` if each sample sees all samples alike.

    Parameters
    ----------
    bandwidth : float or {"auto", "median", "reduced", "knn", "adaptive"}, \
            default="auto"
        Scale σ of the Gaussian affinity, see :class:`DiffusionSpectralEntropy`; "auto"
        is "median". The larger it is, the higher this entropy.
    bandwidth_scale : float, default=1.0
        Factor by which a rule's bandwidth is multiplied.
    bandwidth_neighbors : int, default=5
        Neighbour whose distance the rules "knn" and "adaptive" use. A larger number
        gives a larger bandwidth.
    metric : str or callable, default="euclidean"
        Distance between samples.
    alpha : float, default=0.5
        Density normalisation, from 0 (none) to 1 (removes the density).
    max_samples : int or float, default=None
        Measure a random subsample of this many samples, or of this fraction. More
        samples take more time and have a higher entropy. None measures all samples.
    normalize : bool, default=False
        Whether to divide the entropy by ``2 log2(n_samples)``.
    random_state : int, RandomState instance or None, default=None
        Seed of subsamples, sampled pairs and approximate neighbours.

    Attributes
    ----------
    entropy_ : float
        Entropy of the fitted samples, in bits (divided by ``2 log2(n_samples)`` if
        ``normalize``).
    scale_ : object
        Bandwidth, which `score` uses for other samples.
    bandwidth_ : float or ndarray of shape (n_samples,)
        Fitted σ or σ_i.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names for all.

    See Also
    --------
    DiffusionSpectralEntropy : Entropy of the eigenvalues of P.

    Notes
    -----
    X may be a NumPy array or a tensor on any device, as of
    :class:`DiffusionSpectralEntropy`.

    References
    ----------
    .. [1] Liao et al., arXiv:2312.04823, Section 4.

    Examples
    --------
    Two samples that see each other as well as themselves have four equal entries:

    >>> from skdse import MatrixEntryEntropy
    >>> MatrixEntryEntropy(bandwidth=1e6).fit([[0.0], [1.0]]).entropy_
    2.0
    """

    def __init__(
        self,
        *,
        bandwidth: float | str = "auto",
        bandwidth_scale: float = 1.0,
        bandwidth_neighbors: int = 5,
        metric: str | Callable = "euclidean",
        alpha: float = 0.5,
        max_samples: int | float | None = None,
        normalize: bool = False,
        random_state: Seed = None,
    ) -> None:
        self.bandwidth = bandwidth
        self.bandwidth_scale = bandwidth_scale
        self.bandwidth_neighbors = bandwidth_neighbors
        self.metric = metric
        self.alpha = alpha
        self.max_samples = max_samples
        self.normalize = normalize
        self.random_state = random_state

    @property
    def bandwidth_(self) -> float | np.ndarray:
        """Fitted σ or σ_i."""
        return self.scale_.in_units


class AdjacencySpectralEntropy(BaseEntropy):
    """Spectral entropy of the adjacency matrix of the graph of the samples.

    The entropy is the Shannon entropy of ``|λ_i| / Σ_j |λ_j|`` for the eigenvalues of
    the adjacency matrix A. ``2**entropy`` is the effective number of eigenvalues.
    Unlike in :class:`DiffusionSpectralEntropy`, A is not made a diffusion operator.

    Parameters
    ----------
    adjacency : {"gaussian", "anisotropic", "nearest_neighbors"}, default="gaussian"
        The matrix A. "gaussian": the Gaussian affinity G. "anisotropic":
        ``diag(q)^-½ G diag(q)^-½`` with ``q = G 1``. "nearest_neighbors": the directed
        graph with an edge of weight 1 from each sample to itself and to its
        `n_neighbors` nearest other samples.
    bandwidth : float or {"auto", "median", "reduced", "knn", "adaptive"}, \
            default="auto"
        Scale σ of the Gaussian affinity, see :class:`DiffusionSpectralEntropy`; "auto"
        is "median". The larger it is, the lower the entropy. It has no effect with
        adjacency="nearest_neighbors".
    bandwidth_scale : float, default=1.0
        Factor by which a rule's bandwidth is multiplied.
    bandwidth_neighbors : int, default=5
        Neighbour whose distance the rules "knn" and "adaptive" use. A larger number
        gives a larger bandwidth.
    n_neighbors : int, default=10
        Neighbours of each sample in the graph with adjacency="nearest_neighbors",
        besides the sample itself; at most ``n_samples - 1`` are used.
    metric : str or callable, default="euclidean"
        Distance between samples.
    max_samples : int or float, default=None
        Measure a random subsample of this many samples, or of this fraction. More
        samples take more time and have a higher entropy. None measures all samples.
    normalize : bool, default=False
        Whether to divide the entropy by ``log2(n_samples)``, for a value in [0, 1].
    random_state : int, RandomState instance or None, default=None
        Seed of subsamples, sampled pairs and approximate neighbours.

    Attributes
    ----------
    entropy_ : float
        Entropy of the fitted samples, in bits, from 0 to ``log2(n_samples)`` (from 0
        to 1 if ``normalize``).
    scale_ : object
        Bandwidth, which `score` uses for other samples.
    bandwidth_ : float or ndarray of shape (n_samples,)
        Fitted σ or σ_i.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names for all.

    See Also
    --------
    DiffusionSpectralEntropy : Spectral entropy of the diffusion operator.

    Notes
    -----
    X may be a NumPy array or a tensor on any device, as of
    :class:`DiffusionSpectralEntropy`.

    References
    ----------
    .. [1] Liao et al., arXiv:2312.04823, Section 4.

    Examples
    --------
    Two samples that are far apart have two equal eigenvalues:

    >>> from skdse import AdjacencySpectralEntropy
    >>> AdjacencySpectralEntropy(bandwidth=1.0).fit([[0.0], [100.0]]).entropy_
    1.0
    """

    def __init__(
        self,
        adjacency: str = "gaussian",
        *,
        bandwidth: float | str = "auto",
        bandwidth_scale: float = 1.0,
        bandwidth_neighbors: int = 5,
        n_neighbors: int = 10,
        metric: str | Callable = "euclidean",
        max_samples: int | float | None = None,
        normalize: bool = False,
        random_state: Seed = None,
    ) -> None:
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
    def bandwidth_(self) -> float | np.ndarray:
        """Fitted σ or σ_i."""
        return self.scale_.in_units


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
