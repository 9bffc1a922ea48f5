"""The jobs of bench.py: their data and their contenders."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PEER, SKDSE, DENSE, PLAIN = "dse-dsmi", "skdse", "skdse, dense", "plain"
# What the user says of the settings: nothing; a bandwidth; something else.
DEFAULT, GIVEN, OTHER = "default", "bandwidth", "other"


@dataclass(frozen=True)
class Job:
    """A job: what it is, and data(quick, data_home), the arguments of every contender.

    A contender takes the data, imports and does what is not timed, and returns the
    function to time, which takes nothing and returns a value and its standard error.

    Attributes
    ----------
    settings : str
        DEFAULT, GIVEN or OTHER, by what skdse is told.
    repeats : int
        Largest number of runs.
    once : tuple of str
        Contenders that take so long that one run must do.
    memory : float or None
        Memory [GiB] that the timed function may take, where that is limited: address
        space, as by ``ulimit -v``. Tiles of an affinity take half of what is free.
    """

    what: str
    data: Callable
    contenders: dict
    settings: str = GIVEN
    repeats: int = 5
    once: tuple = ()
    memory: float | None = None


def n_threads():
    """Threads that the linear algebra uses."""
    from threadpoolctl import threadpool_info

    return max(pool["num_threads"] for pool in threadpool_info())


def rounded(value):
    """Value of a cell of a table: floats to six digits."""
    return f"{value:.6g}" if isinstance(value, float) else value


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


def mnist(part, n=None):
    """Images of MNIST with pixels from 0 to 1, and their labels; digits if quick."""

    def data(quick, data_home):
        if quick:
            from sklearn.datasets import load_digits

            X, y = load_digits(return_X_y=True)
            return X[:400] / 16, y[:400]
        X, y = _load_mnist(data_home)[part]
        return X[:n], y[:n]

    return data


def _load_mnist(data_home):
    """Training and test images of MNIST, from a folder or from OpenML."""
    if data_home is None:
        from sklearn.datasets import fetch_openml

        X, y = fetch_openml("mnist_784", return_X_y=True, as_frame=False)
        X, y = X.astype(np.float32) / 255, y.astype(int)
        return {"train": (X[:60_000], y[:60_000]), "test": (X[60_000:], y[60_000:])}
    with np.load(Path(data_home) / "mnist.npz") as file:
        return {
            part: (
                file[f"X_{part}"].reshape(-1, 784).astype(np.float32) / 255,
                file[f"y_{part}"].astype(int),
            )
            for part in ("train", "test")
        }


def images_only(data):
    """Samples alone, of data with labels."""
    return lambda quick, data_home: data(quick, data_home)[:1]


def sheet(n, d=64):
    """Ten clusters on an 8-dimensional sheet in d dimensions, float32."""

    def data(quick, data_home):
        size = min(n, 500) if quick else n
        rng = np.random.default_rng(0)
        u = 4 * rng.normal(size=(10, 8))[rng.integers(10, size=size)]
        u += rng.normal(size=u.shape)
        axes, X = rng.normal(size=(8, d)), np.empty((size, d), np.float32)
        for i in range(size):  # all rows at once, in float64, would take much memory
            X[i] = np.sin(u[i] @ axes / 8) + 0.01 * rng.normal(size=d)
        return (X,)

    return data


# Contenders


def peer_entropy(sigma=10.0):
    """dse-dsmi, all samples."""

    def prepare(X):
        from dse_dsmi import diffusion_spectral_entropy

        return lambda: (diffusion_spectral_entropy(X, sigma, max_N=len(X)), 0.0)

    return prepare


def peer_mutual_info(sigma=10.0):
    """dse-dsmi, discrete labels."""

    def prepare(X, y):
        from dse_dsmi import diffusion_spectral_mutual_information

        def run():
            value, _ = diffusion_spectral_mutual_information(
                X, y[:, None], reference_discrete=True, gaussian_kernel_sigma=sigma
            )
            return value, 0.0

        return run

    return prepare


def entropy(**params):
    """DiffusionSpectralEntropy."""

    def prepare(X):
        from skdse import DiffusionSpectralEntropy

        def run():
            dse = DiffusionSpectralEntropy(random_state=0, **params).fit(X)
            return dse.entropy_, dse.entropy_std_error_

        return run

    return prepare


def plain(**params):
    """One kernel of scikit-learn and block products of NumPy, as many as `entropy`.

    In float32, in blocks of 24 columns.
    """

    def prepare(X):
        from sklearn.metrics.pairwise import rbf_kernel

        from skdse import DiffusionSpectralEntropy

        dse = DiffusionSpectralEntropy(
            random_state=0, eigen_solver="lanczos", **params
        ).fit(X)
        X32, width = X.astype(np.float32, copy=False), 24
        V = np.random.default_rng(0).normal(size=(len(X), width)).astype(np.float32)

        def run():
            G = rbf_kernel(X32, gamma=0.5 / dse.bandwidth_**2)
            for _ in range(-(-dse.spectrum_.n_columns // width)):
                G @ V
            return dse.entropy_, dse.entropy_std_error_

        return run

    return prepare


def mutual_info(**params):
    """DiffusionSpectralMI, by default or of DiffusionSpectralEntropy(**params)."""

    def prepare(X, y):
        dsmi = _mutual_info(params)

        def run():
            dsmi.fit(X, y)
            return dsmi.mutual_info_, dsmi.mutual_info_std_error_

        return run

    return prepare


def mutual_info_score(**params):
    """`score` of a fitted DiffusionSpectralMI, on the samples that it is fitted to."""

    def prepare(X, y):
        dsmi = _mutual_info(params).fit(X, y)
        return lambda: (dsmi.score(X, y), dsmi.mutual_info_std_error_)

    return prepare


def permutation_test(n_permutations):
    """Permutation test of the default DiffusionSpectralMI."""

    def prepare(X, y):
        from skdse import mutual_info_permutation_test

        def run():
            found = mutual_info_permutation_test(
                X, y, n_permutations=n_permutations, random_state=0
            )
            return found.statistic, found.std_error

        return run

    return prepare


def _mutual_info(params):
    """DiffusionSpectralMI, not fitted."""
    from skdse import DiffusionSpectralEntropy, DiffusionSpectralMI

    estimator = DiffusionSpectralEntropy(**params) if params else None
    return DiffusionSpectralMI(estimator, random_state=0)


# Jobs: the defaults first. The peer's operator is that of alpha = 0, whatever its
# documentation says.
JOBS = {
    "dse_mnist_10000": Job(
        "DSE, MNIST test images; skdse by default, the peer at σ = 10",
        images_only(mnist("test")),
        {PEER: peer_entropy(), SKDSE: entropy()},
        settings=DEFAULT,
        once=(PEER,),
    ),
    "dse_mnist_60000": Job(
        "DSE, MNIST training images",
        images_only(mnist("train")),
        {SKDSE: entropy()},
        settings=DEFAULT,
        repeats=1,
    ),
    "dse_mnist_60000_2gib": Job(
        "DSE, MNIST training images, 2 GiB for the affinity",
        images_only(mnist("train")),
        {SKDSE: entropy()},
        settings=DEFAULT,
        repeats=1,
        memory=4.3,  # 0.3 for copies of samples and threads, half of the rest for tiles
    ),
    **{
        f"dsmi_default_{d}": Job(
            f"DSMI, 10,000 x {d}, 10 groups; skdse by default, the peer at σ = 10",
            blobs(10_000, d, 10),
            {PEER: peer_mutual_info(), SKDSE: mutual_info()},
            settings=DEFAULT,
        )
        for d in (64, 768)
    },
    **{
        f"dsmi_default_mnist_{n}": Job(
            f"DSMI, {n:,} MNIST training images, 10 groups",
            mnist("train", n),
            {SKDSE: mutual_info()},
            settings=DEFAULT,
            repeats=3 if n < 60_000 else 1,
        )
        for n in (5000, 10_000, 20_000, 60_000)
    },
    "dsmi_default_64_score": Job(
        "DSMI, 10,000 x 64, 10 groups: score after fit",
        blobs(10_000, 64, 10),
        {SKDSE: mutual_info_score()},
        settings=DEFAULT,
    ),
    "dsmi_permutation_test": Job(
        "DSMI, 10,000 x 64, 10 groups: permutation test, 200 permutations",
        blobs(10_000, 64, 10),
        {SKDSE: permutation_test(200)},
        settings=DEFAULT,
    ),
    **{
        f"dse_{n}_dense": Job(
            f"DSE, {n} x 256 uniform, σ = 10, all eigenvalues",
            uniform(n, 256),
            {
                PEER: peer_entropy(),
                SKDSE: entropy(alpha=0, bandwidth=10.0, eigen_solver="dense"),
            },
        )
        for n in (1000, 4000)
    },
    "dse_4000": Job(
        "DSE, 4000 x 256 uniform, σ = 10",
        uniform(4000, 256),
        {PEER: peer_entropy(), SKDSE: entropy(alpha=0, bandwidth=10.0)},
    ),
    "dse_10000": Job(
        "DSE, 10,000 x 256 uniform, σ = 10",
        uniform(10_000, 256),
        {PEER: peer_entropy(), SKDSE: entropy(alpha=0, bandwidth=10.0)},
        once=(PEER,),
    ),
    "dse_10000_sigma_5": Job(
        "DSE, 10,000 x 256 uniform, σ = 5",
        uniform(10_000, 256),
        {PEER: peer_entropy(5.0), SKDSE: entropy(alpha=0, bandwidth=5.0)},
        once=(PEER,),
    ),
    "dse_10000_sigma_3": Job(
        "DSE, 10,000 x 256 uniform, σ = 3",
        uniform(10_000, 256),
        {PEER: peer_entropy(3.0), SKDSE: entropy(alpha=0, bandwidth=3.0)},
        once=(PEER,),
    ),
    "dse_10000_plain": Job(
        "DSE, 10,000 x 256, σ = 10, beside the kernel and products of plain libraries",
        uniform(10_000, 256),
        {
            SKDSE: entropy(alpha=0, bandwidth=10.0),
            PLAIN: plain(alpha=0, bandwidth=10.0),
        },
    ),
    "dsmi_10000_dense": Job(
        "DSMI, 10,000 x 64, 10 groups, σ = 10, all eigenvalues",
        blobs(10_000, 64, 10),
        {
            PEER: peer_mutual_info(),
            SKDSE: mutual_info(alpha=0, bandwidth=10.0, eigen_solver="dense"),
        },
    ),
    "dsmi_10000": Job(
        "DSMI, 10,000 x 64, 10 groups, σ = 10",
        blobs(10_000, 64, 10),
        {PEER: peer_mutual_info(), SKDSE: mutual_info(alpha=0, bandwidth=10.0)},
    ),
    "dsmi_mnist_60000": Job(
        "DSMI, MNIST training images, 10 groups, σ = 10",
        mnist("train"),
        {PEER: peer_mutual_info(), SKDSE: mutual_info(alpha=0, bandwidth=10.0)},
        repeats=1,
    ),
    "dse_adaptive_10000": Job(
        "DSE, MNIST test images, adaptive bandwidth, squared distances",
        images_only(mnist("test")),
        {
            DENSE: entropy(
                bandwidth="adaptive", metric="sqeuclidean", eigen_solver="dense"
            ),
            SKDSE: entropy(bandwidth="adaptive", metric="sqeuclidean"),
        },
        settings=OTHER,
        repeats=3,
        once=(DENSE,),
    ),
    **{
        f"knn_{n}": Job(
            f"DSE, kNN graph, {n:,} x 64, 10 clusters",
            sheet(n),
            {SKDSE: entropy(affinity="nearest_neighbors")},
            settings=OTHER,
            repeats=1,
        )
        for n in (62_500, 250_000, 1_000_000)
    },
}
