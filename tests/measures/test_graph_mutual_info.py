"""Mutual information on graphs, restricted to groups and subsets."""

import json
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from labelled import clusters
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsTransformer, NearestNeighbors
from sklearn.pipeline import make_pipeline

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    mutual_info_confidence_interval,
    mutual_info_permutation_test,
)
from skdse._cli.arguments import main
from skdse.model_selection import representation_scorer, select_representation

K = 30
SEARCHED = DiffusionSpectralEntropy(affinity="nearest_neighbors", n_neighbors=K)
GIVEN = clone(SEARCHED).set_params(affinity="precomputed_nearest_neighbors")
PRECOMPUTED = DiffusionSpectralEntropy(affinity="precomputed")


def weights(X, k=K, sigma=None):
    """Weights of the graph of all samples, by hand."""
    d, i = NearestNeighbors(n_neighbors=k).fit(X).kneighbors()
    sigma = d[:, 4] if sigma is None else np.full(len(X), sigma)
    W = np.eye(len(X))
    np.put_along_axis(W, i, np.exp(-(d**2) / (2 * sigma[:, None] * sigma[i])), axis=1)
    return np.maximum(W, W.T)


def graph_of(X, k=K):
    return KNeighborsTransformer(n_neighbors=k).fit_transform(X)


def labelled(n=240, seed=0):
    return clusters((n // 3,) * 3, seed=seed)


def dsmi_of(entropy, **params):
    return DiffusionSpectralMI(entropy, **{"random_state": 0, "n_jobs": 1, **params})


def assert_same(found, expected, atol=1e-9):
    for name in ("mutual_info_", "mutual_info_std_error_", "entropy_"):
        value = getattr(expected, name)
        assert getattr(found, name) == pytest.approx(value, abs=atol, nan_ok=True)
    assert_allclose(found.group_entropies_, expected.group_entropies_, atol=atol)


# The graph of all samples, restricted
# ------------------------------------


@pytest.mark.parametrize(
    "params", [{}, {"n_repeats": 1}, {"normalize": True}, {"n_jobs": 2}]
)
def test_groups_have_their_part_of_the_graph(params):
    X, y = labelled()
    expected = dsmi_of(PRECOMPUTED, **params).fit(weights(X), y)
    assert expected.mutual_info_ > 0.05
    found = dsmi_of(SEARCHED, **params).fit(X, y)
    assert_same(found, expected)
    given = dsmi_of(GIVEN, **params).fit(graph_of(X), y)
    assert_same(given, found, 1e-12)
    # score takes the same subsets, of the graph of the samples that it gets.
    assert found.score(X, y) == found.mutual_info_
    assert given.score(graph_of(X), y) == pytest.approx(given.mutual_info_, abs=1e-12)


@pytest.mark.parametrize("bandwidth", [1.5, "knn"])
def test_new_samples_are_restricted_from_their_own_graph(bandwidth):
    X, y = labelled()
    Y, labels = labelled(180, seed=1)
    searched = clone(SEARCHED).set_params(bandwidth=bandwidth)
    given = clone(GIVEN).set_params(bandwidth=bandwidth)
    found = dsmi_of(searched).fit(X, y)
    sigma = found.estimator_.bandwidth_
    expected = dsmi_of(PRECOMPUTED).fit(weights(X, sigma=sigma), y)
    new = expected.score(weights(Y, sigma=sigma), labels)
    assert found.score(Y, labels) == pytest.approx(new, abs=1e-9)
    given = dsmi_of(given).fit(graph_of(X), y)
    assert given.score(graph_of(Y), labels) == pytest.approx(new, abs=1e-9)


@pytest.mark.parametrize(
    ("n", "k", "anew"), [(400, 4, -0.405), (600, 6, -0.427), (1000, 4, -0.167)]
)
def test_clusters_apart_are_worth_bits(n, k, anew):
    # Far apart: a group is as well joined as a set can be, a random subset less so. A
    # graph made anew for each of them joined the subset by edges between clusters.
    rng, y = np.random.default_rng(0), np.arange(n) % k
    X = 4 * rng.normal(size=(k, 16))[y] + rng.normal(size=(n, 16))
    entropy = DiffusionSpectralEntropy(affinity="nearest_neighbors")
    found = dsmi_of(entropy).fit(X, y)
    assert found.mutual_info_ > 2 * found.mutual_info_std_error_ > 0 > anew
    # At a later time, by how many labels are right.
    later = dsmi_of(clone(entropy).set_params(t=5))
    u, noise = rng.random(n), rng.permutation(y)
    values = [
        later.fit(X, np.where(u < share, y, noise)).mutual_info_
        for share in (0, 0.5, 0.75, 1)
    ]
    assert abs(values[0]) < 0.1 < values[1] < values[2] < values[3]


def test_copies_in_groups():
    X, y = labelled(90)
    rows = np.append(np.arange(90), np.arange(0, 90, 2))
    entropy = clone(SEARCHED).set_params(bandwidth=1.5)
    found = dsmi_of(entropy).fit(X[rows], y[rows])
    W = weights(X, sigma=1.5)[np.ix_(rows, rows)]
    assert_same(found, dsmi_of(PRECOMPUTED).fit(W, y[rows]))
    given = clone(GIVEN).set_params(bandwidth=1.5)
    assert_same(dsmi_of(given).fit(graph_of(X[rows], 70), y[rows]), found)


@pytest.mark.parametrize("solver", ["arpack", "lanczos"])
def test_other_solvers(solver):
    X, y = labelled()
    params = {"eigen_solver": solver, "n_components": 20, "tol": 1e-4}
    expected = dsmi_of(SEARCHED).fit(X, y).mutual_info_
    for entropy, Z in ((SEARCHED, X), (GIVEN, graph_of(X))):
        found = dsmi_of(clone(entropy).set_params(**params)).fit(Z, y)
        assert found.mutual_info_ == pytest.approx(expected, abs=0.02)


def test_an_open_time_and_limits_of_groups():
    X, y = labelled()
    for params in ({"t": "auto"}, {"max_samples": 60}):
        one = clone(PRECOMPUTED).set_params(**params)
        expected = dsmi_of(one).fit(weights(X), y)
        for entropy, Z in ((SEARCHED, X), (GIVEN, graph_of(X))):
            found = dsmi_of(clone(entropy).set_params(**params)).fit(Z, y)
            assert_same(found, expected)


# Whatever measures mutual information
# ------------------------------------


def test_permutation_test():
    X, y = labelled()
    tests = [
        mutual_info_permutation_test(Z, y, estimator=dsmi_of(entropy), random_state=0)
        for entropy, Z in (
            (PRECOMPUTED, weights(X)),
            (SEARCHED, X),
            (GIVEN, graph_of(X)),
        )
    ]
    for found in tests[1:]:
        assert found.statistic == pytest.approx(tests[0].statistic, abs=1e-9)
        assert_allclose(found.null_distribution, tests[0].null_distribution, atol=1e-9)
    assert tests[1].pvalue < 0.01
    null = np.random.default_rng(0).permutation(y)
    found = mutual_info_permutation_test(
        X, null, estimator=dsmi_of(SEARCHED), random_state=0
    )
    assert found.pvalue > 0.05


def test_subsamples_intervals_and_tests_of_a_given_graph():
    # Its parts have no more edges than the whole has among them.
    X, y = labelled()
    W, graph = weights(X), graph_of(X)
    few = {"n_subsamples": 4, "random_state": 0}
    expected, found = (
        mutual_info_confidence_interval(Z, y, estimator=dsmi_of(entropy), **few)
        for entropy, Z in ((PRECOMPUTED, W), (GIVEN, graph))
    )
    assert found.std_error == pytest.approx(expected.std_error, abs=1e-9)
    searched = mutual_info_confidence_interval(X, y, estimator=dsmi_of(SEARCHED), **few)
    assert 0.3 < searched.std_error / found.std_error < 3
    half = {"max_samples": 0.75, "n_repeats": 3}
    expected, found = (
        dsmi_of(entropy, **half).fit(Z, y)
        for entropy, Z in ((PRECOMPUTED, W), (GIVEN, graph))
    )
    assert_same(found, expected)
    assert found.score(graph, y) == pytest.approx(expected.score(W, y), abs=1e-9)
    expected, found = (
        mutual_info_permutation_test(
            Z, y, estimator=dsmi_of(entropy, max_samples=0.75), random_state=0
        )
        for entropy, Z in ((PRECOMPUTED, W), (GIVEN, graph))
    )
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-9)
    assert found.pvalue == expected.pvalue


def test_scorers_and_rankings():
    X, y = labelled()
    noise = np.random.default_rng(0).normal(size=X.shape)
    dsmi = dsmi_of(SEARCHED)
    ranking = select_representation(
        {"noise": noise, "clusters": X}, X, y, measure=dsmi, random_state=0
    )
    assert list(ranking.name) == ["clusters", "noise"]
    assert ranking.dsmi[0] == pytest.approx(dsmi.fit(X, y).mutual_info_)
    scorer = representation_scorer(dsmi, representation=lambda estimator, X: X)
    assert scorer(None, X, y) == pytest.approx(dsmi.mutual_info_)


def test_command_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = labelled()
    np.save("Z.npy", X)
    np.save("y.npy", y)
    arguments = ["--affinity", "nearest_neighbors", "--n-neighbors", str(K)]
    arguments += ["--bandwidth-scale", "1"]
    main(["report", "Z.npy", "--labels", "y.npy", "--json", *arguments])
    (record,) = json.loads(capsys.readouterr().out)
    entropy = clone(SEARCHED).set_params(metric="sqeuclidean", bandwidth="adaptive")
    expected = dsmi_of(entropy).fit(X, y).mutual_info_
    assert record["dsmi_wide"] == pytest.approx(expected, abs=1e-9)
    assert record["dsmi_wide"] > 0.2
    # Distances of all pairs are a graph, too.
    np.save("D.npy", pairwise_distances(X, metric="sqeuclidean"))
    arguments[1] = "precomputed_nearest_neighbors"
    main(["report", "D.npy", "--labels", "y.npy", "--json", *arguments])
    (record,) = json.loads(capsys.readouterr().out)
    assert record["dsmi_wide"] == pytest.approx(expected, abs=1e-9)


# Where the graph falls to pieces
# -------------------------------


def test_a_warning_names_the_cause():
    # Of 10 neighbours among 300, a third of one is in a random group of 10.
    X, y = np.random.default_rng(0).normal(size=(300, 5)), np.arange(300) % 30
    start = "% of the samples have no edge of the graph within their group"
    end = (
        "the graph is too sparse for groups of 10 of 300 samples (median): a graph of "
        "n_neighbors=30 leaves a sample of such a random group one neighbor. Use more "
        "neighbors, fewer groups, or all pairs."
    )
    shares = set()
    few = {"n_neighbors": 10}
    for entropy, Z in (
        (clone(SEARCHED).set_params(**few), X),
        (clone(GIVEN).set_params(**few), graph_of(X)),
        (PRECOMPUTED, sp.csr_array(weights(X, 10))),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            dsmi_of(entropy).fit(Z, y)
        assert len(caught) == 1  # and none that blames the bandwidth
        text = str(caught[0].message)
        assert start in text
        assert text.endswith(end)
        assert caught[0].filename == __file__
        shares.add(text[:3])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dsmi_of(clone(SEARCHED).set_params(n_neighbors=1)).fit(X, y)
    assert len(caught) == 1  # though every sample sees next to itself alone
    W = weights(X, 10) * (y[:, None] == y)
    alone = np.mean(W.sum(axis=1) == 1)
    assert shares == {f"{alone:.0%}"}


def test_no_warning_where_subsets_hang_together():
    X, y = labelled()
    dsmi_of(SEARCHED).fit(X, y)  # a warning would be an error
    dsmi_of(PRECOMPUTED).fit(np.eye(240) + 1e-3, y)


# Cross-validation of matrices between samples
# --------------------------------------------


def singular_entropy(B, alpha=0.5, t=1):
    """Entropy of the singular values of the walk between new and fitted samples."""
    K = B / np.outer(B.sum(axis=1), B.sum(axis=0)) ** alpha
    S = K / np.sqrt(np.outer(K.sum(axis=1), K.sum(axis=0)))
    p = np.linalg.svd(S, compute_uv=False) ** t
    p = p[p > 1e-14] / p.sum()
    return -p @ np.log2(p)


def gaussian(X, Y, sigma=1.5):
    return np.exp(-np.square(X[:, None] - Y).sum(axis=2) / (2 * sigma**2))


@pytest.mark.parametrize("container", [np.array, sp.csr_array, sp.csr_matrix])
@pytest.mark.parametrize("params", [{}, {"alpha": 0}, {"alpha": 1, "t": 3}])
def test_new_samples_see_each_other_through_the_fitted_ones(params, container):
    X, Y = labelled(60)[0], labelled(90, seed=1)[0]
    dse = clone(PRECOMPUTED).set_params(**params).fit(container(gaussian(X, X)))
    for B in (gaussian(Y, X), gaussian(Y[:60], X)):
        expected = singular_entropy(B, **{"alpha": 0.5, **params})
        assert dse.score(container(B)) == pytest.approx(expected, abs=1e-5)
        assert dse.score(container(1e-200 * B)) == pytest.approx(expected, abs=1e-5)
    # Of the fitted samples the singular values are the moduli of the eigenvalues.
    whole = singular_entropy(gaussian(X, X), **{"alpha": 0.5, **params})
    assert dse.entropy_ == pytest.approx(whole, abs=1e-5)


def test_a_sample_that_sees_no_fitted_one_is_alone():
    # Two samples with the same view, λ = 1 and 0, and one alone.
    dse = clone(PRECOMPUTED).fit(np.ones((4, 4)) + np.eye(4))
    B = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0.0]])
    assert dse.score(B) == pytest.approx(1)
    assert dse.score(sp.csr_array(B)) == pytest.approx(1)


def test_bad_affinities_to_the_fitted_samples():
    dse = clone(PRECOMPUTED).fit(np.ones((4, 4)) + np.eye(4))
    with pytest.raises(ValueError, match="is expecting 4 features"):
        dse.score(np.ones((3, 5)))
    message = "Negative values in data: X, the affinities to the fitted samples, must"
    with pytest.raises(ValueError, match=message):
        dse.score(-np.ones((3, 4)))
    with pytest.raises(ValueError, match="contains NaN"):
        dse.score(np.full((4, 4), np.nan))


@pytest.mark.parametrize("cv", [2, 3])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_cross_validation_around_a_precomputed_affinity(cv, container):
    X, y = labelled(120)
    G = gaussian(X, X)
    scores = cross_val_score(dsmi_of(PRECOMPUTED), container(G), y, cv=cv)
    assert np.all(scores > 0.1)
    noise = np.random.default_rng(0).normal(size=X.shape)
    none = cross_val_score(
        dsmi_of(PRECOMPUTED), container(gaussian(noise, noise)), y, cv=cv
    )
    assert np.all(np.abs(none) < 0.1)
    entropies = cross_val_score(PRECOMPUTED, container(G), cv=cv)
    assert np.all(np.isfinite(entropies))


def test_cross_validation_around_a_graph():
    X, y = labelled(240)
    graph = graph_of(X, 120)
    for cv in (2, 3):
        given = cross_val_score(dsmi_of(GIVEN), graph, y, cv=cv)
        pipeline = make_pipeline(KNeighborsTransformer(n_neighbors=K), dsmi_of(GIVEN))
        # A fold's graph is that of its samples alone, where there are edges enough.
        assert_allclose(given, cross_val_score(pipeline, X, y, cv=cv), atol=1e-9)
        assert np.all(given > 0.03)
    few = graph_of(X)
    with pytest.raises(ValueError, match="such as a fold of cross-validation, keeps"):
        cross_val_score(dsmi_of(GIVEN), few, y, cv=3, error_score="raise")
    search = GridSearchCV(dsmi_of(GIVEN), {"estimator__n_neighbors": [10, 30]}, cv=3)
    assert search.fit(graph, y).best_score_ > 0.03


class KernelEntropy(BaseEstimator):
    """Somebody's entropy of a kernel between samples: the mean row sum."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def score(self, X, y=None):
        return float(np.log2(X.sum() / X.shape[0]))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = True
        return tags


def test_cross_validation_around_a_foreign_kernel():
    X, y = labelled(120)
    G = gaussian(X, X)
    scores = cross_val_score(dsmi_of(KernelEntropy()), G, y, cv=3, error_score="raise")
    assert np.all(np.isfinite(scores))
    # What is scored has all fitted samples as columns, also where it is a square.
    dsmi = dsmi_of(ShapeOfKernel()).fit(G[:60, :60], y[:60])
    among = list(dsmi.estimator_.shapes_)
    assert all(rows == columns for rows, columns in among)
    dsmi.score(G[60:, :60], y[60:])
    to_fitted = dsmi.estimator_.shapes_[len(among) :]
    assert {columns for _, columns in to_fitted} == {60}


class ShapeOfKernel(KernelEntropy):
    """Keeps the shapes that it scores."""

    def fit(self, X, y=None):
        self.shapes_ = []
        return super().fit(X)

    def score(self, X, y=None):
        self.shapes_.append(X.shape)
        return 1.0
