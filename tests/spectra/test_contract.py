"""What an operator and a meter ask of an affinity: one case for all of them."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.neighbors import KNeighborsTransformer

from skdse._spectra.affinities import AFFINITIES, make_affinity
from skdse._spectra.diffusion import diffusion_operator
from skdse._spectra.solvers import DENSE_MAX_SAMPLES

N = 150


def inverse_distance(X):
    return 1 / (1 + np.abs(X[:, None] - X).sum(axis=2))


def dense_given():
    X = np.random.default_rng(1).normal(size=(N, 3))
    return inverse_distance(X)


def sparse_given():
    band = sp.diags_array([0.5, 1.0, 0.5], offsets=[-1, 0, 1], shape=(N, N))
    return sp.csr_array(band)


def graph_given():
    X = np.random.default_rng(1).normal(size=(N, 3))
    return KNeighborsTransformer(n_neighbors=15).fit_transform(X)


def graph_of_copies():
    return KNeighborsTransformer(n_neighbors=90).fit_transform(copies())


def copies():
    X = np.random.default_rng(0).normal(size=(N // 5, 4))
    return np.repeat(X, 5, axis=0)[np.random.default_rng(1).permutation(N)]


# Affinity, its parameters, and the samples X if they are no rows of features.
CASES = [
    ("gaussian", {}, None),
    ("gaussian", {"bandwidth": "adaptive", "metric": "sqeuclidean"}, None),
    ("gaussian", {"bandwidth": "reduced"}, None),
    ("gaussian", {"bandwidth": "knn", "metric": "cosine"}, None),
    ("gaussian", {"metric": "seuclidean"}, None),
    ("laplacian", {}, None),
    ("laplacian", {"bandwidth": "adaptive"}, None),
    ("nearest_neighbors", {}, None),
    ("nearest_neighbors", {"bandwidth": 0.8, "n_neighbors": 5}, None),
    ("nearest_neighbors", {"n_neighbors": 5}, copies),
    ("precomputed", {}, dense_given),
    ("precomputed", {}, sparse_given),
    ("precomputed_nearest_neighbors", {}, graph_given),
    ("precomputed_nearest_neighbors", {"bandwidth": 0.8}, graph_given),
    ("precomputed_nearest_neighbors", {"bandwidth": "knn"}, graph_of_copies),
    (inverse_distance, {}, None),
]


def name_of(case):
    affinity, params, given = case
    words = [getattr(affinity, "__name__", affinity), *map(str, params.values())]
    return "-".join([*words, given.__name__] if given else words)


def test_every_affinity_has_a_case():
    named = {affinity for affinity, *_ in CASES if isinstance(affinity, str)}
    assert named == set(AFFINITIES)


@pytest.fixture(params=CASES, ids=name_of)
def case(request):
    """An affinity, samples, their bandwidth, and the samples as a dense matrix."""
    name, params, given = request.param
    X = np.random.default_rng(0).normal(size=(N, 4)) + 5 if given is None else given()
    affinity = make_affinity(name, **params)
    X = affinity.check(X)
    return affinity, X, affinity.fit(X, 0)


@pytest.fixture(params=["dense", "lanczos"])
def solver(request):
    return request.param


def matrix(case, solver):
    affinity, X, bandwidth = case
    with config_context(working_memory=1):  # 64 rows a tile, where there are tiles
        return affinity.matrix(X, bandwidth, solver, 0)


def tolerance(solver):
    """Rounding of the precision that a solver gets."""
    return 2e-5 if solver == "lanczos" else 1e-12


def test_matrix_is_an_affinity(case, solver):
    G = matrix(case, solver)
    array = np.asarray(G.toarray(), dtype=float)
    assert G.n_samples == N
    assert array.shape == (N, N)
    assert_array_equal(array, array.T)
    assert array.min() >= 0
    assert np.all(array.sum(axis=1) > 0)


def test_products_are_those_of_the_array(case, solver):
    G = matrix(case, solver)
    array = np.asarray(G.toarray(), dtype=float)
    v = np.random.default_rng(2).uniform(size=N)
    V = np.random.default_rng(3).normal(size=(N, 5))
    atol = tolerance(solver) * array.sum(axis=1).max()
    assert_allclose(G.matvec(v), array @ v, atol=atol)
    assert G.matvec(v).dtype == np.float64
    assert_allclose(G.squares_matvec(v), array**2 @ v, atol=atol)
    assert G.squares_matvec(v).dtype == np.float64
    if solver == "lanczos":
        V = V.astype(np.float32)
    assert_allclose(G.matmat(V), array @ V, atol=10 * atol)
    assert_allclose(G.matmat(V[:, 0]), array @ V[:, 0], atol=10 * atol)
    both = G.matmat_and_squares(V, v)
    assert_array_equal(both[0], G.matmat(V))
    assert_array_equal(both[1], G.squares_matvec(v))
    assert G.matmat(V).dtype == V.dtype
    assert_allclose(G.diagonal(), np.diag(array), atol=atol)


@pytest.mark.parametrize("n", [1, 64, 100, N])
def test_head_is_the_matrix_of_the_first_samples(case, solver, n):
    G = matrix(case, solver)
    G.matvec(np.ones(N))  # tiles that are kept are there now
    head = G.head(n)
    assert head.n_samples == n
    expected = np.asarray(G.toarray(), dtype=float)[:n, :n]
    assert_allclose(head.matvec(np.ones(n)), expected.sum(axis=1), rtol=2e-5)


def test_costs_are_stated(case, solver):
    G = matrix(case, solver)
    assert G.fixed_columns >= 0
    assert G.is_sparse == sp.issparse(getattr(G, "G", None))
    assert G.maps_threads in (True, False)


def test_definiteness_and_kind_of_spectrum_are_true(case):
    affinity = case[0]
    S = diffusion_operator(matrix(case, "dense")).toarray()
    eigenvalues = np.linalg.eigvalsh(S)
    negative = np.maximum(-eigenvalues, 0).sum() / np.abs(eigenvalues).sum()
    assert affinity.spectrum_kind in DENSE_MAX_SAMPLES
    if affinity.is_semidefinite:
        assert eigenvalues.min() > -1e-12
        assert affinity.spectrum_kind == "semidefinite"
    if affinity.spectrum_kind == "nearly semidefinite":
        assert negative < 0.05  # 0.03 with reduced distances


def test_some_samples_have_their_part_of_the_matrix(case):
    affinity, X, bandwidth = case
    if affinity.metric == "seuclidean":
        pytest.skip("its variances are those of the samples at hand")
    rows = np.sort(np.random.default_rng(4).choice(N, 60, replace=False))
    settled = affinity.settle(X, bandwidth, 0).take(rows)
    part = affinity.matrix(affinity.take(X, rows), settled, "dense", 0)
    whole = np.asarray(matrix(case, "dense").toarray())[np.ix_(rows, rows)]
    isolated = whole.sum(axis=1) == 0  # gets an affinity to itself
    assert_allclose(part.toarray(), whole + np.diag(isolated), atol=1e-12)


def test_fitted_samples_keep_their_bandwidth(case):
    affinity, X, bandwidth = case
    assert affinity.rule in affinity.rules or isinstance(affinity.rule, float)
    if bandwidth.sigma is None:
        assert affinity.at(X, bandwidth) == bandwidth
        return
    assert np.all(bandwidth.sigma > 0)
    assert_allclose(affinity.at(X, bandwidth).sigma, bandwidth.sigma, rtol=1e-12)


def test_what_cannot_fit_in_memory_is_refused_before_it_is_made(case):
    affinity, X = case[0], np.broadcast_to(0.0, (10**7, 1))
    affinity.check_memory(X, "lanczos")
    if not affinity.is_of_all_pairs:
        affinity.check_memory(X, "dense")
        return
    with pytest.raises(MemoryError, match="max_samples"):
        affinity.check_memory(X, "dense")
    assert affinity.keeps(1000, "lanczos")
    assert not affinity.keeps(10**7, "lanczos")
