"""Samples in blocks: the same numbers as of one array, by workers in this process."""

import tracemalloc

import numpy as np
import pytest
from sklearn import get_config
from sklearn.metrics.pairwise import laplacian_kernel, rbf_kernel

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._measures import base
from skdse._spectra.affinity import Gaussian, Laplacian
from skdse._spectra.bandwidth import Bandwidth
from skdse._spectra.blocked import affinity, kernel, pairs, samples
from skdse._spectra.blocked.affinity import OnBlocks
from skdse._spectra.blocked.lists import distinct_rows_of
from skdse._spectra.distances import distinct_rows
from skdse._tools.cluster import shares
from skdse._tools.parallel import run_alone

da = pytest.importorskip("dask.array")


class Here:
    """Workers that are this process, and what they were asked for."""

    def __init__(self, memory=2**30):
        self.bytes = memory
        self.tasks = []

    def memory(self):
        return self.bytes

    def send(self, values):
        return list(values)

    def map(self, function, *columns):
        self.tasks += [function.__name__] * len(columns[0])
        tasks = zip(*columns, strict=True)
        return [run_alone(get_config(), function, *task) for task in tasks]

    def spread(self, function, sizes, *columns):
        assert len(sizes) == len(columns[0])
        return self.map(function, *columns)

    def compute(self, arrays):
        return [array.compute(scheduler="synchronous") for array in arrays]

    def results(self, futures, tell=None):
        return futures


@pytest.fixture
def here(monkeypatch):
    """Workers for arrays of Dask, with blocks of one tile."""
    here = Here()
    monkeypatch.setattr(samples, "LEAST_ROWS", 1024)
    for module in (samples, base):
        monkeypatch.setattr(
            module, "cluster_for", lambda X: here if hasattr(X, "dask") else None
        )
    return here


@pytest.fixture(scope="module")
def X():
    """Clusters of three blocks, with copies in different ones."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2500, 6)) + 4 * rng.integers(3, size=(2500, 1))
    X[2100:2120] = X[:20]
    return X


def in_dask(X, chunks=(700, 4)):
    return da.from_array(X, chunks=chunks)


# The affinity
# ------------


def matrix(X, here, one=None, sigma=2.0):
    one = Gaussian() if one is None else one
    blocks = samples.BlockedSamples(in_dask(X), here)
    return kernel.BlockedKernel(blocks, one, Bandwidth(sigma))


@pytest.mark.parametrize("room", [0.0, 0.1, 1.0])
@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (Gaussian(), lambda X: rbf_kernel(X, gamma=1 / 8)),
        (Laplacian(), lambda X: laplacian_kernel(X, gamma=1 / 2)),
    ],
)
def test_products_are_those_of_the_dense_affinity(X, here, one, expected, room):
    here.bytes = room * 6 * 4 * 1024**2 / kernel.KEPT_SHARE + 1
    G, dense = matrix(X, here, one), expected(X)
    V = np.random.default_rng(1).normal(size=(2500, 3)).astype(np.float32)
    product, squares = G.matmat_and_squares(V, V[:, 0])
    scale = np.abs(dense).sum(axis=1).max()
    np.testing.assert_allclose(product, dense @ V, atol=1e-6 * scale)
    np.testing.assert_allclose(squares, dense**2 @ V[:, 0], atol=1e-6 * scale)
    np.testing.assert_allclose(G.matvec(V[:, 1]), dense @ V[:, 1], atol=1e-6 * scale)
    assert G.squares_matvec(V[:, 0]) == pytest.approx(squares, rel=1e-5, abs=1e-3)
    # Of six pairs of blocks, three of a block by itself.
    assert G.n_kept == {0.0: 0, 0.1: 0, 1.0: 6}[room]
    assert G.fixed_columns == 24 + round((1 - G.n_kept / 6) * (one.cost * 26 // 2))


# A narrow bandwidth has all exponents in float64.
@pytest.mark.parametrize("least", [1.0, 0.01])
def test_bits_do_not_hang_on_what_is_kept(X, here, least):
    V = np.random.default_rng(1).normal(size=(2500, 3)).astype(np.float32)
    sigma = np.random.default_rng(2).uniform(1, 3, 2500)
    sigma[::1000] = least
    here.bytes = 2**30
    kept = matrix(X, here, sigma=sigma).matmat(V)
    here.bytes = 2.5 * 4 * 1024**2 / kernel.KEPT_SHARE
    some = matrix(X, here, sigma=sigma)
    np.testing.assert_array_equal(some.matmat(V), kept)
    assert 0 < some.n_kept < 6
    assert {"products", "products_of_kept", "kept_entries"} <= set(here.tasks)


def test_bits_do_not_hang_on_where_a_matrix_lies():
    # A worker gets arrays at any address; gemv of OpenBLAS looks at it.
    rng = np.random.default_rng(0)
    G = rng.random((1024, 1024), dtype=np.float32)
    v, w = (rng.random((1024, 1), dtype=np.float32) for _ in range(2))
    found = []
    for offset in range(0, 64, 4):
        memory = np.empty(G.nbytes + 128, np.uint8)
        start = -memory.ctypes.data % 64 + offset
        moved = memory[start : start + G.nbytes].view(np.float32).reshape(G.shape)
        moved[...] = G
        found.append(np.concatenate(pairs.products_of_kept(moved[None], [v], [w])))
    for one in found[1:]:
        np.testing.assert_array_equal(one, found[0])


def taken(function, *arguments):
    """What a function returns, and bytes that it had beside that at the most."""
    tracemalloc.start()
    try:
        found = function(*arguments)
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_tiles_are_written_where_they_are_kept():
    # Workers of Dask ask the system for any memory anew, which takes long.
    X = np.random.default_rng(0).normal(size=(4096, 6)).astype(np.float32)
    one = Gaussian(), X[:2048], X[2048:], Bandwidth(2.0), Bandwidth(2.0)
    G, n_bytes = taken(pairs.kept_entries, *one)
    assert n_bytes < G.nbytes + G[0].nbytes / 2
    np.testing.assert_allclose(G[1], rbf_kernel(X[:1024], X[3072:], 1 / 8), atol=1e-5)


def test_tiles_that_are_counted_share_their_memory():
    X = np.random.default_rng(0).normal(size=(4096, 6)).astype(np.float32)
    ends = Bandwidth(2.0).frame, -1.51, -1.5
    found, n_bytes = taken(pairs.counted_exponents, X[:2048], X[2048:], 2.0, *ends)
    exponents = np.log(rbf_kernel(X[:2048].astype(float), X[2048:], 1 / 8))
    assert abs(found[0] - np.sum(exponents < -1.51)) < 10
    assert n_bytes < 1.25 * 4 * 1024**2


def test_shares_are_alike():
    sizes = [4, 4, 4, 4, 4, 4, 2, 2, 2, 2]
    found = shares(sizes, 2)
    assert [sum(sizes[i] for i in one) for one in found] == [16, 16]
    assert sorted(found[0] + found[1]) == list(range(10))
    assert shares([1], 3) == [[0], [], []]


def test_blocks_are_whole_tiles_and_not_too_many():
    for n in (3000, 20_000, 350_000, 10_000_000):
        rows = samples.block_rows(n)
        assert rows % 1024 == 0
        assert -(-n // rows) <= samples.MOST_BLOCKS
    assert samples.block_rows(20_000) == 5120


# Bandwidths and neighbours
# -------------------------


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"metric": "sqeuclidean"},
        {"metric": "manhattan"},
        {"affinity": "laplacian"},
        {"bandwidth": "knn"},
        {"bandwidth": "adaptive"},
        {"bandwidth": "reduced"},
        {"affinity": "nearest_neighbors"},
    ],
    ids=str,
)
def test_bandwidth_is_that_of_one_array(X, here, params):
    dse = DiffusionSpectralEntropy(tol=0.02, random_state=0, **params)
    expected = dse.fit(X).bandwidth_
    np.testing.assert_allclose(dse.fit(in_dask(X)).bandwidth_, expected, rtol=1e-10)


# Far from the origin, and in a unit in which float32 has no room for squares.
@pytest.mark.parametrize(("place", "unit"), [(1e5, 1.0), (0.0, 1e30)])
def test_frames_are_those_of_one_array(X, here, place, unit):
    X = unit * (X + place)
    dse = DiffusionSpectralEntropy(tol=0.02, random_state=0)
    expected, found = dse.fit(X).scale_, dse.fit(in_dask(X)).scale_
    assert found.bandwidth.frame.exponent == expected.bandwidth.frame.exponent
    assert (found.bandwidth.frame.center is None) == (place == 0)
    assert found.bandwidth.sigma == pytest.approx(expected.bandwidth.sigma, rel=1e-9)


def test_median_is_that_of_float32_bits(X, here):
    X = X.astype(np.float32)
    dse = DiffusionSpectralEntropy(tol=0.02, random_state=0)
    assert dse.fit(X).bandwidth_ == dse.fit(in_dask(X)).bandwidth_


def test_sampled_median_is_that_of_one_array(X, here, monkeypatch):
    from skdse._spectra import medians

    for name, value in (("WORK", 0.0), ("MANY_PAIRS", 30_000), ("SAMPLED_NUMBERS", 1)):
        monkeypatch.setattr(medians, name, value)
    dse = DiffusionSpectralEntropy(tol=0.02, random_state=0)
    expected = dse.fit(X)
    values = expected.bandwidth_, expected.scale_.bandwidth.log_error
    assert values[1] > 0
    found = dse.fit(in_dask(X))
    assert (found.bandwidth_, found.scale_.bandwidth.log_error) == values
    assert "counted_exponents" not in here.tasks


def test_copies_of_most_samples(here):
    # The median distance is 0, and each neighbour a copy.
    X = np.zeros((2400, 2))
    X[::10] = np.arange(240)[:, None]
    for bandwidth in ("median", "adaptive"):
        dse = DiffusionSpectralEntropy(bandwidth=bandwidth, tol=0.02, random_state=0)
        expected = dse.fit(X).bandwidth_
        np.testing.assert_array_equal(dse.fit(in_dask(X)).bandwidth_, expected)


def test_identical_samples_have_no_entropy(here):
    dse = DiffusionSpectralEntropy().fit(in_dask(np.ones((2100, 3))))
    assert dse.entropy_ == 0


@pytest.mark.parametrize("collide", [False, True])
def test_distinct_rows(X, here, monkeypatch, collide):
    if collide:
        codes = samples.row_codes
        monkeypatch.setattr(
            samples,
            "row_codes",
            lambda X, seed: codes(X, seed) % (3 if seed == 0 else 2**63),
        )
    found = distinct_rows_of(samples.BlockedSamples(in_dask(X), here))
    for one, expected in zip(found, distinct_rows(X), strict=True):
        np.testing.assert_array_equal(one, expected)


# The measures
# ------------


@pytest.mark.parametrize("params", [{}, {"bandwidth": "adaptive"}], ids=str)
def test_entropy_is_that_of_one_array(X, here, params):
    dse = DiffusionSpectralEntropy(tol=5e-3, random_state=0, **params)
    expected, of_some = dse.fit(X).entropy_, dse.score(X[:300])
    dse.fit(in_dask(X))
    # The sums of products are rounded in another order; of this the course of Lanczos
    # makes up to some hundredths of the error that it states.
    assert abs(dse.entropy_ - expected) <= 0.05 * dse.entropy_std_error_
    assert dse.score(in_dask(X)) == dse.entropy_
    assert dse.score(X[:300]) == pytest.approx(of_some, abs=1e-10)


def test_all_eigenvalues_have_the_same_bits(X, here):
    dse = DiffusionSpectralEntropy(eigen_solver="dense32", random_state=0)
    expected = dse.fit(X).entropy_
    assert dse.fit(in_dask(X)).entropy_ == expected


def test_graph_has_the_same_bits(X, here):
    dse = DiffusionSpectralEntropy(affinity="nearest_neighbors", tol=0.02)
    expected = dse.set_params(random_state=0).fit(X).entropy_
    assert dse.fit(in_dask(X)).entropy_ == expected


@pytest.mark.parametrize("name", ["gaussian", "nearest_neighbors"])
def test_mutual_information_has_the_same_bits(X, here, name):
    y = (X[:, 0] > 4).astype(int)
    dsmi = DiffusionSpectralMI(
        DiffusionSpectralEntropy(affinity=name, bandwidth="adaptive", tol=0.02),
        random_state=0,
        n_repeats=2,
    )
    expected = dsmi.fit(X, y).mutual_info_
    in_blocks = in_dask(X), da.from_array(y, chunks=300)
    assert dsmi.fit(*in_blocks).mutual_info_ == expected
    assert dsmi.score(*in_blocks) == expected


def test_large_sets_take_all_workers(X, here, monkeypatch):
    from skdse._measures import cluster_sets

    y = np.arange(len(X)) % 5 > 0
    dse = DiffusionSpectralEntropy(tol=0.02)
    dsmi = DiffusionSpectralMI(dse, random_state=0, n_repeats=2)
    expected = dsmi.fit(in_dask(X), y).group_entropies_
    for module in (affinity, cluster_sets):
        monkeypatch.setattr(module, "ALONE", 600)
    here.tasks = []
    dsmi.fit(in_dask(X), y)
    # One group has 500 samples, the other 2000; of the former's products none is here.
    assert {"products_of_kept", "entropies_of_pieces"} <= set(here.tasks)
    np.testing.assert_allclose(dsmi.group_entropies_, expected, atol=0.05)


def test_subsamples_are_those_of_one_array(X, here):
    dse = DiffusionSpectralEntropy(max_samples=400, n_repeats=2, random_state=0)
    assert dse.fit(in_dask(X)).entropy_ == dse.fit(X).entropy_


# Input
# -----


def test_few_samples_are_measured_here(X, here):
    dse = DiffusionSpectralEntropy(random_state=0)
    assert dse.fit(in_dask(X[:500])).entropy_ == dse.fit(X[:500]).entropy_
    assert here.tasks == []


def test_a_matched_time_is_found_here(X, here):
    params = {"affinity": "nearest_neighbors", "t": "matched", "random_state": 0}
    found = DiffusionSpectralEntropy(**params).fit(in_dask(X))
    expected = DiffusionSpectralEntropy(**params).fit(X)
    assert (found.t_, found.entropy_) == (expected.t_, expected.entropy_)
    assert here.tasks == []


def test_whole_numbers(X, here):
    X = np.round(10 * X).astype(int)
    dse = DiffusionSpectralEntropy(tol=0.02, random_state=0)
    assert dse.fit(in_dask(X)).bandwidth_ == dse.fit(X.astype(float)).bandwidth_


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "contains NaN"), (np.inf, "contains infinity")]
)
def test_samples_that_are_not_finite(X, here, value, words):
    X = X.copy()
    X[1800, 2] = value
    with pytest.raises(ValueError, match=words):
        DiffusionSpectralEntropy().fit(in_dask(X))


def test_shapes_and_types_that_are_refused(X, here):
    unknown = in_dask(X)
    unknown = unknown[unknown[:, 0] > 0]
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        DiffusionSpectralEntropy().fit(unknown)
    with pytest.raises(ValueError, match="n_samples, n_features"):
        DiffusionSpectralEntropy().fit(in_dask(X[:, 0], 700))
    with pytest.raises(ValueError, match="real numbers; got complex128"):
        DiffusionSpectralEntropy().fit(in_dask(X + 1j))
    with pytest.raises(ValueError, match="6 features"):
        DiffusionSpectralEntropy(tol=0.02).fit(in_dask(X)).score(in_dask(X[:, :5]))


def test_transform_computes_nothing(X, here):
    array = in_dask(X)
    dse = DiffusionSpectralEntropy(bandwidth=1.0, tol=0.02).fit(array)
    here.tasks = []
    assert dse.transform(array) is array
    assert here.tasks == []


def test_memory_of_this_process(X, monkeypatch):
    from skdse._tools import cluster

    monkeypatch.setattr(cluster, "available_memory", lambda: 1000)
    with pytest.raises(MemoryError, match=r"distributed.Client .*skdse\[dask\]"):
        DiffusionSpectralEntropy().fit(in_dask(X))


@pytest.mark.parametrize("rows", [slice(None, None, 400), [2000, 3, 1500, 3]])
def test_rows_come_in_the_order_asked_for(X, here, rows):
    blocks = samples.BlockedSamples(in_dask(X), here)
    np.testing.assert_array_equal(blocks[rows], X[rows])
    taken = OnBlocks(Gaussian()).take(blocks, np.arange(len(X))[rows])
    np.testing.assert_array_equal(taken, X[rows])
