"""Graphs and samples whose arrays lie in files: the same bits, and little memory."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI
from skdse._spectra import cell_search, kernels, matrices, neighbors
from skdse._spectra.affinities import make_affinity
from skdse._spectra.diffusion import diffusion_operator
from skdse._spectra.lanczos import course, krylov, plan, recurrence
from skdse._tools import sparse_rows

N = 3000


def lattice(n, reach=7, dtype=np.float32):
    """Ring of samples that see themselves and so many neighbours on either side."""
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / 4) ** 2)
    rows, columns = (
        np.repeat(np.arange(n), len(offsets)),
        offsets + np.arange(n)[:, None],
    )
    pairs = rows, (columns % n).ravel()
    return sp.csr_array((np.tile(weights, n).astype(dtype), pairs), shape=(n, n))


def in_files(G, folder):
    """G with the arrays of files, which nobody can write to."""
    parts = []
    for name in ("data", "indices", "indptr"):
        np.save(folder / f"{name}.npy", getattr(G, name))
        parts.append(np.load(folder / f"{name}.npy", mmap_mode="r"))
    return sp.csr_array(tuple(parts), shape=G.shape)


@pytest.fixture
def many_samples(monkeypatch):
    """Lanczos as with tens of millions of samples: four columns, small parts."""
    for room in (plan, course):
        monkeypatch.setattr(room, "BASIS_ELEMENTS", 0)
    monkeypatch.setattr(plan, "FIRST_ELEMENTS", 0)
    monkeypatch.setattr(plan, "RECURRENCE_ELEMENTS", 0)
    monkeypatch.setattr(matrices, "COPIED_ENTRIES", 0)
    monkeypatch.setattr(matrices, "CACHED_ELEMENTS", 0)
    for room in (krylov, recurrence):
        monkeypatch.setattr(room, "LARGE", 0)
        monkeypatch.setattr(room, "PART_ELEMENTS", 2**12)
    monkeypatch.setattr(sparse_rows.entry_blocks, "__defaults__", (2**12,))
    monkeypatch.setattr(sparse_rows, "SEARCHED_ENTRIES", 2**12)


def with_isolated(G):
    """G, of which some samples have no edges."""
    kept = sp.diags_array((np.arange(G.shape[0]) % 50 > 0).astype(G.dtype))
    G = sp.csr_array(kept @ G @ kept)
    G.eliminate_zeros()
    return G


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("isolates", [False, True])
@pytest.mark.parametrize("scale", [1, 100])
def test_graph_in_files_has_the_same_bits(dtype, isolates, scale, tmp_path):
    G = lattice(N, dtype=dtype) * dtype(scale)
    G = with_isolated(G) if isolates else G
    mapped = in_files(G, tmp_path)
    dse = DiffusionSpectralEntropy(affinity="precomputed", random_state=0, tol=0.01)
    expected = dse.fit(G).entropy_, dse.entropy_std_error_, dse.score(G)
    assert (dse.fit(mapped).entropy_, dse.entropy_std_error_) == expected[:2]
    assert dse.score(mapped) == expected[2]


def test_a_graph_that_is_not_copied_has_the_same_bits(monkeypatch):
    G = with_isolated(lattice(N, dtype=np.float64) ** 1.01)
    dse = DiffusionSpectralEntropy(affinity="precomputed", random_state=0, tol=0.01)
    expected = dse.fit(G).entropy_
    monkeypatch.setattr(matrices, "COPIED_ENTRIES", 0)
    monkeypatch.setattr(sparse_rows.entry_blocks, "__defaults__", (1000,))
    assert dse.fit(G).entropy_ == expected
    dense = dse.set_params(eigen_solver="dense").fit(G)
    assert abs(dense.entropy_ - expected) < 0.02


def test_mutual_information_of_a_graph_in_files(tmp_path):
    G, y = lattice(600), np.arange(600) // 200
    dse = DiffusionSpectralEntropy(affinity="precomputed", random_state=0)
    dsmi = DiffusionSpectralMI(dse, random_state=0)
    expected = dsmi.fit(G, y).mutual_info_
    assert dsmi.fit(in_files(G, tmp_path), y).mutual_info_ == expected


def test_unsorted_graph_in_files_is_left_as_it_is(tmp_path):
    G = lattice(300)
    parts = [a.reshape(300, -1)[:, ::-1].ravel() for a in (G.data, G.indices)]
    mapped = in_files(sp.csr_array((*parts, G.indptr), shape=G.shape), tmp_path)
    dse = DiffusionSpectralEntropy(affinity="precomputed")
    assert dse.fit(mapped).entropy_ == dse.fit(G).entropy_
    assert not mapped.has_sorted_indices


def test_graph_in_files_that_is_not_symmetric_is_refused(tmp_path):
    G = lattice(N)
    G[3, N - 2] = 0.5
    dse = DiffusionSpectralEntropy(affinity="precomputed")
    with pytest.raises(ValueError, match=r"symmetric; .* by up to 0\.[0-9]+\. Symm"):
        dse.fit(in_files(G, tmp_path))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_copy_of_the_graph_is_made(dtype, tmp_path, many_samples):
    n = 100_000
    mapped = in_files(lattice(n, dtype=dtype), tmp_path)
    dse = DiffusionSpectralEntropy(affinity="precomputed", random_state=0, tol=0.02)
    tracemalloc.start()
    try:
        meter = matrices.as_matrix(mapped, np.float32)
        diffusion_operator(meter).squared_norm  # noqa: B018
        _, peak_of_operator = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        dse.fit(mapped)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Vectors in float64, some at a time, and a few megabytes of work arrays: not the
    # 120 bytes a sample of the graph in float32.
    assert peak_of_operator < 48 * n + 2**20
    # The scaling and the leading vector, of which there is one in float32, too; four
    # columns in float32 of the last vectors, the next ones, and while they are made.
    # Before, of a basis of two blocks there are eight at most.
    assert peak < 110 * n + 2**21


@pytest.fixture
def many_points(monkeypatch):
    """Approximate search in few cells, as for millions of samples, in small blocks."""
    monkeypatch.setattr(neighbors, "TILED_WORK", 0)
    monkeypatch.setattr(kernels, "BLOCK_EDGES", 2**12)
    monkeypatch.setattr(cell_search, "ROWS", 512)


def test_samples_in_a_file_have_the_same_bits(tmp_path, rng, many_points):
    X = rng.normal(size=(3000, 10)).astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    dse = DiffusionSpectralEntropy(
        affinity="nearest_neighbors", random_state=0, tol=0.01
    )
    expected = dse.fit(X).entropy_
    assert dse.fit(mapped).entropy_ == expected


def test_samples_and_their_graph_take_little_memory(tmp_path, rng, many_points):
    n = 20_000
    np.save(tmp_path / "X.npy", rng.normal(size=(n, 12)).astype(np.float32))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    affinity = make_affinity("nearest_neighbors")
    bandwidth = affinity.fit(mapped, 0)
    _, indices = bandwidth.index.point_neighbors(15)
    assert indices.dtype == np.int32
    tracemalloc.start()
    try:
        G = affinity.matrix(mapped, bandwidth, "lanczos", 0).G
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert G.dtype == np.float32
    assert G.indices.dtype == np.int32
    # The graph, twice as much before it is known which edges both sides list, and rows,
    # columns and weights of half of them; all of it in 32 bits.
    assert peak < 3.3 * (G.data.nbytes + G.indices.nbytes)
