"""The version of skdse and of the packages that its results depend on."""

import importlib.metadata
import platform

from threadpoolctl import threadpool_info

__version__ = "0.1.0"

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
    "rich",
    "polars",
)


def _installed(name):
    """Return the version of a distribution, without importing it."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _print_section(title, rows):
    """Print a title and its (name, value) rows."""
    print(title)
    for name, value in rows:
        print(f"    {name}: {value}")


def show_versions():
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
    system = [("python", platform.python_version()), ("os", platform.platform())]
    required = [(name, _installed(name)) for name in _REQUIRED]
    optional = [(name, _installed(name)) for name in _OPTIONAL]
    # Rounding and speed differ from one BLAS, and one kernel of it, to the next.
    pools = [
        (
            pool["internal_api"],
            f"{pool['version']}, {pool['num_threads']} threads, "
            f"{pool.get('architecture', 'any architecture')}",
        )
        for pool in threadpool_info()
    ]
    _print_section("System", system)
    _print_section("Required", [("skdse", __version__), *required])
    _print_section("Optional", optional)
    _print_section("BLAS and OpenMP", pools)
