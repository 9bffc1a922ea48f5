"""A representation X and a target y: parameters and arrays checked, y in groups."""

from sklearn.utils import check_consistent_length

from .._tools.containers import check_values
from .._tools.intake import check_same_device
from .._tools.validation import (
    check_count,
    check_flag,
    check_max_samples,
    check_measure,
    check_work,
)
from .base import MAX_SEED, validated
from .grouping import check_grouping, group_target


def check_mutual_info_parameters(dsmi):
    """Raise if a parameter of dsmi, but for its estimator's, is invalid."""
    check_grouping(dsmi.target, dsmi.n_groups, dsmi.clusterer)
    check_count(dsmi.n_repeats, "n_repeats")
    check_max_samples(dsmi.max_samples)
    check_flag(dsmi.normalize, "normalize")
    check_work(dsmi.n_jobs, dsmi.verbose)
    if dsmi.estimator is not None:
        check_measure(dsmi.estimator, "estimator", "an entropy estimator")


def validated_pair(dsmi, X, y, meter, *, reset):
    """X as an array of as many samples as y."""
    if y is None:
        raise ValueError(
            f"{type(dsmi).__name__} requires y to be passed, but the target y is None."
        )
    check_values(y)
    check_same_device(X, y)
    X = validated(dsmi, X, meter, reset=reset)
    check_consistent_length(X, y)
    return X


def group_by(dsmi, y, rng):
    """Grouping of y, with the first random draw of a fit of dsmi."""
    seed = rng.randint(MAX_SEED)
    return group_target(y, dsmi.target, dsmi.n_groups, dsmi.clusterer, seed)
