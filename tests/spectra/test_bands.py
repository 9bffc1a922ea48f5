"""Eigenvalues by way of a band: LAPACK's one stage is the oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skdse import DiffusionSpectralEntropy
from skdse._spectra.bands import TILE_ROWS, WIDTH, eigenvalues_by_band


def _symmetric(n, seed=0, rank=None):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, n if rank is None else rank))
    return Z @ (Z * rng.normal(size=Z.shape[1])).T / Z.shape[1]


def _error(A, found):
    """Largest error in units of the spectral norm."""
    exact = np.linalg.eigvalsh(A.astype(float))
    return np.abs(found - exact).max() / max(np.abs(exact).max(), 1e-300)


@pytest.mark.parametrize("precision", [np.float64, np.float32])
@pytest.mark.parametrize(
    "n",
    [
        1,
        2,
        WIDTH - 1,
        WIDTH,
        WIDTH + 1,
        2 * WIDTH,
        2 * WIDTH + 1,
        TILE_ROWS + WIDTH,
        900,
    ],
)
def test_eigenvalues_are_those_of_one_stage(n, precision):
    A = _symmetric(n).astype(precision)
    # Roundings of both ways, which add up as a random walk of n steps does.
    bound = 8 * n**0.5 * np.finfo(precision).eps
    assert _error(A, eigenvalues_by_band(A.copy())) <= bound


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 10))
def test_low_rank_and_zeros(n, rank, seed):
    # Panels that are 0, in part or in whole, are not reflected.
    A = _symmetric(n, seed, rank)
    A[:, ::3] = A[::3] = 0
    assert _error(A, eigenvalues_by_band(A.copy())) <= 1e-13


def test_diagonal_matrix():
    # Nothing is to be reflected: the diagonal itself, to the last bit.
    values = np.linspace(-1, 1, 3 * WIDTH + 5)
    np.testing.assert_array_equal(eigenvalues_by_band(np.diag(values)), values)


def test_upper_triangle_is_not_looked_at():
    A = _symmetric(WIDTH + 20)
    lower = np.tril(A) + np.triu(np.full_like(A, np.nan), 1)
    assert _error(A, eigenvalues_by_band(lower)) <= 1e-14


def test_same_bits_with_any_number_of_threads():
    from threadpoolctl import threadpool_limits

    A = _symmetric(TILE_ROWS + 100).astype(np.float32)
    both = eigenvalues_by_band(A.copy())
    with threadpool_limits(1):
        np.testing.assert_array_equal(eigenvalues_by_band(A.copy()), both)


@pytest.mark.parametrize(
    "params",
    [
        {"bandwidth": "adaptive", "metric": "sqeuclidean"},
        {"bandwidth": "reduced"},
        {"affinity": "nearest_neighbors"},
        {"metric": "cosine"},
        {},
    ],
)
@pytest.mark.parametrize("t", [1, 3, 200])
def test_float32_is_within_its_stated_error(params, t):
    rng = np.random.default_rng(0)
    X = 3 * rng.normal(size=(8, 12))[np.arange(700) % 8] + rng.normal(size=(700, 12))
    exact = DiffusionSpectralEntropy(eigen_solver="dense", t=t, **params).fit(X)
    single = DiffusionSpectralEntropy(eigen_solver="dense32", t=t, **params).fit(X)
    error = abs(single.entropy_ - exact.entropy_)
    assert error <= single.entropy_std_error_ + 2e-6
    assert 0 < single.entropy_std_error_ <= 1e-3
    assert not single.spectrum_.is_certified


def test_float32_says_that_eigenvalues_near_zero_are_unsure():
    # In one dimension a Gaussian has few eigenvalues above 1e-8. At t = 0.5 what is
    # left of the others decides, and float32 does not know it.
    X = np.random.default_rng(0).uniform(size=(600, 1))
    exact = DiffusionSpectralEntropy(eigen_solver="dense", t=0.5).fit(X)
    single = DiffusionSpectralEntropy(eigen_solver="dense32", t=0.5).fit(X)
    assert single.entropy_std_error_ >= 0.1
    assert abs(single.entropy_ - exact.entropy_) <= 2 * single.entropy_std_error_
