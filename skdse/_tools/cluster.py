"""Work on the Dask cluster of the current client, and arrays that are computed there.

Nothing here imports Dask before somebody else has: without a client in this process
there is no cluster. A task is a function of arguments that its worker can have again
after another one was killed: arrays are computed again, and values that the client
sent come once more from the scheduler.
"""

import sys
from dataclasses import dataclass

import array_api_compat as compat
from sklearn import get_config

from .parallel import in_a_dask_worker, large_graphs_allowed, run_alone, same
from .validation import available_memory


def cluster_for(X):
    """Cluster that an array is computed on, None where that is this process alone.

    It is that of the current client, for an array of Dask.
    """
    if not compat.is_dask_array(X) or "distributed" not in sys.modules:
        return None
    from distributed import Client

    try:
        client = Client.current()
    except ValueError:  # there is none
        return None
    return None if in_a_dask_worker() else Cluster(client)


def check_fits_here(X):
    """Raise where an array of Dask, computed, would not fit in this process."""
    if not compat.is_dask_array(X):
        return
    if not X.nbytes < available_memory():  # or nobody knows
        raise MemoryError(
            f"X of {X.nbytes / 2**30:.1f} GiB does not fit in the memory of this "
            "process. Measure it on a cluster: make a distributed.Client (pip install "
            "'skdse[dask]') before, and use affinity='gaussian', 'laplacian' or "
            "'nearest_neighbors'. Or pass a subsample of its rows."
        )


@dataclass(frozen=True)
class LazyBlock:
    """Block of an array that each task computes for itself: nobody keeps it."""

    array: object

    def load(self):
        """Compute it, in the thread of the task."""
        return self.array.compute(scheduler="synchronous")


class Cluster:
    """The workers of a client.

    Parameters
    ----------
    client : distributed.Client
        The client.
    """

    def __init__(self, client):
        self.client = client

    def memory(self):
        """Bytes of memory that all workers together may take."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        limits = [worker["memory_limit"] or 0 for worker in workers]
        if all(limits):
            return sum(limits)
        return sum(self.client.run(available_memory).values())

    def send(self, values):
        """Futures of values, which a worker gets again where another one is killed."""
        with large_graphs_allowed():
            return self.client.map(same, values, pure=False)

    def map(self, function, *columns):
        """Futures of function(*arguments), each on one core.

        Arguments may be futures, or lists of them.
        """
        config, n = get_config(), len(columns[0])
        with large_graphs_allowed():
            return self.client.map(
                run_alone, [config] * n, [function] * n, *columns, pure=False
            )

    def spread(self, function, sizes, *columns):
        """The same, on all workers alike by the sizes of what is to be kept there.

        Where a worker is killed, others take what was its own.
        """
        workers = list(self.client.scheduler_info(n_workers=-1)["workers"])
        config, tasks = get_config(), list(zip(*columns, strict=True))
        futures = [None] * len(tasks)
        for worker, own in zip(workers, shares(sizes, len(workers)), strict=True):
            if not own:
                continue
            with large_graphs_allowed():
                found = self.client.map(
                    run_alone,
                    [config] * len(own),
                    [function] * len(own),
                    *map(list, zip(*(tasks[i] for i in own), strict=True)),
                    workers=[worker],
                    allow_other_workers=True,
                    pure=False,
                )
            for i, future in zip(own, found, strict=True):
                futures[i] = future
        return futures

    def compute(self, arrays):
        """Futures of arrays of Dask."""
        with large_graphs_allowed():
            return self.client.compute(arrays)

    def results(self, futures, tell=None):
        """What the futures come to, in their order; tell is called as each comes."""
        if tell is not None:
            from distributed import as_completed

            for _ in as_completed(futures, loop=self.client.loop):
                tell()
        return self.client.gather(futures)


def shares(sizes, n_shares):
    """Numbers of the sizes in each of some shares, that are alike in their sums."""
    found, sums = [[] for _ in range(n_shares)], [0.0] * n_shares
    for i in sorted(range(len(sizes)), key=lambda i: (-sizes[i], i)):
        least = sums.index(min(sums))
        found[least].append(i)
        sums[least] += sizes[i]
    return found


def lazy_block(array):
    """Array of Dask that tasks compute for themselves, with its own part of a graph."""
    import dask

    return LazyBlock(dask.optimize(array)[0])


def loaded(block):
    """Block as an array, in a task."""
    return block.load() if isinstance(block, LazyBlock) else block
