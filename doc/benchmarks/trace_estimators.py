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

from skdse import DiffusionSpectralEntropy
from skdse._spectra.diffusion import diffusion_operator
from skdse._spectra.lanczos.density import _linearised, _powers
from skdse._spectra.lanczos.krylov import start, step
from skdse._spectra.lanczos.quadrature import n_converged, ritz_pairs

AFFINITIES = {"Gaussian": "gaussian", "kNN graph": "nearest_neighbors"}
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
        dse = DiffusionSpectralEntropy(affinity=affinity, eigen_solver="dense").fit(X)
        G = dse._affinity(X, dse.bandwidth_, 0, "dense")
        operator = diffusion_operator(G, dse.alpha)
        pairs = np.linalg.eigh(operator.toarray())
        for t in (1, 2, 5, 20):
            errors = np.array(
                [compare(operator, pairs, t, seed) for seed in range(N_SEEDS)]
            )
            rms = np.sqrt(np.square(errors).mean(axis=0))
            rows.append((name, t, *(f"{x:.1e}".replace("e-0", "e-") for x in rms)))
            print(*rows[-1], flush=True)
    path = Path(__file__).with_suffix(".csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def compare(operator, pairs, t, seed):
    """Errors of the estimators with one seed; pairs are all eigenpairs, ascending."""
    rng = np.random.default_rng(seed)
    eigenvalues, V = pairs
    h, f = _powers(eigenvalues, t)
    g = _linearised(t, h.sum(), f.sum())(eigenvalues)
    # The leading pair is known to all.
    rest, g, V = eigenvalues[:-1], g[:-1], V[:, :-1]
    residual = _less_moments(rest, g)
    plain = (V * g) @ V.T
    reduced = (V * residual) @ V.T
    n, b = len(V), N_PRODUCTS
    probes = _project(np.linalg.qr(rng.normal(size=(n, b)))[0], operator)
    return (
        _hutchinson(plain, probes, len(g)) - g.sum(),
        _hutch_plus_plus(plain, rng, b) - g.sum(),
        _xtrace(plain, rng, b) - g.sum(),
        _hutchinson(reduced, probes, len(g)) - residual.sum(),
        _hutch_plus_plus(reduced, rng, b) - residual.sum(),
        _xtrace(reduced, rng, b) - residual.sum(),
        _deflated(operator, t, rest, V, g, rng, b),
    )


def _project(Q, operator):
    leading = operator.leading_vector[:, None]
    return np.linalg.qr(Q - leading @ (leading.T @ Q))[0]


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


def _deflated(operator, t, rest, V, g, rng, b):
    """Error of probes whose own Krylov space gives the eigenvectors to deflate."""
    n = operator.n_samples
    leading = operator.leading_vector.astype(np.float32)[:, None]
    krylov = start(n, b, leading, leading, rng)
    probes = krylov.basis[:, :b].astype(float)
    for _ in range(N_STEPS):
        krylov = step(krylov, operator.matmat)
    k = n_converged(ritz_pairs(krylov), b, n)
    order = np.argsort(-np.abs(rest))[k:]
    x, V, g = rest[order], V[:, order], g[order]
    residual = _less_moments(x, g)
    seen = np.square(V.T @ probes).sum(axis=0)
    inside = np.square(V.T @ probes) / seen.mean()
    return len(x) / b * (residual @ inside.sum(axis=1)) - residual.sum()


if __name__ == "__main__":
    main()
