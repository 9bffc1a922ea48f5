"""Entropy of all pairs on a Dask cluster of this machine, beside one process.

    python doc/benchmarks/cluster.py [--samples 20000] [--features 64] [--rounds 3]

Ten Gaussian clusters; defaults of DiffusionSpectralEntropy. One process with as many
threads of the linear algebra as there are workers, and workers of one core each,
measure in turn. Beside seconds on the clock stand those of the processor, of all
processes together, which other work on the machine disturbs less. The bytes are what
workers sent, by their own count. All go to cluster.csv.
"""

import argparse
import csv
import statistics
import time
from datetime import date
from pathlib import Path

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
from threadpoolctl import threadpool_limits

from skdse import DiffusionSpectralEntropy

HEADER = (
    "samples",
    "features",
    "where",
    "seconds",
    "seconds_min",
    "seconds_max",
    "processor_seconds",
    "mib_sent_by_workers",
    "value",
    "std_error",
    "rounds",
    "measured",
)


def clusters(n_samples, n_features):
    """Samples of ten Gaussian clusters, in float32."""
    rng = np.random.default_rng(0)
    centers = 2 * rng.normal(size=(10, n_features))
    X = centers[rng.integers(10, size=n_samples)]
    return (X + rng.normal(size=X.shape)).astype(np.float32)


def usage(dask_worker):
    """Seconds of the processor that a worker has taken, and bytes it has sent."""
    return time.process_time(), dask_worker.transfer_outgoing_bytes_total


def on_workers(client):
    """Seconds and bytes of all workers together."""
    if client is None:
        return np.zeros(2)
    return np.sum(list(client.run(usage).values()), axis=0)


def measured(X, client=None):
    """Seconds, seconds of the processor, bytes sent, entropy and its error."""
    dse = DiffusionSpectralEntropy(random_state=0)
    before = on_workers(client)
    start, processor = time.perf_counter(), time.process_time()
    dse.fit(X)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    of_workers, n_bytes = on_workers(client) - before
    numbers = seconds, processor + of_workers, n_bytes / 2**20
    return (*numbers, dse.entropy_, dse.entropy_std_error_)


def rows(args):
    """Measure in turn, and yield a row for each place."""
    X = clusters(args.samples, args.features)
    found = {"one process": [], f"{args.workers} workers": []}
    one, several = found
    options = {"host": "127.0.0.1", "dashboard_address": None}
    size = {"n_workers": args.workers, "threads_per_worker": 1}
    with LocalCluster(processes=True, **size, **options) as cluster:
        with Client(cluster) as client, threadpool_limits(args.workers):
            client.wait_for_workers(args.workers)
            array = da.from_array(X, chunks=(args.samples // 4, -1))
            measured(array[: args.samples // 3], client)  # imports
            for _ in range(args.rounds):
                found[one].append(measured(X))
                found[several].append(measured(array, client))
    for where, results in found.items():
        seconds, processor, sent, values, errors = zip(*results, strict=True)
        yield {
            "samples": args.samples,
            "features": args.features,
            "where": where,
            "seconds": round(statistics.median(seconds), 2),
            "seconds_min": round(min(seconds), 2),
            "seconds_max": round(max(seconds), 2),
            "processor_seconds": round(statistics.median(processor), 2),
            "mib_sent_by_workers": round(statistics.median(sent), 1),
            "value": round(values[0], 6),
            "std_error": round(errors[0], 6),
            "rounds": args.rounds,
            "measured": date.today().isoformat(),
        }


def main():
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", default=Path(__file__).with_name("cluster.csv"))
    args = parser.parse_args()
    with open(args.out, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        for row in rows(args):
            print(row)
            writer.writerow(row)


if __name__ == "__main__":
    main()
