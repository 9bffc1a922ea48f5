"""Samples, labels and a folder for the command line."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_blobs


@pytest.fixture(scope="module")
def blobs():
    """Samples and labels that they tell."""
    return make_blobs(60, n_features=4, centers=3, random_state=0)


@pytest.fixture
def folder(tmp_path, monkeypatch, blobs):
    """Current directory with Z.npy and its labels y.npy."""
    monkeypatch.chdir(tmp_path)
    np.save("Z.npy", blobs[0])
    np.save("y.npy", blobs[1])
    return tmp_path


@pytest.fixture
def nothing_was_run(tmp_path, monkeypatch):
    """Folder in which the code of a hostile file would have made another one."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not Path("harm").exists()
