"""Fitted estimators to draw."""

import matplotlib.pyplot as plt
import pytest
from sklearn.neural_network import MLPClassifier

from skdse import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    mutual_info_permutation_test,
)


@pytest.fixture(autouse=True)
def _figures_are_closed():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def dense(digits):
    return DiffusionSpectralEntropy().fit(digits[0])


@pytest.fixture(scope="session")
def arpack(digits):
    return DiffusionSpectralEntropy(
        eigen_solver="arpack", n_components=12, random_state=0
    ).fit(digits[0])


@pytest.fixture(scope="session")
def lanczos(digits):
    return DiffusionSpectralEntropy(
        eigen_solver="lanczos", tol=0.05, random_state=0
    ).fit(digits[0])


@pytest.fixture(scope="session")
def dsmi(digits):
    return DiffusionSpectralMI(random_state=0).fit(*digits)


@pytest.fixture(scope="session")
def permutation_test(digits):
    return mutual_info_permutation_test(*digits, random_state=0)


@pytest.fixture(scope="session")
def mlp(digits):
    X, y = digits
    return MLPClassifier((8, 5), solver="lbfgs", max_iter=5000, random_state=0).fit(
        X, y
    )
