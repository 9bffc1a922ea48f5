"""Diffusion spectral entropy (DSE): the function and the estimator.

X ─► scale ─► spectrum λ of the diffusion operator ─► entropy S_D: the steps are those
of ``_spectra.spectral_meter``.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from .._spectra.estimates import EntropyEstimate
from .._spectra.spectrum import knee_time, warn_if_saturated
from .._tools.hints import SamplesLike, Seed
from .base import MAX_SEED, BaseEntropy, as_share, n_draws, subsample, validated
from .entropy_meter import spectral_meter
from .meters import make_meter


class DiffusionSpectralEntropy(BaseEntropy):
    """Diffusion spectral entropy (DSE) of a representation.

    DSE says how many distinct states the samples fill, in bits: ``2**DSE`` is the
    effective number of diffusion states. It is the Shannon entropy of the eigenvalues
    λ_i of the diffusion operator, a random walk among the samples, after t hops [1]_:
    ``S_D = -Σ p_i log2 p_i`` with ``p_i = |λ_i|^t / Σ_j |λ_j|^t``, between 0 and
    ``log2(n_samples)`` bits.

    Parameters
    ----------
    affinity : {"gaussian", "laplacian", "nearest_neighbors", "precomputed", \
            "precomputed_nearest_neighbors"} or callable, default="gaussian"
        How strongly two samples see each other, from 0 (far apart) to 1 (identical).

        - "gaussian": ``exp(-d²/(2 σ²))`` for all pairs; d is their distance.
        - "laplacian": ``exp(-d/sqrt(σ_i σ_j))`` for all pairs; d is their Manhattan
          distance ``Σ|x - x'|``. It falls more slowly than the Gaussian, and an outlier
          in a single feature changes it less.
        - "nearest_neighbors": Gaussian weights on the edges of a kNN graph, 0
          elsewhere. An edge joins two samples if either is among the nearest neighbours
          of the other. The search is exact for small problems, and approximate for
          large ones, see :ref:`neighbors`.
        - "precomputed": X is the affinity matrix itself, dense or sparse, symmetric and
          without negative entries. A row of zeros is an isolated sample.
        - "precomputed_nearest_neighbors": X is a sparse graph of distances, as of
          :class:`~sklearn.neighbors.KNeighborsTransformer`. Row i lists the distances
          from sample i to its neighbours; a stored 0 is the sample itself or a copy.
          Weights are those of "nearest_neighbors", see :ref:`given-graphs`.
        - a callable: it gets X and returns such a matrix.
    bandwidth : float or {"auto", "median", "reduced", "knn", "adaptive"}, \
            default="auto"
        Scale σ of the affinity. The larger it is, the more alike all samples look, and
        the lower the entropy. A number is in the units of the distance. The rules are:

        - "median": half the median distance between samples; with
          affinity="laplacian", the whole median distance.
        - "reduced": half the median of ``sqrt(max(d² - r², 0))``, which then replaces
          the distance d; r is the median distance to the first neighbour. This removes
          the amount that noise in many dimensions adds to all distances. Not for
          affinity="laplacian".
        - "knn": the median distance to the `bandwidth_neighbors`-th neighbour.
        - "adaptive": σ_i is the distance of each sample to this neighbour [2]_. The
          Gaussian is then ``r⁴ exp(-d²/(σ_i² + σ_j²))`` with
          ``r = 2 σ_i σ_j/(σ_i² + σ_j²)`` [3]_, whose spectrum has next to no negative
          part; on a kNN graph and with distances that are not Euclidean (also squared
          ones) it is ``exp(-d²/(2 σ_i σ_j))``.
        - "auto": "adaptive" with a kNN graph, otherwise "median". A precomputed graph
          takes a number, "knn" or "adaptive".
    bandwidth_scale : float, default=1.0
        Factor by which a rule's bandwidth is multiplied. A larger factor lowers the
        entropy. If `bandwidth` is a number, the factor has no effect.
    bandwidth_neighbors : int, default=5
        Neighbour whose distance the rules "knn" and "adaptive" use; at most
        ``n_samples - 1`` is used. A larger number gives a larger bandwidth. A sample is
        not its own neighbour. New samples have their neighbours among the fitted ones.
    n_neighbors : int, default=15
        Neighbours of each sample in the kNN graph, among distinct samples: copies are
        joined. At most ``n_samples - 1`` are used. More lower the entropy, and take
        more time and memory. A precomputed graph must have as many for each sample.
    metric : str or callable, default="euclidean"
        Distance between samples, any of :func:`sklearn.metrics.pairwise_distances`; of
        equal samples it is 0. affinity="laplacian" takes the Manhattan distance alone.
    alpha : float, default=0.5
        Density normalisation in [0, 1]: 0 is none (plain random walk on the graph), 0.5
        is the paper's choice (Fokker-Planck), 1 removes the density (Laplace-Beltrami).
        The larger it is, the less the density of the samples counts.
    t : float or {"auto", "matched"}, default=1
        Diffusion time: the number of hops of the walk. A larger t removes noise, then
        detail, and lowers the entropy. "auto" takes the knee of the entropy curve for t
        from 1 to 100. "matched" is for affinity="nearest_neighbors": the time, at least
        1, after which the walk on the graph has gone as far as a hop among all pairs,
        ``t = m² / m_k²``. m is the median distance of the samples, and ``m_k² = Σ_i π_i
        Σ_j P_ij d_ij²`` the mean squared length of a hop on the graph. The entropy is
        then near that of all pairs, see :ref:`matched-time`.
    eigen_solver : {"auto", "dense", "dense32", "arpack", "lanczos"}, default="auto"
        "dense" computes all eigenvalues, "dense32" in float32; "arpack" the
        `n_components` of largest modulus and an interval that surely contains the
        entropy; "lanczos" estimates the spectral density from random probes until the
        standard error is below `tol`. "auto" is "lanczos" from 1800 samples on (2500
        with an adaptive Laplacian, 8000 with a kNN graph, 20,000 if it is reduced, with
        another metric than Euclidean or your own affinity; all multiplied by 0.001 /
        `tol`). Below it is "dense", "dense32" from 2500 on.
    n_components : int, default=None
        Number of eigenvalues that "arpack" computes; 64 if None. More eigenvalues give
        a narrower interval and take more time.
    tol : float, default=1e-3
        Standard error in bits that "lanczos" must reach at time `t`. A larger value is
        faster and less accurate. If it is not reached, a ConvergenceWarning says so.
    max_samples : int or float, default=None
        Measure a random subsample of this many samples, or of this fraction. More
        samples take more time and have a higher entropy. None measures all samples.
    n_repeats : int, default=1
        Number of subsamples of `max_samples` samples over which the entropy is
        averaged, so that you can compare sets of different sizes. Each has its own
        bandwidth. More subsamples lower the standard error and take more time. Without
        `max_samples`, all samples are measured once.
    normalize : bool, default=False
        Whether to divide the entropy by ``log2(n_samples)``, for a value in [0, 1].
    random_state : int, RandomState instance or None, default=None
        Seed of subsamples, sampled pairs, approximate neighbours and solvers.
    n_jobs : int, default=None
        Jobs of the exact neighbour search with metrics other than Euclidean. All other
        steps use the threads of the linear algebra. Results do not depend on it.
    verbose : int, default=0
        Whether to show progress on standard error: 0 is silent.

    Attributes
    ----------
    entropy_ : float
        Entropy of the fitted samples, in bits (a value in [0, 1] if ``normalize``).
    entropy_std_error_ : float
        Standard error of `entropy_`: that of the solver (0 if "dense"), of a bandwidth
        or a time found from a sample of pairs and, with several subsamples, of their
        mean.
    entropy_interval_ : tuple of float
        Interval (lower, upper) of the entropy: proved with eigen_solver "dense" and
        "arpack", two standard errors to either side with "lanczos" or subsamples.
    effective_rank_ : float
        ``2**S_D``, the effective number of diffusion states, from 1 to n_samples.
    eigenvalues_ : ndarray of shape (n_known,)
        Eigenvalues that the solver found, largest modulus first.
    spectrum_ : Spectrum
        The spectrum; ``spectrum_.entropy(t)`` gives the entropy at any time t. With
        several subsamples it is the spectrum of the first, as are `eigenvalues_`,
        `bandwidth_` and `t_`.
    scale_ : object
        Bandwidth and diffusion time, which `score` uses for other samples.
    bandwidth_ : float, ndarray of shape (n_samples,) or None
        Fitted σ or σ_i; None if the affinity is a matrix of yours or a callable.
    t_ : float
        Diffusion time used.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names for all.

    See Also
    --------
    DiffusionSpectralMI : Mutual information with labels or inputs.

    Notes
    -----
    X may be a NumPy array or a tensor: of PyTorch, on any device, of CuPy, or another
    array with DLPack. It stays on its device, where all of its size is computed, and
    `transform` returns it as it is. Floats and small NumPy arrays come out, without a
    gradient (:func:`skdse.differentiable.diffusion_spectral_entropy` has one). Half
    precision is raised to float32. Tensors on the CPU give what NumPy arrays give. On
    a device, `metric` is "euclidean", "sqeuclidean", "cosine", "correlation" or
    "manhattan", by any of their names. In pipelines,
    ``sklearn.set_config(array_api_dispatch=True)`` lets steps before, such as
    :class:`~sklearn.decomposition.PCA`, work on the device, too.

    An array of Dask is measured on the cluster of the current ``distributed.Client``,
    if there is one, and never loaded whole, see :ref:`clusters`.

    References
    ----------
    .. [1] Liao et al., "Assessing Neural Network Representations During Training Using
       Noise-Resilient Diffusion Spectral Entropy", CISS 2024, Definition 3.1,
       arXiv:2312.04823.
    .. [2] Zelnik-Manor and Perona, "Self-Tuning Spectral Clustering", NeurIPS 2004.
    .. [3] Gibbs, "Bayesian Gaussian Processes for Regression and Classification", PhD
       thesis, Cambridge 1997; Paciorek and Schervish, "Nonstationary Covariance
       Functions for Gaussian Process Regression", NeurIPS 2003.

    Examples
    --------
    Measure how many diffusion states the digits fill:

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skdse import DiffusionSpectralEntropy
    >>> X, _ = load_digits(return_X_y=True)
    >>> dse = DiffusionSpectralEntropy().fit(X)
    >>> print(f"{dse.entropy_:.2f} bits of {np.log2(len(X)):.2f}")
    7.18 bits of 10.81

    Measure other samples with the same bandwidth:

    >>> print(f"{dse.score(X[:500]):.2f} bits")
    6.39 bits
    """

    entropy_std_error_: float
    entropy_interval_: tuple[float, float]
    effective_rank_: float
    eigenvalues_: np.ndarray
    spectrum_: Any

    def __init__(
        self,
        *,
        affinity: str | Callable = "gaussian",
        bandwidth: float | str = "auto",
        bandwidth_scale: float = 1.0,
        bandwidth_neighbors: int = 5,
        n_neighbors: int = 15,
        metric: str | Callable = "euclidean",
        alpha: float = 0.5,
        t: float | str = 1,
        eigen_solver: str = "auto",
        n_components: int | None = None,
        tol: float = 1e-3,
        max_samples: int | float | None = None,
        n_repeats: int = 1,
        normalize: bool = False,
        random_state: Seed = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.affinity = affinity
        self.bandwidth = bandwidth
        self.bandwidth_scale = bandwidth_scale
        self.bandwidth_neighbors = bandwidth_neighbors
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.alpha = alpha
        self.t = t
        self.eigen_solver = eigen_solver
        self.n_components = n_components
        self.tol = tol
        self.max_samples = max_samples
        self.n_repeats = n_repeats
        self.normalize = normalize
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: SamplesLike, y: Any = None) -> Self:
        """Fit the bandwidth to X and measure the entropy of X.

        Parameters
        ----------
        X : array-like or tensor of shape (n_samples, n_features)
            Representations. With a precomputed affinity or graph: this matrix, of shape
            (n_samples, n_samples).
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or X is invalid.
        MemoryError
            If a dense affinity of X would not fit in memory.
        """
        meter = make_meter(self)
        X = validated(self, X, meter, reset=True)
        rng = check_random_state(self.random_state)
        scale, self.spectrum_ = _fit_spectrum(X, meter, rng)
        if scale.t is None:
            scale = replace(scale, t=knee_time(self.spectrum_))
        self.scale_ = scale
        self.eigenvalues_ = self.spectrum_.eigenvalues
        estimates = [scale.entropy(self.spectrum_)]
        for _ in range(n_draws(X, meter) - 1):
            # A further subsample, with a bandwidth of its own.
            one = replace(meter, t=scale.t)
            rng_of_one = check_random_state(rng.randint(MAX_SEED))
            _, spectrum = _fit_spectrum(X, one, rng_of_one)
            estimates.append(scale.entropy(spectrum))
        for estimate in estimates:
            warn_if_saturated(estimate.saturation, stacklevel=2)
        self._store(estimates, meter)
        return self

    def _store(self, estimates, meter):
        """Keep the mean of the estimates, as a share of the largest if normalize."""
        n = self.spectrum_.n_samples
        shares = [as_share(one, meter, n, self.normalize) for one in estimates]
        mean = EntropyEstimate.mean_of(shares)
        self.entropy_, self.entropy_std_error_ = mean.value, mean.std_error
        self.entropy_interval_ = mean.lower, mean.upper
        bits = estimates[0].value
        if len(shares) > 1:
            bits = mean.value * meter.largest(n) if self.normalize else mean.value
        self.effective_rank_ = 2**bits

    @property
    def bandwidth_(self) -> float | np.ndarray | None:
        """Fitted σ or σ_i."""
        return self.scale_.bandwidth.in_units

    @property
    def t_(self) -> float:
        """Diffusion time used."""
        return self.scale_.t

    def entropy_curve(self, t: ArrayLike) -> np.ndarray:
        """Return the entropy of the fitted samples at other diffusion times.

        The spectrum does not depend on t, so a whole curve costs as much as one value.

        Parameters
        ----------
        t : array-like of shape (n_times,)
            Positive diffusion times.

        Returns
        -------
        entropy : ndarray of shape (n_times,)
            Entropy at each time, in bits (a value in [0, 1] if ``normalize``).

        Raises
        ------
        ValueError
            If a time is not positive and finite.
        """
        check_is_fitted(self)
        times = check_array(t, ensure_2d=False, input_name="t")
        if times.ndim != 1 or times.min() <= 0:
            raise ValueError(f"t must be a 1d array of positive times; got {t!r}.")
        estimates = [self.spectrum_.entropy(float(time)) for time in times]
        meter, n = make_meter(self), self.spectrum_.n_samples
        shares = [as_share(one, meter, n, self.normalize) for one in estimates]
        return np.array([one.value for one in shares])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        precomputed = self.affinity in ("precomputed", "precomputed_nearest_neighbors")
        tags.input_tags.pairwise = precomputed
        tags.input_tags.sparse = precomputed
        tags.input_tags.positive_only = precomputed
        return tags


make_meter.register(DiffusionSpectralEntropy, spectral_meter)


def _fit_spectrum(X, meter, rng):
    """Scale and spectrum of X, or of a subsample of it."""
    X = subsample(X, meter, rng)
    return meter.fit_spectrum(X, rng.randint(MAX_SEED))
