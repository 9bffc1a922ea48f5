"""Settings of DSE and DSMI that the study of defaults compares.

The distances of a representation are computed once and looked up for each setting: X is
then the column of row numbers, and the affinity a callable. The estimators are the
package's own.
"""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import pairwise_distances

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

NEIGHBORS = (3, 5, 10, 15, 30)
LOCAL = ("adaptive", "knn")
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
# Widths for the slope of log ΣG, in units of the median distance.
WIDTHS = 2.0 ** np.arange(-8, 4.01, 0.25)


@dataclass(frozen=True)
class Setting:
    """A way to measure: the rule for the bandwidth and what goes with it.

    The metrics of REDUCED take off distances to first neighbours, as noise in many
    dimensions adds them to all.
    ``rule`` is one of the package's, "number" (``scale`` is σ), "sqrt_d" (σ = √d),
    "slope" (σ where log ΣG grows fastest with log σ), "subgraph" (kNN graph of all
    samples, adaptive, restricted to groups and subsets as the package does) or "graph"
    (a kNN graph made anew for each of them).
    """

    rule: str
    neighbors: int = 0
    scale: float = 1.0
    alpha: float = 0.5
    t: float = 1
    features: str = "raw"
    metric: str = "euclidean"

    @property
    def name(self):
        """What differs from the defaults of this class, in words."""
        words = [self.rule]
        words += [f"k={self.neighbors}"] if self.neighbors else []
        words += [f"×{self.scale:g}"] if self.scale != 1 else []
        words += [f"α={self.alpha:g}"] if self.alpha != 0.5 else []
        words += [f"t={self.t:g}"] if self.t != 1 else []
        words += [f"{self.features} features"] if self.features != "raw" else []
        words += [self.metric] if self.metric != "euclidean" else []
        return " ".join(words)


def mutual_info_settings():
    """Every setting of DSMI(Z;Y)."""
    rules = [Setting(rule, k) for rule in LOCAL for k in NEIGHBORS]
    rules += [
        Setting(rule, k, scale)
        for rule in LOCAL
        for k in (5, 15)
        for scale in SCALES
        if scale != 1
    ]
    rules += [replace(one, metric="sqeuclidean") for one in rules if one.scale == 1]
    rules += [
        Setting(rule, 5, scale, metric="sqeuclidean")
        for rule in LOCAL
        for scale in (0.5, 2.0)
    ]
    rules += [Setting("adaptive", k, metric="cosine") for k in (3, 5, 10, 15)]
    rules += [Setting("knn", 5, metric=metric) for metric in ("cosine", *REDUCED)]
    local = replace(Setting("adaptive"), metric="locally reduced")
    rules += [replace(local, neighbors=k) for k in (3, 5, 10, 15)]
    rules += [Setting("median", metric=metric) for metric in REDUCED]
    rules += [Setting("median", scale=scale) for scale in (*SCALES, 0.125)]
    rules += [Setting("median", metric="sqeuclidean"), Setting("slope")]
    rules += [Setting(rule, k) for rule in ("graph", "subgraph") for k in (5, 15, 30)]
    return [*rules, *authors_settings(), *_variants(_main_rules())]


def authors_settings():
    """σ of 10 and √d, also on features of unit scale."""
    numbers = Setting("number", scale=10.0), Setting("sqrt_d")
    return [*numbers, *(replace(one, features="unit") for one in numbers)]


def _main_rules():
    """Rules for which all else is varied too."""
    local = Setting("adaptive", 5)
    return [
        *(local, replace(local, metric="sqeuclidean")),
        *(Setting("knn", 5), Setting("median")),
    ]


def _variants(rules):
    """α, t, metric and features, one changed at a time."""
    changes = [{"alpha": alpha} for alpha in (0.0, 1.0)]
    changes += [{"t": t} for t in (2, 3, 5)]
    changes += [{"features": kind} for kind in ("standardised", "directions")]
    return [replace(rule, **change) for change in changes for rule in rules]


def input_settings():
    """Settings of DSMI(Z;X)."""
    local = [Setting("adaptive", 5), Setting("adaptive", 15), Setting("knn", 5)]
    return [*local, Setting("median"), *authors_settings()]


def entropy_settings():
    """Settings of DSE."""
    rules = [Setting("median", scale=scale) for scale in (0.25, 0.5, 1.0, 2.0)]
    rules += [Setting("knn", 5), Setting("knn", 15), Setting("slope")]
    rules += [Setting("adaptive", 5), Setting("adaptive", 15)]
    rules += authors_settings()
    return [
        *rules,
        *(replace(r, features="directions") for r in rules if r.rule != "sqrt_d"),
    ]


class Representation:
    """A representation, its features prepared and its distances kept by need."""

    def __init__(self, Z):
        self.Z = Z.astype(float)
        self._kept = {}

    def features(self, kind):
        """Raw features, of unit scale, standardised, or directions."""
        Z = self.Z
        if kind == "unit":
            return Z / np.sqrt(np.square(Z - Z.mean(axis=0)).mean())
        if kind == "standardised":
            spread = Z.std(axis=0)
            return (Z - Z.mean(axis=0)) / np.where(spread > 0, spread, 1)
        if kind == "directions":
            norms = np.linalg.norm(Z, axis=1, keepdims=True)
            return Z / np.where(norms > 0, norms, 1)
        return Z

    def distances(self, setting):
        """Distances of all pairs."""
        key = setting.features, setting.metric
        if key not in self._kept:
            Z = self.features(setting.features)
            reduce = REDUCED.get(setting.metric)
            D = pairwise_distances(Z, metric="euclidean" if reduce else setting.metric)
            self._kept[key] = Distances(reduce(D) if reduce else D)
        return self._kept[key]

    def estimator(self, setting):
        """Entropy estimator of a setting, and the X that it takes."""
        if setting.rule == "subgraph":
            estimator = DiffusionSpectralEntropy(
                affinity="nearest_neighbors", n_neighbors=setting.neighbors, n_jobs=1
            )
            return estimator, self.features(setting.features)
        if setting.rule == "graph":
            affinity = self.distances(setting).graph(setting.neighbors)
        else:
            affinity = self.distances(setting).lookup(self.bandwidth(setting))
        estimator = DiffusionSpectralEntropy(
            affinity=affinity,
            alpha=setting.alpha,
            t=setting.t,
            eigen_solver="dense",
        )
        return estimator, np.arange(len(self.Z), dtype=float)[:, None]

    def bandwidth(self, setting):
        """σ or σ_i of a setting."""
        if setting.rule == "number":
            return setting.scale
        if setting.rule == "sqrt_d":
            return setting.scale * self.Z.shape[1] ** 0.5
        distances = self.distances(setting)
        return setting.scale * distances.rule(setting.rule, setting.neighbors)


class Distances:
    """Distances of all pairs and the bandwidths that rules find in them."""

    def __init__(self, D):
        np.fill_diagonal(D, 0)
        self.D = D
        self._sorted = np.partition(D, np.arange(max(NEIGHBORS) + 1), axis=1)
        pairs = D[np.triu_indices(len(D), 1)]
        self._median = np.median(pairs) or np.median(pairs[pairs > 0])
        self._slope = None

    def rule(self, rule, k):
        """Bandwidth by a rule; what the package's rule of this name finds."""
        if rule == "median":
            return self._median / 2
        if rule == "slope":
            self._slope = self._slope or steepest_width(self.D, self._median)[0]
            return self._slope
        neighbor = self._sorted[:, k]
        smallest = self.D[self.D > 0].min() if self.D.any() else 1.0
        if rule == "knn":
            return np.median(neighbor) or smallest
        return np.where(neighbor > 0, neighbor, smallest)

    def lookup(self, sigma):
        """Affinity of the rows whose numbers X holds."""

        def affinity(X):
            rows = X.ravel().astype(int)
            D = self.D[np.ix_(rows, rows)]
            if np.ndim(sigma) == 0:
                return np.exp(-(D**2) / (2 * sigma**2))
            return np.exp(-(D**2) / (2 * np.outer(sigma[rows], sigma[rows])))

        return affinity

    def graph(self, k, bandwidth_neighbors=5):
        """Affinity by the kNN graph of the rows at hand, with adaptive weights."""
        weights = self.lookup(self.rule("adaptive", bandwidth_neighbors))

        def affinity(X):
            rows = X.ravel().astype(int)
            D = self.D[np.ix_(rows, rows)]
            farthest = min(k, len(rows) - 1)
            joined = D <= np.partition(D, farthest, axis=1)[:, [farthest]]
            return np.where(joined | joined.T, weights(X), 0)

        return affinity


def reduced_distances(D):
    """Distances without what all first neighbours have in common."""
    shared = np.median(_to_first_neighbors(D))
    return np.sqrt(np.maximum(D**2 - shared**2, 0))


def locally_reduced_distances(D):
    """Distances without those from both samples to their own first neighbours."""
    own = _to_first_neighbors(D)
    return np.sqrt(np.maximum(D**2 - np.outer(own, own), 0))


def _to_first_neighbors(D):
    """Distance from each sample to its first neighbour."""
    return np.min(D + np.diag(np.full(len(D), np.inf)), axis=1)


REDUCED = {
    "reduced": reduced_distances,
    "locally reduced": locally_reduced_distances,
}


def steepest_width(D, median, widths=WIDTHS):
    """σ at the maximum of d log ΣG / d log σ, and that maximum, the dimension.

    Coifman, Shkolnisky, Sigworth and Singer 2008; Berry and Harlim 2016.
    """
    squares = np.square(D[np.triu_indices(len(D), 1)])
    slopes = []
    for sigma in median * widths:
        exponents = squares / (2 * sigma**2)
        G = np.exp(-exponents)
        # d log ΣG / d log σ = 2 Σ G e / ΣG, the diagonal of ones included.
        slopes.append(4 * (G @ exponents) / (2 * G.sum() + len(D)))
    best = int(np.argmax(slopes))
    return median * widths[best], slopes[best]


def mutual_info(representation, setting, y, seed=0):
    """DSMI of a setting, plain and as a share of the entropy."""
    estimator, X = representation.estimator(setting)
    dsmi = DiffusionSpectralMI(
        estimator, target="discrete", random_state=seed, n_jobs=1
    )
    dsmi.fit(X, y)
    share = dsmi.mutual_info_ / dsmi.entropy_ if dsmi.entropy_ > 0 else 0.0
    return dsmi.mutual_info_, share


def entropy(representation, setting, times=(1, 2, 5)):
    """DSE of a setting, at several times."""
    estimator, X = representation.estimator(setting)
    return dict(zip(times, estimator.fit(X).entropy_curve(times), strict=True))
