"""Time and recall of searches for 15 neighbours, each in a process of its own.

    python doc/benchmarks/neighbors.py --data-home DIR
    python doc/benchmarks/neighbors.py --only "blobs_*" --searches "faiss *" --add

writes neighbors.csv beside this file. Searches of many points are timed on a part of
the rows, whose time is multiplied; what is made before, as a tree or cells, is timed as
a whole. What takes longer than the limit is noted as such. The search of skdse is what
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
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import jobs
import numpy as np
from scipy import spatial
from sklearn import neighbors
from sklearn.metrics import pairwise_distances_chunked

K, N_CHECKED = 15, 300
# Rows that are timed: of exact searches, and of approximate ones.
EXACT_ROWS, ROWS = 2000, 20_000
COLUMNS = ("data", "n", "d", "search", "seconds", "first_seconds", "recall")
SIZES = [(n, d) for n in (20_000, 100_000, 1_000_000) for d in (64, 768)]
DATA = {
    **{f"sheet_{n}_{d}": jobs.sheet(n, d) for n, d in SIZES},
    **{
        f"blobs_{n}_{d}": jobs.images_only(jobs.blobs(n, d, 10))
        for n, d in SIZES
        if n <= 100_000
    },
    "mnist_20000": jobs.images_only(jobs.mnist("train", 20_000)),
    "mnist_60000": jobs.images_only(jobs.mnist("train")),
    "cube_100000": jobs.uniform(100_000, 8),
}


def exact(X, rows):
    """Neighbours of some rows, themselves left out, from all distances."""

    def nearest(D, start):
        return np.argsort(D, axis=1)[:, 1 : K + 1]

    found = pairwise_distances_chunked(X[rows], X, reduce_func=nearest)
    return np.concatenate(list(found))


def sklearn_brute(X):
    """All distances, by scikit-learn."""
    search = neighbors.NearestNeighbors(algorithm="brute").fit(X)
    return lambda rows: search.kneighbors(X[rows], K + 1, return_distance=False)


def sklearn_tree(X):
    """KD tree of scikit-learn."""
    tree = neighbors.KDTree(X)
    return lambda rows: tree.query(X[rows], K + 1, return_distance=False)


def scipy_tree(X):
    """KD tree of SciPy."""
    tree, workers = spatial.KDTree(X), jobs.n_threads()
    return lambda rows: tree.query(X[rows], K + 1, workers=workers)[1]


def pynndescent(X):
    """Approximate, compiled in each process; it looks for all rows as it is made."""
    from pynndescent import NNDescent

    found = NNDescent(X, n_neighbors=K + 1, random_state=0).neighbor_graph[0]
    return lambda rows: found[rows]


def _faiss(factory):
    """Search of an index of faiss, given as its factory string."""

    def search(X):
        import faiss

        X = np.ascontiguousarray(X, dtype=np.float32)
        index = faiss.index_factory(X.shape[1], factory.format(int(len(X) ** 0.5)))
        index.train(X)
        index.add(X)
        if factory.startswith("IVF"):
            index.nprobe = 16
        return lambda rows: index.search(X[rows], K + 1)[1]

    return search


# Each makes, from X, the function that finds the neighbours of some rows; and the rows
# that it is timed on.
SEARCHES = {
    "scikit-learn brute": (sklearn_brute, EXACT_ROWS),
    "scikit-learn KD tree": (sklearn_tree, EXACT_ROWS),
    "SciPy KD tree": (scipy_tree, EXACT_ROWS),
    "pynndescent": (pynndescent, ROWS),
    "faiss Flat": (_faiss("Flat"), EXACT_ROWS),
    "faiss IVF, 16 cells": (_faiss("IVF{},Flat"), ROWS),
    "faiss HNSW32": (_faiss("HNSW32"), ROWS),
    "skdse": None,
}


def timed(search, X, n_rows):
    """Seconds for all rows, and neighbours of the first ones."""
    n = min(len(X), n_rows)
    start = time.perf_counter()
    find = search(X)
    made = time.perf_counter()
    found = find(slice(0, n))
    return made - start + (time.perf_counter() - made) * len(X) / n, found


def of_skdse(X):
    """Seconds and recall that skdse tells of its search."""
    from skdse import DiffusionSpectralEntropy

    told = io.StringIO()
    dse = DiffusionSpectralEntropy(
        affinity="nearest_neighbors", n_neighbors=K, tol=0.1, random_state=0, verbose=1
    )
    with contextlib.redirect_stderr(told):
        dse.fit(X)
    pattern = r"found neighbors in ([\d.]+) s by (\w+), recall ([\d.]+)"
    seconds, name, recall = re.search(pattern, told.getvalue()).groups()
    return float(seconds), float(recall), f"skdse {name}"


def measure(data, name, quick, data_home):
    """Row of the table."""
    (X,) = DATA[data](quick, data_home)
    if name == "skdse":
        seconds, recall, name = of_skdse(X)
        first = seconds
    else:
        search, n_rows = SEARCHES[name]
        if name.startswith("faiss"):
            import_module("faiss")  # not timed, as all that is compiled ahead
        first, found = timed(search, X, n_rows)
        seconds = first
        if name == "pynndescent":  # what the second call in a process takes
            seconds, found = timed(search, X, n_rows)
        rows = np.arange(min(N_CHECKED, len(X)))
        near = exact(X, rows)
        hits = (found[rows][:, :, None] == near[:, None, :]).any(axis=1)
        recall = float(hits.mean())
    row = (data, *X.shape, name, seconds, first, recall)
    return {k: jobs.rounded(v) for k, v in zip(COLUMNS, row, strict=True)}


def main():
    """Run the measurements and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-home", help="folder with mnist.npz")
    parser.add_argument("--quick", action="store_true", help="small data, a trial")
    parser.add_argument("--only", default="*", help="names of data, with * and ?")
    parser.add_argument("--searches", default="*", help="names, with * and ?")
    parser.add_argument("--limit", type=float, default=300, help="seconds a row")
    parser.add_argument("--add", action="store_true", help="keep the rows of the file")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(measure(*options.worker, options.quick, options.data_home)))
        return
    rows = _rows_of(options.out) if options.add else {}
    for data in filter(lambda name: fnmatch(name, options.only), DATA):
        for name in filter(lambda name: fnmatch(name, options.searches), SEARCHES):
            if (row := _in_process(data, name, options)) is not None:
                rows[_key(row)] = row
                _write(rows, options.out)


def _key(row):
    """What a row is of; the order of the data, the sizes and the searches."""
    return list(DATA).index(row["data"]), row["search"]


def _rows_of(path):
    """Rows of a table that is there."""
    with open(path, newline="", encoding="utf-8") as file:
        return {_key(row): row for row in csv.DictReader(file)}


def _write(rows, path):
    """Write the table."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows[key] for key in sorted(rows))


def _in_process(data, name, options):
    """Row measured in a fresh process, or None where a library is missing."""
    command = [sys.executable, __file__, "--worker", data, name]
    command += ["--quick"] if options.quick else []
    command += ["--data-home", options.data_home] if options.data_home else []
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=options.limit
        )
    except subprocess.TimeoutExpired:
        size = dict(zip(("n", "d"), data.split("_")[1:], strict=False))
        row = {"data": data, "search": name, "seconds": f"> {options.limit:.0f}"}
        return dict.fromkeys(COLUMNS, "") | size | row
    if done.returncode:
        print(f"{data}, {name}: {done.stderr.splitlines()[-1:]}", file=sys.stderr)
        return None
    print(done.stdout.strip(), file=sys.stderr, flush=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
