"""Sparse matrices by blocks of rows: the same numbers, whatever the blocks."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from skdse._tools import sparse_rows
from skdse._tools.sparse_rows import (
    asymmetry,
    column_products,
    empty_rows,
    entry_blocks,
    product,
    without_duplicates,
)


@pytest.fixture(params=[1, 7, 64, 10**6])
def small_blocks(request, monkeypatch):
    monkeypatch.setattr(sparse_rows, "BLOCK_ENTRIES", request.param)
    monkeypatch.setattr(sparse_rows, "SEARCHED_ENTRIES", request.param)
    # Their defaults are taken when the function is made.
    defaults = (request.param,)
    monkeypatch.setattr(entry_blocks, "__defaults__", defaults)


@pytest.fixture
def graph(rng):
    """Symmetric, with rows of all lengths: none, a few, and one of all."""
    A = sp.random_array((60, 60), density=0.04, rng=rng, format="lil")
    A[5, :] = rng.uniform(size=60)
    A[[7, 59], :] = A[:, [7, 59]] = 0
    return sp.csr_array(A + A.T)


def test_blocks_hold_all_rows_once(graph, small_blocks):
    blocks = entry_blocks(graph)
    rows = np.concatenate([np.arange(60)[one] for one in blocks])
    assert_array_equal(rows, np.arange(60))
    assert all(one.stop > one.start for one in blocks)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_have_the_bits_of_the_whole(graph, small_blocks, rng, dtype):
    rounded = graph.astype(dtype)
    v, V = rng.normal(size=60), rng.normal(size=(60, 3)).astype(np.float32)
    assert_array_equal(product(graph, v, dtype), rounded @ v)
    assert_array_equal(product(graph, V, dtype), rounded @ V)
    squares = rounded.astype(np.float64).power(2)
    assert_array_equal(product(graph, v, dtype, squared=True), squares @ v)


def test_columns_have_the_bits_of_vectors(graph, small_blocks, rng):
    graph = graph.astype(np.float32)
    s = rng.uniform(size=60).astype(np.float32)
    V = rng.normal(size=(60, 3)).astype(np.float32)
    found, scaled = column_products(graph, V), column_products(graph, V, scale=s)
    for j in range(3):
        assert_array_equal(found[:, j], graph @ V[:, j].copy())
        assert_array_equal(scaled[:, j], s * (graph @ (s * V[:, j])))


@pytest.mark.parametrize("changed", [None, (0, 5), (5, 0), (59, 0), (7, 7), (30, 31)])
def test_asymmetry_is_that_of_the_difference(graph, small_blocks, changed):
    assert asymmetry(graph) == 0
    if changed:
        graph = graph.tolil()
        graph[changed] = 3.25 + graph[changed]
        graph = sp.csr_array(graph)
        assert asymmetry(graph) == abs(graph - graph.T).max()
        assert (asymmetry(graph) == 0) == (changed[0] == changed[1])


def test_asymmetry_of_a_matrix_without_entries():
    assert asymmetry(sp.csr_array((4, 4))) == 0


def test_rows_without_entries_are_found(graph, small_blocks):
    expected = np.flatnonzero(graph.toarray().sum(axis=1) == 0)
    assert {7, 59} <= set(expected)
    assert_array_equal(empty_rows(graph), expected)


def test_duplicates_are_added_up_in_a_copy():
    data, indices = np.array([1.0, 2.0, 4.0]), np.array([1, 0, 1])
    for array in (data, indices):
        array.flags.writeable = False
    G = sp.csr_array((data, indices, [0, 3, 3]), shape=(2, 2))
    found = without_duplicates(G)
    assert_array_equal(found.toarray(), [[2, 5], [0, 0]])
    assert_array_equal(data, [1, 2, 4])
    assert without_duplicates(found) is found
