"""Representations, and measures of them from the estimators themselves."""

from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

MEASURES = ("dse", "dsmi", "dsmi_input")


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
    if measure == "dsmi":
        return DiffusionSpectralMI(random_state=0).fit(Z, y).mutual_info_
    return (
        DiffusionSpectralMI(target="continuous", random_state=0).fit(Z, X).mutual_info_
    )


def scores_by_hand(measure, estimator, X, y, cv):
    """Value on each test fold of the representation fitted to the rest."""
    scores = []
    for train, test in cv.split(X, y):
        fitted = clone(estimator).fit(X[train], y[train])
        scores.append(
            value_by_hand(measure, fitted[:-1].transform(X[test]), X[test], y[test])
        )
    return scores
