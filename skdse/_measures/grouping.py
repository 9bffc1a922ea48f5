"""From a target Y of any kind to discrete groups: labels, bins or clusters."""

import warnings
from collections.abc import Set
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils import check_array
from sklearn.utils.multiclass import type_of_target

from .._tools.arrays import astype, is_device_array, is_finite, namespace
from .._tools.containers import check_values, texts_of
from .._tools.intake import taken_in, taken_in_labels
from .._tools.pools import limits_kept
from .._tools.validation import check_count, check_option, user_stacklevel
from .device_clusters import (
    NearestLabels,
    clustering_solver,
    eigenvectors_for_clusters,
    kmeans_labels,
    spectral_labels,
)
from .target_kinds import (
    ONE_HOT,
    TargetKind,
    classes_of_one_hot,
    few_distinct_rows,
    kind_of,
    numbers_like,
)

TARGETS = ("auto", "continuous", "discrete")
BINNINGS = ("quantile", "uniform")
# Beyond, the neighbour search of spectral clustering, which grows with n², is too slow.
SPECTRAL_MAX_SAMPLES = 10_000
GRAPH_NEIGHBORS = 10
# Up to so many groups of numbers, nobody asks whether they are labels; groups below
# this median size have little to tell.
ASKED_GROUPS, SMALL_GROUP = 20, 5


@dataclass(frozen=True)
class Grouping:
    """Groups fitted to a target, and how to find them again in another target.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,)
        Index of each sample's group.
    groups : ndarray of shape (n_groups,)
        Name of each group: a label of the target, or a number.
    assign : callable
        Names of the groups of another target's samples.
    kind : TargetKind
        Kind of the target, which another one must have.
    """

    labels: np.ndarray
    groups: np.ndarray
    assign: object
    kind: TargetKind

    def regroup(self, y):
        """Grouping of another target, with the same bins or clusters."""
        y = as_target(y)
        is_for_host = self.kind.values != ONE_HOT
        is_for_host = is_for_host and not isinstance(self.assign, NearestLabels)
        if is_device_array(y) and is_for_host:
            raise ValueError(
                f"y of shape {tuple(y.shape)} lies on a device, and the fitted y on "
                "the host. Bring it there, for instance by y.cpu()."
            )
        kind = kind_of(y)
        if self.kind.values == ONE_HOT and classes_of_one_hot(y) is not None:
            kind = replace(kind, values=ONE_HOT)
        self.kind.check(kind)
        return _grouping(self.assign(y), self.assign, self.kind)


def check_grouping(target, n_groups, clusterer):
    """Raise unless the parameters say how to group a target."""
    check_option(target, "target", TARGETS)
    check_count(n_groups, "n_groups", minimum=2)
    if isinstance(clusterer, str):
        check_option(clusterer, "clusterer", BINNINGS)
    elif clusterer is not None and not hasattr(clusterer, "fit_predict"):
        raise TypeError(
            f"clusterer must be None, one of {sorted(BINNINGS)} or a clusterer "
            f"with fit_predict; got {clusterer!r}."
        )


def group_target(y, target="auto", n_groups=10, clusterer=None, random_state=None):
    """Group the samples of a target (n_samples,) or (n_samples, ...)."""
    y = as_target(y)
    if target == "auto" and clusterer is None:
        classes = classes_of_one_hot(y)
        if classes is not None:
            return _classes(classes, y.shape[1])
    if is_device_array(y):
        _check_groups(y.shape[0], n_groups)
        return _clustered_on_device(y, target, n_groups, clusterer, random_state)
    kind = _discrete_or_continuous(y, target)
    if kind == "discrete":
        grouping = _grouping(_names(y), _names, kind_of(y))
        if target == "auto":
            _warn_if_continuous(y, grouping)
        return grouping
    if y.dtype.kind in "OU":
        raise ValueError(
            "y must hold numbers for target='continuous'; got text. Pass "
            "target='discrete' if these are labels."
        )
    _check_groups(len(y), n_groups)
    if y.ndim == 1 and (clusterer is None or clusterer in BINNINGS):
        return _binned(y, n_groups, clusterer or "quantile")
    return _clustered(y, n_groups, clusterer, random_state)


def _classes(classes, n_columns):
    """Groups of one-hot labels, the columns; says that they are taken for such."""
    warnings.warn(
        f"y has a single 1 in each row, and is taken for one-hot labels of {n_columns} "
        "classes. Pass y.argmax(axis=1) if they are, or target='continuous' to cluster "
        "the rows.",
        UserWarning,
        stacklevel=user_stacklevel(),
    )
    return _grouping(classes, classes_of_one_hot, TargetKind(ONE_HOT, n_columns))


def _check_groups(n_samples, n_groups):
    """Raise where there are fewer samples than groups."""
    if n_groups > n_samples:
        raise ValueError(
            "n_groups must be at most the number of samples; "
            f"got n_groups={n_groups!r} and n_samples={n_samples}."
        )


def as_target(y):
    """Target as an array of shape (n_samples,) or (n_samples, n_targets), or raise."""
    check_values(y)
    y = taken_in_labels(y)
    if is_device_array(y):
        return _vectors_on_device(y)
    y = texts_of(np.asarray(y))
    if y.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: y must be real; got {y.dtype}. Pass its "
            "modulus, or its two parts side by side."
        )
    if y.ndim == 0:
        raise ValueError(f"y must have a value for each sample; got {y!r:.60}.")
    if y.ndim > 1:
        y = y.reshape(len(y), -1)
        y = y.ravel() if y.shape[1] == 1 else y
    if y.dtype == object and any(value is None for value in y.flat):
        raise ValueError("y contains None; give every sample a value.")
    if _has_nan(y):
        raise ValueError("y contains NaN; give every sample a value.")
    if y.dtype == object and len({type(value) for value in y.flat}) == 1:
        y = texts_of(np.array(y.tolist()))
    return y


def _vectors_on_device(y):
    """Finite floats of shape (n_samples, n_targets), where they lie."""
    xp = namespace(y)
    y = xp.reshape(y, (y.shape[0], -1))
    y = astype(y, np.float32) if xp.isdtype(y.dtype, ("bool", "integral")) else y
    y = taken_in(y, "y")
    if not is_finite(y):
        raise ValueError(
            "y contains NaN or infinity; give every sample a finite value."
        )
    return y


def _has_nan(y):
    """Whether y holds a NaN, a NaT or an NA of pandas."""
    try:
        return not np.all(y == y)  # NaN and NaT differ from themselves
    except TypeError:  # NA does not tell whether it does
        return True


def _discrete_or_continuous(y, target):
    """Kind of the target, by its type where that is to be found out."""
    if target != "auto":
        return target
    if y.dtype.kind in "OU":  # values of several types, or columns of text
        return "discrete"
    with warnings.catch_warnings():
        # It suspects a regression target where most labels occur once.
        warnings.filterwarnings("ignore", message="The number of unique classes")
        # It casts values to integers, whether or not they fit.
        warnings.filterwarnings("ignore", message="invalid value encountered in cast")
        kind = type_of_target(y, input_name="y")
    is_vector = "multioutput" in kind or kind == "multilabel-indicator"
    return "continuous" if is_vector or kind == "continuous" else "discrete"


def _warn_if_continuous(y, grouping):
    """Warn of labels that are numbers in many small groups, as whole values are.

    Numbers in sequence are what encoders and clusterers make: they are taken for labels
    but where most occur once, as scikit-learn does it.
    """
    if y.ndim > 1 or y.dtype.kind not in "iuf" or len(grouping.groups) <= ASKED_GROUPS:
        return
    sizes, groups = np.bincount(grouping.labels), grouping.groups
    in_sequence = groups[0] in (-1, 0, 1) and np.all(np.diff(groups) == 1)
    most = len(y) / 2 if in_sequence else 0
    if np.median(sizes) < SMALL_GROUP and len(groups) > most:
        warnings.warn(
            f"y has {len(groups)} groups of median size {np.median(sizes):g} and looks "
            "continuous: pass target='continuous' to bin its values, or "
            "target='discrete' if they are labels.",
            UserWarning,
            stacklevel=7,
        )


def _grouping(names, assign, kind):
    """Grouping by the names of the samples' groups."""
    try:
        _check_order(names)
        groups, labels = np.unique(
            names, return_inverse=True, axis=0 if names.ndim > 1 else None
        )
    except TypeError as error:
        raise ValueError(
            "y must hold labels that can be ordered, of one type; "
            f"got {sorted({type(name).__name__ for name in names.ravel()})}."
        ) from error
    return Grouping(labels.ravel(), groups, assign, kind)


def _check_order(names):
    """Raise of sets: of them "less" means "within", by which nothing is sorted."""
    if names.dtype == object and any(isinstance(one, Set) for one in names.ravel()):
        raise TypeError("sets have no order")


def _names(y):
    """Labels are the names of their groups."""
    return y


def _binned(y, n_groups, strategy):
    """Bins of equal count or of equal width."""
    kind, y = numbers_like(y), _finite(y)
    if strategy == "quantile":
        shares = np.linspace(0, 1, n_groups + 1)[1:-1]
        # Below an edge at the smallest value there is nothing.
        second = np.min(y, where=y > y.min(), initial=np.inf)
        edges = np.unique(np.maximum(np.quantile(y, shares), second))
    else:
        edges = np.linspace(y.min(), y.max(), n_groups + 1)[1:-1]
    assign = partial(_bins_of, edges)
    return _grouping(assign(y), assign, kind)


def _finite(y):
    """Values as floats, or raise where one is infinite."""
    return check_array(y.astype(np.float64), ensure_2d=False, input_name="y")


def _bins_of(edges, y):
    """Number of the bin of each value; a value on an edge is in the upper one."""
    return np.searchsorted(edges, _finite(y), side="right")


def _clustered(y, n_groups, clusterer, random_state):
    """Clusters of vectors, or groups of equal ones where so few differ."""
    Y = y.reshape(len(y), -1)
    Y = check_array(Y, dtype=(np.float64, np.float32), input_name="y")
    _check_not_bins(clusterer)
    labels = few_distinct_rows(Y, n_groups) if clusterer is None else None
    if labels is None:
        clusterer, labels = _fitted_clusterer(Y, n_groups, clusterer, random_state)
    if hasattr(clusterer, "predict"):
        classifier = clusterer
    else:
        classifier = KNeighborsClassifier(n_neighbors=1).fit(Y, labels)
    assign = partial(_clusters_of, classifier, Y.dtype)
    return _grouping(labels, assign, numbers_like(y))


def _fitted_clusterer(Y, n_groups, clusterer, random_state):
    """Clusterer, or the default one, fitted to vectors, and the cluster of each."""
    if clusterer is None:
        clusterer = _default_clusterer(len(Y), n_groups, random_state)
    else:
        clusterer = clone(clusterer)
    with eigenvectors_for_clusters(), limits_kept():
        # As many columns as samples are no affinity matrix.
        warnings.filterwarnings("ignore", message="The spectral clustering API has")
        return clusterer, clusterer.fit_predict(Y)


def _check_not_bins(clusterer):
    """Raise where vectors would be put into bins."""
    if isinstance(clusterer, str):
        raise ValueError(
            f"clusterer={clusterer!r} bins a y of shape (n_samples,); for a y of "
            "several columns pass a clusterer or None."
        )


def _clustered_on_device(Y, target, n_groups, clusterer, random_state):
    """Clusters of vectors on a device."""
    _check_not_bins(clusterer)
    if target == "discrete" or clusterer is not None:
        raise ValueError(
            f"y of shape {tuple(Y.shape)} on a device can be clustered there with "
            f"target='continuous' and clusterer=None; got target={target!r} and "
            f"clusterer={clusterer!r}. Or bring y to the host, for instance by y.cpu()."
        )
    labels = few_distinct_rows(Y, n_groups)
    if labels is None and _is_for_spectral(Y.shape[0], n_groups):
        with eigenvectors_for_clusters(), limits_kept():
            labels = spectral_labels(Y, n_groups, GRAPH_NEIGHBORS, random_state)
    elif labels is None:
        labels = kmeans_labels(Y, n_groups, random_state)
    return _grouping(labels, NearestLabels(Y, labels), numbers_like(Y))


def _clusters_of(classifier, dtype, y):
    """Number of the cluster of each vector."""
    return classifier.predict(
        check_array(y.reshape(len(y), -1), dtype=dtype, input_name="y")
    )


def _default_clusterer(n_samples, n_groups, random_state):
    """Spectral clustering on a kNN graph, as in the paper, while it is affordable."""
    # Imported here: most targets are labels.
    from sklearn.cluster import MiniBatchKMeans, SpectralClustering

    if not _is_for_spectral(n_samples, n_groups):
        return MiniBatchKMeans(n_groups, random_state=random_state, n_init=3)
    return SpectralClustering(
        n_groups,
        affinity="nearest_neighbors",
        n_neighbors=min(GRAPH_NEIGHBORS, n_samples),
        eigen_solver=clustering_solver(n_samples),
        random_state=random_state,
    )


def _is_for_spectral(n_samples, n_groups):
    """Whether spectral clustering, which wants more samples than groups, is to be."""
    return n_groups < n_samples <= SPECTRAL_MAX_SAMPLES
