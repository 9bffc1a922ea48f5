"""The jobs of bench.py: their data and their contenders."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

PEER, EXACT, SKDSE = "dse-dsmi", "skdse dense", "skdse"


@dataclass(frozen=True)
class Job:
    """A job: data(quick, data_home) makes the arguments of every contender.

    A contender is a function that imports what it needs and returns the function to
    time, which returns a value and its standard error.
    """

    data: Callable
    contenders: dict
    repeats: int = 5
    once: tuple = ()


def n_threads():
    """Threads that the linear algebra uses."""
    from threadpoolctl import threadpool_info

    return max(pool["num_threads"] for pool in threadpool_info())


# Data


def uniform(n, d):
    """Uniform samples in the unit cube."""

    def data(quick, data_home):
        size = min(n, 300) if quick else n
        return (np.random.default_rng(0).uniform(size=(size, d)),)

    return data


def blobs(n, d, k):
    """k balanced groups of Gaussian samples, and their labels."""

    def data(quick, data_home):
        size = min(n, 50 * k) if quick else n
        rng = np.random.default_rng(0)
        y = np.arange(size) % k
        return 3 * rng.normal(size=(k, d))[y] + 3 * rng.normal(size=(size, d)), y

    return data


# Contenders


def peer_entropy(sigma=10.0):
    """dse-dsmi, all samples."""

    def prepare():
        from dse_dsmi import diffusion_spectral_entropy

        def run(X):
            value = diffusion_spectral_entropy(X, sigma, max_N=len(X))
            return value, 0.0

        return run

    return prepare


def peer_mutual_info(sigma=10.0):
    """dse-dsmi, discrete labels."""

    def prepare():
        from dse_dsmi import diffusion_spectral_mutual_information

        def run(X, y):
            value, _ = diffusion_spectral_mutual_information(
                X, y[:, None], reference_discrete=True, gaussian_kernel_sigma=sigma
            )
            return value, 0.0

        return run

    return prepare


def entropy(**params):
    """DiffusionSpectralEntropy."""

    def prepare():
        from skdse import DiffusionSpectralEntropy

        def run(X):
            dse = DiffusionSpectralEntropy(random_state=0, **params).fit(X)
            return dse.entropy_, dse.entropy_std_error_

        return run

    return prepare


def mutual_info(**params):
    """DiffusionSpectralMI of DiffusionSpectralEntropy."""

    def prepare():
        from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

        def run(X, y):
            dsmi = DiffusionSpectralMI(
                DiffusionSpectralEntropy(**params), random_state=0
            ).fit(X, y)
            return dsmi.mutual_info_, dsmi.mutual_info_std_error_

        return run

    return prepare


# The peer's operator is that of alpha = 0, whatever its documentation says.
JOBS = {
    "dse_1000_dense": Job(
        uniform(1000, 256),
        {
            PEER: peer_entropy(),
            SKDSE: entropy(alpha=0, bandwidth=10.0, eigen_solver="dense"),
        },
    ),
    "dse_4000_dense": Job(
        uniform(4000, 256),
        {
            PEER: peer_entropy(),
            SKDSE: entropy(alpha=0, bandwidth=10.0, eigen_solver="dense"),
        },
    ),
    "dse_4000": Job(
        uniform(4000, 256),
        {PEER: peer_entropy(), SKDSE: entropy(alpha=0, bandwidth=10.0)},
    ),
    "dse_10000": Job(
        uniform(10_000, 256),
        {PEER: peer_entropy(), SKDSE: entropy(alpha=0, bandwidth=10.0)},
        once=(PEER,),
    ),
    "dsmi_10000_dense": Job(
        blobs(10_000, 64, 10),
        {
            PEER: peer_mutual_info(),
            SKDSE: mutual_info(alpha=0, bandwidth=10.0, eigen_solver="dense"),
        },
    ),
}
