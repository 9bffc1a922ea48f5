"""Independent tasks in parallel, with the same bits however many run at once.

BLAS gives other last digits with other numbers of threads. So each task runs BLAS on
one thread, and the tasks take the cores instead.
"""

import warnings
from collections import deque
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import starmap
from operator import length_hint
from threading import Thread, local

# Not sklearn.utils.parallel: in threads, its delayed resets the warning filters of the
# whole process, in each thread at its own time, and leaves them changed.
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import SequentialBackend, get_active_backend
from sklearn import config_context, get_config

from .pools import n_pool_threads, single_threaded
from .progress import Progress

# Threads that threads_for_maps keeps for map_threads, in each thread of its own.
_reserved = local()


def run_tasks(function, tasks, n_jobs=None, label="", verbose=0):
    """List of function(*task) for each task, in threads or as parallel_config says.

    Progress is shown under the label, if verbose.
    """
    tasks = list(tasks)
    backend, _ = get_active_backend()
    if type(backend).__name__ == "DaskDistributedBackend":
        return _run_on_dask(backend, function, tasks)
    run, n_workers = _by_joblib, n_jobs
    if n_jobs is None and effective_n_jobs(None) == 1:
        # Nobody set it: as many cores as BLAS would have taken.
        n_workers = min(n_threads(), max(len(tasks), 1))
        if n_workers > 1 and not isinstance(backend, SequentialBackend):
            run = _by_threads
    alone, results = partial(run_alone, get_config(), function), []
    shown = len(tasks), label, verbose
    with filters_kept(), single_threaded(), Progress(*shown) as progress:
        for result in run(alone, tasks, n_workers):
            results.append(result)
            progress.advance()
    return results


def _by_joblib(function, tasks, n_jobs):
    """Results of all tasks in order, in threads or as parallel_config says."""
    # Threads, not processes: the samples are shared, and LAPACK, matrix products
    # and exponentials let other threads run.
    parallel = Parallel(n_jobs, prefer="threads", return_as=_as_they_come())
    return parallel(delayed(function)(*task) for task in tasks)


def _by_threads(function, tasks, n_threads):
    """Yield the result of each task in order, from threads that do nothing else.

    glibc gives each thread a piece of memory, which stays as large as it was once and
    goes to threads to come. joblib's pool has three threads more than it has workers:
    work would wander from piece to piece, until all are large.

    The threads are daemons, for which an interrupted process does not wait.
    """
    futures = [Future() for _ in tasks]
    to_do = deque(zip(futures, tasks, strict=True))

    def work():
        while to_do:
            try:
                future, task = to_do.popleft()
            except IndexError:  # another thread was first
                return
            try:
                future.set_result(function(*task))
            except BaseException as error:
                to_do.clear()  # those before it have begun, and come first
                future.set_exception(error)

    threads = [Thread(target=work, daemon=True) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    try:
        for future in futures:
            yield future.result()
        for thread in threads:
            thread.join()  # before others take its memory
    finally:
        to_do.clear()


def iter_tasks(function, tasks, n_jobs=None, client=None):
    """Yield function(*task) for each task as it comes, in any order.

    One after the other in this process, on all cores; with n_jobs in as many
    processes, with a client on its Dask cluster, on one core each.
    """
    config = get_config()
    if client is not None:
        yield from _iter_on_dask(client, config, function, tasks)
    elif n_jobs is None:
        yield from starmap(function, tasks)
    else:
        # Processes: the tasks may change what threads share, like warning filters.
        parallel = Parallel(n_jobs, return_as=_as_they_come("generator_unordered"))
        yield from parallel(
            delayed(run_alone)(config, function, *task) for task in tasks
        )


def map_threads(function, items):
    """List of function(item) for each item, in as many threads as BLAS would take.

    For the parts of one task: always in this process.
    """
    # One item needs no look at the thread pools, which takes 20 ms the first time.
    n_workers = min(n_threads(), len(items)) if len(items) > 1 else 1
    if n_workers == 1:
        return [function(item) for item in items]
    with filters_kept(), single_threaded(), ThreadPoolExecutor(n_workers) as executor:
        return list(executor.map(function, items))


@contextmanager
def threads_for_maps():
    """Context in which map_threads has the threads and BLAS has one.

    For work that alternates between them: threads of BLAS keep a core busy for a
    while after their work is done.
    """
    before, _reserved.threads = getattr(_reserved, "threads", None), n_threads()
    try:
        with single_threaded():
            yield
    finally:
        _reserved.threads = before


def row_blocks(n_rows, size):
    """Slices of so many rows each, and of what is left.

    As scikit-learn's `gen_batches`, whose checks take a sixth of the time of a small
    set of samples.
    """
    starts = range(0, n_rows, size)
    return [slice(start, min(start + size, n_rows)) for start in starts]


def lower_tiles(blocks):
    """Rows and columns of the tiles of a lower triangle, by blocks of rows."""
    return [(a, b) for i, a in enumerate(blocks) for b in blocks[: i + 1]]


def n_threads():
    """Threads that the linear algebra would take."""
    reserved = getattr(_reserved, "threads", None)
    if reserved is not None:
        return reserved
    return n_pool_threads()


def filters_kept():
    """Context that puts the warning filters back as they were.

    Checks of arrays in scikit-learn change them for a moment; before Python 3.14 those
    of the whole process, and threads that do so at once leave them changed.
    """
    return warnings.catch_warnings()


def _as_they_come(generator="generator"):
    """How joblib's active backend can return results: one by one, or all at the end."""
    backend, _ = get_active_backend()
    # Without processes or threads, joblib itself goes one by one.
    one_by_one = isinstance(backend, SequentialBackend) or getattr(
        backend, "supports_return_generator", False
    )
    return generator if one_by_one else "list"


def run_alone(config, function, *task):
    """Run a task with its thread pools limited, wherever it landed."""
    with config_context(**config), single_threaded():
        return function(*task)


def _run_on_dask(backend, function, tasks):
    """List of function(*task) for each task, on the cluster of joblib's backend.

    joblib scatters large arguments, and one whose only holder dies is lost, with all
    tasks that wait for it. The result of a task Dask can make again.
    """
    client, config = backend.client, get_config()
    if not tasks or in_a_dask_worker():
        # A task that waited for others would keep them from its worker.
        return [run_alone(config, function, *task) for task in tasks]
    shared = [set(map(id, column)) for column in zip(*tasks, strict=True)]
    common = {i: tasks[0][i] for i, ids in enumerate(shared) if len(ids) == 1}
    with large_graphs_allowed():
        kept = client.submit(same, common, pure=False)
        futures = [
            client.submit(
                _run_completed,
                kept,
                config,
                function,
                [arg for i, arg in enumerate(task) if i not in common],
                pure=False,
            )
            for task in tasks
        ]
        return client.gather(futures)


def in_a_dask_worker():
    """Whether this runs as a task of a Dask cluster."""
    from distributed import get_worker

    try:
        return get_worker() is not None
    except ValueError:
        return False


def _iter_on_dask(client, config, function, tasks):
    """Yield function(*task) for each task as it comes from a Dask cluster."""
    from distributed import KilledWorker, as_completed

    with large_graphs_allowed():
        futures = [
            client.submit(run_alone, config, function, *task, pure=False)
            for task in tasks
        ]
    # The only references: results that have come need not outlive their worker.
    futures, waiting = None, as_completed(futures, loop=client.loop)
    for future in waiting:
        try:
            yield future.result()
        except KilledWorker as error:
            raise BrokenExecutor(str(error)) from error


def large_graphs_allowed():
    """Context in which Dask does not warn of arguments above 10 MB."""
    import dask

    return dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})


def same(value):
    """Return the value: what makes it again after its worker died."""
    return value


def _run_completed(common, config, function, rest):
    """Run a task, its arguments completed by those that all tasks have in common."""
    rest = iter(rest)
    n_args = len(common) + length_hint(rest)
    task = [common[i] if i in common else next(rest) for i in range(n_args)]
    return run_alone(config, function, *task)
