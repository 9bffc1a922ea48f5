"""Entropy of the kNN graph of samples in a file, the search for neighbours included.

    python doc/benchmarks/mapped_samples.py --folder DIR --n-samples 1000000 --tol 2e-3

The samples are float32, of 16 features: ten clusters on an 8-dimensional sheet, with a
little noise. They are written to the folder (unless they are there already) and read as
a memory map. With a limit that is exceeded, the exit status is 1. What is meant by
memory is said in `ring_lattice`. Needs Linux.
"""

import sys
from pathlib import Path

import numpy as np
from ring_lattice import BLOCK_ROWS, Usage, parser_of, tell

from skdse import DiffusionSpectralEntropy

N_FEATURES, N_LATENT, N_CLUSTERS, NOISE = 16, 8, 10, 0.05


def samples(n, folder):
    """The samples, as a memory map of a file in the folder."""
    path = Path(folder) / f"sheet_{n}.npy"
    if not path.exists():
        rng = np.random.default_rng(0)
        centers = 3 * rng.normal(size=(N_CLUSTERS, N_FEATURES))
        planes = rng.normal(size=(N_CLUSTERS, N_LATENT, N_FEATURES)) / N_LATENT**0.5
        X = np.lib.format.open_memmap(path, "w+", np.float32, (n, N_FEATURES))
        for start in range(0, n, BLOCK_ROWS):
            m = min(BLOCK_ROWS, n - start)
            cluster, latent = (
                rng.integers(N_CLUSTERS, size=m),
                rng.normal(size=(m, N_LATENT)),
            )
            part = NOISE * rng.normal(size=(m, N_FEATURES))
            for i in range(N_CLUSTERS):
                own = cluster == i
                part[own] += latent[own] @ planes[i] + centers[i]
            X[start : start + m] = part
        X.flush()
    return np.load(path, mmap_mode="r")


def main():
    """Measure, tell, and compare with the limits."""
    parser = parser_of(__doc__, 10_000_000)
    args = parser.parse_args()
    if args.folder is None:
        parser.error("--folder is needed: the samples lie in a file there")
    X = samples(args.n_samples, args.folder)
    dse = DiffusionSpectralEntropy(
        affinity="nearest_neighbors", tol=args.tol, random_state=0, verbose=1
    )
    with Usage() as usage:
        dse.fit(X)
    row = {
        "job": "samples in a file, with search",
        "n_samples": len(X),
        "tol": args.tol,
        **usage.row(),
        "value": f"{dse.entropy_:.6f}",
        "std_error": f"{dse.entropy_std_error_:.1e}",
        "error": "",
    }
    tell(row, args.csv)
    sys.exit(1 if usage.exceeds(args) else 0)


if __name__ == "__main__":
    main()
