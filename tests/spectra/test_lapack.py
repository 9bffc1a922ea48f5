"""LAPACK's eigenvalues of a band, called by way of its C interface."""

import threading
import time

import numpy as np
import pytest
from scipy.linalg import eig_banded

from skdse._spectra import lapack
from skdse._spectra.lapack import (
    are_callable,
    eigenvalues_by_tridiagonal,
    eigenvalues_of_band,
)


@pytest.mark.parametrize(("n", "width"), [(1, 0), (2, 1), (7, 2), (90, 64), (200, 20)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_the_routine_that_scipy_calls(n, width, dtype):
    band = np.random.default_rng(0).standard_normal((width + 1, n)).astype(dtype)
    expected = eig_banded(band.astype(np.float64), lower=True, eigvals_only=True)
    np.testing.assert_array_equal(eigenvalues_of_band(band), expected)


def test_eigenvalues_of_a_path_are_known():
    # The path of n vertices has the eigenvalues 2 cos(pi k / (n + 1)).
    n = 50
    band = np.vstack([np.zeros(n), np.ones(n)])
    expected = 2 * np.cos(np.pi * np.arange(n, 0, -1) / (n + 1))
    np.testing.assert_allclose(eigenvalues_of_band(band), expected, atol=1e-14)


@pytest.mark.parametrize(
    "call",
    [
        lambda rng: eigenvalues_of_band(rng.standard_normal((65, 1500))),
        lambda rng: eigenvalues_by_tridiagonal(
            rng.standard_normal((1500, 1500)).astype(np.float32)
        ),
    ],
)
def test_other_threads_run_meanwhile(call):
    thread = threading.Thread(target=call, args=(np.random.default_rng(0),))
    thread.start()
    n_turns = 0
    while thread.is_alive():
        time.sleep(1e-4)
        n_turns += 1
    # SciPy's own calls leave two or three turns, before them and after.
    assert n_turns > 20


@pytest.mark.parametrize("n", [1, 2, 5, 33, 700])
def test_tridiagonal_has_the_eigenvalues_to_the_rounding_of_float32(n):
    A = np.random.default_rng(0).standard_normal((n, n))
    A = ((A + A.T) / n**0.5).astype(np.float32)
    expected = np.linalg.eigvalsh(A.astype(np.float64))
    # What is above the diagonal is not looked at.
    lower = np.tril(A) + np.triu(np.full((n, n), np.nan, np.float32), 1)
    found = eigenvalues_by_tridiagonal(lower)
    bound = 8 * n**0.5 * np.finfo(np.float32).eps * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def test_other_integers_leave_the_work_to_scipy(monkeypatch):
    band = np.random.default_rng(0).standard_normal((3, 20))
    expected = eigenvalues_of_band(band)
    monkeypatch.setattr(lapack, "_routine", lambda name: None)
    assert not are_callable("ssytrd")
    np.testing.assert_array_equal(lapack.eigenvalues_of_band(band), expected)


def test_what_has_no_eigenvalues_is_an_error():
    with pytest.raises(np.linalg.LinAlgError, match="dsbevd"):
        eigenvalues_of_band(np.full((3, 20), np.nan))
    with pytest.raises(np.linalg.LinAlgError, match="dsterf"):
        eigenvalues_by_tridiagonal(np.full((20, 20), np.nan, np.float32))
