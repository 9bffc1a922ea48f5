"""What the entropy estimators share: validation, scale, score, pass-through transform.

An entropy estimator measures a set of samples at a scale that was fitted beforehand,
on the same samples or on others. DiffusionSpectralMI fits the scale once, with
``_fit_scale``, and asks for the entropies of many subsets, with ``_measure``; it never
needs the entropy of all samples.
"""

import warnings

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from .._spectra.bandwidth import check_bandwidth, fit_bandwidth
from .._tools.validation import (
    check_flag,
    check_max_samples,
    check_metric,
    sample_count,
)

FLOATS = (np.float64, np.float32)
MAX_SEED = np.iinfo(np.int32).max
SATURATION = {
    "isolated": (
        "Every sample sees only itself: the entropy is log2(n) whatever the data. "
        "Increase bandwidth (or bandwidth_scale), or use a rule such as 'auto'."
    ),
    "uniform": (
        "Every sample sees all others alike: the entropy is 0 whatever the data. "
        "Decrease bandwidth (or bandwidth_scale), or use a rule such as 'auto'."
    ),
}


class PassThroughMixin(OneToOneFeatureMixin, TransformerMixin):
    """Transformer that changes nothing, for an estimator that is a probe."""

    def transform(self, X):
        """Return X unchanged: the estimator is a probe in a pipeline.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Representations.

        Returns
        -------
        X : array-like of shape (n_samples, n_features)
            The same.
        """
        check_is_fitted(self)
        # Any rows will do: those of a precomputed affinity need not be a square.
        accept_sparse = "csr" if get_tags(self).input_tags.sparse else False
        checked = validate_data(
            self, X, reset=False, dtype=FLOATS, accept_sparse=accept_sparse
        )
        return X if hasattr(X, "shape") else checked


class BaseEntropy(PassThroughMixin, BaseEstimator):
    """Base of entropy estimators.

    A subclass has the parameters max_samples, normalize and random_state, and
    ``_fit_scale(X, seed)``, ``_fitted_scale()`` and ``_scale_of(X)`` (the scale of the
    fitted and of other samples), and ``_measure(X, scale, seed)``, an EntropyEstimate
    in bits.
    """

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
            If a parameter or X is invalid; the message names it and the rule.
        MemoryError
            If a dense affinity of X would not fit in memory.
        """
        self._check_parameters()
        X = self._validate(X, reset=True)
        rng = check_random_state(self.random_state)
        part = self._subsample(X, rng)
        seed = rng.randint(MAX_SEED)
        self._fit_scale(part, seed)
        self._fit_entropy(part, seed)
        self._fit_repeats(X, rng)
        return self

    def score(self, X, y=None):
        """Return the entropy of X in bits, at the scale fitted before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Representations.
        y : None
            Ignored.

        Returns
        -------
        entropy : float
            Entropy of X in bits; its share of the largest possible one if
            ``normalize``.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        rng = check_random_state(self.random_state)
        values = []
        for _ in range(self._n_draws(X.shape[0])):
            values.append(self._score_once(X, rng))
        return float(np.mean(values))

    def _score_once(self, X, rng):
        """Entropy of X, or of one subsample, at the scale fitted before."""
        X = self._subsample(X, rng)
        seed = rng.randint(MAX_SEED)
        estimate = self._measure(X, self._scale_of(X), seed)
        warn_if_saturated(estimate.saturation, stacklevel=3)
        return self._normalized(estimate, X.shape[0]).value

    def _n_used(self, n_samples):
        """Number of samples measured of a set of n_samples."""
        return sample_count(n_samples, self.max_samples)

    def _n_draws(self, n_samples):
        """Number of subsamples measured of a set of n_samples."""
        return 1

    def _check_parameters(self):
        """Raise if a parameter is invalid."""
        check_max_samples(self.max_samples)
        check_flag(self.normalize, "normalize")

    def _validate(self, X, *, reset):
        """X as a float array, float32 kept."""
        return validate_data(self, X, reset=reset, dtype=FLOATS)

    def _subsample(self, X, rng):
        """At most max_samples rows of X, drawn without replacement."""
        n_used = self._n_used(X.shape[0])
        if n_used == X.shape[0]:
            return X
        return self._take(X, np.sort(rng.choice(X.shape[0], n_used, replace=False)))

    def _take(self, X, rows):
        """Some samples of X."""
        return X[rows]

    def _fit_entropy(self, X, seed):
        """Measure X, whose scale was just fitted, and store the result."""
        estimate = self._measure(X, self._fitted_scale(), seed)
        warn_if_saturated(estimate.saturation, stacklevel=3)
        self.entropy_ = self._normalized(estimate, X.shape[0]).value

    def _fit_repeats(self, X, rng):
        """Measure further subsamples of X: here, none."""

    def _fit_subset(self, X, scale, seed):
        """Fit on a subset what the scale alone does not tell: here, nothing."""

    def _normalized(self, estimate, n_samples):
        """Estimate as a share of the largest possible entropy, if normalize."""
        if not self.normalize:
            return estimate
        return estimate.divided_by(self._largest_entropy(n_samples))

    def _largest_entropy(self, n_samples):
        """Entropy in bits that n_samples samples cannot exceed."""
        return np.log2(n_samples)


class KernelEntropy(BaseEntropy):
    """Base of entropy estimators whose scale is the bandwidth of a Gaussian.

    A subclass has the parameters bandwidth, bandwidth_scale, bandwidth_neighbors and
    metric besides those of BaseEntropy.
    """

    def _check_parameters(self):
        super()._check_parameters()
        check_bandwidth(self.bandwidth, self.bandwidth_scale, self.bandwidth_neighbors)
        check_metric(self.metric)

    def _rule(self):
        """Rule or number for the bandwidth."""
        return "median" if self.bandwidth == "auto" else self.bandwidth

    def _fit_scale(self, X, seed=None, index=None):
        """Fit the bandwidth; index is a NeighborIndex over X, where there is one."""
        self._bandwidth = fit_bandwidth(
            X,
            self._rule(),
            scale=self.bandwidth_scale,
            n_neighbors=self.bandwidth_neighbors,
            metric=self.metric,
            index=index,
            random_state=seed,
        )
        self.bandwidth_ = self._bandwidth.sigma

    def _fitted_scale(self):
        return self.bandwidth_

    def _scale_of(self, X):
        return self._bandwidth.at(X)


def is_one_point(X, sigma):
    """Whether the samples are all identical, or no two fitted samples differed."""
    return np.all(sigma == 0) or ((X[0] == X[-1]).all() and (X == X[0]).all())


def take_scale(scale, rows):
    """Scale of some samples: their own bandwidths, or the one of all."""
    return scale[rows] if np.ndim(scale) == 1 else scale


def warn_if_saturated(saturation, stacklevel=1):
    """Warn of a result that says nothing of the data, and say what to change."""
    if saturation:
        warnings.warn(SATURATION[saturation], UserWarning, stacklevel=stacklevel + 1)
