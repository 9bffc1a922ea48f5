"""What skdse computes under settings of scikit-learn, in a process of its own.

``python under_settings.py sparse_interface sparray`` prints a line for each job: its
name and its numbers, all of their digits. scikit-learn dispatches to array libraries
where SCIPY_ARRAY_API is 1 from the start.
"""

import sys
import warnings

import numpy as np
import scipy.sparse as sp
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsTransformer, kneighbors_graph
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    ShannonEntropy,
    mutual_info_confidence_interval,
    mutual_info_permutation_test,
)
from skdse.datasets import make_tree
from skdse.model_selection import representation_scorer, select_representation

X, Y = make_tree(80, 4, n_features=6, random_state=0)
DSMI = DiffusionSpectralMI(random_state=0)
WORDS = [f"group{label} of{i % 5} word{i % 7}" for i, label in enumerate(Y)]


def entropies():
    """Entropies, fitted and scored, one of them after a transformer."""
    lanczos = DiffusionSpectralEntropy(eigen_solver="lanczos", random_state=0)
    found = [DiffusionSpectralEntropy(), lanczos, ShannonEntropy()]
    found += [make_pipeline(StandardScaler(), PCA(3), DiffusionSpectralEntropy())]
    return [one.fit(X).score(X[:40]) for one in found]


def graphs():
    """Entropies on graphs: our own, and those that scikit-learn makes."""
    own = DiffusionSpectralEntropy(affinity="nearest_neighbors").fit(X)
    graph = AdjacencySpectralEntropy("nearest_neighbors").fit(X)
    distances = KNeighborsTransformer(n_neighbors=15).fit_transform(X)
    given = DiffusionSpectralEntropy(affinity="precomputed_nearest_neighbors")
    given_mi = DiffusionSpectralMI(given, random_state=0).fit(distances, Y)
    steps = make_pipeline(KNeighborsTransformer(n_neighbors=15), given)
    return [
        own.entropy_,
        graph.entropy_,
        given.fit(distances).entropy_,
        given.score(distances),
        given_mi.mutual_info_,
        steps.fit(X).score(X),
    ]


def affinities():
    """Entropies of sparse affinities, each in all of its containers."""
    graph = kneighbors_graph(X, 9, include_self=True)
    A = sp.csr_array(graph.maximum(graph.T))
    dse = DiffusionSpectralEntropy(affinity="precomputed")
    dsmi = DiffusionSpectralMI(dse, random_state=0)
    containers = (sp.csr_array, sp.csr_matrix, sp.csc_array, sp.coo_matrix)
    found = [dse.fit(make(A)).entropy_ for make in containers]
    found += [dsmi.fit(make(A), Y).mutual_info_ for make in containers[:2]]
    subset = dse.fit(A).score(sp.csr_matrix(A)[:50][:, :50])
    return [*found, subset]


def texts():
    """DSMI of texts, after sparse features."""
    steps = make_pipeline(TfidfVectorizer(), TruncatedSVD(5, random_state=0), DSMI)
    return [steps.fit(WORDS, Y).score(WORDS, Y)]


def mutual_information():
    """DSMI with labels, values, vectors and clusters; test and interval."""
    clusters = DiffusionSpectralMI(clusterer=KMeans(4, random_state=0), random_state=0)
    found = [DSMI.fit(X, y).score(X, y) for y in (Y, Y.astype(str), X[:, 0], X[:, :3])]
    test = mutual_info_permutation_test(X, Y, n_permutations=19, random_state=0)
    interval = mutual_info_confidence_interval(X, Y, n_subsamples=5, random_state=0)
    clusters.fit(X, X[:, :3])
    return [*found, clusters.mutual_info_, test.pvalue, interval.low, interval.high]


def searches():
    """Scores of a search, of cross-validation and of a ranking."""
    scorer = representation_scorer("dsmi")
    search = GridSearchCV(PCA(), {"n_components": [1, 3]}, scoring=scorer, cv=3)
    search.fit(X, Y)
    folds = cross_val_score(PCA(2), X, Y, scoring=scorer, cv=3)
    ranking = select_representation(
        {"pixels": X, "PCA": PCA(2)}, X, Y, n_permutations=9, random_state=0
    )
    return [*search.cv_results_["mean_test_score"], *folds, *ranking.dsmi]


JOBS = (entropies, graphs, affinities, texts, mutual_information, searches)


def main(name, value):
    """Print what all jobs compute under a setting, and its sparse container."""
    setting = {name: {"True": True, "False": False}.get(value, value)}
    warnings.simplefilter("error")
    with config_context(**setting):
        graph = kneighbors_graph(X, 3)
        print("interface", "sparray" if isinstance(graph, sp.sparray) else "spmatrix")
        for job in JOBS:
            print(job.__name__, *map(repr, np.asarray(job(), dtype=float).tolist()))


if __name__ == "__main__":
    main(*sys.argv[1:])
