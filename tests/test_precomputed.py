"""Affinities of the user's own: the exact message, or the exact value."""

import re
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from messages import ISOLATED, exactly
from numpy.testing import assert_allclose
from sklearn.base import clone

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

PRECOMPUTED = DiffusionSpectralEntropy(affinity="precomputed")
BAD_AFFINITIES = [
    (
        np.ones((3, 4)),
        "{} must be a square matrix; got shape (3, 4).",
    ),
    (
        np.array([[1.0, 0.5], [0.25, 1.0]]),
        "{} must be symmetric; it differs from its transpose by up to 0.25. "
        "Symmetrise it, for instance with (A + A.T) / 2.",
    ),
    (
        np.array([[1.0, -0.5], [-0.5, 1.0]]),
        "Negative values in data: {} must have none; its smallest is -0.5.",
    ),
]


@pytest.mark.parametrize(("affinity", "message"), BAD_AFFINITIES)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_bad_precomputed_affinity_is_refused(affinity, message, container):
    message = message.format("X, the precomputed affinity,")
    with pytest.raises(ValueError, match=exactly(message)):
        clone(PRECOMPUTED).fit(container(affinity))
    dsmi = DiffusionSpectralMI(PRECOMPUTED)
    with pytest.raises(ValueError, match=exactly(message)):
        dsmi.fit(container(affinity), np.zeros(len(affinity)))


@pytest.mark.parametrize(("affinity", "message"), BAD_AFFINITIES)
def test_bad_affinity_of_a_callable_is_refused(affinity, message):
    message = message.format("the result of the affinity callable")
    dse = DiffusionSpectralEntropy(affinity=lambda X: affinity)
    with pytest.raises(ValueError, match=exactly(message)):
        dse.fit(np.arange(len(affinity))[:, None])


def test_callable_must_return_an_affinity_of_all_samples(X):
    dse = DiffusionSpectralEntropy(affinity=lambda X: np.eye(4))
    message = (
        "the result of the affinity callable must have shape (30, 30); got (4, 4)."
    )
    with pytest.raises(ValueError, match=exactly(message)):
        dse.fit(X)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csr_matrix])
def test_zero_row_of_an_affinity_is_an_isolated_sample(container):
    # Two samples with P = [[2, 1], [1, 2]] / 3, so λ = 1 and 1/3; and one alone, λ = 1.
    G = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.0]])
    given = container(G)
    dse = clone(PRECOMPUTED).fit(given)
    assert_allclose(dse.eigenvalues_, [1, 1, 1 / 3], rtol=1e-12)
    p = np.array([3, 3, 1]) / 7
    assert dse.entropy_ == pytest.approx(-p @ np.log2(p))
    assert given[2, 2] == 0  # the caller's matrix stays


@pytest.mark.parametrize("n", [2, 5])
def test_precomputed_affinity_of_other_samples_is_scored(n):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=re.escape(ISOLATED))
        dse = clone(PRECOMPUTED).fit(np.eye(4))
        assert dse.score(np.eye(n)) == pytest.approx(np.log2(n))


@pytest.mark.filterwarnings("ignore:Most groups have so few samples")
@pytest.mark.filterwarnings("ignore:56% of the samples have no edge of the graph")
@pytest.mark.parametrize("container", [np.array, sp.csr_array])
def test_subset_of_a_graph_may_have_isolated_samples(container):
    # A star of leaves without edges among them, and of four that have all: there
    # P = (J - I) / 3, so λ = 1 and three times -1/3.
    G = np.zeros((9, 9))
    G[0, 1:] = G[1:, 0] = 1
    G[5:, 5:] = 1 - np.eye(4)
    y = [0, 1, 1, 1, 1, 2, 2, 2, 2]
    dsmi = DiffusionSpectralMI(PRECOMPUTED, random_state=0).fit(container(G), y)
    expected = [0, 2, 0.5 + 0.5 * np.log2(6)]
    assert_allclose(dsmi.group_entropies_, expected, atol=1e-12)
    assert np.isfinite(dsmi.mutual_info_)


def test_subsample_of_a_precomputed_affinity_takes_rows_and_columns(X):
    G = np.exp(-(np.linalg.norm(X[:, None] - X, axis=2) ** 2) / 2)
    options = {"max_samples": 12, "random_state": 0}
    whole = DiffusionSpectralEntropy(bandwidth=1.0, **options).fit(X)
    dse = clone(PRECOMPUTED).set_params(**options)
    for given in (G, sp.csr_array(G)):
        assert dse.fit(given).entropy_ == pytest.approx(whole.entropy_, rel=1e-9)


# Scale and rounding
# ------------------


def given_affinity(n, dtype=float):
    X = np.random.default_rng(0).normal(size=(n, 3))
    G = np.exp(-(np.linalg.norm(X[:, None] - X, axis=2) ** 2)) * 0.7
    G[G < 1e-3] = 0
    return G.astype(dtype)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("solver", ["dense", "arpack", "lanczos"])
@pytest.mark.parametrize("factor", [1e-200, 1e-300, 1e-20, 3.0, 1e20, 1e300])
def test_scale_of_an_affinity_does_not_matter(factor, solver, container):
    G = given_affinity(150)
    dse = clone(PRECOMPUTED).set_params(eigen_solver=solver, random_state=0)
    expected = dse.fit(container(G)).entropy_  # a warning would be an error
    tol = 4 * dse.entropy_std_error_ if solver == "lanczos" else 0
    given = container(factor * G)
    before = given.copy()
    found = clone(dse).fit(given)
    assert found.entropy_ == pytest.approx(expected, rel=1e-9, abs=tol)
    assert found.score(given) == found.entropy_
    assert abs(given - before).max() == 0
    assert dse.fit(container(G * 2.0**40)).entropy_ == expected  # to the last bit
    y = np.arange(150) % 2
    dsmi = DiffusionSpectralMI(clone(dse), random_state=0)
    expected = clone(dsmi).fit(container(G), y).mutual_info_
    tol = 1e-2 if solver == "lanczos" else 1e-9
    assert dsmi.fit(given, y).mutual_info_ == pytest.approx(expected, abs=tol)


@pytest.mark.parametrize("factor", [1e-30, 1e-20, 1e30])
@pytest.mark.parametrize("solver", ["dense", "lanczos"])
def test_scale_of_an_affinity_in_float32_does_not_matter(factor, solver):
    dse = clone(PRECOMPUTED).set_params(eigen_solver=solver, random_state=0)
    expected = clone(dse).fit(given_affinity(150, np.float32)).entropy_
    found = dse.fit(given_affinity(150) * factor).entropy_
    assert found == pytest.approx(expected, abs=1e-4 if solver == "dense" else 4e-3)
    found = dse.fit((given_affinity(150) * factor).astype(np.float32)).entropy_
    assert found == pytest.approx(expected, abs=1e-4 if solver == "dense" else 4e-3)


@pytest.mark.parametrize("factor", [1e-200, 1e200])
@pytest.mark.parametrize("solver", ["dense", "arpack", "lanczos"])
def test_scale_of_the_affinity_of_a_callable_does_not_matter(factor, solver, X):
    def affinity(X):
        return np.exp(-(np.linalg.norm(X[:, None] - X, axis=2) ** 2))

    options = {"eigen_solver": solver, "random_state": 0}
    plain = DiffusionSpectralEntropy(affinity=affinity, **options).fit(X)
    scaled = DiffusionSpectralEntropy(
        affinity=lambda X: factor * affinity(X), **options
    ).fit(X)
    assert scaled.entropy_ == pytest.approx(plain.entropy_, abs=1e-3)


@pytest.mark.parametrize("factor", [1e-200, 1.0, 1e200])
def test_zero_row_is_isolated_at_any_scale(factor):
    G = factor * np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.0]])
    dse = clone(PRECOMPUTED).fit(G)
    assert_allclose(dse.eigenvalues_, [1, 1, 1 / 3], rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [1e-20, 1.0, 1e20])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_negative_rounding_counts_as_zero(container, factor, dtype):
    G = given_affinity(60, dtype)
    i, j = np.argwhere(G == 0)[0]
    expected = clone(PRECOMPUTED).fit(G).entropy_
    for rounding in (-1e-17, -0.6e-12):  # the largest entry is 0.7
        G[i, j] = G[j, i] = rounding
        given = container(factor * G).astype(dtype)
        found = clone(PRECOMPUTED).fit(given).entropy_
        assert found == pytest.approx(expected, rel=1e-6)
        assert given[i, j] < 0  # the caller's matrix stays
    G[i, j] = G[j, i] = -0.8e-12
    with pytest.raises(ValueError, match="Negative values in data"):
        clone(PRECOMPUTED).fit(container(factor * G))


def test_negative_affinities_without_positive_ones_are_refused():
    with pytest.raises(ValueError, match="its smallest is -1e-30"):
        clone(PRECOMPUTED).fit(np.full((3, 3), -1e-30))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("exponent", [-900, -7, -2, -1, 1, 2, 3, 900])
def test_power_of_two_keeps_every_bit(exponent, alpha):
    G = given_affinity(60)
    dse = clone(PRECOMPUTED).set_params(alpha=alpha)
    expected = dse.fit(G).eigenvalues_
    scaled = dse.fit(np.ldexp(G, exponent)).eigenvalues_
    if exponent % 2 == 0:
        np.testing.assert_array_equal(scaled, expected)
    assert_allclose(scaled, expected, atol=1e-14)
