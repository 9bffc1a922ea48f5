"""The Laplacian kernel against its definition."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from sklearn import config_context
from sklearn.metrics.pairwise import laplacian_kernel

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._spectra.affinities import make_affinity


@pytest.fixture
def X(rng):
    return rng.normal(size=(120, 6))


def entropy_by_definition(X, sigma, alpha=0.5):
    """Entropy of the spectrum of P, each step as the guide has it, all dense."""
    G = np.exp(-squareform(pdist(X, "cityblock")) / sigma)
    q = G.sum(axis=1)
    K = G / np.outer(q**alpha, q**alpha)
    P = K / K.sum(axis=1, keepdims=True)
    p = np.abs(np.linalg.eigvals(P))
    p = p[p > 1e-13] / p.sum()
    return -np.sum(p * np.log2(p))


def test_kernel_is_that_of_scikit_learn(X):
    laplacian = make_affinity("laplacian", bandwidth=2.5)
    G = laplacian.array(X, laplacian.fit(X))
    assert_allclose(G, laplacian_kernel(X, gamma=1 / 2.5), atol=1e-14)


def test_adaptive_kernel_by_definition(X):
    laplacian = make_affinity("laplacian", bandwidth="adaptive", bandwidth_neighbors=3)
    D = squareform(pdist(X, "cityblock"))
    third = np.sort(D, axis=1)[:, 3]
    expected = np.exp(-D / np.sqrt(np.outer(third, third)))
    assert_allclose(laplacian.array(X, laplacian.fit(X)), expected, atol=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("sigma", [2.0, 8.0])
def test_entropy_is_that_of_a_dense_solution(X, alpha, sigma):
    dse = DiffusionSpectralEntropy(
        affinity="laplacian", bandwidth=sigma, alpha=alpha
    ).fit(X)
    assert dse.entropy_ == pytest.approx(entropy_by_definition(X, sigma, alpha))


def test_default_bandwidth_is_the_median_manhattan_distance(X):
    dse = DiffusionSpectralEntropy(affinity="laplacian").fit(X)
    assert dse.bandwidth_ == pytest.approx(np.median(pdist(X, "cityblock")))


def test_two_samples_in_closed_form():
    # S of two samples at affinity g has the eigenvalues 1 and (1 - g) / (1 + g); at
    # the distance σ g = 1/e.
    second = (1 - np.exp(-1)) / (1 + np.exp(-1))
    p = np.array([1, second]) / (1 + second)
    dse = DiffusionSpectralEntropy(affinity="laplacian").fit([[0.0, 0.0], [1.0, 2.0]])
    assert dse.bandwidth_ == 3
    assert dse.entropy_ == pytest.approx(-np.sum(p * np.log2(p)))


@pytest.mark.parametrize("working_memory", [1, 1024])
def test_lanczos_is_within_its_error(rng, working_memory):
    X = rng.uniform(size=(700, 8))
    exact = DiffusionSpectralEntropy(affinity="laplacian", eigen_solver="dense").fit(X)
    with config_context(working_memory=working_memory):
        found = DiffusionSpectralEntropy(
            affinity="laplacian", eigen_solver="lanczos", random_state=0
        ).fit(X)
    assert found.entropy_std_error_ <= found.tol
    assert abs(found.entropy_ - exact.entropy_) <= 2 * found.tol


@pytest.mark.parametrize("c", [1e-6, 1e6])
def test_default_follows_the_units_of_the_data(X, c):
    one, other = (
        DiffusionSpectralEntropy(affinity="laplacian").fit(Z).entropy_
        for Z in (X, c * X)
    )
    assert other == pytest.approx(one, abs=1e-6)


def test_entropy_follows_the_dimension(rng):
    dimensions = [1, 2, 4, 8, 16, 32, 64]
    found = [
        DiffusionSpectralEntropy(affinity="laplacian").fit(rng.uniform(size=(400, d)))
        for d in dimensions
    ]
    assert spearmanr(dimensions, [one.entropy_ for one in found]).statistic == 1


def test_far_clusters_are_counted():
    # Identical samples in five far places: five eigenvalues 1, all others 0.
    X = np.repeat(1000.0 * np.arange(5), 20)[:, None]
    dse = DiffusionSpectralEntropy(affinity="laplacian", bandwidth=1.0).fit(X)
    assert dse.entropy_ == pytest.approx(np.log2(5))
    y = np.repeat(np.arange(5), 20)
    dsmi = DiffusionSpectralMI(dse, random_state=0).fit(X, y)
    assert dsmi.conditional_entropy_ == pytest.approx(0, abs=1e-9)
    assert dsmi.mutual_info_ > 1


@pytest.mark.parametrize("metric", ["manhattan", "l1", "cityblock"])
def test_names_of_its_metric_are_taken(X, metric):
    one, other = (
        DiffusionSpectralEntropy(affinity="laplacian", **params).fit(X).entropy_
        for params in ({}, {"metric": metric})
    )
    assert one == other


def test_other_metrics_are_refused(X):
    dse = DiffusionSpectralEntropy(affinity="laplacian", metric="cosine")
    with pytest.raises(ValueError, match=r"leave metric as it is.*'cosine'"):
        dse.fit(X)


def test_reduced_distances_are_refused(X):
    dse = DiffusionSpectralEntropy(affinity="laplacian", bandwidth="reduced")
    with pytest.raises(ValueError, match=r"bandwidth must be one of \['adaptive', "):
        dse.fit(X)
