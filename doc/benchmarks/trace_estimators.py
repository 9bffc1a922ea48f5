"""Compare estimators of tr g(S), the trace that the entropy is linearised to.

    python doc/benchmarks/trace_estimators.py

Each gets the same number of products with g(S), which costs a Lanczos run each, and the
same digits; g(S) is formed from all eigenvalues, so that only the sampling error is
left. Written to trace_estimators.csv is the root mean square error [bits] over seeds of

hutchinson  random orthogonal probes (Hutchinson; Haar)
hutch++     a third of the products finds a range, a third deflates it (Meyer 2021)
xtrace      half of them finds a range, each probe deflated by the range of the others
            (Epperly, Tropp and Webber 2024)
moments     probes, with n, tr S and tr S² as exact constraints (control variates)
moments++   hutch++ on what the constraints leave over
xmoments    xtrace on what the constraints leave over
deflated    probes and constraints, after the eigenvectors that block Lanczos of these
            same probes has found are taken out: no product is spent on a range
"""

import csv
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import NearestNeighbors

from skdse import DiffusionSpectralEntropy

N_SEEDS, N_PRODUCTS, N_STEPS = 30, 24, 12
NAMES = (
    "hutchinson",
    "hutch++",
    "xtrace",
    "moments",
    "moments++",
    "xmoments",
    "deflated",
)


def main():
    """Print and write one line a problem."""
    X = load_digits().data[:1200]
    rows = [("affinity", "t", *NAMES)]
    for name, affinity in AFFINITIES.items():
        S = diffusion_operator(affinity(X))
        pairs = np.linalg.eigh(S)
        for t in (1, 2, 5, 20):
            errors = np.array([compare(S, pairs, t, seed) for seed in range(N_SEEDS)])
            rms = np.sqrt(np.square(errors).mean(axis=0))
            rows.append((name, t, *(f"{x:.1e}".replace("e-0", "e-") for x in rms)))
            print(*rows[-1], flush=True)
    path = Path(__file__).with_suffix(".csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def gaussian(X):
    """Gaussian affinity at the default bandwidth."""
    sigma = DiffusionSpectralEntropy(eigen_solver="dense").fit(X).bandwidth_
    return rbf_kernel(X, gamma=0.5 / sigma**2)


def neighbors_graph(X, k=15, k_bandwidth=5):
    """Affinity of the kNN graph with its adaptive bandwidth, as an array."""
    distances, neighbors = NearestNeighbors(n_neighbors=k).fit(X).kneighbors()
    sigma = distances[:, k_bandwidth - 1]
    weights = np.exp(-(distances**2) / (2 * sigma[:, None] * sigma[neighbors]))
    G = np.eye(len(X))
    np.put_along_axis(G, neighbors, weights, axis=1)
    return np.maximum(G, G.T)


AFFINITIES = {"Gaussian": gaussian, "kNN graph": neighbors_graph}


def diffusion_operator(G, alpha=0.5):
    """S of an affinity, as the user guide defines it."""
    q = G.sum(axis=1)
    K = G / np.outer(q, q) ** alpha
    D = K.sum(axis=1)
    return K / np.sqrt(np.outer(D, D))


def compare(S, pairs, t, seed):
    """Errors of the estimators with one seed; pairs are all eigenpairs, ascending."""
    rng = np.random.default_rng(seed)
    eigenvalues, V = pairs
    g = linearised_entropy(eigenvalues, t)
    # The leading pair is known to all.
    leading = V[:, -1:]
    rest, g, V = eigenvalues[:-1], g[:-1], V[:, :-1]
    residual = _less_moments(rest, g)
    plain = (V * g) @ V.T
    reduced = (V * residual) @ V.T
    n, b = len(V), N_PRODUCTS
    probes = _orthonormal(rng.normal(size=(n, b)), leading)
    return (
        _hutchinson(plain, probes, len(g)) - g.sum(),
        _hutch_plus_plus(plain, rng, b) - g.sum(),
        _xtrace(plain, rng, b) - g.sum(),
        _hutchinson(reduced, probes, len(g)) - residual.sum(),
        _hutch_plus_plus(reduced, rng, b) - residual.sum(),
        _xtrace(reduced, rng, b) - residual.sum(),
        _deflated(S, probes, leading, rest, V, g),
    )


def linearised_entropy(eigenvalues, t):
    """g whose sum moves as the entropy log2 M + F / M does, in bits."""
    moduli = np.maximum(np.abs(eigenvalues), 1e-150)
    h = moduli**t
    f = -h * t * np.log2(moduli)
    M, F = h.sum(), f.sum()
    return (1 / np.log(2) - F / M) / M * h + f / M


def _orthonormal(W, *bases):
    """Orthonormal columns of W, orthogonal to bases."""
    for _ in range(2):  # the second pass removes what rounding leaves of the first
        for Q in bases:
            W = W - Q @ (Q.T @ W)
    return np.linalg.qr(W)[0]


def _less_moments(x, g):
    """g less its regression on 1, x, x²."""
    A = x[:, None] ** np.arange(3)
    return g - A @ np.linalg.lstsq(A, g, rcond=None)[0]


def _hutchinson(A, Q, n_rest):
    """Trace from orthonormal probes."""
    return n_rest / Q.shape[1] * np.einsum("ij,ij->", Q, A @ Q)


def _hutch_plus_plus(A, rng, products):
    """Trace from a third of the products each for range, deflation and probes."""
    n, k = len(A), products // 3
    Q = np.linalg.qr(A @ rng.normal(size=(n, k)))[0]
    Z = rng.normal(size=(n, k))
    Z -= Q @ (Q.T @ Z)
    return np.einsum("ij,ij->", Q, A @ Q) + np.einsum("ij,ij->", Z, A @ Z) / k


def _xtrace(A, rng, products):
    """Trace from half the products for a range, and half for what it deflates."""
    n, m = len(A), products // 2
    probes = rng.normal(size=(n, m))
    probes *= np.sqrt(n) / np.linalg.norm(probes, axis=0)
    return np.mean([_left_out(A, probes, i) for i in range(m)])


def _left_out(A, probes, i):
    """Trace on the range of the other probes, and what probe i sees of the rest."""
    n, m = probes.shape
    Q = np.linalg.qr(A @ np.delete(probes, i, axis=1))[0]
    z = probes[:, i] - Q @ (Q.T @ probes[:, i])
    rest = (n - m + 1) / (z @ z)
    return np.einsum("ij,ij->", Q, A @ Q) + rest * (z @ A @ z)


def _deflated(S, probes, leading, rest, V, g):
    """Error of probes whose own Krylov space gives the eigenvectors to deflate."""
    b = probes.shape[1]
    k = _n_converged(S, probes, leading)
    order = np.argsort(-np.abs(rest))[k:]
    x, V, g = rest[order], V[:, order], g[order]
    residual = _less_moments(x, g)
    seen = np.square(V.T @ probes).sum(axis=0)
    inside = np.square(V.T @ probes) / seen.mean()
    return len(x) / b * (residual @ inside.sum(axis=1)) - residual.sum()


def _n_converged(S, probes, leading):
    """Number of leading Ritz pairs of block Lanczos that are eigenpairs.

    Their angle to the eigenvectors, at most the residual over the distance to the next
    Ritz value, is below a tenth of sqrt(b / n), the size of their part of the probes.
    """
    n, b = probes.shape
    Q = probes
    for _ in range(N_STEPS - 1):
        Q = np.hstack([Q, _orthonormal(S @ Q[:, -b:], leading, Q)])
    values, U = np.linalg.eigh(Q.T @ S @ Q)
    order = np.argsort(-np.abs(values))
    values, U = values[order], Q @ U[:, order]
    residuals = np.linalg.norm(S @ U - U * values, axis=0)
    gaps = np.abs(values[:-1]) - np.abs(values[1:])
    good = residuals[:-1] <= 0.1 * np.sqrt(b / n) * gaps
    return np.argmin(good) if not good.all() else len(good)


if __name__ == "__main__":
    main()
