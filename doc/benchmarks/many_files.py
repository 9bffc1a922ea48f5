"""A report of many files, beside the sum of what it measures, and its memory.

    python doc/benchmarks/many_files.py [--labels] [--n-files 100] [--max-ratio 1.1]

Each file has ten clusters in float32, farther apart from one file to the next, as from
one epoch to the next. ``skdse report`` measures the folder in a process of its own,
with ``--out``. Its time on the clock, from start to end, is compared with the sum of
the column "seconds" of its rows: what is added is the start, reading, digests and the
file of results. Memory is the largest resident one of the process, pages of files
included. With a limit that is exceeded, the exit status is 1. Needs Linux or macOS.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from ring_lattice import GIB, tell

# The unit of ru_maxrss.
RSS_BYTES = 1 if sys.platform == "darwin" else 1024


def write_files(folder, n_files, n_samples, n_features):
    """Write a file for each epoch, and the labels beside their folder."""
    (folder / "run").mkdir()
    labels = np.arange(n_samples) % 10
    np.save(folder / "y.npy", labels)
    for epoch in range(n_files):
        rng = np.random.default_rng(epoch)
        centers = (1 + epoch / n_files) * rng.normal(size=(10, n_features))
        X = centers[labels] + rng.normal(size=(n_samples, n_features))
        np.save(folder / "run" / f"epoch{epoch}.npy", X.astype(np.float32))


def report(folder, with_labels):
    """Rows of a report in a process of its own, and its seconds on the clock."""
    command = [sys.executable, "-m", "skdse", "report", "run", "--json"]
    command += ["--out", "results.csv", *(["--labels", "y.npy"] * with_labels)]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout), time.perf_counter() - start


def measured(args):
    """Row of the table."""
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        sizes = args.n_files, args.n_samples, args.n_features
        write_files(Path(folder), *sizes)
        rows, seconds = report(Path(folder), args.labels)
    of_measures = sum(row["seconds"] for row in rows)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * RSS_BYTES
    return {
        "files": len(rows),
        "samples": args.n_samples,
        "features": args.n_features,
        "measures": "DSE, both forms of DSMI" if args.labels else "DSE",
        "seconds": round(seconds, 3),
        "measuring": round(of_measures, 3),
        "ratio": round(seconds / of_measures, 3),
        "resident_gib": round(peak / GIB, 2),
        "load": round(os.getloadavg()[1], 1),
    }


def main():
    """Measure, tell, and compare with the limits."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-files", type=int, default=100)
    parser.add_argument("--n-samples", type=int, default=10_000)
    parser.add_argument("--n-features", type=int, default=256)
    parser.add_argument("--labels", action="store_true", help="measure DSMI, too")
    parser.add_argument("--folder", help="where the files are, for the time being")
    parser.add_argument("--max-ratio", type=float, default=np.inf)
    parser.add_argument("--max-gib", type=float, default=np.inf)
    parser.add_argument("--csv", help="file to which the results are appended")
    args = parser.parse_args()
    row = measured(args)
    tell(row, args.csv)
    is_over = row["ratio"] > args.max_ratio or row["resident_gib"] > args.max_gib
    sys.exit(1 if is_over else 0)


if __name__ == "__main__":
    main()
