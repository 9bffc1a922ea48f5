"""Time and recall of searches for 15 neighbours, each in a process of its own.

    python doc/benchmarks/neighbors.py --data-home DIR

writes neighbors.csv beside this file. Exact searches of many points are timed on a part
of the rows, whose time is multiplied. The search of skdse is what
``DiffusionSpectralEntropy(affinity="nearest_neighbors", verbose=1)`` tells. faiss is
measured where it is installed (pip install faiss-cpu).
"""

import argparse
import contextlib
import csv
import io
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import jobs
import numpy as np

K, N_ROWS, N_CHECKED = 15, 2000, 300
COLUMNS = ("data", "n", "d", "search", "seconds", "first_seconds", "recall")
DATA = {
    "sheet_20000": jobs.sheet(20_000),
    "sheet_100000": jobs.sheet(100_000),
    "sheet_1000000": jobs.sheet(1_000_000),
    "mnist_20000": jobs.images_only(jobs.mnist("train", 20_000)),
    "mnist_60000": jobs.images_only(jobs.mnist("train")),
    "blobs_100000": lambda quick, home: jobs.blobs(100_000, 64, 10)(quick, home)[:1],
    "cube_100000": jobs.uniform(100_000, 8),
}


def exact(X, rows):
    """Neighbours of some rows, themselves left out, from all distances."""
    from sklearn.metrics import pairwise_distances_chunked

    def nearest(D, start):
        return np.argsort(D, axis=1)[:, 1 : K + 1]

    found = pairwise_distances_chunked(X[rows], X, reduce_func=nearest)
    return np.concatenate(list(found))


def sklearn_brute(X):
    """All distances, by scikit-learn."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(algorithm="brute").fit(X)
    return _of_some_rows(X, lambda rows: search.kneighbors(X[rows], K + 1)[1])


def sklearn_tree(X):
    """KD tree of scikit-learn."""
    from sklearn.neighbors import KDTree

    tree = KDTree(X)
    return _of_some_rows(X, lambda rows: tree.query(X[rows], K + 1)[1])


def scipy_tree(X):
    """KD tree of SciPy."""
    from scipy.spatial import KDTree

    tree, workers = KDTree(X), jobs.n_threads()
    return _of_some_rows(X, lambda rows: tree.query(X[rows], K + 1, workers=workers)[1])


def pynndescent(X):
    """Approximate, compiled in each process."""
    from pynndescent import NNDescent

    return NNDescent(X, n_neighbors=K + 1, random_state=0).neighbor_graph[0], 1.0


def _faiss(index):
    """Search of an index of faiss, given as its factory string."""

    def search(X):
        import faiss

        X = np.ascontiguousarray(X, dtype=np.float32)
        made = faiss.index_factory(X.shape[1], index.format(int(len(X) ** 0.5)))
        made.train(X)
        made.add(X)
        if index.startswith("IVF"):
            made.nprobe = 16
        if index == "Flat":
            return _of_some_rows(X, lambda rows: made.search(X[rows], K + 1)[1])
        return made.search(X, K + 1)[1], 1.0

    return search


SEARCHES = {
    "scikit-learn brute": sklearn_brute,
    "scikit-learn KD tree": sklearn_tree,
    "SciPy KD tree": scipy_tree,
    "pynndescent": pynndescent,
    "faiss Flat": _faiss("Flat"),
    "faiss IVF, 16 cells": _faiss("IVF{},Flat"),
    "faiss HNSW32": _faiss("HNSW32"),
    "skdse": None,
}


def _of_some_rows(X, search):
    """Neighbours of the first rows, and by how much all rows are more."""
    n = min(len(X), N_ROWS)
    return search(slice(0, n)), len(X) / n


def of_skdse(X):
    """Seconds and recall that skdse tells of its search."""
    from skdse import DiffusionSpectralEntropy

    told = io.StringIO()
    dse = DiffusionSpectralEntropy(
        affinity="nearest_neighbors", n_neighbors=K, random_state=0, verbose=1
    )
    with contextlib.redirect_stderr(told):
        dse.fit(X)
    pattern = r"found neighbors in ([\d.]+) s by (\w+), recall ([\d.]+)"
    seconds, name, recall = re.search(pattern, told.getvalue()).groups()
    return float(seconds), float(recall), f"skdse {name}"


def measure(data, name, quick, data_home):
    """Row of the table."""
    (X,) = DATA[data](quick, data_home)
    rows = np.arange(min(N_CHECKED, len(X)))
    if name == "skdse":
        first, recall, name = of_skdse(X)
        seconds = first
    else:
        start = time.perf_counter()
        found, share = SEARCHES[name](X)
        first = (time.perf_counter() - start) * share
        start = time.perf_counter()
        if name == "pynndescent":  # what the second call in a process takes
            SEARCHES[name](X)
        seconds = time.perf_counter() - start if name == "pynndescent" else first
        near = exact(X, rows)
        hits = (found[rows][:, :, None] == near[:, None, :]).any(axis=1)
        recall = float(hits.mean())
    return dict(
        zip(COLUMNS, (data, *X.shape, name, seconds, first, recall), strict=True)
    )


def main():
    """Run the measurements and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-home", help="folder with mnist.npz")
    parser.add_argument("--quick", action="store_true", help="small data, a trial")
    parser.add_argument("--only", nargs="*", default=list(DATA), help="names of data")
    parser.add_argument("--searches", nargs="*", default=list(SEARCHES))
    parser.add_argument("--out", default=Path(__file__).with_suffix(".csv"))
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(measure(*options.worker, options.quick, options.data_home)))
        return
    rows = [
        row
        for data in options.only
        for name in options.searches
        if (row := _in_process(data, name, options)) is not None
    ]
    with open(options.out, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({k: jobs.rounded(v) for k, v in row.items()} for row in rows)


def _in_process(data, name, options):
    """Row measured in a fresh process, or None where a library is missing."""
    command = [sys.executable, __file__, "--worker", data, name]
    command += ["--quick"] if options.quick else []
    command += ["--data-home", options.data_home] if options.data_home else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"{data}, {name}: {done.stderr.splitlines()[-1]}", file=sys.stderr)
        return None
    print(done.stdout.strip(), file=sys.stderr, flush=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
