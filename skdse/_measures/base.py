"""What the entropy estimators share: validation, fit, score, pass-through transform."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from .._spectra.blocked.samples import blocked, check_finite, is_blocked
from .._spectra.spectrum import warn_if_saturated
from .._tools.arrays import is_device_array
from .._tools.cluster import check_fits_here, cluster_for
from .._tools.doc_links import DocLinkMixin
from .._tools.hints import SamplesLike
from .._tools.intake import check_samples_on_device, taken_in
from .._tools.validation import check_flag, check_max_samples, sample_count
from .meters import make_meter

FLOATS = (np.float64, np.float32)
MAX_SEED = np.iinfo(np.int32).max


class PassThroughMixin(DocLinkMixin, OneToOneFeatureMixin, TransformerMixin):
    """Transformer that changes nothing, for an estimator that only measures."""

    def transform(self, X: SamplesLike) -> Any:
        """Return X unchanged: in a pipeline, the estimator only measures.

        Parameters
        ----------
        X : array-like or tensor of shape (n_samples, n_features)
            Representations.

        Returns
        -------
        X : array-like or tensor of shape (n_samples, n_features)
            The same X.
        """
        check_is_fitted(self)
        # Any rows will do: those of a precomputed affinity need not be a square.
        accept_sparse = "csr" if get_tags(self).input_tags.sparse else False
        checked = taken_in(X)
        if cluster_for(checked) is not None:
            return X  # it is not computed for this
        checked = validated_data(
            self, checked, reset=False, accept_sparse=accept_sparse
        )
        return X if hasattr(X, "shape") else checked


class BaseEntropy(PassThroughMixin, BaseEstimator):
    """Base of entropy estimators, which `make_meter` knows.

    A subclass has the parameters max_samples, normalize and random_state.
    """

    entropy_: float
    scale_: Any

    def fit(self, X: SamplesLike, y: Any = None) -> Self:
        """Fit the scale to X and measure the entropy of X.

        Parameters
        ----------
        X : array-like or tensor of shape (n_samples, n_features)
            Representations.
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
        X = subsample(X, meter, rng)
        seed = rng.randint(MAX_SEED)
        self.scale_ = meter.fit(X, seed)
        estimate = meter.measure(X, self.scale_, seed)
        warn_if_saturated(estimate.saturation, stacklevel=2)
        self.entropy_ = as_share(estimate, meter, X.shape[0], self.normalize).value
        return self

    def score(self, X: SamplesLike, y: Any = None) -> float:
        """Return the entropy of X in bits, at the fitted scale.

        Parameters
        ----------
        X : array-like or tensor of shape (n_samples, n_features)
            Representations. With a precomputed affinity or graph: that of other
            samples, square, or of shape (n_samples, n_fitted) to the fitted ones,
            through which they then see each other, see :ref:`scoring-between`.
        y : None
            Ignored.

        Returns
        -------
        entropy : float
            Entropy of X in bits, divided by the largest possible entropy if
            ``normalize``.
        """
        check_is_fitted(self)
        meter = make_meter(self)
        X = validated(self, X, meter, reset=False)
        rng = check_random_state(self.random_state)
        values = []
        for _ in range(n_draws(X, meter)):
            part = subsample(X, meter, rng)
            seed = rng.randint(MAX_SEED)
            one, part, scale = meter.others(part, self.scale_)
            estimate = one.measure(part, scale, seed)
            warn_if_saturated(estimate.saturation, stacklevel=2)
            share = as_share(estimate, meter, part.shape[0], self.normalize)
            values.append(share.value)
        return float(np.mean(values))


def check_common(estimator):
    """Raise if a parameter that all entropies have is invalid."""
    check_max_samples(estimator.max_samples)
    check_flag(estimator.normalize, "normalize")


def validated(owner, X, meter, *, reset):
    """X as an array that the meter takes, its features those of the owner."""
    X = _on_cluster(taken_in(X), meter)
    # A square matrix of any number of other samples can be scored.
    if reset or not meter.is_pairwise or np.shape(X)[:1] != np.shape(X)[1:]:
        accept_sparse = "csr" if meter.accepts_sparse else False
        X = validated_data(owner, X, reset=reset, accept_sparse=accept_sparse)
    return meter.check(X) if reset else meter.check_others(X, owner.n_features_in_)


def validated_data(owner, X, *, reset, accept_sparse=False):
    """X as floats of shape (n_samples, n_features), its features those of the owner."""
    if is_blocked(X):
        check_finite(X)
        return validate_data(owner, X, reset=reset, skip_check_array=True)
    if not is_device_array(X):
        params = {"dtype": FLOATS, "accept_sparse": accept_sparse}
        # Sums of huge numbers of either sign are not a number, which is checked for.
        with np.errstate(invalid="ignore"):
            return validate_data(owner, X, reset=reset, **params)
    check_samples_on_device(X, type(owner).__name__)
    return validate_data(owner, X, reset=reset, skip_check_array=True)


def _on_cluster(X, meter):
    """X in blocks, if it is an array of Dask for the cluster of the current client."""
    X_in_blocks = blocked(X) if meter.takes_blocks else None
    if X_in_blocks is None:
        check_fits_here(X)
        return X
    return X_in_blocks


def subsample(X, meter, rng):
    """At most max_samples rows of X, drawn without replacement."""
    n_samples = X.shape[0]
    n_used = sample_count(n_samples, meter.max_samples)
    if n_used == n_samples:
        return X
    return meter.take(X, np.sort(rng.choice(n_samples, n_used, replace=False)))


def n_draws(X, meter):
    """Number of subsamples of X to measure: of all samples, one."""
    is_whole = sample_count(X.shape[0], meter.max_samples) == X.shape[0]
    return 1 if is_whole else meter.n_repeats


def as_share(estimate, meter, n_samples, normalize):
    """Estimate as a share of the largest possible entropy, if normalize."""
    return estimate.divided_by(meter.largest(n_samples)) if normalize else estimate
