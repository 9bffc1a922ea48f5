"""Entropy of the kNN graph of samples in a file, the search for neighbours included.

    python doc/benchmarks/mapped_samples.py --folder DIR --n-samples 1000000

The samples are float32, of 16 features: ten clusters on an 8-dimensional sheet, with a
little noise. They are written to the folder (unless they are there already) and read as
a memory map. With a limit that is exceeded, the exit status is 1. What is meant by
memory is said in `ring_lattice`. Needs Linux.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from ring_lattice import BLOCK_ROWS, GIB, MemoryWatch

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
    """Measure, print, and compare with the limits."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-samples", type=int, default=10_000_000)
    parser.add_argument("--folder", required=True, help="where the samples are kept")
    parser.add_argument("--tol", type=float, default=2e-3)
    parser.add_argument("--max-seconds", type=float, default=np.inf)
    parser.add_argument("--max-gib", type=float, default=np.inf)
    args = parser.parse_args()
    X = samples(args.n_samples, args.folder)
    dse = DiffusionSpectralEntropy(
        affinity="nearest_neighbors", tol=args.tol, random_state=0, verbose=1
    )
    start, used = time.perf_counter(), sum(os.times()[:2])
    with MemoryWatch() as memory:
        dse.fit(X)
    seconds, used = time.perf_counter() - start, sum(os.times()[:2]) - used
    resident, load = memory.resident / GIB, os.getloadavg()[1]
    print(f"{X.shape[0]} samples of {X.shape[1]} features, tol={args.tol:g}")
    print(f"{seconds:.0f} s, {used:.0f} s of processors, load {load:.1f}")
    print(
        f"resident {resident:.2f} GiB at most: anonymous "
        f"{memory.anonymous / GIB:.2f}, files {memory.of_files / GIB:.2f}"
    )
    print(f"{dse.entropy_:.6f} bits, told {dse.entropy_std_error_:.1e}")
    is_good = seconds <= args.max_seconds and resident <= args.max_gib
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
