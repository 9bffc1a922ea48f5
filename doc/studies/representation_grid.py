"""Does the scorer "dsmi" pick a representation that a probe likes?

GridSearchCV over the scaler, the number of components and the width of a Gaussian
kernel; each candidate is scored by mutual information of its representation of held-out
samples and y, and by the accuracies of two probes trained on it. Written for each
split, probe and measure: the accuracy of the pick, how far that is below the best of
the grid, and the rank correlation of measure and accuracy over the grid.

    python doc/studies/representation_grid.py --out doc/studies/results
"""

import argparse
import sys
import warnings
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist
from scipy.stats import rankdata, spearmanr
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
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
KERNELS = ("nystroem", "pca")
COMPONENTS = (2, 4, 8, 16, 32, 48)
WIDTHS = (0.3, 1.0, 3.0)
SETTINGS = [
    *(("euclidean", t, normalize) for t in (1, 2) for normalize in (False, True)),
    *(("sqeuclidean", t, normalize) for t in (1, 2) for normalize in (False, True)),
    ("cosine", 1, True),
]


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


class Probes(ClassifierMixin, BaseEstimator):
    """All probes, fitted to the same representation."""

    def fit(self, X, y):
        """Fit each probe."""
        self.classes_ = np.unique(y)
        self.fitted_ = {name: clone(one).fit(X, y) for name, one in PROBES.items()}
        return self


def probe_accuracy(pipeline, X, y, probe):
    """Accuracy of one of the probes at the end of a fitted pipeline."""
    return pipeline[-1].fitted_[probe].score(pipeline[:-1].transform(X), y)


def make_search(kernel, n_features, measures, seed):
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
    accuracies = {name: partial(probe_accuracy, probe=name) for name in PROBES}
    scorers = {
        name: representation_scorer(measure) for name, measure in measures.items()
    }
    return GridSearchCV(
        Pipeline([("scaler", "passthrough"), *steps, ("probe", Probes())]),
        grid,
        scoring=accuracies | scorers,
        cv=StratifiedKFold(3, shuffle=True, random_state=seed),
        refit=False,
        error_score="raise",
    )


def measures_to_compare():
    """Measures by name: metric, time, and bits or shares."""
    measures = {}
    for metric, t, normalize in SETTINGS:
        entropy = DiffusionSpectralEntropy(bandwidth="adaptive", metric=metric, t=t)
        name = f"{metric}, t={t}, {'share' if normalize else 'bits'}"
        measures[name] = DiffusionSpectralMI(entropy, normalize=normalize, n_jobs=1)
    return measures


def picks(results, probe, measures):
    """Accuracy of the pick of each measure, and how far below the best it is."""
    accuracy = results[f"mean_test_{probe}"]
    for name in measures:
        values = results[f"mean_test_{name}"]
        picked = np.argmax(values)
        yield {
            "measure": name,
            "n_candidates": len(accuracy),
            "best": accuracy.max(),
            "picked": accuracy[picked],
            "points_below": 100 * (accuracy.max() - accuracy[picked]),
            "rank": int(rankdata(-accuracy, method="min")[picked]),
            "rank_correlation": spearmanr(values, accuracy).statistic,
        }


def summary(table):
    """Mean and largest loss of each measure over the splits, by kernel and probe."""
    loss = table.groupby(["data", "kernel", "probe", "measure"], sort=False)
    loss = loss["points_below"].agg(["mean", "max"]).round(2)
    text = loss["mean"].map("{:.1f}".format) + " (" + loss["max"].map("{:.1f})".format)
    return text.unstack(["data", "kernel", "probe"]).rename_axis("measure")


def main():
    """Search, and write a row for each split, probe and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=["digits"])
    parser.add_argument("--kernel", nargs="+", choices=KERNELS, default=list(KERNELS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", required=True, help="folder for the tables")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    measures, rows = measures_to_compare(), []
    for data, kernel, seed in product(args.data, args.kernel, range(args.seeds)):
        X, y = DATA[data](return_X_y=True)
        search = make_search(kernel, X.shape[1], measures, seed)
        results = search.fit(X, y).cv_results_
        where = {"data": data, "kernel": kernel, "split": seed}
        for probe in PROBES:
            rows += [
                where | {"probe": probe} | pick
                for pick in picks(results, probe, measures)
            ]
        print(f"{data}, {kernel}, split {seed}", file=sys.stderr, flush=True)
        table = pd.DataFrame(rows)
        out = Path(args.out)
        table.to_csv(out / "grid_picks.csv", index=False, float_format="%.4f")
        flat = summary(table)
        flat.columns = [", ".join(one) for one in flat.columns]
        flat.to_csv(out / "grid_summary.csv")


if __name__ == "__main__":
    main()
