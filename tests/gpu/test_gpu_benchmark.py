"""The benchmark of accelerators, as far as it runs without one."""

import csv
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[2] / "doc" / "benchmarks"))
gpu = import_module("gpu")


def test_quick_form_measures_all_jobs(tmp_path, capsys):
    out = tmp_path / "gpu.csv"
    assert gpu.main(["--quick", "--out", str(out)]) == 0
    with open(out, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["job"] for row in rows] == list(gpu.JOBS)
    assert {row["card"] for row in rows} == {gpu.place()}
    assert capsys.readouterr().out.count(": ok\n") == len(rows)
    for row in rows:
        assert float(row["difference"]) <= float(row["allowed"])
        assert float(row["seconds"]) > 0 and float(row["value"]) > 0


def test_checks_of_many_samples(monkeypatch):
    # As if 300 samples were too many for all eigenvalues, and for float64.
    X, _ = gpu.sheet(300, 16)
    dse = gpu.entropy(X, eigen_solver="lanczos")
    monkeypatch.setattr(gpu, "ALL_EIGENVALUES", 100)
    check, difference, allowed = gpu.check_entropy(X, dse)
    assert check.startswith("another seed") and difference <= allowed
    monkeypatch.setattr(gpu, "IN_FLOAT64", 100)
    check, difference, allowed = gpu.check_entropy(X, dse)
    assert check.startswith("trace") and difference <= allowed
    # A wrong operator is found.
    dse.spectrum_ = type("", (), {"trace": 1.001 * dse.spectrum_.trace})()
    dse.spectrum_.squared_norm = 1.0
    assert gpu.check_entropy(X, dse)[1] > allowed


def test_moments_are_those_of_all_eigenvalues(monkeypatch):
    # By LAPACK, from α = 1/2 written out.
    X, _ = gpu.sheet(200, 5)
    D = np.sqrt(((X[:, None].astype(float) - X[None]) ** 2).sum(axis=2))
    G = np.exp(-(D**2) / 2)
    K = G / np.sqrt(np.outer(G.sum(1), G.sum(1)))
    values = np.linalg.eigvals(K / K.sum(1)[:, None]).real
    expected = values.sum(), (values**2).sum()
    np.testing.assert_allclose(gpu.moments(X, 1.0), expected, rtol=1e-9)
    monkeypatch.setattr(gpu, "IN_FLOAT64", 100)
    np.testing.assert_allclose(gpu.moments(X, 1.0), expected, rtol=gpu.MOMENTS)
    p = np.abs(values) / np.abs(values).sum()
    entropy = -(p * np.log2(p)).sum()
    assert gpu.all_eigenvalues(X, 1.0) == pytest.approx(entropy, abs=1e-6)


@pytest.mark.skipif(gpu.torch.cuda.is_available(), reason="there is CUDA here")
def test_without_cuda_it_says_what_can_be_done(capsys):
    with pytest.raises(SystemExit):
        gpu.main([])
    assert "--quick" in capsys.readouterr().err
