"""Diffusion spectral entropy (DSE): the function and the estimator.

X ─► spectrum λ of the diffusion operator (_spectral.py) ─► entropy S_D.
"""

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from .._spectra.meter import AFFINITIES, SpectralEntropy
from .._spectra.solvers import SOLVERS
from .._spectra.spectrum import knee_time
from .._tools.validation import (
    check_affinity_matrix,
    check_count,
    check_number_or_option,
    check_option,
    check_positive,
    check_share,
    check_work,
    with_self_affinities,
)
from .base import FLOATS, MAX_SEED, warn_if_saturated


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


class DiffusionSpectralEntropy(SpectralEntropy):
    """Diffusion spectral entropy of a representation.

    The Shannon entropy of the normalised spectrum ``|λ|^t`` of the diffusion operator
    on the data graph of X: ``p_i = |λ_i|^t / Σ_j |λ_j|^t`` and
    ``S_D = -Σ p_i log2 p_i``, between 0 and ``log2(n_samples)`` bits. ``2**S_D`` is
    the effective number of diffusion states.

    Parameters
    ----------
    affinity : {"gaussian", "nearest_neighbors", "precomputed"} or callable, \
            default="gaussian"
        How samples see each other. "gaussian" takes all pairs,
        "nearest_neighbors" a symmetrised, sparse kNN graph with Gaussian weights
        (exact search for small problems, pynndescent for large ones);
        with "precomputed" X is the affinity matrix itself, dense or sparse, symmetric
        and without negative entries (a zero row is an isolated sample); a callable
        gets X and returns such a matrix.
    bandwidth : float or {"auto", "median", "reduced", "knn", "adaptive"}, \
            default="auto"
        σ of the Gaussian ``exp(-d²/(2 σ_i σ_j))``: a number in the units of the data;
        "median", half the median distance between samples; "reduced", the same of
        distances ``sqrt(max(d² - r², 0))``, which also take the place of d, with r the
        median distance to the first neighbour: it takes off what noise in many
        dimensions adds to all distances; "knn", the median distance
        to the `bandwidth_neighbors`-th neighbour; "adaptive", that distance sample by
        sample [2]_. "auto" is "median" with affinity="gaussian" and
        "adaptive" with "nearest_neighbors".
    bandwidth_scale : float, default=1.0
        Multiplies what a rule for the bandwidth finds. A number is taken as it is.
    bandwidth_neighbors : int, default=5
        Neighbour whose distance the rules "knn" and "adaptive" take; at most
        ``n_samples - 1`` is used. A fitted sample is not its own neighbour; a
        sample outside the fit takes its distance to the fitted ones.
    n_neighbors : int, default=15
        Edges per sample of the kNN graph; at most ``n_samples - 1`` is used.
    metric : str or callable, default="euclidean"
        Distance between samples, any of
        :func:`sklearn.metrics.pairwise_distances`.
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
    bandwidth_ : float, ndarray of shape (n_samples,) or None
        Fitted σ or σ_i; None where the affinity is not Gaussian.
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
        n = self.spectrum_.n_samples
        return np.array([self._normalized(one, n).value for one in estimates])

    def _check_parameters(self):
        super()._check_parameters()
        if not callable(self.affinity):
            check_option(self.affinity, "affinity", AFFINITIES)
        check_count(self.n_neighbors, "n_neighbors")
        check_share(self.alpha, "alpha")
        check_number_or_option(self.t, "t", ("auto",))
        check_option(self.eigen_solver, "eigen_solver", ("auto", *SOLVERS))
        if self.n_components is not None:
            check_count(self.n_components, "n_components")
        check_positive(self.tol, "tol")
        check_count(self.n_repeats, "n_repeats")
        check_work(self.n_jobs, self.verbose)

    def _fit_entropy(self, X, seed):
        self.spectrum_ = self._solve(X, self.bandwidth_, seed)
        self.eigenvalues_ = self.spectrum_.eigenvalues
        self._fit_time(self.spectrum_)
        estimate = self.spectrum_.entropy(self.t_)
        warn_if_saturated(estimate.saturation, stacklevel=3)
        self.effective_rank_ = 2**estimate.value
        estimate = self._normalized(estimate, self.spectrum_.n_samples)
        self.entropy_ = estimate.value
        self.entropy_std_error_ = estimate.std_error
        self.entropy_interval_ = estimate.lower, estimate.upper

    def _n_draws(self, n_samples):
        return self.n_repeats if self._n_used(n_samples) < n_samples else 1

    def _fit_repeats(self, X, rng):
        """Average over further subsamples, each with a bandwidth of its own."""
        n_draws = self._n_draws(X.shape[0])
        if n_draws == 1:
            return
        other = clone(self).set_params(n_repeats=1, t=self.t_)
        values, errors = [self.entropy_], [self.entropy_std_error_]
        for _ in range(n_draws - 1):
            other.set_params(random_state=rng.randint(MAX_SEED)).fit(X)
            values.append(other.entropy_)
            errors.append(other.entropy_std_error_)
        variance = np.var(values, ddof=1) + np.mean(np.square(errors))
        self.entropy_ = value = float(np.mean(values))
        self.entropy_std_error_ = error = float(np.sqrt(variance / n_draws))
        self.entropy_interval_ = value - 2 * error, value + 2 * error
        largest = self._largest_entropy(self.spectrum_.n_samples)
        self.effective_rank_ = 2 ** (value * largest if self.normalize else value)

    def _fit_time(self, spectrum):
        """Choose the time by a spectrum, where it is not given."""
        if self.t == "auto":
            self.t_ = knee_time(spectrum)

    def _fit_subset(self, X, scale, seed):
        """Fit what a scale alone does not tell, on a subset of the samples."""
        if self.t == "auto":
            self._fit_time(self._solve(X, scale, seed))

    def _validate(self, X, *, reset):
        if self.affinity != "precomputed":
            return super()._validate(X, reset=reset)
        # A square affinity of any number of other samples can be scored.
        if reset or np.shape(X)[:1] != np.shape(X)[1:]:
            X = validate_data(self, X, reset=reset, accept_sparse="csr", dtype=FLOATS)
        return check_affinity_matrix(X, "X, the precomputed affinity,")

    def _take(self, X, rows):
        if self.affinity == "precomputed":
            # A sample may have no edge to the others of a subset.
            return with_self_affinities(X[rows][:, rows])
        return super()._take(X, rows)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        precomputed = self.affinity == "precomputed"
        tags.input_tags.pairwise = precomputed
        tags.input_tags.sparse = precomputed
        tags.input_tags.positive_only = precomputed
        return tags
