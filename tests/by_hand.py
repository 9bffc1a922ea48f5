"""Representations, and measures of them from the estimators themselves."""

from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

MEASURES = ("dse", "dsmi", "dsmi_share", "dsmi_wide", "dsmi_input")
LOCAL = {"bandwidth": "adaptive", "metric": "sqeuclidean"}


def share(normalize=True, random_state=0, of_entropy=None, **params):
    """DSMI as a share of the entropy, at the 10th neighbour."""
    of_entropy = LOCAL | {"bandwidth_neighbors": 10} | (of_entropy or {})
    return DiffusionSpectralMI(
        DiffusionSpectralEntropy(**of_entropy),
        normalize=normalize,
        random_state=random_state,
        **params,
    )


def wide(normalize=False, of_entropy=None, **params):
    """DSMI in bits, at twice the bandwidth."""
    of_entropy = {"bandwidth_neighbors": 5, "bandwidth_scale": 2} | (of_entropy or {})
    return share(normalize, of_entropy=of_entropy, **params)


def probed(n_components=5):
    """Components and a probe."""
    return Pipeline(
        [
            ("scale", MinMaxScaler()),
            ("pca", PCA(n_components, random_state=0)),
            ("clf", LogisticRegression(max_iter=1000)),
        ]
    )


def value_by_hand(measure, Z, X, y):
    """Value of a ready measure from the estimators themselves."""
    if measure == "dse":
        return DiffusionSpectralEntropy(random_state=0).fit(Z).entropy_
    if measure == "dsmi_input":
        return wide(target="continuous").fit(Z, X).mutual_info_
    forms = {"dsmi_share": share(), "dsmi_wide": wide()}
    dsmi = forms.get(measure, DiffusionSpectralMI(random_state=0))
    return dsmi.fit(Z, y).mutual_info_


def scores_by_hand(measure, estimator, X, y, cv):
    """Value on each test fold of the representation fitted to the rest."""
    scores = []
    for train, test in cv.split(X, y):
        fitted = clone(estimator).fit(X[train], y[train])
        scores.append(
            value_by_hand(measure, fitted[:-1].transform(X[test]), X[test], y[test])
        )
    return scores
