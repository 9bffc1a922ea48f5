"""Entropy of a ring lattice with tens of millions of samples, against its closed form.

    python doc/benchmarks/ring_lattice.py --n-samples 10000000
    python doc/benchmarks/ring_lattice.py --n-samples 50000000 --folder DIR --tol 2e-3

Sample i sees itself and seven neighbours on either side of a ring, with Gaussian
weights: 15 entries in each row. The rows are rotations of each other, so that the
eigenvalues are the Fourier transform of a row. Without a folder the graph is made in
memory; with one its CSR arrays are written there (unless they are there already) and
read as memory maps. With a limit that is exceeded, the exit status is 1.

Memory is that of the process, sampled while it fits: anonymous pages, which only the
process itself can free, and pages of files, which the system can drop and read again.
Resident memory is the sum of both. Needs Linux.
"""

import argparse
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from skdse import DiffusionSpectralEntropy

REACH = 7
OFFSETS = np.arange(-REACH, REACH + 1)
WEIGHTS = np.exp(-0.5 * (OFFSETS / 4) ** 2).astype(np.float32)
PARTS = ("data", "indices", "indptr")
BLOCK_ROWS = 2**20
GIB = 2**30


def rows(start, stop, n):
    """Data and indices of some rows of the lattice, columns in ascending order."""
    columns = (np.arange(start, stop)[:, None] + OFFSETS) % n
    weights = np.broadcast_to(WEIGHTS, columns.shape)
    order = np.argsort(columns, axis=1)
    data = np.take_along_axis(weights, order, axis=1)
    columns = np.take_along_axis(columns, order, axis=1)
    return data.ravel(), columns.astype(np.int32).ravel()


def fill(data, indices, indptr, n):
    """Write the arrays of the lattice, some rows at a time."""
    width = len(OFFSETS)
    indptr[:] = np.arange(0, width * n + 1, width)
    for start in range(0, n, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, n)
        part = slice(width * start, width * stop)
        data[part], indices[part] = rows(start, stop, n)


def lattice(n, folder=None):
    """The lattice in CSR format, in memory or as memory maps of files in a folder."""
    sizes, width = (n * len(OFFSETS), n * len(OFFSETS), n + 1), len(OFFSETS)
    dtypes = (np.float32, np.int32, np.int32 if width * n < 2**31 else np.int64)
    if folder is None:
        arrays = [
            np.empty(size, dtype) for size, dtype in zip(sizes, dtypes, strict=True)
        ]
        fill(*arrays, n)
    else:
        paths = [Path(folder) / f"ring_{n}_{part}.npy" for part in PARTS]
        if not paths[-1].exists():
            new = np.lib.format.open_memmap
            arrays = [
                new(path, "w+", dtype, (size,))
                for path, dtype, size in zip(paths, dtypes, sizes, strict=True)
            ]
            fill(*arrays, n)
            del arrays
        arrays = [np.load(path, mmap_mode="r") for path in paths]
    return sp.csr_array(tuple(arrays), shape=(n, n))


def exact_entropy(n):
    """Entropy at t = 1 of the eigenvalues Σ_j w_j cos(2π j k / n) / Σ_j w_j [bits]."""
    weights, total, information = WEIGHTS.astype(float), 0.0, 0.0
    for start in range(0, n, BLOCK_ROWS):
        angles = 2 * np.pi / n * np.arange(start, min(start + BLOCK_ROWS, n))
        sums = sum(
            w * np.cos(j * angles) for j, w in zip(OFFSETS, weights, strict=True)
        )
        sizes = np.maximum(np.abs(sums) / weights.sum(), np.finfo(float).tiny)
        total += sizes.sum()
        information -= (sizes * np.log2(sizes)).sum()
    return np.log2(total) + information / total


class MemoryWatch:
    """Context that samples the memory of this process [bytes].

    Attributes
    ----------
    anonymous, of_files, resident : int
        Largest of each so far; resident is the largest sum.
    """

    def __enter__(self):
        self.anonymous = self.of_files = self.resident = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._is_over.set()
        self._thread.join()

    def _watch(self):
        while not self._is_over.wait(0.05):
            lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
            fields = dict(line.split(":", 1) for line in lines)
            names = ("RssAnon", "RssFile", "VmRSS")
            anonymous, of_files, resident = (
                int(fields[name].split()[0]) * 1024 for name in names
            )
            self.anonymous = max(self.anonymous, anonymous)
            self.of_files = max(self.of_files, of_files)
            self.resident = max(self.resident, resident)


def main():
    """Measure, print, and compare with the limits."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-samples", type=int, default=10_000_000)
    parser.add_argument("--folder", help="where the arrays are kept, as memory maps")
    parser.add_argument("--tol", type=float, default=1e-3)
    parser.add_argument("--max-error", type=float, default=2e-3)
    parser.add_argument("--max-seconds", type=float, default=np.inf)
    parser.add_argument("--max-gib", type=float, default=np.inf)
    args = parser.parse_args()
    n = args.n_samples
    G = lattice(n, args.folder)
    dse = DiffusionSpectralEntropy(
        affinity="precomputed", tol=args.tol, random_state=0, verbose=1
    )
    start, used = time.perf_counter(), sum(os.times()[:2])
    with MemoryWatch() as memory:
        dse.fit(G)
    seconds, used = time.perf_counter() - start, sum(os.times()[:2]) - used
    error, load = dse.entropy_ - exact_entropy(n), os.getloadavg()[1]
    resident, told = memory.resident / GIB, dse.entropy_std_error_
    print(f"{n} samples, {G.nnz} entries, tol={args.tol:g}")
    print(f"{seconds:.0f} s, {used:.0f} s of processors, load {load:.1f}")
    print(
        f"resident {resident:.2f} GiB at most: anonymous "
        f"{memory.anonymous / GIB:.2f}, files {memory.of_files / GIB:.2f}"
    )
    print(f"{dse.entropy_:.6f} bits, error {error:.1e}, told {told:.1e}")
    is_good = abs(error) <= args.max_error and seconds <= args.max_seconds
    sys.exit(0 if is_good and resident <= args.max_gib else 1)


if __name__ == "__main__":
    main()
