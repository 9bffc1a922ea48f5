"""Several devices: each task has one, by a function that moves its array there."""

import numpy as np
import pytest
from joblib import Parallel, delayed
from places import on_device
from sklearn.base import clone

from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

DEVICES = ("device1", "device2")


@pytest.fixture
def layers(rng):
    """Representations of a few layers, and their labels."""
    y = np.arange(90) % 3
    return [rng.normal(size=(3, 4))[y] + rng.normal(size=(90, 4)) for _ in range(4)], y


def _measured(i, X):
    """Entropy of a layer on the device of its number."""
    X = on_device(X, DEVICES[i % len(DEVICES)])
    return DiffusionSpectralEntropy(random_state=0, eigen_solver="lanczos").fit(X)


def test_each_task_has_its_device(layers):
    # Arithmetic of arrays on two devices raises, see below.
    layers, _ = layers
    tasks = (delayed(_measured)(i, X) for i, X in enumerate(layers))
    together = Parallel(n_jobs=2, backend="threading")(tasks)
    values = [dse.entropy_ for dse in together]
    assert values == [_measured(i, X).entropy_ for i, X in enumerate(layers)]
    assert values == [_measured(i + 1, X).entropy_ for i, X in enumerate(layers)]
    dse = DiffusionSpectralEntropy(random_state=0, eigen_solver="lanczos")
    host = [clone(dse).fit(X).entropy_ for X in layers]
    np.testing.assert_allclose(values, host, atol=1e-5)


def test_a_mutual_information_stays_on_its_device(layers):
    (X, *_), y = layers
    values = [
        DiffusionSpectralMI(random_state=0, n_jobs=2).fit(one, y).mutual_info_
        for one in (X, on_device(X, "device1"), on_device(X, "device2"))
    ]
    assert values[1] == values[2] == pytest.approx(values[0], abs=1e-6)


def test_devices_do_not_mix():
    X = np.random.default_rng(0).normal(size=(2, 3))
    with pytest.raises((ValueError, RuntimeError), match="device"):
        on_device(X, "device1") + on_device(X, "device2")
