"""Does the scorer "dsmi" pick a representation that a probe likes?

GridSearchCV over the scaler, the number of components and the width of a Gaussian
kernel; each candidate is scored by mutual information of its representation of held-out
samples and y, and by the accuracy of a probe trained on it. Printed for each split and
measure: the accuracy of the pick, how far that is below the best of the grid, and the
rank correlation of measure and accuracy over the grid.

    python doc/studies/representation_grid.py --data digits --kernel nystroem
"""

import argparse
import warnings

import numpy as np
from scipy.spatial.distance import pdist
from scipy.stats import rankdata, spearmanr
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA, KernelPCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse.model_selection import representation_scorer

DATA = {"digits": load_digits, "cancer": load_breast_cancer, "wine": load_wine}
PROBES = {
    "neighbors": KNeighborsClassifier(),
    "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
}
COMPONENTS = (2, 4, 8, 16, 32, 48)
WIDTHS = (0.3, 1.0, 3.0)


class GaussianFeatures(TransformerMixin, BaseEstimator):
    """Features of a Gaussian kernel, its width in medians of the distances.

    Nystroem features of what comes, or its principal components in feature space.
    """

    def __init__(self, width=1.0, n_components=None):
        self.width = width
        self.n_components = n_components

    def fit(self, X, y=None):
        """Fit the width and the features."""
        sigma = self.width * np.median(pdist(X[:500]))
        gamma = 1 / (2 * sigma**2)
        if self.n_components is None:
            n_components = min(200, len(X))
            features = Nystroem(gamma=gamma, n_components=n_components, random_state=0)
        else:
            features = KernelPCA(
                self.n_components, kernel="rbf", gamma=gamma, random_state=0
            )
        self.features_ = features.fit(X)
        return self

    def transform(self, X):
        """Features of X."""
        return self.features_.transform(X)


def make_search(kernel, n_features, probe, seed):
    """Search over scaler, components and width."""
    n_components = [n for n in COMPONENTS if n <= n_features]
    grid = {"scaler": ["passthrough", StandardScaler(), MinMaxScaler()]}
    if kernel == "nystroem":
        steps = [("pca", PCA(random_state=0)), ("kernel", GaussianFeatures())]
        kernels = ["passthrough", *map(GaussianFeatures, WIDTHS)]
        grid |= {"pca__n_components": n_components, "kernel": kernels}
    else:
        steps = [("kernel", GaussianFeatures())]
        grid |= {"kernel__n_components": n_components, "kernel__width": WIDTHS}
    measures = {
        "dsmi": representation_scorer("dsmi"),
        "bits": representation_scorer(DiffusionSpectralMI()),
        "share": representation_scorer(DiffusionSpectralMI(normalize=True)),
        "t=2, bits": representation_scorer(
            DiffusionSpectralMI(DiffusionSpectralEntropy(bandwidth="adaptive", t=2))
        ),
    }
    return measures, GridSearchCV(
        Pipeline([("scaler", "passthrough"), *steps, ("probe", probe)]),
        grid,
        scoring={"accuracy": "accuracy", **measures},
        cv=StratifiedKFold(3, shuffle=True, random_state=seed),
        refit=False,
        error_score="raise",
    )


def main():
    """Print a line for each split and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", choices=DATA, default="digits")
    parser.add_argument("--kernel", choices=("nystroem", "pca"), default="nystroem")
    parser.add_argument("--probe", choices=PROBES, default="neighbors")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = DATA[args.data](return_X_y=True)
    for seed in range(args.seeds):
        probe = PROBES[args.probe]
        measures, search = make_search(args.kernel, X.shape[1], probe, seed)
        results = search.fit(X, y).cv_results_
        accuracy = results["mean_test_accuracy"]
        print(
            f"{args.data}, {args.kernel}, probe {args.probe}, split {seed}: "
            f"{len(accuracy)} candidates, best {accuracy.max():.4f}"
        )
        for name in measures:
            values = results[f"mean_test_{name}"]
            picked = np.argmax(values)
            gap = 100 * (accuracy.max() - accuracy[picked])
            rank = rankdata(-accuracy, method="min")[picked]
            print(
                f"  {name:10s} {accuracy[picked]:.4f}, {gap:5.2f} points below, rank "
                f"{rank:3.0f}; rank correlation "
                f"{spearmanr(values, accuracy).statistic:5.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
