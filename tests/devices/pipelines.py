"""Pipelines and searches of scikit-learn on arrays of a library, by its name.

SciPy reads SCIPY_ARRAY_API once, so that this is a program of its own. It raises where
a value differs from that of NumPy.
"""

import sys

import numpy as np
from moves import Moves
from places import as_tensor, on_device
from sklearn import config_context
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse.model_selection import representation_scorer, select_representation

N_SAMPLES, N_FEATURES = 150, 64
FOLDS = KFold(3)


def pipeline(*steps):
    """Pipeline that ends with ten components of all samples."""
    return make_pipeline(*steps, PCA(10, svd_solver="full"))


def search(measure, X, y):
    """Scores of a search for the number of components."""
    found = GridSearchCV(
        make_pipeline(MaxAbsScaler(), PCA(svd_solver="full")),
        {"pca__n_components": [2, 10]},
        scoring=representation_scorer(measure),
        cv=FOLDS,
    ).fit(X, y)
    return found.cv_results_["mean_test_score"]


def entropy(X, y):
    """Entropy of components, and the score of the pipeline."""
    found = make_pipeline(StandardScaler(), pipeline(), DiffusionSpectralEntropy())
    found.fit(X)
    return found[-1].entropy_, found.score(X)


def mutual_info(X, y):
    """Mutual information of components, and the score of the pipeline."""
    dsmi = DiffusionSpectralMI(random_state=0)
    found = make_pipeline(pipeline(MaxAbsScaler()), dsmi).fit(X, y)
    return found[-1].mutual_info_, found.score(X, y)


def middle(X, y):
    """Entropy in the middle of a pipeline hands on what it gets."""
    found = make_pipeline(MaxAbsScaler(), DiffusionSpectralEntropy(), MaxAbsScaler())
    assert type(found.fit(X).transform(X)) is type(X)
    return found[1].entropy_


def folds(X, y):
    """Scores of held-out samples."""
    dsmi = DiffusionSpectralMI(random_state=0)
    return [
        *cross_val_score(DiffusionSpectralEntropy(), X, cv=FOLDS),
        *cross_val_score(dsmi, X, y, cv=FOLDS),
    ]


def ranking(X, y):
    """Values of samples and of their components."""
    candidates = {"all": X, "components": pipeline()}
    return select_representation(
        candidates, X, y, n_permutations=0, random_state=0
    ).dsmi


JOBS = (
    entropy,
    mutual_info,
    middle,
    folds,
    ranking,
    lambda X, y: search("dse", X, y),
    lambda X, y: search("dsmi", X, y),
    lambda X, y: search("dsmi_input", X, y),
)


class Patch:
    """What puts another function in the place of one."""

    setattr = staticmethod(setattr)


def main(name):
    """Compare all jobs on arrays of a library with those on NumPy's."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:N_SAMPLES], y[:N_SAMPLES]
    place = {"array_api_strict": on_device, "torch": as_tensor}[name]
    moves = Moves(Patch)
    for job in JOBS:
        expected = job(X, y)
        with config_context(array_api_dispatch=True):
            found = job(place(X), place(y))
        np.testing.assert_allclose(found, expected, atol=1e-9)
    # Some of scikit-learn's steps move a matrix of the features to the host.
    assert moves.largest < N_SAMPLES * N_FEATURES, moves.largest
    print(f"{len(JOBS)} jobs as on NumPy")


if __name__ == "__main__":
    main(*sys.argv[1:])
