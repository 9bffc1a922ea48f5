"""Graphs of distances that others have searched: the exact message, or the value."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from messages import exactly
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import KNeighborsTransformer, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

GIVEN = DiffusionSpectralEntropy(affinity="precomputed_nearest_neighbors")
SEARCHED = DiffusionSpectralEntropy(affinity="nearest_neighbors")


def samples(n=200, d=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def graph_of(X, k=15, **params):
    return KNeighborsTransformer(n_neighbors=k, **params).fit_transform(X)


def as_csr(distances, indices):
    """Lists of neighbours as pynndescent, UMAP, faiss and cuVS give them."""
    n, k = indices.shape
    indptr = np.arange(0, n * k + 1, k)
    return sp.csr_array((distances.ravel(), indices.ravel(), indptr), shape=(n, n))


def without_self(graph):
    """As the distances of UMAP in AnnData: a sample is not its own neighbour."""
    coo = graph.tocoo()
    off = coo.row != coo.col
    off = coo.data[off], (coo.row[off], coo.col[off])
    return sp.csr_matrix(off, shape=graph.shape)


# The same as by the exact search
# -------------------------------


@pytest.mark.parametrize("solver", ["dense", "arpack", "lanczos"])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"n_neighbors": 7},
        {"bandwidth": "knn"},
        {"bandwidth": 0.8, "alpha": 1},
        {"bandwidth_neighbors": 9, "bandwidth_scale": 1.5, "alpha": 0},
        {"t": 3, "normalize": True},
    ],
)
def test_entropy_is_that_of_the_exact_search(params, solver):
    X = samples()
    params = {**params, "eigen_solver": solver, "random_state": 0}
    expected = clone(SEARCHED).set_params(**params).fit(X)
    given = clone(GIVEN).set_params(**params).fit(graph_of(X))
    assert given.entropy_ == pytest.approx(expected.entropy_, abs=1e-12)
    assert_allclose(given.bandwidth_, expected.bandwidth_, rtol=1e-12)
    assert given.score(graph_of(X)) == given.entropy_
    times = [0.5, 2, 50]
    assert_allclose(given.entropy_curve(times), expected.entropy_curve(times))


@pytest.mark.parametrize("metric", ["cosine", "manhattan", "sqeuclidean"])
def test_any_metric_is_that_of_the_search(metric):
    X = samples()
    expected = clone(SEARCHED).set_params(metric=metric).fit(X)
    given = clone(GIVEN).fit(graph_of(X, metric=metric))
    assert given.entropy_ == pytest.approx(expected.entropy_, abs=1e-9)


def shuffled(graph):
    """Columns of each row in another order."""
    graph = sp.csr_array(graph)
    rng = np.random.default_rng(0)
    for start, stop in zip(graph.indptr, graph.indptr[1:], strict=False):
        order = start + rng.permutation(stop - start)
        graph.indices[start:stop] = graph.indices[order]
        graph.data[start:stop] = graph.data[order]
    return graph


@pytest.mark.parametrize(
    "made",
    [
        sp.csr_array,
        sp.csr_matrix,
        lambda graph: graph.tocoo(),
        lambda graph: graph.tocsc(),
        lambda graph: graph.tolil(),
        shuffled,
        without_self,
        lambda graph: shuffled(without_self(graph)),
        # Also where the other end lists the edge, as in graphs made symmetric.
        lambda graph: without_self(graph).maximum(without_self(graph).T),
    ],
)
def test_the_same_graph_in_many_forms(made):
    graph = graph_of(samples())
    expected = clone(GIVEN).fit(graph).entropy_
    given = made(graph.copy())
    before = given.copy()
    dse = clone(GIVEN).fit(given)
    assert dse.entropy_ == pytest.approx(expected, abs=1e-12)
    assert (given != before).nnz == 0  # the caller's matrix stays
    assert dse.score(given) == pytest.approx(expected, abs=1e-12)


def test_more_edges_than_asked_for_and_all_distances():
    X = samples()
    expected = clone(SEARCHED).fit(X).entropy_
    radius = NearestNeighbors(radius=3.5).fit(X).radius_neighbors_graph(mode="distance")
    for given in (graph_of(X, 40), radius, pairwise_distances(X)):
        assert clone(GIVEN).fit(given).entropy_ == pytest.approx(expected, abs=1e-12)


def test_distances_in_float32():
    graph = graph_of(samples())
    expected = clone(GIVEN).fit(graph).entropy_
    single = graph.astype(np.float32)
    assert clone(GIVEN).fit(single).entropy_ == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("exponent", [-600, -50, 50, 500])
def test_unit_does_not_matter(exponent):
    graph = graph_of(samples())
    dse = clone(GIVEN).fit(graph)
    scaled = graph.copy()
    scaled.data = np.ldexp(graph.data, exponent)
    found = clone(GIVEN).fit(scaled)
    assert found.entropy_ == dse.entropy_
    assert_array_equal(found.bandwidth_, np.ldexp(dse.bandwidth_, exponent))
    fixed = clone(GIVEN).set_params(bandwidth=0.8).fit(graph).entropy_
    sigma = float(np.ldexp(0.8, exponent))
    assert clone(GIVEN).set_params(bandwidth=sigma).fit(scaled).entropy_ == fixed
    rows = found.score(scaled[:50]), dse.score(graph[:50])
    assert rows[0] == pytest.approx(rows[1], abs=1e-12)


def test_self_at_a_distance_by_rounding():
    # As of faiss, whose squares are differences of float32 products.
    graph = graph_of(samples()).astype(np.float32)
    expected = clone(GIVEN).fit(graph).entropy_
    graph.data[graph.data == 0] = np.random.default_rng(0).uniform(0, 1e-3, 200)
    assert clone(GIVEN).fit(graph).entropy_ == pytest.approx(expected, abs=1e-12)


# Copies
# ------


@pytest.mark.parametrize("made", [lambda graph: graph, without_self])
def test_stored_zeros_join_copies(made):
    points = samples(60, 3)
    rng = np.random.default_rng(1)
    X = points[np.append(np.arange(60), rng.integers(60, size=90))]
    expected = clone(SEARCHED).set_params(n_neighbors=6).fit(X)
    given = clone(GIVEN).set_params(n_neighbors=6).fit(made(graph_of(X, 40)))
    assert given.entropy_ == pytest.approx(expected.entropy_, abs=1e-12)
    assert_allclose(given.bandwidth_, expected.bandwidth_, rtol=1e-12)


def test_all_samples_at_one_point():
    X = np.zeros((30, 2))
    assert clone(GIVEN).fit(graph_of(X)).entropy_ == 0
    assert clone(GIVEN).fit([[0.0]]).entropy_ == 0


def test_copies_with_too_few_other_neighbors():
    # Of 15 neighbours 4 are copies, and 11 at three other points.
    X = np.repeat(samples(30), 5, axis=0)
    message = (
        "n_neighbors=15 asks for 15 neighbors of each sample besides itself; X, the "
        "distance graph, has only 3 for sample 0 (and fewer than 15 for 30 of 30 "
        "points). Copies, at distance 0, are one point. Lower n_neighbors, or search"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        clone(GIVEN).fit(graph_of(X))


# Bad graphs
# ----------


def changed(graph, entry, value):
    """Graph with another number in an entry, as it is stored."""
    graph.data[entry] = value
    return graph


def with_index(graph, value):
    graph.indices[-1] = value
    return graph


def test_bad_graphs_are_refused():
    X = samples(40)
    graph = graph_of(X)
    cases = [
        (graph[:30], "must be a square matrix; got shape (30, 40)."),
        (
            changed(graph.copy(), 5, -0.5),
            "Negative values in data: X, the distance graph, must have none; its "
            "smallest is -0.5. Distances are needed, not similarities.",
        ),
        (changed(graph.copy(), 5, np.inf), "Input X contains infinity"),
        (
            with_index(graph.copy(), -1),
            "X, the distance graph, must have column indices from 0 to 39; got -1 to "
            "39. Searches fill the places of neighbors that they do not find with -1: "
            "leave these out.",
        ),
        (
            graph_of(X, mode="connectivity"),
            "X, the distance graph, must have 0 on its diagonal, the distance of a "
            "sample to itself; got 1, no less than to its neighbors. Is it a graph of "
            "affinities (pass affinity='precomputed') or of connectivities "
            "(KNeighborsTransformer has mode='distance')?",
        ),
        (
            np.exp(-pairwise_distances(X)),
            "X, the distance graph, must have 0 on its diagonal",
        ),
    ]
    for given, message in cases:
        with pytest.raises(ValueError, match=re.escape(message)):
            clone(GIVEN).fit(given)
        with pytest.raises(ValueError, match=re.escape(message)):
            DiffusionSpectralMI(GIVEN).fit(given, np.arange(given.shape[0]) % 2)


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({}, "n_neighbors=15"),
        ({"bandwidth_neighbors": 20}, "bandwidth_neighbors=20"),
        ({"bandwidth": "knn", "bandwidth_neighbors": 20}, "bandwidth_neighbors=20"),
    ],
)
def test_a_graph_with_too_few_edges_is_refused(params, name):
    # The 15 neighbours of UMAP are the sample itself and 14 others.
    X = samples(100)
    asked = name.partition("=")[2]
    message = (
        f"{name} asks for {asked} neighbors of each sample besides itself; X, the "
        f"distance graph, has only 14 for sample 0 (and fewer than {asked} for 100 of "
        f"100 samples). Lower {name.partition('=')[0]}, or search for more neighbors. "
        "A part of a graph, such as a fold of cross-validation, keeps only the edges "
        "within it."
    )
    with pytest.raises(ValueError, match=exactly(message)):
        clone(GIVEN).set_params(**params).fit(graph_of(X, 14))
    params = {**params, "bandwidth": 1.0, "n_neighbors": 14}
    fixed = clone(GIVEN).set_params(**params)
    assert fixed.fit(graph_of(X, 14)).entropy_ > 0


def test_a_row_without_edges():
    graph = sp.csr_array((5, 5))
    with pytest.raises(ValueError, match="has only 0 for sample 0"):
        clone(GIVEN).fit(graph)


@pytest.mark.parametrize("bandwidth", ["median", "reduced"])
def test_rules_that_need_all_pairs(bandwidth):
    message = f"bandwidth must be one of ['adaptive', 'auto', 'knn']; got {bandwidth!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        clone(GIVEN).set_params(bandwidth=bandwidth).fit(graph_of(samples()))


# Other samples
# -------------


def test_another_graph_among_new_samples_is_scored():
    X, Y = samples(), samples(90, seed=1)
    for bandwidth in (0.8, "knn"):
        params = {"bandwidth": bandwidth}
        expected = clone(SEARCHED).set_params(**params).fit(X).score(Y)
        given = clone(GIVEN).set_params(**params).fit(graph_of(X))
        assert given.score(graph_of(Y)) == pytest.approx(expected, abs=1e-12)
    given = clone(GIVEN).fit(graph_of(X))
    alone = clone(GIVEN).fit(graph_of(Y)).entropy_
    assert given.score(graph_of(Y)) == alone  # adaptive: its own


def normalised(B):
    """D_r^-½ K D_c^-½ with K = diag(B 1)^-½ B diag(Bᵀ 1)^-½."""
    for _ in range(2):
        sums = np.outer(B.sum(axis=1), np.maximum(B.sum(axis=0), 1e-300))
        B = B / np.sqrt(sums)
    return B


def test_new_samples_by_their_distances_to_the_fitted_ones():
    # By hand: B_ij = exp(-d²/(2 σ_i σ_j)) on the edges, and its singular values.
    X, Y = samples(), samples(70, seed=1)
    knn = KNeighborsTransformer(n_neighbors=15).fit(X)
    dse = clone(GIVEN).fit(knn.transform(X))
    D = pairwise_distances(Y, X)
    order = np.argsort(D, axis=1)[:, :15]
    sigma = np.sort(D, axis=1)[:, 4]
    B = np.zeros_like(D)
    i = np.arange(70)[:, None]
    B[i, order] = np.exp(
        -(D[i, order] ** 2) / (2 * sigma[:, None] * dse.bandwidth_[order])
    )
    p = np.linalg.svd(normalised(B), compute_uv=False)
    p = p[p > 1e-12] / p.sum()
    expected = -p @ np.log2(p)
    assert dse.score(knn.transform(Y)) == pytest.approx(expected, abs=1e-6)
    three = clone(dse).set_params(t=3).fit(knn.transform(X))
    p = p**3 / (p**3).sum()
    assert three.score(knn.transform(Y)) == pytest.approx(-p @ np.log2(p), abs=1e-6)


def test_a_fitted_sample_is_not_its_own_neighbor():
    X = samples()
    knn = KNeighborsTransformer(n_neighbors=15).fit(X)
    dse = clone(GIVEN).fit(knn.transform(X))
    rows = np.arange(0, 200, 4)
    # One neighbour more than of new samples, which are at no distance 0 to any: B has
    # the 15 edges of the fitted sample and its own, at its own σ.
    graph = knn.transform(X[rows])
    sigma = dse.bandwidth_
    B = graph.toarray()
    B[B > 0] = np.exp(-(B**2) / (2 * np.outer(sigma[rows], sigma)))[B > 0]
    B[np.arange(50), rows] = 1
    assert (B > 0).sum() == 50 * 16
    through = np.linalg.svd(normalised(B), compute_uv=False)
    p = through[through > 1e-12] / through.sum()
    assert dse.score(graph) == pytest.approx(-p @ np.log2(p), abs=1e-6)
    few = KNeighborsTransformer(n_neighbors=14).fit(X).transform(X[rows])
    message = "X, the distances to the fitted samples, has only 14 for sample 0"
    with pytest.raises(ValueError, match=message):
        dse.score(few)


def test_as_many_new_samples_as_fitted_ones():
    X, Y = samples(120), samples(120, seed=1)
    knn = KNeighborsTransformer(n_neighbors=15).fit(X)
    dse = clone(GIVEN).fit(knn.transform(X))
    to_fitted, among = knn.transform(Y), graph_of(Y)
    halves = [dse.score(to_fitted[:60]), dse.score(to_fitted[60:])]
    assert max(halves) < dse.score(to_fitted) < 1 + min(halves) + 0.2
    assert dse.score(among) == clone(GIVEN).fit(among).entropy_


# In scikit-learn
# ---------------


def test_tags():
    for estimator in (GIVEN, DiffusionSpectralMI(GIVEN)):
        tags = get_tags(estimator).input_tags
        assert tags.pairwise
        assert tags.sparse
        assert tags.positive_only
    assert not get_tags(SEARCHED).input_tags.pairwise
    assert not get_tags(DiffusionSpectralMI(SEARCHED)).input_tags.sparse


def test_at_the_end_of_a_pipeline_with_a_cache(tmp_path):
    X, y = samples(), np.arange(200) % 4
    knn = KNeighborsTransformer(n_neighbors=20)
    for k in (10, 20):
        expected = clone(SEARCHED).set_params(n_neighbors=k).fit(X).entropy_
        dse = clone(GIVEN).set_params(n_neighbors=k)
        pipeline = make_pipeline(knn, dse, memory=str(tmp_path)).fit(X)
        assert pipeline[-1].entropy_ == pytest.approx(expected, abs=1e-12)
        assert pipeline.score(X) == pytest.approx(expected, abs=1e-12)
        assert np.isfinite(pipeline.score(samples(50, seed=1)))
        graph = pipeline.transform(X)
        assert graph.shape == (200, 200)
        dsmi = DiffusionSpectralMI(dse, random_state=0)
        pipeline = make_pipeline(knn, dsmi, memory=str(tmp_path)).fit(X, y)
        assert np.isfinite(pipeline.score(samples(50, seed=1), y[:50]))
    cached = list(tmp_path.rglob("output.pkl"))
    assert len(cached) == 2  # one search with labels and one without served all


def test_lists_of_pynndescent():
    pynndescent = pytest.importorskip("pynndescent")
    X = samples(300, 4)
    found = pynndescent.NNDescent(X, n_neighbors=16, random_state=0).neighbor_graph
    expected = clone(SEARCHED).fit(X)
    given = clone(GIVEN).fit(as_csr(found[1], found[0]))
    assert given.entropy_ == pytest.approx(expected.entropy_, abs=0.02)
    assert np.median(given.bandwidth_ / expected.bandwidth_) == pytest.approx(1)


def test_lists_of_faiss():
    faiss = pytest.importorskip("faiss")
    X = samples(300, 4).astype(np.float32)
    index = faiss.IndexFlatL2(4)
    index.add(X)
    squares, indices = index.search(X, 16)
    expected = clone(SEARCHED).fit(X).entropy_
    graph = as_csr(np.sqrt(squares), indices)
    assert clone(GIVEN).fit(graph).entropy_ == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("max_samples", [60, 0.5])
def test_a_subsample_has_the_edges_within_it(max_samples):
    X = samples()
    graph = graph_of(X, 40)
    dse = clone(GIVEN).set_params(max_samples=max_samples, n_repeats=3, random_state=0)
    found = dse.fit(graph)
    # By hand: the weights of the whole graph, of the rows that are drawn.
    whole = clone(SEARCHED).fit(X)
    d, i = NearestNeighbors(n_neighbors=15).fit(X).kneighbors()
    sigma = whole.bandwidth_
    W = np.eye(200)
    np.put_along_axis(W, i, np.exp(-(d**2) / (2 * sigma[:, None] * sigma[i])), axis=1)
    W = np.maximum(W, W.T)
    n = 60 if max_samples == 60 else 100
    precomputed = clone(dse).set_params(affinity="precomputed", random_state=0)
    assert precomputed.fit(W).spectrum_.n_samples == n
    assert found.entropy_ == pytest.approx(precomputed.entropy_, abs=1e-9)
    assert 0 < found.score(graph) <= np.log2(n)
