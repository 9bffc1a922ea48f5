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
import csv
import os
import sys
import threading
import time
from datetime import date
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


class Usage(MemoryWatch):
    """Context that also takes the time, that of processors, and their load."""

    def __enter__(self):
        self._start, self._used = time.perf_counter(), sum(os.times()[:2])
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.seconds = time.perf_counter() - self._start
        self.processor_seconds = sum(os.times()[:2]) - self._used
        self.load = os.getloadavg()[1]

    def row(self):
        """What was used, as fields of a table."""
        return {
            "seconds": f"{self.seconds:.0f}",
            "processor_seconds": f"{self.processor_seconds:.0f}",
            "load": f"{self.load:.1f}",
            "resident_gib": f"{self.resident / GIB:.2f}",
            "anonymous_gib": f"{self.anonymous / GIB:.2f}",
            "files_gib": f"{self.of_files / GIB:.2f}",
        }

    def exceeds(self, args):
        """Whether a limit among the options is exceeded."""
        return self.seconds > args.max_seconds or self.resident > args.max_gib * GIB


def tell(row, path=None):
    """Print a row, and append it to a CSV file."""
    row = row | {"measured": date.today().isoformat()}
    for name, value in row.items():
        print(f"{name}: {value}")
    if path is None:
        return
    is_new = not Path(path).exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def parser_of(description, n_samples):
    """Parser of the options that benchmarks of many samples have in common."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--n-samples", type=int, default=n_samples)
    parser.add_argument("--folder", help="where the arrays are kept, as memory maps")
    parser.add_argument("--tol", type=float, default=1e-3)
    parser.add_argument("--max-seconds", type=float, default=np.inf)
    parser.add_argument("--max-gib", type=float, default=np.inf)
    parser.add_argument("--csv", help="file to which the results are appended")
    return parser


def main():
    """Measure, tell, and compare with the limits."""
    parser = parser_of(__doc__, 10_000_000)
    parser.add_argument("--max-error", type=float, default=2e-3)
    args = parser.parse_args()
    n = args.n_samples
    G = lattice(n, args.folder)
    dse = DiffusionSpectralEntropy(
        affinity="precomputed", tol=args.tol, random_state=0, verbose=1
    )
    with Usage() as usage:
        dse.fit(G)
    error = dse.entropy_ - exact_entropy(n)
    row = {
        "job": "ring lattice" + (" in files" if args.folder else ""),
        "n_samples": n,
        "tol": args.tol,
        **usage.row(),
        "value": f"{dse.entropy_:.6f}",
        "std_error": f"{dse.entropy_std_error_:.1e}",
        "error": f"{error:.1e}",
    }
    tell(row, args.csv)
    sys.exit(1 if abs(error) > args.max_error or usage.exceeds(args) else 0)


if __name__ == "__main__":
    main()
