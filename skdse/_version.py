"""The version of skdse and of the packages that its results depend on."""

import importlib.metadata
import platform

from threadpoolctl import threadpool_info

__version__ = "0.2.0"

# In place of the version of a package.
NOT_INSTALLED = "not installed"

_REQUIRED = (
    "numpy",
    "scipy",
    "scikit-learn",
    "pynndescent",
    "array-api-compat",
    "numba",
    "joblib",
    "threadpoolctl",
)
_OPTIONAL = (
    "matplotlib",
    "torch",
    "skorch",
    "torchmetrics",
    "lightning",
    "transformers",
    "keras",
    "dask",
    "distributed",
    "pandas",
    "pyarrow",
    "plotly",
    "rich",
    "polars",
)


def _installed(name):
    """Return the version of a distribution, without importing it."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return NOT_INSTALLED


def versions():
    """Versions by name, in sections: those that `show_versions` prints."""
    # Rounding and speed differ from one BLAS, and one kernel of it, to the next.
    pools = [
        (
            pool["internal_api"],
            f"{pool['version']}, {pool['num_threads']} threads, "
            f"{pool.get('architecture', 'any architecture')}",
        )
        for pool in threadpool_info()
    ]
    return {
        "System": [("python", platform.python_version()), ("os", platform.platform())],
        "Required": [
            ("skdse", __version__),
            *((name, _installed(name)) for name in _REQUIRED),
        ],
        "Optional": [(name, _installed(name)) for name in _OPTIONAL],
        "BLAS and OpenMP": pools,
    }


def show_versions() -> None:
    """Print the versions of skdse, of its dependencies and of the BLAS in use.

    Paste the output into a bug report. Optional packages are not imported.

    Examples
    --------
    The first lines are the versions of Python and of the operating system:

    >>> from skdse import show_versions
    >>> show_versions()
    System
        python: 3...
    """
    for title, rows in versions().items():
        print(title)
        for name, value in rows:
            print(f"    {name}: {value}")
