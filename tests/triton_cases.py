"""Cases for products by the kernel of Triton, wherever it runs."""

import numpy as np
import pytest

from skdse._spectra.bandwidth import Bandwidth
from skdse._spectra.gibbs import gaussian_entries

torch = pytest.importorskip("torch")

KINDS = ("one", "reduced", "squared", "reduced squared", "adaptive squared", "gibbs")
# Rounding of exponents and of sums, in units of sums without signs.
TOLERANCE = 3e-6


def case(kind, n, d, device="cpu"):
    """Entries of samples in a tensor, and the affinity from float64 distances."""
    rng = np.random.default_rng(n + d)
    X = rng.normal(3, 1, size=(n, d)).astype(np.float32)
    X[1] = X[0]
    Z = X.astype(np.float64) - 3
    squares = np.square(Z).sum(axis=1)
    D2 = np.maximum(squares[:, None] + squares - 2 * Z @ Z.T, 0)
    np.fill_diagonal(D2, 0)
    size, local = np.sqrt(2 * d), rng.uniform(0.4, 1.2, n)
    metric, shared = "euclidean", 0.0
    if kind in ("one", "reduced"):
        sigma, shared = size / 2, size / 3 if kind == "reduced" else 0.0
        G = np.exp(-np.maximum(D2 - shared**2, 0) / (2 * sigma**2))
    elif kind == "gibbs":
        sigma = size * local
        both = sigma[:, None] ** 2 + sigma**2
        G = (2 * np.outer(sigma, sigma) / both) ** 4 * np.exp(-D2 / both)
    else:
        metric = "sqeuclidean"
        sigma = d * local if kind == "adaptive squared" else float(d)
        shared = float(d) if kind == "reduced squared" else 0.0
        exponents = -np.maximum(D2**2 - shared**2, 0)
        G = np.exp(exponents / (2 * sigma * np.reshape(sigma, (-1, 1))))
    bandwidth = Bandwidth(sigma, shared=shared)
    X = torch.from_numpy(X).to(device)
    return gaussian_entries(X, bandwidth, metric, np.float32), G


def check(found, G, V):
    """Check a product with G against that of float64."""
    assert found.shape == V.shape
    found = found.cpu().numpy() if isinstance(found, torch.Tensor) else found
    bound = TOLERANCE * (G @ np.abs(V))
    assert (np.abs(found - G @ V) <= bound).all()


def check_products(tiles, G, n_columns, in_all_ways=True):
    """Check products of tiles, and those of their squares."""
    n, rng = len(G), np.random.default_rng(0)
    V = rng.normal(size=(n, n_columns)).astype(np.float32)
    V, v = V.astype(np.float64), rng.normal(size=n)
    V32 = tiles.block(V.astype(np.float32))
    product, squares = tiles.matmat_and_squares(V32, v)
    check(product, G, V)
    check(squares, G**2, v)
    if not in_all_ways:
        return
    assert torch.equal(tiles.matmat(V32), product)
    check(tiles.matmat(V32[:, 0]), G, V[:, 0])
    # A view of a larger block, as the basis of Lanczos has them.
    check(tiles.matmat(torch.cat([V32, V32], 1)[:, n_columns:]), G, V)
    check(tiles.matvec(v), G, v)
    check(tiles.squares_matvec(v), G**2, v)
    m = n - 7
    check(tiles.head(m).matmat(V32[:m]), G[:m, :m], V[:m])
