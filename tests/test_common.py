"""scikit-learn's checks of estimators, on every estimator, affinity and solver."""

import pytest
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import KNeighborsTransformer
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
)

ESTIMATORS = [
    DiffusionSpectralEntropy(),
    DiffusionSpectralEntropy(affinity="nearest_neighbors"),
    DiffusionSpectralEntropy(affinity="nearest_neighbors", eigen_solver="arpack"),
    DiffusionSpectralEntropy(affinity="nearest_neighbors", bandwidth="knn"),
    DiffusionSpectralEntropy(affinity="nearest_neighbors", metric="manhattan"),
    DiffusionSpectralEntropy(affinity="precomputed"),
    DiffusionSpectralEntropy(affinity="precomputed", eigen_solver="arpack"),
    DiffusionSpectralEntropy(affinity=rbf_kernel),
    DiffusionSpectralEntropy(bandwidth=1.0, alpha=0.0),
    DiffusionSpectralEntropy(bandwidth="median", alpha=1.0),
    DiffusionSpectralEntropy(bandwidth="knn", bandwidth_scale=2.0),
    DiffusionSpectralEntropy(bandwidth="adaptive", bandwidth_neighbors=3),
    DiffusionSpectralEntropy(bandwidth="adaptive", metric="cosine"),
    DiffusionSpectralEntropy(eigen_solver="dense", normalize=True),
    DiffusionSpectralEntropy(eigen_solver="arpack", n_components=4),
    DiffusionSpectralEntropy(t="auto"),
    DiffusionSpectralEntropy(affinity="nearest_neighbors", t="matched"),
    DiffusionSpectralEntropy(t=2.5, max_samples=20),
    DiffusionSpectralEntropy(max_samples=0.5, n_repeats=3, random_state=0),
    DiffusionSpectralEntropy(bandwidth="reduced", metric="cosine"),
    DiffusionSpectralMI(),
    DiffusionSpectralMI(normalize=True, n_repeats=2, n_jobs=2),
    DiffusionSpectralMI(DiffusionSpectralEntropy(t="auto"), n_repeats=2),
    DiffusionSpectralMI(
        DiffusionSpectralEntropy(affinity="nearest_neighbors"), n_repeats=2
    ),
    DiffusionSpectralMI(DiffusionSpectralEntropy(affinity="precomputed"), n_repeats=2),
    DiffusionSpectralMI(DiffusionSpectralEntropy(max_samples=10), n_repeats=2),
    DiffusionSpectralMI(max_samples=0.6, n_repeats=2),
    DiffusionSpectralMI(ShannonEntropy(), target="discrete", n_repeats=2),
    DiffusionSpectralMI(
        MatrixEntryEntropy(), target="continuous", n_groups=2, n_repeats=2
    ),
    DiffusionSpectralMI(
        AdjacencySpectralEntropy(),
        target="continuous",
        n_groups=2,
        clusterer="uniform",
        n_repeats=2,
    ),
    DiffusionSpectralMI(
        target="continuous",
        n_groups=2,
        clusterer=KMeans(n_clusters=2, n_init=1, random_state=0),
        n_repeats=2,
    ),
    ShannonEntropy(),
    ShannonEntropy(n_bins=5, bin_range="each", normalize=True),
    MatrixEntryEntropy(),
    MatrixEntryEntropy(bandwidth="adaptive", max_samples=20),
    AdjacencySpectralEntropy(),
    AdjacencySpectralEntropy("anisotropic", bandwidth="knn"),
    AdjacencySpectralEntropy("nearest_neighbors", n_neighbors=3),
]


CHECKS = parametrize_with_checks(ESTIMATORS)
# scikit-learn 1.6 gives a generator where pytest wants a list.
NAMES, CASES = CHECKS.args


@pytest.mark.parametrize(NAMES, list(CASES), **CHECKS.kwargs)
def test_estimator_follows_scikit_learn(estimator, check):
    check(estimator)


# Graphs of distances, which scikit-learn's checks do not make, from a step before.
GIVEN = DiffusionSpectralEntropy(
    affinity="precomputed_nearest_neighbors", n_neighbors=3, bandwidth_neighbors=2
)
PIPELINES = [
    make_pipeline(KNeighborsTransformer(n_neighbors=8), one)
    for one in (GIVEN, DiffusionSpectralMI(GIVEN, n_repeats=2))
]
PIPELINE_CHECKS = parametrize_with_checks(PIPELINES)
PIPELINE_CASES = list(PIPELINE_CHECKS.args[1])
NOT_OF_PIPELINES = {
    "check_estimators_overwrite_params": "a pipeline fits its steps in place",
    "check_dont_overwrite_parameters": "a pipeline fits its steps in place",
    "check_estimator_sparse_tag": "more copies than neighbours",
    "check_estimator_sparse_array": "more copies than neighbours",
    "check_estimator_sparse_matrix": "more copies than neighbours",
    "check_fit2d_1sample": "a transformer wants more samples than neighbours",
}


@pytest.mark.parametrize(NAMES, PIPELINE_CASES, **PIPELINE_CHECKS.kwargs)
def test_graph_at_the_end_of_a_pipeline(estimator, check):
    name = getattr(check, "func", check).__name__
    if name in NOT_OF_PIPELINES:
        pytest.skip(NOT_OF_PIPELINES[name])
    check(estimator)
