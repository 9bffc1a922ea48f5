"""The estimators at the work that users have for them."""

import multiprocessing
import pickle
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_score,
    permutation_test_score,
)
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import estimator_html_repr

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
    diffusion_spectral_entropy,
    diffusion_spectral_mutual_info,
)


def wide_kernel(X):
    """Affinity of the digits that is neither flat nor the identity."""
    return rbf_kernel(X, gamma=1e-3)


RULES = ("auto", "median", "reduced", "knn", "adaptive", 20.0)
ESTIMATORS = [
    *(DiffusionSpectralEntropy(bandwidth=rule) for rule in RULES),
    *(
        DiffusionSpectralEntropy(affinity="nearest_neighbors", bandwidth=rule)
        for rule in RULES
    ),
    DiffusionSpectralEntropy(affinity=wide_kernel),
    DiffusionSpectralEntropy(metric="cosine", bandwidth="adaptive"),
    DiffusionSpectralEntropy(bandwidth="adaptive", bandwidth_scale=2.0, t="auto"),
    DiffusionSpectralEntropy(eigen_solver="arpack", n_components=10, normalize=True),
    DiffusionSpectralEntropy(max_samples=100, bandwidth="adaptive", random_state=0),
    DiffusionSpectralMI(random_state=0),
    DiffusionSpectralMI(DiffusionSpectralEntropy(bandwidth="knn"), random_state=0),
    DiffusionSpectralMI(AdjacencySpectralEntropy(), random_state=0),
    DiffusionSpectralMI(normalize=True, n_repeats=2, random_state=0),
    ShannonEntropy(),
    *(MatrixEntryEntropy(bandwidth=rule) for rule in RULES),
    *(AdjacencySpectralEntropy(bandwidth=rule) for rule in RULES),
    AdjacencySpectralEntropy("anisotropic"),
    AdjacencySpectralEntropy("nearest_neighbors", normalize=True),
]


def _measured(estimator):
    """Value that a fitted estimator stands for."""
    if isinstance(estimator, DiffusionSpectralMI):
        return estimator.mutual_info_
    return estimator.entropy_


def _scores_by_hand(estimator, X, y, cv):
    """Score on each test fold of a clone fitted to the rest."""
    return [
        clone(estimator).fit(X[train], y[train]).score(X[test], y[test])
        for train, test in cv.split(X, y)
    ]


# Last step of a pipeline
# -----------------------


def test_grid_search_over_the_steps_before_mutual_information(digits):
    X, y = digits
    pipeline = Pipeline(
        [("pca", PCA(random_state=0)), ("dsmi", DiffusionSpectralMI(random_state=0))]
    )
    cv = StratifiedKFold(2)
    search = GridSearchCV(pipeline, {"pca__n_components": [1, 10]}, cv=cv).fit(X, y)
    # One principal component keeps less of the labels than ten.
    assert search.best_params_ == {"pca__n_components": 10}
    for n_components, mean in zip(
        [1, 10], search.cv_results_["mean_test_score"], strict=True
    ):
        candidate = clone(pipeline).set_params(pca__n_components=n_components)
        assert mean == np.mean(_scores_by_hand(candidate, X, y, cv))
    # PCA gives the samples that it was fitted to back with other last digits.
    fitted = search.best_estimator_["dsmi"]
    assert search.score(X, y) == pytest.approx(fitted.mutual_info_, rel=1e-6)


def test_grid_search_over_the_steps_before_entropy_without_y(digits):
    X, _ = digits
    pipeline = Pipeline(
        [("pca", PCA(random_state=0)), ("dse", DiffusionSpectralEntropy())]
    )
    search = GridSearchCV(pipeline, {"pca__n_components": [1, 10]}, cv=KFold(2)).fit(X)
    # Ten components fill more diffusion states than one.
    assert search.best_params_ == {"pca__n_components": 10}
    one, ten = search.cv_results_["mean_test_score"]
    assert 0 < one < ten < np.log2(len(X) / 2)


def test_grid_search_reaches_the_bandwidth_of_the_inner_estimator(digits):
    X, y = digits
    pipeline = Pipeline(
        [
            ("scale", MinMaxScaler()),
            ("dsmi", DiffusionSpectralMI(DiffusionSpectralEntropy(), random_state=0)),
        ]
    )
    grid = {"dsmi__estimator__bandwidth": ["median", "adaptive"]}
    search = GridSearchCV(pipeline, grid, cv=StratifiedKFold(2)).fit(X, y)
    # Design, section 1: labels show at a local scale.
    assert search.best_params_ == {"dsmi__estimator__bandwidth": "adaptive"}
    fitted = search.best_estimator_["dsmi"].estimator_
    assert fitted.bandwidth == "adaptive"
    assert fitted.bandwidth_.shape == (len(X),)


@pytest.mark.parametrize(
    "estimator",
    [DiffusionSpectralMI(random_state=0), DiffusionSpectralEntropy(), ShannonEntropy()],
    ids=str,
)
def test_cross_val_score_is_the_score_on_each_fold(estimator, digits):
    X, y = digits
    cv = StratifiedKFold(3)
    scores = cross_val_score(estimator, X, y, cv=cv, error_score="raise")
    assert_array_equal(scores, _scores_by_hand(estimator, X, y, cv))


def test_permutation_test_tells_labels_from_permuted_labels(digits, rng):
    X, y = (part[digits[1] < 4] for part in digits)
    dsmi = DiffusionSpectralMI(n_repeats=2, random_state=0, n_jobs=1)
    options = {"cv": StratifiedKFold(2), "n_permutations": 19, "random_state": 0}
    score, permuted, p_value = permutation_test_score(dsmi, X, y, **options)
    assert p_value == 1 / 20  # the smallest that 19 permutations can give
    assert score > permuted.max() + 0.5
    *_, p_value = permutation_test_score(dsmi, X, rng.permutation(y), **options)
    assert p_value > 0.05


# Middle step of a pipeline
# -------------------------


@pytest.mark.parametrize(
    "probe",
    [DiffusionSpectralEntropy(), DiffusionSpectralMI(random_state=0), ShannonEntropy()],
    ids=str,
)
def test_probe_between_pca_and_a_classifier(probe, digits):
    X, y = digits
    X = pd.DataFrame(X, index=np.arange(len(X)) + 7).add_prefix("pixel")
    steps = PCA(5, random_state=0), probe, LogisticRegression(max_iter=1000)
    pipeline = make_pipeline(*steps).set_output(transform="pandas").fit(X, y)
    names = [f"pca{i}" for i in range(5)]
    fitted = pipeline[1]
    assert list(fitted.feature_names_in_) == names
    assert list(fitted.get_feature_names_out()) == names
    assert list(pipeline[-1].feature_names_in_) == names

    reduced = pipeline[0].transform(X)
    pd.testing.assert_frame_equal(pipeline[:2].transform(X), reduced)
    alone = clone(probe).fit(reduced, y)
    assert _measured(fitted) == pytest.approx(_measured(alone), rel=1e-6)
    without = make_pipeline(steps[0], steps[2]).set_output(transform="pandas")
    assert_array_equal(
        pipeline.predict_proba(X), without.fit(X, y).predict_proba(X)
    )  # the probe changes nothing


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame, pl.DataFrame])
def test_transform_returns_what_it_got(container, digits):
    X = container(digits[0])
    assert DiffusionSpectralEntropy().fit(X).transform(X) is X


def test_transform_makes_an_array_of_a_list(digits):
    X = digits[0]
    assert_array_equal(ShannonEntropy().fit(X).transform(X.tolist()), X)


# Objects
# -------


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_score_of_the_fitted_samples_is_the_fitted_value(estimator, digits):
    X, y = digits
    estimator = clone(estimator).fit(X, y)
    assert estimator.score(X, y) == pytest.approx(_measured(estimator), rel=1e-13)
    assert _measured(estimator) > 0


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_pickle_keeps_the_value_and_scores(estimator, digits):
    X, y = digits
    estimator = clone(estimator).fit(X, y)
    restored = pickle.loads(pickle.dumps(estimator))
    assert _measured(restored) == _measured(estimator)
    score = estimator.score(X[:70], y[:70])
    assert restored.score(X[:70], y[:70]) == pytest.approx(score, rel=1e-13)


@pytest.mark.parametrize("y", ["scalar", "vector"])
def test_pickle_of_mutual_information_with_a_continuous_target(y, digits):
    X, _ = digits
    y = X[:, 20] + X[:, 30] / 17 if y == "scalar" else X[:, 20:30]
    estimator = DiffusionSpectralMI(target="continuous", n_groups=3, random_state=0)
    estimator.fit(X, y)
    restored = pickle.loads(pickle.dumps(estimator))
    assert restored.score(X, y) == estimator.score(X, y)


def test_clone_is_unfitted_and_keeps_nested_parameters(digits):
    inner = DiffusionSpectralEntropy(bandwidth="knn", t=3)
    copy = clone(DiffusionSpectralMI(inner, n_repeats=3).fit(*digits))
    assert not [name for name in vars(copy) if name.endswith("_")]
    assert copy.estimator is not inner
    assert copy.get_params()["estimator__bandwidth"] == "knn"
    assert copy.get_params()["estimator__t"] == 3


def test_fit_leaves_the_inner_estimator_alone(digits):
    inner = DiffusionSpectralEntropy()
    before = dict(vars(inner))
    dsmi = DiffusionSpectralMI(inner).fit(*digits)
    assert vars(inner) == before
    assert dsmi.estimator_ is not inner


@pytest.mark.parametrize("fitted", [False, True])
def test_html_representation_shows_the_estimators(fitted, digits):
    dsmi = DiffusionSpectralMI(DiffusionSpectralEntropy(bandwidth="knn"))
    if fitted:
        dsmi.fit(*digits)
    html = estimator_html_repr(dsmi)
    assert "DiffusionSpectralMI" in html
    assert "DiffusionSpectralEntropy" in html


def test_functions_give_the_estimators_values(digits):
    X, y = digits
    assert (
        diffusion_spectral_entropy(X, bandwidth="knn", t=2)
        == DiffusionSpectralEntropy(bandwidth="knn", t=2).fit(X).entropy_
    )
    assert (
        diffusion_spectral_mutual_info(X, y, n_repeats=2, random_state=1)
        == DiffusionSpectralMI(n_repeats=2, random_state=1).fit(X, y).mutual_info_
    )


# Containers and dtypes
# ---------------------


def _memmap(X, tmp_path):
    """X as a read-only memory map."""
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


@pytest.mark.parametrize(
    "estimator",
    [
        DiffusionSpectralEntropy(),
        DiffusionSpectralEntropy(affinity="nearest_neighbors"),
        DiffusionSpectralMI(random_state=0),
        ShannonEntropy(),
        MatrixEntryEntropy(),
        AdjacencySpectralEntropy(),
    ],
    ids=str,
)
def test_containers_give_equal_results(estimator, digits, tmp_path):
    X, y = digits
    names = [f"pixel{i}" for i in range(X.shape[1])]
    expected = _measured(clone(estimator).fit(X, y))
    for container in (
        pd.DataFrame(X, columns=names),
        pl.DataFrame(X, schema=names),
        X.tolist(),
        _memmap(X, tmp_path),
    ):
        fitted = clone(estimator).fit(container, y)
        assert _measured(fitted) == pytest.approx(expected, rel=1e-12)
        # Names are known where scikit-learn finds them; 1.6 does not in new polars.
        known = getattr(MinMaxScaler().fit(container), "feature_names_in_", None)
        assert_array_equal(getattr(fitted, "feature_names_in_", None), known)


@pytest.mark.parametrize("container", [pd.Series, pl.Series, list])
@pytest.mark.parametrize("labels", [int, str, float])
def test_containers_of_labels_give_equal_results(container, labels, digits):
    X, y = digits
    dsmi = DiffusionSpectralMI(target="discrete", n_repeats=2, random_state=0)
    expected = clone(dsmi).fit(X, y)
    fitted = dsmi.fit(X, container(y.astype(labels).tolist()))
    assert fitted.mutual_info_ == expected.mutual_info_
    assert [labels(group) for group in expected.groups_] == fitted.groups_.tolist()


def test_feature_names_are_checked(digits):
    X = pd.DataFrame(digits[0]).add_prefix("pixel")
    dse = DiffusionSpectralEntropy().fit(X)
    with pytest.raises(ValueError, match="feature names should match those"):
        dse.score(X.add_prefix("other_"))


def test_memory_mapped_float32_is_not_copied(rng, tmp_path):
    n, d = 500, 64_000
    X = _memmap(rng.standard_normal((n, d), dtype=np.float32), tmp_path)
    dse = DiffusionSpectralEntropy(
        affinity="nearest_neighbors", eigen_solver="arpack", n_components=5
    )
    tracemalloc.start()
    try:
        dse.fit(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < n * d * 4  # not even a float32 copy
    # The search, and there is one, sees the very samples.
    n = 20
    calls = []

    def metric(x, y):
        calls.append(x.dtype == np.float32 and np.shares_memory(x, X))
        return np.abs(x - y).max()

    clone(dse).set_params(metric=metric).fit(X[:n])
    assert all(calls)
    assert n * (n - 1) / 2 <= len(calls) <= n**2


def test_callable_affinity_gets_the_very_samples(digits, tmp_path):
    X = _memmap(digits[0].astype(np.float32), tmp_path)
    seen = []

    def affinity(X):
        seen.append(X)
        return wide_kernel(X)

    DiffusionSpectralEntropy(affinity=affinity).fit(X)
    assert seen[0].dtype == np.float32
    assert np.shares_memory(seen[0], X)


# Jobs and seeds
# --------------


@pytest.mark.parametrize(
    "estimator",
    [
        None,
        DiffusionSpectralEntropy(affinity="nearest_neighbors"),
        DiffusionSpectralEntropy(eigen_solver="arpack", n_components=4),
        ShannonEntropy(),
    ],
    ids=str,
)
def test_mutual_information_does_not_depend_on_jobs(estimator, digits):
    X, y = digits
    results = [
        DiffusionSpectralMI(estimator, random_state=0, n_jobs=n_jobs).fit(X, y)
        for n_jobs in (None, 1, 2, 3, -1)
    ]
    for result in results:
        assert result.mutual_info_ == results[0].mutual_info_
        assert_array_equal(result.group_entropies_, results[0].group_entropies_)


def test_entropy_does_not_depend_on_jobs(digits):
    dse = DiffusionSpectralEntropy(affinity="nearest_neighbors")
    entropies = [
        clone(dse).set_params(n_jobs=n_jobs).fit(digits[0]).entropy_
        for n_jobs in (None, 1, 2, -1)
    ]
    assert len(set(entropies)) == 1


SEEDED = [
    DiffusionSpectralEntropy(max_samples=60),
    DiffusionSpectralMI(n_repeats=2),
    ShannonEntropy(n_bins=3, max_samples=60),
    MatrixEntryEntropy(max_samples=60),
    AdjacencySpectralEntropy(max_samples=60),
]


@pytest.mark.parametrize("estimator", SEEDED, ids=str)
def test_seed_decides_the_result(estimator, digits):
    X, y = digits
    X = X[:, 18:24]  # so few pixels that some samples share a cell

    def measure(random_state):
        seeded = clone(estimator).set_params(random_state=random_state)
        return _measured(seeded.fit(X, y))

    assert measure(0) == measure(0) == measure(np.random.RandomState(0))
    assert len({measure(seed) for seed in range(3)}) > 1


@pytest.mark.parametrize("estimator", SEEDED, ids=str)
@pytest.mark.parametrize("random_state", [0, np.random.RandomState(0)])
def test_seed_leaves_the_global_random_state_alone(estimator, random_state, digits):
    before = np.random.get_state()
    clone(estimator).set_params(random_state=random_state).fit(*digits).score(*digits)
    after = np.random.get_state()
    assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]


# Processes
# ---------


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_processes_that_are_not_forked_measure_the_same(start, digits):
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip(f"{start} is not known here")
    # After a search of scikit-learn, whose threads a forked process would wait for.
    X = digits[0]
    NearestNeighbors(algorithm="brute").fit(X).kneighbors()
    graph = DiffusionSpectralEntropy(affinity="nearest_neighbors", metric="cityblock")
    with multiprocessing.get_context(start).Pool(1) as pool:
        found = pool.apply_async(graph.fit, (X,)).get(timeout=60)
    # LAPACK of another number of threads rounds otherwise.
    assert found.entropy_ == pytest.approx(graph.fit(X).entropy_, rel=1e-12)
