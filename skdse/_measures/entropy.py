"""Diffusion spectral entropy (DSE): the function, the estimator and its meter.

X ─► scale ─► spectrum λ of the diffusion operator ─► entropy S_D: the steps are those
of ``_spectra.meter.SpectralMeter``.
"""

from dataclasses import replace

import numpy as np
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from .._spectra.affinity import PARAMETERS, make_affinity
from .._spectra.meter import SpectralMeter
from .._spectra.solvers import SOLVERS
from .._spectra.spectrum import EntropyEstimate, knee_time, warn_if_saturated
from .._tools.validation import (
    check_count,
    check_number_or_option,
    check_option,
    check_positive,
    check_share,
    check_work,
)
from .base import (
    MAX_SEED,
    BaseEntropy,
    as_share,
    check_common,
    n_draws,
    subsample,
    validated,
)
from .meters import make_meter


def diffusion_spectral_entropy(X, **params):
    """Diffusion spectral entropy of X, in bits.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Representations.
    **params
        Parameters of :class:`DiffusionSpectralEntropy`.

    Returns
    -------
    entropy : float
        Entropy in bits, between 0 and log2(n_samples).

    Raises
    ------
    ValueError
        If X or a parameter is invalid; the message names it and the rule.

    See Also
    --------
    DiffusionSpectralEntropy : The estimator, with error, spectrum and ``score``.

    Examples
    --------
    Three far clusters of identical points have three diffusion states:

    >>> import numpy as np
    >>> from skdse import diffusion_spectral_entropy
    >>> X = np.repeat([[0.0], [100.0], [200.0]], 5, axis=0)
    >>> entropy = diffusion_spectral_entropy(X, bandwidth=1.0)
    >>> print(f"{2**entropy:.4f}")
    3.0000
    """
    return DiffusionSpectralEntropy(**params).fit(X).entropy_


class DiffusionSpectralEntropy(BaseEntropy):
    """Diffusion spectral entropy of a representation.

    The Shannon entropy of the normalised spectrum ``|λ|^t`` of the diffusion operator
    on the data graph of X: ``p_i = |λ_i|^t / Σ_j |λ_j|^t`` and
    ``S_D = -Σ p_i log2 p_i``, between 0 and ``log2(n_samples)`` bits. ``2**S_D`` is
    the effective number of diffusion states.

    Parameters
    ----------
    affinity : {"gaussian", "laplacian", "nearest_neighbors", "precomputed"} or \
            callable, default="gaussian"
        How much two samples are alike, from 0 to 1.

        - "gaussian": ``exp(-d²/(2 σ_i σ_j))`` for all pairs, d their distance.
        - "laplacian": ``exp(-d/sqrt(σ_i σ_j))`` for all pairs, d their Manhattan
          distance ``Σ|x - x'|``. It falls more slowly than the Gaussian, and a single
          feature with an outlier counts for less.
        - "nearest_neighbors": Gaussian weights on the edges of a kNN graph, 0
          elsewhere. An edge joins two samples if either is among the nearest neighbours
          of the other. The search is exact for small problems, and approximate
          (pynndescent) for large ones.
        - "precomputed": X is the affinity matrix itself, dense or sparse, symmetric and
          without negative entries. A zero row is an isolated sample.
        - a callable gets X and returns such a matrix.
    bandwidth : float or {"auto", "median", "reduced", "knn", "adaptive"}, \
            default="auto"
        Scale σ of the affinity. The larger it is, the more samples are alike, and the
        lower the entropy. A number is in the units of the data; a rule finds it:

        - "median": half the median distance between samples; with
          affinity="laplacian" the whole median.
        - "reduced": half the median of the distances ``sqrt(max(d² - r², 0))``, which
          are then used in place of d; r is the median distance to the first neighbour.
          This removes what noise in many dimensions adds to all distances. Not for
          affinity="laplacian".
        - "knn": median distance to the `bandwidth_neighbors`-th neighbour.
        - "adaptive": that distance for each sample by itself, σ_i [2]_.
        - "auto": "adaptive" with affinity="nearest_neighbors", otherwise "median".
    bandwidth_scale : float, default=1.0
        Multiplies what a rule for the bandwidth finds. A number is taken as it is.
    bandwidth_neighbors : int, default=5
        Neighbour whose distance the rules "knn" and "adaptive" take; at most
        ``n_samples - 1`` is used. A fitted sample is not its own neighbour; a
        sample outside the fit takes its distance to the fitted ones.
    n_neighbors : int, default=15
        Edges per sample of the kNN graph, to the nearest distinct samples: copies are
        joined, and have edges to all copies of a neighbour. At most ``n_samples - 1``
        is used.
    metric : str or callable, default="euclidean"
        Distance between samples, any of
        :func:`sklearn.metrics.pairwise_distances`; between equal samples it is 0.
        affinity="laplacian" always takes the Manhattan distance.
    alpha : float, default=0.5
        Density normalisation in [0, 1]: 0 is none (random walk on the graph), 0.5
        Fokker-Planck (the paper's), 1 Laplace-Beltrami (free of the density).
    t : float or "auto", default=1
        Diffusion time. "auto" takes the knee of the entropy curve for t from 1 to 100.
    eigen_solver : {"auto", "dense", "arpack", "lanczos"}, default="auto"
        "dense" finds all eigenvalues; "arpack" the `n_components` of largest modulus
        and a certified interval for the entropy; "lanczos" estimates the spectral
        density from random probes until the standard error is below `tol`. "auto"
        is "dense" for up to 1800 samples (2500 with an adaptive or reduced bandwidth,
        8000 of a kNN graph, 10,000 with a metric that is not Euclidean; the numbers are
        in proportion to 0.001 / `tol`) and "lanczos" beyond.
    n_components : int, default=None
        Eigenvalues that "arpack" finds; 64 if None.
    tol : float, default=1e-3
        Standard error in bits that "lanczos" is to reach at time `t`; a
        ConvergenceWarning tells where it could not.
    max_samples : int or float, default=None
        Measure a random subsample of this many samples, or of this fraction. None
        takes all.
    n_repeats : int, default=1
        Subsamples of `max_samples` samples over which the entropy is averaged, each
        with a bandwidth of its own: sets of different sizes compare at one size.
        All samples are measured once.
    normalize : bool, default=False
        Whether to divide the entropy by ``log2(n_samples)``, for a value in [0, 1].
    random_state : int, RandomState instance or None, default=None
        Seed of subsamples, sampled pairs, approximate neighbours and solvers' starts.
    n_jobs : int, default=None
        Jobs of the exact neighbour search with metrics other than the Euclidean; all
        else takes as many threads as the linear algebra. Results do not depend on it.
    verbose : int, default=0
        Whether to show progress on standard error: 0 is silent.

    Attributes
    ----------
    entropy_ : float
        Entropy of the fitted samples, in bits (a share of ``log2(n_samples)`` if
        ``normalize``).
    entropy_std_error_ : float
        Standard error of `entropy_`: of the solver, 0 where all eigenvalues are known,
        and over the subsamples with ``n_repeats`` above 1.
    entropy_interval_ : tuple of float
        Interval (lower, upper) of the entropy: certified with eigen_solver "dense"
        and "arpack", two standard errors to either side with "lanczos" or subsamples.
    effective_rank_ : float
        ``2**S_D``, the effective number of diffusion states, from 1 to n_samples.
    eigenvalues_ : ndarray of shape (n_known,)
        Eigenvalues solved for, largest modulus first.
    spectrum_ : Spectrum
        What is known of the spectrum; ``spectrum_.entropy(t)`` serves every t. Of
        several subsamples it is that of the first, as are `eigenvalues_`, `bandwidth_`
        and `t_`.
    scale_ : object
        Bandwidth and time, at which `score` measures other samples.
    bandwidth_ : float, ndarray of shape (n_samples,) or None
        Fitted σ or σ_i; None if the affinity is precomputed or a callable.
    t_ : float
        Diffusion time used.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X has string names for all.

    See Also
    --------
    DiffusionSpectralMI : Mutual information with labels or inputs.

    References
    ----------
    .. [1] Liao et al., "Assessing Neural Network Representations During Training Using
       Noise-Resilient Diffusion Spectral Entropy", CISS 2024, Definition 3.1,
       arXiv:2312.04823.
    .. [2] Zelnik-Manor and Perona, "Self-Tuning Spectral Clustering", NeurIPS 2004.

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

    The same scale measures other samples:

    >>> print(f"{dse.score(X[:500]):.2f} bits")
    6.39 bits
    """

    def __init__(
        self,
        *,
        affinity="gaussian",
        bandwidth="auto",
        bandwidth_scale=1.0,
        bandwidth_neighbors=5,
        n_neighbors=15,
        metric="euclidean",
        alpha=0.5,
        t=1,
        eigen_solver="auto",
        n_components=None,
        tol=1e-3,
        max_samples=None,
        n_repeats=1,
        normalize=False,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
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

    def fit(self, X, y=None):
        """Fit the scale to X and measure the entropy of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Representations. With a precomputed affinity: the affinity matrix, of
            shape (n_samples, n_samples).
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
        estimates = [self.spectrum_.entropy(scale.t)]
        for _ in range(n_draws(X, meter) - 1):
            # A further subsample, with a bandwidth of its own.
            one = replace(meter, t=scale.t)
            rng_of_one = check_random_state(rng.randint(MAX_SEED))
            _, spectrum = _fit_spectrum(X, one, rng_of_one)
            estimates.append(spectrum.entropy(scale.t))
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
    def bandwidth_(self):
        """Fitted σ or σ_i."""
        return self.scale_.bandwidth.sigma

    @property
    def t_(self):
        """Diffusion time used."""
        return self.scale_.t

    def entropy_curve(self, t):
        """Entropy of the fitted samples at other diffusion times.

        The spectrum does not depend on t, so a curve costs next to nothing.

        Parameters
        ----------
        t : array-like of shape (n_times,)
            Positive diffusion times.

        Returns
        -------
        entropy : ndarray of shape (n_times,)
            Entropy at each time, in bits (a share of ``log2(n_samples)`` if
            ``normalize``).

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
        precomputed = self.affinity == "precomputed"
        tags.input_tags.pairwise = precomputed
        tags.input_tags.sparse = precomputed
        tags.input_tags.positive_only = precomputed
        return tags


@make_meter.register
def _spectral_meter(estimator: DiffusionSpectralEntropy):
    """Meter of diffusion spectral entropy, its parameters checked."""
    check_common(estimator)
    params = {name: getattr(estimator, name) for name in PARAMETERS}
    affinity = make_affinity(estimator.affinity, **params)
    check_share(estimator.alpha, "alpha")
    check_number_or_option(estimator.t, "t", ("auto",))
    check_option(estimator.eigen_solver, "eigen_solver", ("auto", *SOLVERS))
    if estimator.n_components is not None:
        check_count(estimator.n_components, "n_components")
    check_positive(estimator.tol, "tol")
    check_count(estimator.n_repeats, "n_repeats")
    check_work(estimator.n_jobs, estimator.verbose)
    return SpectralMeter(
        affinity=affinity,
        alpha=estimator.alpha,
        t=estimator.t,
        eigen_solver=estimator.eigen_solver,
        n_components=estimator.n_components,
        tol=estimator.tol,
        max_samples=estimator.max_samples,
        n_repeats=estimator.n_repeats,
        verbose=estimator.verbose,
    )


def _fit_spectrum(X, meter, rng):
    """Scale and spectrum of X, or of a subsample of it."""
    X = subsample(X, meter, rng)
    seed = rng.randint(MAX_SEED)
    scale = meter.fit(X, seed)
    return scale, meter.solve(X, scale, seed)
