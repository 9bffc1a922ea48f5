"""Products by the kernel of Triton, run by its interpreter, and when it is chosen."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skdse._spectra import fused
from skdse._spectra.bandwidth import Bandwidth
from skdse._spectra.kernels import LaplacianEntries
from skdse._spectra.tiles import TiledKernel

torch = pytest.importorskip("torch")
from triton_cases import KINDS, case, check_products  # noqa: E402

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="needs Triton"
)

# Run by this file as a script: Triton asks for the interpreter as it is imported.


def _check_products(kind, n, d, n_columns):
    """Products of all kinds against those of float64."""
    from skdse._spectra.triton_tiles import TritonProducts

    entries, G = case(kind, n, d)
    tiles = TiledKernel(entries)
    vars(tiles)["fused"] = TritonProducts(entries, fused.KINDS[type(entries)])
    check_products(tiles, G, n_columns, in_all_ways=d == 3)
    assert tiles.n_products == (6 if d == 3 else 1)


def _check_density():
    """Lanczos with the kernel, and the entropy of all eigenvalues."""
    from skdse._spectra.diffusion import diffusion_operator
    from skdse._spectra.matrices import DenseMatrix
    from skdse._spectra.solvers import solve

    entries, G = case("one", 300, 5)
    fused._obstacle = lambda entries: None  # as if the tensor were on CUDA
    tiles = TiledKernel(entries, verbose=1)
    found = solve(diffusion_operator(tiles), "lanczos", random_state=0).entropy(1)
    exact = solve(diffusion_operator(DenseMatrix(G)), "dense").entropy(1)
    assert abs(found.value - exact.value) <= 3e-3
    assert tiles.n_products > 3 and not tiles.kept
    assert tiles.entry_error > 0 and tiles.fixed_columns > 5


def _check_compiles():
    """The kernel in machine code of an H100 and an A100; no card is needed for that."""
    from triton import compile
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from skdse._spectra import triton_tiles

    function = triton_tiles._products
    pointers = ("A", "H", "U", "V", "PRODUCT", "SQUARE_V", "SQUARES")
    kinds = dict.fromkeys(pointers, "*fp32") | {"n": "i32", "taken_off": "fp32"}
    for card, depth, columns, slice_, wide in (
        (90, 64, 32, 64, 16),
        (80, 96, 64, 32, 64),
    ):
        constants = {"DEPTH": depth, "KIND": 2, "COLUMNS": columns}
        constants |= {"SLICE": slice_, "WIDE": wide}
        signature = {
            name: "constexpr" if name in constants else kinds.get(name, "i32")
            for name in function.arg_names
        }
        options = {"num_warps": 8, "num_stages": 2, "enable_fp_fusion": True}
        source = ASTSource(function, signature, constants)
        made = compile(source, target=GPUTarget("cuda", card, 32), options=options)
        code = made.asm["ptx"]
        assert ".tf32" in code
        # Sums of the tensor cores begin at 0: none goes on from block to block.
        assert made.asm["ttir"].count("tt.dot") == 2
        assert made.asm["ttir"].count("arith.subf") >= 4


def _run(*arguments):
    """Run this file as a script, through the interpreter."""
    mode = "0" if "compiles" in arguments else "1"
    env = os.environ | {"TRITON_INTERPRET": mode, "OPENBLAS_NUM_THREADS": "1"}
    paths = [str(Path(__file__).parents[1]), *filter(None, [env.get("PYTHONPATH")])]
    env["PYTHONPATH"] = os.pathsep.join(paths)
    command = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


@needs_triton
def test_products_are_those_of_float64():
    _run("products")


@needs_triton
def test_lanczos_runs_on_the_kernel_and_says_so():
    assert _run("density").count("affinity: products by a kernel of Triton\n") == 1


@needs_triton
def test_long_sums_keep_their_digits():
    from skdse._spectra.triton_tiles import _add

    total = lost = np.float32(0)
    parts = np.random.default_rng(0).uniform(size=30_000).astype(np.float32)
    for part in parts:
        total, lost = _add.fn(total, lost, part)
    exact = parts.astype(np.float64).sum()
    assert abs(total / exact - 1) <= np.finfo(np.float32).eps
    # One after another without it would be off by more.
    assert abs(np.add.accumulate(parts)[-1] / exact - 1) > 1e-6


@needs_triton
@pytest.mark.skipif(sys.platform != "linux", reason="Triton compiles on Linux")
def test_it_compiles_for_cuda():
    _run("compiles")


@pytest.mark.parametrize("verbose", [0, 1])
def test_without_triton_plain_tiles_do(verbose, monkeypatch, capsys):
    entries, G = case("one", 50, 4)
    monkeypatch.setattr(fused, "_obstacle", lambda entries: None)
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "skdse._spectra.triton_tiles", raising=False)
    tiles = TiledKernel(entries, verbose=verbose)
    for _ in range(2):
        found = tiles.matmat(torch.ones((50, 2)))
    np.testing.assert_allclose(found[:, 0], G.sum(axis=1), rtol=1e-5)
    line = "affinity: products by plain tiles, Triton fails: ModuleNotFoundError\n"
    assert capsys.readouterr().err == verbose * line


@needs_triton
def test_a_kernel_that_cannot_run_is_replaced(monkeypatch, capsys):
    # A tensor of the host is none that a kernel on a card could read.
    entries, G = case("one", 50, 4)
    monkeypatch.setattr(fused, "_obstacle", lambda entries: None)
    tiles = TiledKernel(entries, verbose=1)
    np.testing.assert_allclose(tiles.matvec(np.ones(50)), G.sum(axis=1), rtol=1e-5)
    assert "affinity: products by plain tiles, Triton fails" in capsys.readouterr().err


def test_kept_tiles_are_plain(monkeypatch, capsys):
    entries, _ = case("one", 50, 4)
    tiles = TiledKernel(entries, room=np.inf, verbose=1)
    tiles.matvec(np.ones(50))
    assert tiles.fused is None and len(tiles.kept) == 1
    assert capsys.readouterr().err == ""


class _OnCuda:
    """What is asked of a tensor to tell whether the kernel has it."""

    device = torch.device("cuda:0")


def _no_kernel(**changes):
    """Why there is no kernel for entries that are changed."""
    entries, _ = case(changes.pop("kind", "one"), 50, 4)
    entries.X = _OnCuda()
    vars(entries).update(changes)
    return fused._obstacle(entries)


def test_what_the_kernel_does_not_have(monkeypatch):
    entries, _ = case("one", 50, 4)
    assert "no tensor on CUDA" in fused._obstacle(entries)
    monkeypatch.setattr(fused.compat, "is_torch_array", lambda X: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert "without TF32" in _no_kernel()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    for kind in KINDS:
        assert _no_kernel(kind=kind) is None
    assert "'cosine'" in _no_kernel(metric="cosine")
    assert "float64" in _no_kernel(exponent_dtype=np.float64)
    assert "shared" in _no_kernel(kind="reduced squared", taken_off=np.ones(50))
    laplacian = LaplacianEntries(_Rows(), Bandwidth(1.0))
    assert "Gaussian" in fused._obstacle(laplacian)


class _Rows(_OnCuda):
    """The same with a shape."""

    shape = (50, 4)


if __name__ == "__main__":
    if sys.argv[1] == "density":
        _check_density()
    elif sys.argv[1] == "compiles":
        _check_compiles()
    else:
        # No whole number of blocks, and one; features held, and in slices; columns of
        # one block, and of three.
        shapes = ((20, 33, 2), (70, 100, 17), (150, 784, 4), (256, 5, 130))
        cases = [("one", *shape) for shape in shapes]
        cases += [(kind, 131, *shape) for kind in KINDS for shape in ((3, 1), (64, 50))]
        for one in cases:
            _check_products(*one)
