"""Independent tasks in parallel, with the same bits however many run at once.

BLAS gives other last digits with other numbers of threads. So each task runs BLAS on
one thread, and the tasks take the cores instead.
"""

from concurrent.futures import ThreadPoolExecutor

# Not sklearn.utils.parallel: in threads, its delayed resets the warning filters of the
# whole process, in each thread at its own time, and leaves them changed.
from joblib import Parallel, delayed, effective_n_jobs
from sklearn import config_context, get_config
from threadpoolctl import threadpool_info, threadpool_limits


def run_tasks(function, tasks, n_jobs=None):
    """List of function(*task) for each task, in threads or as parallel_config says."""
    if n_jobs is None and effective_n_jobs(None) == 1:
        # Nobody set it: as many cores as BLAS would have taken.
        n_jobs = n_threads()
    config = get_config()
    with threadpool_limits(1):
        # Threads, not processes: the samples are shared, and LAPACK, matrix products
        # and exponentials let other threads run.
        return Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(_run_alone)(config, function, *task) for task in tasks
        )


def map_threads(function, items):
    """List of function(item) for each item, in as many threads as BLAS would take.

    For the parts of one task: always in this process.
    """
    n_workers = min(n_threads(), len(items))
    if n_workers == 1:
        return [function(item) for item in items]
    with threadpool_limits(1), ThreadPoolExecutor(n_workers) as executor:
        return list(executor.map(function, items))


def n_threads():
    """Threads that the linear algebra would take."""
    return max((pool["num_threads"] for pool in threadpool_info()), default=1)


def _run_alone(config, function, *task):
    """Run a task with its thread pools limited, wherever it landed."""
    with config_context(**config), threadpool_limits(1):
        return function(*task)
