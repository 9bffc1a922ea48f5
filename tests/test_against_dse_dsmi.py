"""Tests against dse-dsmi 1.1, the package of the paper's authors.

What it computes was found by calling it. Its diffusion spectral entropy has the
eigenvalues of α = 0; its matrix-entry entropy those entries of α = ½.
"""

import importlib
import json
import random
import subprocess
import sys
import warnings
from collections import defaultdict
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from affinities import gaussian_affinity
from recording import recording_entropy, rows_of

import skdse
from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
    diffusion_spectral_entropy,
)
from skdse._spectra.diffusion import transition_matrix
from skdse._spectra.matrices import DenseMatrix

ATOL = 1e-9  # bits
# A fixed bandwidth saturates on most data, which the peer does not mention.
pytestmark = pytest.mark.filterwarnings("ignore:Every sample sees:UserWarning")


@pytest.fixture(scope="module")
def dse_dsmi():
    """Import the peer, which silences all warnings, and undo that."""
    with warnings.catch_warnings():
        return importlib.import_module("dse_dsmi")


@pytest.fixture(autouse=True)
def _random_state():
    """Undo what the peer does to Python's global random numbers."""
    state = random.getstate()
    yield
    random.setstate(state)


def _configurations(count, n_max=800):
    """Random shapes, bandwidths and times, the ends of their ranges among them."""
    ends = [
        (5, 1, 0.1, 1),
        (n_max, 300, 100.0, 20),
        (n_max, 1, 0.1, 2),
        (5, 300, 10.0, 1),
    ]
    lowest, highest = np.log([5, 1, 0.1, 1]), np.log([n_max, 300, 100, 20])
    draws = np.exp(np.random.RandomState(0).uniform(lowest, highest, size=(count, 4)))
    draws[: len(ends)] = ends
    return [
        (seed, round(n), round(d), sigma, round(t), ("float64", "float32")[seed % 2])
        for seed, (n, d, sigma, t) in enumerate(draws.tolist())
    ]


def _data(seed, n, d, sigma, dtype="float64"):
    """Correlated samples and the peer's view of their values.

    Their distances are one to ten times the bandwidth: neither all isolated nor all
    alike. The peer computes float32 data in float32 and is then off by up to
    6e-8 bits from what it answers to the same values in float64.
    """
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) / d
    X = (X * sigma * 10 ** rng.uniform(0, 1) + rng.standard_normal(d)).astype(dtype)
    return X, X.astype(np.float64)


# --- Entropies ----------------------------------------------------------------


@pytest.mark.parametrize("seed, n, d, sigma, t, dtype", _configurations(36))
def test_diffusion_spectral_entropy(dse_dsmi, seed, n, d, sigma, t, dtype):
    X, same = _data(seed, n, d, sigma, dtype)
    expected = dse_dsmi.diffusion_spectral_entropy(
        same, gaussian_kernel_sigma=sigma, t=t
    )
    entropy = diffusion_spectral_entropy(
        X, bandwidth=sigma, alpha=0, t=t, eigen_solver="dense"
    )
    assert abs(entropy - expected) <= ATOL


def test_configurations_are_not_saturated():
    # Parity where all answers are 0 or log2(n) would mean little.
    shares = []
    for seed, n, d, sigma, t, dtype in _configurations(36, n_max=200):
        X, _ = _data(seed, n, d, sigma, dtype)
        dse = DiffusionSpectralEntropy(bandwidth=sigma, alpha=0, t=t, normalize=True)
        shares.append(dse.fit(X).entropy_)
    assert np.mean((np.array(shares) > 0.01) & (np.array(shares) < 0.99)) > 0.6


def test_float32_data_are_computed_in_float64(dse_dsmi):
    X = np.random.RandomState(0).standard_normal((300, 30)).astype(np.float32)
    same = X.astype(np.float64)
    ours, theirs = (
        [diffusion_spectral_entropy(Z, bandwidth=5.0, alpha=0) for Z in (X, same)],
        [
            dse_dsmi.diffusion_spectral_entropy(Z, gaussian_kernel_sigma=5.0)
            for Z in (X, same)
        ],
    )
    assert abs(ours[0] - ours[1]) <= 1e-12
    assert abs(ours[0] - theirs[1]) <= 1e-12
    assert abs(theirs[0] - theirs[1]) > 1e-9


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_the_peers_operator_is_not_that_of_the_paper(dse_dsmi, alpha):
    # The paper defines α = ½. With the density far from constant that is not α = 0.
    rng = np.random.RandomState(0)
    X = rng.standard_normal((200, 2)) * np.exp(rng.standard_normal((200, 1)))
    theirs = dse_dsmi.diffusion_spectral_entropy(X, gaussian_kernel_sigma=1.0)
    graph = diffusion_spectral_entropy(X, bandwidth=1.0, alpha=0)
    density_normalised = diffusion_spectral_entropy(X, bandwidth=1.0, alpha=alpha)
    assert abs(graph - theirs) <= ATOL
    assert abs(density_normalised - theirs) > 0.01


@pytest.mark.parametrize("seed, n, d, sigma, t, dtype", _configurations(12))
def test_matrix_entry_entropy(dse_dsmi, seed, n, d, sigma, t, dtype):
    X, same = _data(seed, n, d, sigma, dtype)
    expected = dse_dsmi.diffusion_spectral_entropy(
        same, gaussian_kernel_sigma=sigma, matrix_entry_entropy=True
    )
    entropy = MatrixEntryEntropy(bandwidth=sigma).fit(X).entropy_
    # The peer adds the machine epsilon to every share p, even to the zeros.
    G = DenseMatrix(gaussian_affinity(same, sigma))
    p = transition_matrix(G, alpha=0.5) / n
    shifted = p + np.finfo(float).eps
    p = np.maximum(p, np.finfo(float).tiny)
    epsilon = (p * np.log2(p) - shifted * np.log2(shifted)).sum()
    assert 0 <= epsilon < 2e-14 * n**2
    assert abs(entropy + epsilon - expected) <= ATOL
    if n <= 200:
        assert abs(entropy - expected) <= ATOL


@pytest.mark.parametrize("n_bins", [2, 3, 5])
@pytest.mark.parametrize("n, d", [(5, 2), (60, 1), (200, 3), (800, 4), (100, 40)])
def test_shannon_entropy(dse_dsmi, n, d, n_bins):
    X, _ = _data(n + d, n, d, 1.0)
    expected = dse_dsmi.diffusion_spectral_entropy(
        X, classic_shannon_entropy=True, num_bins_per_dim=n_bins
    )
    for bin_range in ("each", "fitted"):  # of the fitted samples, the same
        entropy = ShannonEntropy(n_bins, bin_range=bin_range).fit(X).entropy_
        assert abs(entropy - expected) <= ATOL


@pytest.mark.parametrize("adjacency", ["gaussian", "anisotropic"])
@pytest.mark.parametrize("seed, n, d, sigma, t, dtype", _configurations(8, n_max=300))
def test_gaussian_adjacency(dse_dsmi, seed, n, d, sigma, t, dtype, adjacency):
    X, same = _data(seed, n, d, sigma, dtype)
    expected = dse_dsmi.adjacency_spectral_entropy(
        same, gaussian_kernel_sigma=sigma, anisotropic=adjacency == "anisotropic"
    )
    entropy = AdjacencySpectralEntropy(adjacency, bandwidth=sigma).fit(X).entropy_
    assert abs(entropy - expected) <= ATOL


@pytest.mark.parametrize(
    "n, d, knn", [(12, 2, 2), (60, 3, 5), (150, 30, 10), (400, 5, 20), (12, 2, 12)]
)
def test_nearest_neighbors_adjacency(dse_dsmi, n, d, knn):
    # The peer counts a sample among its own neighbours.
    X, _ = _data(n, n, d, 1.0)
    expected = dse_dsmi.adjacency_spectral_entropy(X, use_knn=True, knn=knn)
    entropy = AdjacencySpectralEntropy("nearest_neighbors", n_neighbors=knn - 1)
    # With all edges, zero eigenvalues of a matrix that need not be symmetric.
    assert abs(entropy.fit(X).entropy_ - expected) <= ATOL


# --- Mutual information -------------------------------------------------------

SIGMA = 1.5
VARIANTS = {
    "spectral": (
        DiffusionSpectralEntropy(bandwidth=SIGMA, alpha=0, eigen_solver="dense"),
        "diffusion",
        {},
    ),
    "spectral, t = 3": (
        DiffusionSpectralEntropy(bandwidth=SIGMA, alpha=0, t=3, eigen_solver="dense"),
        "diffusion",
        {"t": 3},
    ),
    "Shannon": (
        ShannonEntropy(bin_range="each"),
        "diffusion",
        {"classic_shannon_entropy": True},
    ),
    "Shannon, 4 bins": (
        ShannonEntropy(4, bin_range="each"),
        "diffusion",
        {"classic_shannon_entropy": True, "num_bins_per_dim": 4},
    ),
    "matrix entries": (
        MatrixEntryEntropy(bandwidth=SIGMA),
        "diffusion",
        {"matrix_entry_entropy": True},
    ),
    "adjacency": (
        AdjacencySpectralEntropy(bandwidth=SIGMA),
        "adjacency",
        {},
    ),
    "anisotropic adjacency": (
        AdjacencySpectralEntropy("anisotropic", bandwidth=SIGMA),
        "adjacency",
        {"anisotropic": True},
    ),
    "neighbours' adjacency": (
        AdjacencySpectralEntropy("nearest_neighbors", n_neighbors=9),
        "adjacency",
        {"use_knn": True},
    ),
}


def _subsets(X, y, n_repeats, seed):
    """Rows of the random subsets that are measured, by size; one of each a repeat."""
    seen = []
    dsmi = DiffusionSpectralMI(
        recording_entropy(seen), n_repeats=n_repeats, random_state=seed, n_jobs=1
    )
    dsmi.fit(X, y)
    subsets = defaultdict(list)
    for rows in rows_of(seen[len(dsmi.groups_) :], X):  # after the groups
        subsets[len(rows)].append(rows)
    assert {len(one) for one in subsets.values()} == {n_repeats}
    return subsets


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "sizes, n_repeats, seed",
    [
        ((12, 20, 31), 5, 0),  # all different
        ((15, 15, 15, 15), 5, 1),  # all equal
        ((12, 25, 12), 3, 7),  # both
    ],
)
def test_mutual_info(dse_dsmi, monkeypatch, variant, sizes, n_repeats, seed):
    estimator, family, params = VARIANTS[variant]
    rng = np.random.RandomState(seed)
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    X = rng.standard_normal((len(y), 4)) + 2 * rng.standard_normal((len(sizes), 4))[y]
    # The peer is given our subsets: it draws so many for one group after the other.
    subsets = _subsets(X, y, n_repeats, seed)
    ours = {size: cycle(rows) for size, rows in subsets.items()}
    monkeypatch.setattr(random, "sample", lambda _, k: next(ours[k]).tolist())
    if family == "diffusion" or "use_knn" not in params:
        params = {**params, "gaussian_kernel_sigma": SIGMA}
    peer = getattr(dse_dsmi, f"{family}_spectral_mutual_information")
    expected, _ = peer(
        X, y[:, None], num_repetitions=n_repeats, random_seed=seed, **params
    )
    dsmi = DiffusionSpectralMI(estimator, n_repeats=n_repeats, random_state=seed)
    mutual_info = dsmi.fit(X, y).mutual_info_
    assert abs(mutual_info - expected) <= ATOL
    assert abs(mutual_info) > 1e-3


# --- What is different on purpose ---------------------------------------------


def test_a_fixed_bandwidth_saturates_and_ours_does_not(dse_dsmi):
    # Ten far clusters in 64 dimensions, of standard deviation 4: two samples of a
    # cluster are 4 √128 = 45 apart, and exp(-45²/(2 · 10²)) is nothing.
    rng = np.random.RandomState(0)
    y = np.repeat(np.arange(10), 50)
    X = 20 * rng.standard_normal((10, 64))[y] + 4 * rng.standard_normal((500, 64))
    theirs, _ = dse_dsmi.diffusion_spectral_mutual_information(X, y[:, None])
    assert abs(theirs) < 5e-4
    fixed = DiffusionSpectralMI(
        DiffusionSpectralEntropy(bandwidth=10.0, alpha=0), random_state=0
    )
    with pytest.warns(UserWarning, match=r"^Every sample sees only itself: "):
        assert abs(fixed.fit(X, y).mutual_info_) < 5e-4

    ours = DiffusionSpectralMI(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, scaled = ours.fit(X, y).mutual_info_, ours.fit(10 * X, y).mutual_info_
    assert value > 1.3
    assert abs(value - scaled) <= ATOL


IMPORT = """
import json, random, warnings
import numpy, scipy.sparse.linalg, sklearn.cluster, sklearn.metrics, sklearn.neighbors
import joblib, threadpoolctl
state = random.getstate(), numpy.random.get_state()[1].tolist()
filters = list(warnings.filters)
import {package}
same_state = state == (random.getstate(), numpy.random.get_state()[1].tolist())
print(json.dumps({{"filters": warnings.filters == filters, "state": same_state}}))
"""


@pytest.mark.parametrize(
    "package, expected",
    [
        ("skdse", {"filters": True, "state": True}),
        ("dse_dsmi", {"filters": False, "state": True}),
    ],
)
def test_what_an_import_leaves_as_it_was(package, expected):
    done = subprocess.run(
        [sys.executable, "-c", IMPORT.format(package=package)],
        cwd=Path(skdse.__file__).parents[1],
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(done.stdout) == expected


def test_measuring_seeds_nothing_global(dse_dsmi):
    X, _ = _data(0, 40, 3, 1.0)
    y = np.arange(40) % 2
    state = random.getstate(), np.random.get_state()[1].tolist()
    DiffusionSpectralMI(random_state=0).fit(X, y)
    assert state == (random.getstate(), np.random.get_state()[1].tolist())
    dse_dsmi.diffusion_spectral_mutual_information(X, y[:, None])
    assert state[0] != random.getstate()
