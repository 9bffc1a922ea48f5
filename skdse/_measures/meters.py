"""From an entropy estimator to its meter, and what measures do with meters.

A meter (see ``_spectra.meter``) is how an entropy is measured, as a value. Each of our
entropies registers how its meter is made; any other estimator with ``fit`` and
``score`` has a ForeignMeter.
"""

from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags

from .._spectra.estimates import EntropyEstimate
from .._spectra.given import is_to_fitted
from .._spectra.meter import SimpleMeter
from .._tools.arrays import take

# Samples of small sets that make a task.
BUNDLE_SAMPLES = 4096


@singledispatch
def make_meter(estimator):
    """Meter of an entropy estimator, whose parameters are checked."""
    return ForeignMeter(estimator=estimator)


@dataclass(frozen=True)
class ForeignScale:
    """A fitted estimator of somebody else, which keeps its scale to itself."""

    estimator: BaseEstimator

    def take(self, rows):
        """Return the same for some of the samples."""
        return self

    def at(self, X):
        """Return the same for other samples."""
        return self


@dataclass(frozen=True, kw_only=True)
class ForeignMeter(SimpleMeter):
    """Meter of any estimator with ``fit`` and ``score``, taken to be exact."""

    estimator: BaseEstimator
    # Whether columns of X are the fitted samples, whatever the rows.
    has_fitted_columns: bool = False

    @property
    def is_pairwise(self):
        """Whether X is a matrix between samples."""
        return get_tags(self.estimator).input_tags.pairwise

    @property
    def accepts_sparse(self):
        """Whether X may be sparse."""
        return get_tags(self.estimator).input_tags.sparse

    def take(self, X, rows):
        """Rows of X; of a matrix between samples, columns too."""
        is_square = self.is_pairwise and not self.has_fitted_columns
        return X[rows][:, rows] if is_square else take(X, rows)

    def others(self, X, scale):
        """A matrix of new samples by the fitted ones is cut by rows alone."""
        has = self.is_pairwise and is_to_fitted(X, scale.estimator.n_features_in_)
        return replace(self, has_fitted_columns=has), X, scale

    def fit(self, X, seed):
        """Fitted copy of the estimator."""
        return ForeignScale(clone(self.estimator).fit(X))

    def measure(self, X, scale, seed):
        """Score of X."""
        return EntropyEstimate.exact(float(scale.estimator.score(X)))


def at_scale(estimator, scale, n_features):
    """Entropy estimator with a scale that its meter has fitted."""
    if isinstance(scale, ForeignScale):
        return scale.estimator
    estimator = clone(estimator)
    estimator.scale_, estimator.n_features_in_ = scale, n_features
    return estimator


def entropies_of(meter, X, scale, sets, seed):
    """EntropyEstimate of each of several sets of samples, at the fitted scale."""
    largest = max(sets, key=len)
    nested = all(np.array_equal(rows, largest[: len(rows)]) for rows in sets)
    if len(sets) > 1 and nested:
        X, scale = meter.take(X, largest), scale.take(largest)
        return meter.measure_nested(X, scale, [len(rows) for rows in sets], seed)
    return meter.measure_many(X, scale, sets, seed)


def entropies_of_bundle(meter, X, scale, bundle, seed):
    """EntropyEstimate of all sets in a bundle, see `bundled`."""
    if len(bundle) == 1:
        return entropies_of(meter, X, scale, bundle[0], seed)
    return meter.measure_many(X, scale, [rows for (rows,) in bundle], seed)


def bundled(meter, families):
    """Lists of families of sets, each list a task: small sets together, others alone.

    What is in a task depends on nothing but the sizes and their order.
    """
    bundles, room = [], 0
    for family in families:
        n_rows = len(family[0])
        is_small = len(family) == 1 and meter.is_small(n_rows)
        if is_small and n_rows <= room:
            bundles[-1].append(family)
        else:
            bundles.append([family])
            room = BUNDLE_SAMPLES
        room = room - n_rows if is_small else 0
    return bundles
