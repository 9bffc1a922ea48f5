"""Tensors on CUDA: values, what crosses to the host, kernels, settings of the user.

These tests run where there is CUDA: ``pytest -m gpu``.
"""

from contextlib import contextmanager

import numpy as np
import pytest
from sklearn.base import clone

from skdse import (
    AdjacencySpectralEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntryEntropy,
    ShannonEntropy,
    diffusion_spectral_entropy,
    mutual_info_permutation_test,
)
from skdse._spectra.bandwidth import Bandwidth
from skdse._spectra.fused import fused_products
from skdse._spectra.kernels import GaussianEntries
from skdse._spectra.tiles import TiledKernel

torch = pytest.importorskip("torch")
from triton_cases import KINDS, case, check_products  # noqa: E402

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]
TOLERANCES = {np.float64: 1e-6, np.float32: 1e-4}
ESTIMATORS = [
    DiffusionSpectralEntropy(),
    DiffusionSpectralEntropy(eigen_solver="dense", alpha=1, t=3),
    DiffusionSpectralEntropy(eigen_solver="dense32"),
    DiffusionSpectralEntropy(eigen_solver="arpack"),
    DiffusionSpectralEntropy(eigen_solver="lanczos", alpha=0),
    DiffusionSpectralEntropy(eigen_solver="lanczos", t="auto"),
    DiffusionSpectralEntropy(eigen_solver="lanczos", bandwidth="adaptive"),
    DiffusionSpectralEntropy(bandwidth="reduced"),
    DiffusionSpectralEntropy(bandwidth="knn"),
    DiffusionSpectralEntropy(bandwidth=2.0, max_samples=0.5),
    DiffusionSpectralEntropy(metric="sqeuclidean", bandwidth="adaptive"),
    DiffusionSpectralEntropy(metric="cosine"),
    DiffusionSpectralEntropy(affinity="laplacian"),
    DiffusionSpectralEntropy(affinity="nearest_neighbors"),
    DiffusionSpectralEntropy(affinity="nearest_neighbors", eigen_solver="lanczos"),
    AdjacencySpectralEntropy(),
    MatrixEntryEntropy(),
    ShannonEntropy(),
]


def _data(dtype=np.float64, n=700, d=24):
    """Samples of three groups, and their labels."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    X = 2 * rng.normal(size=(3, d))[y] + rng.normal(size=(n, d))
    return X.astype(dtype), y


def _placed(X, device="cuda"):
    """Tensor of an array on a device."""
    return torch.as_tensor(X).to(device)


@contextmanager
def _numbers_leaving():
    """Context that notes how many numbers of tensors on CUDA come to the host, a call.

    All ways of a tensor to the host are watched.
    """
    seen, names = [0], ("cpu", "numpy", "__array__", "tolist", "to")
    before = {name: getattr(torch.Tensor, name) for name in names}

    def watched(name):
        def method(self, *args, **kwargs):
            found = before[name](self, *args, **kwargs)
            left = not (isinstance(found, torch.Tensor) and found.is_cuda)
            if self.is_cuda and left:
                seen.append(self.numel())
            return found

        return method

    try:
        for name in names:
            setattr(torch.Tensor, name, watched(name))
        yield seen
    finally:
        for name in names:
            setattr(torch.Tensor, name, before[name])


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_values_are_those_of_numpy(estimator, dtype):
    X, _ = _data(dtype)
    here, host = clone(estimator), clone(estimator)
    for one in (here, host):
        if "random_state" in one.get_params():
            one.set_params(random_state=0)
    host.fit(X)
    here.fit(_placed(X))
    allowed = TOLERANCES[dtype]
    if getattr(estimator, "eigen_solver", "dense") == "lanczos":
        # In float32 whatever X is, in another order of sums: far below what it states,
        # most of all on a graph, by recurrences of many steps.
        allowed = max(allowed, estimator.tol / 2)
    assert isinstance(here.entropy_, float)
    assert here.entropy_ == pytest.approx(host.entropy_, abs=allowed)
    score = here.score(_placed(X[:300]))
    assert score == pytest.approx(host.score(X[:300]), abs=allowed)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("labels_here", [True, False])
def test_mutual_information_is_that_of_numpy(dtype, labels_here):
    X, y = _data(dtype)
    host = DiffusionSpectralMI(random_state=0).fit(X, y)
    labels = _placed(y) if labels_here else y
    here = DiffusionSpectralMI(random_state=0).fit(_placed(X), labels)
    assert here.mutual_info_ == pytest.approx(host.mutual_info_, abs=TOLERANCES[dtype])
    tests = [
        mutual_info_permutation_test(one, y, n_permutations=20, random_state=0)
        for one in (X, _placed(X))
    ]
    assert tests[0].pvalue == tests[1].pvalue


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised(dtype):
    X = _placed(_data(np.float32)[0]).to(dtype)
    half = diffusion_spectral_entropy(X, random_state=0)
    assert half == diffusion_spectral_entropy(X.float(), random_state=0)


@pytest.mark.parametrize(
    "estimator",
    [
        DiffusionSpectralEntropy(eigen_solver="lanczos", random_state=0),
        DiffusionSpectralEntropy(eigen_solver="dense"),
        DiffusionSpectralEntropy(bandwidth="adaptive", random_state=0),
        DiffusionSpectralEntropy(affinity="nearest_neighbors", random_state=0),
        DiffusionSpectralMI(random_state=0),
    ],
    ids=str,
)
def test_no_samples_cross_to_the_host(estimator):
    X, y = _data(np.float32, 2000, 256)
    if getattr(estimator, "eigen_solver", None) == "dense":
        X, y = np.tile(X[:600], 4), y[:600]
    X = _placed(X)
    with _numbers_leaving() as seen:
        estimator.fit(X, y)
    assert 0 < max(seen) < min(X.numel(), X.shape[0] ** 2) / 2


def test_what_crosses_is_seen():
    X = _placed(_data()[0])
    with _numbers_leaving() as seen:
        X.cpu(), X[:2].to("cpu"), X[0].tolist(), X.double()
    assert sorted(seen) == [0, X.shape[1], 2 * X.shape[1], X.numel()]


def test_settings_of_the_user_cost_no_digits():
    X = _placed(_data(np.float32)[0])
    params = {"eigen_solver": "lanczos", "random_state": 0}
    expected = diffusion_spectral_entropy(X, **params)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.autocast("cuda", torch.bfloat16):
            found = diffusion_spectral_entropy(X, **params)
            assert torch.is_autocast_enabled("cuda")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two devices")
def test_another_device_than_the_current_one():
    X = _data(np.float32)[0]
    params = {"eigen_solver": "lanczos", "random_state": 0}
    first, second = (
        diffusion_spectral_entropy(_placed(X, f"cuda:{i}"), **params) for i in (0, 1)
    )
    assert first == pytest.approx(second, abs=1e-6)
    entries, G = case("one", 300, 64, "cuda:1")
    check_products(TiledKernel(entries), G, 4)


# The kernel of Triton


def _fused(entries):
    """Tiles whose products are made by the kernel."""
    pytest.importorskip("triton")
    tiles = TiledKernel(entries)
    assert tiles.fused is not None, "the kernel does not run here; see verbose=1"
    return tiles


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("n", "d", "n_columns"),
    [(1501, 3, 1), (1500, 64, 50), (1999, 100, 17), (1280, 784, 4), (1409, 65, 130)],
)
def test_the_kernel_is_exact(kind, n, d, n_columns):
    entries, G = case(kind, n, d, "cuda")
    check_products(_fused(entries), G, n_columns)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_agrees_with_plain_tiles(kind):
    entries, _ = case(kind, 3000, 64, "cuda")
    V = torch.randn((3000, 8), device="cuda")
    plain = TiledKernel(entries, room=np.inf)
    bound = 4e-6 * (plain.matmat(V.abs()) + 1e-30)
    found, expected = _fused(entries).matmat(V), plain.matmat(V)
    assert plain.fused is None
    assert bool(((found - expected).abs() <= bound).all())


def test_long_sums_keep_their_digits():
    # Sums of ones: cut off at each step, the tensor cores' would be off by some 1e-4.
    n = 300_000
    X = torch.zeros((n, 4), device="cuda")
    X[0] = 1e-3
    entries = GaussianEntries(X, Bandwidth(1e3))
    sums = _fused(entries).matvec(np.ones(n))
    np.testing.assert_allclose(sums, n, rtol=3e-7)


def test_the_kernel_writes_no_tile():
    n = 40_000
    X = torch.randn((n, 16), device="cuda")
    entries = GaussianEntries(X, Bandwidth(3.0))
    tiles = _fused(entries)
    V = torch.randn((n, 4), device="cuda")
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    tiles.matmat(V)
    assert torch.cuda.max_memory_allocated() - before < 20 * 4 * n * 4


def test_the_kernel_says_that_it_is_used(capsys):
    entries, _ = case("one", 300, 16, "cuda")
    _fused(entries)
    capsys.readouterr()
    fused_products(entries, verbose=1)
    assert capsys.readouterr().err == "affinity: products by a kernel of Triton\n"
