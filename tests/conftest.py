"""Fixtures for all tests."""

import os
import warnings
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.datasets import load_digits

# Before anything imports matplotlib: figures are drawn in memory.
os.environ["MPLBACKEND"] = "Agg"
# Before anything imports Keras: the backend that skdse knows.
os.environ["KERAS_BACKEND"] = "torch"
# Rooms have a conftest.py of their own. As modules with doctests, which they have not,
# files of one name could not be collected.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]
# Their doctests need PyTorch.
TORCH_PAGES = ("differentiable", "devices.rst", "networks.rst")


def pytest_collection_modifyitems(items):
    """Skip doctests where the optional package that they need is missing."""
    if find_spec("torch") is None:
        for item in items:
            if set(item.path.parts) & set(TORCH_PAGES):
                item.add_marker(pytest.mark.skip(reason="needs PyTorch"))


@pytest.fixture(scope="session")
def digits():
    """150 digits and their labels: (150, 64) and (150,), read-only."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:150], y[:150]
    X.flags.writeable = y.flags.writeable = False
    return X, y


@pytest.fixture
def rng():
    """Return a seeded generator of its own for each test."""
    return np.random.default_rng(0)


@pytest.fixture
def X(rng):
    """30 Gaussian samples in three dimensions."""
    return rng.normal(size=(30, 3))


@pytest.fixture
def y():
    """Labels of the 30 samples."""
    return np.arange(30) % 2


@pytest.fixture(scope="module")
def cluster():
    """Dask cluster of two processes on this machine, of one thread each."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        processes=True,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",  # any port that is free
    ) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _warning_filters_stay():
    """Fail the test during which the global warning filters change."""
    before = list(warnings.filters)
    yield
    added = [one for one in warnings.filters if one not in before]
    assert warnings.filters == before, f"warning filters changed; added: {added}"
