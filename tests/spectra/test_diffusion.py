"""α-normalisation and the diffusion operator."""

import numpy as np
import pytest
import scipy.sparse as sp
from affinities import gaussian_affinity, neighbors_affinity, operator_of

from skdse._spectra.diffusion import transition_matrix
from skdse._spectra.matrices import as_matrix

ALPHAS = [0.0, 0.3, 0.5, 1.0]


@pytest.fixture(params=["dense", "sparse", "float32"])
def G(request):
    X = np.random.default_rng(0).normal(size=(60, 3))
    if request.param == "sparse":
        return neighbors_affinity(X, 5, 0.7)
    G = gaussian_affinity(X, 0.7)
    return G.astype(np.float32) if request.param == "float32" else G


def dense(G):
    return np.asarray(G.toarray() if sp.issparse(G) else G, dtype=float)


def by_definition(G, alpha):
    """P and S, step by step as in the module's docstring."""
    G = dense(G)
    q = G.sum(axis=1)
    K = np.diag(q**-alpha) @ G @ np.diag(q**-alpha)
    D = K.sum(axis=1)
    return np.diag(1 / D) @ K, np.diag(D**-0.5) @ K @ np.diag(D**-0.5)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_operator_by_definition(G, alpha):
    S = by_definition(G, alpha)[1]
    operator = operator_of(G, alpha)
    rtol = 1e-6 if G.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(operator.toarray(), S, atol=rtol)
    V = np.random.default_rng(1).normal(size=(60, 4))
    np.testing.assert_allclose(operator.matmat(V), S @ V, atol=10 * rtol)
    np.testing.assert_allclose(operator.matmat(V[:, 0]), S @ V[:, 0], atol=10 * rtol)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_moments_are_those_of_the_eigenvalues(G, alpha):
    operator = operator_of(G, alpha)
    eigenvalues = np.linalg.eigvalsh(by_definition(G, alpha)[1])
    rtol = 1e-6 if G.dtype == np.float32 else 1e-12
    assert operator.trace == pytest.approx(eigenvalues.sum(), rel=rtol)
    assert operator.squared_norm == pytest.approx((eigenvalues**2).sum(), rel=rtol)
    assert operator.n_samples == 60


@pytest.mark.parametrize("alpha", ALPHAS)
def test_leading_vector_has_eigenvalue_one(G, alpha):
    operator = operator_of(G, alpha)
    v = operator.leading_vector
    rtol = 1e-6 if G.dtype == np.float32 else 1e-14
    np.testing.assert_allclose(operator.matmat(v), v, atol=rtol)
    assert np.linalg.norm(v) == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_transition_matrix_by_definition(G, alpha):
    P = transition_matrix(as_matrix(G), alpha)
    np.testing.assert_allclose(P, by_definition(G, alpha)[0], atol=1e-6)
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-6)


def test_toarray_leaves_the_affinity_alone(G):
    before = dense(G).copy()
    operator_of(G).toarray()[:] = 7
    np.testing.assert_array_equal(dense(G), before)


def test_alpha_one_takes_the_density_out():
    # Samples crowd where cos is negative: with α = 1 the leading eigenvalues are
    # those of even samples on the circle, with α = 0 they are not.
    def leading(angles, alpha):
        X = np.c_[np.cos(angles), np.sin(angles)]
        S = operator_of(gaussian_affinity(X, 0.1), alpha).toarray()
        return np.linalg.eigvalsh(S)[::-1][1:4]

    even = np.linspace(0, 2 * np.pi, 800, endpoint=False)
    crowded = even + 0.3 * np.sin(even)
    np.testing.assert_allclose(leading(crowded, 1.0), leading(even, 1.0), atol=2e-5)
    assert np.abs(leading(crowded, 0.0) - leading(even, 0.0)).max() > 9e-4
